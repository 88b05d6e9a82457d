"""R(D,P) as a function of torch: a codec can be trained against the bound of its own histogram."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rdptheory import InteriorPoint, InvalidInput, Pmf, Status, Table, rdp
from rdptheory.divergences import Divergence
from rdptheory.doors import guard

__all__ = ["rate"]

SHARP = InteriorPoint(gap=1e-11)  # a gradient is as exact as the root of the gap at worst


class _Rate(torch.autograd.Function):
    """The rate, and in the backward pass the four parts of `rdptheory.Gradient` times what comes from above."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, table: Tensor, D: Tensor, P: Tensor, divergence: Divergence | None) -> Tensor:
        weights = p.detach().double().cpu()
        total, law = float(weights.sum()), Pmf.from_weights(weights.numpy())
        reference = None if divergence is None else law.probabilities
        distortion = Table(table.detach().double().cpu().numpy(), reference=reference)
        found = rdp(law, distortion, divergence, D=float(D), P=float(P), method=SHARP)
        if any(ctx.needs_input_grad):
            if found.status is Status.INFEASIBLE:
                raise InvalidInput("D", float(D), f"has no rate and no gradient: {found.message}")
            parts = _parts(found, total)
            ctx.save_for_backward(*(part.to(one) for part, one in zip(parts, (p, table, D, P), strict=True)))
        return torch.tensor(found.rate, dtype=torch.float64, device=p.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        parts = (
            above.to(part) * part if needed else None
            for part, needed in zip(ctx.saved_tensors, ctx.needs_input_grad, strict=False)
        )
        return (*parts, None)


def _parts(found: Any, total: float) -> list[Tensor]:
    """By p, table, D and P. Where a reconstruction that ignores the source serves, no dual point is needed, and nothing
    moves the rate."""
    if found.dual is None:
        n, m = found.problem.discrete.shape
        return [torch.zeros(n), torch.zeros(n, m), torch.zeros(()), torch.zeros(())]
    slope = found.gradient()
    return [torch.as_tensor(part, dtype=torch.float64) for part in (slope.p / total, slope.table, slope.D, slope.P)]


def rate(
    p: Tensor, table: Tensor, D: Tensor | float, P: Tensor | float = float("inf"), divergence: Divergence | None = None
) -> Tensor:
    """R(D,P) in nats of a law and a distortion matrix that are tensors, with its gradient by all four.

        R(D,P) = min over p(y|x) of I(X;Y)   subject to   E d(X,Y) <= D,   δ(p_X, p_Y) <= P

    Parameters
    ----------
    p : tensor (n,)
        Masses at least 0, such as a softmax; they are divided by their sum, and that is differentiated too. nan is the
        derivative by a mass of 0.
    table : tensor (n, m)
        d(x_i, y_j), a square one with a divergence: δ compares with p itself, which moves.
    D, P : tensors of no dimension, or floats
        Limits in the units of the distortion and the divergence; inf lifts P.
    divergence : TotalVariation(), KullbackLeibler(), ..., or None

    Returns
    -------
    tensor of no dimension, float64
        The upper end of a bracket 1e-11 nat wide. Solved on the processor, wherever the tensors are. The gradient is
        that of the dual point: a subgradient where R has a corner (where the ball becomes idle, and where the rate
        ends), 0 by P beyond the first and by everything beyond the second. There is no second derivative.

    Raises
    ------
    InvalidInput
        As in `rdptheory.rdp`; and where a gradient is asked for at a D that no channel keeps, or that is the least of
        all: the slope there is infinite. At P = 0 dR/dP is -inf for a smooth f-divergence, and finite for others.

    References
    ----------
    [BM19], equation (4); the envelope theorem, as in `rdptheory.derivatives`.

    >>> points = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    >>> p = torch.softmax(torch.tensor([0.3, 0.1, 0.0], dtype=torch.float64), dim=0)
    >>> nats = rate(p, (points[:, None] - points) ** 2, D=0.2)
    >>> nats.backward()
    >>> round(float(nats.detach()), 6), points.grad.shape
    (0.536488, torch.Size([3]))
    """
    limits = [torch.as_tensor(limit, dtype=torch.float64, device=p.device) for limit in (D, P)]
    return _Rate.apply(p, table, *limits, divergence)  # type: ignore[no-untyped-call,no-any-return]


guard(__name__)
