"""The commands, one row each, in the order of `dst --help`. Modules here import heavy libraries only when a command runs."""

from dst.cli.commands import (
    animate,
    apply,
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
    one_image,
    quilt,
    recolor,
    resume,
    singan,
    stylize,
    texture,
    train,
    variants,
    warp,
    web,
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
        quilt.ROW,
        one_image.ROW,
        singan.ROW,
        train.ROW,
        apply.ROW,
        recolor.ROW,
        resume.ROW,
        animate.ROW,
        morph.ROW,
        features.ROW,
        evaluate.ROW,
        grid.ROW,
        batch.ROW,
        web.ROW,
    )
}
"""Every command by name."""
for row in (completion.row(COMMANDS), help.row(COMMANDS)):
    COMMANDS[row.name] = row
