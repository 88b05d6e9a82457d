"""Bounds from products, against plain dense evaluation, fifty digits, and answers that were planted."""

from __future__ import annotations

from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
from scipy.optimize import linprog

import rdptheory.geometry.line as line_module
from rdptheory import Pmf, Solution, SquaredError, Status, TotalVariation, rdp
from rdptheory._types import FloatArray
from rdptheory.certificates import lower_bound, products, written
from rdptheory.certificates.products import (
    Iterate,
    OperatingPoint,
    best_mixture,
    mixed_channel,
    operating_point,
    product_upper_bound,
)
from rdptheory.divergences import F_DIVERGENCES, FDivergence, KullbackLeibler, ReverseKullbackLeibler
from rdptheory.geometry import AbsoluteLine, Geometry, Grid, Matches, Points, SquaredLine
from rdptheory.information import mutual_information
from rdptheory.methods import DualPoint, GibbsChannel, Outcome
from rdptheory.problems import PerceptionLimit
from rdptheory.solvers.first_order import FirstOrder
from rdptheory.solvers.first_order.loop import Incumbent
from rdptheory.solvers.outcome import judged
from tests.solvers.first_order.questions import by_products, question  # noqa: F401

pytestmark = pytest.mark.usefixtures("by_products")

RNG = np.random.default_rng(5)
AXES = (np.arange(5.0), np.arange(4.0))
POINTS = np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1).reshape(-1, 2)
TABLE = SquaredError().table(POINTS)
P0 = RNG.dirichlet(np.ones(20))
KERNEL, S = Grid(AXES), 0.8
BALL = PerceptionLimit(TotalVariation(), P0, 0.1)
LINE = np.sort(RNG.normal(size=20))
GEOMETRIES: dict[str, Geometry] = {
    "grid": Grid(AXES),
    "line": SquaredLine(LINE),
    "absolute": AbsoluteLine(LINE),
    "matches": Matches(20),
    "points": Points(POINTS),
}
EACH = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES.keys())


def iterate(geometry: Geometry = KERNEL) -> Iterate:
    """A row-exact channel that is optimal for nothing."""
    return Iterate.of(P0, geometry.at(S), S, np.log(P0) + 0.3 * RNG.normal(size=20))


@EACH
def test_row_exact_channels_reach_what_is_said(geometry: Geometry) -> None:
    point = iterate(geometry)
    found, channel = operating_point(point, geometry, BALL), point.channel()
    assert np.abs(channel.sum(axis=1) - 1.0).max() <= 1e-14
    assert np.allclose(P0 @ channel, point.law, rtol=1e-13)
    # every allowance is on the safe side, and small beside the gaps that are asked for
    assert 0.0 <= found.rate - mutual_information(P0, channel) <= 3e-11
    assert 0.0 <= found.distortion - float(np.vdot(P0[:, None] * channel, geometry.table())) <= 3e-11
    assert 0.0 <= found.perception - TotalVariation().value(P0, P0 @ channel) <= 3e-11


@EACH
def test_rounding_gives_the_reference_law_without_raising_information(geometry: Geometry) -> None:
    found = operating_point(iterate(geometry), geometry, BALL, exact=True)
    channel = mixed_channel(P0, geometry, BALL, found)
    assert np.abs(P0 @ channel - P0).max() <= 1e-16 * 20
    assert mutual_information(P0, channel) <= found.rate + 1e-13
    assert 0.0 <= found.distortion - float(np.vdot(P0[:, None] * channel, geometry.table())) <= 3e-11


