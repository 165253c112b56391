"""Train the compact trunk: distil a larger VGG-shaped trunk on a folder of images.

    python tools/train_compact.py --teacher vgg19-16x --weights teacher.safetensors --images photos/ --out run/
    python tools/train_compact.py --teacher vgg19 --images photos/ --out run/

The run folder gets a log, a checkpoint that a second call with the same arguments resumes from, and
compact.safetensors, written at every evaluation. Step n's crops depend on the seed and on n alone, so that an
interrupted run continues as if nothing had happened.

How it learns. The teacher is first scaled so that every layer's activations have mean square 1 (a ReLU network may be
scaled layer by layer), and each student channel is given one teacher channel to reproduce: those with the most
variance, in their order, so dead ones are left out. The first layers (to `--front`) can reproduce theirs all but
exactly; each is regressed by itself on the layer before it, and they are frozen once their share of the steps is over.
The others are trained end to end. The loss is the squared error per channel, over a compromise between that channel's
variance and the layer's, plus a term that keeps a channel from dying: where the teacher is active and the student is
silent, the ReLU would hide the error, so the student's negative pre-activation is pulled up. That term is the
difference between the squared error and the ReLU's matching loss, which is convex (Auer, Herbster & Warmuth, 1996); it
fades out over the first half.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from soap import Soap
from torch import nn
from training_images import Crops, read_folder, split
from trunk_errors import LEVELS, centre_crops, level_errors

from dst.trunk import ReluReflect, Trunk, load_trunk
from dst.weights import NETWORKS, Network

SHAPES = ((8, 128), (4, 192), (2, 256))
"""Crops of a step and their side: deep layers need to see far, shallow ones need variety."""

WEIGHT = {"relu4_1": 1.5, "relu5_1": 1.0}
AUXILIARY_WEIGHT = 0.3
INPUT_SHIFT, INPUT_SCALE = 0.5, 4.0


class Student(nn.Module):
    """The network in training: inputs centred, one convolution per layer, pre-activations at hand."""

    def __init__(self, network: Network, generator: torch.Generator) -> None:
        super().__init__()
        self.network = network
        self.convs = nn.ModuleDict()
        for name, (before, width) in network.convolutions().items():
            conv = nn.Conv2d(before, width, 3)
            nn.init.normal_(conv.weight, std=math.sqrt(2 / (9 * before)), generator=generator)
            nn.init.zeros_(conv.bias)
            self.convs[name.replace("conv", "relu")] = conv
        self.to(memory_format=torch.channels_last)

    def forward(self, images: torch.Tensor, front: list[str], learn_front: bool) -> dict[str, torch.Tensor]:
        """Return every layer's pre-activation. Layers in `front` learn from their own error alone, or not at all."""
        x = F.pad((images - INPUT_SHIFT) * INPUT_SCALE, (1, 1, 1, 1), mode="reflect")
        names, found = list(self.convs), {}
        for i, name in enumerate(names):
            with torch.set_grad_enabled(name not in front or learn_front):
                z = found[name] = self.convs[name](x)
            z = z.detach() if name in front else z
            if i + 1 < len(names) and names[i + 1][4] != name[4]:
                z = F.max_pool2d(z, 2)
            x = ReluReflect.apply(z)[1]
        return found

    def folded(self) -> dict[str, torch.Tensor]:
        """Return the state dict of a trunk that takes images in [0, 1] as they are."""
        state = {}
        for name, conv in self.convs.items():
            weight, bias = conv.weight.detach(), conv.bias.detach()
            if name == "relu1_1":
                bias = bias - INPUT_SHIFT * INPUT_SCALE * weight.sum((1, 2, 3))
                weight = weight * INPUT_SCALE
            key = name.replace("relu", "conv")
            state[f"{key}.weight"], state[f"{key}.bias"] = weight.cpu().contiguous(), bias.cpu().contiguous()
        return state


@torch.no_grad()
def unit_scale(teacher: Trunk, images: torch.Tensor) -> None:
    """Scale the teacher's layers, in place, so that each one's activations have mean square 1 over the images."""
    before = 1.0
    for name, feature in teacher(images, list(teacher.layers)).items():
        conv, scale = getattr(teacher, name.replace("relu", "conv")), 1 / feature.square().mean().sqrt().item()
        conv.weight *= scale / before
        conv.bias *= scale
        before = scale


