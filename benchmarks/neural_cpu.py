"""How long is a step of the trainer on one core of a CPU: by network, alone and stacked, drawn one by one or in blocks?

python benchmarks/neural_cpu.py            # prints a table
python benchmarks/neural_cpu.py --write    # also neural/costs.json, from which `python -m neural list` counts
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

import neural
from neural import data, training
from neural.coders import BlauMichaeli, Coder, Liu, Perceptron, UNet, Yan

MSE, CRITIC = neural.MeanSquaredError(), neural.MeanSquaredError() + 0.01 * neural.WassersteinGP()
ENERGY = MSE + 0.1 * neural.EnergyDistance()


def milliseconds(coder: Coder, loss: Any, steps: int, models: int = 1, fused: bool | None = None) -> float:
    """CPU time of one step of one model, the better of two runs."""
    images = data.resize(data.digits().train, coder.side)
    recipe = neural.Recipe(64, neural.Adam(fused=fused), neural.Adam(fused=fused))
    quantiser = neural.Unquantised() if isinstance(coder, UNet) else neural.UniversalQuantiser(3)
    times = []
    for _ in range(2):
        start = time.process_time()
        neural.fit_codecs(
            images, coder, quantiser, [loss] * models, steps=steps, seeds=list(range(models)), recipe=recipe
        )
        times.append(time.process_time() - start)
    return 1000.0 * min(times) / steps / models


def trainers() -> None:
    """The plain loop, blocks of draws, fused Adam, and stacks, on eight perceptrons."""
    print("| loss | plain loop | draws in blocks | and fused | and 8 stacked | gain |")
    print("|---|---:|---:|---:|---:|---:|")
    blocks = training.AHEAD
    for name, loss in (("MSE + energy distance", ENERGY), ("MSE + WGAN-GP", CRITIC)):
        training.AHEAD = 1
        found = [milliseconds(Perceptron(3, side=8), loss, 60, fused=False)]
        training.AHEAD = blocks
        found += [
            milliseconds(Perceptron(3, side=8), loss, 60, models, fused)
            for models, fused in ((1, False), (1, None), (8, None))
        ]
        print(f"| {name} |", *(f"{value:.2f} ms |" for value in found), f"{found[0] / found[-1]:.1f} |")


def costs() -> dict[str, float]:
    """Milliseconds by network and kind of loss, and what a classifier in the loss adds."""
    families = {"Perceptron": Perceptron(3, side=8), "UNet": UNet(64, 0.25, side=8), "Yan": Yan(4),
                "BlauMichaeli": BlauMichaeli(3), "Liu": Liu(3)}  # fmt: skip
    found = {f"{name} {kind}": round(milliseconds(coder, loss, 100 if coder.dense else 2), 2)
             for name, coder in families.items() for kind, loss in (("plain", MSE), ("critic", CRITIC))}  # fmt: skip
    digits = data.digits()
    featured = MSE + neural.Perceptual(neural.fit_classifier(digits.train, digits.train_labels, steps=1, seed=0))
    more = milliseconds(families["Perceptron"], featured, 100) - found["Perceptron plain"]
    return {**found, "Classifier": round(more, 2)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    trainers()
    found = costs()
    print(json.dumps(found, indent=1))
    if "--write" in sys.argv:
        Path(neural.__file__).with_name("costs.json").write_text(json.dumps(found, indent=1) + "\n")
