"""What processes leave half-written goes when they are dead, at once, and never while they live."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import dst
from correspondence import common
from dst.files import clear_beside, folder_beside, remove_left, replacing
from dst.runs.folder import check_folder, clear_left

WRITER = """
import sys
from dst.files import {what}
with {what}({path!r}) as made:
    print(made, flush=True)
    sys.stdin.read()
"""


@contextmanager
def writer(what: str, path: Path):
    """A process that has begun to write there; yields it and the path of what it writes."""
    home = os.pathsep.join(p for p in (str(Path(dst.__file__).parents[1]), os.environ.get("PYTHONPATH")) if p)
    code = WRITER.format(what=what, path=str(path))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": home},
    ) as process:  # fmt: skip
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def day_old(path: Path) -> Path:
    os.utime(path, (time.time() - 90000,) * 2)
    return path


@pytest.mark.parametrize("what", ["folder_beside", "replacing"])
def test_what_a_process_writes_stays_while_it_lives_and_goes_when_it_was_killed(tmp_path, what):
    run = tmp_path / "run"
    run.mkdir()
    target = run if what == "folder_beside" else run / "checkpoint.pt"
    with writer(what, target) as (process, made):
        assert made.parent == target.parent and made.exists()
        day_old(made)
        clear_left(run)
        check_folder(run)
        assert made.exists()
        process.send_signal(signal.SIGSTOP)  # asleep is not dead
        clear_left(run)
        assert made.exists()
        process.kill()
        process.wait()
        clear_left(run)
        assert not made.exists()


def test_the_next_run_beside_it_clears_up_after_a_killed_one(tmp_path):
    with writer("folder_beside", tmp_path / "run") as (process, made):
        with folder_beside(tmp_path / "other") as fresh:
            assert made.exists()
        process.kill()
        process.wait()
        with folder_beside(tmp_path / "other") as fresh:
            assert not made.exists() and fresh.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_thread_of_this_process_counts_as_alive(tmp_path):
    with folder_beside(tmp_path / "run") as mine, replacing(tmp_path / "file.pt") as part:
        clear_beside(tmp_path / "other")
        remove_left(part)
        assert mine.exists() and part.exists()
        part.write_text("whole")
    assert (tmp_path / "file.pt").read_text() == "whole"


def test_what_another_machine_or_the_user_made_stays(tmp_path):
    for name in (".dst-run-elsewhere-abcd1234", ".dst-elsewhere-abcd1234"):
        (tmp_path / name).mkdir()
    for name in (".dst-elsewhere-abcd1234.pt", ".dst-notes", "mine.pt"):
        (tmp_path / name).write_text("half")
    (tmp_path / f".dst-{common.host()}-abcd1234.pt").symlink_to(tmp_path / "mine.pt")
    names = sorted(os.listdir(tmp_path))
    for path in tmp_path.iterdir():
        if not path.is_symlink():
            day_old(path)
    clear_left(tmp_path)
    clear_beside(tmp_path / "run")
    assert sorted(os.listdir(tmp_path)) == names


def test_where_there_are_no_locks_a_day_must_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "fcntl", None)
    left = tmp_path / f".dst-run-{common.host()}-abcd1234"
    left.mkdir()
    clear_beside(tmp_path / "run")
    assert left.exists()
    day_old(left)
    clear_beside(tmp_path / "run")
    assert not left.exists()
    with replacing(tmp_path / "a.txt") as part:
        part.write_text("whole")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_maker_that_was_tidied_away_before_it_held_its_lock_makes_another(tmp_path):
    made = []

    def make():
        made.append(tmp_path / f"part-{len(made)}")
        made[-1].write_text("")
        if len(made) < 3:
            made[-1].unlink()
        return made[-1]

    with common.made(make) as path:
        assert path == made[2] and len(made) == 3
