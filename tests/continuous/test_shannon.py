"""Small distortions: entropies and constants against integrals, the channels of the proof on grids, and known rates."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from rdptheory import (
    Atoms,
    Cells,
    Exponential,
    Gaussian,
    GaussianMixture,
    Laplace,
    Logistic,
    Problem,
    Status,
    StudentT,
    Uniform,
    distortion_at,
    rate_distortion,
    rdp,
)
from rdptheory.continuous import shannon
from rdptheory.continuous.posed import Posed
from rdptheory.continuous.shannon import Shannon
from rdptheory.sources.entropy import mixture_entropy
from tests.continuous.cases import ABSOLUTE, EXACT, KL, SQUARED, TV, W1, W2, L, M, N, U
from tests.sources.test_laws import LAWS, formula

SMOOTH = [Gaussian(-2.0, 9.0), Laplace(0.5, 2.0), Logistic(1.0, 2.0), StudentT(5), StudentT(2.1, 1.0, 3.0), M]
BALLS = ((None, np.inf), (TV, 0.0), (TV, 0.03), (KL, 0.005), (W1, 0.01), (W2, 0.001))


@pytest.mark.parametrize("law", [*LAWS, StudentT(1.5), StudentT(300.0), StudentT(1e9)], ids=str)
def test_entropies_are_those_of_the_density(law) -> None:
    """Against an integral with 30 digits; in closed form for many degrees of freedom, where no rule sees the peak."""
    p, known = formula(law), law.smoothness
    with mpmath.workdps(30):
        if isinstance(law, StudentT):
            nu = mpmath.mpf(law.df)
            apart = mpmath.digamma((nu + 1) / 2) - mpmath.digamma(nu / 2)
            h = (nu + 1) / 2 * apart + mpmath.log(mpmath.sqrt(nu) * mpmath.beta(nu / 2, 0.5) * law.scale)
        else:
            low, high = law.support
            low, high = (end if np.isfinite(end) else law.quantile(q) for end, q in ((low, 1e-15), (high, 1 - 1e-15)))
            cuts = sorted({low, high, *law.kinks, *(law.quantile(q) for q in (1e-6, 0.01, 0.2, 0.5, 0.8, 0.99))})
            cuts = [low, *[cut for cut in cuts if low < cut < high], high]
            h = mpmath.mpf(0)
            for a, b in pairwise(cuts):
                term = lambda x, near=0.5 * (a + b): -p(x, near) * mpmath.log(p(x, near))  # noqa: E731
                h += mpmath.quad(term, [a, b])
        assert known.low - 1e-12 <= h <= known.high + 1e-12  # what is left out in the tails, 1e-15 log p
        assert known.high - known.low <= (6e-6 if isinstance(law, GaussianMixture) else 3e-12)


@pytest.mark.parametrize("law", SMOOTH, ids=str)
def test_information_and_bend_bound_what_a_shift_costs(law) -> None:
    """By sums on a grid of 0.0005 standard deviations, right to 1e-6."""
    sd = law.standard_deviation
    x = np.linspace(-16.0 * sd, 16.0 * sd, 64_001) + law.quantile(0.5)
    p, step = law.density(x), x[1] - x[0]
    score = np.gradient(np.log(p), step)
    found = float(p @ score**2) * step
    assert found <= law.smoothness.information * (1.0 + 1e-3)  # at a kink a difference quotient is off over one cell
    if not isinstance(law, GaussianMixture):
        assert found >= law.smoothness.information * (1.0 - 1e-2)  # the mass that t(2.1) has beyond the grid
    for c in (-3.0 * sd, -0.5 * sd, 0.01 * sd, sd, 5.0 * sd):
        shifted = float(p @ np.log(p / law.density(x + c))) * step
        assert shifted <= 0.5 * law.smoothness.bend * c * c * (1.0 + 1e-3)


def test_constants_of_folded_noise_are_rounded_up() -> None:
    """By Gauss's rule on panels that end where y = x; beyond x = 40 or y = x + 40 nothing is left."""
    unit, weight = np.polynomial.legendre.leggauss(40)

    def integral(g, a, b):
        at = 0.5 * (a + b) + 0.5 * (b - a) * unit
        return 0.5 * (b - a) * float(weight @ np.array([g(one) for one in at]))

    def shared(a):
        return np.log1p(np.exp(-a)) + a * np.exp(-a) / (1.0 + np.exp(-a))

    def gauss(x, y):
        density = np.exp(-0.5 * (y - x) ** 2) + np.exp(-0.5 * (y + x) ** 2)
        return density / np.sqrt(2.0 * np.pi) * shared(2.0 * x * y)

    def laplace(x, y):
        return 0.5 * (np.exp(-np.abs(y - x)) + np.exp(-y - x)) * shared(2.0 * np.minimum(x, y))

    for noise, constant in ((gauss, shannon.FOLDED), (laplace, shannon.FOLDED_LAPLACE)):

        def outer(x, noise=noise):
            ends = [0.0, 0.5 * x, x, x + 1.0, x + 4.0, x + 12.0, x + 40.0]
            return sum(integral(lambda y: noise(x, y), a, b) for a, b in pairwise(ends))

        found = sum(integral(outer, a, b) for a, b in pairwise([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 40.0]))
        assert found <= constant <= found + 2e-6


