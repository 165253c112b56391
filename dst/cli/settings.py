"""Options from a file: what `--config` brings beside the flags, and what `--save-config` keeps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dst._version import __version__
from dst.cli.rows import PRESET, Argument, Command, run_arguments
from dst.cli.streams import say
from dst.config import InputError, StylizeConfig, option_fields, option_kinds, read_settings, without_idle
from dst.config.files import toml_text
from dst.config.stylize import RUN_KINDS
from dst.files import check_output, replacing

INSTEAD = {"look": "alpha", "alpha": "look"}
"""Options of which one takes the place of the other: a flag replaces either in a file."""


def take(args: Any, row: Command) -> None:
    """Let the options of `--config` stand where no flag was given, and check that `--save-config` can be written.

    Raises:
        InputError: a file that cannot be read, written or understood.
    """
    if getattr(args, "config", None) is not None:
        import logging  # here, so that --help need not wait for it

        known, taken = _sentences(row), set()
        axes = {axis[0] for name in ("rows", "columns") if (axis := getattr(args, name, None)) is not None}
        for name, value in read_settings(args.config, anew=args.given).items():
            if name not in known:
                logging.getLogger(__name__).info("%s: %s means nothing to `dst %s`", args.config, name, row.name)
            if name in args.given or name not in known or INSTEAD.get(name) in {*args.given, *axes}:
                continue
            taken.add(name)
            if name in RUN_KINDS:
                setattr(args, name, value)
            else:
                args.options[name] = value
        _leave_out_idle(args, taken)
    if getattr(args, "save_config", None) is not None:
        check_output(args.save_config, (".toml",))
        if (
            args.config is not None
            and os.path.exists(args.save_config)
            and os.path.samefile(args.config, args.save_config)
        ):
            raise InputError(f"{args.save_config} is what --config reads: choose another name for --save-config")
        _text(args, row)


def _leave_out_idle(args: Any, taken: set[str]) -> None:
    """Of what was taken from a file, drop what has no effect in this run: a warp's strength without a warp, for instance."""
    asked = {name: getattr(args, name) for name in RUN_KINDS if hasattr(args, name)}
    idle = taken - set(without_idle({**args.options, **asked}))
    args.options = {name: value for name, value in args.options.items() if name not in idle}
    if "points" in idle:
        args.points = None


def keep(args: Any, row: Command) -> None:
    """Write the options of a run to the file of `--save-config`, where one was asked for."""
    if getattr(args, "save_config", None) is not None:
        with replacing(args.save_config) as temporary:
            temporary.write_text(_text(args, row), encoding="utf-8")
        if not args.quiet:
            say(f"wrote {args.save_config}")


def _sentences(row: Command) -> dict[str, str]:
    """What a command's options do, by name."""
    own = {argument.attribute: argument.help for argument in run_arguments(row)}
    fields = option_fields()
    return own | {name: fields[name].metadata["help"] for name in (fields if row.options is None else row.options)}


def _value(args: Any, argument: Argument) -> Any:
    return getattr(args, argument.attribute)


def _text(args: Any, row: Command) -> str:
    """The options in effect that the preset alone would not bring, and the preset's name."""
    preset = args.preset if row.preset else PRESET.default
    own = [
        argument for argument in run_arguments(row) if argument is PRESET or _value(args, argument) != argument.default
    ]
    found = {argument.attribute: _value(args, argument) for argument in own}
    found |= StylizeConfig.from_options(preset, **args.options).unlike_preset(preset)
    kinds, home, sentences = option_kinds(), Path(args.save_config).parent, _sentences(row)
    values = {name: kinds[name].write(value, home) for name, value in found.items() if name in sentences}
    return toml_text(values, sentences, f"options of `dst {row.name}` {__version__} that differ from the preset's")
