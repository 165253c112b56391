"""What the pages say about the program is what the program says about itself."""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest

import correspondence
import dst
from dst.cli.commands import COMMANDS
from dst.cli.parsing import build, flag_of, parse
from dst.config import option_fields, read_settings

ROOT = Path(__file__).resolve().parent.parent


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def maker(name: str):
    """The program of that name in docs/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "made"), [("parameters", "parameters.md"), ("api", "api.md"), ("man", "dst.1")])
def test_a_page_that_is_written_by_a_program_is_up_to_date(name, made):
    assert maker(f"make_{name}").text() == page(f"docs/{made}"), f"run: python docs/make_{name}.py"


def test_a_switch_is_shown_as_on_or_off():
    (row,) = [line for line in page("docs/parameters.md").splitlines() if line.startswith("| `--color-only`")]
    assert row.split(" | ")[3] == "off"


def formatted(*command: str) -> str:
    """What a formatter makes of the manual page, as plain text; it must have nothing to remark."""
    if {"groff": "GNU groff", "man": "man 2."}[command[0]] not in subprocess.getoutput(f"{command[0]} --version"):
        pytest.skip(f"no {command[0]} here, or another one")
    environment = {**os.environ, "MANWIDTH": "200", "GROFF_NO_SGR": "1", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", done.stdout).replace("\u2010\n", ""))


@pytest.mark.parametrize("command", [["groff", "-man", "-Tutf8", "-ww", "-rLL=200n"], ["man", "--warnings", "-l"]])
def test_the_manual_page_can_be_formatted_and_holds_every_sentence(command):
    shown = formatted(*command, str(ROOT / "docs" / "dst.1"))
    for row in COMMANDS.values():
        assert row.sentence in shown, row.name
        for argument in row.arguments:
            assert argument.help in shown, (row.name, argument.name)
    for f in option_fields().values():
        assert f"{flag_of(f)} " in shown and f.metadata["help"] in shown, f.name


def test_the_reference_holds_every_public_name():
    shown = page("docs/api.md")
    for name in set(dst.__all__) - {"__version__", "PRESETS", "Matches", "figures"}:
        assert f"### dst.{name}\n" in shown, name
    for name in correspondence.__all__:
        assert f"### correspondence.{name}\n" in shown, name
    assert "\nSee `" not in shown


def test_every_option_of_guidance_has_a_symptom():
    shown = page("docs/troubleshooting.md")
    guiding = [f for f in option_fields().values() if f.metadata["group"] in ("guidance", "warp")]
    assert [flag_of(f) for f in guiding if flag_of(f) not in shown] == []


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/colour.md",
        "docs/features.md",
        "docs/laboratory.md",
        "docs/patches.md",
        "docs/singan.md",
        "docs/web.md",
        "docs/one_image.md",
        "docs/how-it-works.md",
        "docs/troubleshooting.md",
        "docs/parameters.md",
    ],
)
def test_every_flag_that_a_page_names_exists(name):
    _, commands = build(COMMANDS)
    known = {flag for parser in commands.values() for action in parser._actions for flag in action.option_strings}
    named = {flag for flag in re.findall(r"--[a-z][a-z-]+", page(name)) if flag != "--version"}
    assert named <= known, named - known


def test_the_file_of_options_on_the_page_is_understood(tmp_path):
    example = re.search(r"```toml\n(.*?)```", page("docs/parameters.md"), re.DOTALL).group(1)
    (tmp_path / "recipe.toml").write_text(example)
    found = read_settings(tmp_path / "recipe.toml")
    assert set(found) >= {"preset", "warp"} and len(found) == example.count(" = ")


@pytest.mark.parametrize(
    "command", re.findall(r"^dst (.+?)(?:\s+#.*)?$", page("README.md") + page("docs/features.md"), re.MULTILINE)
)
def test_every_command_of_a_page_is_understood(command):
    assert parse(command.replace("'", "").split(), COMMANDS).command == command.split()[0]


def test_the_readme_begins_with_the_two_commands():
    block = re.search(r"```sh\n(.*?)```", page("README.md"), re.DOTALL).group(1)
    lines = [re.sub(r"\s+#.*", "", line) for line in block.strip().splitlines()]
    assert lines == [
        "pip install -c constraints.txt . && dst demo",
        "pip install -c constraints.txt '.[test]' && pytest",
    ]
    assert page("README.md").index("```sh") < 60
