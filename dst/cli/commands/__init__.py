"""The commands, one row each, in the order of `dst --help`. Modules here import heavy libraries only when a command runs."""

from dst.cli.commands import (
    animate,
    batch,
    completion,
    demo,
    evaluate,
    exaggerate,
    features,
    grid,
    help,
    invert,
    lab,
    match,
    morph,
    quilt,
    recolor,
    resume,
    singan,
    stylize,
    texture,
    variants,
    warp,
)

COMMANDS = {
    row.name: row
    for row in (
        demo.ROW,
        stylize.ROW,
        variants.ROW,
        match.ROW,
        warp.ROW,
        exaggerate.ROW,
        lab.ROW,
        invert.ROW,
        texture.ROW,
        singan.ROW,
