"""How to descend: optimisers and schedules as frozen objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Adam", "Constant", "Drops", "OneCycle", "RMSprop", "Recipe"]


@dataclass(frozen=True)
class Adam:
    """Adam at a peak learning rate."""

    rate: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.999)

    def build(self, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
        """The optimiser of some parameters."""
        return torch.optim.Adam(parameters, self.rate, self.betas)


@dataclass(frozen=True)
class RMSprop:
    """RMSprop at a peak learning rate."""

    rate: float = 1e-4

    def build(self, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
        """The optimiser of some parameters."""
        return torch.optim.RMSprop(parameters, self.rate)


@dataclass(frozen=True)
class Constant:
    """The peak rate throughout."""

    def __call__(self, progress: float) -> float:
        """Factor on the rate."""
        return 1.0


@dataclass(frozen=True)
class OneCycle:
    """Cosine up to the peak over the share `warm` of the steps, cosine down to 0 over the rest."""

    warm: float = 0.3

    def __call__(self, progress: float) -> float:
        """Factor on the rate."""
        if progress < self.warm:
            return 0.04 + 0.96 * 0.5 * (1.0 - math.cos(math.pi * progress / self.warm))
        return 0.5 * (1.0 + math.cos(math.pi * (progress - self.warm) / (1.0 - self.warm)))


@dataclass(frozen=True)
class Drops:
    """The rate times `factor` after each of the shares `at` of the steps."""

    at: tuple[float, ...] = (2.0 / 3.0,)
    factor: float = 0.2

    def __call__(self, progress: float) -> float:
        """Factor on the rate."""
        return self.factor ** sum(progress >= share for share in self.at)


@dataclass(frozen=True)
class Recipe:
    """How to descend: batch size, optimisers of codec and critic, schedule, and the weight of the running average of
    the decoder's weights (0 for none); `bf16` uses autocast on a GPU."""

    batch: int = 128
    optimiser: Adam | RMSprop = Adam()
    critic: Adam | RMSprop = Adam(1e-3, (0.5, 0.9))
    schedule: Constant | OneCycle | Drops = OneCycle()
    average: float = 0.0
    bf16: bool = False
