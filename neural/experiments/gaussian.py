"""N(0,1) with subtractive dither: every number is known, and some are trained beside it [ZQCK21, YWL22]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from neural import data
from neural.coders import Perceptron
from neural.experiments.base import Bench, Curve, Row, curve, experiment, mean_square
from neural.losses import MeanSquaredError, SlicedWasserstein
from neural.quantisers import Lattice
from neural.recipes import Adam, Recipe
from neural.training import Codec, Decoder, fit_decoder
from rdptheory.closed_forms import gaussian
from rdptheory.units import bits_to_nats, nats_to_bits

__all__ = ["Dithered", "dithered"]

SPACE = 0.5 * math.log2(2.0 * math.pi * math.e / 12.0)
"""The most, in bits, that a dithered scalar quantiser can lose."""


class Dithered(NamedTuple):
    """Exact values at one step: rate I(X; X + U) in bits, minimum MSE, W2^2 of its output, both to N(0,1)."""

    rate: float
    distortion: float
    wasserstein: float

    @property
    def gap(self) -> float:
        """Rate above Shannon's at this distortion, in bits."""
        return self.rate - 0.5 * math.log2(1.0 / self.distortion)

    def frontier(self, perception: float) -> float:
        """The least distortion at W2^2 = `perception` for this encoder: D + (W2 - sqrt P)^2."""
        return self.distortion + max(0.0, math.sqrt(self.wasserstein) - math.sqrt(perception)) ** 2


def dithered(step: float, nodes: int = 20_001) -> Dithered:
    """By quadrature over y = x + u: the posterior of x is N(0,1) cut to (y - step/2, y + step/2)."""
    edge = 9.0 + step
    y = np.linspace(-edge, edge, nodes)
    density, mean, level = _posterior(y, step)
    weight = density * (y[1] - y[0])
    rate = -float(np.sum(weight * np.log2(np.maximum(density, 1e-300)))) - math.log2(step)
    second = float(np.sum(weight * mean**2))
    transport = ndtri(np.clip(level, 1e-15, 1.0 - 1e-15))
    return Dithered(rate, 1.0 - second, float(np.sum(weight * (mean - transport) ** 2)))


