"""Writes dst.1, the manual page, from the commands' rows and the options: `python docs/make_man.py` after a change to them."""

from __future__ import annotations

import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

import dst  # noqa: E402
from dst.cli.commands import COMMANDS  # noqa: E402
from dst.cli.main import EXIT_CODES  # noqa: E402
from dst.cli.parsing import GROUPS, described, flag_of, preset_argument, preset_lines  # noqa: E402
from dst.cli.rows import JSON, MESSAGES, Argument, Command  # noqa: E402
from dst.config import option_fields  # noqa: E402
from dst.config.kinds import Switch  # noqa: E402


def roff(text: str) -> str:
    """Text in which no character means anything to roff, and a hyphen can be copied into a shell."""
    text = text.replace("%%", "%").replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


def item(flags: str, metavar: str, text: str) -> str:
    """A flag or an argument with what it does."""
    shown = [f"\\f{font}{roff(word)}\\fR" for font, word in (("B", flags), ("I", metavar)) if word]
    return "\n".join([".TP", " ".join(shown), roff(text)])


def argument(row: Argument) -> str:
    if not row.name.startswith("-"):
        return item("", row.dest or row.name, row.help)
    flags = ", ".join(flag for flag in (row.short, row.name) if flag)
    if isinstance(row.kind, Switch):
        return item(flags, "", row.help)
    return item(flags, row.kind.metavar, described(row.help, row.kind, row.default))


def command(row: Command) -> str:
    """What only this command takes; what it shares with others is listed once, for all."""
    fields = option_fields()
    parts = [f".SS {row.name}", f"\\fBdst {row.name}\\fR {roff(row.usage)}", ".PP", roff(row.sentence)]
    parts += [argument(a) for a in row.arguments if a.group not in GROUPS]
    if row.options is None:
        parts += [".PP", "It takes the options below."]
    elif left := [flag_of(f) for name, f in fields.items() if name in row.refused]:
        parts += [".PP", roff(f"It takes the options below but {', '.join(left)}.")]
    elif row.options:
        flags = [flag_of(fields[name]) for name in row.options]
        named = [row.rename.get(name) for name in row.options]
        shown = [f"{new} (below: {flag})" if new else flag for flag, new in zip(flags, named, strict=True)]
        parts += [".PP", roff(f"Of the options below it takes {', '.join(shown)}.")]
    parts += [".PP", roff(row.epilog)] if row.epilog else []
    parts += [item(word, "", text) for word, text in row.glossary.items()]
    return "\n".join(parts)


def options(group: str) -> str:
    """The options of a group, and the arguments that several commands list there."""
    parts = [f".SS {roff(GROUPS.get(group, group))}"]
    if group == "general":
        parts.append(argument(preset_argument()))
    for f in option_fields().values():
        meta = f.metadata
        if meta["group"] == group:
            parts.append(item(flag_of(f), meta["kind"].metavar, described(meta["help"], meta["kind"], f.default)))
    rows: dict[Argument, list[str]] = {}
    for row in COMMANDS.values():
        for a in row.arguments:
            if a.group == group:
                rows.setdefault(a, []).append(row.name)
    return "\n".join(parts + [argument(a) + roff(f" ({', '.join(names)})") for a, names in rows.items()])


def text() -> str:
    about = dst.__doc__.splitlines()[0]
    groups = dict.fromkeys([*GROUPS, *(f.metadata["group"] for f in option_fields().values())])
    codes = [f".TP\n{code}\n{roff(what)}" for code, what in EXIT_CODES.items()]
    parts = [
        '.\\" Written by docs/make_man.py from the rows of the commands and the options.',
        f'.TH DST 1 "" "dst {dst.__version__}" "User Commands"',
        f".SH NAME\ndst \\- {roff(about.partition(': ')[2].removesuffix('.'))}",
        ".SH SYNOPSIS\n\\fBdst\\fR \\fICOMMAND\\fR ...\n.br\n\\fBdst help\\fR [\\fICOMMAND\\fR]",
        f".SH DESCRIPTION\n{roff(about)}",
        "Results go to standard output, everything else to standard error.",
        ".SH COMMANDS",
        *(command(row) for row in COMMANDS.values()),
        ".SH OPTIONS\nAn option that names commands is taken by these alone.",
        *(options(group) for group in groups),
        ".SH MESSAGES\nEvery command takes these, those that have a record the first too.",
        *(argument(a) for a in (JSON, *MESSAGES)),
        ".SH PRESETS",
        *(".PP\n" + roff(line) for line in preset_lines()),
        ".SH EXIT STATUS",
        *codes,
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    (HOME / "dst.1").write_text(text(), encoding="ascii")
