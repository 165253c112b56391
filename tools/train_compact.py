"""Train the compact encoder: distil a larger VGG-shaped encoder on a folder of images.

    python tools/train_compact.py --teacher vgg19-16x --weights teacher.safetensors --images photos/ --out run/
    python tools/train_compact.py --teacher vgg19 --images photos/ --out run/

The run folder gets a log, a checkpoint that a second call with the same arguments resumes from, and
compact.safetensors, written at every evaluation. Step n's crops depend on the seed and on n alone, so that an
interrupted run continues as if nothing had happened.

How it learns. The teacher is first scaled so that every layer's activations have mean square 1 (a ReLU network may be
scaled layer by layer), and each student channel is given one teacher channel to reproduce: those with the most
variance, in their order, so dead ones are left out. Then:

1. For `--regress` steps each layer to `--regress-to` is regressed by itself onto its target, fed with the teacher's
   activations for the first 60% of the steps and then with the student's own (regression.py).
2. The layers to `--front`, which can reproduce theirs all but exactly, are frozen; the others are trained end to end.
   The loss is the squared error per channel, over a compromise between that channel's variance and the layer's, plus a
   term that keeps a channel from dying: where the teacher is active and the student is silent, the ReLU would hide the
   error, so the student's negative pre-activation is pulled up. The term fades out over the first half.
3. From `--iterates-from` on, if it is given, every second step learns on images that stylisations with the student
   are going through (iterates.py). They are kept in memory and made with the student as it stands, beside its learning:
   this part neither resumes nor repeats to the bit. It runs on a CPU.
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
from encoder_errors import LEVELS, centre_crops, level_errors
from iterates import Iterates
from regression import Regression
from soap import Soap
from student import Student
from torch import nn
from training_images import Crops, read_folder, split

from dst.features.encoder import Encoder, load_encoder
from dst.features.networks import NETWORKS, Network

SHAPES = ((8, 128), (4, 192), (2, 256))
"""Crops of a step and their side: deep layers need to see far, shallow ones need variety."""

SAMPLE = (48, 128)
"""Crops, and their side, from which the teacher's scale and variances are taken."""

WEIGHT = {"relu4_1": 1.0, "relu5_1": 2.0}
AUXILIARY_WEIGHT = (0.3, 0.05)
"""Weight of the layers between, at the first and at the last step: they show the way, then make room."""


@torch.no_grad()
def unit_scale(teacher: Encoder, images: torch.Tensor) -> None:
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
    def __init__(self, teacher: Encoder, network: Network, images: torch.Tensor) -> None:
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
    parser.add_argument("--teacher", default="vgg19-16x", help="encoder to distil (default %(default)s)")
    parser.add_argument("--weights", help="the teacher's weights file")
    parser.add_argument("--images", required=True, help="folder of training images")
    parser.add_argument("--out", required=True, help="run folder: log, checkpoint, compact.safetensors")
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--regress", type=int, default=300, help="steps of regression (default %(default)s)")
    parser.add_argument("--regress-to", default="relu5_1", help="last layer regressed (default %(default)s)")
    parser.add_argument("--front", default="relu3_1", help="last layer then frozen (default %(default)s)")
    parser.add_argument("--iterates-from", type=int, help="from this step on, every second step learns on iterates")
    parser.add_argument("--lr", type=float, default=1.5e-3, help="peak learning rate (default %(default)s)")
    parser.add_argument("--held-out", type=float, default=0.04, help="share of the images held out")
    parser.add_argument("--every", type=int, default=100, help="steps between evaluations and checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the student; the teacher has its own")
    return parser.parse_args()


