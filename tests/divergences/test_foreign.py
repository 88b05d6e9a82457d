"""Members written outside the package: nobody knows how their formulas round, and both ends of a bracket pay for it."""

import mpmath
import numpy as np
import pytest

from rdptheory import KullbackLeibler, Pmf, SquaredError, Status, Table, rdp
from rdptheory.closed_forms import gaussian
from rdptheory.divergences import SmoothFDivergence
from tests.test_contributing import Log

LAW = Pmf([0.4, 0.3, 0.2, 0.1])


def _support(v: np.ndarray, reference: np.ndarray, P: float) -> mpmath.mpf:
    """max <v, r> over KL(r‖p) <= P: μ P + μ log Σ p e^{v/μ} at the μ whose tilted law is on the edge."""
    with mpmath.workdps(60):
        v, p = ([mpmath.mpf(float(x)) for x in values] for values in (v, reference))
        p = [mass / mpmath.fsum(p) for mass in p]

        def at(log_mu: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
            mu = mpmath.exp(log_mu)
            tilted = [mass * mpmath.exp(value / mu) for mass, value in zip(p, v, strict=True)]
            total = mpmath.fsum(tilted)
            mean = mpmath.fsum(mass * value for mass, value in zip(tilted, v, strict=True)) / total
            return mu * (P + mpmath.log(total)), mean / mu - mpmath.log(total) - P

        low, high = mpmath.mpf(-10), mpmath.mpf(30)
        for _ in range(150):
            middle = (low + high) / 2
            low, high = (middle, high) if at(middle)[1] > 0 else (low, middle)
        return at(high)[0]


@pytest.mark.parametrize("P", [1e-4, 1e-8, 1e-12, 1e-16])
def test_a_support_function_is_never_too_small(P: float) -> None:
    """t log t - t + 1 is off by a rounding of 1 next to t = 1, and μ, 1e8 at the smallest P, multiplies that."""
    rng = np.random.default_rng(5)
    for _ in range(3):
        p, v = rng.dirichlet(np.ones(4)), rng.normal(size=4)
        mu = float(np.sqrt(p @ (v - p @ v) ** 2 / (2.0 * P)))
        exact, mine = _support(v, p, P), Log()
        found = mine.support(v, p, P).value, mine.support_at(v, p, P, mu), mine.support_near(v, p, P, mu)
        assert min(*found, mine.support_roughly(v, p, P)) >= exact
        assert min(found) <= exact + 1e-6  # 16 units of rounding times μ


@pytest.mark.parametrize("P", [1e-3, 1e-9, 1e-11, 1e-17])
def test_its_brackets_hold_the_truth_at_any_radius(P: float) -> None:
    """At 1e-9 the lower end was above the truth by 2e-13, and at 1e-11 above the upper one."""
    ours = rdp(LAW, SquaredError(), KullbackLeibler(), D=0.3, P=P)
    mine = rdp(LAW, SquaredError(), Log(), D=0.3, P=P)
    assert ours.gap <= 1e-9
    assert mine.bounds.overlaps(ours.bounds)
    assert mine.bounds.lower <= ours.bounds.lower + 2e-11  # what the gap asked for leaves to chance
    assert mine.gap <= 2e-7


class Wrong(SmoothFDivergence):
    """4 KL, with a form that says KL: only a search believes it."""

    recession = float("inf")
    compiled = KullbackLeibler.compiled

    def phi(self, t: np.ndarray) -> np.ndarray:
        return 4.0 * KullbackLeibler().phi(t)

    def slope(self, t: np.ndarray) -> np.ndarray:
        return 4.0 * np.log(t)

    def curvature(self, t: np.ndarray) -> np.ndarray:
        return 4.0 / t

    def ratio(self, y: np.ndarray) -> np.ndarray:
        return np.exp(0.25 * y)

    def ratio_slope(self, y: np.ndarray) -> np.ndarray:
        return 0.25 * np.exp(0.25 * y)


@pytest.mark.parametrize("apart", [5.1e-8, 1e-6])
def test_infeasible_is_not_read_off_a_formula_next_to_1_where_a_symbol_is_next_to_nothing(apart: float) -> None:
    """t log t - t + 1 at t = 1 + 5e-8 is 2 % too large, and so it was where all of δ is that of 1e-17 of mass."""
    p, q = 1e-17 * (1.0 + apart), 1e-17
    with mpmath.workdps(50):
        t = mpmath.mpf(p) / mpmath.mpf(q)
        delta = float(mpmath.mpf(q) * (t * mpmath.log(t) - t + 1))
    apart_only = Table(np.array([[0.0, np.inf], [np.inf, 0.0]]), reference=[q, 1.0])
    found = rdp(Pmf([p, 1.0]), apart_only, Log(), D=0.1, P=delta * (1.0 + 1e-6))
    assert found.status is not Status.INFEASIBLE
    assert found.bounds.lower <= 4.1e-16  # H(X) = 1e-17 (1 - log 1e-17)
    assert Log().value(np.array([q, 1.0]), np.array([p, 1.0])) > delta * (1.0 + 1e-5)


def test_a_gaussian_does_not_believe_the_form_of_a_member_from_outside() -> None:
    """4 KL <= 0.04 is KL <= 0.01, whose Gaussian is a formula."""
    found = gaussian.bounds(1.0, 0.3, 0.04, Wrong())
    truth = float(gaussian.rate(1.0, 0.3, 0.01, KullbackLeibler()))
    assert found.lower <= truth <= found.upper
    assert found.gap <= 0.02  # any law against Gaussian ones