@pytest.mark.parametrize("law", [L, N, Logistic(), StudentT(3), M], ids=str)
@pytest.mark.parametrize("D", [0.3, 0.1])
def test_the_monotone_map_moves_no_further_than_the_proof_says(law, D) -> None:
    """Y = X + N on a grid, and its map T to the law of X, for Gaussian and Laplace noise: E (X-Y')², E|X-Y'| and the
    distances between the laws of X and Y, all with integrals right to about 1e-5."""
    law = law.standard()[0]
    J = law.smoothness.information
    sd = law.standard_deviation
    x = np.linspace(-12.0 * sd, 12.0 * sd, 2401)
    h = x[1] - x[0]
    p = law.density(x) * h
    p /= p.sum()
    for squared in (True, False):
        if squared:
            size = D * 2.0 / (1.0 + np.sqrt(1.0 + 5.0 * D * J))
            kernel = np.exp(-((x[:, None] - x) ** 2) / (2.0 * size))
        else:
            size = D * 2.0 / (1.0 + np.sqrt(1.0 + 4.0 * D * np.sqrt(J)))
            kernel = np.exp(-np.abs(x[:, None] - x) / size)
        kernel /= kernel.sum(axis=1, keepdims=True)
        r = p @ kernel
        F, G = np.cumsum(p) - 0.5 * p, np.cumsum(r) - 0.5 * r
        T = np.interp(G, F, x)
        if squared:
            assert float(p @ (kernel * (x[:, None] - T) ** 2).sum(axis=1)) <= D * (1.0 + 1e-3)
            assert float(r @ (x - T) ** 2) <= 0.25 * size**2 * J * (1.0 + 2e-2)
        else:
            assert float(p @ (kernel * np.abs(x[:, None] - T)).sum(axis=1)) <= D * (1.0 + 1e-3)
            assert float(np.abs(F - G).sum() * h) <= size**2 * np.sqrt(J) * (1.0 + 2e-2)
            assert float(r @ (x - T) ** 2) <= 2.0 * size**4 * J * (1.0 + 2e-2)


def informed(law, kernel, x):
    """I(X;Y) by sums, for a kernel (n, m) of masses."""
    p = law.density(x)
    p = p / p.sum()
    r = p @ kernel
    return float(p @ np.where(kernel > 0.0, kernel * np.log(np.maximum(kernel, 1e-300) / r), 0.0).sum(axis=1))


