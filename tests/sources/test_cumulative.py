"""Laws known by their distribution function alone: cells and tails against fifty digits, rates against closed forms."""

from __future__ import annotations

from itertools import pairwise

import mpmath
import numpy as np
import pytest
import scipy.stats

from rdptheory import (
    AbsoluteError,
    Atoms,
    Cells,
    Gaussian,
    InvalidInput,
    KullbackLeibler,
    SquaredError,
    Status,
    StudentT,
    TotalVariation,
    Wasserstein2Squared,
    rate_distortion,
    rdp,
)
from rdptheory.sources import known_law
from rdptheory.sources.cumulative import WANTED, Cumulative
from rdptheory.sources.staircase import TRUSTED

M = mpmath
POINTS = 40
FAMILIES = {  # scipy's law, its density to fifty digits on the support, and kinks
    "gamma": (scipy.stats.gamma(2.5), lambda x: x ** M.mpf("1.5") * M.exp(-x) / M.gamma(M.mpf("2.5")), ()),
    "spike": (scipy.stats.gamma(0.25), lambda x: x ** M.mpf("-0.75") * M.exp(-x) / M.gamma(M.mpf("0.25")), ()),
    "beta": (scipy.stats.beta(2, 5), lambda x: 30 * x * (1 - x) ** 4, ()),
    "arcsine": (scipy.stats.beta(0.5, 0.5), lambda x: 1 / (M.pi * M.sqrt(x * (1 - x))), ()),
    "lognorm": (scipy.stats.lognorm(1.0), lambda x: M.exp(-(M.log(x) ** 2) / 2) / (x * M.sqrt(2 * M.pi)), ()),
    "weibull": (scipy.stats.weibull_min(1.5), lambda x: M.mpf("1.5") * M.sqrt(x) * M.exp(-(x ** M.mpf("1.5"))), ()),
    "triang": (scipy.stats.triang(0.25), lambda x: 8 * x if x < 0.25 else 8 * (1 - x) / 3, (0.25,)),
    "gumbel": (scipy.stats.gumbel_r(), lambda x: M.exp(-x - M.exp(-x)), ()),
    "pareto": (scipy.stats.pareto(3.5), lambda x: M.mpf("3.5") * x ** M.mpf("-4.5"), ()),
    "laplace": (scipy.stats.laplace(), lambda x: M.exp(-abs(x)) / 2, (0.0,)),
    "mixture": (
        scipy.stats.Mixture([scipy.stats.Normal(mu=-2.0), scipy.stats.Normal(mu=1.0, sigma=0.5)], weights=[0.25, 0.75]),
        lambda x: (M.exp(-((x + 2) ** 2) / 2) / 4 + M.exp(-2 * (x - 1) ** 2) * 3 / 2) / M.sqrt(2 * M.pi),
        (),
    ),
}


def made(law) -> Cumulative:
    """The law by its distribution function, also where its family is known."""
    dist = getattr(law, "dist", None)
    return Cumulative(law, "law", own_tail=dist is None or type(dist)._sf is not scipy.stats.rv_continuous._sf)


def moments(p, a, b, origin, powers=(0, 1, 2)) -> list[mpmath.mpf]:
    """∫ (x - origin)^k p on [a, b], p having no kink inside; (x-a) ~ v⁸ at the ends takes what is singular there.

    Two times 40 points of Gauss's rule, in fifty digits; twice as many change less than 1e-12 of any integral here.
    """
    with M.workdps(50):
        a, b = M.mpf(a), M.mpf(b)
        total = [M.mpf(0)] * len(powers)
        for v, weight in RULE:
            if v < 0.5:  # both halves are v^8 at their end
                x, step = a + (b - a) * M.mpf(2) ** 7 * v**8, (b - a) * M.mpf(2) ** 10 * v**7
            else:
                u = 1 - v
                x, step = b - (b - a) * M.mpf(2) ** 7 * u**8, (b - a) * M.mpf(2) ** 10 * u**7
            y = weight * step * p(x)
            total = [old + y * (x - origin) ** k for old, k in zip(total, powers, strict=True)]
    return total


def rule() -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """Gauss's rule on [0, 1/2] and on [1/2, 1]."""
    with M.workdps(50):
        nodes, _ = np.polynomial.legendre.leggauss(POINTS)
        found = []
        for guess in nodes:
            x = M.findroot(lambda z: M.legendre(POINTS, z), M.mpf(guess))
            slope = POINTS * (x * M.legendre(POINTS, x) - M.legendre(POINTS - 1, x)) / (x * x - 1)
            found.append((x, 2 / ((1 - x * x) * slope**2)))
        return [((side + (1 + x) / 2) / 2, w / 4) for side in (0, 1) for x, w in found]


