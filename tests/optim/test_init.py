"""What the pixels start from."""

import numpy as np
import pytest
import torch

from dst.config import InputError
from dst.optim.init import first_guess


def test_first_guesses():
    generator = torch.Generator().manual_seed(0)
    content, style = (torch.rand(1, 3, *size, generator=generator) for size in ((30, 40), (20, 20)))
    assert first_guess("content", content, [style], 0) is None
    noise = [first_guess("noise", content, [style], seed) for seed in (0, 0, 1)]
    assert torch.equal(noise[0], noise[1]) and not torch.equal(noise[0], noise[2])
    flat = torch.tensor([0.1, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 20, 20)
    assert torch.allclose(first_guess("noise", content, [flat], 0), flat[..., :1, :1].expand_as(content))
    assert noise[0].std() < 0.5 * style.std() and (noise[0].mean() - style.mean()).abs() < 0.05
    assert first_guess("style", content, [style], 0).shape == content.shape
    image = first_guess(np.full((50, 20, 3), 51, np.uint8), content, [style], 0)
    assert image.shape == content.shape and torch.allclose(image, torch.tensor(0.2), atol=1e-3)
    with pytest.raises(InputError, match="did you mean 'noise'"):
        first_guess("noize", content, [style], 0)
