"""Large alphabets in any unit: products are made in one near the extent of the points, which is exact."""

import numpy as np
import pytest

from rdptheory import (
    AbsoluteError,
    FirstOrder,
    InvalidInput,
    Pmf,
    SquaredError,
    TotalVariation,
    distortion_at,
    rate_distortion,
    rdp,
)
from rdptheory.geometry import AbsolutePoints, Dense, Grid, Matches, Points, Reordered

N = 2049  # more than the largest table
RNG = np.random.default_rng(0)
LAW = RNG.dirichlet(np.ones(N))
LINE, CLOUD = np.linspace(0.0, 1.0, N), RNG.normal(size=(N, 2))
TILES = np.stack(np.meshgrid(np.arange(64.0), np.arange(33.0), indexing="ij"), axis=-1).reshape(-1, 2)[::-1]
SMALL, LARGE = 2.0**-400, 2.0**480  # squares of them are 1e-240 and 1e289


@pytest.mark.parametrize(
    "points, distortion, power",
    [(LINE, SquaredError(), 2), (CLOUD, SquaredError(), 2), (TILES, SquaredError(), 2), (LINE, AbsoluteError(), 1)],
    ids=["line", "cloud", "grid", "distances"],
)
def test_a_power_of_two_changes_no_bit(points, distortion, power):
    law, method = RNG.dirichlet(np.ones(len(points))), FirstOrder(gap=0.3, max_steps=1)
    D = 0.05 * float(np.mean(np.abs(points - points.mean(axis=0)) ** power))
    found = [
        (
            rdp(Pmf(law, unit * points), distortion, TotalVariation(), D=unit**power * D, P=0.1, method=method),
            distortion_at(Pmf(law, unit * points), distortion, None, R=0.0, P=np.inf).bounds,
            unit**power,
        )
        for unit in (1.0, SMALL, LARGE)
    ]
    told = {(s.bounds, s.slopes.D * unit, top.lower / unit, top.upper / unit) for s, top, unit in found}
    assert len(told) == 1, told
    assert found[0][0].bounds.lower > 0.0


@pytest.mark.parametrize("points", [LINE, CLOUD], ids=["line", "cloud"])
def test_points_whose_squares_leave_float64_are_refused(points):
    """Squares of 1e-340 were 0, so that D = 0 seemed to need no rate; it needs log n."""
    for unit, word in ((1e-170, "close"), (1e155, "far apart")):
        with pytest.raises(InvalidInput, match=word):
            rate_distortion(Pmf(LAW, unit * points), SquaredError(), D=0.0)
    with pytest.raises(InvalidInput, match="close"):
        rate_distortion(Pmf(LAW, 1e-310 * points), AbsoluteError(), D=0.0)


def test_every_point_of_a_cloud_may_be_there_twice():
    """The least distance above 0 was looked for next to each point alone, where its twin is."""
    points, law = CLOUD[:3], np.array([0.2, 0.3, 0.5])
    share = RNG.dirichlet(np.ones(N // 3 + 1), 3) * law[:, None]
    many = Pmf.from_weights(share.ravel(), np.repeat(points, N // 3 + 1, axis=0))
    few = rdp(Pmf(law, points), SquaredError(), TotalVariation(), D=0.3, P=0.02)
    found = rdp(many, SquaredError(), TotalVariation(), D=0.3, P=0.02)
    assert found.gap <= 1e-4
    assert found.bounds.overlaps(few.bounds), "a symbol that is split keeps its rate"


def test_a_symbol_without_mass_may_be_out_of_reach():
    """On a grid, here of one row, the kernel from it to all mass is 0."""
    far = np.stack([np.append(LINE, 5.0), np.zeros(N + 1)], axis=1)
    method = FirstOrder(gap=0.3, max_steps=1)
    found = rdp(Pmf(np.append(LAW, 0.0), far), SquaredError(), TotalVariation(), D=1e-4, P=0.1, method=method)
    assert 0.0 < found.bounds.lower


def test_a_table_and_a_match_have_no_unit():
    for geometry in (Dense(1e200 * np.eye(3)), Matches(3), Grid((np.arange(3.0), np.arange(2.0)))):
        assert geometry.in_unit() == (geometry, 1.0)


def test_a_table_in_a_unit_is_that_of_the_points():
    for geometry in (
        AbsolutePoints(1e30 * CLOUD[:5]),
        Points(1e-30 * CLOUD[:5], 1e-30 * CLOUD[5:9]),
        Reordered(Grid((1e-9 * np.arange(3.0), np.zeros(1))), np.array([2, 0, 1])),
    ):
        inner, unit = geometry.in_unit()
        np.testing.assert_array_equal(inner.table() * unit, geometry.table())
