"""The rooms of the house: which module may import which, read from the source; and what importing costs."""

import ast
import re
from pathlib import Path

import pytest

import cli
import correspondence
import dst

DST, CORRESPONDENCE = Path(dst.__file__).parent, Path(correspondence.__file__).parent

ORDER = [
    {"_version", "config"},
    {"files", "icc", "codecs", "color", "descent"},
    {"images", "weights", "warp", "pyramid", "losses"},
    {"trunk"},
    {"methods", "plots"},
    {"masks", "recolor", "samples"},
    {"record"},
    {"result"},
    {"optimize"},
    {"score", "film", "estimate", "steer"},
    {"checkpoint"},
    {"prepare"},
    {"matching"},
    {"pipeline"},
    {"sweeps"},
    {"cli"},
]
"""Rooms from the foundation up; each may import what stands above it in this list, never what stands below.

`warp` is `warp.py` and the `warp_*.py` files that it is made of. `plots` takes a Result as a value and imports none of it.
"""
JOIN = {"matching", "pipeline", "cli"}
"""What may import `correspondence`."""


def room(module: str) -> str:
    """The room of a module by its dotted name: `dst.warp_flow` stands in `warp`, `dst.methods.gatys` in `methods`."""
    name = module.split(".")[1] if module.startswith("dst.") else module.split("_")[0]
    return "warp" if name.startswith("warp_") else name


def level(name: str) -> int:
    found = [k for k, rooms in enumerate(ORDER) if name in rooms]
    assert found, f"{name} has no place in the order of the house: give it one"
    return found[0]


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports anywhere in it, of this project and of others; type checks alone do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    only_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = "correspondence" if node.level else node.module
            found |= {f"{home}.{alias.name}" for alias in node.names} if home in ("dst", "correspondence") else {home}
    return found


def sources() -> list[tuple[str, Path]]:
    modules = [("dst." + ".".join(p.relative_to(DST).with_suffix("").parts), p) for p in sorted(DST.rglob("*.py"))]
    modules = [(name, p) for name, p in modules if "assets" not in name and name != "dst.__init__"]
    return modules + [(p.stem, p) for p in sorted(Path(cli.__file__).parent.glob("cli*.py"))]


SOURCES = [pytest.param(name, path, id=name) for name, path in sources()]


@pytest.mark.parametrize(("name", "path"), SOURCES)
def test_imports_point_one_way(name, path):
    mine = room(name)
    for other in imports(path):
        if other.split(".")[0] == "correspondence":
            assert mine in JOIN, f"{name} imports {other}: only {JOIN} join the two packages"
            continue
        if not other.startswith("dst.") or other in ("dst.__version__", "dst.__init__"):
            continue
        if room(other) != mine and (DST / room(other)).with_suffix(".py").exists() | (DST / room(other)).is_dir():
            assert level(room(other)) <= level(mine), f"{name} imports {other}, which stands below it"


@pytest.mark.parametrize(("name", "path"), SOURCES)
def test_no_two_rooms_import_each_other(name, path):
    for other in imports(path):
        file = DST / (other.removeprefix("dst.").replace(".", "/") + ".py")
        if other.startswith("dst.") and file.exists() and room(other) != room(name):
            back = {room(module) for module in imports(file) if module.startswith("dst.")}
            assert room(name) not in back, f"{name} and {other} import each other"


def test_correspondence_stands_alone():
    for path in CORRESPONDENCE.glob("*.py"):
        assert not any(other.split(".")[0] in ("dst", "cli") for other in imports(path)), path.name


def test_torchvision_is_asked_for_in_one_place():
    paths = [path for _, path in sources()] + list(CORRESPONDENCE.glob("*.py"))
    users = {path.name for path in paths if any(m.split(".")[0] == "torchvision" for m in imports(path))}
    assert users <= {"weights.py"}


@pytest.mark.parametrize(("name", "path"), [*SOURCES, *(pytest.param(p.stem, p) for p in CORRESPONDENCE.glob("*.py"))])
def test_every_resampling_says_where_the_corners_are(name, path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
        if called in ("grid_sample", "interpolate", "affine_grid"):
            says = {keyword.arg for keyword in node.keywords}
            nearest = any(
                k.arg == "mode" and ast.unparse(k.value).strip("'\"") in ("nearest-exact", "area")
                for k in node.keywords
            )
            assert "align_corners" in says or nearest, f"{name}, line {node.lineno}: {called} leaves align_corners open"


HEAVY = ("torch", "numpy", "matplotlib", "cv2", "skimage", "sklearn", "PIL", "kornia", "tqdm")


def test_importing_costs_nothing(python):
    code = f"""
import sys
before = set(sys.modules)
import dst
new = set(sys.modules) - before
print(sorted(name for name in new if name.startswith("dst")), len(new) < 20)
import cli, correspondence
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert python("-c", code).stdout.splitlines() == ["['dst', 'dst._version'] True", "[]"]


def test_no_help_loads_a_library(python):
    import cli_options

    commands = [[], *([name] for name in cli_options.COMMANDS)]
    code = f"""
import sys, cli
for command in {commands}:
    assert cli.main([*command, "--help"]) == 0
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert python("-c", code).stdout.strip().splitlines()[-1] == "[]"


def test_public_names_are_all_there():
    assert set(dst.__all__) <= set(dir(dst))
    for name in dst.__all__:
        assert getattr(dst, name) is not None
    for name in ("stylize", "resume", "match", "grid", "morph", "write_film", "warp_image", "score_runs"):
        assert callable(getattr(dst, name))
    with pytest.raises(AttributeError, match="no attribute 'stylise'"):
        dst.stylise  # noqa: B018
    assert re.fullmatch(r"\d+\.\d+\.\d+", dst.__version__)
