"""A fast geometry steers, the true one proves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rdptheory.geometry.grid as grid_module
from rdptheory.distortions import SquaredError
from rdptheory.divergences import TotalVariation
from rdptheory.geometry import Convolution, Geometry, Grid
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.first_order import FirstOrder, solve
from rdptheory.solvers.first_order.loop import Found, Question, run
from rdptheory.solvers.outcome import answered
from tests.solvers.first_order.questions import ask, by_products  # noqa: F401

pytestmark = pytest.mark.usefixtures("by_products")


def test_a_solve_steered_by_a_convolution_is_proved_with_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(1500.0)
    p = np.exp(-0.5 * ((x - 750.0) / 120.0) ** 2)
    p /= p.sum()
    assert isinstance(Grid((x,)).fast(), Convolution)
    assert type(Grid((x,)).fast().at(0.01)) is grid_module._Transform
    found = []
    for cost in (grid_module.POINT_OF_FFT, np.inf):
        monkeypatch.setattr(grid_module, "POINT_OF_FFT", cost)
        found.append(ask(p, Grid((x,)), None, 100.0, np.inf, FirstOrder(gap=1e-2)))
    steered, plain = found
    assert steered.bounds.gap <= 1e-2
    assert steered.bounds.lower <= plain.bounds.upper
    assert plain.bounds.lower <= steered.bounds.upper


def test_a_convolution_carries_half_a_million_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = np.arange(700.0)
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    p = np.exp(np.sin(rows / 40.0) * np.cos(columns / 60.0)).ravel()
    p /= p.sum()
    assert type(Convolution((axis, axis)).at(0.1)) is grid_module._Transform
    found = []
    for cost in (grid_module.POINT_OF_FFT, np.inf):
        monkeypatch.setattr(grid_module, "POINT_OF_FFT", cost)
        found.append(ask(p, Grid((axis, axis)), None, 10.0, np.inf, FirstOrder(gap=3e-2)))
    steered, plain = found
    assert steered.bounds.gap <= 3e-2
    assert plain.bounds.gap <= 3e-2
    assert steered.bounds.overlaps(plain.bounds)


def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Geometry, Found]]:
    """Every run of the loop, with its kernel."""
    seen: list[tuple[Geometry, Found]] = []

    def spied(question: Question, *others: Any) -> Found:
        found = run(question, *others)
        seen.append((question.kernel, found))
        return found

    monkeypatch.setattr(solve, "run", spied)
    return seen


def test_a_wrong_convolution_gives_way_to_the_exact_product(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(1200.0)
    p = np.exp(-0.5 * ((x - 600.0) / 120.0) ** 2)
    p /= p.sum()
    exact = ask(p, Grid((x,)), None, 100.0, np.inf, FirstOrder(gap=1e-3))
    noise = 1.0 + 0.1 * np.random.default_rng(6).random(x.size)
    right = grid_module._Transform.forward
    monkeypatch.setattr(grid_module._Transform, "forward", lambda gibbs, y: noise * right(gibbs, y))
    seen = runs(monkeypatch)
    found = ask(p, Grid((x,)), None, 100.0, np.inf, FirstOrder(gap=1e-3, max_steps=5000))
    assert type(seen[0][0]) is Convolution
    own = seen[0][1].incumbent.upper
    assert own is not None
    assert own.rate < exact.bounds.lower  # by its own account it is done, and it is wrong
    assert type(seen[-1][0]) is Grid
    assert found.bounds.gap <= 1e-3
    assert found.bounds.overlaps(exact.bounds)


def test_single_precision_gives_way_where_it_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = np.arange(64.0)
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    p = np.exp(np.sin(rows / 5.0) * np.cos(columns / 7.0)).ravel()
    p /= p.sum()
    seen = runs(monkeypatch)
    found = ask(p, Grid((axis, axis)), None, 0.3, np.inf, FirstOrder(gap=1e-8, max_steps=5000))
    assert type(seen[0][0]) is Convolution
    assert type(seen[-1][0]) is Grid
    assert found.bounds.gap <= 1e-8


def test_the_limit_on_steps_counts_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = np.arange(64.0)
    p = np.full(axis.size**2, axis.size**-2.0)
    seen = runs(monkeypatch)
    found = ask(p, Grid((axis, axis)), TotalVariation(), 0.3, 0.05, FirstOrder(gap=1e-14, max_steps=60))
    assert len(seen) > 1
    assert found.steps == 60
    assert found.bounds.gap > 1e-14
    assert found.sentence == "stopped after 60 steps"


@pytest.mark.parametrize("cost", [0.0, np.inf], ids=["convolution", "single"])
@pytest.mark.parametrize("D, P", [(1e-3, np.inf), (100.0, np.inf), (20.0, 0.05), (20.0, 0.0)])
def test_tails_beyond_single_precision(cost: float, D: float, P: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast product may not tell these tails from nothing, nor send their dual variables to infinity."""
    x = np.arange(800.0)
    p = np.exp(-0.5 * ((x - 270.0) / 18.0) ** 2)
    p /= p.sum()
    assert p.min() < 1e-170
    monkeypatch.setattr(grid_module, "POINT_OF_FFT", cost)
    found = ask(p, Grid((x,)), None if np.isinf(P) else TotalVariation(), D, P, FirstOrder(gap=1e-3, max_steps=500))
    held = p > 1e-40  # what is left out costs nothing that shows
    table = SquaredError().table(x[held])
    law = p[held] / p[held].sum()
    ball = () if np.isinf(P) else (PerceptionLimit(TotalVariation(), law, P),)
    inside = answered(DiscreteProblem(law, (DistortionLimit(table, D),), ball), FirstOrder(gap=1e-3))
    assert found.bounds.gap <= 1e-3
    assert found.bounds.overlaps(inside.bounds)
