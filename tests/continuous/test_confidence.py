"""Bounds from samples: they cover the truth as often as they say, and say so when they cannot."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory import Bounds, InvalidInput, Status, confidence_rate
from rdptheory.continuous.confidence import _bernstein, _column_means, _Fit, _grid
from tests.continuous.cases import ABSOLUTE, SQUARED

UNIFORM = {0.05: (0.2331949119, 0.2331949123), 0.02: (0.6270850292, 0.6270850296)}
"""R(D) of the uniform law on [0, 1], by points and quadrature."""


def test_coverage_is_at_least_the_confidence() -> None:
    """Of 24 samples at 80 % more than 13 misses would happen once in 10^4 to a method that just kept its word.

    The bounds are far from tight, so none is expected; a method that ignored its allowances misses half of them.
    """
    lower, upper = UNIFORM[0.05]
    missed = bare = 0
    for seed in range(24):
        x = np.random.default_rng(seed).random(1000)
        found = confidence_rate(x, SQUARED, D=0.05, support=(0.0, 1.0), confidence=0.8)
        missed += not found.bounds.lower <= lower <= upper <= found.bounds.upper
        part = next(part for part in found.parts if part.theorem == "A")
        slope = 0.5 / 0.05  # at least: R'(D) = -s, and s is above 1/(2D) for the uniform law
        bare += part.bound + slope * np.sqrt(np.log(30.0) / 1000.0) > upper
    assert missed <= 13
    assert bare >= 6, "without its allowance theorem A is false, or this control sees nothing"


def test_more_samples_prove_more() -> None:
    rng = np.random.default_rng(3)
    widths = []
    for n in (5_000, 40_000):
        found = confidence_rate(rng.random(n), SQUARED, D=0.02, support=(0.0, 1.0))
        assert found.bounds.lower < UNIFORM[0.02][0] < found.bounds.upper
        assert found.status is Status.OPTIMAL
        assert found.rate == found.bounds.upper
        widths.append(found.gap)
    assert widths[1] <= widths[0] / 1.8  # n^(-1/2) would be 2.8; the upper end falls faster at first
    assert {part.theorem for part in found.parts} == {"A", "A'", "A''", "B"}
    assert all(0.95 < part.confidence < 1.0 for part in found.parts)
    assert sum(1.0 - part.confidence for part in found.parts) <= 0.05 + 1e-12


def test_shift_and_scale_do_not_matter() -> None:
    x = np.random.default_rng(4).random(4_000)
    plain = confidence_rate(x, SQUARED, D=0.05, support=(0.0, 1.0))
    assert "with probability 0.95" in str(plain)
    assert plain._repr_html_().startswith("<table>")
    assert plain.to_dict()["lower_nat"] == plain.bounds.lower
    moved = confidence_rate(10.0 + 3.0 * x, SQUARED, D=0.45, support=(10.0, 13.0))
    np.testing.assert_allclose((moved.bounds.lower, moved.rate), (plain.bounds.lower, plain.rate), rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-150, 1e150, 2.0**400])
def test_units_whose_squares_leave_float64(unit: float) -> None:
    x = np.random.default_rng(4).random(4_000)
    plain = confidence_rate(x, SQUARED, D=0.05, support=(0.0, 1.0))
    moved = confidence_rate(unit * x, SQUARED, D=0.05 * unit * unit, support=(0.0, unit))
    assert moved.size == plain.size
    np.testing.assert_allclose((moved.bounds.lower, moved.rate), (plain.bounds.lower, plain.rate), rtol=1e-6)


@pytest.mark.parametrize(
    ("D", "support"), [(1e-300, (0.0, 1.0)), (1e-12, (0.0, 1.0)), (0.02, (-1e6, 1e6)), (0.02, (-1e200, 1e200))]
)
def test_limits_far_below_the_support_say_nothing(D: float, support: tuple[float, float]) -> None:
    """And do so without a warning, which is an error here."""
    found = confidence_rate(np.random.default_rng(4).random(400), SQUARED, D=D, support=support)
    assert found.bounds == Bounds(0.0, np.inf)
    assert all(not np.isfinite(part.bound) for part in found.parts)


def test_in_the_plane_and_beyond() -> None:
    rng = np.random.default_rng(5)
    plane = confidence_rate(rng.random((8_000, 2)), SQUARED, D=0.1, support=[(0.0, 1.0), (0.0, 1.0)])
    assert plane.bounds.lower <= 2.0 * UNIFORM[0.05][1]  # two independent uniform coordinates share D
    assert plane.bounds.upper >= 2.0 * UNIFORM[0.05][0]
    space = confidence_rate(rng.random((8_000, 3)), SQUARED, D=0.15, support=(0.0, 1.0))
    assert space.message.startswith("upper only")
    assert 3.0 * UNIFORM[0.05][0] <= space.bounds.upper < np.inf
    assert space.bounds.lower == 0.0


def test_what_little_can_be_said_is_said() -> None:
    few = confidence_rate(np.random.default_rng(6).random(50), SQUARED, D=0.01, support=(0.0, 1.0))
    assert few.bounds == Bounds(0.0, np.inf)
    assert few.status is Status.STOPPED
    assert few.message.startswith("nothing can be said")
    loose = confidence_rate(np.random.default_rng(6).random(2_000), SQUARED, D=0.3, support=(0.0, 1.0))
    assert loose.bounds == Bounds(0.0, 0.0)


def test_the_grid_covers_what_lies_between() -> None:
    rng = np.random.default_rng(7)
    for k in (1, 2):
        x = rng.random((200, k))
        fit = _Fit(rng.random((4, k)), np.full(4, 0.25), 12.0)
        box = np.tile([0.0, 1.0], (k, 1))
        grid, cost = _grid(box, fit.s)
        f = fit.at(x)[0]
        on, off = _column_means(x, f, grid, fit.s), _column_means(x, f, rng.random((2_000, k)), fit.s)
        assert np.log(off.max()) <= np.log(on.max()) + cost
        coarse = grid[:: 7 if k == 1 else 3]
        assert np.log(_column_means(x, f, coarse, fit.s).max()) <= np.log(on.max())


def test_the_empirical_bernstein_bound_holds() -> None:
    """200 means of Bernoulli(0.02), which look better than they are: one in ten may miss."""
    rng = np.random.default_rng(8)
    missed = 0
    for _ in range(200):
        z = (rng.random(300) < 0.02).astype(float)
        missed += z.mean() + _bernstein(z, 1.0, 0.1) < 0.02
    assert missed <= 20 + 14  # 0.1 of 200, and three standard deviations


@pytest.mark.parametrize(
    "change, argument",
    [
        ({"distortion": ABSOLUTE}, "distortion"),
        ({"D": 0.0}, "D"),
        ({"D": np.nan}, "D"),
        ({"confidence": 1.0}, "confidence"),
        ({"support": (0.0, 0.5)}, "samples"),
        ({"support": (1.0, 0.0)}, "support"),
        ({"support": ((0.0, 1.0), (0.0, 1.0))}, "support"),
        ({"samples": np.ones(5)}, "samples"),
        ({"samples": np.full(100, np.nan)}, "samples"),
    ],
)
def test_numbers_without_meaning_are_refused(change, argument) -> None:
    asked = {"samples": np.linspace(0.0, 1.0, 100), "distortion": SQUARED, "D": 0.02, "support": (0.0, 1.0)} | change
    with pytest.raises(InvalidInput) as caught:
        confidence_rate(asked.pop("samples"), asked.pop("distortion"), **asked)
    assert caught.value.argument == argument
