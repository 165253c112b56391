"""`dst one-image`: pictures from the patches of one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dst.cli.drawn import check_drawn, say_drawn, write_drawn
from dst.cli.rows import Argument, Command, argument_of, image_output, options_of
from dst.cli.running import output_name, stepped, write_image
from dst.cli.streams import say
from dst.config import TASKS, InputError, OneImageConfig
from dst.config.kinds import Choice, File, Folder

COMPARE = "compare"


def run(args: Any) -> int:
    """Generate, or compare the methods."""
    inputs = [path for path in (args.image, args.guide, args.mask) if path]
    check_drawn(args, *inputs, model=args.model)
    options = options_of(args, OneImageConfig)

    from dst.batch import one_image as calls

    if args.task == COMPARE:
        for name in ("guide", "mask"):
            if getattr(args, name) is not None:
                raise InputError(f"--{name} is given, but compare does not use it: leave it out")
        return _compare(args, calls, options)
    config = calls.checked(args.task, guide=args.guide, mask=args.mask, model=args.model, **options)

    def work(on_step: Any) -> Any:
        return calls.one_image(
            args.task, args.image, guide=args.guide, mask=args.mask, model=args.model, on_step=on_step, **options
        )

    made, code = stepped(args, args.task, work)
    write_drawn(args, made, config)
    if code:
        say("note: stopped on request; what there is so far is written")
    if not args.quiet:
        say_drawn(args, made)
        if len(made) > 1 and args.task == "sample":
            say(f"diversity {calls.diversity_of(made, args.image, config):.2f} (0: all alike; as in the SinGAN paper)")
    return code


def _compare(args: Any, calls: Any, options: dict[str, Any]) -> int:
    def work(on_step: Any) -> Any:
        return calls.compare(args.image, model=args.model, on_step=on_step, **options)

    sheet, code = stepped(args, COMPARE, work)
    write_image(args.output, sheet)
    if not args.quiet:
        say(f"wrote {output_name(args.output)} ({sheet.shape[1]} x {sheet.shape[0]} pixels)")
    return code


ROW = Command(
    "one-image",
    "generate from one image by its patches: sample, retarget, inpaint and more",
    "TASK IMAGE -o FILE [--guide FILE] [--mask FILE] [options], or dst one-image compare IMAGE -o FILE",
    run,
    (
        Argument("task", "what to make: see below", Choice([*TASKS, COMPARE])),
        Argument("image", "the image that patches are taken from", File()),
        image_output("the picture, a sheet of several, or the loop", required=True),
        Argument(
            "--guide", "a picture to begin from: composite, edited image, painting, layout", File(), group="picture"
        ),
        Argument("--mask", "white where the result is made", File(), group="picture"),
        Argument("--model", "of singan: the folder of a model trained on the image", Folder(), group="method"),
        *map(argument_of, fields(OneImageConfig)),
    ),
    record=False,
    glossary={**TASKS, COMPARE: "samples and a retargeted image by each method, in one sheet"},
    epilog="Example: dst one-image sample lake.jpg -o lakes.png --count 4 --size 400x200\n"
    "Sources: Granot and others, Drop the GAN, CVPR 2022;\n"
    "Elnekave and Weiss, Generating natural images with direct patch distributions matching, ECCV 2022.",
)
