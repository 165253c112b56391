"""What feed-forward networks are made of; without gradients large maps are made in strips, which are the same.

A layer that draws its weights has `draw(generator)`; `drawn` makes a network by them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from dst import runtime
from dst.config import TrainConfig

EPSILON, MOMENTUM = 1e-5, 0.1
"""Of the normalisations."""
SUMMED = 2**12
"""Positions of a map whose values are added in float32."""
VALUES = 2**25
"""Values of a layer's input that a strip has at the most, without gradients."""


REACH = 4
"""Rows of a map beyond a strip's own, of which its enlarged rows and those beside them are made."""


def drawn(make: Callable[[], nn.Module], generator: torch.Generator) -> nn.Module:
    """A network whose weights are drawn from a generator, and from nothing else.

    Args:
        make: gives the network; its layers draw nothing by themselves, as they are made without memory.
    """
    with torch.device("meta"):
        network = make()
    network.to_empty(device="cpu")
    with torch.no_grad():
        for module in network.modules():
            if hasattr(module, "draw"):
                module.draw(generator)
    return network.to(memory_format=torch.channels_last)


def in_precision(config: TrainConfig) -> torch.autocast:
    """What a network is run under in training: the type that the config asks for, its weights being float32 in any case.

    PyTorch would keep the rounded weights until the outermost such context ends, which is the training's (`runtime.computing`).
    """
    kind = config.device.partition(":")[0]
    asked = runtime.precision_of(config.precision, config.device)
    return torch.autocast(kind, torch.bfloat16, enabled=asked == "bfloat16", cache_enabled=False)


def exporting() -> bool:
    """Whether a network is being written as ONNX, which knows no function of our own, and has to fit every size."""
    return torch.onnx.is_in_onnx_export()


