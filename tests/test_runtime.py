"""What a process is told of its machine."""

import psutil
import pytest

from dst import runtime


@pytest.mark.parametrize(
    "limit, used, stat, left",
    [
        ("1000000", "400000", "anon 300000\ninactive_file 90000\nactive_file 10000\n", 690_000),
        ("1000000", "400000", "anon 300000\n", 600_000),
        ("max", "400000", "inactive_file 90000\n", 4e9),
        ("1000000", "400000", None, 4e9),
    ],
)
def test_free_memory_is_what_the_container_leaves_without_the_files_it_could_forget(
    tmp_path, monkeypatch, limit, used, stat, left
):
    for name, text in (("memory.max", limit), ("memory.current", used), ("memory.stat", stat)):
        if text is not None:
            (tmp_path / name).write_text(text)
    monkeypatch.setattr(runtime, "CONTROL_GROUP", tmp_path, raising=False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 4e9}))
    assert runtime.free_memory() == left
    assert runtime.free_memory("mps") is None