def save_encoder(state: dict[str, torch.Tensor], path: Path, notes: dict[str, str]) -> None:
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
        self.teacher = load_encoder(args.teacher, args.weights, args.device)
        sample = Crops(self.images, seeded).batch(*SAMPLE).to(args.device)
        unit_scale(self.teacher, sample)
        self.network = NETWORKS["compact"]
        self.targets = Targets(self.teacher, self.network, sample)
        self.student = Student(self.network, seeded).to(args.device)
        names = list(self.student.convs)
        self.front = names[: names.index(args.front) + 1]
        self.average = {key: value.detach().clone() for key, value in self.student.state_dict().items()}
        self.optimiser = Soap(
            [p for name in names if name not in self.front for p in self._parameters(name)], lr=args.lr
        )
        last = names.index(args.regress_to) + 1
        self.regressions = {name: Regression(self.student.convs[name]) for name in names[:last]}
        self.step = 0
        self.iterates = Iterates()
        self.checkpoint = self.out / "checkpoint.pt"
        if self.checkpoint.exists():
            saved = torch.load(self.checkpoint, map_location=args.device, weights_only=True)
            self.student.load_state_dict(saved["student"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.average, self.step = saved["average"], saved["step"]
            for name, state in saved["regressions"].items():
                self.regressions[name].load(state)

    def _parameters(self, name: str) -> list[nn.Parameter]:
        return list(self.student.convs[name].parameters())

    def lesson(self, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return step `step`'s crops and the teacher's features of them."""
        torch.set_num_threads(self.args.threads)
        generator = torch.Generator().manual_seed(self.args.seed * 1_000_003 + step + 1)
        crops = Crops(self.images, generator)
        if self.args.iterates_from is not None and step >= self.args.iterates_from and step % 2:
            images = self.iterates.batch(crops, self.encoder(), generator)
        else:
            images = crops.batch(*SHAPES[step % len(SHAPES)])
        images = images.to(self.args.device)
        with torch.no_grad():
            return images, self.targets.pick(self.teacher(images, self.targets.layers))

    def encoder(self) -> Encoder:
        """Return the averaged student as an encoder in half precision's values, as it would be shipped."""
        return Encoder(self.network, {key: value.half().float() for key, value in self.folded().items()})

    def folded(self) -> dict[str, torch.Tensor]:
        """Return the averaged student's state dict."""
        student = Student(self.network, torch.Generator())
        student.load_state_dict({key: value.cpu() for key, value in self.average.items()})
        return student.folded()

    def learn(self, images: torch.Tensor, targets: dict[str, torch.Tensor]) -> dict[str, float]:
        """Take the next step and return its losses by layer."""
        regress = self.step < self.args.regress
        losses = self._regress(images, targets) if regress else self._distil(images, targets)
        done = self.step - self.args.regress
        decay = 0.0 if regress else min(0.995, (1 + done) / (10 + done))
        for key, value in self.student.state_dict().items():
            self.average[key].lerp_(value, 1 - decay)
        self.step += 1
        return losses

    @torch.no_grad()
    def _regress(self, images: torch.Tensor, targets: dict[str, torch.Tensor]) -> dict[str, float]:
        done = self.step / self.args.regress
        forced = done < 0.6
        rate = 0.7 if forced else 0.05 + 0.65 * (1 - done) / 0.4
        generator = torch.Generator().manual_seed(self.step)
        names, losses, x = list(self.student.convs), {}, self.student.entry(images)
        for i, (name, regression) in enumerate(self.regressions.items()):
            regression.observe(x, generator)
            z = self.student.convs[name](x)
            losses[name] = regression.step(x, z, targets[name], rate)
            x = self.student.onward(targets[name] if forced else z, name, names[min(i + 1, len(names) - 1)])
        return losses

    def _distil(self, images: torch.Tensor, targets: dict[str, torch.Tensor]) -> dict[str, float]:
        args, done = self.args, self.step - self.args.regress
        share = done / (args.steps - args.regress)
        for group in self.optimiser.param_groups:
            group["lr"] = args.lr * min(1, (done + 1) / 50) * 0.5 * (1 + math.cos(math.pi * share))
        found = self.student(images, self.front)
        learning = [name for name in targets if name not in self.front]
        pull = max(0.0, 1 - 2 * share)
        losses = {name: self.targets.loss(name, found[name], targets[name], pull) for name in learning}
        self.optimiser.zero_grad()
        auxiliary = (1 - share) * AUXILIARY_WEIGHT[0] + share * AUXILIARY_WEIGHT[1]
        sum(WEIGHT.get(name, auxiliary) * loss for name, loss in losses.items()).backward()
        self.optimiser.step()
        return {name: loss.item() for name, loss in losses.items()}

    def evaluate(self) -> dict[str, float]:
        """Write the averaged student as an encoder file and return its held-out errors."""
        notes = {"network": "compact", "teacher": self.args.teacher, "steps": str(self.step), "input": "RGB in [0, 1]"}
        notes |= {"padding": self.network.padding, "layers": ", ".join(self.student.convs)}
        save_encoder(self.folded(), self.out / "compact.safetensors", notes)
        return level_errors(self.teacher, self.encoder().to(self.args.device), self.held, LEVELS, self.args.device)

    def save(self) -> None:
        part = self.checkpoint.with_suffix(".part")
        state = {"student": self.student.state_dict(), "optimiser": self.optimiser.state_dict()}
        state["regressions"] = {name: regression.state() for name, regression in self.regressions.items()}
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
