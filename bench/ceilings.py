"""What this machine can do at best: the rates that every figure of the benchmark is compared with."""

from __future__ import annotations

import statistics
import time

import torch
from torch.nn import functional as F

SHAPES = ((16, 256), (32, 128), (64, 64), (128, 32))
"""Channels and side of the convolutions timed: those of a compact encoder's levels."""


def median_seconds(work, runs: int = 9, device: str = "cpu") -> float:
    """Median seconds of a call, after two that are not counted."""
    times = []
    for index in range(runs + 2):
        began = time.perf_counter()
        work()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize()
        if index > 1:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def ceilings(device: str = "cpu") -> dict[str, float]:
    """GFLOP/s of 3 x 3 convolutions (mean over the levels' shapes) and of a matrix product, float32 and bfloat16."""
    found = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        rates = []
        for channels, side in SHAPES:
            x = (
                torch.randn(2, channels, side, side, device=device)
                .to(dtype)
                .contiguous(memory_format=torch.channels_last)
            )
            w = (
                torch.randn(channels, channels, 3, 3, device=device)
                .to(dtype)
                .contiguous(memory_format=torch.channels_last)
            )
            seconds = median_seconds(lambda x=x, w=w: F.conv2d(x, w, padding=1), device=device)
            rates.append(2 * 2 * 9 * channels**2 * side**2 / seconds / 1e9)
        found[f"convolution {name}"] = statistics.fmean(rates)
        a = torch.randn(1024, 1024, device=device).to(dtype)
        found[f"matrix product {name}"] = 2 * 1024**3 / median_seconds(lambda a=a: a @ a, device=device) / 1e9
    return found
