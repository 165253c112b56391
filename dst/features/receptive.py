"""Which pixels a position of a layer sees, from a network's table alone."""

from __future__ import annotations

from typing import NamedTuple

from dst.features.networks import Network


class Field(NamedTuple):
    """A rectangle of pixels, its ends not included; it may go on beyond the image."""

    top: int
    bottom: int
    left: int
    right: int


def receptive_field(network: Network, layer: str, place: tuple[int, int], size: tuple[int, int] | None = None) -> Field:
    """The pixels that one position of a layer depends on; on all others it does not.

    Args:
        network: a table of `NETWORKS`, or another.
        layer: such as `relu3_1`.
        place: (row, column) of the position.
        size: (H, W) of the image, to leave out what lies beyond it: its border, zeros or reflected, is made of no others. None
            for the whole field, as in an image without a border.

    Source: the recursion r_(l-1) = s r_l + (k - s) for kernels k and strides s (Araujo, Norris and Sim, "Computing Receptive
    Fields of Convolutional Neural Networks", Distill 2019), followed position by position, so that it is exact at a border too.
    """
    steps = _steps(network, layer)
    (top, bottom), (left, right) = (_span(steps, place[axis], None if size is None else size[axis]) for axis in (0, 1))
    return Field(top, bottom, left, right)


def field_side(network: Network, layer: str) -> int:
    """Side of the square that `receptive_field` gives without a border, pixels."""
    field = receptive_field(network, layer, (0, 0))
    return field.bottom - field.top


def _steps(network: Network, layer: str) -> list[int]:
    """What leads from the pixels to a layer: 3 for a convolution, 2 for a pooling between levels."""
    steps, level = [], "1"
    for conv in network.convolutions():
        steps += [2, 3] if conv[4] != level else [3]
        level = conv[4]
        if conv.replace("conv", "relu") == layer:
            return steps
    raise KeyError(layer)


def _span(steps: list[int], place: int, length: int | None) -> tuple[int, int]:
    """First pixel and the one after the last that a position sees along one axis of `length` pixels."""
    lengths = []  # of the input of each step
    for step in steps if length is not None else ():
        lengths.append(length)
        length = length // 2 if step == 2 else length
    low = high = place
    for k in reversed(range(len(steps))):
        low, high = (2 * low, 2 * high + 1) if steps[k] == 2 else (low - 1, high + 1)
        if lengths:
            low, high = max(low, 0), min(high, lengths[k] - 1)
    return low, high + 1
