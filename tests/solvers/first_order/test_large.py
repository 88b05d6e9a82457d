"""Alphabets whose table is never made: the same brackets as with the table, and one that would not fit."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory.distortions import SquaredError
from rdptheory.divergences import F_DIVERGENCES, FDivergence, TotalVariation
from rdptheory.problems import Problem
from rdptheory.solvers.first_order import FirstOrder
from rdptheory.solvers.outcome import answered
from rdptheory.sources import Pmf
from tests.solvers.first_order.questions import ask, by_products  # noqa: F401

pytestmark = pytest.mark.usefixtures("by_products")

PIXELS = np.stack(np.meshgrid(np.arange(9.0), np.arange(8.0), indexing="ij"), axis=-1).reshape(-1, 2)
CLOUD = np.random.default_rng(1).normal(size=(60, 5))


@pytest.mark.parametrize("points", [PIXELS[::-1], CLOUD], ids=["grid", "cloud"])
@pytest.mark.parametrize("divergence", [None, *F_DIVERGENCES], ids=lambda member: getattr(member, "name", "none"))
@pytest.mark.parametrize("P", [0.0, 0.03])
def test_brackets_overlap_with_those_of_the_table(points: np.ndarray, divergence: FDivergence | None, P: float) -> None:
    source = Pmf.from_weights(np.random.default_rng(2).random(points.shape[0]) + 0.1, points)
    method, limit = FirstOrder(gap=1e-5), np.inf if divergence is None else P
    table = answered(Problem(source, SquaredError(), divergence, D=1.5, P=limit).discrete, method)
    large = ask(source.probabilities, SquaredError().on(source.points), divergence, 1.5, limit, method)
    assert large.bounds.gap <= 1e-5
    assert large.bounds.overlaps(table.bounds)
    assert large.channel is not None
    joint = source.probabilities[:, None] * large.channel
    assert np.abs(large.channel.sum(axis=1) - 1.0).max() <= 1e-11
    assert float(np.vdot(joint, SquaredError().table(points))) <= 1.5 * (1.0 + 1e-11)
    if divergence is not None:
        assert divergence.value(source.probabilities, joint.sum(axis=0)) <= P + 1e-11


def test_the_dual_point_is_in_the_order_of_the_symbols() -> None:
    source = Pmf.from_weights(np.random.default_rng(2).random(72) + 0.1, PIXELS[::-1])
    geometry = SquaredError().on(source.points)
    found = ask(source.probabilities, geometry, TotalVariation(), 1.5, 0.03, FirstOrder(gap=1e-5))
    p, d = source.probabilities, SquaredError().table(source.points)
    dual = found.outcome.dual
    assert dual is not None
    log_c = np.log((p * np.exp(dual.f)) @ np.exp(-float(dual.s[0]) * d))
    lower = float(p @ dual.f) - 1.5 * float(dual.s[0]) - TotalVariation().support(log_c, p, 0.03).value
    assert lower == pytest.approx(found.bounds.lower, abs=1e-11)


def test_pixels_without_mass() -> None:
    """A hole in the picture: the same rate as on the cloud of the other pixels when no output may fall into it."""
    weights = np.random.default_rng(3).random(72) * (np.arange(72) % 3 > 0)
    p = weights / weights.sum()
    for divergence in F_DIVERGENCES:
        found = ask(p, SquaredError().on(PIXELS), divergence, 1.0, 0.0, FirstOrder(gap=1e-5))
        held = p > 0.0
        cloud = ask(p[held], SquaredError().on(PIXELS[held]), divergence, 1.0, 0.0, FirstOrder(gap=1e-5))
        assert found.bounds.gap <= 1e-5
        assert found.bounds.overlaps(cloud.bounds)
        assert ask(p, SquaredError().on(PIXELS), divergence, 1.0, 0.05, FirstOrder(gap=1e-4)).bounds.gap <= 1e-4


def test_sixteen_thousand_symbols() -> None:
    """128 x 128 pixels; the table would hold 268 million entries."""
    n = 128
    rows, columns = np.meshgrid(np.arange(float(n)), np.arange(float(n)), indexing="ij")
    weights = 1.2 + np.sin(rows / 9.0) * np.cos(columns / 13.0)
    p = (weights / weights.sum()).ravel()
    points = np.stack([rows.ravel(), columns.ravel()], axis=-1)
    brackets = [
        ask(p, SquaredError().on(points), TotalVariation(), 20.0, P, FirstOrder(gap=1e-3)).bounds
        for P in (0.0, 0.05, np.inf)
    ]
    assert all(bracket.gap <= 1e-3 for bracket in brackets)
    assert brackets[0].upper >= brackets[1].lower >= brackets[2].lower - 1e-3
