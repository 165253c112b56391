"""`dst singan`: a pyramid of generators trained on one picture, and what it then draws."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

from dst.cli.drawn import check_drawn, say_drawn, write_drawn
from dst.cli.progress import Interrupt, Overall
from dst.cli.rows import Argument, Command, argument_of, output
from dst.cli.streams import STDOUT, say
from dst.cli.training import LONG, time_left, unset
from dst.config import (
    FROM_MODEL,
    MASKED,
    NOT_SINGAN,
    PURPOSES,
    QUICK,
    SINGAN_TASKS,
    InputError,
    SinganConfig,
    SinganTaskConfig,
)
from dst.config.kinds import Choice, File, Switch

TRAINING = {f.name: f for f in fields(SinganConfig)}
USE = {f.name: f for f in fields(SinganTaskConfig)}


def run(args: Any) -> int:
    """Train, or draw."""
    mine, others = (TRAINING, USE) if args.task == "train" else (USE, TRAINING)
    for name in others.keys() - mine.keys():
        if getattr(args, name) is not None:
            raise InputError(
                f"{_flag(others[name])} is given, but `dst singan {args.task}` does not use it: leave it out"
            )
    given = {name: getattr(args, name) for name in mine if getattr(args, name) is not None}
    return _train(args, given) if args.task == "train" else _draw(args, given)


def _flag(f: Field) -> str:
    return argument_of(f).name


def _train(args: Any, given: dict[str, Any]) -> int:
    for name, value in (("a second picture", args.image), ("--mask", args.mask)):
        if value is not None:
            raise InputError(f"{name} is given, but `dst singan train` does not use it: leave it out")
    if args.output == STDOUT:
        raise InputError(f"-o is {STDOUT!r}: it takes the model's folder, which cannot go to standard output")

    from dst.batch.singan import train_singan

    bars, told = Overall(args.quiet, 1, "training"), False
    with Interrupt("after this round") as interrupt:

        def on_step(now: Any) -> bool:
            nonlocal told
            bars.on_step(now)
            if bars.bar is not None:
                where = f"scale {now.scale} of 0 to {now.scales - 1}, {now.size[0]} x {now.size[1]} px"
                bars.bar.set_postfix_str(where, refresh=False)
            if not told and now.step >= 10:
                told = True
                if now.left > LONG and not args.quiet:
                    say(
                        f"note: about {time_left(now.left)} to go; --quick trains a smaller model in minutes, --device cuda is faster"
                    )
            last.update(round=now)
            return interrupt.asked

        def on_scale(model: Any) -> None:
            if bars.bar is None and not args.quiet:
                width, height = model.size
                left = "" if model.finished else f"; about {time_left(last['round'].left)} to go"
                say(
                    f"scale {len(model.scales) - 1} of 0 to {len(model.sizes) - 1} is trained, {width} x {height} pixels{left}"
                )

        last: dict[str, Any] = {}
        model = train_singan(
            args.source, args.output, quick=args.quick, purpose=args.purpose, force=args.force, on_step=on_step, on_scale=on_scale, **given
        )  # fmt: skip
    if model.finished and bars.bar is not None:
        bars.on_run("done")
    bars.close()
    if not model.finished:
        done = f"{len(model.scales)} of {len(model.sizes)} scales are trained"
        say(f"note: stopped on request, {done}; the same command goes on from {args.output}")
    elif not args.quiet:
        say(
            f"wrote {args.output}: a model of {len(model.sizes)} scales, up to {model.size[0]} x {model.size[1]} pixels"
        )
    return interrupt.code


def _draw(args: Any, given: dict[str, Any]) -> int:
    for flag, value in (("--quick", args.quick), ("--force", args.force), ("--for", args.purpose != "any")):
        if value:
            raise InputError(f"{flag} is given, but it is for training alone: leave it out")
    inputs = [path for path in (args.image, args.mask) if path]
    check_drawn(args, *inputs, model=args.source)

    from dst.batch.singan import checked_task, load_singan, singan

    config = checked_task(args.task, args.image, args.mask, given)
    model = load_singan(args.source, config.device)
    if not model.finished:
        say(f"note: the training has not ended; drawing with {len(model.scales)} of {len(model.sizes)} scales")
    if args.task == "super-resolve" and not args.quiet and model.config.reconstruction < 100:
        say("note: the model was not trained for super-resolve (--for super-resolve); edges may be wrong")

    bars = Overall(args.quiet, config.frames if args.task == "animate" else config.count, args.task)
    with Interrupt("after this picture") as interrupt:

        def on_step(done: int, total: int) -> bool:
            if bars.bar is not None:
                bars.on_run(f"{model.size[0]} x {model.size[1]} px model")
            return interrupt.asked

        made = singan(args.task, model, args.image, mask=args.mask, on_step=on_step, **given)
    bars.close()
    write_drawn(args, made, config)
    if not args.quiet:
        say_drawn(args, made)
    return interrupt.code


ROW = Command(
    "singan",
    "train a SinGAN on one picture; then sample, retarget, harmonise, edit, animate",
    "train IMAGE -o DIR [--quick] [options], or dst singan TASK DIR [IMAGE] -o FILE [options]",
    run,
    (
        Argument("task", "train, or what to draw: see below", Choice([*{"train": "", **SINGAN_TASKS}, *NOT_SINGAN])),
        Argument("source", "of train, the picture; else the model's folder", File()),
        Argument(
            "image",
            f"the picture that the task begins with, of those but {', '.join(FROM_MODEL)}",
            File(),
            optional=True,
        ),
        output(
            "of train, the model's folder; else the picture, or the loop; - for standard output, as PNG", required=True
        ),
        Argument("--mask", f"white where {' and '.join(MASKED)} may draw", File(), group="picture"),
        Argument("--quick", "train a model of 128 pixels, in minutes", Switch(), False, group="training"),
        Argument("--for", "what the model is trained for", Choice(PURPOSES), "any", group="training", dest="purpose"),
        Argument("--force", "replace the model that the folder holds", Switch(), False, group="training"),
        *(unset(f, QUICK) for f in TRAINING.values()),
        *(unset(f, {}) for name, f in USE.items() if name not in TRAINING),
    ),
    record=False,
    glossary={"train": "on one picture; stopped, the same command goes on", **SINGAN_TASKS},
    epilog="Example: dst singan train lake.jpg -o lake/ --quick && dst singan sample lake/ -o lakes.png --size 256x96 --count 4\n"
    "Source: Shaham, Dekel and Michaeli, SinGAN: learning a generative model from a single natural image, ICCV 2019.",
)