def in_fifty_digits(p: FloatArray, d: list[list[mp.mpf]], f: FloatArray, s: float, D: float) -> mp.mpf:
    """<p, f> - s D - max_j log Σ_i p_i exp(f_i - s d_ij)."""
    n = len(d)
    columns = [
        mp.fsum(mp.mpf(float(p[i])) * mp.exp(mp.mpf(float(f[i])) - mp.mpf(s) * d[i][j]) for i in range(n))
        for j in range(len(d[0]))
    ]
    return (
        mp.fsum(mp.mpf(float(a)) * mp.mpf(float(b)) for a, b in zip(p, f, strict=True))
        - mp.mpf(s) * mp.mpf(D)
        - mp.log(max(columns))
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("boxes", [True, False])
def test_the_lower_bound_is_below_the_exact_value(seed: int, boxes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random dual points, masses down to 1e-30, points far from 0: never above the dual value to fifty digits."""
    rng = np.random.default_rng(seed)
    if boxes:
        monkeypatch.setattr(line_module, "BAND", 0)
    x = np.sort(rng.normal(size=12)) * 10.0 ** rng.integers(-3, 4) + 10.0 ** rng.integers(0, 4)
    p = rng.dirichlet(np.ones(12)) * 10.0 ** rng.uniform(-30, 0, size=12)
    p /= p.sum()
    f, s = 3.0 * rng.normal(size=12), float(np.exp(rng.normal()) / np.var(x))
    exact = [[(mp.mpf(float(a)) - mp.mpf(float(b))) ** 2 for b in x] for a in x]
    problem = question(p, SquaredLine(x), None, 0.1 / s, np.inf)
    found = lower_bound(problem, DualPoint(f, np.array([s])))
    value = in_fifty_digits(p, exact, f, s, 0.1 / s)
    assert found <= max(value, 0)
    assert found >= value - 1e-9 * (1.0 + float(np.abs(f).max()))


@pytest.mark.parametrize("divergence", F_DIVERGENCES, ids=lambda member: member.name)
@pytest.mark.parametrize("P", [0.0, 1e-3, 0.1])
def test_a_ball_is_priced_as_by_the_dense_judge(
    divergence: FDivergence, P: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    f, dual_mu = RNG.normal(size=20), np.array([0.7])
    problem = question(P0, KERNEL, divergence, 1.3, P)
    searched = lower_bound(problem, DualPoint(f, np.array([S])))
    hinted = lower_bound(problem, DualPoint(f, np.array([S]), mu=dual_mu))
    monkeypatch.setattr("rdptheory.problems.LARGE", 1000)
    dense = lower_bound(question(P0, KERNEL, divergence, 1.3, P), DualPoint(f, np.array([S])))
    assert searched == pytest.approx(dense, abs=1e-9)
    assert hinted <= dense + 1e-9


def test_the_cheapest_mixture_is_a_linear_program() -> None:
    solved = 0
    for _ in range(80):
        table = RNG.random((5, 3))
        found = best_mixture([OperatingPoint(*map(float, row)) for row in table], 0.5, 0.5)
        program = linprog(table[:, 0], A_ub=table[:, 1:].T, b_ub=[0.5, 0.5], A_eq=np.ones((1, 5)), b_eq=[1.0])
        assert (found is None) == (program.status == 2)
        if found is not None:
            solved += 1
            assert found.rate == pytest.approx(program.fun, abs=1e-9)
            assert found.distortion <= 0.5
            assert found.perception <= 0.5
    assert solved > 20


def test_a_mixture_is_the_channel_that_is_written_down() -> None:
    problem = question(P0, KERNEL, TotalVariation(), 1.2, 0.02)
    channels = tuple(GibbsChannel(np.log(P0) + 0.5 * RNG.normal(size=20), s) for s in (0.2, 0.5, 1.0))
    found = product_upper_bound(problem, channels)
    assert found is not None
    channel = written(problem, found)
    assert len(found.parts) > 1
    assert mutual_information(P0, channel) <= found.rate
    assert float(np.vdot(P0[:, None] * channel, TABLE)) <= 1.2 * (1.0 + 1e-12)
    assert TotalVariation().value(P0, P0 @ channel) <= 0.02 + 1e-12


def test_garbage_proves_little_and_nothing_false() -> None:
    problem = question(P0, KERNEL, TotalVariation(), 1.2, 0.02)
    best = judged(problem, FirstOrder(gap=1e-6).solve(problem))
    nan, far = np.full(20, np.nan), np.full(20, -np.inf)
    for gibbs in ((), (GibbsChannel(nan, 1.0),), (GibbsChannel(far, 1.0),), (GibbsChannel(P0, -1.0),), ("channel",)):
        for dual in (None, DualPoint(nan, np.array([1.0])), DualPoint(1e300 * P0, np.array([1.0]))):
            found = judged(problem, Outcome(dual=dual, gibbs=gibbs))  # type: ignore[arg-type]
            assert found.bounds.lower <= best.bounds.upper
            assert found.bounds.upper >= best.bounds.lower
            assert found.bounds.gap > 1.0


def test_a_dual_point_that_is_none_proves_nothing() -> None:
    problem = question(P0, KERNEL, TotalVariation(), 1.2, 0.02)
    for f, s in ((np.full(20, np.nan), 1.0), (np.zeros(20), np.nan), (np.zeros(20), -1.0), (np.zeros(20), np.inf)):
        assert products.product_lower_bound(problem, DualPoint(f, np.array([s]))) == 0.0


@EACH
@pytest.mark.parametrize("s", [0.0, 5e-324, 1e-310])
def test_a_slope_of_next_to_nothing_proves_nothing(geometry: Geometry, s: float) -> None:
    problem = question(P0, geometry, TotalVariation(), 1.2, 0.02)
    outcome = Outcome(dual=DualPoint(np.log(P0), np.array([s])), gibbs=(GibbsChannel(np.log(P0), max(s, 5e-324)),))
    bounds, best = judged(problem, outcome).bounds, judged(problem, FirstOrder(gap=1e-6).solve(problem)).bounds
    assert bounds.lower == 0.0
    assert bounds.upper >= best.lower


def test_a_channel_at_an_infinite_distance_from_the_source_is_mixed_away() -> None:
    """p beside an output law without one of its symbols: KL(p‖r) is inf, and no weight on it keeps the limit."""
    problem = question(P0, KERNEL, ReverseKullbackLeibler(), 1.2, 0.02)
    best = judged(problem, FirstOrder(gap=1e-6).solve(problem))
    log_h = np.where(np.arange(20) == 3, -np.inf, np.log(P0))
    found = product_upper_bound(problem, (GibbsChannel(log_h, S),))
    assert found is not None
    assert found.perception <= 0.02
    assert found.rate >= best.bounds.lower


def test_a_row_that_reaches_nothing_is_no_channel() -> None:
    """Only the first symbol is kept: exp(-s d) underflows for the last row, whose true row sum float64 cannot know."""
    x = np.array([0.0, 1.0, 100.0])
    problem = question(np.full(3, 1 / 3), SquaredLine(x), None, 0.1, np.inf)
    log_h = np.array([0.0, -np.inf, -np.inf])
    found = product_upper_bound(problem, (GibbsChannel(np.where(np.isfinite(log_h), log_h, -1e4), 1.0),))
    assert found is not None
    assert found.parts == (None,)
    assert found.rate == pytest.approx(np.log(3.0), abs=1e-12)


LARGE_SOURCE = Pmf.from_weights(np.exp(-0.5 * np.linspace(-4.0, 4.0, 3000) ** 2), np.linspace(-4.0, 4.0, 3000))


def solved(perception: FDivergence | None = None, P: float = np.inf) -> Solution:
    method = FirstOrder(gap=1e-4, max_steps=150)
    return rdp(LARGE_SOURCE, SquaredError(), perception, D=0.3, P=P, method=method)


@pytest.mark.parametrize("P", [np.inf, 0.05, 0.0])
def test_numbers_planted_in_the_solver_end_in_a_true_bracket(P: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lower bound 5 % too high, an upper bound 5 % too low, a rate, a distortion, a column sum and a δ that lie."""
    from rdptheory.solvers.first_order import loop

    perception = None if np.isinf(P) else TotalVariation()
    honest = solved(perception, P)
    assert honest.status is Status.OPTIMAL
    right_value, right_point, right_of = loop.dual_value, loop.operating_point, Iterate.of

    stopped: list[bool] = []

    def checked(name: str) -> None:
        found = solved(perception, P)
        assert found.bounds.lower <= honest.bounds.upper, name
        assert found.bounds.upper >= honest.bounds.lower, name
        assert (found.status is Status.OPTIMAL) == (found.gap <= 1e-4), name
        stopped.append(found.status is Status.STOPPED)

    def rate_too_low(*arguments: object, **keywords: object) -> OperatingPoint:
        point = right_point(*arguments, **keywords)  # type: ignore[arg-type]
        return replace(point, rate=0.95 * point.rate)

    def distortion_too_low(*arguments: object, **keywords: object) -> OperatingPoint:
        point = right_point(*arguments, **keywords)  # type: ignore[arg-type]
        return replace(point, distortion=0.9 * point.distortion)

    def sums_too_low(*arguments: object) -> Iterate:
        point = right_of(*arguments)  # type: ignore[arg-type]
        return replace(point, log_m=point.log_m - 0.05)

    for name, target, attribute, plant in (
        ("lower bound", loop, "dual_value", lambda *a: 1.05 * right_value(*a)),
        ("rate", loop, "operating_point", rate_too_low),
        ("distortion", loop, "operating_point", distortion_too_low),
        ("log_m", loop.Iterate, "of", staticmethod(sums_too_low)),
        ("infeasible", Incumbent, "infeasible", property(lambda self: True)),
    ):
        with monkeypatch.context() as patch:
            if name == "log_m":
                patch.setattr(loop, "Iterate", type("Planted", (), {"of": plant}))
            else:
                patch.setattr(target, attribute, plant)
            checked(name)
    assert stopped[0]  # the loop took the planted lower bound for the end
    assert sum(stopped) >= 2


def test_a_method_of_ones_own_without_a_table() -> None:
    """A user's Blahut-Arimoto for 3,000 symbols: it hands over log h, s and f, and the judge does the rest."""

    class Mine:
        gap = 1e-2

        def solve(self, problem):
            p, gibbs = problem.probabilities, problem.distortions[0].geometry.at(1.65)
            q = p.copy()
            for _ in range(60):
                u = 1.0 / gibbs.forward(q)
                q = q * gibbs.backward(p * u)
            u = 1.0 / gibbs.forward(q)
            near = tuple(GibbsChannel(np.log(q), s) for s in (1.65, 1.75))
            return Outcome(dual=DualPoint(np.log(u), np.array([1.65])), steps=60, gibbs=near)

    found = rdp(LARGE_SOURCE, SquaredError(), None, D=0.3, P=np.inf, method=Mine())
    assert found.gap <= 1e-2
    assert found.bounds.overlaps(solved().bounds)


@pytest.mark.parametrize("divergence", F_DIVERGENCES, ids=lambda member: member.name)
def test_a_radius_that_float64_hardly_sees_is_proved_by_products(divergence: FDivergence) -> None:
    source = Pmf.from_weights(RNG.random(15) + 0.1, LINE[:15])
    found = rdp(source, SquaredError(), divergence, D=0.1, P=1e-18, method=FirstOrder(gap=1e-5))
    assert found.candidate is not None
    assert found.gap <= 1e-5


def test_the_judge_searches_where_no_multiplier_is_named() -> None:
    solution = solved(KullbackLeibler(), 0.01)
    problem, dual = solution.problem.discrete, solution.dual
    assert dual.mu[0] > 0.0
    searched = lower_bound(problem, replace(dual, mu=None))
    assert solution.bounds.lower == pytest.approx(searched, abs=1e-6)
    assert lower_bound(problem, replace(dual, mu=np.array([100.0 * dual.mu[0]]))) < solution.bounds.lower
    assert products.product_lower_bound(problem, dual) == solution.bounds.lower
