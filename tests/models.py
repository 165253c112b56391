"""Models of feed-forward networks that several tests begin with."""

from dst.config import TrainConfig
from dst.networks.feedforward import folder as folders
from dst.networks.feedforward.data import photographs
from dst.networks.feedforward.train import begun


def untrained(home, network="johnson", **options):
    """A new folder, of a model of one style that was trained for no step."""
    import torch

    home.mkdir()
    config = TrainConfig(network=network, width=0.125, crop=32, steps=1, **options)
    record = folders.card(config, [("a", torch.rand(1, 3, 64, 64))], photographs(None, 32), "0" * 64, "none")
    folders.write_begun(home, record)
    folders.write_finished(home, begun(config, 1), record)
    return home
