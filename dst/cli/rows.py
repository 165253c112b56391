"""What a command is: one row with its name, one sentence, its arguments and its function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any

from dst.cli.logs import LEVELS
from dst.config import flag_of
from dst.config.kinds import Choice, File, Kind, Switch, Text
from dst.config.stylize import RUN_KINDS


@dataclass(frozen=True)
class Argument:
    """An argument of a command that is no option of a run.

    Attributes:
        name: `content` for a positional one, `--output` for a flag.
        help: one sentence.
        kind: how its value is written, read and checked; a `Switch` takes none.
        default: where it is not given.
        short: a second, short flag.
        many: one or more, as a list.
        optional: a positional one that may be left out.
        required: must be given.
        group: the heading that `--help` lists it under; empty for the first.
        dest: the attribute that it becomes, where that is not its name.
        option: the field of a config that it sets, where it is one.
    """

    name: str
    help: str
    kind: Kind = field(default_factory=Text)
    default: Any = None
    short: str = ""
    many: bool = False
    optional: bool = False
    required: bool = False
    group: str = ""
    dest: str = ""
    option: str = ""

    @property
    def attribute(self) -> str:
        """What it is called among the parsed arguments."""
        return self.dest or self.name.lstrip("-").replace("-", "_")


@dataclass(frozen=True)
class Command:
    """One row.

    Attributes:
        name: what is typed.
        summary: one sentence, without a capital and a full stop.
        usage: its arguments in short.
        run: takes the parsed arguments, returns the exit code.
        arguments: its own.
        options: names of the options of a run that it takes; None for all.
        rename: flags of options that have another one here.
        defaults: words for the defaults of options that have another one here.
        preset: whether it takes a preset.
        record: whether it has a record to print with `--json`.
        epilog: words below its help.
        glossary: words of what it prints, such as names of columns, and what each means; listed below the epilog.
        surplus: what to do where one argument too many is given.
        refused: names of options that it does not take although they mean something to it, and why.
    """

    name: str
    summary: str
    usage: str
    run: Callable[[Any], int]
    arguments: tuple[Argument, ...] = ()
    options: tuple[str, ...] | None = ()
    rename: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    preset: bool = False
    record: bool = True
    epilog: str = ""
    glossary: dict[str, str] = field(default_factory=dict)
    surplus: str = ""
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The summary with its capital and its full stop."""
        return f"{self.summary[0].upper()}{self.summary[1:]}."


def argument_of(f: Field, **changes: Any) -> Argument:
    """The argument of a command that an option makes which a run does not have, such as those of `AnimationConfig`."""
    meta = f.metadata
    own = {"name": flag_of(f), "help": meta["help"], "kind": meta["kind"], "default": f.default, "group": meta["group"]}
    own |= {"option": f.name}
    if f.default is True and isinstance(meta["kind"], Switch):
        own |= {"dest": f.name}
        if not meta["flag"]:
            own["name"], own["help"] = without(own["name"], own["help"])
    return Argument(**own | changes)


def without(flag: str, text: str) -> tuple[str, str]:
    """The flag that turns off what is on, and its words: that is what there is to know of it."""
    return "--no-" + flag[2:], f"do without: {text}"


def options_of(args: Any, kind: Any) -> dict[str, Any]:
    """The options of a config among the parsed arguments."""
    return {f.name: getattr(args, argument_of(f).attribute) for f in fields(kind)}


def output(help: str, kind: Kind | None = None, **more: Any) -> Argument:
    """The argument `-o`, `--output`: a file, or what `kind` says."""
    return Argument("--output", help, kind or File(), short="-o", **more)


def image_output(help: str, **more: Any) -> Argument:
    """The argument `-o` of an image, which may go to standard output."""
    return output(f"{help}; - for standard output, as PNG", **more)


PRESET = Argument("--preset", "a named set of options", RUN_KINDS["preset"], "default")
CONTENT = Argument("content", "the photograph", File())
STYLE = Argument("style", "the painting", File())
MORE_STYLES = Argument(
    "--style",
    "one more painting, mixed with the first; once for each",
    File(),
    many=True,
    group="guidance",
    dest="styles",
)
NO_WARP = Argument("--no-warp", "plain style transfer: paint, do not warp", Switch(), True, group="warp", dest="warp")
POINTS = Argument("--points", "use these matches: a points.csv (see `dst match`)", File(), group="matching")
CONFIG = (
    Argument(
        "--config", "take options from a TOML file, or from an earlier run's folder; flags win", File(), group="general"
    ),
    Argument(
        "--save-config",
        "write a TOML file of the options in effect that differ from the preset's",
        File(),
        group="general",
    ),
)
"""What every command takes that takes the options of a run."""
JSON = Argument("--json", "print the record on standard output", Switch(), False, group="messages")
MESSAGES = (
    Argument("--quiet", "show no progress, only warnings and errors", Switch(), False, group="messages"),
    Argument("--log-level", "how much to tell of what is done", Choice(LEVELS), "warning", group="messages"),
    Argument("--debug", "show where an error came from", Switch(), False, group="messages"),
)
"""What every command takes."""
FIT = Argument("--fit", "where memory is short, take the largest size that fits", Switch(), False)


def run_arguments(row: Command) -> list[Argument]:
    """The arguments of a command that are keywords of `stylize` and no options of a config, such as `--points`."""
    return [a for a in (*([PRESET] if row.preset else []), *row.arguments) if a.attribute in RUN_KINDS]
