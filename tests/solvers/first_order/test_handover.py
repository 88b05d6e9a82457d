"""The interior point at the end of a free solve: against the dense one, on grids, and from a wrong support."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from rdptheory._types import FloatArray
from rdptheory.certificates.products import mixed_channel
from rdptheory.distortions import AbsoluteError, SquaredError
from rdptheory.geometry import Dense, Geometry, Grid, Points
from rdptheory.information import mutual_information
from rdptheory.problems import Problem
from rdptheory.solvers.first_order import FirstOrder, handover
from rdptheory.solvers.first_order.handover import candidates, hand_over, on_support
from rdptheory.solvers.first_order.loop import Found, Question, first_slope, run
from rdptheory.solvers.first_order.projections import Ball
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.solvers.outcome import answered
from rdptheory.sources import Pmf
from tests.solvers.first_order.questions import ask, by_products  # noqa: F401

ROUND = 1e-12  # float64 rounding of rates of a few nats


def free(p: FloatArray, kernel: Geometry, D: float) -> Question:
    """The question R(D, inf)."""
    m = kernel.shape[1]
    return Question(p, kernel, Ball(None, m), D)


def started(question: Question, gap: float = 1e-4) -> Found:
    """A first-order run."""
    log_h = np.log(question.p)
    return run(question, FirstOrder(gap=gap), log_h, first_slope(question, log_h))


def picture(side: int) -> tuple[FloatArray, FloatArray]:
    """A smooth random law on a square of pixels, and the pixels."""
    field = gaussian_filter(np.random.default_rng(0).normal(size=(side, side)), side / 16)
    p = np.exp(1.5 * field / field.std()).ravel()
    axis = np.arange(float(side))
    return p / p.sum(), np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("distortion", [SquaredError(), AbsoluteError()], ids=["squared", "absolute"])
def test_agrees_with_the_dense_interior_point(seed: int, distortion: SquaredError | AbsoluteError) -> None:
    rng = np.random.default_rng(seed)
    source = Pmf.from_weights(rng.dirichlet(np.ones(15)) + 0.02, rng.normal(size=15))
    D = 0.3 * float((source.probabilities @ distortion.table(source.points)).min())
    problem = Problem(source, distortion, None, D=D, P=np.inf)
    found = answered(problem.discrete, FirstOrder(gap=1e-9))
    exact = answered(problem.discrete, InteriorPoint(gap=1e-10)).bounds
    assert found.bounds.gap <= 1e-9
    assert found.bounds.lower <= exact.upper + ROUND
    assert exact.lower <= found.bounds.upper + ROUND
    assert abs(found.bounds.upper - exact.upper) <= 1e-9


@pytest.mark.usefixtures("by_products")
def test_a_grid_at_low_rate_is_closed() -> None:
    p, points = picture(64)
    found = ask(p, SquaredError().on(points), None, 100.0, np.inf, FirstOrder(gap=1e-9))
    assert found.bounds.gap <= 1e-9
    assert found.steps < 1000  # without the interior point tens of thousands would not do
    coarse = ask(p, SquaredError().on(points), None, 100.0, np.inf, FirstOrder(gap=1e-3))
    assert coarse.bounds.lower <= found.bounds.upper
    assert found.bounds.lower <= coarse.bounds.upper


@pytest.mark.parametrize("kind", ["grid", "points", "dense"])
def test_a_support_without_a_needed_symbol_is_mended(kind: str) -> None:
    p, points = picture(12)
    axis = np.arange(12.0)
    kernels: dict[str, Geometry] = {
        "grid": Grid((axis, axis)),
        "points": Points(points),
        "dense": Dense(SquaredError().table(points)),
    }
    question = free(p, kernels[kind], 4.0)
    start = started(question)
    wrong = candidates(start.last.law)
    wrong[start.last.law.argsort()[-3:]] = False  # the three symbols used most
    end = hand_over(start, wrong, 1e-10)
    assert end.incumbent.gap <= 1e-10
    assert end.last.law[start.last.law.argsort()[-3:]].max() > 1e-3


def test_rows_that_reach_no_candidate_prove_nothing_until_they_do() -> None:
    x = np.concatenate([np.arange(6.0), 100.0 + np.arange(6.0)])
    p = np.arange(1.0, 13.0) / 78.0
    question = free(p, Points(x[:, None]), 0.5)
    start = started(question)
    end = hand_over(start, x < 50.0, 1e-10)  # exp(-s d) is 0 between the two clusters
    assert end.incumbent.gap <= 1e-10
    assert end.incumbent.upper is not None
    channel = mixed_channel(p, question.kernel, None, end.incumbent.upper)
    assert np.abs(channel.sum(axis=1) - 1.0).max() <= ROUND
    assert abs(mutual_information(p, channel) - end.incumbent.upper.rate) <= 1e-10


def test_the_certificate_is_not_fooled_by_a_wrong_support(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were no symbol ever added, the full alphabet would keep the gap open."""
    p, _ = picture(12)
    question = free(p, Grid((np.arange(12.0), np.arange(12.0))), 4.0)
    start = started(question, 1e-2)
    wrong = candidates(start.last.law)
    wrong[start.last.law.argsort()[-3:]] = False
    monkeypatch.setattr(handover, "lacking", lambda kernel, log_c: np.zeros(log_c.size, dtype=bool))
    assert hand_over(start, wrong, 1e-10).incumbent.gap > 1e-4


def test_the_law_on_a_support_meets_its_optimality_conditions() -> None:
    rng = np.random.default_rng(3)
    p, kernel = rng.dirichlet(np.ones(30)), Dense(rng.random((30, 20)))
    chosen = np.arange(0, 20, 2)
    q = on_support(p, kernel, 8.0, chosen, np.ones(10))
    K = kernel.at(8.0).table()[:, chosen]
    c = (p / (K @ q)) @ K
    assert q.min() >= 0.0
    assert abs(q.sum() - 1.0) <= 1e-11
    assert c.max() <= 1.0 + 1e-11
    assert q @ (1.0 - c) <= 1e-11


@pytest.mark.parametrize("axes", [(np.arange(5.0), 0.5 * np.arange(4.0)), (np.array([0.0, 1.0, 3.0]), np.arange(3.0))])
def test_gram_is_that_of_the_columns(axes: tuple[FloatArray, ...]) -> None:
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    table = SquaredError().table(points)
    chosen, w = np.array([0, 3, 4, 8]), np.random.default_rng(4).random(points.shape[0])
    K = np.exp(-0.4 * table)[:, chosen]
    for kernel in (Grid(axes), Points(points), Dense(table)):
        assert np.allclose(kernel.gram(0.4, w, chosen), K.T @ (w[:, None] * K), rtol=1e-12)
