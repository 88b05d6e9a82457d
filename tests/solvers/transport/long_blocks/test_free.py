"""Where a limit cannot bind: plans that are known to exist are found, and what says that there is none is a bound."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory.certificates.transport.pairs_on_line import LineCost
from rdptheory.distortions import SquaredError
from rdptheory.information import entropy, mutual_information
from rdptheory.plans import PrivatePlan
from rdptheory.solvers.transport.long_blocks import free
from rdptheory.sources import Pmf
from rdptheory.transport_problem import DiscreteTransport, TransportProblem


def staircase(rng: np.random.Generator) -> tuple[Pmf, Pmf, tuple]:
    """Two laws on the line, and the cells and masses of their monotone plan."""
    laws = [
        Pmf.from_weights(rng.dirichlet(np.ones(size)) + 1e-9, np.sort(rng.normal(size=size)))
        for size in rng.integers(2, 9, 2)
    ]
    problem = asked(*laws, 0.1, 0.0)
    line = LineCost.of(problem)
    assert line is not None
    return laws[0], laws[1], free._staircase(problem.p, problem.q, line)


def asked(source: Pmf, target: Pmf, R: float, common: float) -> DiscreteTransport:
    return TransportProblem(source, target, SquaredError(), R, common, True).discrete


def value(balance: float, shares, i, j, mass) -> float:
    """The function of the shares, cell by cell."""
    total = 0.0
    for cell in range(mass.size):
        s, t = shares[cell], mass[cell] - shares[cell]
        total += balance * s * np.log(shares[j == j[cell]].sum() / s)
        total += (1.0 - balance) * t * np.log((mass - shares)[i == i[cell]].sum() / t)
    return float(total)


@pytest.mark.parametrize("seed", range(20))
def test_no_shares_reach_more_than_the_bound_and_sweeps_climb_to_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target, (i, j, mass) = staircase(rng)
    shape = source.size, target.size
    balance = float(rng.uniform(0.02, 0.98))
    tried = [value(balance, mass * rng.uniform(0.001, 0.999, mass.size), i, j, mass) for _ in range(20)]
    shares, reached = mass * rng.uniform(0.001, 0.999, mass.size), -np.inf
    for _ in range(60):
        here = value(balance, shares, i, j, mass)
        assert here >= reached - 1e-14, "a sweep never goes down, up to rounding of sums near 1"
        reached = here
        shares, most = free._sweep(balance, shares, i, j, mass, shape)
        assert max(*tried, reached) <= most + 1e-12
    assert most <= reached + 0.05, "sublinear where a share ends at 0, and still near"


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_that_exists_is_found_and_nothing_else_is_called_free(seed: int) -> None:
    """Rates for which shares drawn at random keep both limits, and rates of no more than half of what those need."""
    rng = np.random.default_rng(100 + seed)
    source, target, (i, j, mass) = staircase(rng)
    shares = mass * rng.uniform(0.01, 0.99, mass.size)
    needs = (
        entropy(source.probabilities) - free._hidden(shares, j, target.size),
        entropy(target.probabilities) - free._hidden(mass - shares, i, source.size),
    )
    for part, known in ((1.0 + 1e-6, True), (0.3, False)):
        R = part * needs[0]
        problem = asked(source, target, R, max(part * needs[1] - R, 0.0))
        line = LineCost.of(problem)
        assert line is not None
        found = free.cheapest(problem, line)
        assert found is not None or not known
        if found is not None:
            plan = found.plan
            assert isinstance(plan, PrivatePlan)
            assert mutual_information(problem.p, plan.encoder) <= R + 1e-12
            assert mutual_information(problem.p @ plan.encoder, plan.decoder) <= R + problem.common + 1e-12
            joint = problem.p[:, None] * (plan.encoder @ plan.decoder)
            np.testing.assert_allclose(joint.sum(axis=0), problem.q, atol=1e-12)
            assert np.vdot(joint, problem.cost) == pytest.approx(mass @ problem.cost[i, j], rel=1e-9, abs=1e-12)
