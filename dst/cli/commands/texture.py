"""`dst texture`: a texture of any size from a sample."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dst.cli.rows import Argument, Command, argument_of, image_output, options_of
from dst.cli.running import check_image, output_name, stepped, write_image
from dst.cli.streams import say
from dst.config import TextureConfig
from dst.config.kinds import File


def run(args: Any) -> int:
    """Make the texture."""
    check_image(args, *(path for path in (args.sample, args.second, args.into, args.mask) if path))
    options = options_of(args, TextureConfig)

    from dst.batch.textures import texture

    def work(on_step: Any) -> Any:
        return texture(args.sample, args.second, into=args.into, mask=args.mask, on_step=on_step, **options)

    made, code = stepped(args, "texture", work)
    write_image(args.output, made)
    if code:
        say("note: stopped on request; the texture so far is written")
    if not args.quiet:
        say(f"wrote {output_name(args.output)} ({made.shape[1]} x {made.shape[0]} pixels)")
    return code


ROW = Command(
    "texture",
    "make a texture of any size from a sample, tileable where asked for",
    "SAMPLE -o FILE [--size WxH] [--tile] [--second FILE] [--into FILE --mask FILE] [options]",
    run,
    (
        Argument("sample", "the sample, an image", File()),
        image_output("the texture", required=True),
        Argument("--second", "another sample, which the texture goes over to", File(), group="picture"),
        Argument("--into", "an image that the texture is painted into", File(), group="picture"),
        Argument("--mask", "where it is painted into it: white", File(), group="picture"),
        *map(argument_of, fields(TextureConfig)),
    ),
    record=False,
    epilog="With --second, or --into and --mask, Gram matrices alone are compared; --into sets the size.\nSource: Gatys, Ecker and Bethge, Texture synthesis using convolutional neural networks, NIPS 2015.",
)
