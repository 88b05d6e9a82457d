"""How to descend, as frozen objects: optimisers, and schedules from progress in [0, 1) to a factor on the peak rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, check_settings, count

__all__ = ["Adam", "Drops", "OneCycle", "RMSprop", "Recipe"]


@dataclass(frozen=True)
class Adam:
    """Adam at a peak learning rate; `fused` None: one kernel for all weights where the device has it."""

    rate: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.999)
    fused: bool | None = None

    def __post_init__(self) -> None:
        check_settings(self)
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise InvalidInput("betas", self.betas, "must lie in [0, 1)")

    def build(self, parameters: Sequence[Tensor], graph: bool = False) -> torch.optim.Optimizer:
        """torch's optimiser of some parameters; with `graph` its rate and counters are tensors of their device."""
        device = parameters[0].device
        fused = device.type in ("cpu", "cuda") if self.fused is None else self.fused
        rate = torch.tensor(self.rate, device=device) if graph else self.rate
        return torch.optim.Adam(parameters, rate, self.betas, fused=fused, capturable=graph)


@dataclass(frozen=True)
class RMSprop:
    """RMSprop at a peak learning rate."""

    rate: float = 1e-4
    __post_init__ = check_settings

    def build(self, parameters: Sequence[Tensor], graph: bool = False) -> torch.optim.Optimizer:
        """As that of `Adam`."""
        rate = torch.tensor(self.rate, device=parameters[0].device) if graph else self.rate
        return torch.optim.RMSprop(parameters, rate, capturable=graph)


@dataclass(frozen=True)
class OneCycle:
    """Cosine up to the peak over the share `warm` of the steps, cosine down to 0 over the rest."""

    warm: float = 0.3

    def __post_init__(self) -> None:
        if not 0.0 < self.warm < 1.0:
            raise InvalidInput("warm", self.warm, "must lie between 0 and 1")

    def __call__(self, progress: float) -> float:
        if progress < self.warm:
            return 0.04 + 0.96 * 0.5 * (1.0 - math.cos(math.pi * progress / self.warm))
        return 0.5 * (1.0 + math.cos(math.pi * (progress - self.warm) / (1.0 - self.warm)))


@dataclass(frozen=True)
class Drops:
    """The rate times `factor` after each of the shares `at` of the steps; constant without any."""

    at: tuple[float, ...] = (2.0 / 3.0,)
    factor: float = 0.2

    def __post_init__(self) -> None:
        check_settings(self)
        if not all(0.0 <= share <= 1.0 for share in self.at):
            raise InvalidInput("at", self.at, "must be shares of the steps, in [0, 1]")

    def __call__(self, progress: float) -> float:
        return self.factor ** sum(progress >= share for share in self.at)


@dataclass(frozen=True)
class Recipe:
    """How to descend: batch size, optimisers of codec and critic, schedule, the weight of the running average of the
    decoder's weights (0 for none), whether the networks run under autocast to bfloat16, and whether a CUDA device
    records a step once and replays it."""

    batch: int = 128
    optimiser: Adam | RMSprop = Adam()
    critic: Adam | RMSprop = Adam(1e-3, (0.5, 0.9))
    schedule: OneCycle | Drops = OneCycle()
    average: float = 0.0
    bf16: bool = False
    graph: bool = True

    def __post_init__(self) -> None:
        count("batch", self.batch)
        if not 0.0 <= self.average < 1.0:
            raise InvalidInput("average", self.average, "must lie in [0, 1)")


guard(__name__, methods=False)
