"""Losses as frozen objects that add up: `MeanSquaredError() + 0.01 * WassersteinGP(penalty=10)`.

A loss looks at one `Round` of training: the source X, a reference whose law the output should follow (X itself, or the
clean images of another law), what the decoder received, and `draws` reconstructions under fresh private noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neural.coders import Classifier
from rdptheory.errors import InvalidInput, at_least_zero, finite

__all__ = [
    "AnchorNorm",
    "EnergyDistance",
    "EnergyScore",
    "Loss",
    "MeanSquaredError",
    "Mix",
    "Perceptual",
    "Round",
    "SlicedWasserstein",
    "WassersteinGP",
    "energy_distance",
    "sliced_wasserstein",
]


class Round(NamedTuple):
    """source, reference, anchor (n, ...); received (n, d); cells (n,); drawn (m, n, ...); mixing (n,) in (0, 1)."""

    source: Tensor
    reference: Tensor
    received: Tensor
    cells: Tensor
    drawn: Tensor
    anchor: Tensor | None
    mixing: Tensor


@dataclass(frozen=True)
class Loss:
    """A number to minimise over encoder and decoder; losses add, and scale with a number at least 0."""

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        """The weighted sum it is."""
        return ((1.0, self),)

    @property
    def draws(self) -> int:
        """How many reconstructions of each image it needs."""
        return 1

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """The loss of one round, a scalar."""
        raise NotImplementedError

    def __add__(self, other: Loss) -> Mix:
        return Mix(self.terms + other.terms)

    def __rmul__(self, factor: float) -> Mix:
        return Mix(tuple((at_least_zero("factor", factor) * weight, term) for weight, term in self.terms))


@dataclass(frozen=True)
class Mix(Loss):
    """A weighted sum of losses, at most one of them adversarial."""

    parts: tuple[tuple[float, Loss], ...] = field(default=())

    def __post_init__(self) -> None:
        if sum(isinstance(term, WassersteinGP) for _, term in self.parts) > 1:
            raise InvalidInput("loss", self.parts, "may hold at most one WassersteinGP")

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        """The weighted sum."""
        return self.parts

    @property
    def draws(self) -> int:
        """The most any term needs."""
        return max(term.draws for _, term in self.parts)


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """(X - Y)^2, the mean over pixels."""

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """The loss of one round."""
        return (round.drawn - round.source).square().mean()


@dataclass(frozen=True, eq=False)
class Perceptual(Loss):
    """The mean squared difference of a classifier's second convolution, in place of pixels [BM19, S.F]."""

    classifier: Classifier

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """The loss of one round."""
        return (self.classifier.perceive(round.drawn[0]) - self.classifier.perceive(round.source)).square().mean()


@dataclass(frozen=True)
class AnchorNorm(Loss):
    """E ||Y - X_d||, the norm of the whole image and not its square [YWL22, eq. 12]; X_d is the codec's own decoder."""

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """The loss of one round."""
        return torch.sqrt((round.drawn[0] - round.anchor).flatten(1).square().sum(1) + 1e-12).mean()


@dataclass(frozen=True)
class EnergyScore(Loss):
    """E||X - Y|| - E||Y - Y'||/2 for two draws Y, Y' given the same code.

    A strictly proper score of p(x|z): its minimum is the posterior sampler, without a critic and without grouping by
    code, so it serves continuous and dithered codes too.
    """

    samples: int = 4

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise InvalidInput("samples", self.samples, "must be at least 2")

    @property
    def draws(self) -> int:
        """`samples`."""
        return self.samples

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """The loss of one round, an unbiased estimate."""
        drawn = round.drawn.flatten(2)
        miss = (drawn - round.reference.flatten(1)).norm(dim=-1).mean()
        first, second = torch.triu_indices(self.samples, self.samples, 1)
        return miss - 0.5 * (drawn[first] - drawn[second]).norm(dim=-1).mean()


@dataclass(frozen=True)
class EnergyDistance(Loss):
    """2 E||X - Y|| - E||X - X'|| - E||Y - Y'|| between the laws of references and reconstructions, all codes pooled."""

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """The loss of one round, an unbiased estimate."""
        return energy_distance(round.reference, round.drawn[0])


