"""Independent coordinates by allocation: the Gaussian vector's closed forms, sums of equal parts, and the dual."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    Cells,
    Gaussian,
    GaussianVector,
    Independent,
    InvalidInput,
    Laplace,
    Problem,
    Solution,
    SquaredError,
    Status,
    StudentT,
    rate_distortion,
    rdp,
)
from rdptheory.continuous.allocated import dual_value
from rdptheory.continuous.ends import lower_end
from rdptheory.continuous.finite import rounded_distortion
from rdptheory.continuous.lattice import lattice
from rdptheory.continuous.nodes import nodes
from rdptheory.continuous.posed import Posed
from tests.checks import assert_inside
from tests.continuous.cases import KL, SQUARED, TV, W2, ask

COARSE = Cells(gap=1e-2)


@pytest.mark.parametrize(
    ("variances", "D"),
    [([4.0, 0.25], 0.8), ([1.0, 1.0, 0.3], 0.6), ([1.0, 0.01], 0.5)],
    ids=["one idle", "three", "hardly any"],
)
def test_gaussian_vectors_lie_between(variances, D) -> None:
    source = Independent(*(Gaussian(float(k), v) for k, v in enumerate(variances)))
    for ball, P, same in ((None, np.inf, None), (TV, 0.0, W2)):  # at P = 0 every divergence asks for one law
        found = rdp(source, SQUARED, ball, D=D, P=P, method=COARSE)
        exact = rdp(GaussianVector(np.zeros(len(variances)), variances), SQUARED, same, D=D, P=P).rate
        assert_inside(found.bounds, exact, 1e-9)  # the allocation's own gap
        assert found.gap <= COARSE.gap


def test_equal_coordinates_share_alike() -> None:
    one = rate_distortion(Laplace(0.0, 1.0), SQUARED, D=0.3, method=Cells(gap=2e-3)).bounds
    four = rate_distortion(Independent(*[Laplace(0.0, 1.0)] * 4), SQUARED, D=1.2, method=Cells(gap=8e-3)).bounds
    assert 4.0 * one.lower <= four.upper
    assert four.lower <= 4.0 * one.upper


def test_its_channel_keeps_the_limit_and_the_law() -> None:
    source = Independent(Gaussian(1.0, 4.0), scipy.stats.uniform(0.0, 0.1))
    rng = np.random.default_rng(5)
    x = np.column_stack([1.0 + 2.0 * rng.standard_normal(20_000), 0.1 * rng.random(20_000)])
    for ball, P in ((None, np.inf), (TV, 0.0)):
        found = rdp(source, SQUARED, ball, D=1.0, P=P, method=Cells(gap=5e-2))
        y = found.sample(x, rng)
        spent = ((x - y) ** 2).sum(axis=1)
        assert spent.mean() <= 1.0 + 5.0 * spent.std() / np.sqrt(len(x))  # five deviations of a mean
        if P == 0.0:
            assert scipy.stats.kstest(y[:, 0], scipy.stats.norm(1.0, 2.0).cdf).pvalue >= 1e-4
            assert scipy.stats.kstest(y[:, 1], scipy.stats.uniform(0.0, 0.1).cdf).pvalue >= 1e-4
    with pytest.raises(InvalidInput, match="shape"):
        found.sample(x[:, :1], rng)


@given(st.lists(st.floats(0.1, 5.0), min_size=1, max_size=4), st.floats(0.01, 0.99), st.integers(1, 12))
def test_the_dual_of_tangents_is_below_the_rate(variances, share, tangents) -> None:
    """R_i(D) = max(0, log(v/D)/2): its tangents are minorants, and many of them close the gap."""
    D = share * sum(variances)
    lines = []
    for v in variances:
        at = v * np.linspace(0.0, 1.0, tangents + 1)[1:]
        lines.append([(0.0, 0.0), *((0.5 * np.log(v / d) + 0.5, 0.5 / d) for d in at)])
    value, _ = dual_value(lines, D)
    allocated = np.minimum(_level(variances, D), variances)
    exact = float(0.5 * np.log(np.array(variances) / allocated).sum())
    assert value <= exact + 1e-12  # rounding of a dozen numbers of order 1


def _level(variances, D) -> float:
    low, high = 0.0, max(variances)
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.minimum(middle, variances).sum() < D else (low, middle)
    return high


def test_many_tangents_close_the_dual() -> None:
    at = np.geomspace(0.01, 1.0, 60)
    lines = [[(0.0, 0.0), *((0.5 * np.log(1.0 / d) + 0.5, 0.5 / d) for d in at)]] * 3
    assert dual_value(lines, 0.3)[0] == pytest.approx(1.5 * np.log(10.0), abs=2e-3)  # 8 % apart in D
    raised = [[(0.0, 0.0), (0.5 * np.log(10.0) + 0.6, 5.0)]] * 3  # the tangent at D = 0.1, moved up by 0.1
    assert dual_value(raised, 0.3)[0] == pytest.approx(1.5 * np.log(10.0) + 0.3, rel=1e-9)


@pytest.mark.parametrize("ball, P", [(None, np.inf), (KL, 0.0)], ids=["free", "exact"])
def test_what_takes_no_cells(ball, P) -> None:
    source = Independent(Laplace(0.0, 1.0), Gaussian(0.0, 1.0))
    none, free = (rdp(source, SQUARED, ball, D=D, P=P) for D in (0.0, np.inf))
    assert (none.status, none.rate) == (Status.INFEASIBLE, np.inf)
    assert (free.bounds.lower, free.bounds.upper) == (0.0, 0.0)
    enough = rdp(source, SQUARED, ball, D=6.5, P=P, method=Cells(gap=1e-2))  # variances 2 and 1, twice where Y ~
    assert enough.rate == 0.0
    x = np.random.default_rng(0).standard_normal((4000, 2))
    for answer in (enough, free):
        y = answer.sample(x, np.random.default_rng(1))
        if answer is free or P == 0.0:  # a fresh draw: five deviations of the variance of 4000 draws, kurtosis 6 and 3
            assert np.abs(y.var(axis=0) - [2.0, 1.0]).max() <= 5.0 * 2.0 * np.sqrt(5.0 / 4000.0)
        else:
            assert not np.ptp(y, axis=0).any()
    line = rdp(Laplace(0.0, 1.0), SQUARED, ball, D=np.inf, P=P).sample(x[:, 0], np.random.default_rng(2))
    assert abs(line.var() - 2.0) <= 5.0 * 2.0 * np.sqrt(5.0 / 4000.0)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: Independent(Gaussian(0.0, 1.0)), "parts"),
        (lambda: rate_distortion(Independent(Gaussian(0.0, 1.0), StudentT(2)), SQUARED, D=0.5), "source"),
        (lambda: rdp(Independent(*[Gaussian(0.0, 1.0)] * 3), SQUARED, KL, D=0.5, P=0.1), "P"),
    ],
)
def test_what_has_no_answer_is_refused(make, argument) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()
    assert caught.value.argument == argument


@pytest.mark.parametrize("D", [1e-7, 1e-300])
def test_however_small_the_distortion_the_bracket_is_finite(D) -> None:
    law, exact = Gaussian(3.0, 4.0), 0.5 * np.log(4.0 / D)
    from rdptheory.continuous.noise import noise_end
    from rdptheory.continuous.posed import Posed
    from rdptheory.problems import Problem

    rate, channel, slopes = noise_end(Posed.of(Problem(law, SQUARED, None, D, np.inf)))
    assert exact <= rate <= exact + 1e-8 + 1e-15 * exact  # the variance is rounded up by 1e-8
    assert slopes.D == pytest.approx(-0.5 / D, rel=1e-7)
    x = 3.0 + 2.0 * np.random.default_rng(0).standard_normal(1000)
    assert (
        np.abs(channel.draw(x, law, np.random.default_rng(1)) - x).max() <= 6.0 * np.sqrt(D) + 1e-15 * np.abs(x).max()
    )
    fixed, none, _ = noise_end(Posed.of(Problem(law, SQUARED, W2, D, 0.0)))
    assert fixed == pytest.approx(exact + 0.5 * np.log(2.0), rel=1e-7)
    assert none is None
    known_by_its_levels = scipy.stats.gamma(2.0)  # of variance 2, and of an entropy that nobody was told
    found = rate_distortion(known_by_its_levels, SQUARED, D=D, method=Cells(max_cells=64)).bounds
    assert found.lower < found.upper == pytest.approx(0.5 * np.log(2.0 / D), rel=1e-7)


def test_a_line_below_the_rate_is_as_steep_as_its_limit_grows() -> None:
    """What is paid for the errors of a law grows with D, too, where its masses are known to 1e-9 by 1e-7 of D."""
    posed = Posed.of(Problem(scipy.stats.gamma(2.0), SquaredError(), None, 0.3, np.inf))
    slopes = []

    def solve(problem: Problem) -> Solution:
        found = ask(problem)
        slopes.append(float(found.dual.s[0]))
        return found

    found = lower_end(posed, 64, solve)
    x = lattice(posed.source, nodes(posed.source, 64))
    near, far = (rounded_distortion(SquaredError(), x, x, D, False).limit for D in (posed.D, 50.0 * posed.D))
    growth = (far - near) / (49.0 * posed.D)
    assert growth > 1.0 + 1e-8
    assert found.slope >= slopes[0] * (growth - 1e-13)  # the rounding of two limits
