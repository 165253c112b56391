"""`dst help` and the completion of a shell: both are made of the rows of the commands."""

import shutil
import subprocess
import sys

import pytest
from conftest import refused

import cli
from dst.cli.commands import COMMANDS
from dst.cli.parsing import OLD_COMMANDS, OLD_FLAGS
from dst.config import ENCODERS
from dst.config.metrics import METRICS, QUALITY


def printed(capsys, *arguments: str) -> str:
    assert cli.main(list(arguments)) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


@pytest.mark.parametrize("command", [None, *COMMANDS, *OLD_COMMANDS])
def test_help_says_what_the_flag_says(command, capsys):
    named = [command] if command else []
    assert printed(capsys, "help", *named) == printed(capsys, *named, "--help") != ""


def test_the_list_of_commands_is_one_line_each(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = printed(capsys, "help").splitlines()
    for row in COMMANDS.values():
        assert any(line.split() == [row.name, *row.summary.split()] for line in lines), row.name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["help", "styliz"], "command 'styliz' is not known: choose one of demo, stylize"),
        (["help", "styliz"], "did you mean 'stylize'?"),
        (["help", "warp", "match"], "'match' is one argument too many"),
        (["completion", "fsh"], "shell 'fsh' is not known: choose one of bash, zsh, fish; did you mean 'fish'?"),
        (["completion"], "required: SHELL"),
    ],
)
def test_what_is_not_known_is_refused(arguments, words, capsys):
    assert words in refused(capsys, *arguments)


def test_without_its_library_completion_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert "pip install '.[completion]'" in refused(capsys, "completion", "bash")


@pytest.fixture
def script(capsys, tmp_path):
    """A function that writes the script for a shell and returns its path."""
    pytest.importorskip("shtab")

    def write(shell: str):
        path = tmp_path / f"dst.{shell}"
        path.write_text(printed(capsys, "completion", shell))
        return path

    return write


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_holds_the_commands_and_flags_of_today(shell, script):
    path = script(shell)
    text = path.read_text()
    assert all(name in text for name in COMMANDS)
    assert not any(f"{flag} " in text or f"{flag}[" in text for flag in OLD_FLAGS)
    if shutil.which(shell):
        done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stderr == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_commands_flags_choices_files_and_folders(script, tmp_path):
    (tmp_path / "photo.png").touch()
    (tmp_path / "runs").mkdir()
    lines = {
        "dst ": list(COMMANDS),
        "dst ev": ["evaluate"],
        "dst sc": [],  # `score`, of version 0.1, is understood and not offered
        "dst help gr": ["grid"],
        "dst completion z": ["zsh"],
        "dst stylize --enc": ["--encoder"],
        "dst stylize --tr": [],
        "dst stylize a b --encoder ": list(ENCODERS),
        "dst stylize ph": ["photo.png"],
        "dst stylize a b --geometry ph": ["photo.png"],
        "dst stylize a b --run ": ["runs"],
        "dst evaluate ": ["runs"],
    }
    calls = "\n".join(f"complete_line {line!r}" for line in lines)
    code = f"""
source {script("bash")}
complete_line() {{
    read -r -a COMP_WORDS <<< "$1"
    if [ "${{1: -1}}" = " " ]; then COMP_WORDS+=(""); fi
    COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
    _shtab_dst 2> /dev/null
    echo "${{COMPREPLY[*]}}"
}}
complete -p dst > /dev/null || echo "dst is not completed"
{calls}
"""
    done = subprocess.run(["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert dict(zip(lines, map(str.split, done.stdout.splitlines()), strict=True)) == lines


def test_resume_keeps_the_size_of_the_run_unless_told(capsys):
    assert cli.main(["resume", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "default the run's own" in said and "default 512" not in said


def test_every_column_of_evaluate_is_explained_with_its_direction(capsys):
    said = " ".join(printed(capsys, "help", "evaluate").split())
    for name, metric in {**METRICS, **QUALITY}.items():
        assert f" {name} {metric.sentence}" in said, name
    assert "A * marks the best" in said and " scored_by the encoder" in said
