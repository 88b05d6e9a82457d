"""Quantile cuts against the printed values, a free nonlinear programme, brute force over cuts, and theorems."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.special import entr

from rdptheory.certificates.transport import CutMultipliers
from rdptheory.certificates.transport.cuts import INTERVAL
from rdptheory.distortions import SquaredError
from rdptheory.plans import PrivatePlan
from rdptheory.solution import Status
from rdptheory.solvers.transport.common_randomness import ColumnGeneration
from rdptheory.solvers.transport.private_randomness import MultiStart, QuantileCuts
from rdptheory.transport_problem import DiscreteTransport, TransportProblem
from tests.transport_cases import (
    BIT,
    REFERENCES,
    assert_sound,
    convex_envelope,
    instance,
    line_pair,
    random_line,
    random_table,
    solved,
)

WITH_CUTS = [row for row in REFERENCES["finite"] if "D_ncr" in row]


def itself(p: np.ndarray, x: np.ndarray, R: float) -> DiscreteTransport:
    """A law to itself under squared error: twice its quantisation error."""
    return DiscreteTransport(p, p, np.square(x[:, None] - x), R, x, x)


def grid_of_cuts(problem: DiscreteTransport, levels: int) -> float:
    """Least distortion with at most two cuts on a grid of levels and the jumps: an upper bound by brute force."""
    assert problem.x is not None
    assert problem.y is not None
    points = np.unique(
        np.concatenate((np.linspace(0.0, 1.0, levels + 1)[1:-1], np.cumsum(problem.p)[:-1], np.cumsum(problem.q)[:-1]))
    )
    ends = [
        (np.concatenate(([0.0], np.cumsum(law))), at) for law, at in ((problem.p, problem.x), (problem.q, problem.y))
    ]

    def centres(cuts: np.ndarray, edges: np.ndarray, at: np.ndarray) -> np.ndarray:
        total = np.interp(cuts, edges, np.concatenate(([0.0], np.cumsum(np.diff(edges) * at))))
        return np.diff(total)

    best = problem.independent
    for count in (1, 2):
        for inner in combinations(points, count):
            cuts = np.array([0.0, *inner, 1.0])
            lengths = np.diff(cuts)
            if (lengths <= 0.0).any() or entr(lengths).sum() > problem.R:
                continue
            sums = [centres(cuts, edges, at) for edges, at in ends]
            second = float(problem.p @ problem.x**2 + problem.q @ problem.y**2)
            best = min(best, second - 2.0 * float((sums[0] * sums[1] / lengths).sum()))
    return best


@pytest.mark.parametrize("row", WITH_CUTS, ids=lambda row: f"{row['instance']}-{row['R']}")
def test_printed_values(row: dict[str, float]) -> None:
    problem = TransportProblem(*instance(str(row["instance"])), row["R"] * BIT, 0.0).discrete
    found = solved(problem, QuantileCuts())
    assert_sound(found, problem)
    assert found.status is Status.OPTIMAL
    assert found.distortion == pytest.approx(row["D_ncr"], abs=2e-12)
    assert convex_envelope(problem)[0] == pytest.approx(row["envelope"], abs=1e-9)
    assert problem.x is not None
    assert problem.y is not None
    for name, p, x in (("D_mse_X", problem.p, problem.x), ("D_mse_Y", problem.q, problem.y)):
        half = 0.5 * solved(itself(p, x, problem.R), QuantileCuts()).distortion
        assert half == pytest.approx(row[name], abs=1e-11), name  # 11 decimals are printed


@pytest.mark.parametrize("row", REFERENCES["line"], ids=lambda row: f"{row['n']}-{row['R']}")
def test_printed_values_on_the_line(row: dict[str, float]) -> None:
    source, target = line_pair(int(row["n"]))
    if "D_ncr" in row:
        problem = TransportProblem(source, target, SquaredError(), row["R"] * BIT, 0.0).discrete
        found = solved(problem, QuantileCuts(gap=1e-7))
        assert_sound(found, problem)
        assert found.status is Status.OPTIMAL
        assert found.distortion == pytest.approx(row["D_ncr"], abs=1e-10)
    if "D_mse_X" in row:
        own = itself(source.probabilities, source.points, row["R"] * BIT)
        assert 0.5 * solved(own, QuantileCuts(gap=1e-7)).distortion == pytest.approx(row["D_mse_X"], abs=1e-10)


def test_quantisation_of_twelve_points_at_two_bits_is_closed() -> None:
    source, _ = line_pair(12)
    found = solved(itself(source.probabilities, source.points, 2.0 * BIT), QuantileCuts(gap=1e-9))
    assert found.status is Status.OPTIMAL
    assert 0.5 * found.gap <= 2e-9


def test_splitting_an_atom_beats_every_deterministic_encoder() -> None:
    row = REFERENCES["split"][0]
    problem = itself(np.array(row["p"]), np.array(row["points"], dtype=float), row["R"] * BIT)
    found = solved(problem, QuantileCuts())
    assert_sound(found, problem)
    assert 0.5 * found.distortion == pytest.approx(row["D_mse"], abs=1e-13)
    assert isinstance(found.plan, PrivatePlan)
    assert ((found.plan.encoder > 0.0).sum(axis=1) > 1).sum() == 1
    assert 0.5 * found.distortion < row["deterministic"]


def test_quantile_cuts_against_a_free_programme_and_a_grid_of_cuts() -> None:
    rng = np.random.default_rng(30)
    for trial in range(16):
        problem = random_line(rng, 5)
        cuts = solved(problem, QuantileCuts())
        assert_sound(cuts, problem)
        assert cuts.status is Status.OPTIMAL
        assert cuts.bounds.lower <= grid_of_cuts(problem, 12)
        if trial < 4:
            free = solved(problem, MultiStart(starts=2, seed=trial))
            assert_sound(free, problem)
            assert free.bounds.lower <= cuts.bounds.upper
            assert cuts.bounds.lower <= free.bounds.upper


def test_the_free_programme_finds_the_optimal_cuts() -> None:
    for name, R in (("A", 0.25), ("E", 1.0)):
        problem = TransportProblem(*instance(name), R * BIT, 0.0).discrete
        free, cuts = solved(problem, MultiStart(starts=4)), solved(problem, QuantileCuts())
        assert_sound(free, problem)
        assert free.distortion == pytest.approx(cuts.distortion, abs=1e-8)  # the local search ends there


def test_the_envelope_lies_between_shared_and_private_randomness() -> None:
    rng = np.random.default_rng(31)
    for _ in range(20):
        problem = random_line(rng, 6)
        envelope, price = convex_envelope(problem)
        assert solved(problem, ColumnGeneration()).bounds.lower <= envelope + 1e-11
        assert envelope <= solved(problem, QuantileCuts()).bounds.upper + 1e-12
        assert price >= 0.0


def test_affine_targets_cost_two_quantisations_and_the_unlimited_transport() -> None:
    rng = np.random.default_rng(32)
    for _ in range(6):
        n, scale, shift = 5, float(rng.random()) + 0.5, float(rng.normal())
        x, p, R = np.sort(rng.random(n)), rng.dirichlet(np.ones(n)), 0.6
        y = scale * x + shift
        found = solved(DiscreteTransport(p, p, np.square(x[:, None] - y), R, x, y), QuantileCuts())
        unlimited = float(p @ np.square(x - y))
        error = 0.5 * solved(itself(p, x, R), QuantileCuts()).distortion
        assert found.distortion == pytest.approx(unlimited + 2.0 * scale * error, abs=5e-9)


def test_a_node_limit_widens_the_bracket_and_keeps_it_true() -> None:
    source, target = line_pair(16)
    problem = TransportProblem(source, target, SquaredError(), 2.0 * BIT, 0.0).discrete
    stopped = solved(problem, QuantileCuts(max_nodes=100))
    assert stopped.status is Status.STOPPED
    assert 0.4080457809 in replace(stopped.bounds, upper=stopped.bounds.upper + 1e-10)


def test_a_split_of_an_interval_anywhere_inside_proves_something_true_and_outside_nothing() -> None:
    rng, weaker = np.random.default_rng(35), 0
    for _ in range(12):
        problem = random_line(rng, 5)
        found = solved(problem, QuantileCuts())
        proof = found.multipliers
        assert isinstance(proof, CutMultipliers)
        assert proof.places.size == np.count_nonzero(proof.tree[:, 0] == INTERVAL) <= 12  # halving takes 15 and more
        for places in np.floor(proof.places) + rng.random((5, proof.places.size)):
            moved = replace(proof, places=places).lower_end(problem)  # -inf where an interval was split before
            assert moved <= found.bounds.upper
            weaker += -np.inf < moved < found.bounds.lower - found.gap
        if proof.places.size:
            for places in (
                proof.places + 1.0,
                proof.places - 1.0,
                proof.places[1:],
                np.full(proof.places.size, np.nan),
            ):
                assert replace(proof, places=places).lower_end(problem) == -np.inf
    assert weaker


def test_any_cost_without_common_randomness_is_bracketed() -> None:
    rng = np.random.default_rng(33)
    for n, m in ((3, 2), (4, 3)):
        problem = random_table(rng, n, m, 0.3)
        found = solved(problem, MultiStart(starts=3))
        assert_sound(found, problem)
        assert found.distortion <= problem.independent + 1e-12
        assert found.bounds.lower_from


def test_enough_rate_reveals_one_side() -> None:
    problem = random_table(np.random.default_rng(34), 4, 3, 2.0)
    found = solved(problem, MultiStart())
    assert_sound(found, problem)
    assert found.status is Status.OPTIMAL


def test_a_wrong_plan_is_caught() -> None:
    problem = TransportProblem(*instance("A"), 0.25 * BIT, 0.0).discrete
    found = solved(problem, QuantileCuts())
    with pytest.raises(AssertionError, match="rate exceeded"):
        assert_sound(replace(found, plan=PrivatePlan(np.eye(3), np.eye(3)[::-1])), problem)
