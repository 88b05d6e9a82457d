"""Losses as frozen objects that add up: `MeanSquaredError() + 0.01 * WassersteinGP(penalty=10)`.

A loss looks at one `Round` of training: the source X, a reference whose law the output should follow (X itself, or the
clean images of another law), what the decoder received, and `draws` reconstructions under fresh private noise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neural.coders import Classifier
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, count, finite

__all__ = [
    "AnchorNorm", "EnergyDistance", "EnergyScore", "Loss", "MeanSquaredError", "Mix", "Perceptual", "Round",
    "SlicedWasserstein", "Term", "WassersteinGP", "energy_distance", "sliced_wasserstein",
]  # fmt: skip


class Round(NamedTuple):
    """source, reference, anchor (n, ...); received (n, d); cells (n,); drawn (m, n, ...); mixing (n,) in (0, 1)."""

    source: Tensor
    reference: Tensor
    received: Tensor
    cells: Tensor
    drawn: Tensor
    anchor: Tensor | None
    mixing: Tensor


class Loss:
    """A weighted sum of terms to minimise over encoder and decoder; losses add, and scale with a number at least 0."""

    terms: tuple[tuple[float, Term], ...]

    @property
    def draws(self) -> int:
        """How many reconstructions of each image it needs."""
        return max(term.draws for _, term in self.terms)

    @property
    def adversary(self) -> WassersteinGP | None:
        """The term that needs a critic, if there is one."""
        return next((term for _, term in self.terms if isinstance(term, WassersteinGP)), None)

    def holds(self, kind: type[Term]) -> bool:
        """Whether a term is of this kind."""
        return any(isinstance(term, kind) for _, term in self.terms)

    def weights(self, progress: float) -> list[float]:
        """The weights of the terms after a share `progress` of the steps."""
        extra, share = self.adversary.anneal if self.adversary else (0.0, 1.0)
        left = extra * max(0.0, 1.0 - progress / share)
        return [weight or (left if isinstance(term, WassersteinGP) else 0.0) for weight, term in self.terms]

    def __add__(self, other: Loss) -> Mix:
        if not isinstance(other, Loss):
            raise InvalidInput("other", other, "must be a loss")
        return Mix(self.terms + other.terms)

    def __rmul__(self, factor: float) -> Mix:
        return Mix(tuple((at_least_zero("factor", factor) * weight, term) for weight, term in self.terms))


@dataclass(frozen=True)
class Mix(Loss):
    """A weighted sum of losses, at most one of them adversarial."""

    terms: tuple[tuple[float, Term], ...]

    def __post_init__(self) -> None:
        if sum(isinstance(term, WassersteinGP) for _, term in self.terms) > 1:
            raise InvalidInput("loss", self.terms, "may hold at most one WassersteinGP")


class Term(Loss, ABC):
    """A loss that is not a sum."""

    draws = 1

    @property
    def terms(self) -> tuple[tuple[float, Term], ...]:
        """Itself, once."""
        return ((1.0, self),)

    @abstractmethod
    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """The loss of one round, a scalar."""


@dataclass(frozen=True)
class MeanSquaredError(Term):
    """(X - Y)^2, the mean over pixels."""

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        return (round.drawn - round.source).square().mean()


@dataclass(frozen=True)
class Perceptual(Term):
    """The mean squared difference of a classifier's second convolution, in place of pixels [BM19, S.F].

    With `relative`, times the variance of a pixel over that of a feature: a weight beside a squared error per pixel
    then means the same for every classifier and all images.
    """

    classifier: Classifier | None = None
    relative: bool = False

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        made, seen = (self.classifier.perceive(images) for images in (round.drawn[0], round.source))
        miss = (made - seen).square().mean()
        if not self.relative:
            return miss
        pixel, feature = (values.var(0, correction=0).mean() for values in (round.source, seen))
        return miss * pixel / feature.clamp_min(1e-12)


@dataclass(frozen=True)
class AnchorNorm(Term):
    """E ||Y - X_d||, the norm of the whole image and not its square [YWL22, eq. 12]; X_d is the codec's own decoder."""

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        return torch.sqrt((round.drawn[0] - round.anchor).flatten(1).square().sum(1) + 1e-12).mean()


@dataclass(frozen=True)
class EnergyScore(Term):
    """E||X - Y|| - E||Y - Y'||/2 for two draws Y, Y' given the same code, estimated without bias from `samples` draws.

    A strictly proper score of p(x|z): its minimum is the posterior sampler, without a critic and without grouping by
    code, so it serves continuous and dithered codes too. X is the source, whatever the references.
    """

    samples: int = 4

    def __post_init__(self) -> None:
        count("samples", self.samples, least=2)

    @property
    def draws(self) -> int:
        return self.samples

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        drawn = round.drawn.flatten(2)
        miss = (drawn - round.source.flatten(1)).norm(dim=-1).mean()
        first, second = torch.triu_indices(self.samples, self.samples, 1, device=drawn.device)
        return miss - 0.5 * (drawn[first] - drawn[second]).norm(dim=-1).mean()


