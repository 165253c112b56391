"""Writes api.md from the docstrings, read as source: `python docs/make_api.py` after a change to a public name."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))

import correspondence  # noqa: E402
import dst  # noqa: E402

WIDTH = 110
SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Source):(.*)")
ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*): (.*)")


def homes(package: ModuleType) -> dict[str, tuple[str, str]]:
    """The public names of a package in the order of its stub: the module that each lives in, and its name there."""
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    lines = [(node.module, alias) for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    found = {alias.asname or alias.name: (f"{package.__name__}.{module}", alias.name) for module, alias in lines}
    return {name: home for name, home in found.items() if not name.startswith("_")}


def source(module: str) -> ast.Module:
    place = HOME.parent / module.replace(".", "/")
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def definition(module: str, name: str) -> ast.AST | None:
    """The function or class of that name at the top of a module, or of the one that the module takes it from."""
    for node in source(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return with_values(node, module)
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if (alias.asname or alias.name) == name:
                return definition(f"{module}.{node.module}" if node.level else node.module, alias.name)
    return None


def with_values(node: ast.AST, module: str) -> ast.AST:
    """A function or class whose arguments show the values of their defaults, and not the names that those have."""
    names = vars(importlib.import_module(module))
    for arguments in [inner for inner in ast.walk(node) if isinstance(inner, ast.arguments)]:
        for given in (arguments.defaults, arguments.kw_defaults):
            for k, default in enumerate(given):
                value = eval(ast.unparse(default), names) if isinstance(default, ast.Name | ast.Attribute) else None
                if isinstance(value, int | float | str):
                    given[k] = ast.Constant(value)
    return node


def signature(name: str, node: ast.FunctionDef, method: bool = False) -> str:
    """What to call: one line where it fits, else one argument a line."""
    arguments = node.args
    if method and arguments.args and arguments.args[0].arg in ("self", "cls"):
        arguments.args = arguments.args[1:]
    shown = ast.unparse(arguments)
    back = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    if len(name + shown + back) + 2 <= WIDTH:
        return f"{name}({shown}){back}"
    return f"{name}(\n" + "".join(f"    {part},\n" for part in split(shown)) + f"){back}"


def split(arguments: str) -> list[str]:
    """Arguments cut at the commas that stand in no bracket."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: its sections as lists."""
    lines, listed = [], False
    for line in (docstring or "").splitlines():
        indent, text = len(line) - len(line.lstrip()), line.strip()
        section = SECTION.fullmatch(text) if indent == 0 else None
        if section:
            lines += ["", f"*{section[1]}.*{escaped(section[2])}", ""]
            listed = False
        elif indent and (entry := ENTRY.fullmatch(text)) and indent == 4:
            lines.append(f"- `{entry[1]}`: {escaped(entry[2])}")
            listed = True
        elif text and listed:
            lines.append("  " + escaped(text))
        else:
            lines.append(escaped(text))
            listed = listed and bool(text)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def escaped(text: str) -> str:
    """Text in which stars and angle brackets outside `code` mean themselves."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else p.replace("*", r"\*").replace("<", "&lt;") for p in parts)


def entry(title: str, module: str, name: str) -> str:
    """The heading, signature and docstring of one public name; of a class also those of its methods."""
    node = definition(module, name)
    if node is None:
        return f"### {title}\n\nSee `{module}.{name}`."
    if isinstance(node, ast.FunctionDef):
        return f"### {title}\n\n```python\n{signature(title, node)}\n```\n\n{prose(ast.get_docstring(node))}"
    parts = [f"### {title}\n\n{prose(ast.get_docstring(node))}"]
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and (not inner.name.startswith("_") or inner.name == "__call__"):
            if not ast.get_docstring(inner):
                continue
            short = title.rpartition(".")[2]
            if any(ast.unparse(d) in ("property", "cached_property") for d in inner.decorator_list):
                head = f"`{short}.{inner.name}`"
            else:
                called = short if inner.name == "__call__" else f"{short}.{inner.name}"
                head = f"```python\n{signature(called, inner, method=True)}\n```"
            parts.append(f"{head}\n\n{prose(ast.get_docstring(inner))}")
    return "\n\n".join(parts)


def text() -> str:
    parts = [
        "# API reference",
        "Written by `python docs/make_api.py` from the docstrings. The options of `stylize` are in [parameters.md](parameters.md).",
        "## dst",
    ]
    known = homes(dst)
    parts += [
        entry(f"dst.{name}", *home) for name, home in known.items() if name not in ("PRESETS", "figures", "Matches")
    ]
    home = ".".join(known["figures"])
    parts.append("## dst.figures\n\n" + prose(ast.get_docstring(source(home))))
    figures = [with_values(node, home) for node in source(home).body if isinstance(node, ast.FunctionDef)]
    parts += [entry(f"dst.figures.{f.name}", home, f.name) for f in figures if not f.name.startswith("_")]
    parts.append("## correspondence\n\n" + (correspondence.__doc__ or "").strip())
    parts += [entry(f"correspondence.{name}", *home) for name, home in homes(correspondence).items()]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (HOME / "api.md").write_text(text(), encoding="utf-8")