@pytest.mark.parametrize(("law", "high"), [(U, 1.0), (Exponential(), 25.0), (L, 20.0), (N, 9.0), (Logistic(), 25.0)])
@pytest.mark.parametrize("squared", [True, False])
def test_the_channels_of_the_proof_spend_no_more_than_it_says(law, high, squared) -> None:
    """Noise, folded at the ends of the support where the density jumps, on a grid a 14th of the noise wide or finer.

    So cut, a rate is right to 1e-3 here: for the Gaussian law and noise it is known, and comes out as it is.
    """
    size = (0.04 if squared else 0.008) if isinstance(law, Uniform) else 0.3
    D = size**2 if squared else size
    low = -high if law.support[0] < 0.0 else 0.0
    x = np.linspace(low, high, 2400, endpoint=False) + (high - low) / 4800
    centres = [x, 2.0 * low - x, 2.0 * high - x] if law.smoothness.edges else [x]
    away = np.abs(np.stack([x[:, None] - centre for centre in centres]))
    kernel = np.exp(-0.5 * (away / size) ** 2 if squared else -away / size).sum(axis=0)
    kernel /= kernel.sum(axis=1, keepdims=True)
    found = informed(law, kernel, x)
    asked = Posed.of(Problem(law, SQUARED if squared else ABSOLUTE, W1, D, 1e6))  # a ball that holds all, so no mean
    known = Shannon.of(asked)
    assert found <= known.upper(known.log_D) + 1e-3
    assert found >= known.lower(known.log_D) - 1e-3
    if isinstance(law, Gaussian) and squared:
        assert found == pytest.approx(0.5 * np.log1p(1.0 / D), abs=1e-3)


@pytest.mark.parametrize("law", [*SMOOTH, Uniform(2.0, 5.0), Exponential(3.0)], ids=str)
@pytest.mark.parametrize("distortion", [SQUARED, ABSOLUTE], ids=["squared", "absolute"])
def test_brackets_of_noise_and_of_cells_overlap_and_close_as_D_falls(law, distortion) -> None:
    unit = law.standard_deviation ** (2 if distortion is SQUARED else 1)
    for ball, P in BALLS:
        limit = P * law.standard_deviation ** (2 if ball is W2 else 1) if ball in (W1, W2) else P
        gaps = []
        for D in (0.1 * unit, 1e-2 * unit, 1e-4 * unit, 1e-8 * unit, 1e-30 * unit):
            found = rdp(law, distortion, ball, D=D, P=limit, method=Cells(gap=1e-3, max_cells=64))
            assert 0.0 <= found.bounds.lower <= found.bounds.upper
            gaps.append(found.gap)
        assert gaps[3] <= 3e-4  # of a uniform law under squared error: 2 · 0.77 √D over its width
        assert gaps[4] <= (1e-10 if not isinstance(law, GaussianMixture) else 6e-6)


@pytest.mark.parametrize(("law", "distortion", "ball", "D", "exact"), EXACT, ids=str)
def test_known_rates_lie_between(law, distortion, ball, D, exact) -> None:
    known = Shannon.of(Posed.of(Problem(law, distortion, ball[0], D, ball[1])))
    assert known.lower(known.log_D) <= exact + 1e-12
    assert exact <= known.upper(known.log_D) + 1e-12


def test_an_entropy_that_is_off_or_noise_that_costs_nothing_is_seen() -> None:
    """Planted: without what the density's unevenness costs the upper end is Shannon's bound, below the rate of a
    mixture; and with an entropy that is too large by .1 the lower end is above the rate of a Laplace law."""
    truth = rate_distortion(M, SQUARED, D=0.3, method=Atoms()).bounds
    known = Shannon.of(Posed.of(Problem(M, SQUARED, None, 0.3, np.inf)))
    flat = replace(known, known=replace(known.known, information=1.0))  # that of its variance alone
    assert flat.upper(flat.log_D) < truth.lower < known.upper(known.log_D)
    of_laplace = Shannon.of(Posed.of(Problem(L, SQUARED, None, 0.3, np.inf)))
    off = replace(of_laplace, known=replace(of_laplace.known, low=of_laplace.known.low + 0.1))
    assert off.lower(off.log_D) > rate_distortion(L, SQUARED, D=0.3).bounds.upper