@dataclass(frozen=True)
class EnergyDistance(Term):
    """2 E||X - Y|| - E||X - X'|| - E||Y - Y'|| between the laws of references and reconstructions, all codes pooled.

    With `relative`, times (E||X - EX||^2)^(1/2) per pixel, so that it grows with the contrast as a squared error per
    pixel does: a weight beside that then means the same on all images.
    """

    relative: bool = False

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        found = energy_distance(round.reference, round.drawn[0])
        if not self.relative:
            return found
        flat = round.reference.flatten(1)
        return found * flat.var(0, correction=0).sum().sqrt() / flat.shape[1]


@dataclass(frozen=True)
class SlicedWasserstein(Term):
    """W_order^order between the laws of references and reconstructions, averaged over fixed random directions, in the
    unit of the whole image.

    On one-pixel images it is the exact Wasserstein distance of the batch by sorting; a finite batch makes it a little
    too large. With `conditional` the laws are compared code by code; the references must then be the source.
    """

    order: int = 2
    directions: int = 64
    conditional: bool = False

    def __post_init__(self) -> None:
        count("order", self.order, most=2)
        count("directions", self.directions)

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        cells = round.cells if self.conditional else None
        return sliced_wasserstein(round.reference, round.drawn[0], self.order, self.directions, cells)


@dataclass(frozen=True)
class WassersteinGP(Term):
    """W1 by a critic with gradient penalty, on images or on pairs (image, code) [YWYML21, eq. 27, its sign put right].

    `penalty` is the weight of (||grad J|| - 1)^2, the gradient with respect to the image, the code held fixed;
    `conditional` says whether the critic sees what the decoder received (without, the decoder may ignore the code; with
    it the references must be the source, for others have no code);
    `steps` is the number of critic steps, each on its own batch, before every step of the decoder; `warm_up` that of
    steps on (X, Z) against (X, Z of another image) before training starts [YWYML21, supplement D]. `anneal` = (extra
    weight, share): at weight 0 the term starts with the extra weight and loses it over that share of the steps, so that
    its critic has something to learn.
    """

    penalty: float = 10.0
    conditional: bool = False
    steps: int = 1
    warm_up: int = 0
    anneal: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        finite("penalty", self.penalty, positive=True)
        count("steps", self.steps)
        if count("warm_up", self.warm_up, least=0) and not self.conditional:
            raise InvalidInput("warm_up", self.warm_up, "needs a conditional critic")

    def __call__(self, round: Round, critic: nn.Module | None) -> Tensor:
        """What the decoder minimises: -E J(Y)."""
        return -critic(round.drawn[0], round.received).mean()

    def critic_loss(self, round: Round, critic: nn.Module, *, shuffled: bool = False) -> Tensor:
        """What the critic minimises: E J(Y) - E J(X) + penalty E (||grad J|| - 1)^2; in the warm-up the fakes are the
        images themselves, their codes `shuffled`."""
        code = round.received.detach()
        fake, of = (round.reference, code.roll(1, 0)) if shuffled else (round.drawn[0].detach(), code)
        return self.against(fake, round.reference, round.mixing, critic, of, code)

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

    def distances(a: Tensor, b: Tensor) -> Tensor:
        squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2.0 * a @ b.T
        if a is b:  # the product cancels on the diagonal and has no slope there: 1 in its place
            eye = torch.eye(len(a), device=a.device)
            squares = squares * (1.0 - eye) + eye
        return squares.clamp_min(1e-12).sqrt()

    x, y = first.flatten(1), second.flatten(1)
    within = sum((distances(s, s).sum() - len(s)) / (len(s) * (len(s) - 1)) for s in (x, y))
    return 2.0 * distances(x, y).mean() - within


def sliced_wasserstein(
    first: Tensor, second: Tensor, order: int = 2, directions: int = 64, cells: Tensor | None = None
) -> Tensor:
    """d^(order/2) E |W_order(theta X, theta Y)|^order of two samples (n, ...) of one size in d numbers, averaged over
    fixed directions theta, within cells if given. The factor makes a shift by c count ||c||^2 at order 2: per image."""

    def ranked(points: Tensor) -> Tensor:
        values = points @ _directions(points.shape[1], directions, points.device)
        rank = values.detach().argsort(0)
        return values.gather(0, rank if cells is None else rank.gather(0, cells[rank].argsort(dim=0, stable=True)))

    gap = ranked(first.flatten(1)) - ranked(second.flatten(1))
    return first[0].numel() ** (order / 2) * gap.abs().pow(order).mean()


@lru_cache(maxsize=16)
def _directions(pixels: int, count: int, device: torch.device) -> Tensor:
    """Kept on its device: while a CUDA graph is recorded nothing can be copied there."""
    if pixels == 1:
        return torch.ones(1, 1, device=device)
    drawn = torch.randn(pixels, count, generator=torch.Generator().manual_seed(0))
    return nn.functional.normalize(drawn, dim=0).to(device)


guard(__name__, methods=False)
