"""What the pages say about the program is what the program says about itself."""

import importlib.util
import re
from pathlib import Path

import pytest

import cli_options
from cli_flags import option_fields

ROOT = Path(__file__).resolve().parent.parent


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_page_of_parameters_is_up_to_date():
    spec = importlib.util.spec_from_file_location("make_parameters", ROOT / "docs" / "make_parameters.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.text() == page("docs/parameters.md"), "run: python docs/make_parameters.py"
    assert set(module.LOOKS) <= set(option_fields())


@pytest.mark.parametrize("name", ["README.md", "docs/how-it-works.md", "docs/troubleshooting.md"])
def test_every_flag_that_a_page_names_exists(name):
    _, commands = cli_options.build()
    known = {flag for parser in commands.values() for action in parser._actions for flag in action.option_strings}
    named = {flag for flag in re.findall(r"--[a-z][a-z-]+", page(name)) if flag != "--version"}
    assert named <= known, named - known


@pytest.mark.parametrize("command", re.findall(r"^dst (.+?)(?:\s+#.*)?$", page("README.md"), re.MULTILINE))
def test_every_command_of_the_readme_is_understood(command):
    assert cli_options.parse(command.replace("'", "").split()).command == command.split()[0]


def test_the_readme_begins_with_the_two_commands():
    block = re.search(r"```sh\n(.*?)```", page("README.md"), re.DOTALL).group(1)
    lines = [re.sub(r"\s+#.*", "", line) for line in block.strip().splitlines()]
    assert lines == [
        "pip install -c constraints.txt . && dst demo",
        "pip install -c constraints.txt '.[test]' && pytest",
    ]
    assert page("README.md").index("```sh") < 60
