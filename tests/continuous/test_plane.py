"""Boxes in the plane: the Gaussian vector's closed forms lie between, also on unequal axes."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory import Bounds, Cells, Gaussian, GaussianVector, Independent, InvalidInput, Status, StudentT, rdp
from rdptheory.continuous import CellBounds
from rdptheory.continuous.plane import plane_problems
from rdptheory.problems import Problem
from tests.checks import assert_inside
from tests.continuous.cases import ABSOLUTE, FREE, KL, SQUARED, TV, W2, N, ask

ROUND, LONG = Independent(N, N), Independent(Gaussian(1.0, 4.0), Gaussian(-2.0, 0.25))


def bracket(source, ball, D, n) -> Bounds:
    below, above = plane_problems(Problem(source, SQUARED, ball[0], D, ball[1]), n)
    return Bounds(ask(below, 1e-6).bounds.lower, ask(above, 1e-6).bounds.upper)


@pytest.mark.parametrize("source, D", [(ROUND, 0.6), (LONG, 0.8)], ids=["round", "long"])
def test_gaussian_vectors_lie_between_and_the_order_is_two(source, D) -> None:
    ball = KL, 0.01
    variances = [part.variance for part in source.parts]
    exact = rdp(GaussianVector([0.0, 0.0], variances), SQUARED, ball[0], D=D, P=ball[1]).rate
    few, many = (bracket(source, ball, D, n) for n in (8, 16))
    assert_inside(few, exact, 1e-9)  # the allocation's own gap
    assert_inside(many, exact, 1e-9)
    assert many.gap <= 0.4 * few.gap  # 1/4 once n is large


def test_the_verb_takes_them() -> None:
    found = rdp(ROUND, SQUARED, TV, D=0.6, P=0.05, method=Cells(gap=1e-3, max_cells=128))
    assert 0.0 < found.bounds.lower < 0.5 * 2.0 * np.log(1.0 / 0.3) + 0.2
    assert found.bounds.upper < np.inf
    assert "an axis" in found.message
    x = np.random.default_rng(1).standard_normal((4000, 2))
    y = found.sample(x, np.random.default_rng(2))
    spent = ((x - y) ** 2).sum(axis=1)
    assert abs(spent.mean() - 0.6) <= 5.0 * spent.std() / np.sqrt(4000.0)  # five deviations of the mean of 4000 draws
    assert y.std(axis=0).min() >= 0.9  # 5 % of total variation leave the law nearly what it was
    rough = rdp(ROUND, SQUARED, TV, D=0.6, P=0.05, method=Cells(gap=10.0))
    assert rough.status is Status.OPTIMAL
    assert rough.steps < found.steps
    assert rdp(ROUND, SQUARED, TV, D=0.0, P=0.05).rate == np.inf
    assert rdp(ROUND, SQUARED, TV, D=np.inf, P=0.05).bounds == CellBounds(0.0, 0.0)


@pytest.mark.parametrize(
    "source, distortion, ball, argument",
    [
        (ROUND, ABSOLUTE, FREE, "distortion"),
        (ROUND, SQUARED, (W2, 0.1), "perception"),
        (ROUND, ABSOLUTE, (TV, 0.1), "distortion"),
        (Independent(N, StudentT(2)), SQUARED, (TV, 0.1), "source"),
        (Independent(N, StudentT(2)), SQUARED, FREE, "source"),
    ],
)
def test_other_questions_are_refused(source, distortion, ball, argument) -> None:
    with pytest.raises(InvalidInput) as caught:
        rdp(source, distortion, ball[0], D=0.5, P=ball[1])
    assert caught.value.argument == argument
