"""Writes parameters.md from the options' own declarations: `python docs/make_parameters.py` after a change to `dst.config`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

from cli_flags import CONFIGS, GROUPS, LISTS  # noqa: E402
from dst.config import PRESETS  # noqa: E402

LOOKS = {
    "size": "low: quick, broad strokes, soft detail; high: fine strokes, cost grows with the square",
    "seed": "another seed draws other samples: the same picture, other brush marks",
    "encoder": "compact: quick, close to VGG; vgg19, vgg16: the published look, many times slower",
    "weights": "needed where the encoder's weights are not at hand",
    "device": "a GPU does the same in a fraction of the time; bytes may differ from the CPU's",
    "geometry": "the bend follows this picture, the brush the style: two paintings in one",
    "style_weights": "equal: a mixture; 3,1: mostly the first, with a touch of the second",
    "protect": "white parts may move and turn as a whole, never bend; a soft rim of the mask counts as in from one half",
    "content_mask": "sky as sky, skin as skin; areas that have no partner in style_mask are refused",
    "style_mask": "the same colours as in content_mask, on the style",
    "preserve_color": "luminance: strokes in light and dark only, every hue the photograph's; histogram: strokes in the "
    "photograph's palette, hues may move",
    "color_only": "off: painted; on: the photograph, bent, in the painting's colours, within seconds",
    "init": "content: the photograph stays closest; noise, style: more of the painting, less of the layout",
    "pins": "one pin moves its surroundings; three or more can replace matching",
    "drop": "without a wrong pair the bend there goes away",
    "optimizer": "adam: settles soonest; rmsprop: wants more steps; sgd: the paper's choice, wants `--lr` near 0.2, `--warp-lr` near 5e-6 and more steps",
    "match_size": "low: few, rough matches; high: slower, and matches follow detail rather than shape",
    "max_points": "low: the bend follows the main proportions; high: every detail pulls",
    "clusters": "5 to 20 give a few well-spread points, good to edit by hand",
    "threshold": "low: points in flat background too; high: only the strongest structures",
    "spacing": "low: crowded points, tight bends; high: few points, a calm warp",
    "min_matches": "high: bends only where matching is plentiful",
    "warp_strength": "0: not bent; 1: as matched; 1.5 and more: caricature",
    "beta": "low: shapes hardly move; high: keypoints land on their targets, whatever the strokes want",
    "gamma": "low: sharp local bends; high: the whole picture shifts gently or not at all",
    "alpha": "low: the painting takes over; high: the photograph with a tint",
    "palette": "low: colours drift from the painting's; high: colours match before strokes do",
    "layers": "shallow ones (`relu1_1+relu2_1`): colour and fine strokes alone; deep ones (`relu4_1+relu5_1`): larger shapes",
    "style_strength": "0: the photograph, bent; high: as with a low alpha",
    "method": "strotss: strokes and texture in their places; gatys: texture all over",
    "alpha_growth": "high: layout is held while coarse, detail is free later",
    "smallest_scale": "low: large shapes may change colour; high: layout stays close to the photograph",
    "steps": "low: unfinished, blurred strokes; high: crisper, gains shrink quickly",
    "step_decay": "low: the finest scales are only touched up; 1: as many steps at every scale",
    "lr": "low: timid, close to the first guess; high: noisy, may stop being finite",
    "warp_lr": "0: the displacements stay as solved at the start",
    "lr_end": "low: settles; 1: keeps moving to the last step",
    "pyramid_levels": "1: colour moves slowly; high: colour moves at once",
    "samples": "low: quick and noisy; high: steady, slower",
    "style_samples": "low: parts of the painting may be missed; high: all of its palette counts",
}
"""What one sees at low and high values of each option."""


def value(given) -> str:
    if given is None:
        return "none"
    return f"{given:g}" if isinstance(given, float) else str(given)


def rows(group: str) -> list[str]:
    found = []
    for config in CONFIGS:
        for f in dataclasses.fields(config):
            if not f.metadata or f.metadata["group"] != group:
                continue
            meta = f.metadata
            if meta["choices"] is not None:
                allowed = ", ".join(f"`{choice}`" for choice in meta["choices"])
            elif meta["low"] is not None:
                allowed = f"{value(meta['low'])} to {value(meta['high'])}"
            else:
                allowed = ""
            flag = LISTS[f.name][0] if f.name in LISTS else "--" + f.name.replace("_", "-")
            cells = [f"`{flag}`", meta["help"], allowed, value(f.default), LOOKS[f.name]]
            found.append("| " + " | ".join(cells) + " |")
    return found


def text() -> str:
    parts = [
        "# Parameters",
        "Written by `python docs/make_parameters.py` from `dst/config/`, the only home of a default and a range. On the command\n"
        "line they are flags; in Python they are keywords of `dst.stylize` under the same name with underscores (`--pin` is\n"
        "`pins`).",
    ]
    groups = {f.metadata["group"] for config in CONFIGS for f in dataclasses.fields(config) if f.metadata}
    for group in [*GROUPS, *sorted(groups - set(GROUPS))]:
        head = "| flag | what it sets | range | default | what it looks like |\n|---|---|---|---|---|"
        parts.append(f"## {GROUPS.get(group, group).capitalize()}\n\n{head}\n" + "\n".join(rows(group)))
    presets = [
        f"| `{name}` | " + (", ".join(f"{k} {v}" for k, v in p.items()) or "as above") + " |"
        for name, p in PRESETS.items()
    ]
    parts.append("## Presets\n\n| `--preset` | what it changes |\n|---|---|\n" + "\n".join(presets))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (HOME / "parameters.md").write_text(text(), encoding="utf-8")
