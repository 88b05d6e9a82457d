r"""From features in [-1, 1]^d to codes, and what the decoder receives.

Every quantiser has L centres per coordinate, evenly spaced on [-1, 1] with step a = 2/(L-1); the rate is d log2 L bits.
`send(features, noise)` returns `Sent(cells, received)`; `noise` (2, n, d) is uniform on (-1/2, 1/2), its first half
belongs to the encoder and its second to the decoder, so that the same draws serve every quantiser.

==================================  ====================  ================================
quantiser                           code                  received
==================================  ====================  ================================
`Binary`, `DeterministicQuantiser`  Q(f)                  the centre
`NoisyQuantiser`                    Q(f)                  the centre + a u'
`UniversalQuantiser(common=True)`   Q(f + a u), clamped   the centre - a u   (shared dither)
`UniversalQuantiser(common=False)`  Q(f + a u), clamped   the centre - a u'  (two dithers)
==================================  ====================  ================================

Clamping to the L centres keeps the rate at d log2 L, so near the ends of [-1, 1] the error is not uniform [ZQCK21].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, count, finite

__all__ = [
    "Binary", "DeterministicQuantiser", "Gradient", "Lattice", "NoisyQuantiser", "Quantiser", "Sent", "SoftGradient",
    "StraightThrough", "Undithered", "UniversalQuantiser", "Unquantised", "powers",
]  # fmt: skip

HASH = 6364136223846793005  # odd, so its powers modulo 2^64 tell longer codes apart


class Sent(NamedTuple):
    """What leaves the encoder: cells (n,), one integer per image (the code's digits base L, above 63 bits a hash of
    them), and received (n, d), what the decoder is given."""

    cells: Tensor
    received: Tensor


@dataclass(frozen=True)
class StraightThrough:
    """The gradient of the identity in place of the step function's."""

    def __call__(self, features: Tensor, centres: Tensor) -> Tensor:
        """A stand-in (n, d) for the nearest centre, with the gradient to use."""
        return features


@dataclass(frozen=True)
class SoftGradient:
    """The gradient of sum_j c_j softmax_j(-sigma |f - c_j|); sigma = 2/L if None [BM19, ZQCK21]."""

    sigma: float | None = None

    def __post_init__(self) -> None:
        if self.sigma is not None:
            finite("sigma", self.sigma, positive=True)

    def __call__(self, features: Tensor, centres: Tensor) -> Tensor:
        """A stand-in (n, d) for the nearest centre, with the gradient to use."""
        sigma = 2.0 / len(centres) if self.sigma is None else self.sigma
        return torch.softmax(-sigma * (features[..., None] - centres).abs(), dim=-1) @ centres


Gradient = StraightThrough | SoftGradient


@dataclass(frozen=True)
class Quantiser:
    """L centres per coordinate and the gradient that training uses; see the table above."""

    levels: int
    gradient: Gradient = SoftGradient()
    common = False  # whether the decoder knows the encoder's dither

    def __post_init__(self) -> None:
        count("levels", self.levels, least=2)

    @property
    def step(self) -> float:
        """Distance a between two centres."""
        return 2.0 / (self.levels - 1)

    def bits(self, latent: int) -> float:
        """Rate d log2 L in bits per image; NaN where it is not fixed."""
        return latent * math.log2(self.levels)

    def noise(self, n: int, latent: int, rng: torch.Generator) -> Tensor:
        """The draws (2, n, d) that `send` needs, uniform on (-1/2, 1/2)."""
        return torch.rand(2, n, latent, generator=rng) - 0.5

    def dithers(self, own: Tensor, other: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """What is added before, and taken off after, of the two sides' noise of one step's width."""
        return 0.0, 0.0

    def send(self, features: Tensor, noise: Tensor) -> Sent:
        """Quantise features (n, d) in [-1, 1] with the noise (2, n, d)."""
        before, after = self.dithers(self.step * noise[0], self.step * noise[1])
        features = features + before
        centres = torch.linspace(-1.0, 1.0, self.levels, device=features.device)
        index = ((features.detach() + 1.0) / self.step).round().clamp(0, self.levels - 1)
        soft = self.gradient(features, centres)
        hard = soft + (index * self.step - 1.0 - soft).detach()
        base = self.levels if Quantiser.bits(self, features.shape[-1]) <= 63.0 else HASH
        return Sent((index.long() * powers(base, index)).sum(-1), hard - after)


@dataclass(frozen=True)
class DeterministicQuantiser(Quantiser):
    """The nearest centre, sent as it is."""


@dataclass(frozen=True)
class Binary(DeterministicQuantiser):
    """One bit per coordinate, -1 or +1, with the straight-through gradient [YWYML21, eq. 25]."""

    levels: int = 2
    gradient: Gradient = StraightThrough()

    def __post_init__(self) -> None:
        if self.levels != 2:
            raise InvalidInput("levels", self.levels, "a binary quantiser has 2")


@dataclass(frozen=True)
class NoisyQuantiser(Quantiser):
    """The nearest centre; the decoder adds private noise of one step's width [BM19]."""

    def dithers(self, own: Tensor, other: Tensor) -> tuple[Tensor | float, Tensor | float]:
        return 0.0, -other


@dataclass(frozen=True)
class UniversalQuantiser(Quantiser):
    """Dither before, dither removed after: the same one (common randomness) or an independent one [ZQCK21, LZCK22]."""

    common: bool = True

    def dithers(self, own: Tensor, other: Tensor) -> tuple[Tensor | float, Tensor | float]:
        return own, own if self.common else other


@dataclass(frozen=True)
class Undithered(Quantiser):
    """Dither before, and the centre itself received: the code Z without what the decoder adds to it."""

    def dithers(self, own: Tensor, other: Tensor) -> tuple[Tensor | float, Tensor | float]:
        return own, 0.0


@dataclass(frozen=True)
class Unquantised(Quantiser):
    """Features sent as they are, where the encoder (a conventional codec, say) has quantised already, at a rate that is
    not known here. The cells are hashes of their bytes."""

    levels: int = 2

    def bits(self, latent: int) -> float:
        return math.nan

    def send(self, features: Tensor, noise: Tensor) -> Sent:
        digits = (features.detach() * 255.0).round().long()
        return Sent((digits * powers(HASH, digits)).sum(-1), features)


@dataclass(frozen=True)
class Lattice(Quantiser):
    """Every multiple of `spacing`, with shared subtractive dither: the error is uniform whatever the features.

    The code is entropy coded given the dither, at H(Z | U) = I(F; F + U') for U' uniform on (-spacing/2, spacing/2).
    The gradient is the identity's.
    """

    levels: int = 2
    spacing: float = 1.0
    common = True

    def bits(self, latent: int) -> float:
        return math.nan

    def send(self, features: Tensor, noise: Tensor) -> Sent:
        dither = self.spacing * noise[0]
        index = ((features.detach() + dither) / self.spacing).round()
        received = features + (index * self.spacing - dither - features).detach()
        return Sent((index.long() * powers(HASH, index)).sum(-1), received)


def powers(base: int, digits: Tensor) -> Tensor:
    """1, base, base^2, ... (d,), the weights of digits (n, d) of a code, the lowest first; modulo 2^64."""
    return base ** torch.arange(digits.shape[-1], device=digits.device)


guard(__name__, methods=False)
