"""What is logged: how much of it a command tells, and that the library leaves the handling to who uses it."""

import logging
import re
import sys

import numpy as np
import pytest
from conftest import POINTS, blobs
from runs_of import SMALL

import cli
from correspondence.matches import Matches
from dst.cli.commands import COMMANDS
from dst.cli.parsing import build
from dst.deform import painting, pipeline, stages


@pytest.fixture
def talking(stand_in, monkeypatch):
    """A run that logs a line at each level."""
    before = pipeline.stylize

    def stylize(*args, **kwargs):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logging.getLogger("dst.deform.painting").log(level, "one\ntwo")
        return before(*args, **kwargs)

    monkeypatch.setattr(pipeline, "stylize", stylize)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--log-level", "debug"], ["debug", "info", "warning", "error"]),
        (["--log-level", "info"], ["info", "warning", "error"]),
        ([], ["warning", "error"]),
        (["--quiet"], ["warning", "error"]),
        (["--quiet", "--log-level", "debug"], ["warning", "error"]),
        (["--quiet", "--log-level", "error"], ["error"]),
    ],
)
def test_the_level_decides_what_is_told(flags, told, talking, pair, tmp_path, capsys):
    assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), *flags]) == 0
    said = capsys.readouterr()
    lines = re.findall(r"^dst: (debug|info|warning|error): one two$", said.err, re.MULTILINE)
    assert lines == told and said.out == ""
    assert ("painting" in said.err) == ("--quiet" not in flags)
    for name in ("dst", "correspondence"):
        logger = logging.getLogger(name)
        assert logger.level == logging.NOTSET
        assert all(isinstance(handler, logging.NullHandler) for handler in logger.handlers)


def test_warnings_are_told_unless_only_errors_are_wanted(stand_in, pair, tmp_path, monkeypatch, capsys):
    import warnings

    before = pipeline.stylize

    def stylize(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("the profile is broken", UserWarning, stacklevel=1)
        return before(*args, **kwargs)

    monkeypatch.setattr(pipeline, "stylize", stylize)
    for level, told in (("warning", "dst: note: the profile is broken\n"), ("error", "")):
        assert cli.main(["stylize", *pair, "-o", str(tmp_path / "o.png"), "--quiet", "--log-level", level]) == 0
        assert capsys.readouterr().err == told


def test_matches_are_told_quietly_only_where_they_cannot_be_relied_on(pair, tmp_path, monkeypatch, capsys):
    rows = np.array(POINTS)
    for count, told in ((5, False), (2, True)):
        found = Matches(rows[:count, :2], rows[:count, :2] + 1, rows[:count, 4], (48, 40), (48, 52), 0.7)
        monkeypatch.setattr(
            stages, "matched", lambda *_, found=found, **__: (found, len(found) > 2, f"{len(found)} matches")
        )
        assert cli.main(["match", *pair, "-o", str(tmp_path / "m.png"), "--quiet"]) == 0
        assert (f"{count} matches" in capsys.readouterr().err) == told


def test_every_command_takes_a_level():
    for name, parser in build(COMMANDS)[1].items():
        assert "[debug, info, warning, error; default warning]" in " ".join(parser.format_help().split()), name


def test_what_a_process_sets_is_told_at_info(python):
    code = "import os, sys; os.environ.pop('MKL_CBWR', None); import cli; sys.exit(cli.main(sys.argv[1:]))"
    done = python("-c", code, "help", "--log-level", "info")
    assert done.returncode == 0 and "dst: info: MKL_CBWR=AUTO: " in done.stderr and done.stdout.startswith("usage")
    assert python("-c", code, "help").stderr == ""


def test_what_a_file_holds_in_vain_is_told_at_info(stand_in, pair, tmp_path, capsys):
    (tmp_path / "r.toml").write_text("warp = false\nalpha = 3")
    arguments = ["demo", "-o", str(tmp_path / "demo"), "--config", str(tmp_path / "r.toml"), "--log-level", "info"]
    assert cli.main(arguments) == 0
    assert re.findall("info: .*means nothing.*", capsys.readouterr().err) == [
        f"info: {tmp_path / 'r.toml'}: warp means nothing to `dst demo`"
    ]


def test_a_line_stands_above_a_bar(monkeypatch, capsys):
    from dst.cli.logs import log_to_stderr
    from dst.cli.progress import Progress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = Progress()
    progress.on_stage("match", "start")
    with log_to_stderr("info", quiet=False):
        logging.getLogger("dst.deform.painting").info("words")
    progress.on_stage("match", "end")
    assert re.search(r"(^|\r) *\r?dst: info: words\n", capsys.readouterr().err)


def test_a_run_logs_its_stages_sizes_scales_matches_and_memory(monkeypatch, caplog):
    monkeypatch.setattr(painting, "figures", dict)
    with caplog.at_level(logging.DEBUG, logger="dst"):
        result = pipeline.stylize(blobs((48, 40), 1), blobs((48, 52), 2), points=np.array(POINTS, float), **SMALL)
    told = {
        level: [r.getMessage() for r in caplog.records if r.levelno == level] for level in (logging.INFO, logging.DEBUG)
    }
    assert {record.name for record in caplog.records} == {"dst.deform.painting"}
    assert [line.partition(":")[0] for line in told[logging.INFO]] == ["read", "match", "warp", "optimize", "finish"]
    assert all(re.fullmatch(r"\w+: \d+\.\d s", line) for line in told[logging.INFO])
    assert told[logging.DEBUG][:3] == [
        "content of 48 x 40 pixels, painted at 64 x 53",
        f"5 points: {result.record['matches']['verdict']}",
        "scale of 64 x 53 pixels, 2 steps",
    ]
    last = r"the network computes in (float32|bfloat16); about \d+\.\d GB of memory at most"
    assert re.fullmatch(last, told[logging.DEBUG][3])


def test_the_library_says_nothing_by_itself(monkeypatch, capfd):
    before = list(logging.getLogger().handlers)
    monkeypatch.setattr(painting, "figures", dict)
    pipeline.stylize(blobs((48, 40), 1), blobs((40, 52), 2), warp=False, **SMALL)
    assert capfd.readouterr() == ("", "") and logging.getLogger().handlers == before
