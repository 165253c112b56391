"""Store 64 activations of each level of the shipped encoder on scikit-image's astronaut: guards against drift alone."""

from pathlib import Path

import numpy as np
import torch
from skimage import data

from dst.features.encoder import LEVELS, load_encoder


def main() -> None:
    photograph = torch.from_numpy(data.astronaut()[:256, :256].copy()).permute(2, 0, 1)[None].float() / 255
    stored, draw = {}, np.random.default_rng(0)
    for layer, feature in load_encoder()(photograph, list(LEVELS)).items():
        values = feature[0].flatten().numpy()
        active = np.flatnonzero(values > 0)
        places = np.sort(draw.choice(active, 64, replace=False))
        stored[f"{layer}_places"], stored[f"{layer}_values"] = places, values[places]
    np.savez_compressed(Path(__file__).with_name("encoder_activations.npz"), **stored)


if __name__ == "__main__":
    main()
