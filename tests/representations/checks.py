"""What a universal solution has to satisfy, recomputed from its channel alone."""

from __future__ import annotations

import numpy as np

from rdptheory import Solution
from rdptheory.information import mutual_information

ROUNDING = 1e-12


def check_universal(solution: Solution) -> None:
    """Every marginal of the channel keeps its limits, and the rate is the information of the whole channel."""
    problem = solution.problem
    source, channel = problem.source, solution.candidate.channel
    p = source.probabilities
    assert channel.ndim == len(problem.points) + 1
    assert (channel >= 0.0).all()
    np.testing.assert_allclose(channel.reshape(p.size, -1).sum(axis=1), 1.0, atol=ROUNDING)
    assert solution.rate == solution.bounds.upper
    assert abs(mutual_information(p, channel.reshape(p.size, -1)) - solution.rate) <= 1e-9  # the gap asked for
    table = problem.distortion.table(source.points)
    for k, (D, P) in enumerate(problem.points):
        others = tuple(axis + 1 for axis in range(len(problem.points)) if axis != k)
        alone = channel.sum(axis=others)
        assert float(p @ (alone * table).sum(axis=1)) <= D + ROUNDING * max(1.0, D)
        if problem.perception is not None:
            law = p @ alone
            assert problem.perception.on(source.points).value(p, law) <= P + ROUNDING
