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
from scipy.stats import norm
from torch import Tensor, nn

from neural import data
from neural.claims import IDENTITY, LAW, Chart, Claim, Curve, D, Table, over
from neural.coders import Joined, Perceptron
from neural.losses import MeanSquaredError, SlicedWasserstein
from neural.models import Fit, Found, Model, Source
from neural.quantisers import Lattice
from neural.recipes import Adam, Recipe
from neural.study import Plan, Study, Variant, presets
from neural.training import Codec, Decoder
from rdptheory.closed_forms import gaussian
from rdptheory.units import bits_to_nats, nats_to_bits

__all__ = ["SPACE", "STUDIES", "Dithered", "dithered"]

P = "normal_w2"
SPACE = 0.5 * math.log2(2.0 * math.pi * math.e / 12.0)
"""The most, in bits, that a dithered scalar quantiser can lose."""
MEAN, SAMPLE, SHARED = "mean", "posterior sample", "monotone map of shared randomness"


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
    y = np.linspace(-9.0 - step, 9.0 + step, nodes)
    density, mean, level = _posterior(y, step)
    weight = density * (y[1] - y[0])
    rate = -float(np.sum(weight * np.log2(np.maximum(density, 1e-300)))) - math.log2(step)
    return Dithered(rate, 1.0 - float(np.sum(weight * mean**2)), float(np.sum(weight * (mean - _moved(level)) ** 2)))


def _posterior(y: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Density of y, E[x | y], and P(Y <= y); |y| in the tails, where differences of the same sign keep their digits."""
    low, high = _edges(y, step)
    mass = np.maximum(ndtr(high) - ndtr(low), 1e-300)
    mean = np.sign(y) * (norm.pdf(high) - norm.pdf(low)) / mass
    a, b = y - step / 2, y + step / 2
    level = (b * ndtr(b) + norm.pdf(b) - a * ndtr(a) - norm.pdf(a)) / step
    return mass / step, mean, level


def _edges(y: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Where x lies, for -|y|."""
    return -(np.abs(y) + step / 2), -(np.abs(y) - step / 2)


def _moved(level: np.ndarray) -> np.ndarray:
    """The monotone map to N(0,1) of a number with this probability below it."""
    return ndtri(np.clip(level, 1e-15, 1.0 - 1e-15))


class _Known(nn.Module):
    """An exact decoder of y = x + u, in float64: E[x | y], a draw from p(x | y), or the monotone map to N(0,1)."""

    def __init__(self, step: float, role: str) -> None:
        super().__init__()
        self.step, self.role = step, role

    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        y, share = (values[:, 0].cpu().double().numpy() for values in (received, noise))
        _, mean, level = _posterior(y, self.step)
        low, high = map(ndtr, _edges(y, self.step))
        drawn = np.sign(y) * -ndtri(np.clip(low + ndtr(share) * (high - low), 1e-300, 1.0))
        chosen = {MEAN: mean, SAMPLE: drawn, SHARED: _moved(level)}[self.role]
        return torch.from_numpy(chosen).to(received)[:, None, None, None]


@dataclass(frozen=True)
class Increasing(Perceptron):
    """What was received plus a perceptron of it: training must not begin at a decreasing map of the same law."""

    def decoder(self, noise: int = 0) -> nn.Module:
        """The perceptron's decoder, added to what was received."""
        return Joined(
            lambda net, received, noise: received[:, :, None, None] + net(received, noise), super().decoder(noise)
        )


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
            own = {"step": step, "role": role, "rate": dithered(step).rate}
            yield Dither(source=SOURCE, step=step, role=role).named(**own)
    behind = Dither(source=SOURCE, step=TRAINED)
    for weight in v.weights:
        loss = MeanSquaredError() + weight * SlicedWasserstein(2, 1)
        yield Fit(source=SOURCE, plan=v.plan, behind=behind, loss=loss).named(role="trained", weight=weight)


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
    return dithered(TRAINED).rate - nats_to_bits(float(gaussian.rate(1.0, *reached(t, weight))))


def _theory(t: Table) -> Iterator[Curve]:
    truth = dithered(TRAINED)
    grid = np.linspace(0.0, truth.wasserstein, 60)
    least = gaussian.distortion(1.0, bits_to_nats(truth.rate), grid)
    yield Curve("$D_d + (W_2 - \\sqrt{P})^2$", [truth.frontier(p) for p in grid], grid.tolist(), "theory")
    yield Curve("D(R,P) of N(0,1)", least.tolist(), grid.tolist(), "bound")


def exact(text: str, role: str, theory: float | None, near: float) -> Claim:
    """D of an exact decoder over that of the mean; its theory is the integral where none is given."""
    integral = theory or (lambda t, step: 1.0 + dithered(step).wasserstein / dithered(step).distortion)
    measured = over(D, {"role": role}, {"role": MEAN})
    return Claim(f"step {{step:g}}: D / D_d of {text}", IDENTITY, measured, integral, near, near, ("step",))


SHORT = Plan(recipe=Recipe(1024, Adam(1e-2)), steps=500)
LONG = replace(SHORT, steps=1000)
ECDQ = Study(
    "ecdq", "exact; ZQCK21 6.1 beside YWYML21",
    "Dithered N(0,1): twice the MSE, or little more with shared randomness; trained decoders on the frontier",
    _models,
    (
        Claim("step {step:g}: D of the mean over its integral", IDENTITY,
              lambda t, step: t.at(D, step=step, role=MEAN) / dithered(step).distortion, 1.0, 0.015, 0.015, ("step",)),
        exact("the posterior sample", SAMPLE, 2.0, 0.03),
        exact("the monotone map of shared randomness", SHARED, None, 0.02),
        Claim("trained, weight {weight:g}: D over the exact frontier at its own P", LAW, frontier, 1.0, 0.006, 0.006,
              ("weight",)),
        Claim("trained, weight {weight:g}: rate above R(D,P) there, bits", LAW, slack, SPACE, 0.006, 0.006,
              ("weight",)),
    ),
    presets(Variant(), plan=(SHORT, *3 * (LONG,)), weights=((0.0, 4.0), *3 * ((0.0, 1.0, 16.0),)),
            rates=((1.0, 2.0), *3 * ((0.5, 1.0, 2.0, 3.0, 4.0, 6.0),))),
    measures=("distortion", "normal"),
    charts=(Chart("decoders on the exact frontier, step 2", D, P, ("role",), "train", _theory, "trained"),),
)  # fmt: skip

STUDIES = (ECDQ,)
