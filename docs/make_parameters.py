"""Writes parameters.md from the options' own declarations: `python docs/make_parameters.py` after a change to `dst.config`."""

from __future__ import annotations

import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

from dst.cli.parsing import GROUPS, flag_of  # noqa: E402
from dst.config import METHODS, PRESETS, option_fields  # noqa: E402
from dst.config.kinds import Choice, Number  # noqa: E402

FILES = """## In a file

`--save-config recipe.toml` keeps the options in effect that differ from the preset's, and `--config recipe.toml` takes them
again. Names are those above with underscores (or dashes), and `preset`, `points` and `warp` may stand beside them; texts are
in quotes, lists are lists or the text of the command line, and files are relative to the file:

```toml
preset = "fast"
alpha = 4
pins = [[120, 80, 131, 92]]
layers = ["relu1_1", "relu2_1"]
rigid_mask = "mask.png"
warp = false
```

Flags win over the file, the file over the preset. The opposite flag overrides what a file turns on or off: `--warp`,
`--no-color-only`. A run's folder can be given too (`--config out/`): its settings and its preset are taken. In Python,
`dst.StylizeConfig.from_file("recipe.toml")` gives the config, and `dst.config.read_settings` the keywords of `stylize`."""


def value(given) -> str:
    if given is None:
        return "none"
    if isinstance(given, bool):
        return "on" if given else "off"
    return f"{given:g}" if isinstance(given, float) else str(given)


def rows(group: str) -> list[str]:
    found = []
    for f in option_fields().values():
        meta, kind = f.metadata, f.metadata["kind"]
        if meta["group"] == group:
            allowed = kind.allowed() if isinstance(kind, Number) else ""
            if isinstance(kind, Choice):
                allowed = ", ".join(f"`{name}`" for name in kind.names)
            cells = [f"`{flag_of(f)}`", meta["help"], allowed, value(f.default), meta["looks"]]
            found.append("| " + " | ".join(cells) + " |")
    return found


def text() -> str:
    parts = [
        "# Parameters",
        "Written by `python docs/make_parameters.py` from `dst/config/`, where every default and range is set. On the command line\n"
        "they are flags; in Python they are keywords of `dst.stylize` under the same name with underscores (`--pin` is `pins`).",
    ]
    groups = {f.metadata["group"] for f in option_fields().values()}
    for group in [*GROUPS, *sorted(groups - set(GROUPS))]:
        head = "| flag | what it sets | range | default | what it looks like |\n|---|---|---|---|---|"
        parts.append(f"## {GROUPS.get(group, group).capitalize()}\n\n{head}\n" + "\n".join(rows(group)))
    methods = [
        f"| `{name}` | {row.summary} | {row.compares} | {', '.join(f'{k} {v}' for k, v in row.defaults.items()) or 'as above'} |"
        for name, row in METHODS.items()
    ]
    head = "| `--method` | what it is | what it compares | defaults |\n|---|---|---|---|"
    parts.append(f"## Methods\n\n{head}\n" + "\n".join(methods))
    presets = [
        f"| `{name}` | " + (", ".join(f"{k} {v}" for k, v in p.items()) or "as above") + " |"
        for name, p in PRESETS.items()
    ]
    parts.append("## Presets\n\n| `--preset` | what it changes |\n|---|---|\n" + "\n".join(presets))
    return "\n\n".join([*parts, FILES]) + "\n"


if __name__ == "__main__":
    (HOME / "parameters.md").write_text(text(), encoding="utf-8")
