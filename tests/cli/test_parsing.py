"""What the parser's rows give besides the parser."""

from dst.cli.parsing import as_flags


def test_messages_name_options_by_their_flags():
    assert as_flags("raise `warp_lr`, give `force` or `points`") == "raise --warp-lr, give --force or --points"
    assert as_flags("the encoder `compact`, a column `name`") == "the encoder `compact`, a column `name`"
