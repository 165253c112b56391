"""Images brought to a size."""

import torch

from dst.imaging import cover


def test_cover_keeps_the_aspect():
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 32, 64)
    covered = cover(ramp, (32, 32))
    assert torch.allclose(covered, ramp[..., 16:48], atol=1e-5)
