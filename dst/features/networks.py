"""Tables of the networks: their layers, channels and input convention.

Four networks, all of the VGG family (Simonyan & Zisserman, "Very deep convolutional networks for large-scale image
recognition", ICLR 2015): 3x3 convolutions, each with a bias and a ReLU, in five levels with 2x2 max pooling between.

- `compact`: this project's own network, shipped in the package (docs/compact-encoder.md is its card).
- `vgg19`, `vgg16`: the published networks, trained on ImageNet; Creative Commons Attribution 4.0. They come through
  torchvision's model zoo, or from a file.
- `vgg19-16x`: a VGG-19 encoder with a quarter of the channels, by the authors of "Collaborative Distillation for
  Ultra-Resolution Universal Style Transfer" (Wang et al., CVPR 2020; MIT licence). From a file only.
"""

from __future__ import annotations

from dataclasses import dataclass

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Network:
    """One network's shape, input convention and origin.

    `widths[level][i]` is the number of channels of `conv{level + 1}_{i + 1}`. `padding` says what stands beyond the
    border of every convolution's input: `reflect`, `zeros`, or `circular`, where the image goes on from its other side.
    `pooling`, `max` or `average`, stands between the levels. Images are RGB in [0, 1]; `mean` and `std` are applied inside
    the encoder.
    """

    name: str
    widths: tuple[tuple[int, ...], ...]
    padding: str
    origin: str
    licence: str
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    pooling: str = "max"

    def convolutions(self) -> dict[str, tuple[int, int]]:
        """Return `{"conv1_1": (channels in, channels out), ...}` in the order of the network."""
        found, before = {}, 3
        for level, widths in enumerate(self.widths, start=1):
            for i, width in enumerate(widths, start=1):
                found[f"conv{level}_{i}"] = (before, width)
                before = width
        return found

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor of the state dict."""
        found: dict[str, tuple[int, ...]] = {}
        for name, (before, width) in self.convolutions().items():
            found[f"{name}.weight"] = (width, before, 3, 3)
            found[f"{name}.bias"] = (width,)
        return found

    def torchvision_names(self) -> dict[str, str]:
        """Return `{"features.0": "conv1_1", ...}`: a ReLU follows each convolution and a pooling each level."""
        names, place = {}, 0
        for level, widths in enumerate(self.widths, start=1):
            for i in range(1, len(widths) + 1):
                names[f"features.{place}"] = f"conv{level}_{i}"
                place += 2
            place += 1
        return names


def _vgg(name: str, depths: tuple[int, ...]) -> Network:
    widths = tuple((width,) * depth for width, depth in zip((64, 128, 256, 512, 512), depths, strict=True))
    origin = "torchvision's model zoo, or a torchvision state dict given as a file"
    return Network(name, widths, "zeros", origin, "CC BY 4.0 (Simonyan & Zisserman)", IMAGENET_MEAN, IMAGENET_STD)


NETWORKS = {
    "compact": Network(
        "compact",
        ((16, 16), (32, 32), (64, 48, 32, 32), (80, 80, 64, 96), (96,)),
        "reflect",
        "the file inside this package",
        "Apache-2.0; see docs/compact-encoder.md for its teachers",
    ),
    "vgg19": _vgg("vgg19", (2, 2, 4, 4, 4)),
    "vgg16": _vgg("vgg16", (2, 2, 3, 3, 3)),
    "vgg19-16x": Network(
        "vgg19-16x",
        ((16,) * 2, (32,) * 2, (64,) * 4, (128,) * 4, (128,)),
        "reflect",
        "a file: the encoder of Collaborative Distillation (Wang et al., CVPR 2020) as safetensors",
        "MIT (Huan Wang)",
    ),
}
