"""What a process is told of its machine."""

import psutil
import pytest
import torch

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


def test_the_precision_is_what_was_asked_for_and_on_the_processor_what_it_is_made_for(monkeypatch):
    for has, own in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(runtime, "has_matrix_units", lambda has=has: has)
        assert runtime.precision_of("auto", "cpu") == own
        assert runtime.precision_of("auto", "cuda:1") == runtime.precision_of("float32", "cpu") == "float32"
        assert runtime.precision_of("bfloat16", "cpu") == runtime.precision_of("bfloat16", "cuda") == "bfloat16"


@pytest.mark.parametrize(
    "held, expected",
    [
        ({}, True),
        ({"ONEDNN_MAX_CPU_ISA": "DEFAULT"}, True),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}, True),
        ({"ONEDNN_MAX_CPU_ISA": "avx512_core_bf16"}, False),
        ({"DNNL_MAX_CPU_ISA": "AVX2"}, False),
    ],
)
def test_matrix_units_that_the_environment_forbids_are_not_there(monkeypatch, held, expected):
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in held.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.cpu, "_init_amx", lambda: True, raising=False)
    assert runtime.has_matrix_units() is expected
    for name in ("_init_amx", "absent"):
        with monkeypatch.context() as patch:
            if name == "absent":
                patch.delattr(torch.cpu, "_init_amx")
            else:
                patch.setattr(torch.cpu, name, lambda: False)
            assert runtime.has_matrix_units() is False
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert runtime.has_matrix_units() is False
