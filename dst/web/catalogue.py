"""What the page is told at its start: options with their words and ranges, painters, sample photographs, tabs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dst._version import __version__
from dst.config import NETWORK, SAMPLES, InputError, check_choice, option_fields, option_name
from dst.config.kinds import Choice, Kind, Named, Number, Switch
from dst.config.page import CONTROLS, GROUPS, IDLE, LIMITS, PAINTERS, TABS
from dst.config.stylize import RUN_KINDS
from dst.config.tabs import MAKERS, Tab
from dst.config.web import MOST_STYLES, WebConfig
from dst.networks.shipped import shipped_styles

STATIC = Path(__file__).parent / "static"
PHOTOGRAPHS = {"astronaut": "Astronaut", "chelsea": "Cat", "coffee": "Coffee", "rocket": "Rocket"}
"""Photographs that come with scikit-image, and what they are called."""
SURFACES = {"gravel": "Gravel", "brick": "Brick", "wood": "Wood", "cells": "Cells"}
"""Textures of it."""
PICTURES = PHOTOGRAPHS | SURFACES
IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif")
TAB_GROUPS = GROUPS | {"parts": "Parts of the face", "painting": "More"}
"""Headings of the groups of the other tabs."""
MOST_PAINTERS = 300
"""Paintings of a user's folder that are shown."""


@dataclass(frozen=True)
class Painter:
    """A painting of the menu: its id, what it is called, its file, and the card of the network that has learnt it."""

    id: str
    name: str
    manner: str
    path: Path
    network: dict[str, Any] | None = None


def painters(folder: str | None) -> dict[str, Painter]:
    """The drawn samples, then the pictures of a user's folder, by id.

    Raises:
        InputError: the folder cannot be read, or the installation is damaged.
    """
    here = Path(__file__).parents[1]
    home = next((p for p in (here / "assets", here.parent / "assets") if (p / f"{SAMPLES[0]}.jpg").is_file()), None)
    if home is None:
        raise InputError("the sample images are missing from this installation: install the package again")
    cards = {name: _card(card) for name, card in shipped_styles().items()}
    found = {
        name: Painter(name, *PAINTERS.get(name, (name, "")), home / f"{name}.jpg", cards.get(name))
        for name in (*PAINTERS, *SAMPLES)
    }
    if folder is None:
        return found
    try:
        files = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in IMAGES and p.is_file())
    except OSError as error:
        raise InputError(
            f"`painters` is {folder}, which cannot be read ({error.strerror or error}): give a folder of images"
        ) from error
    if not files:
        raise InputError(f"`painters` is {folder}, which holds no images: give a folder of {', '.join(IMAGES)} files")
    for path in files[:MOST_PAINTERS]:
        name = f"own-{hashlib.sha256(path.name.encode(errors='surrogateescape')).hexdigest()[:20]}"
        title = path.stem.encode(errors="replace").decode().replace("_", " ")
        found[name] = Painter(name, title, "from your folder", path)
    return found


def _card(card: dict[str, Any]) -> dict[str, Any]:
    """Of a shipped style's card, what the page shows."""
    return {"network": card["network"], "data": card["data"]["photographs"]} | {
        name: card[name] for name in ("steps", "licence")
    }


def options(most: int) -> list[dict[str, Any]]:
    """The options that the page shows; `most` is the largest size that may be asked for."""
    return [_control(name, most) for name in CONTROLS]


def _control(name: str, most: int) -> dict[str, Any]:
    control = CONTROLS[name]
    if name in RUN_KINDS:
        kind, default, text, looks = RUN_KINDS[name], "default", "a named set of options", ""
    else:
        f = option_fields()[name]
        kind, default, text, looks = f.metadata["kind"], f.default, f.metadata["help"], f.metadata["looks"]
    shown = {"name": name, "label": control.label, "help": _sentence(control.text or text), "looks": looks}
    shown |= {"default": default, "advanced": control.advanced, "group": GROUPS[control.group]}
    return shown | _range(kind, control, most if name == "size" else None)


def _tab_options(tab: Tab, most: int) -> list[dict[str, Any]]:
    """The options of a tab, as those of a run are shown."""
    found = []
    for name, control in tab.controls.items():
        f = tab.field_of(name)
        shown = {
            "name": name,
            "label": control.label,
            "help": _sentence(control.text or f.metadata["help"]),
            "looks": f.metadata["looks"],
        }
        shown |= {"default": _told(f.default), "advanced": control.advanced, "group": TAB_GROUPS[control.group]}
        kind, limit = f.metadata["kind"], most if name in ("size", "side") else None
        found.append(shown | _range(kind, control, limit))
    return found


def _told(default: Any) -> Any:
    """A default as the page sends it: pairs and names as the command line writes them."""
    if not isinstance(default, tuple):
        return default
    return "+".join(default) if isinstance(default[0], str) else "x".join(map(str, default))


