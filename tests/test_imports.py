"""The rooms of the house: which module may import which, read from the source; and what importing costs."""

import ast
import configparser
import functools
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import blobs
from PIL import Image

import cli
import correspondence
import dst

DST, CORRESPONDENCE = Path(dst.__file__).parent, Path(correspondence.__file__).parent

ORDER = [
    {"_version", "config"},
    {"files", "runtime"},
    {"imaging"},
    {"warp"},
    {"features", "faces"},
    {"losses"},
    {"optim"},
    {"methods", "patches", "networks", "latent"},
    {"runs"},
    {"evaluate"},
    {"viz"},
    {"deform"},
    {"batch", "video"},
    {"web"},
    {"cli"},
]
"""Rooms from the foundation up: each may import what stands in a row above it in this list, and itself.

`warp` imports `imaging`, since a warp takes any image; `viz` draws what `runs` holds and `deform` puts its figures into a
run's folder, so `deform` stands over it.
"""
JOIN = {"deform"}
"""What may import `correspondence`, but for its leaves, which serve both packages."""
LEAVES = {"correspondence.common", "correspondence.matches", "correspondence.similarity"}
ONLY = {
    "torchvision": {"features.weights"},
    "gradio": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "dask": {"batch.cluster"},
    "onnx": {"networks.export"},
    "av": {"viz.animation", "viz.films", "video"},
}
"""Libraries that one place alone may import."""
ROOMS = set().union(*ORDER)


def level(name: str) -> int:
    return next(k for k, rooms in enumerate(ORDER) if name in rooms)


@functools.cache
def tree(path: Path) -> ast.Module:
    """A source file, parsed once for all tests that read it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path, package: str) -> frozenset[str]:
    """Dotted names that a file of a package imports anywhere in it, type checks too: an arrow is an arrow."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            if node.level:
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                home = ".".join([*base, *([home] if home else [])])
            found |= {f"{home}.{alias.name}" for alias in node.names}
    return frozenset(found)


def modules(folder: Path, package: str) -> dict[str, Path]:
    """Every module below a folder by its dotted name; a package's own file goes by the package's name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: path for name, path in found.items() if not name.startswith("dst.assets")}


MODULES = modules(DST, "dst") | modules(CORRESPONDENCE, "correspondence")
NAMES = [pytest.param(name, id=name) for name in MODULES if name != "dst"]


def arrows(name: str) -> set[str]:
    """The modules of the project that a module imports."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for target in imports(path, package):
        parts = target.split(".")
        while parts and ".".join(parts) not in MODULES:
            parts.pop()
        if parts and ".".join(parts) != name:
            found.add(".".join(parts))
    return found - {"dst"}


