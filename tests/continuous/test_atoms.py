"""A few output points, judged on the whole line: known brackets, the bounds behind the quadrature, and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import (
    Atoms,
    Cells,
    Exponential,
    Independent,
    InvalidInput,
    Pmf,
    Problem,
    Status,
    StudentT,
    Uniform,
    rate_distortion,
    rdp,
)
from rdptheory.continuous.points import gibbs, moduli, prove
from rdptheory.solve import ask
from tests.continuous.cases import ABSOLUTE, SQUARED, TV, L, M, U

PUBLISHED = (
    (U, 0.05, 0.2331949024, 0.2331949123, 2),
    (U, 0.02, 0.6270850201, 0.6270850296, 3),
    (U, 0.005, 1.2738253328, 1.2738253428, 6),
    (M, 0.3, 0.8887253264, 0.8887253371, 7),
    (M, 1.0, 0.4222515450, 0.4222515546, 2),
)
"""Brackets that an earlier program proved, and its numbers of points."""


@pytest.mark.parametrize("law, D, lower, upper, count", PUBLISHED)
def test_a_few_points_have_a_bracket_of_1e_8(law, D, lower, upper, count) -> None:
    found = rate_distortion(law, SQUARED, D=D, method=Atoms())
    assert found.status is Status.OPTIMAL
    assert found.gap <= 1e-8
    assert lower <= found.bounds.upper + 1e-10  # printed to ten digits
    assert found.bounds.lower <= upper + 1e-10
    assert found.candidate.points.size == count
    cells = rate_distortion(law, SQUARED, D=D, method=Cells(gap=1e-3))
    assert cells.bounds.lower <= found.bounds.lower
    assert found.bounds.upper <= cells.bounds.upper


def test_the_channel_samples_and_unit_and_origin_do_not_matter() -> None:
    plain = rate_distortion(U, SQUARED, D=0.02, method=Atoms())
    moved = rate_distortion(Uniform(10.0, 13.0), SQUARED, D=0.18, method=Atoms())
    assert abs(moved.rate - plain.rate) <= 1e-9
    np.testing.assert_allclose(moved.candidate.points, 10.0 + 3.0 * plain.candidate.points, rtol=1e-6)
    rng = np.random.default_rng(1)
    x = rng.uniform(10.0, 13.0, 20_000)
    error = (x - moved.candidate.sample(x, rng)) ** 2
    assert abs(error.mean() - 0.18) <= 5.0 * error.std() / np.sqrt(x.size)  # five standard errors


def test_no_bracket_is_claimed_for_points_that_are_wrong() -> None:
    """A point too many, too few or in the wrong place widens the bracket, which still holds."""
    found = rate_distortion(U, SQUARED, D=0.02, method=Atoms())
    source = U.standard()[0]
    y, q, s = found.candidate.points - 0.5, found.candidate.weights, found.candidate.s
    for points, weights in (
        (y + 0.02, q),
        (y[:2], q[:2] / q[:2].sum()),
        (np.append(y, 0.4), np.append(q, 0.1) / 1.1),
    ):
        for slope in (s, 1.3 * s):
            proved = prove(source, points, weights, slope, 0.02, 1e-8)
            assert proved.lower < found.bounds.upper < proved.upper
            assert proved.upper - proved.lower > 1e-4


def test_without_the_chord_or_the_peak_the_lower_end_would_be_false() -> None:
    found = rate_distortion(U, SQUARED, D=0.02, method=Atoms())
    y, q = found.candidate.points - 0.5, found.candidate.weights
    proved = prove(U.standard()[0], y + 0.02, q, found.candidate.s, 0.02, 1e-8)
    assert proved.lower + np.log(proved.peak) > found.bounds.upper + 1e-3


@given(
    st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=5, unique=True),
    st.floats(0.3, 30.0),
    st.floats(-1.5, 1.5),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
    st.integers(0, 1000),
)
def test_the_integrands_are_bounded_off_the_line(points, s, centre, delta, eta, seed) -> None:
    rng = np.random.default_rng(seed)
    y = np.sort(points)
    q = rng.uniform(0.1, 1.0, y.size)
    q /= q.sum()
    delta, eta = delta / np.sqrt(s), eta / np.sqrt(s)
    kappa, bounds = moduli(np.array([centre]), np.array([delta]), np.array([eta]), y, q, s)
    if not kappa[0] <= 0.5:
        return
    u, v = np.meshgrid(np.linspace(-1.0, 1.0, 9), np.linspace(-1.0, 1.0, 9))
    z = (centre + delta * u + 1j * eta * v).ravel()
    exponent = np.log(q) - s * (z[:, None] - y) ** 2
    terms = np.exp(exponent - exponent.real.max(axis=1, keepdims=True))
    Z = terms.sum(axis=1)
    f = -(np.log(np.abs(Z)) + exponent.real.max(axis=1))  # the real part; the imaginary one is at most its own bound
    psi = (terms / Z[:, None] * (z[:, None] - y) ** 2).sum(axis=1)
    at = rng.uniform(-2.0, 2.0)
    third = np.exp(f - s * ((z - at) ** 2).real)
    assert (np.abs(f) <= bounds[0]).all()
    assert (np.abs(psi) <= bounds[1] * (1.0 + 1e-12)).all()
    assert (third <= bounds[2] * (1.0 + 1e-12)).all()
    real, _ = gibbs(z.real, y, q, s)
    assert (np.exp(f) <= 2.0 * np.exp(real - s * z.imag**2) * (1.0 + 1e-12)).all()  # |Z(z)| >= Z(x) e^(sη²)/2


def test_the_integrals_agree_with_adaptive_quadrature() -> None:
    found = rate_distortion(M, SQUARED, D=1.0, method=Atoms())
    y, q, s = found.candidate.points, found.candidate.weights, found.candidate.s
    kl = lambda x: float(M.density(np.array(x)) * _divergence(np.array([x]), y, q, s))  # noqa: E731
    rate = scipy.integrate.quad(kl, -6.0, 9.0, epsabs=1e-12, limit=200)[0]
    assert abs(rate - found.rate) <= 1e-9  # what lies beyond has mass 1e-12


def _divergence(x, y, q, s):
    _, W = gibbs(x, y, q, s)
    return (W * np.log(W / q)).sum()


def test_where_points_are_many_cells_answer() -> None:
    found = rate_distortion(L, SQUARED, D=0.3, method=Atoms())
    assert found.status is Status.STOPPED
    assert "by cells" in found.message
    assert found.gap <= 1e-4
    assert found.method == Atoms()


@pytest.mark.parametrize("law", [U, M, Exponential(1.0), StudentT(30)])
@pytest.mark.parametrize("less", [0.0, 1e-12, 1e-10, 1e-6])
def test_next_to_where_the_rate_ends_points_meet(law, less) -> None:
    """At D = Var X (1 - less) the two points that are best are closer than float64 places them, and no slope at which
    they spend less than Var X is found: the search for one ends. R(D) <= ½ log Var X/D there, which is `less`/2."""
    found = rate_distortion(law, SQUARED, D=(1.0 - less) * law.standard_deviation**2, method=Atoms())
    assert 0.0 <= found.bounds.lower <= less + 1e-12
    assert found.bounds.upper <= 1e-5  # two points of an exponential law: 3.5e-6


def test_weights_that_vanish_raise_no_warning() -> None:
    """Which is an error here; such a point takes no part."""
    x, y = np.linspace(-1.0, 1.0, 5), np.array([-0.5, 0.0, 0.5])
    f, W = gibbs(x, y, np.array([0.5, 0.0, 0.5]), 4.0)
    without, V = gibbs(x, y[[0, 2]], np.array([0.5, 0.5]), 4.0)
    np.testing.assert_allclose(f, without, rtol=1e-14)
    np.testing.assert_allclose(W[:, [0, 2]], V, rtol=1e-14)


def test_other_questions_are_refused() -> None:
    for distortion, perception, P in ((SQUARED, TV, 0.1), (ABSOLUTE, None, np.inf)):
        with pytest.raises(InvalidInput, match="Cells"):
            rdp(U, distortion, perception, D=0.02, P=P, method=Atoms())
    with pytest.raises(InvalidInput):
        Atoms(gap=0.0)
    with pytest.raises(InvalidInput, match=r"answers on the line; take Cells\(\) in the plane"):
        rate_distortion(Independent(U, U), SQUARED, D=0.02, method=Atoms())
    with pytest.raises(InvalidInput, match="density"):
        rate_distortion(Pmf([0.5, 0.5]), SQUARED, D=0.02, method=Atoms())


def test_nothing_is_placed_where_the_mean_alone_will_do() -> None:
    enough = rate_distortion(U, SQUARED, D=0.1, method=Atoms())  # the variance is 1/12
    assert (enough.status, enough.bounds.lower, enough.rate) == (Status.OPTIMAL, 0.0, 0.0)
    assert "not a few points" not in enough.message
    assert rate_distortion(U, SQUARED, D=0.0, method=Atoms()).rate == np.inf


@pytest.mark.parametrize("method", [Cells(gap=1e-2, max_cells=64), Atoms()], ids=["cells", "points"])
def test_finite_answers_without_a_channel_leave_a_wide_bracket_that_is_true(method) -> None:
    """Planted: whoever answers on the cells found nothing above, and what is left is Gaussian noise."""
    lost = method.answer(Problem(U, SQUARED, None, 0.02, np.inf), lambda one, by: replace(ask(one, by), candidate=None))
    assert lost.status is Status.STOPPED
    assert lost.bounds.lower <= 0.6270850201
    assert 0.6270850296 <= lost.bounds.upper <= 0.75
