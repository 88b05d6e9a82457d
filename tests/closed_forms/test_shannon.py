"""R(D) of any law under Hamming distortion and under logarithmic loss, and of a Laplace source: formulas against fifty
digits, the judge, the solver, other formulas, and draws from the channel."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import scipy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rdptheory import (
    AbsoluteError,
    Cells,
    ClosedForm,
    DualPoint,
    Hamming,
    InteriorPoint,
    InvalidInput,
    Laplace,
    LogLoss,
    Pmf,
    Status,
    TotalVariation,
    distortion_at,
    rate_distortion,
    rdp,
    relevant_rate,
    side_information_rate,
)
from rdptheory.certificates import lower_bound
from rdptheory.closed_forms import ALLOWANCE, bernoulli, hamming, laplacian, log_loss, uniform_discrete
from rdptheory.information import entropy, mutual_information
from tests.checks import assert_agree, assert_inside, rounded
from tests.strategies import laws

SIZES = st.integers(2, 8)


def erokhin(p, D):
    """The formula with the number of symbols in use found by trying all, to fifty digits."""
    p = sorted((mp.mpf(float(x)) for x in p), reverse=True)
    total = mp.fsum(p)
    p, D = [x / total for x in p], mp.mpf(D)
    if D >= 1 - p[0]:
        return mp.mpf(0)
    for k in range(len(p), 1, -1):
        theta = (D - mp.fsum(p[k:])) / (k - 1)
        if theta <= p[k - 1] and (k == len(p) or theta >= p[k]):
            terms = [-x * mp.log(x) for x in p[:k] if x > 0]
            return mp.fsum(terms) + (1 - D) * mp.log(1 - D) + ((k - 1) * theta * mp.log(theta) if theta > 0 else 0)
    raise AssertionError("no number of symbols fits")


@st.composite
def questions(draw):
    """A law and a D at which the rate is above 0, or at an end."""
    p = draw(SIZES.flatmap(laws))
    return p, draw(st.sampled_from([0.0, 1.0 - p.max(), 1.0])) if draw(st.booleans()) else draw(st.floats(0.0, 1.0)) * (
        1.0 - p.max()
    )


@settings(max_examples=60)
@given(questions())
def test_erokhin_to_fifty_digits(question):
    p, D = question
    found = rate_distortion(Pmf.from_weights(p), Hamming(), D=D)
    assert found.method == ClosedForm()
    truth = erokhin(p, D)
    assert mp.mpf(found.bounds.lower) <= truth <= mp.mpf(found.bounds.upper)
    assert found.gap <= 3.0 * ALLOWANCE * np.log(p.size)
    wrong = truth * (1 + mp.mpf(1e-9))  # planted: the bracket tells it apart
    assert truth < 1e-4 or not mp.mpf(found.bounds.lower) <= wrong <= mp.mpf(found.bounds.upper)


@settings(max_examples=40)
@given(questions())
def test_the_channel_and_the_dual_point_prove_it(question):
    p, D = question
    found = rate_distortion(Pmf.from_weights(p), Hamming(), D=D)
    channel, rounding = found.candidate.channel, 1e-13  # of sums of a few logarithms
    assert mutual_information(p, channel) <= found.rate + rounding
    assert 1.0 - float(p @ np.diagonal(channel)) <= D + 1e-15
    f, s = hamming.dual(p, D)
    assert lower_bound(found.problem.discrete, DualPoint(f, np.array([s]))) >= found.bounds.lower - 2.0 * rounding


def test_the_closed_form_has_a_gradient():
    p = np.array([0.5, 0.3, 0.2])
    ours, solved = (
        rate_distortion(Pmf(p), Hamming(), D=0.2, method=method).gradient() for method in (None, InteriorPoint(1e-11))
    )
    np.testing.assert_allclose(ours.p, solved.p, atol=1e-6)
    np.testing.assert_allclose(ours.table, solved.table, atol=1e-6)


@settings(max_examples=8)
@given(questions())
def test_the_interior_point_agrees(question):
    p, D = question
    source = Pmf.from_weights(p)
    solved = rate_distortion(source, Hamming(), D=D, method=InteriorPoint())
    assert_agree(rate_distortion(source, Hamming(), D=D).bounds, solved.bounds, values=1e-8)


@pytest.mark.parametrize("p, D", [(0.11, 0.05), (0.3, 0.2), (0.5, 0.4), (0.2, 0.3)])
def test_two_symbols_and_equal_ones_are_the_other_formulas(p, D):
    assert hamming.rate([p, 1.0 - p], D) == pytest.approx(bernoulli.rate(p, D, np.inf), abs=1e-15)
    assert hamming.rate(np.full(5, 0.2), D) == pytest.approx(uniform_discrete.rate(5, D), abs=1e-15)
    assert hamming.slopes([p, 1.0 - p], D) == pytest.approx(bernoulli.slopes(p, D, np.inf)[0], rel=1e-14)


def test_the_slope_is_that_of_the_rate():
    p, D = np.array([0.4, 0.3, 0.15, 0.1, 0.05]), np.linspace(0.02, 0.58, 29)
    steps = (hamming.rate(p, D + 1e-6) - hamming.rate(p, D - 1e-6)) / 2e-6
    np.testing.assert_allclose(hamming.slopes(p, D), steps, rtol=1e-6)


def test_erokhin_as_an_expression():
    masses = [Fraction(4, 10), Fraction(3, 10), Fraction(2, 10), Fraction(1, 10)]
    whole = hamming.symbolic(masses)
    (symbol,) = whole.free_symbols
    for D in (0.0, 0.05, 0.35, 0.45, 0.55, 0.7):
        assert float(whole.subs(symbol, D)) == pytest.approx(hamming.rate([float(x) for x in masses], D), abs=1e-14)
    for wrong in ([Fraction(1, 2)], [], 0.5, ["1"], [Fraction(3, 2), Fraction(-1, 2)]):
        with pytest.raises(InvalidInput):
            hamming.symbolic(wrong)


@pytest.mark.parametrize("wrong", [[], [0.5, 0.6], [1.5, -0.5], [[0.5, 0.5]], [np.nan, 1.0], 1.0])
def test_what_is_no_law_is_refused(wrong):
    with pytest.raises(InvalidInput, match="probabilities"):
        hamming.rate(wrong, 0.1)


def test_a_hundred_thousand_symbols_take_a_sort():
    source = Pmf.from_weights(np.random.default_rng(0).exponential(size=100_000))
    found = rate_distortion(source, Hamming(), D=0.5)
    assert found.candidate is None
    by_products = lower_bound(found.problem.discrete, found.dual)
    assert found.rate - 1e-8 <= by_products <= found.rate  # sums of so many terms are allowed that
    with pytest.raises(InvalidInput, match="at most 10000"):
        hamming.channel(source.probabilities, 0.5)


@settings(max_examples=20)
@given(SIZES.flatmap(laws), st.floats(0.0, 1.2))
def test_logarithmic_loss(p, share):
    source, H = Pmf.from_weights(p), entropy(p)
    found = rate_distortion(source, LogLoss(), D=share * H)
    assert_inside(found.bounds, max(0.0, H - share * H), 1e-15)
    channel, table = found.candidate.channel, LogLoss().given(p).table(source.points)
    held = (p > 0.0)[:, None] & (channel > 0.0)
    spent = float((p[:, None] * np.where(held, channel * np.where(held, table, 0.0), 0.0)).sum())
    assert spent <= share * H + 1e-14
    assert mutual_information(p, channel) <= found.rate + 1e-13


def test_logarithmic_loss_by_other_roads():
    source = Pmf([0.5, 0.3, 0.2])
    closed = rate_distortion(source, LogLoss(), D=0.4)
    assert_agree(closed.bounds, rate_distortion(source, LogLoss(), D=0.4, method=InteriorPoint()).bounds, values=1e-9)
    H = entropy(source.probabilities)
    assert distortion_at(source, LogLoss(), None, R=0.4, P=np.inf).value == pytest.approx(H - 0.4, abs=1e-13)
    whole = log_loss.symbolic()
    by_name = {symbol.name: symbol for symbol in whole.free_symbols}
    assert float(whole.subs({by_name["H"]: H, by_name["D"]: 0.4})) == pytest.approx(closed.rate, abs=1e-14)
    assert float(log_loss.symbolic(H=2, D=Fraction(1, 2))) == 1.5
    with pytest.raises(InvalidInput, match="must be inf"):
        rdp(source, LogLoss(), TotalVariation(), D=0.4, P=0.1)
    known = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])  # other laws would matter beside Z or beside classes
    for other in (
        lambda: rate_distortion(source, LogLoss(), D=0.4, side_information=source.probabilities[:, None] * known),
        lambda: side_information_rate(source, known, LogLoss(), D=0.4),
        lambda: relevant_rate(source, known, LogLoss(), C=0.5, D=0.4),
    ):
        with pytest.raises(InvalidInput, match="any law of X"):
            other()


@pytest.mark.parametrize("rare", [1e-300, 1.6e-33, 5.3e-25, 9e-13])
@pytest.mark.parametrize("share", [0.99, 1.0 - 1e-12])
def test_no_rate_of_a_rare_symbol_is_called_0(rare, share):
    """H is all but the rare symbol's: the other one's share of it, 1 in log 1/p, is no rounding."""
    with mp.workdps(400):
        p = mp.mpf(rare) / (1 + mp.mpf(rare))
        H = -p * mp.log(p) - (1 - p) * mp.log(1 - p)
        D = float(share * H)
        found = rate_distortion(Pmf([rare, 1.0]), LogLoss(), D=D)
        assert found.bounds.lower <= H - mp.mpf(D) <= found.bounds.upper


@settings(max_examples=30)
@given(st.floats(-300.0, 300.0), st.one_of(st.floats(1e-9, 1.5), st.floats(1e-16, 1e-3).map(lambda t: 1.0 - t)))
@example(250.0, 1.0 - 1e-12)  # whose logarithms leave 1e-13 of their difference
@example(-300.0, 1e-9)
def test_laplace_to_fifty_digits(exponent, share):
    scale = 10.0**exponent
    D = scale * share
    found = rate_distortion(Laplace(0.0, scale), AbsoluteError(), D=D)
    truth = max(mp.mpf(0), mp.log(mp.mpf(scale) / mp.mpf(D)))
    assert mp.mpf(found.bounds.lower) <= truth <= mp.mpf(found.bounds.upper)
    assert found.gap <= 3.0 * ALLOWANCE * max(1.0, found.rate)
    assert found.slopes.D == (0.0 if D >= scale else rounded(-1.0 / D))


def test_laplace_by_cells_and_backwards():
    source = Laplace(1.0, 2.0)
    cells = rate_distortion(source, AbsoluteError(), D=0.5, method=Cells(gap=0.03))
    assert_inside(cells.bounds, np.log(4.0))
    located = distortion_at(source, AbsoluteError(), None, R=np.log(4.0), P=np.inf)
    assert_inside(located.bounds, 0.5, 1e-15)
    assert located.bounds.gap < 1e-13
    assert rate_distortion(source, AbsoluteError(), D=0.0).status is Status.INFEASIBLE
    assert float(laplacian.symbolic(scale=2, D=Fraction(1, 2))) == rounded(np.log(4.0))


def test_the_laplace_channel_has_the_error_and_the_atom_that_it_says():
    """X - Y is Laplace of scale D and independent of Y, which is the mean with probability (D/b)²."""
    draws, rng = 100_000, np.random.default_rng(0)
    found = rate_distortion(Laplace(1.0, 2.0), AbsoluteError(), D=0.5)
    x = rng.laplace(1.0, 2.0, size=draws)
    y = found.sample(x, rng)
    far = 4.0 / np.sqrt(draws)  # four deviations of a mean whose terms have deviation at most 1
    assert abs(np.abs(x - y).mean() - 0.5) < 0.5 * far
    assert abs((y == 1.0).mean() - 0.0625) < far
    for part in (y == 1.0, y > 3.0, y < 0.0):  # the same error beside each: 1 in 10,000 would fail
        assert scipy.stats.kstest((x - y)[part], "laplace", args=(0.0, 0.5)).pvalue > 1e-4
    planted = x - 0.9 * (x - y)
    assert scipy.stats.kstest(x - planted, "laplace", args=(0.0, 0.5)).pvalue < 1e-4
    assert (laplacian.channel(1.0, 2.0, mean=3.0).draw(x, None, rng) == 3.0).all()
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(InvalidInput):
            laplacian.channel(1.0, wrong)