def room(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_one_way(name):
    if name.startswith("correspondence"):
        assert not any(other.startswith("dst") for other in arrows(name)), f"{name} imports dst"
        return
    mine = room(name)
    assert mine in ROOMS, f"{name} has no place in the order of the house: give it one"
    for other in arrows(name):
        if other.startswith("correspondence"):
            assert mine in JOIN or other in LEAVES, f"{name} imports {other}: only {JOIN} may"
        elif room(other) != mine:
            assert level(room(other)) < level(mine), f"{name} imports {other}, which does not stand below it"


def test_no_circle():
    graph = {name: arrows(name) for name in MODULES if name != "dst"}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle: {' -> '.join([*way[way.index(name) :], name])}"
        if name in done or name not in graph:
            return
        for other in sorted(graph[name]):
            visit(other, (*way, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_no_room_holds_a_single_file():
    for folder in (p for p in DST.rglob("*") if p.is_dir() and p.name not in ("__pycache__", "assets")):
        files = [p for p in folder.iterdir() if p.suffix == ".py" and p.name != "__init__.py"]
        rooms = [p for p in folder.iterdir() if (p / "__init__.py").exists()]
        assert len(files) + len(rooms) != 1 or not (folder / "__init__.py").exists(), f"{folder.name} holds one thing"


def test_special_libraries_are_asked_for_in_one_place():
    for name, path in MODULES.items():
        for library in {target.split(".")[0] for target in imports(path, name)} & set(ONLY):
            mine = name.removeprefix("dst.")
            assert any(mine == place or mine.startswith(f"{place}.") for place in ONLY[library]), f"{name}: {library}"


@pytest.mark.parametrize("name", NAMES)
def test_every_resampling_says_where_the_corners_are(name):
    for node in ast.walk(tree(MODULES[name])):
        called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
        if called in ("grid_sample", "interpolate", "affine_grid"):
            says = {keyword.arg for keyword in node.keywords}
            assert "align_corners" in says, f"{name}, line {node.lineno}: {called} leaves align_corners open"


def test_the_installation_holds_both_packages_whole_and_nothing_else():
    root = Path(cli.__file__).resolve().parent
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg", encoding="utf-8")
    options = config["options"]
    listed = options["packages"].split()
    folders = {p.parent for home in (DST, CORRESPONDENCE) for p in home.rglob("*.py")}
    assert sorted(listed) == sorted([*(".".join(p.relative_to(DST.parent).parts) for p in folders), "dst.assets"])
    assert "py_modules" not in options and "data_files" not in options
    assert options["package_dir"].split() == ["dst.assets", "=", "assets"]
    assert not list((root / "assets").glob("*.py"))  # images alone: what drew them is no part of it
    data = config["options.package_data"]
    homes = {
        "dst": DST,
        "correspondence": CORRESPONDENCE,
        "dst.assets": root / "assets",
        "dst.faces": DST / "faces",
        "dst.features": DST / "features",
        "dst.networks": DST / "networks",
        "dst.web": DST / "web",
    }
    assert set(data) == set(homes)
    held = set()
    for package, home in homes.items():
        for pattern in data[package].split():
            assert list(home.glob(pattern)), f"{package}: {pattern}"
            held |= set(home.glob(pattern))
    for home in (
        DST,
        CORRESPONDENCE,
    ):  # a stub is read when the package is imported; py.typed says that there are types
        assert {home / "__init__.pyi", home / "py.typed"} <= held
        beside = {p for p in home.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
        assert beside <= held | {p for p in beside if "assets" in p.parts}, beside - held


HEAVY = ("torch", "numpy", "matplotlib", "cv2", "skimage", "sklearn", "PIL", "kornia", "tqdm", "scipy", "psutil")


def test_importing_costs_nothing(python):
    code = f"""
import sys
before = set(sys.modules)
import dst
new = set(sys.modules) - before
print(sorted(name for name in new if name.partition(".")[0] not in sys.stdlib_module_names))
import cli, correspondence
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert python("-c", code).stdout.splitlines() == ["['dst', 'dst._version', 'lazy_loader']", "[]"]


def test_no_help_loads_a_library(python):
    from dst.cli.commands import COMMANDS

    commands = [[], *([name] for name in COMMANDS)]
    code = f"""
import sys, cli
for command in {commands}:
    assert cli.main([*command, "--help"]) == 0
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert python("-c", code).stdout.strip().splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def plain_run(python, tmp_path_factory):
    """What a process says that makes a run as typed, and then draws matches by the library: one line each."""
    home = tmp_path_factory.mktemp("plain")
    paths = [str(home / name) for name in ("content.png", "style.png", "o.png")]
    for path, size, seed in zip(paths, ((48, 40), (40, 52)), (1, 2), strict=False):
        Image.fromarray(blobs(size, seed)).save(path)
    flags = "--size 32 --steps 1 --match-size 64".split()
    code = f"""
import os, sys, cli
assert cli.main({["stylize", *paths[:2], "-o", paths[2], *flags]}) == 0
print([name for name in {NEEDLESS} if name in sys.modules], os.path.exists({paths[2]!r}))
import numpy as np
import correspondence, correspondence.drawing, dst
from correspondence import Matches
dst.match, dst.figures
points = np.array([[2, 2], [9, 3], [5, 8]])
image = np.zeros((12, 12, 3), np.uint8)
print(correspondence.draw(image, image, Matches(points, points, None, (12, 12), (12, 12))).shape)
"""
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


NEEDLESS = ("matplotlib", "skimage", "sklearn", "scipy", "pandas", "torchvision", "torch._dynamo")
"""What a plain run does without; the last is the compiler, which optimisers of torch itself bring."""


def test_a_plain_run_loads_only_what_it_uses(plain_run):
    assert plain_run[0] == "[] True"


def stub(package) -> dict[str, tuple[str, str]]:
    """The names in a package's stub: the module that each comes from, and its name there."""
    lines = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body
    assert all(isinstance(line, ast.ImportFrom) and line.level == 1 for line in lines)
    return {a.asname: (f"{package.__name__}.{line.module}", a.name) for line in lines for a in line.names}


@pytest.mark.parametrize("package", [dst, correspondence], ids=lambda package: package.__name__)
def test_a_stub_says_where_each_public_name_lives(package):
    names = stub(package)
    assert sorted(names) == sorted(package.__all__) and set(names) <= set(dir(package))
    for name, (module, own) in names.items():
        assert name == own, f"{name}: a lazy import goes by the name in the module, not by the one after `as`"
        assert getattr(package, name) is getattr(importlib.import_module(module), name), name


@pytest.mark.parametrize("package", [dst, correspondence], ids=lambda package: package.__name__)
def test_no_public_name_is_a_module_of_its_package(package):
    """Importing a module binds its name in the package: a function of that name would be gone from then on."""
    inside = Path(package.__file__).parent
    modules = {path.stem for path in inside.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert not modules & set(package.__all__)
    for path in sorted(inside.rglob("*.py")):
        importlib.import_module(".".join([package.__name__, *path.relative_to(inside).with_suffix("").parts]))
    for name, (module, own) in stub(package).items():
        assert getattr(package, name) is getattr(sys.modules[module], own)


def test_names_of_version_0_1_are_understood_and_no_longer_listed():
    assert dst.write_film is dst.write_animation and dst.plots is dst.figures
    for listed in (dst.__all__, dir(dst), stub(dst)):
        assert not {"write_film", "plots"} & set(listed)


def test_matches_are_drawn_whatever_was_imported_before(plain_run):
    assert plain_run[1].startswith("(")


def test_public_names_are_all_there():
    assert set(dst.__all__) <= set(dir(dst))
    for name in dst.__all__:
        assert getattr(dst, name) is not None
    assert isinstance(dst.figures, ModuleType) and callable(dst.figures.arrows)
    for name in ("stylize", "resume", "match", "grid", "morph", "write_animation", "warp_image", "evaluate_runs"):
        assert callable(getattr(dst, name))
    with pytest.raises(AttributeError, match="no attribute 'stylise'"):
        dst.stylise  # noqa: B018
    assert re.fullmatch(r"\d+\.\d+\.\d+", dst.__version__)
