"""`dst train`: a feed-forward network that paints in one style, or in several, at once."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dst.cli.progress import Interrupt, Overall
from dst.cli.rows import Argument, Command, output
from dst.cli.streams import say
from dst.cli.training import LONG, time_left, unset
from dst.config import FEEDFORWARD, QUICK_TRAINING, InputError, TrainConfig
from dst.config.kinds import File, Folder, Switch, Text

TRAINING = {f.name: f for f in fields(TrainConfig)}
BUILT_IN = (
    "note: training on the ten photographs inside scikit-image and scikit-learn; from a folder of some thousand pictures of your own "
    "(--images) a network learns to keep faces, skies and fine structures that these do not have"
)


def run(args: Any) -> int:
    """Train, and say how it goes."""
    from dst.batch.training import train_network

    if args.quick and args.full:
        raise InputError("--quick and --full are both given: choose one")
    given = {name: getattr(args, name) for name in TRAINING if getattr(args, name) is not None}
    bars, last, told = Overall(args.quiet, 1, "training"), {}, False
    with Interrupt("after this step") as interrupt:

        def on_step(now: Any) -> bool:
            nonlocal told
            if not last and args.images is None and not args.quiet:
                say(BUILT_IN)
            if not last and now.step and not args.quiet:
                say(f"note: going on after step {now.step}")
            last["step"] = now
            bars.on_step(now)
            if bars.bar is not None:
                bars.bar.set_postfix_str(
                    f"step {now.done} of {now.total_steps}, loss {now.terms['total']:.3g}", refresh=False
                )
            if not told and now.done >= 20:
                told = True
                if now.left > LONG and not args.quick and not args.quiet:
                    say(
                        f"note: about {time_left(now.left)} to go; --quick takes half an hour or less, --device cuda is faster"
                    )
            if bars.bar is None and not args.quiet and (now.done % 100 == 0):
                say(
                    f"step {now.done} of {now.total_steps}: loss {now.terms['total']:.3g}, about {time_left(now.left)} to go"
                )
            return interrupt.asked

        model = train_network(
            args.styles, args.output, images=args.images, quick=args.quick, force=args.force, licence=args.licence, start=args.start, on_step=on_step, **given
        )  # fmt: skip
    if model.finished and bars.bar is not None:
        bars.on_run("done")
    bars.close()
    if not model.finished:
        say(f"note: stopped on request after step {model.card['steps']}; the same command goes on from {args.output}")
    elif not args.quiet:
        skipped = model.card["data"]["unreadable"]
        if skipped:
            say(f"note: {skipped} of the pictures could not be read and were left out")
        say(f"wrote {args.output}: a network for {', '.join(model.names[:12])}")
    return interrupt.code


ROW = Command(
    "train",
    "train a network that paints in a style, or in several, at once",
    "STYLE [STYLE ...] [--images DIR] -o DIR [--network NAME] [--quick] [options]",
    run,
    (
        Argument("styles", "paintings, or folders of them", File(), many=True),
        output("the model's folder; stopped, the same command goes on", Folder(), required=True),
        Argument("--images", "a folder of photographs to train on; default: those inside scikit-image and scikit-learn", Folder(), group="training"),
        Argument("--quick", "half the width and small squares: half an hour or less on two cores", Switch(), False, group="training"),
        Argument("--full", "the published width, squares and steps, as without --quick", Switch(), False, group="training"),
        Argument("--start", "a model's folder, whose weights it begins with; of the same network, width and number of styles", Folder(), group="training"),
        Argument("--force", "replace the model that the folder holds", Switch(), False, group="training"),
        Argument("--licence", "licence of the weights, for the model's card", Text(), "not stated", group="training"),
        *(unset(f, QUICK_TRAINING) for f in TRAINING.values()),
    ),
    record=False,
    glossary=FEEDFORWARD,
    epilog="Example: dst train painting.jpg --images photos/ -o model/ --quick && dst apply model/ me.jpg -o out/\n"
    "Sources: Johnson, Alahi and Fei-Fei 2016; Ulyanov et al. 2016, 2017; Dumoulin et al. 2017.\nNetworks:",
)  # fmt: skip