def _maker(tab: Tab, most: int) -> dict[str, Any]:
    """What the page needs to know of a tab."""
    tasks = [
        {"value": value, "label": task.label, "help": task.help, "options": list(task.controls)}
        | {"second": None if task.second is None else asdict(task.second), "mask": task.mask, "aligned": task.aligned}
        for value, task in tab.tasks.items()
    ]
    return {
        "lead": tab.lead,
        "first": tab.first,
        "act": tab.act,
        "samples": list(tab.samples),
        "painters": tab.painters,
        "tasks": tasks,
        "options": _tab_options(tab, most),
    }


def _sentence(text: str) -> str:
    text = text.partition("; default:")[0]
    return f"{text[0].upper()}{text[1:]}."


def _range(kind: Kind, control: Any, most: int | None) -> dict[str, Any]:
    if control.names is not None:
        return {"kind": "choice", "choices": [{"value": v, "label": label} for v, label in control.names.items()]}
    if isinstance(kind, Switch):
        return {"kind": "switch"}
    if isinstance(kind, Choice):
        names = [v for v in kind.names if v != NETWORK]  # which the painters' menu offers, where a painter has one
        return {"kind": "choice", "choices": [{"value": v, "label": v} for v in names]}
    if not isinstance(kind, Number):
        raise TypeError(f"{kind} has no handle")
    low = kind.low if control.low is None else control.low
    high = kind.high if control.high is None else control.high
    wide = high - low > 1e6
    found = {"kind": "number" if wide else "range", "low": low, "high": high if most is None else min(high, most)}
    found |= {"step": control.step, "least": kind.low, "most": kind.high if most is None else most}
    marks = [{"value": v, "label": k} for k, v in kind.names.items()] if isinstance(kind, Named) else []
    return found | {"choices": marks}


def check_options(given: Any, most: int, preset: bool = True) -> dict[str, Any]:
    """Options of a request by name, each one that the page shows, checked as the command line checks them.

    Raises:
        InputError: another name or a bad value.
    """
    if not isinstance(given, dict):
        raise InputError('options are not an object: give names and values, such as {"size": 512}')
    allowed = [*CONTROLS, "warp", "alpha", "style_weights", "model"]
    checked: dict[str, Any] = {}
    for key, value in given.items():
        name = option_name(key)
        check_choice("option", name, allowed)
        if value is None:
            continue
        control = CONTROLS.get(name)
        if control is not None and control.names is not None:
            check_choice(name, value, control.names)
        if name == "model":
            check_model(value)
        kind = RUN_KINDS.get(name) or option_fields()[name].metadata["kind"]
        checked[name] = kind.check(name, value)
    if checked.get("method") == NETWORK and "model" not in checked:
        raise InputError(f"model is not given with method {NETWORK}: give one of {', '.join(shipped_styles())}")
    if checked.get("size", 0) > most:
        raise InputError(f"size is {checked['size']}: it takes a whole number up to {most} here")
    return checked


def check_model(name: Any) -> str | None:
    """A trained network that a request asks for: a shipped style's name, and never a folder of this machine; or None.

    Raises:
        InputError: another.
    """
    return None if name is None else check_choice("model", name, shipped_styles())


def field_of(message: str) -> str | None:
    """The option or input that an error's words are about."""
    names = [
        *option_fields(),
        *RUN_KINDS,
        "content",
        "styles",
        "style",
        "points",
        "strength",
        "protect",
        "regions",
        "mask",
        "url",
        *(name for tab in MAKERS.values() for name in tab.controls),
    ]
    aliases = {"pins": "points", "rigid_mask": "protect", "content_mask": "regions", "style_mask": "regions"}
    message = message.replace("`", "")
    if message.startswith("no face is found"):
        return "content"
    unknown = re.match(r"option '(\w+)'", message)
    if unknown:
        return unknown[1]
    first = re.match(r"([a-z]+(?:_[a-z]+)*)\b", message)
    if first and first[1] in names:
        return aliases.get(first[1], first[1])
    for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", message):
        if word in names:
            return aliases.get(word, word)
    return "points" if re.search(r"\b(points?|match(es)?)\b", message) else None


def page(config: WebConfig, menu: dict[str, Painter]) -> dict[str, Any]:
    """What GET /api/config answers; addresses are relative to the page."""
    return {
        "version": __version__,
        "links": config.links,
        "keep_seconds": config.keep,
        "max_megapixels": config.max_megapixels,
        "max_upload_mb": config.max_upload,
        "max_size": config.max_size,
        "max_styles": MOST_STYLES,
        "jobs_per_client": config.jobs,
        "options": options(config.max_size),
        "network": {"idle": list(IDLE), "limits": LIMITS},
        "painters": [
            {"id": p.id, "name": p.name, "manner": p.manner, "network": p.network}
            | {"thumb": f"api/painters/{p.id}?side=320", "image": f"api/painters/{p.id}?side=2048"}
            for p in menu.values()
        ],
        "samples": [
            {"id": name, "name": title, "thumb": f"api/samples/{name}?side=320"} for name, title in PICTURES.items()
        ],
        "tabs": [
            {"id": name, "name": title, "module": f"static/tabs/{name}.js"}
            | (_maker(MAKERS[name], config.max_size) if name in MAKERS else {"samples": list(PHOTOGRAPHS)})
            for name, title in TABS.items()
            if (STATIC / "tabs" / f"{name}.js").is_file()
        ],
    }
