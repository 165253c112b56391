"""Train the network of the shipped styles, and put it into the package: dst/networks/styles.safetensors and styles.json.

    python -m tools.train_styles MODEL [--images DIR]

MODEL is a folder for the training; the same command goes on with one that was stopped. The styles are the project's own drawn samples.
Without --images it learns from the photographs inside scikit-image and scikit-learn; the weights that are shipped learnt from a folder
of photographs. It ends by printing the two sha256 that `dst/networks/shipped.py` has to hold. Two hours on one core.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))
SETTINGS = {"style_size": 320, "sheet_every": 250, "threads": 1, "noise": 0}
"""What is changed of the quick settings."""
STAGES = {
    "first": {"steps": 2600, "colors": 0},
    "second": {"steps": 600, "lr": 3e-4, "style": 1.5, "colors": 0},
    "third": {"steps": 1600, "lr": 5e-4, "style": 1.5, "colors": 0},
    "fourth": {"steps": 9000, "lr": 7e-4, "style": 2, "colors": 0, "until": 4602},
    "fifth": {"steps": 5000, "lr": 7e-4, "style": 2},
    "sixth": {"steps": 1800, "lr": 3e-4, "style": 2, "colors": 2},
    "seventh": {"steps": 3000, "lr": 2.5e-4, "style": 2.5, "colors": 4, "noise": 0.25},
}
"""Trainings, each from the weights of the one before, as the shipped weights came about: with the style at four times its weight, late in
the first, smooth skies get spots, which go again slowly; without the term of colours they keep washes, without noise a regular weave.
`until`: the step to end at."""
LICENCE = "Apache-2.0"


def train(home: Path, images: Path | None) -> Path:
    """Train, or go on; the folder of the last stage."""
    import dst
    from dst.batch.training import train_network
    from dst.networks.feedforward.table import NETWORKS

    def on_step(step) -> bool:
        if step.done % 25 == 0:
            terms = ", ".join(f"{name} {value:.3f}" for name, value in step.terms.items())
            print(f"{step.done} of {step.total_steps}: {terms}; {step.left / 60:.0f} min left", flush=True)
        return step.done == until

    home.mkdir(exist_ok=True)
    start = None
    for stage, settings in STAGES.items():
        own = dict(settings)
        folder, until = home / stage, own.pop("until", own["steps"])
        if not _ended(folder, until):
            given = {"quick": True, "licence": LICENCE, "start": start, **SETTINGS, **own}
            train_network(dst.sample_styles(), folder, images=images, on_step=on_step, **given)
        NETWORKS["johnson"] = dataclasses.replace(NETWORKS["johnson"], late_style=1.0)
        start = folder
    return start


def _ended(folder: Path, until: int) -> bool:
    """Whether a stage has come to its last step."""
    from dst.config import InputError
    from dst.networks.feedforward.folder import read_model

    try:
        return read_model(folder).card["steps"] >= until
    except InputError:  # nothing is kept yet
        return False


def ship(folder: Path) -> None:
    """Put a finished model into the package."""
    from dst.networks.feedforward.folder import WEIGHTS
    from dst.networks.folder import RECORD, record_bytes
    from dst.networks.shipped import CARD, FILE

    for source, target in ((WEIGHTS, FILE), (RECORD, CARD)):
        data = (folder / source).read_bytes()
        if source == RECORD:
            data = record_bytes(json.loads(data))
        (HOME / "dst" / "networks" / target).write_bytes(data)
        print(f"{target}: {hashlib.sha256(data).hexdigest()}, {len(data)} bytes")


def main() -> None:
    """Train, then ship."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of the training")
    parser.add_argument("--images", type=Path, help="a folder of photographs to learn from")
    args = parser.parse_args()
    ship(train(args.model, args.images))


if __name__ == "__main__":
    main()
