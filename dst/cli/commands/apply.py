"""`dst apply`: pictures, folders and films painted by a trained network."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from dst.cli.progress import Interrupt, Overall
from dst.cli.rows import Argument, Command, argument_of, options_of, output
from dst.cli.streams import put, say
from dst.config import ApplyConfig, InputError, counted
from dst.config.kinds import File, Folder, Switch
from dst.files import EXTENSIONS, files_in

FILMS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
"""What a film's file name may end in."""
EXPORTED = ("--style", "--weights", "--size")
"""Flags that may stand beside `--onnx`."""


def run(args: Any) -> int:
    """List the shipped styles; write a network as ONNX; or paint."""
    given = args.inputs or []
    if args.list:
        if given or args.output or args.onnx or _named(args):
            raise InputError("--list is given beside other things: it takes none")
        return _list()
    if not given or not all(given):
        raise InputError(
            "no model is given: give a model's folder or a shipped style's name (see `dst apply --list`)"
            if not given
            else "an empty name is given: give the names of files and folders"
        )
    model, pictures = given[0], given[1:]
    if args.onnx:
        return _export(args, model, pictures)
    if not pictures:
        raise InputError("no picture is given: give the model first, then pictures, folders of them or films")
    if not args.output:
        raise InputError("no folder is given: say where the pictures go with -o DIR")
    return _paint(args, model, pictures)


def _list() -> int:
    from dst.networks.shipped import shipped_styles

    for name, card in shipped_styles().items():
        put(f"{name:14} {card['network']}, {card['steps']} steps on {card['data']['photographs']}; {card['licence']}\n")
    return 0


def _named(args: Any) -> list[str]:
    """Flags of what is painted that are given."""
    return [a.name for a in ROW.arguments if a.group and getattr(args, a.attribute) != a.default]


def _export(args: Any, model: str, pictures: list[str]) -> int:
    if pictures or args.output:
        raise InputError("--onnx is given, and pictures or -o too: write the network first, paint with another command")
    if not args.onnx.lower().endswith(".onnx"):
        raise InputError(f"--onnx is {args.onnx!r}: it takes a file that ends in .onnx")

    useless = [name for name in _named(args) if name not in EXPORTED]
    if useless:
        raise InputError(f"{useless[0]} means nothing to --onnx: leave it out")

    from dst.batch.networks import export_network

    config = ApplyConfig().replace(**options_of(args, ApplyConfig))
    export_network(model, args.onnx, styles=args.styles or (), weights=config.weights, size=config.size)
    if not args.quiet:
        say(f"wrote {args.onnx}")
    return 0


def _paint(args: Any, model: str, pictures: list[str]) -> int:
    from dst.batch.network_files import paint_files
    from dst.batch.networks import load_network
    from dst.networks.shipped import styles_of

    config = ApplyConfig().replace(**options_of(args, ApplyConfig))
    own = load_network(model, config.device)
    if not own.finished:
        say(f"note: the training has not ended; painting by what it is after step {own.card['steps']}")
    styles = styles_of(model, args.styles or ())
    found, bad = _found(pictures), 0
    bars = Overall(args.quiet, len(found), "painting")
    with Interrupt("after this picture") as interrupt:

        def on_file(path: Any, error: Exception | None) -> bool:
            nonlocal bad
            if error is not None and len(found) == 1:
                raise error
            bad += error is not None
            bars.on_run(str(path) if error is None else f"not painted: {error}")
            return interrupt.asked

        paint_files(
            own,
            found,
            args.output,
            styles,
            config,
            FILMS,
            on_file,
            lambda: interrupt.asked,
            args.masks or (),
            args.show,
        )
    bars.close()
    if bad:
        say(f"error: {bad} of {counted(len(found), 'picture')} could not be painted")
    if not args.quiet and bars.finished > bad:
        say(f"wrote {counted(bars.finished - bad, 'picture')} to {args.output}")
    return interrupt.code or (2 if bad == len(found) else int(bad > 0))


def _found(pictures: list[str]) -> list[Path]:
    """Files that are given, and those in folders that are.

    Raises:
        InputError: a folder that cannot be read, or one without a picture.
    """
    found: list[Path] = []
    for name in pictures:
        path = Path(name)
        if not os.path.isdir(path):
            found.append(path)
            continue
        inside = files_in(path, (*EXTENSIONS, *FILMS))
        if not inside:
            raise InputError(f"the folder {name} holds no picture and no film: give others")
        found += inside
    return list(dict.fromkeys(found))


ROW = Command(
    "apply",
    "paint pictures, folders or films by a trained network, at once",
    "MODEL IMAGE [IMAGE ...] -o DIR [--style NAME] [--weights X,X] [--strength X] [options]",
    run,
    (
        Argument(
            "inputs", "a model's folder or a shipped style's name, then pictures, folders or films", File(), many=True, optional=True,
        ),
        output("folder that the painted pictures go to, under their names", Folder()),
        Argument("--style", "a style of the model's, once for each to mix; of a network of any style, an image", File(), many=True, group="picture", dest="styles"),
        Argument("--mask", "of a network of any style, white where a style paints: one for each --style, in their order", File(), many=True, group="picture", dest="masks"),
        Argument("--show", "also write what each part of a multimodal network makes, as NAME-PART.png", Switch(), False, group="picture"),
        *map(argument_of, fields(ApplyConfig)),
        Argument("--list", "list the styles that come with the package", Switch(), False),
        Argument("--onnx", "write the network, in its mix of styles, as an ONNX file; of a ulyanov or multimodal one, for squares of --size", File()),
    ),
    record=False,
    epilog="Example: dst apply woodcut photo.jpg -o out/\nExisting files of those names are replaced.",
)  # fmt: skip
