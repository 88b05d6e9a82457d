"""Small codecs of the digits and their measured points: the trained codecs on the page of `rdptheory demo`.

A codec is trained end to end for mean squared error and a sampler behind its encoder, on the images that both are
measured on, so that what is proved about those images is about them. The codes go into the file, so that rates and the
exact decoders behind the same encoder can be computed again without torch.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neural.coders import Perceptron
from neural.losses import EnergyScore, MeanSquaredError
from neural.oracle import paired_w2
from neural.quantisers import Binary, DeterministicQuantiser
from neural.recipes import Adam, Recipe
from neural.training import fit_codec, fit_decoder
from rdptheory.demo import digits_images

__all__ = ["measured_points"]

COUNT = 600
"""Images: as many as the certified curve of the page is about."""
SHAPES = ((1, 2), (2, 2), (2, 3), (2, 4), (2, 6), (2, 8))
"""Latent numbers and levels of each: 1 to 6 bits an image."""
STEPS = 2000
"""Of either network: another thousand moves D by three hundredths, up or down."""
DRAWS = 8  # of the sampler for each image: its D then scatters by less than a hundredth
PEAK = 16.0  # the whitest grey level of the digits
SAMPLER = Recipe(optimiser=Adam(7e-3), average=0.98)
"""As the studies train posterior samplers."""


def measured_points(
    *, seed: int = 0, steps: int = STEPS, count: int = COUNT, shapes: Sequence[tuple[int, int]] = SHAPES
) -> dict[str, Any]:
    """Train a codec of the first `count` digits for each shape (latent numbers, levels), as an object for JSON.

    `codecs` holds for each shape the codes, one an image, and D and P of the trained decoders `mean` and `sampler`:
    mean squared error and exact W2 squared to the images, for one image in squared grey levels. P of the sampler is a
    mean over draws of as many outputs as images, which is above that of its law; `floor` is the P of as many other
    digits. Beside them the command, the seed and the versions.
    """
    rows = torch.from_numpy(digits_images(2 * count) / PEAK).float()
    images, others = rows.unflatten(1, (1, 8, 8)).split(count)
    versions = {name: version(name) for name in ("torch", "numpy", "scikit-learn")}
    return {
        "command": f"python -m neural points --seed {seed} --steps {steps}",
        "images": f"the first {count} digits of scikit-learn, 8 x 8 grey levels from 0 to {PEAK:g}",
        "unit": "squared grey levels of one image",
        "count": count,
        "seed": seed,
        "steps": steps,
        "versions": {"python": platform.python_version(), **versions},
        "floor": _reached(images, others)["P"],
        "codecs": [_measured(images, latent, levels, seed, steps) for latent, levels in shapes],
    }


def _measured(images: Tensor, latent: int, levels: int, seed: int, steps: int) -> dict[str, Any]:
    quantiser = Binary() if levels == 2 else DeterministicQuantiser(levels)
    codec = fit_codec(images, Perceptron(latent, side=8), quantiser, MeanSquaredError(), steps=steps, seed=seed)
    sampler = fit_decoder(codec, images, EnergyScore(), steps=steps, seed=seed, recipe=SAMPLER)
    rng = torch.Generator().manual_seed(seed)
    cells, received = codec.send(images, rng)
    drawn = [_reached(images, sampler(received, rng)) for _ in range(DRAWS)]
    return {
        "latent": latent,
        "levels": levels,
        "codes": cells.unique(return_inverse=True)[1].tolist(),
        "mean": _reached(images, codec.decoder(received, rng)),
        "sampler": {name: float(np.mean([one[name] for one in drawn])) for name in ("D", "P")},
    }


def _reached(images: Tensor, outputs: Tensor) -> dict[str, float]:
    miss = (images.double() - outputs.double()).square().flatten(1).sum(1).mean()
    return {"D": PEAK**2 * float(miss), "P": PEAK**2 * paired_w2(images, outputs)}