def test_small_distortions_take_no_cells_and_have_a_channel() -> None:
    found = rate_distortion(Laplace(3.0, 2.0), SQUARED, D=1e-6)
    assert (found.status, found.steps) == (Status.OPTIMAL, 0)
    assert found.bounds.lower_from == "Shannon's lower bound"
    assert found.slopes.D == pytest.approx(-0.5e6, rel=1e-6)
    rng = np.random.default_rng(0)
    x = rng.laplace(3.0, 2.0, 4_000)
    error = (found.candidate.draw(x, Laplace(3.0, 2.0), rng) - x) ** 2
    assert abs(error.mean() - 1e-6) <= 5.0 * error.std() / np.sqrt(x.size)  # five standard errors
    absolute = rate_distortion(StudentT(1.5), ABSOLUTE, D=1e-4)  # whose variance is infinite
    assert absolute.gap <= 1e-7
    assert absolute.slopes.D == pytest.approx(-1e4, rel=1e-6)


@pytest.mark.parametrize("R", [0.0, 2.0, 6.0, 20.0])
def test_the_distortion_of_a_rate_lies_between_its_limits(R) -> None:
    """Of a Gaussian law, whose formula is known; planted: an entropy that is too large leaves it outside."""
    known = Shannon.of(Posed.of(Problem(Gaussian(1.0, 4.0), SQUARED, None, 1.0, np.inf)))
    low, high = known.limits(R)
    exact = np.exp(-2.0 * R)  # of the unit variance in which the question is posed
    assert low <= exact <= high
    assert high <= low * (1.0 + 1e-6) or R < 6.0
    off = replace(known, known=replace(known.known, low=known.known.low + 0.1))
    assert not off.limits(R)[0] <= exact


@pytest.mark.parametrize("distortion", [SQUARED, ABSOLUTE], ids=["squared", "absolute"])
@pytest.mark.parametrize(("ball", "P"), [(None, np.inf), (TV, 0.0), (W1, 0.01)])
def test_distortion_at_a_large_rate_takes_no_cells(distortion, ball, P) -> None:
    """It is the other side of the rates that are bracketed at both its ends, in another unit."""
    law = Laplace(3.0, 2.0)
    found = distortion_at(law, distortion, ball, R=9.0, P=P)
    assert (found.status, found.gap <= 2e-4 * found.value) == (Status.OPTIMAL, True)
    ends = [rdp(law, distortion, ball, D=D, P=P).bounds for D in (found.bounds.lower, found.bounds.upper)]
    assert ends[1].lower <= 9.0 <= ends[0].upper
    assert ends[0].lower <= 9.0 + 1e-9  # a lower end that is none would be far inside
    assert ends[1].upper >= 9.0 - 1e-9


@pytest.mark.parametrize(("law", "R"), [(Laplace(0.0, 1.0), 400.0), (Laplace(0.0, 1e-150), 30.0), (M, 372.0)])
def test_a_distortion_below_float64_is_not_0(law, R) -> None:
    bounds = distortion_at(law, SQUARED, None, R=R, P=np.inf).bounds
    exact = np.log(law.standard_deviation) * 2.0 - 2.0 * R  # at most: that of a Gaussian law
    assert 0.0 <= bounds.lower <= bounds.upper
    assert 0.0 < bounds.upper <= 1e-320 or np.log(bounds.upper) <= exact + 1e-9


def test_mixtures_of_parts_far_apart_or_of_no_width() -> None:
    """One bit more than a part alone; nothing is said where the density leaves float64."""
    low, high = mixture_entropy(np.array([0.5, 0.5]), np.array([-1e6, 1e6]), np.array([1.0, 1.0]))
    exact = 0.5 * np.log(2.0 * np.pi * np.e) + np.log(2.0)
    assert low <= exact <= high <= low + 1e-5
    assert GaussianMixture([0.5, 0.5], [-1.0, 1.0], [1e-60, 1.0]).smoothness is None
