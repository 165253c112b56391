"""What a process needs before it computes, set once: the command line, a notebook, the page and a worker call `prepare`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")
"""Where Linux tells a container its limits."""

SPARE = 0.9
"""Share of the free memory that work may plan with."""


def prepare() -> list[str]:
    """Set what makes a process repeat itself to the last bit and keep freed memory; a second call changes nothing.

    What was set is logged, too.

    Returns:
        One sentence for each thing that this call set; empty where all was set before.
    """
    import logging  # here, so that --help need not wait for it

    said = []
    if "MKL_CBWR" not in os.environ:
        os.environ["MKL_CBWR"] = "AUTO"
        late = ", which takes effect where no matrix product was made before" if "torch" in sys.modules else ""
        said.append(f"MKL_CBWR=AUTO: the matrix library gives the same bits every time{late}")
    if not _done:
        logging.getLogger("dst").addHandler(logging.NullHandler())  # who uses the library decides what is shown
    if not _done and _keep_freed_memory():
        said.append("mallopt: memory that is freed stays with the process, to be used again at once")
    _done.append(True)
    for line in said:
        logging.getLogger(__name__).info(line)
    return said


_done: list[bool] = []


def _keep_freed_memory() -> bool:
    """Ask glibc to keep what is freed: by default it gives large blocks back, and every tensor's pages are faulted anew.

    A step allocates and frees the same few dozen large tensors; this saves a quarter to a third of its time at 512 pixels,
    and where the C library is another one nothing happens.
    """
    import ctypes

    m_trim_threshold, m_mmap_threshold, limit = -1, -3, 2**30
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(m_mmap_threshold, limit)) & bool(mallopt(m_trim_threshold, limit))


@contextlib.contextmanager
def computing(threads: int = 0) -> Iterator[int]:
    """Compute as in a fresh process, whatever the caller has set: with gradients, in float32, on the CPU unless told otherwise.

    The process is prepared first (`prepare`).

    Args:
        threads: of the processor, on which the last bits of a result depend; 0 for as many as PyTorch has now.

    Yields:
        The number of threads. At the end all is as it was before.
    """
    prepare()
    import torch

    dtype, device, count = torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads()
    with contextlib.ExitStack() as stack:
        stack.callback(torch.set_num_threads, count)
        stack.callback(torch.set_default_dtype, dtype)
        torch.set_default_dtype(torch.float32)
        if threads:
            torch.set_num_threads(threads)
        if device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", *(["cuda"] if torch.cuda.is_available() else [])):
            stack.enter_context(torch.autocast(kind, enabled=False))
        yield torch.get_num_threads()


def usable_device(name: str):
    """The torch.device of a name.

    Raises:
        InputError: it is not there.
    """
    import torch

    from dst.config import InputError

    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).strip().splitlines()[0]
        raise InputError(
            f"device {str(name)!r} cannot be used ({why}): choose one that is there, such as 'cpu'"
        ) from error
    return device


def precision_of(asked: str, device: str) -> str:
    """`float32` or `bfloat16`: what the option `precision` comes to on a device."""
    if asked != "auto":
        return asked
    return "bfloat16" if device.partition(":")[0] == "cpu" and has_matrix_units() else "float32"


def has_matrix_units() -> bool:
    """Whether this processor multiplies matrices of bfloat16 in hardware (AMX), and the process may use it.

    Told by what is there and not by trying, so that it is the same every time. Convolutions then take less than half as long
    as in float32; with vector instructions for bfloat16 alone half as long again, and without them many times as long. Not
    where the environment holds PyTorch, or the library that its convolutions come from, to older instructions.
    """
    import torch

    allowed = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "DEFAULT"
    if allowed.upper() not in ("DEFAULT", "ALL") and "AMX" not in allowed.upper():
        return False
    if not torch.backends.mkldnn.is_available() or not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    # asks the system for leave too, as the convolutions would; a PyTorch without the name counts as a processor without
    return bool(getattr(torch.cpu, "_init_amx", bool)())


def free_memory(device: str = "cpu") -> float | None:
    """Bytes that a run may still take: of the accelerator, or of this machine and of the container that holds us.

    None where that cannot be told, as of an accelerator that is no CUDA device.
    """
    kind = device.partition(":")[0]
    if kind == "cuda":
        import torch

        return float(torch.cuda.mem_get_info(torch.device(device))[0])
    if kind != "cpu":
        return None
    import psutil

    found = [float(psutil.virtual_memory().available), _container_left()]
    return min(amount for amount in found if amount is not None)


def _container_left() -> float | None:
    """What a Linux control group leaves, where one sets a limit; files it has read lately count as free, as they can go."""
    try:
        limit, used, parts = (
            (CONTROL_GROUP / name).read_text(encoding="ascii")
            for name in ("memory.max", "memory.current", "memory.stat")
        )
        kept = dict(line.split() for line in parts.splitlines())
        return float(limit) - float(used) + float(kept.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
