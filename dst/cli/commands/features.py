"""`dst features`: a picture as the network sees it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dst.cli.rows import Argument, Command, argument_of, image_output, options_of
from dst.cli.running import check_image, output_name, spare, write_image
from dst.cli.streams import say
from dst.config import FeaturesConfig, InputError, StylizeConfig, counted
from dst.config.kinds import File
from dst.files import check_output

OUT = "output (one of them at least)"


def run(args: Any) -> int:
    """Look, draw and count."""
    if not (args.output or args.csv):
        raise InputError("nothing would be kept: say where to write with -o sheet.png or --csv channels.csv")
    if args.output:
        check_image(args, args.image)
    if args.csv:
        check_output(args.csv, (".csv",))
        spare(args.csv, args, args.image)
    given = options_of(args, FeaturesConfig)
    if not args.output and args.show == FeaturesConfig.show:
        given["show"] = "statistics"  # what a table holds
    config = FeaturesConfig(**given)
    run_by = StylizeConfig.from_options(**args.options)

    from dst import runtime
    from dst.features import feature_maps

    with runtime.computing(run_by.threads):
        maps = feature_maps(
            args.image,
            config.looked_at,
            size=config.size,
            encoder=run_by.encoder,
            weights=run_by.weights,
            device=run_by.device,
        )
        if args.output:
            from dst.viz.features import drawn

            sheet = drawn(maps, config)
    if args.csv:
        from dst.features.table import write_statistics

        write_statistics(args.csv, maps)
    if args.output:
        write_image(args.output, sheet)
    if not args.quiet:
        height, width = maps.image.shape[:2]
        written = ", ".join(output_name(name) for name in (args.output, args.csv) if name)
        say(f"{counted(len(maps), 'layer')} of {width} x {height} pixels; wrote {written}")
    return 0


ROW = Command(
    "features",
    "show what the network sees in a picture: maps, Gram matrices, statistics",
    "IMAGE -o FILE [--layer NAME+NAME] [--show NAME] [--channels NAME|N+N] [--csv FILE] [options]",
    run,
    (
        Argument("image", "the picture, of any size and shape", File()),
        image_output("the sheet", group=OUT),
        Argument(
            "--csv",
            "a row for each layer and channel: mean, standard deviation, maximum, active share, selectivity",
            File(),
            group=OUT,
        ),
        *map(argument_of, fields(FeaturesConfig)),
    ),
    options=("encoder", "weights", "device", "threads"),
    record=False,
    epilog="Positions are those of a layer; activations are those after its ReLU. docs/features.md says what each sheet shows.",
    glossary={
        "active_share": "the share of positions whose activation is above 0",
        "selectivity": "the sparseness of Vinje and Gallant (2000) over positions: 0 where all respond alike, 1 where a single one does",
    },
)
