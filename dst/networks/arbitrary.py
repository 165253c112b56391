"""Any style at once: a network that reads a painting into a hundred numbers, and one that paints a photograph by them.

The weights are those of Magenta's arbitrary image stylisation, dequantised (see NOTICE). Source: Ghiasi, Lee, Kudlur, Dumoulin and
Shlens 2017, "Exploring the structure of a real-time, arbitrary neural artistic stylization network", with a MobileNet V2 (Sandler and
others 2018) in the place of their Inception network, as in the released weights.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dst import runtime
from dst.files import read_shipped

FILE = "arbitrary.safetensors"
SHA256 = "d1a9f38e800a42e57037b145c665ae9358bf0641b36333a94c8826afba11514a"
CODE = 100
"""Numbers that stand for a style."""
SIDE = 256
"""Short side that the style is read at, pixels: the network was trained at it."""
BLOCKS = ((16, 1, 1, 1), (24, 2, 2, 6), (32, 3, 2, 6), (64, 4, 2, 6), (96, 3, 1, 6), (160, 3, 2, 6), (320, 1, 1, 6))
"""Of the MobileNet: channels, blocks, the first one's stride, how many times as many channels are inside."""
WIDTHS = (8, 16, 32)
"""Channels of the painting network, at its full size, half and a quarter of it."""
LEAST = 16
"""Pixels that the painting network is given on each side at the least: at a quarter of it there is something to mirror."""
EPS = 1e-5
"""Added to variances, as in the released network."""


def _same(images: Tensor, stride: int, kernel: int = 3) -> Tensor:
    """Zeros around images as TensorFlow puts them for a convolution that keeps the size: the odd one behind."""
    pads = []
    for side in (images.shape[3], images.shape[2]):
        needed = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads += [needed // 2, needed - needed // 2]
    return F.pad(images, pads)


class _Inverted(nn.Module):
    """An inverted residual block: widened, filtered channel by channel, narrowed."""

    def __init__(self, channels: int, out: int, stride: int, factor: int) -> None:
        super().__init__()
        wide = factor * channels
        self.expand = nn.Conv2d(channels, wide, 1) if factor > 1 else nn.Identity()
        self.depthwise = nn.Conv2d(wide, wide, 3, stride, groups=wide)
        self.project = nn.Conv2d(wide, out, 1)
        self.stride, self.adds, self.widens = stride, stride == 1 and channels == out, factor > 1

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self.expand(x)) if self.widens else x
        found = self.project(F.relu6(self.depthwise(_same(wide, self.stride))))
        return x + found if self.adds else found


class Predictor(nn.Module):
    """Images (N, 3, H, W) in [0, 1] to their styles' codes, (N, 100)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2)
        blocks, channels = [], 32
        for out, count, stride, factor in BLOCKS:
            for k in range(count):
                blocks.append(_Inverted(channels, out, stride if k == 0 else 1, factor))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(channels, 1280, 1)
        self.code = nn.Conv2d(1280, CODE, 1)

    def forward(self, images: Tensor) -> Tensor:
        found = self.blocks(F.relu6(self.stem(_same(images, 2))))
        return self.code(F.relu6(self.last(found)).mean((2, 3), keepdim=True))[:, :, 0, 0]


class _Styled(nn.Module):
    """A convolution whose channels are normalised over the image, then scaled and shifted as a style's code says."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, out, kernel, bias=False)
        self.scale, self.shift = nn.Linear(CODE, out), nn.Linear(CODE, out)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        found = self.convolution(_mirrored(x, self.convolution.kernel_size[0]))
        normal = F.instance_norm(found, eps=EPS)
        return normal * self.scale(code)[:, :, None, None] + self.shift(code)[:, :, None, None]


def _mirrored(images: Tensor, kernel: int) -> Tensor:
    return F.pad(images, (kernel // 2,) * 4, mode="reflect")


class Painter(nn.Module):
    """Images (N, 3, H, W) in [0, 1] and codes (N or 1, 100) to painted images of the same size, in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.contract = nn.ModuleList(
            [nn.Conv2d(3, first, 9), nn.Conv2d(first, second, 3, 2), nn.Conv2d(second, third, 3, 2)]
        )
        self.residual = nn.ModuleList([nn.ModuleList([_Styled(third, third, 3) for _ in range(2)]) for _ in range(5)])
        self.expand = nn.ModuleList([_Styled(third, second, 3), _Styled(second, first, 3), _Styled(first, 3, 9)])

    def forward(self, images: Tensor, code: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        more = [max(LEAST - side, -side % 4) for side in (width, height)]
        x = F.pad(images, (0, more[0], 0, more[1]), mode="replicate")  # sides in fours, cut off again below
        for layer in self.contract:
            x = F.relu(layer(_mirrored(x, layer.kernel_size[0])))
        for first, second in self.residual:
            x = x + second(F.relu(first(x, code)), code)
        for layer in self.expand[:2]:
            x = F.relu(layer(x.repeat_interleave(2, 2).repeat_interleave(2, 3), code))
        return torch.sigmoid(self.expand[2](x, code))[..., :height, :width]


class Arbitrary(nn.Module):
    """Both networks.

    Source: as of the module. A departure: codes are mixed between styles, and with the photograph's own for less strength, as the
    paper's section 4.3 shows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.predictor, self.painter = Predictor(), Painter()

    def code(self, image: Tensor) -> Tensor:
        """The code of an image (1, 3, H, W) in [0, 1], seen at a short side of 256 pixels: (1, 100)."""
        height, width = image.shape[-2:]
        share = SIDE / min(height, width)
        size = [max(SIDE, min(4 * SIDE, round(side * share))) for side in (height, width)]
        return self.predictor(F.interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False))


@functools.lru_cache(2)
def load(device: str = "cpu") -> Arbitrary:
    """The networks with the weights that come with the package, on a device, without gradients.

    Raises:
        InputError: the file of weights is missing, damaged or exchanged.
    """
    data = safetensors.torch.load(read_shipped(Path(__file__).parent / FILE, SHA256))
    found = Arbitrary()
    found.load_state_dict({name: _dequantised(name, data) for name in found.state_dict()})
    return found.requires_grad_(False).eval().to(runtime.usable_device(device))


@torch.no_grad()
def painted_at_once(
    content: Tensor, styles: Sequence[Tensor], weights: Sequence[float] | None = None, strength: float = 1.0
) -> Tensor:
    """A photograph in the manner of one painting, or of a mixture of several, in one pass.

    Args:
        content: (1, 3, H, W) in [0, 1], of any size; where it is decides where the networks run.
        styles: (1, 3, h, w) in [0, 1].
        weights: share of each style; None for equal ones.
        strength: from 0, the photograph in its own manner, to 1.

    Returns:
        (1, 3, H, W) in [0, 1].
    """
    network = load(str(content.device))
    shares = [1.0] * len(styles) if weights is None else list(weights)
    codes = [share / sum(shares) * network.code(image.to(content)) for image, share in zip(styles, shares, strict=True)]
    code = torch.stack(codes).sum(0)
    if strength < 1:
        code = torch.lerp(network.code(content), code, strength)
    return network.painter(content, code)


def _dequantised(name: str, data: dict[str, Tensor]) -> Tensor:
    """A tensor of the network: 8-bit numbers times a scale for each channel of the output, or as it is."""
    scale = data.get(f"{name}.step")
    return data[name] if scale is None else data[name].float() * scale.view(-1, *[1] * (data[name].dim() - 1))