RULE = rule()


@pytest.mark.parametrize("name", FAMILIES)
def test_cells_are_as_exact_as_they_say(name) -> None:
    law, p, kinks = FAMILIES[name]
    source = made(law)
    low, high = source.support
    t = source.compander(np.linspace(0.02, 0.98, 10))
    t = np.concatenate([[low] if np.isfinite(low) else [], t, [high] if np.isfinite(high) else []])
    cells = source.cells(t)
    below, above, deviation = source.spreads(t)
    assert cells.error <= 4.0 * WANTED
    for k in (0, t.size // 2, t.size - 2):
        ends = [t[k], *[kink for kink in kinks if t[k] < kink < t[k + 1]], t[k + 1]]
        with M.workdps(50):
            mass, first, _ = (
                M.fsum(part) for part in zip(*[moments(p, *ab, t[k]) for ab in pairwise(ends)], strict=True)
            )
            mean = t[k] + first / mass
            cuts = sorted([*ends, mean])
            parts = [moments(p, *ab, mean) for ab in pairwise(cuts)]
            square, apart = M.fsum(part[2] for part in parts) / mass, M.fsum(abs(part[1]) for part in parts) / mass
            share = first / mass / (M.mpf(t[k + 1]) - M.mpf(t[k]))
            exact = ((cells.mass[k], mass), (cells.share[k], share), (cells.variance[k], square))
            assert all(abs(value - true) <= cells.error * true for value, true in exact), k
            assert abs(cells.share[k] - share) <= cells.error * (1 - share)
            assert apart <= deviation[k]
            assert below[k] <= above[k] <= 2.0 * deviation[k]
    assert (above - below <= 2e-3 * np.diff(t)).all()


@pytest.mark.parametrize("name", [name for name in FAMILIES if np.isinf(made(FAMILIES[name][0]).support[1])])
def test_tails_are_as_exact_as_they_say(name) -> None:
    law, p, _ = FAMILIES[name]
    source = made(law)
    for level in (0.9, 1.0 - 1e-6):
        b = source.quantile(level)
        tail = source.right_tail(b)
        last = {"pareto": 90, "lognorm": 40}.get(name, 12)  # beyond 2^last lies less than 1e-20 of the square
        cuts = [b, *[b + 2.0**k for k in range(-2, last)]]
        parts = [moments(p, *ab, b) for ab in pairwise(cuts)]
        mass, first, square = (M.fsum(part) for part in zip(*parts, strict=True))
        assert abs(tail.mass - mass) <= 10 * TRUSTED * mass  # scipy's own, and the rounding of b
        assert tail.error <= 1e-8
        assert abs(tail.excess - first / mass) <= tail.error * first / mass
        assert abs(tail.square - square / mass) <= tail.error * square / mass


LEVELS = {  # scipy's law, P(X <= x), P(X > x)
    "gamma": (
        scipy.stats.gamma(7.5),
        lambda x: M.gammainc(M.mpf("7.5"), 0, x, regularized=True),
        lambda x: M.gammainc(M.mpf("7.5"), x, M.inf, regularized=True),
    ),
    "beta": (
        scipy.stats.beta(2.5, 20),
        lambda x: M.betainc(M.mpf("2.5"), 20, 0, x, regularized=True),
        lambda x: M.betainc(M.mpf("2.5"), 20, x, 1, regularized=True),
    ),
    "lognorm": (scipy.stats.lognorm(0.5), lambda x: M.ncdf(2 * M.log(x)), lambda x: M.ncdf(-2 * M.log(x))),
    "weibull": (
        scipy.stats.weibull_min(1.5),
        lambda x: -M.expm1(-(x ** M.mpf("1.5"))),
        lambda x: M.exp(-(x ** M.mpf("1.5"))),
    ),
    "gumbel": (scipy.stats.gumbel_r(), lambda x: M.exp(-M.exp(-x)), lambda x: -M.expm1(-M.exp(-x))),
    "pareto": (scipy.stats.pareto(3.5), lambda x: 1 - x ** M.mpf("-3.5"), lambda x: x ** M.mpf("-3.5")),
    "triang": (
        scipy.stats.triang(0.25),
        lambda x: 4 * x * x if x < 0.25 else 1 - 4 * (1 - x) ** 2 / 3,
        lambda x: 1 - 4 * x * x if x < 0.25 else 4 * (1 - x) ** 2 / 3,
    ),
}


@pytest.mark.parametrize("name", LEVELS)
def test_scipy_is_as_exact_as_is_trusted(name) -> None:
    """Rounding of x moves a level by x p(x) units more."""
    law, below, above = LEVELS[name]
    x = made(law).compander(np.linspace(0.005, 0.995, 50))
    level, error, beyond = made(law).levels(x)
    with M.workdps(50):
        true = [(above if right else below)(M.mpf(at)) for at, right in zip(x, beyond, strict=True)]
        off = np.array([float(abs(one - other)) for one, other in zip(level, true, strict=True)])
    assert (off <= 0.5 * error + 2.2e-16 * np.abs(x) * law.pdf(x)).all()


def test_a_bound_that_is_too_small_would_be_seen() -> None:
    """The error of the moments falls with the width of pieces no faster than its bound says: at 2 pieces a cell of
    exp(-x) the mean is off by more than a hundredth of the bound."""
    source = made(scipy.stats.expon())
    edges = np.array([0.0, 1.0])
    cut = source._cut(edges)
    cells = source.cells(edges)
    mean = 1.0 - 1.0 / np.expm1(1.0)
    assert 0.0 < abs(cells.share[0] - mean) <= cells.error * mean
    doctored = Cumulative(scipy.stats.expon(), "expon")
    object.__setattr__(cut, "first", cut.first + 1e3 * cut.off_first)
    doctored._last_cut[edges.tobytes()] = cut
    wrong = doctored.cells(edges)
    assert abs(wrong.share[0] - mean) > wrong.error * mean


class Devil(scipy.stats.rv_continuous):
    """Cantor's function: continuous, and without a density."""

    def _cdf(self, x):
        y, total, step = np.array(x, dtype=np.float64), np.zeros_like(x), np.full_like(x, 0.5)
        open_ = np.ones(y.shape, dtype=bool)
        for _ in range(45):
            third = np.floor(3.0 * y)
            total += np.where(open_ & (third >= 1.0), step, 0.0)
            open_ &= third != 1.0
            y, step = 3.0 * y - third, 0.5 * step
        return total

    def _sf(self, x):
        return self._cdf(1.0 - np.asarray(x))

    def _pdf(self, x):
        return np.zeros_like(x)


def test_a_law_without_a_density_is_refused() -> None:
    with pytest.raises(InvalidInput, match="must agree"):
        known_law(Devil(a=0.0, b=1.0, name="devil")())


class Rough(scipy.stats.rv_continuous):
    """A distribution function that waves by 1e-6 about that of its density."""

    def _cdf(self, x):
        return scipy.stats.norm.cdf(x + 1e-6 * np.sin(1e3 * x))

    def _pdf(self, x):
        return scipy.stats.norm.pdf(x)


class Own:
    """A law of one's own: its density, its distribution function, where it lives, and no more."""

    def __init__(self, cdf, pdf, support=(-np.inf, np.inf)):
        self.cdf, self.pdf, self.support = cdf, pdf, lambda: support


def test_a_law_of_ones_own_needs_no_more_than_its_two_functions() -> None:
    own = Own(lambda x: x * x * (3.0 - 2.0 * x), lambda x: 6.0 * x * (1.0 - x), (0.0, 1.0))
    one, two = (
        rate_distortion(law, SquaredError(), D=0.02, method=Cells(gap=5e-2)) for law in (own, scipy.stats.beta(2, 2))
    )
    # Without a tail of its own the levels on the right are 1 - cdf, and the bracket pays for their rounding.
    assert two.bounds.lower - 1e-4 <= one.bounds.lower <= two.bounds.lower + 1e-9
    assert two.bounds.upper - 1e-9 <= one.bounds.upper <= two.bounds.upper + 1e-4
    assert one.gap <= 5e-2
    assert repr(known_law(own)) == "Own on [0, 1]"


def test_levels_without_a_tail_of_their_own_are_off_by_no_more_than_they_say() -> None:
    x = np.linspace(2.0, 9.0, 50)
    level, off, beyond = known_law(Own(scipy.stats.norm.cdf, scipy.stats.norm.pdf)).levels(x)
    assert beyond.all()
    assert np.all(np.abs(level - scipy.stats.norm.sf(x)) <= off)
    relative = known_law(scipy.stats.gamma(2.0)).levels(x[x > 2.5])
    assert np.all(relative[1] < off[x > 2.5])  # a law with a tail of its own keeps all digits of it


def test_the_ends_of_a_support_are_its_outer_quantiles() -> None:
    beta = made(scipy.stats.beta(2, 5))
    assert (beta.quantile(0.0), beta.quantile(1.0)) == (0.0, 1.0)
    assert made(scipy.stats.t(5)).quantile(1.0) == np.inf


def test_tails_whose_cells_cannot_be_measured_are_refused() -> None:
    """A law with a mean and no variance: absolute errors make sense, and its last cells are too wide to know."""
    with pytest.raises(InvalidInput, match=r"lomax: moments of its cells are known to .* of themselves"):
        rate_distortion(scipy.stats.lomax(1.5), AbsoluteError(), D=0.7, method=Cells(gap=0.5))


@pytest.mark.parametrize(
    ("law", "rule"),
    [
        (Own(lambda x: 0.5 + 0.0 * x, lambda x: 0.0 * x), "must be finite and rise from 0 to 1"),
        (Own(lambda x: scipy.stats.norm.sf(x), scipy.stats.norm.pdf), "must be finite and rise from 0 to 1"),
        (Own(lambda x: x * np.nan, scipy.stats.norm.pdf), "must be finite and rise from 0 to 1"),
        (Own(lambda x: 1.2 * scipy.stats.norm.cdf(x), lambda x: 1.2 * scipy.stats.norm.pdf(x)), "rise from 0 to 1"),
        (Own(lambda x: scipy.stats.norm.cdf(x) - 0.2, scipy.stats.norm.pdf), "rise from 0 to 1"),
        (Own(lambda x: float(x), scipy.stats.norm.pdf), "must take arrays"),
        (Own(scipy.stats.norm.cdf, lambda x: 0.5), "must take arrays"),
        (scipy.stats.levy(), "has no variance"),
        (scipy.stats.cauchy(), "has no variance"),
        (scipy.stats.pareto(1.9), "has no variance"),
        (scipy.stats.norminvgauss(1.0, 0.5), "integrates its density"),
        (scipy.stats.gamma(-1.0), "no law with the parameters"),
        (scipy.stats.gamma, "must be frozen"),
        (Rough(name="rough")(), "must agree"),
    ],
    ids=[
        "flat",
        "falling",
        "nan",
        "above 1",
        "below 0",
        "one number",
        "one number for all",
        "levy",
        "cauchy",
        "pareto",
        "norminvgauss",
        "gamma of no shape",
        "not frozen",
        "rough",
    ],
)
def test_what_cannot_be_proved_is_refused(law, rule) -> None:
    with pytest.raises(InvalidInput, match=rule) as caught:
        rdp(law, SquaredError(), None, D=0.5, P=np.inf)
    assert caught.value.argument == "source"


def test_rates_hold_the_closed_forms() -> None:
    normal, laplace = made(scipy.stats.norm(2.0, 3.0)), made(scipy.stats.laplace())
    for ball, P in ((None, np.inf), (Wasserstein2Squared(), 0.0), (KullbackLeibler(), 0.005)):
        found = rdp(normal, SquaredError(), ball, D=2.7, P=P, method=Cells(gap=2e-2))
        exact = rdp(Gaussian(2.0, 9.0), SquaredError(), ball, D=2.7, P=P).bounds
        assert found.bounds.lower <= exact.lower <= exact.upper <= found.bounds.upper
        assert found.status is Status.OPTIMAL
    found = rate_distortion(laplace, AbsoluteError(), D=0.3, method=Cells(gap=5e-2))
    assert found.bounds.lower <= -np.log(0.3) <= found.bounds.upper
    assert found.gap <= 5e-2


def test_a_law_read_twice_has_one_rate() -> None:
    question = SquaredError(), TotalVariation()
    one = rdp(made(scipy.stats.t(5)), *question, D=0.5, P=0.05, method=Cells(gap=3e-2)).bounds
    two = rdp(StudentT(5), *question, D=0.5, P=0.05, method=Cells(gap=3e-2)).bounds
    assert max(one.lower, two.lower) <= min(one.upper, two.upper)
    assert one.gap <= 1.5 * two.gap


def test_units_and_origins_do_not_matter() -> None:
    small = rdp(scipy.stats.gumbel_r(), SquaredError(), None, D=0.5, P=np.inf, method=Cells(gap=5e-2))
    large = rdp(scipy.stats.gumbel_r(-7.0, 1e3), SquaredError(), None, D=0.5e6, P=np.inf, method=Cells(gap=5e-2))
    assert max(small.bounds.lower, large.bounds.lower) <= min(small.bounds.upper, large.bounds.upper)
    drawn = small.candidate.sample(scipy.stats.gumbel_r().rvs(4000, random_state=1), np.random.default_rng(2))
    assert np.isfinite(drawn).all()


def test_points_are_for_densities_off_the_line() -> None:
    found = rate_distortion(scipy.stats.beta(2, 5), SquaredError(), D=0.025, method=Atoms(gap=1e-8))
    assert found.status is Status.STOPPED
    assert "nothing is known off the real line" in found.message