class Targets:
    """Which teacher channels the student reproduces, and what an error in each of them costs."""

    @torch.no_grad()
    def __init__(self, teacher: Trunk, network: Network, images: torch.Tensor) -> None:
        self.channels, self.costs = {}, {}
        layers = {name.replace("conv", "relu"): width for name, (_, width) in network.convolutions().items()}
        for name, feature in teacher(images, [name for name in layers if name in teacher.layers]).items():
            variance = feature.transpose(0, 1).flatten(1).var(1)
            width = min(layers[name], len(variance))
            kept = variance.argsort(descending=True, stable=True)[:width].sort().values
            variance = variance / variance.mean()
            self.channels[name] = kept
            self.costs[name] = (1 / variance[kept].clamp_min(0.05).sqrt()).view(1, -1, 1, 1)
        self.layers = list(self.channels)

    def pick(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: features[name][:, self.channels[name]] for name in self.layers}

    def loss(self, name: str, z: torch.Tensor, target: torch.Tensor, pull: float) -> torch.Tensor:
        z = z[:, : target.shape[1]]
        error = 0.5 * (F.relu(z) - target).square()
        if pull > 0:
            error = error + pull * target * F.relu(-z)
        return (error * self.costs[name]).mean()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", default="vgg19-16x", help="trunk to distil (default %(default)s)")
    parser.add_argument("--weights", help="the teacher's weights file")
    parser.add_argument("--images", required=True, help="folder of training images")
    parser.add_argument("--out", required=True, help="run folder: log, checkpoint, compact.safetensors")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--front", default="relu3_1", help="last layer regressed by itself (default %(default)s)")
    parser.add_argument("--front-share", type=float, default=0.3, help="share of the steps the front learns for")
    parser.add_argument("--lr", type=float, default=3e-3, help="peak step size (default %(default)s)")
    parser.add_argument("--front-lr", type=float, default=1e-2, help="the same for the front (default %(default)s)")
    parser.add_argument("--held-out", type=float, default=0.04, help="share of the images held out")
    parser.add_argument("--every", type=int, default=250, help="steps between evaluations and checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the student; the teacher has its own")
    return parser.parse_args()


def save_trunk(state: dict[str, torch.Tensor], path: Path, notes: dict[str, str]) -> None:
    """Write a half-precision safetensors file, whole or not at all."""
    from safetensors.torch import save_file

    part = path.with_suffix(".part")
    save_file({key: value.half() for key, value in state.items()}, part, metadata=notes)
    os.replace(part, path)


