"""N(0,1) with subtractive dither: every number is known, and some are trained beside it [ZQCK21, YWL22]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from neural import data
from neural.coders import Perceptron
from neural.losses import MeanSquaredError, SlicedWasserstein
from neural.models import Fit, Found, Model, Source
from neural.quantisers import Lattice
from neural.recipes import Adam, Recipe
from neural.study import IDENTITY, LAW, Chart, Claim, Curve, Plan, Study, Table, Variant
from neural.training import Codec, Decoder
from rdptheory.closed_forms import gaussian
from rdptheory.units import bits_to_nats, nats_to_bits

__all__ = ["SPACE", "STUDIES", "Dithered", "dithered"]

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


@cache
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


MEAN, SAMPLE, SHARED = "mean", "posterior sample", "monotone map of shared randomness"


class _Known(nn.Module):
    """An exact decoder of y = x + u, in float64: E[x | y], a draw from p(x | y), or the monotone map to N(0,1)."""

    def __init__(self, step: float, role: str) -> None:
        super().__init__()
        self.step, self.role = step, role

    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        y, share = (values[:, 0].cpu().double().numpy() for values in (received, noise))
        _, mean, level = _posterior(y, self.step)
        low, high = ndtr(-(np.abs(y) + self.step / 2)), ndtr(-(np.abs(y) - self.step / 2))
        drawn = {
            MEAN: lambda: mean,
            SAMPLE: lambda: np.sign(y) * -ndtri(np.clip(low + ndtr(share) * (high - low), 1e-300, 1.0)),
            SHARED: lambda: ndtri(np.clip(level, 1e-15, 1.0 - 1e-15)),
        }[self.role]()
        return torch.from_numpy(drawn).to(received)[:, None, None, None]


@dataclass(frozen=True, kw_only=True)
class Dither(Model):
    """N(0,1) through a dithered lattice and an exact decoder."""

    step: float
    role: str = MEAN

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        coder = Increasing(1, 0.25, side=1)
        return Codec(nn.Flatten(), Lattice(spacing=self.step), Decoder(_Known(self.step, self.role), 1), coder)


SOURCE = Source(data.gaussian, 200_000)
TRAINED = 2.0
"""The step behind which decoders are trained."""


def _models(v: Variant) -> Iterator[Model]:
    for step in v.rates:
        for role in (MEAN, SAMPLE, SHARED):
            rate = dithered(step).rate
            yield Dither(source=SOURCE, step=step, role=role).named(step=step, role=role, rate=rate)
    for weight in v.weights:
        loss = MeanSquaredError() + weight * SlicedWasserstein(2, 1)
        behind = Dither(source=SOURCE, step=TRAINED)
        yield Fit(source=SOURCE, plan=v.plan, behind=behind, loss=loss).named(role="trained", weight=weight)


def over(t: Table, step: float, role: str) -> float:
    """D of an exact decoder over that of the mean."""
    return t.at(D, step=step, role=role) / t.at(D, step=step, role=MEAN)


def reached(t: Table, weight: float) -> tuple[float, float]:
    """D and P of a trained decoder; D is measured from the mean's on the same samples, which takes their error off."""
    own, exact = {"role": "trained", "weight": weight}, dithered(TRAINED).distortion
    return exact + t.at(D, **own) - t.at(D, step=TRAINED, role=MEAN), t.at(P, **own)


def frontier(t: Table, weight: float) -> float:
    """D of a trained decoder over the least at its own P."""
    d, p = reached(t, weight)
    return d / dithered(TRAINED).frontier(p)


def slack(t: Table, weight: float) -> float:
    """The rate above R(D,P) of N(0,1) at the point reached, in bits."""
    return dithered(TRAINED).rate - _least_rate(*reached(t, weight))


def _theory(t: Table) -> Iterator[Curve]:
    truth = dithered(TRAINED)
    grid = np.linspace(0.0, truth.wasserstein, 60)
    yield Curve("$D_d + (W_2 - \\sqrt{P})^2$", [truth.frontier(p) for p in grid], grid.tolist(), "theory")
    yield Curve("D(R,P) of N(0,1)", _least(truth.rate, grid).tolist(), grid.tolist(), "bound")


D, P = "distortion_per_pixel", "normal_w2"
STEPS = Plan(recipe=Recipe(1024, Adam(1e-2)), steps=500)

ECDQ = Study(
    "ecdq", "exact; ZQCK21 6.1 beside YWYML21",
    "Dithered N(0,1): twice the MSE, or little more with shared randomness; trained decoders on the frontier",
    _models,
    (
        Claim("step {step:g}: D of the mean over its integral", IDENTITY,
              lambda t, step: t.at(D, step=step, role=MEAN) / dithered(step).distortion, 1.0, 0.015, 0.015, ("step",)),
        Claim("step {step:g}: D / D_d of the posterior sample", IDENTITY, lambda t, step: over(t, step, SAMPLE), 2.0,
              0.03, 0.03, ("step",)),
        Claim("step {step:g}: D / D_d of the monotone map of shared randomness", IDENTITY,
              lambda t, step: over(t, step, SHARED),
              lambda t, step: 1.0 + dithered(step).wasserstein / dithered(step).distortion, 0.02, 0.02, ("step",)),
        Claim("trained, weight {weight:g}: D over the exact frontier at its own P", LAW, frontier, 1.0, 0.006, 0.006,
              ("weight",)),
        Claim("trained, weight {weight:g}: rate above R(D,P) there, bits", LAW, slack, SPACE, 0.006, 0.006,
              ("weight",)),
    ),
    {"smoke": Variant(STEPS, rates=(1.0, 2.0), weights=(0.0, 4.0)),
     **dict.fromkeys(("demo", "paper-lite", "paper"), Variant(
         replace(STEPS, steps=1000), rates=(0.5, 1.0, 2.0, 3.0, 4.0, 6.0), weights=(0.0, 1.0, 16.0)))},
    measures=("distortion", "normal"),
    charts=(Chart("decoders on the exact frontier, step 2", D, P, ("role",), "train", _theory, "trained"),),
)  # fmt: skip

STUDIES = (ECDQ,)