def _posterior(y: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Density of y, E[x | y], and P(Y <= y); |y| in the tails, where differences of the same sign keep their digits."""
    low, high = -(np.abs(y) + step / 2), -(np.abs(y) - step / 2)
    mass = np.maximum(ndtr(high) - ndtr(low), 1e-300)
    mean = np.sign(y) * (_bell(high) - _bell(low)) / mass
    a, b = y - step / 2, y + step / 2
    level = (b * ndtr(b) + _bell(b) - a * ndtr(a) - _bell(a)) / step
    return mass / step, mean, level


def _bell(x: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


@experiment("ecdq", "exact; ZQCK21 6.1 beside YWYML21", "1 s", "6 s", "~30 s", "~30 s")
def dithered_gaussian(bench: Bench) -> list[Row]:
    """Dithered N(0,1): twice the MSE, or little more with shared randomness; trained decoders on the frontier."""
    exact = {step: dithered(step) for step in bench.pick((1.0, 2.0), (0.5, 1.0, 2.0, 3.0, 4.0, 6.0))}
    rows, rng, n = [], np.random.default_rng(bench.seed), 400_000
    for step, truth in exact.items():
        x, u = rng.standard_normal(n), step * (rng.random(n) - 0.5)
        y = step * np.round((x + u) / step) - u
        _, mean, level = _posterior(y, step)
        low, high = ndtr(-(np.abs(y) + step / 2)), ndtr(-(np.abs(y) - step / 2))
        sample = np.sign(y) * -ndtri(np.clip(low + rng.random(n) * (high - low), 1e-300, 1.0))
        shared = ndtri(np.clip(level, 1e-15, 1.0 - 1e-15))
        d, twice, once = (float(np.mean((x - z) ** 2)) for z in (mean, sample, shared))
        slack = truth.rate - _least_rate(truth.distortion + truth.wasserstein, 0.0)
        name, extra = f"step = {step:g}, R = {truth.rate:.4f}: ", 1.0 + truth.wasserstein / truth.distortion
        rows += [
            Row(f"{name}D of the mean", d, truth.distortion, None, (0.01 * truth.distortion,) * 2),
            Row(f"{name}D / D_d of the posterior sample", twice / d, 2.0, None, (0.02, 0.02)),
            Row(f"{name}D / D_d of the monotone map of shared randomness", once / d, extra, None, (0.01, 0.01)),
            Row(f"{name}the same over the least D at P = 0", once / float(_least(truth.rate, 0.0)), 1.0),
            Row(f"{name}rate above Shannon's at this D (at most; bits)", truth.gap, SPACE, None, (SPACE, 0.005)),
            Row(f"{name}rate above R(D, 0) at that D (about; bits)", slack, SPACE, None, (SPACE, 0.005)),
        ]
    rates = [truth.rate for truth in exact.values()]
    grid = np.linspace(min(rates), max(rates), 60)
    bench.figure(
        "N(0,1) with subtractive dither",
        "rate (bits)",
        "distortion / Shannon's D(R)",
        curve("mean, P = inf", [(e.rate, e.distortion * 4**e.rate) for e in exact.values()]),
        curve("posterior sample, P = 0", [(e.rate, 2 * e.distortion * 4**e.rate) for e in exact.values()]),
        curve("shared randomness, P = 0", [(e.rate, e.frontier(0.0) * 4**e.rate) for e in exact.values()], "universal"),
        Curve("least at P = 0", grid.tolist(), (_least(grid, 0.0) * 4.0**grid).tolist(), "theory"),
    )
    return rows + _trained(bench)


def _least(rate: float | np.ndarray, perception: float | np.ndarray) -> np.ndarray:
    """D(R,P) of N(0,1), the rate in bits."""
    return gaussian.distortion(1.0, bits_to_nats(rate), perception)


def _least_rate(distortion: float, perception: float) -> float:
    """R(D,P) of N(0,1) in bits."""
    return nats_to_bits(float(gaussian.rate(1.0, distortion, perception)))


@dataclass(frozen=True)
class Increasing(Perceptron):
    """What was received plus a perceptron of it: training must not begin at a decreasing map of the same law."""

    def decoder(self, noise: int = 0) -> nn.Module:
        """The perceptron's decoder, added to what was received."""
        return _Plus(super().decoder(noise))


class _Plus(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        return received[:, :, None, None] + self.net(received, noise)


def _trained(bench: Bench) -> list[Row]:
    """Deterministic decoders of z - u at step 2: minimum MSE, then MSE + weight x W2^2 by sorting."""
    truth, samples = dithered(2.0), data.gaussian(1_000_000, seed=bench.seed)
    coder, rows, points = Increasing(1, 0.25, side=1), [], []
    codec = Codec(nn.Flatten(), Lattice(spacing=2.0), Decoder(coder.decoder(), 0), coder)
    fits = {}
    for weight in bench.pick((0.0,), (0.0, 1.0, 16.0), (0.0, 0.25, 1.0, 4.0, 16.0, 64.0)):
        loss = MeanSquaredError() + weight * SlicedWasserstein(2, 1) if weight else MeanSquaredError()
        recipe = Recipe(2048 if weight else 256, Adam(1e-2))
        steps = bench.scaled(bench.pick(500, 1500))
        fits[weight] = partial(fit_decoder, codec, samples, loss, steps=steps, noise=0, recipe=recipe)
    quantiles = torch.from_numpy(ndtri((np.arange(len(samples)) + 0.5) / len(samples)))
    for weight, decoder in bench.train(fits).items():
        _, output = bench.draw(codec, samples, decoder, seed=bench.seed + 1)
        d, p = mean_square(samples, output), mean_square(output.cpu().flatten().double().sort().values, quantiles)
        claim, near = ((0.005,) * 2, (0.005 if weight else 0.01,) * 2) if bench.shrink == 1.0 else (None, None)
        slack, name = truth.rate - _least_rate(d, p), f"trained, weight {weight:g}: "
        rows += [
            Row(f"{name}D over the exact frontier at its own P", d / truth.frontier(p), 1.0, None, near),
            Row(f"{name}W2^2 to N(0,1)", p, truth.wasserstein),
            Row(f"{name}rate above R(D,P) there (about; bits)", slack, SPACE, None, claim),
        ]
        points.append((d, p))
    grid = np.linspace(0.0, truth.wasserstein, 60)
    bench.figure(
        "decoders on the exact frontier, step 2",
        "MSE (source of variance 1)",
        "$W_2^2$ to N(0,1)",
        curve("$D_d + (W_2 - \\sqrt{P})^2$", [(truth.frontier(p), float(p)) for p in grid], "theory"),
        Curve("D(R,P) of N(0,1)", _least(truth.rate, grid).tolist(), grid.tolist(), "bound"),
        curve("trained", points),
    )
    return rows