class Padded(nn.Module):
    """A convolution with a mirrored border, of which the output has the input's size over the stride.

    `padding` is `reflect`, or `circular`. Weights are drawn uniformly within 1 / sqrt(inputs), as PyTorch's own. Where an
    instance normalisation follows, the bias is of no effect and stays 0: its gradient is rounding alone, which Adam would follow.
    """

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int = 1, padding: str = "reflect", then: str = ""
    ) -> None:
        """`then`: the kind of the `Normal` that follows, if one does."""
        super().__init__()
        self.convolution = nn.Conv2d(channels, out, kernel, stride)
        self.convolution.bias.requires_grad_(then != "instance")
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def draw(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        weight, bias = self.convolution.weight, self.convolution.bias
        near = weight[0].numel() ** -0.5
        weight.uniform_(-near, near, generator=generator)
        bias.uniform_(-near, near, generator=generator)
        if not bias.requires_grad:
            bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, H / stride, W / stride), rounded up."""
        half = self.kernel // 2
        if exporting() or torch.is_grad_enabled() or x.numel() <= VALUES:
            return self._convolved(self._bordered(x, half, half))
        made = lambda part, top, bottom: self._convolved(self._bordered(part, top, bottom, x))  # noqa: E731
        return strips(x, self.stride, half, made)

    def _convolved(self, x: Tensor) -> Tensor:
        return self.convolution(x)

    def _bordered(self, x: Tensor, top: int, bottom: int, whole: Tensor | None = None) -> Tensor:
        """A map, or a strip of `whole`, with its border: so many rows above and below."""
        half = self.kernel // 2
        if not half:
            return x
        if whole is not None and self.padding == "circular":  # what lies beyond a strip is at the map's other end
            around = [whole[:, :, whole.shape[2] - top :], x, whole[:, :, :bottom]]
            x, top, bottom = torch.cat(around, 2), 0, 0
        mode = self.padding if min(x.shape[2:]) > half else "replicate"
        return F.pad(x, (half, half, top, bottom), mode=mode)


def strips(x: Tensor, stride: int, reach: int, made: Callable[[Tensor, int, int], Tensor]) -> Tensor:
    """What a layer makes of a large map, strip by strip.

    Args:
        x: (N, C, H, W).
        stride: rows of the input that are one of the output.
        reach: rows that an output sees beyond its own on each side.
        made: the layer, of rows of the input and how many rows of border it has to put above and below.
    """
    height = x.shape[2]
    rows = max(8 * reach, stride, VALUES // (x.numel() // height)) // stride * stride
    out, done = None, 0
    for start in range(0, height, rows):
        end = min(start + rows, height)
        above, below = min(reach, start), min(reach, height - end)
        part = made(x[:, :, start - above : end + below], reach - above, reach - below)
        if out is None:
            size = (*part.shape[:2], -(-height // stride), part.shape[3])
            out = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        out[:, :, done : done + part.shape[2]] = part
        done += part.shape[2]
    return out


class _Gathered(torch.autograd.Function):
    """Sums over the rows that a kernel sees: (N, k n, H + k - 1, W) to (N, n, H, W), channel `r n + c` of row `y + r` into c of y."""

    @staticmethod
    def forward(ctx, x, kernel):
        ctx.kernel = kernel
        n, high = x.shape[1] // kernel, x.shape[2] - kernel + 1
        total = x[:, :n, :high].clone(memory_format=torch.channels_last)
        for r in range(1, kernel):
            total += x[:, r * n : (r + 1) * n, r : r + high]
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        count, n, high, wide = grad.shape
        size = (count, wide, n * ctx.kernel, high + ctx.kernel - 1)
        found = grad.new_zeros((size[0], size[3], size[1], size[2])).permute(0, 3, 1, 2)
        for r in range(ctx.kernel):
            found[:, r * n : (r + 1) * n, r : r + high] = grad
        return found, None


class Narrow(Padded):
    """As `Padded`, for few channels out of a large kernel: rows of the kernel first, as channels, then their sum.

    A convolution to three channels leaves most of the processor's vector units idle; this takes a third of its time.
    """

    def _convolved(self, x: Tensor) -> Tensor:
        if exporting():
            return self.convolution(x)
        weight = self.convolution.weight  # (n, C, k, k) to (k n, C, 1, k)
        rows = weight.permute(2, 0, 1, 3).flatten(0, 1)[:, :, None].contiguous(memory_format=torch.channels_last)
        return _Gathered.apply(F.conv2d(x, rows), self.kernel) + self.convolution.bias[:, None, None]


class Enlarged(nn.Module):
    """Maps of twice the size: enlarged, then a convolution of 3 x 3; or a transposed convolution of 3 x 3 with stride 2.

    Source: Odena, Dumoulin and Olah 2016, "Deconvolution and checkerboard artifacts", of why enlarging comes first.
    """

    def __init__(self, channels: int, out: int, how: str = "nearest", kernel: int = 3, then: str = "") -> None:
        """`then`: as of `Padded`."""
        super().__init__()
        self.how = how
        if how == "transposed":
            self.convolution = nn.ConvTranspose2d(channels, out, kernel, 2, kernel // 2, output_padding=1)
            self.convolution.bias.requires_grad_(then != "instance")
        else:
            self.padded = Padded(channels, out, kernel, then=then)

    def draw(self, generator: torch.Generator) -> None:
        """Draw the weights; those of a `Padded` draw themselves."""
        if self.how == "transposed":
            weight, bias = self.convolution.weight, self.convolution.bias
            near = weight[:, 0].numel() ** -0.5
            weight.uniform_(-near, near, generator=generator)
            bias.uniform_(-near, near, generator=generator)
            if not bias.requires_grad:
                bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, 2 H, 2 W)."""
        if self.how == "transposed":
            return self.convolution(x)
        if exporting() or torch.is_grad_enabled() or 4 * x.numel() <= VALUES:
            return self.padded(enlarged(x, self.how))
        return self._in_strips(x)

    def _in_strips(self, x: Tensor) -> Tensor:
        """Strip by strip, so that the enlarged map, the largest of all, is never there as a whole."""
        height, half = x.shape[2], self.padded.kernel // 2
        rows, out = max(8, VALUES // (4 * x.numel() // height)), None
        for start in range(0, height, rows):
            end = min(start + rows, height)
            above, below = min(REACH, start), min(REACH, height - end)
            part = enlarged(x[:, :, start - above : end + below], self.how)
            top, bottom = (
                half * (start == 0),
                half * (end == height),
            )  # rows of border, where there are none of the map's
            first = 2 * above - half + top
            part = part[:, :, first : first + 2 * (end - start) + 2 * half - top - bottom]
            made = self.padded._convolved(self.padded._bordered(part, top, bottom))
            if out is None:
                size = (*made.shape[:2], 2 * height, made.shape[3])
                out = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
            out[:, :, 2 * start : 2 * end] = made
        return out


def enlarged(x: Tensor, how: str = "nearest") -> Tensor:
    """Maps at twice the size, `nearest` or `bilinear`."""
    if how == "nearest":
        return F.interpolate(x, scale_factor=2, mode="nearest", align_corners=None)
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class _Normalised(torch.autograd.Function):
    """Images normalised each by its own statistics, then scaled and shifted: in a quarter of `F.instance_norm`'s time on a CPU.

    That one turns maps from channels last to channels first and back, which is most of its work.
    """

    @staticmethod
    def forward(ctx, x, scale, shift):
        mean, variance = statistics(x)
        inverse = torch.rsqrt(variance + EPSILON)
        ctx.save_for_backward(x, scale, mean, inverse)
        factor = scale * inverse
        moved = (shift - mean * factor).to(x.dtype)
        return torch.addcmul(moved[:, :, None, None], x, factor.to(x.dtype)[:, :, None, None])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, scale, mean, inverse = ctx.saved_tensors
        from_x, from_scale, from_shift = torch.empty_like(x), torch.empty_like(scale), torch.empty_like(scale)
        grad = grad.contiguous(memory_format=torch.channels_last)
        for k in range(len(x)):
            given = (grad[k : k + 1], x[k : k + 1], scale[k], None, None, mean[k], inverse[k])
            from_x[k : k + 1], from_scale[k], from_shift[k] = torch.ops.aten.native_batch_norm_backward(
                *given, True, EPSILON, [True, True, True]
            )
        return from_x, from_scale, from_shift


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each image's channels, (N, C, H, W) to (N, C) twice."""
    if x.device.type != "cpu" or exporting():
        variance, mean = torch.var_mean(x, (2, 3), correction=0)
        return mean, variance
    found = [_statistics(image) for image in x.split(1)]
    exact = torch.promote_types(x.dtype, torch.float32)
    mean, variance = (torch.stack([pair[k] for pair in found]).to(exact) for k in (0, 1))
    return mean, variance


def _statistics(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the channels of an image (1, C, H, W), in a tenth of `torch.var_mean`'s time.

    What is called for it adds value after value in float32, so that a large map's variance would be off by a thousandth: strips are
    joined in float64.
    """
    parts = image.split(max(1, SUMMED // image.shape[3]), 2)
    found = [torch.batch_norm_update_stats(part, None, None, 0.0) for part in parts]
    means, variances = (torch.stack([pair[k] for pair in found]).double() for k in (0, 1))
    share = torch.tensor([[part.shape[2] / image.shape[2]] for part in parts], dtype=torch.float64)
    mean = (share * means).sum(0)
    return mean, (share * (variances + (means - mean).square())).sum(0)


class Normal(nn.Module):
    """Normalisation by each picture's statistics, or the batch's, then a scale and a shift of each style's own.

    Several styles are mixed by their shares: their scales and shifts are.

    Source: Ulyanov, Vedaldi and Lempitsky 2017 (instance normalisation); Dumoulin, Shlens and Kudlur 2017, equation 5 (conditional).
    """

    def __init__(self, channels: int, styles: int = 1, kind: str = "instance") -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(styles, channels))
        self.shift = nn.Parameter(torch.empty(styles, channels))
        self.kind = kind
        if kind == "batch":
            self.register_buffer("mean", torch.empty(channels))
            self.register_buffer("variance", torch.empty(channels))

    def draw(self, generator: torch.Generator) -> None:
        """Scales of 1 and shifts of 0."""
        self.scale.fill_(1)
        self.shift.zero_()
        if self.kind == "batch":
            self.mean.zero_()
            self.variance.fill_(1)

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """(N, C, H, W) and shares of the styles (N or 1, styles) to (N, C, H, W); without gradients `x` is changed in place."""
        scale, shift = (
            (mix[:, :, None] * values).sum(1).expand(len(x), -1) for values in (self.scale, self.shift)
        )  # in float32 always
        if exporting() or torch.is_grad_enabled() or self.training:
            return self._trained(x, scale, shift)
        mean, variance = (self.mean[None], self.variance[None]) if self.kind == "batch" else statistics(x)
        factor = scale * torch.rsqrt(variance + EPSILON)
        return torch.addcmul((shift - mean * factor)[:, :, None, None], x, factor[:, :, None, None], out=x)

    def _trained(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        if self.kind == "instance" and x.device.type == "cpu" and not exporting():
            return _Normalised.apply(x, scale, shift)
        if self.kind == "instance":
            normal = F.instance_norm(x, eps=EPSILON)
        else:
            normal = F.batch_norm(x, self.mean, self.variance, training=self.training, momentum=MOMENTUM, eps=EPSILON)
        return torch.addcmul(shift[:, :, None, None], normal, scale[:, :, None, None])


class Residual(nn.Module):
    """Two convolutions of 3 x 3 with their normalisations, added to what they were given (Johnson et al. 2016)."""

    def __init__(self, channels: int, styles: int = 1, kind: str = "instance") -> None:
        super().__init__()
        self.first, self.second = (Padded(channels, channels, 3, then=kind) for _ in range(2))
        self.normals = nn.ModuleList([Normal(channels, styles, kind) for _ in range(2)])

    def forward(self, x: Tensor, mix: Tensor) -> Tensor:
        """(N, C, H, W) and shares of the styles to (N, C, H, W)."""
        inside = F.relu_(self.normals[0](self.first(x), mix))
        return self.normals[1](self.second(inside), mix) + x


def fitted(images: Tensor, unit: int) -> Tensor:
    """Images whose sides are multiples of `unit`, their borders repeated on the right and below."""
    right, below = (-images.shape[k] % unit for k in (3, 2))
    return F.pad(images, (0, right, 0, below), mode="replicate") if exporting() or right or below else images