class Training:
    """Everything a run needs to go on: student, its average, optimiser, step."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.out = Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        seeded = torch.Generator().manual_seed(args.seed)
        images = read_folder(args.images)
        self.images, held = split(images, args.held_out, seeded)
        self.held = centre_crops(held)
        self.teacher = load_trunk(args.teacher, args.weights, args.device)
        sample = Crops(self.images, seeded).batch(48, 128).to(args.device)
        unit_scale(self.teacher, sample)
        self.network = NETWORKS["compact"]
        self.targets = Targets(self.teacher, self.network, sample)
        self.student = Student(self.network, seeded).to(args.device)
        names = list(self.student.convs)
        self.front = names[: names.index(args.front) + 1] if args.front else []
        self.average = {key: value.detach().clone() for key, value in self.student.state_dict().items()}
        groups = [self._parameters(True), self._parameters(False)]
        self.optimiser = Soap([{"params": group} for group in groups if group], lr=args.lr)
        self.step = 0
        self.checkpoint = self.out / "checkpoint.pt"
        if self.checkpoint.exists():
            saved = torch.load(self.checkpoint, map_location=args.device, weights_only=True)
            self.student.load_state_dict(saved["student"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.average, self.step = saved["average"], saved["step"]

    def _parameters(self, front: bool) -> list[nn.Parameter]:
        found = [c.parameters() for name, c in self.student.convs.items() if (name in self.front) == front]
        return [p for group in found for p in group]

    def lesson(self, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return step `step`'s crops and the teacher's features of them."""
        torch.set_num_threads(self.args.threads)
        generator = torch.Generator().manual_seed(self.args.seed * 1_000_003 + step + 1)
        images = Crops(self.images, generator).batch(*SHAPES[step % len(SHAPES)]).to(self.args.device)
        with torch.no_grad():
            return images, self.targets.pick(self.teacher(images, self.targets.layers))

    def rates(self) -> tuple[float, float]:
        """Return this step's learning rates of the front and of the rest: a warm-up, then half a cosine to zero."""
        ends = self.args.front_share * self.args.steps, self.args.steps
        cosine = [0.5 * (1 + math.cos(math.pi * min(1, self.step / end))) if end else 0.0 for end in ends]
        warm = min(1, (self.step + 1) / 50)
        return self.args.front_lr * warm * cosine[0], self.args.lr * warm * cosine[1]

    def learn(self, images: torch.Tensor, targets: dict[str, torch.Tensor]) -> dict[str, float]:
        rates = self.rates()
        for group, rate in zip(self.optimiser.param_groups, rates if self.front else rates[1:], strict=True):
            group["lr"] = rate
        learn_front = bool(self.front) and self.step < self.args.front_share * self.args.steps
        pull = max(0.0, 1 - 2 * self.step / self.args.steps)
        found = self.student(images, self.front, learn_front)
        losses = {
            name: self.targets.loss(name, found[name], target, pull)
            for name, target in targets.items()
            if learn_front or name not in self.front
        }
        for group in self.optimiser.param_groups:
            for p in group["params"]:
                p.grad = None
        sum(WEIGHT.get(name, AUXILIARY_WEIGHT) * loss for name, loss in losses.items()).backward()
        self.optimiser.step()
        decay = min(0.995, (1 + self.step) / (10 + self.step))
        for key, value in self.student.state_dict().items():
            self.average[key].lerp_(value, 1 - decay)
        self.step += 1
        return {name: loss.item() for name, loss in losses.items()}

    def evaluate(self) -> dict[str, float]:
        """Write the averaged student as a trunk file and return its held-out errors."""
        learning = {key: value.clone() for key, value in self.student.state_dict().items()}
        self.student.load_state_dict(self.average)
        state = self.student.folded()
        self.student.load_state_dict(learning)
        notes = {"network": "compact", "teacher": self.args.teacher, "steps": str(self.step), "input": "RGB in [0, 1]"}
        notes |= {"padding": self.network.padding, "layers": ", ".join(self.student.convs)}
        save_trunk(state, self.out / "compact.safetensors", notes)
        trunk = Trunk(self.network, {key: value.half().float() for key, value in state.items()}).to(self.args.device)
        return level_errors(self.teacher, trunk, self.held, LEVELS, self.args.device)

    def save(self) -> None:
        part = self.checkpoint.with_suffix(".part")
        state = {"student": self.student.state_dict(), "optimiser": self.optimiser.state_dict()}
        torch.save(state | {"average": self.average, "step": self.step}, part)
        os.replace(part, self.checkpoint)


def main() -> int:
    args = arguments()
    torch.set_num_threads(args.threads)
    training = Training(args)
    log, started, recent = training.out / "log.jsonl", time.time(), {}
    first = training.step
    print(
        f"{len(training.images)} images, {len(training.held)} held out, from step {first}", file=sys.stderr, flush=True
    )
    with ThreadPoolExecutor(1) as ahead:
        coming = [ahead.submit(training.lesson, step) for step in range(first, min(first + 2, args.steps))]
        while training.step < args.steps:
            lesson = coming.pop(0).result()
            if training.step + 2 < args.steps:
                coming.append(ahead.submit(training.lesson, training.step + 2))
            for name, loss in training.learn(*lesson).items():
                recent[name] = 0.98 * recent.get(name, loss) + 0.02 * loss
            seconds = (time.time() - started) / (training.step - first)
            if training.step % 25 == 0:
                left = seconds * (args.steps - training.step) / 60
                shown = " ".join(f"{name[4:]} {loss:.4f}" for name, loss in recent.items())
                print(f"{training.step}/{args.steps} {seconds:.2f} s a step, {left:.0f} min left; {shown}", flush=True)
            if training.step % args.every == 0 or training.step == args.steps:
                errors = training.evaluate()
                training.save()
                row = {"step": training.step, "seconds_a_step": round(seconds, 3), "held_out": errors, "loss": recent}
                with log.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print("held out:", {name: round(value, 4) for name, value in errors.items()}, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