@dataclass(frozen=True)
class SlicedWasserstein(Loss):
    """W_order^order between the laws of references and reconstructions, averaged over fixed random directions.

    On one-pixel images it is the exact Wasserstein distance of the batch by sorting. With `conditional` the laws are
    compared code by code.
    """

    order: int = 2
    directions: int = 64
    conditional: bool = False

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """The loss of one round; a finite batch makes it a little too large."""
        cells = round.cells if self.conditional else None
        return sliced_wasserstein(round.reference, round.drawn[0], self.order, self.directions, cells)


@dataclass(frozen=True)
class WassersteinGP(Loss):
    """W1 by a critic with gradient penalty, on images or on pairs (image, code) [YWYML21, eq. 27, its sign put right].

    Parameters
    ----------
    penalty : float
        Weight of (||grad J|| - 1)^2; the gradient is with respect to the image, the code held fixed.
    conditional : bool
        Whether the critic sees what the decoder received. Without, the decoder may ignore the code.
    steps : int
        Critic steps, each on its own batch, before every step of the decoder.
    warm_up : int
        Critic steps on (X, Z) against (X, Z of another image) before training starts [YWYML21, supplement D].
    """

    penalty: float = 10.0
    conditional: bool = False
    steps: int = 1
    warm_up: int = 0

    def __post_init__(self) -> None:
        finite("penalty", self.penalty, positive=True)
        if self.steps < 1 or self.warm_up < 0 or (self.warm_up and not self.conditional):
            raise InvalidInput("steps", self.steps, "must be at least 1, and warm_up needs a conditional critic")

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """What the decoder minimises: -E J(Y)."""
        return -critic(round.drawn[0], round.received).mean()

    def critic_loss(self, round: Round, critic: nn.Module, *, shuffled: bool = False) -> Tensor:
        """What the critic minimises: E J(Y) - E J(X) + penalty E (||grad J|| - 1)^2."""
        code = round.received.detach()
        if shuffled:
            return self.against(round.reference, round.reference, round.mixing, critic, code.roll(1, 0), code)
        return self.against(round.drawn[0].detach(), round.reference, round.mixing, critic, code, code)

    def against(
        self, fake: Tensor, real: Tensor, mixing: Tensor, critic: nn.Module,
        fake_code: Tensor | None = None, code: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """The critic's loss on fake and real images (n, ...), the penalty at mixtures by `mixing` (n,)."""
        gap = critic(fake, fake_code).mean() - critic(real, code).mean()
        mixing = mixing.view(-1, *[1] * (fake.ndim - 1))
        between = mixing * real + (1.0 - mixing) * fake
        slope = torch.func.grad(lambda images: critic(images, code).sum())(between)
        return gap + self.penalty * ((slope.flatten(1).square().sum(1) + 1e-12).sqrt() - 1.0).square().mean()


def energy_distance(first: Tensor, second: Tensor) -> Tensor:
    """The energy distance between two samples (n, ...) and (m, ...), an unbiased estimate (it can be below 0)."""
    x, y = first.flatten(1), second.flatten(1)
    within = sum((_distances(s, s, apart=1.0).sum() - len(s)) / (len(s) * (len(s) - 1)) for s in (x, y))
    return 2.0 * _distances(x, y).mean() - within


def sliced_wasserstein(
    first: Tensor, second: Tensor, order: int = 2, directions: int = 64, cells: Tensor | None = None
) -> Tensor:
    """W_order^order of two samples (n, ...) of one size, averaged over fixed directions, within cells if given."""
    x, y = first.flatten(1), second.flatten(1)
    axes = _directions(x.shape[1], directions).to(x)
    low, high = (torch.gather(p, 0, _order(p.detach(), cells)) for p in (x @ axes, y @ axes))
    return (low - high).abs().pow(order).mean()


@lru_cache(maxsize=16)
def _directions(pixels: int, count: int) -> Tensor:
    if pixels == 1:
        return torch.ones(1, 1)
    axes = torch.randn(pixels, count, generator=torch.Generator().manual_seed(0))
    return axes / axes.norm(dim=0)


def _order(values: Tensor, cells: Tensor | None) -> Tensor:
    order = values.argsort(0)
    return order if cells is None else order.gather(0, cells[order].argsort(dim=0, stable=True))


def _distances(first: Tensor, second: Tensor, apart: float = 0.0) -> Tensor:
    """(n, m) norms by one matrix product; `apart` replaces the diagonal, where the product cancels and has no slope."""
    squares = first.square().sum(1)[:, None] + second.square().sum(1) - 2.0 * first @ second.T
    if apart:
        eye = torch.eye(len(first), device=first.device)
        squares = squares * (1.0 - eye) + apart * eye
    return squares.clamp_min(1e-12).sqrt()
