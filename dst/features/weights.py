"""Where an encoder's weights come from: a name or a file turned into a checked state dict."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import torch

from correspondence.common import read_regular
from dst.config import InputError, check_choice
from dst.features.networks import NETWORKS, Network

COMPACT_FILE = Path(__file__).with_name("compact.safetensors")
COMPACT_SHA256 = "b6d6e2080edfe5db5cbaacee79f6d07b179a5664927392cae28c1dea4be6eeb2"
"""What `compact.safetensors` must hash to; a damaged or exchanged file is refused."""
MAX_BYTES = 8 * 10**9
"""The most that is read of a file of weights; those of VGG-19 with its classifier are 0.6 GB."""


def load_weights(name: str, file=None) -> dict[str, torch.Tensor]:
    """Return a network's checked float32 state dict: `{"conv1_1.weight": (16, 3, 3, 3), ...}`, on the CPU.

    Args:
        name: one of `NETWORKS`.
        file: a safetensors file, or a state dict that torch saved, with this project's names (`conv1_1.weight`) or
            torchvision's (`features.0.weight`). None: the embedded file for `compact`, torchvision's zoo for VGG.

    Raises:
        InputError: an unknown name; a file that is missing, unreadable or of another network; VGG weights asked for
            where torchvision cannot supply them.
    """
    return load_with_hash(name, file)[0]


def load_with_hash(name: str, file=None) -> tuple[dict[str, torch.Tensor], str]:
    """As `load_weights`, with the sha256 of the file (of the tensors, when they come from torchvision)."""
    network = NETWORKS[check_choice("encoder", name, NETWORKS)]
    if file is not None:
        raw, digest = _read(Path(file))
        return _checked(network, raw, str(file)), digest
    if name == "compact":
        raw, digest = _read(COMPACT_FILE)
        if digest != COMPACT_SHA256:
            raise InputError(
                f"{COMPACT_FILE.name} is not the file that this version was released with (its sha256 begins "
                f"{digest[:12]}, not {COMPACT_SHA256[:12]}): reinstall the package"
            )
        return _checked(network, raw, COMPACT_FILE.name), digest
    if name in ("vgg16", "vgg19"):
        state = _checked(network, _from_torchvision(name), "torchvision's zoo")
        return state, fingerprint(state)
    raise InputError(f"encoder {name!r} has no weights of its own: give them as a file (`weights`), {network.origin}")


def random_weights(network: str | Network, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return weights drawn for timing and tests: normal with variance 2 / inputs (He et al., ICCV 2015), no bias.

    Args:
        network: one of `NETWORKS`, by name, or any other.
        seed: of the draw.

    Raises:
        InputError: an unknown name.
    """
    if isinstance(network, str):
        network = NETWORKS[check_choice("encoder", network, NETWORKS)]
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in network.shapes().items():
        scale = (2 / (9 * shape[1])) ** 0.5 if len(shape) == 4 else 0.0
        state[key] = scale * torch.randn(shape, generator=generator)
    return state


def fingerprint(state: dict[str, torch.Tensor]) -> str:
    """Return the sha256 of a state dict's names and float32 values."""
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(state[key].detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, torch.Tensor], str]:
    """Return the tensors of a file and the sha256 of its bytes."""
    try:
        data = read_regular(path, MAX_BYTES)
    except (OSError, ValueError) as error:  # ValueError: no usable name
        why = getattr(error, "strerror", None) or "it cannot be read"
        raise InputError(f"weights file {path}: {why}; give a safetensors file or a saved state dict") from error
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load

            raw = load(data)
        else:
            import io

            raw = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"weights file {path} cannot be read as weights: it takes a .safetensors file or a saved state dict"
        ) from error
    if isinstance(raw, dict) and isinstance(raw.get("state_dict"), dict):
        raw = raw["state_dict"]
    tensors = isinstance(raw, dict) and all(isinstance(value, torch.Tensor) for value in raw.values())
    if not tensors or not raw:
        raise InputError(f"weights file {path} holds no state dict: it takes named tensors such as conv1_1.weight")
    return raw, hashlib.sha256(data).hexdigest()


def _renamed(network: Network, raw: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors under this project's names; what belongs to no convolution of an encoder is dropped."""
    known = network.torchvision_names()
    state = {}
    for key, value in raw.items():
        stem, _, kind = key.removeprefix("module.").rpartition(".")
        if re.fullmatch(r"\d+", stem):  # the state dict of `features` alone
            stem = f"features.{stem}"
        stem = known.get(stem, stem)
        if re.fullmatch(r"conv\d_\d|features\.\d+", stem):
            state[f"{stem}.{kind}"] = value
    return state


def _misfits(network: Network, raw: dict[str, torch.Tensor]) -> list[str]:
    """Return what keeps these tensors from being the network's, one phrase each."""
    state, shapes = _renamed(network, raw), network.shapes()
    missing = [f"{key} is missing" for key in shapes if key not in state]
    wrong = [
        f"{key} has shape {tuple(state[key].shape)} where {shape} is needed"
        for key, shape in shapes.items()
        if key in state and tuple(state[key].shape) != shape
    ]
    extra = [f"{key} belongs to no layer" for key in state if key not in shapes]
    return missing + wrong + extra


def _checked(network: Network, raw: dict[str, torch.Tensor], source: str) -> dict[str, torch.Tensor]:
    """Return the network's tensors in its order, as float32.

    Raises:
        InputError: a tensor is missing, has another shape, belongs to another network, or is not finite.
    """
    problems = _misfits(network, raw)
    if problems:
        fits = [other.name for other in NETWORKS.values() if other is not network and not _misfits(other, raw)]
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        advice = f"it fits {fits[0]!r}" if fits else f"give the weights of {network.name}: {network.origin}"
        raise InputError(
            f"weights from {source} do not fit {network.name!r}: {'; '.join(problems[:3])}{more}; {advice}"
        )
    state = _renamed(network, raw)
    state = {key: state[key].detach().to(torch.float32) for key in network.shapes()}
    broken = [key for key, value in state.items() if not torch.isfinite(value).all()]
    if broken:
        raise InputError(f"weights from {source}: {broken[0]} holds values that are not finite; fetch the file again")
    return state


def _from_torchvision(name: str) -> dict[str, torch.Tensor]:
    """Return torchvision's ImageNet state dict, downloaded on first use.

    Raises:
        InputError: torchvision cannot be imported, or the download fails.
    """
    instead = "give the weights as a file (`weights`), or take the encoder `compact`, which needs neither"
    try:
        import torchvision
    except Exception as error:  # an ImportError, or a RuntimeError where torchvision and torch are different builds
        why = "is not installed" if isinstance(error, ImportError) else f"cannot be imported here ({_line(error)})"
        raise InputError(f"{name} weights come through torchvision, which {why}: {instead}") from error
    try:
        weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
        return weights.get_state_dict(progress=False, check_hash=True)
    except Exception as error:
        raise InputError(f"{name} weights could not be fetched by torchvision ({_line(error)}): {instead}") from error


def _line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
