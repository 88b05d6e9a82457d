"""A divergence of one's own that is convex and no more: its ball from outside, beside members that have a solver."""

import math
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
import scipy

from rdptheory import (
    ChiSquare,
    Empirical,
    FirstOrder,
    HalfSpaces,
    Hamming,
    InteriorPoint,
    InvalidInput,
    JensenShannon,
    KullbackLeibler,
    Pmf,
    Problem,
    SquaredError,
    SquaredHellinger,
    Table,
    TotalVariation,
    Wasserstein1,
    distortion_at,
    rate_at_slope,
    rdp,
)
from rdptheory.divergences import Divergence, Support
from rdptheory.solution import Status
from rdptheory.solvers.half_spaces import questions
from tests.attack import roads
from tests.attack.roads import Own

SOURCE = Pmf([0.3, 0.25, 0.2, 0.15, 0.1])
LEVELS = Empirical(np.random.default_rng(0).binomial(15, 0.4, 400).astype(float))
ONE_BALL = Problem(SOURCE, Hamming(), TotalVariation(), D=0.3, P=0.1).discrete
TWO_BALLS = replace(ONE_BALL, perceptions=2 * ONE_BALL.perceptions)


class Cramer(Divergence):
    """Σ w (F_p - F_r)²; its support function forgets that masses are at least 0, and its law is no help."""

    def __init__(self, w):
        self.w = w

    def value(self, reference, output):
        return float(self.w @ np.cumsum(output - reference)[:-1] ** 2)

    def support(self, v, reference, P):
        bound = float(v @ reference + math.sqrt(P * float((np.diff(v) ** 2 / self.w).sum())))
        return Support(bound + 1e-12 * float(np.abs(v).max()), reference)


class Both(Divergence):
    """The larger of KL and total variation; the smaller of both support functions is a bound, loose between them."""

    def value(self, reference, output):
        return max(KullbackLeibler().value(reference, output), 0.3 * TotalVariation().value(reference, output))

    def support(self, v, reference, P):
        found = KullbackLeibler().support(v, reference, P), TotalVariation().support(v, reference, P / 0.3)
        return min(found, key=lambda one: one.value)


class Twice(Divergence):
    """Twice total variation, with nothing but what a user has to write."""

    def value(self, reference, output):
        return float(np.abs(reference - output).sum())

    def support(self, v, reference, P):
        return TotalVariation().support(v, reference, 0.5 * P)


class Plain(Divergence):
    """KL of which no formula but the value and the support is known."""

    def value(self, reference, output):
        return KullbackLeibler().value(reference, output)

    def support(self, v, reference, P):
        return KullbackLeibler().support(v, reference, P)


class Kolmogorov(Divergence):
    """max |F_p - F_r|; its support function is a bound that is not always reached."""

    def value(self, reference, output):
        return float(np.abs(np.cumsum(output - reference)).max())

    def support(self, v, reference, P):
        bound = float(v @ reference + P * np.abs(np.diff(v)).sum())
        return Support(bound + 1e-12 * float(np.abs(v).max()), reference)


class Most(Divergence):
    """max |p_i - r_i|: no mass moves by more than P."""

    def value(self, reference, output):
        return float(np.abs(output - reference).max())

    def support(self, v, reference, P):
        law = np.maximum(reference - P, 0.0)
        for i in np.argsort(-v):
            law[i] += min(1.0 - law.sum(), reference[i] + P - law[i])
        return Support(float(v @ law) + 1e-12 * float(np.abs(v).max()), law)


@pytest.mark.parametrize(
    "mine, known, share", [(Twice(), TotalVariation(), 0.5), (Plain(), KullbackLeibler(), 1.0)], ids=["TV", "KL"]
)
@pytest.mark.parametrize("distortion, D", [(Hamming(), 0.3), (SquaredError(), 0.5)], ids=["Hamming", "squared"])
@pytest.mark.parametrize("P", [0.0, 0.02, 0.1])
def test_it_agrees_with_the_interior_point_of_the_same_ball(mine, known, share, distortion, D, P):
    found = rdp(SOURCE, distortion, mine, D=D, P=P)
    oracle = rdp(SOURCE, distortion, known, D=D, P=share * P, method=InteriorPoint())
    assert found.method == HalfSpaces()
    assert found.status is Status.OPTIMAL
    assert found.gap <= 1e-6
    assert oracle.gap <= 1e-9
    assert found.bounds.overlaps(oracle.bounds)
    assert mine.value(SOURCE.probabilities, found.candidate.output) <= P + 1e-12  # what a Solution promises


def test_a_distance_of_distribution_functions_on_a_coin_is_total_variation():
    coin = Pmf([0.7, 0.3])
    found = rdp(coin, Hamming(), Kolmogorov(), D=0.1, P=0.05)
    assert found.bounds.overlaps(rdp(coin, Hamming(), TotalVariation(), D=0.1, P=0.05).bounds)
    assert found.gap <= 1e-6


def test_a_grey_level_law_and_an_inverse_function():
    levels = LEVELS
    found = rdp(levels, SquaredError(), Most(), D=1.0, P=0.01)
    assert found.gap <= 1e-6
    free, copied = (rdp(levels, SquaredError(), TotalVariation(), D=1.0, P=P).bounds for P in (math.inf, 0.0))
    assert free.lower < found.bounds.lower
    assert found.bounds.upper < copied.upper
    assert found.slopes.P < 0.0
    back = distortion_at(levels, SquaredError(), Most(), R=found.rate, P=0.01)
    assert back.bounds.lower <= 1.0 <= back.bounds.upper + 1e-9  # R is rounded to its upper end


def test_several_distortions_and_a_slope():
    limits = {"D": [0.3, 0.4], "P": 0.02}
    both = rdp(SOURCE, [Hamming(), SquaredError()], Twice(), **limits)
    oracle = rdp(SOURCE, [Hamming(), SquaredError()], TotalVariation(), D=[0.3, 0.4], P=0.01)
    assert both.bounds.overlaps(oracle.bounds)
    assert both.gap <= 1e-6
    point = rate_at_slope(SOURCE, Hamming(), Twice(), s=2.0, P=0.02)
    known = rate_at_slope(SOURCE, Hamming(), TotalVariation(), s=2.0, P=0.01)
    assert point.D.overlaps(known.D)
    assert point.D.gap <= 1e-2  # ten times the root of the gap of the rates


def test_every_cut_holds_the_ball():
    rng, p = np.random.default_rng(1), SOURCE.probabilities
    for one in (Twice(), Plain(), Kolmogorov(), Most()):
        g, h = one.cut(p, rng.dirichlet(np.ones(5)), 0.05)
        for _ in range(50):
            way = rng.dirichlet(np.ones(5)) - p
            share = next(share for share in 0.7 ** np.arange(60) if one.value(p, p + share * way) <= 0.05)
            assert float(g @ (p + share * way)) <= h + 1e-14  # rounding of two products


def test_a_cut_where_the_divergence_is_infinite_goes_the_way_of_the_law():
    p, law = np.array([0.5, 0.5, 0.0]), np.array([0.4, 0.4, 0.2])
    g, h = Plain().cut(p, law, 0.01)
    assert math.isinf(Plain().value(p, law))
    assert float(g @ p) <= h < float(g @ law)


def test_a_search_that_ends_early_says_so_and_its_bracket_holds():
    early = rdp(SOURCE, Hamming(), Plain(), D=0.3, P=0.002, method=HalfSpaces(max_cuts=1))
    assert early.status is Status.STOPPED
    assert early.message == "1 half-space was made"
    assert early.bounds.overlaps(rdp(SOURCE, Hamming(), KullbackLeibler(), D=0.3, P=0.002).bounds)


def test_a_support_that_is_never_reached_costs_width_and_no_truth():
    class Loose(Most):
        def support(self, v, reference, P):
            return super().support(v, reference, 2.0 * P)

    wide, known = (rdp(LEVELS, SquaredError(), one, D=1.0, P=0.01) for one in (Loose(), Most()))
    assert wide.status is Status.STOPPED
    assert "no half-space leaves the law out" in wide.message
    assert known.status is Status.OPTIMAL
    assert wide.bounds.overlaps(known.bounds)
    assert wide.gap > 1e-3


def test_a_support_that_forgets_the_masses_closes_by_the_prices_of_the_half_spaces():
    """Its own bound on σ(l) would leave 1e-3 nat and more."""
    d = SquaredError().table(LEVELS.points)
    for one, P in ((Kolmogorov(), 0.01), (Cramer(np.ones(11)), 1e-4), (Cramer(np.ones(11)), 1e-3)):
        found = rdp(LEVELS, SquaredError(), one, D=1.0, P=P)
        size = cp.norm_inf if isinstance(one, Kolmogorov) else cp.sum_squares

        def kept(move, r, size=size, P=P):
            return [size(cp.cumsum(move)) <= P]

        least = _least(LEVELS.probabilities, d, kept, 1.0)
        assert found.gap <= 1e-6
        assert abs(found.rate - least) <= 1e-5  # of the conic solver


def test_the_larger_of_two_divergences():
    p, d = SOURCE.probabilities, SquaredError().table(SOURCE.points)
    for P in (0.005, 0.02):

        def kept(move, r, P=P):
            return [cp.sum(cp.rel_entr(r, p)) <= P, 0.15 * cp.norm1(move) <= P]

        found = rdp(SOURCE, SquaredError(), Both(), D=0.5, P=P)
        assert found.gap <= 1e-6
        assert abs(found.rate - _least(p, d, kept, 0.5)) <= 1e-5  # of the conic solver


def _least(p, d, kept, D):
    """min I(X;Y) as a conic program, accurate to about 1e-6; `kept` makes the limits on the law of the output."""
    W = cp.Variable(d.shape, nonneg=True)
    joint, r = cp.multiply(p[:, None], W), p @ W
    rate = cp.sum(cp.rel_entr(joint, p[:, None] @ cp.reshape(r, (1, p.size), order="C")))
    question = cp.Problem(
        cp.Minimize(rate), [cp.sum(W, axis=1) == 1, cp.sum(cp.multiply(joint, d)) <= D, *kept(r - p, r)]
    )
    return float(question.solve(solver="CLARABEL"))


@pytest.mark.parametrize("seed", range(24))
def test_a_class_of_ones_own_agrees_with_the_built_in_divergence(seed):
    rng = np.random.default_rng([seed, 7])
    n = int(rng.integers(2, 12))
    law = Pmf.from_weights(rng.dirichlet(np.ones(n)) + 1e-4, np.sort(rng.uniform(0.0, 3.0, n)))
    ours = (KullbackLeibler(), ChiSquare(), TotalVariation(), Wasserstein1(), SquaredHellinger(), JensenShannon())
    known, P = ours[seed % 6].on(law.points), 10.0 ** rng.uniform(-5.0, -0.5)
    distortion, share = (Hamming(), SquaredError())[int(rng.integers(2))], 10.0 ** rng.uniform(-2.5, 0.0)
    D = share * float((law.probabilities @ distortion.table(law.points)).min())
    found, oracle = rdp(law, distortion, Own(known), D=D, P=P), rdp(law, distortion, known, D=D, P=P)
    assert found.bounds.overlaps(oracle.bounds)
    assert found.gap <= 1e-6
    assert known.value(law.probabilities, found.candidate.output) <= P + 1e-12  # what a Solution promises


@pytest.mark.parametrize("seed", [120, 136, 214, 290, 382])
def test_groups_of_symbols_that_share_next_to_no_output(seed):
    """D is so small that the rate of a law has next to a corner at the best: its prices there are those of the ball."""
    asked = roads.draw(np.random.default_rng([seed, 31]))
    divergence, P = asked.perception.ball(asked.source.points, asked.P)
    found, known = (rdp(asked.source, asked.distortion, one, D=asked.D, P=P) for one in (Own(divergence), divergence))
    assert found.gap <= 1e-6
    assert found.bounds.overlaps(known.bounds)


@pytest.mark.parametrize("seed", [0, 6, 12, 18, 24])
def test_symbols_without_mass_that_the_divergence_forbids(seed):
    """δ is inf next to every law, which no warning tells; the best mixtures gain a few percent a round."""
    rng = np.random.default_rng([seed, 99])
    n = int(rng.integers(2, 9))
    weights = rng.dirichlet(np.ones(n))
    weights[rng.random(n) < 0.25] = 0.0
    law = Pmf.from_weights(weights, np.sort(rng.uniform(0.0, 1.0, n)))
    P, D = 10.0 ** rng.uniform(-6.0, 0.0), 10.0 ** rng.uniform(-3.0, -1.0)
    found, known = (rdp(law, SquaredError(), one, D=D, P=P) for one in (Own(KullbackLeibler()), KullbackLeibler()))
    assert found.gap <= 1e-6
    assert found.bounds.overlaps(known.bounds)


@pytest.mark.parametrize("definite", [False, True])
@pytest.mark.parametrize("P", [1e-9, 1e-13, 1e-15, 1e-30, 0.0])
def test_a_radius_next_to_0(P, definite):
    class Sure(Own):
        pass

    Sure.definite = definite
    for known in (KullbackLeibler(), TotalVariation()):
        found, oracle = (rdp(SOURCE, SquaredError(), one, D=0.5, P=P) for one in (Sure(known), known))
        assert found.gap <= 1e-6
        assert found.bounds.overlaps(oracle.bounds)


@pytest.mark.parametrize("known, P", [(KullbackLeibler(), 0.1), (TotalVariation(), 0.1), (Wasserstein1(), 0.02)])
def test_a_hundred_symbols_close_in_a_few_hundred_rates_of_laws(known, P):
    x = np.linspace(-3.0, 3.0, 100)
    law = Pmf.from_weights(np.exp(-0.5 * x**2), x)
    found = rdp(law, SquaredError(), Own(known.on(x)), D=0.3, P=P)
    assert found.gap <= 1e-6
    assert found.steps <= 300
    assert found.bounds.overlaps(rdp(law, SquaredError(), known, D=0.3, P=P).bounds)


def test_a_reference_out_of_reach_is_answered_by_planes_alone(monkeypatch):
    """A channel whose output law is the reference costs 0.3, and 0.25 is allowed."""
    law, table = Pmf([0.5, 0.3, 0.2]), Table(1.0 - np.eye(3), reference=[0.8, 0.1, 0.1])
    for known, P, least in ((TotalVariation(), 0.15, 0.04), (KullbackLeibler(), 0.06, 0.001)):
        found, oracle = (rdp(law, table, one, D=0.25, P=P) for one in (Own(known), known))
        assert found.bounds.overlaps(oracle.bounds)
        assert found.gap <= 1e-6
        assert rdp(law, table, Own(known), D=0.25, P=least).status is rdp(law, table, known, D=0.25, P=least).status
    monkeypatch.setattr(questions, "ROOM", 9)  # one table
    early = rdp(law, table, Own(KullbackLeibler()), D=0.25, P=0.06)
    assert early.message == "1 half-space was made"
    assert early.bounds.overlaps(oracle.bounds)


def test_ctrl_c_ends_it_at_once():
    class Interrupted(Plain):
        left = 40

        def value(self, reference, output):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
            assert self.left > 0, "asked again"
            return super().value(reference, output)

    with pytest.raises(KeyboardInterrupt):
        rdp(SOURCE, Hamming(), Interrupted(), D=0.3, P=0.002)


def test_a_limit_that_is_idle_takes_no_cut_and_one_below_the_least_no_channel():
    idle = rdp(SOURCE, Hamming(), Kolmogorov(), D=0.3, P=0.5)
    assert idle.slopes.P == 0.0
    assert idle.bounds.overlaps(rdp(SOURCE, Hamming(), None, D=0.3, P=math.inf).bounds)
    known = rdp(SOURCE, Hamming(), TotalVariation(), D=0.3, P=0.02)
    assert rdp(SOURCE, Hamming(), TotalVariation(), D=0.3, P=0.02, method=HalfSpaces()).bounds.overlaps(known.bounds)


@pytest.mark.parametrize(
    "ask, said",
    [
        (lambda: rdp(SOURCE, Hamming(), Twice(), D=0.3, P=0.1, method=InteriorPoint()), "the method HalfSpaces"),
        (lambda: rdp(SOURCE, Hamming(), Twice(), D=0.3, P=0.1, method=FirstOrder()), "takes an f-divergence"),
        (lambda: rdp(SOURCE, Hamming(), Twice(), D=0.3, P=0.1).gradient(), "its class has no slope of σ"),
        (lambda: HalfSpaces().solve(TWO_BALLS), "takes one limit, on the law of the output"),
        (lambda: HalfSpaces(gap=0.0), "gap"),
        (lambda: HalfSpaces(max_cuts=0), "at least 1"),
    ],
    ids=["interior point", "first order", "gradient", "several balls", "gap", "cuts"],
)
def test_what_is_not_answered_is_refused_in_a_sentence(ask, said):
    with pytest.raises(InvalidInput, match=said):
        ask()


class Means(Divergence):
    """|E X - E Y|: other laws than that of X are at distance 0."""

    def value(self, reference, output):
        return abs(float(LINE @ (output - reference)))

    def support(self, v, reference, P):
        mean = float(LINE @ reference)
        best = scipy.optimize.linprog(
            -v, A_ub=[LINE, -LINE], b_ub=[mean + P, P - mean], A_eq=np.ones((1, 5)), b_eq=[1.0], bounds=(0.0, None)
        )
        return Support(float(v @ best.x) + 1e-9 * float(np.abs(v).max()), best.x)


LINE = SOURCE.points[:, 0] if SOURCE.points.ndim > 1 else SOURCE.points


@pytest.mark.parametrize("D", [0.1, 0.3, 0.6])
def test_a_ball_of_radius_0_that_holds_other_laws_is_not_taken_for_the_law_of_the_source(D):
    mean = float(SOURCE.probabilities @ LINE)
    held = [Hamming(), Table(np.tile(LINE, (5, 1))), Table(np.tile(-LINE, (5, 1)))]
    oracle = rdp(SOURCE, held, None, D=[D, mean, -mean], P=math.inf)  # E Y = E X as two limits that do not look at X
    found = rdp(SOURCE, Hamming(), Means(), D=D, P=0.0)
    assert oracle.gap <= 1e-7
    assert found.bounds.overlaps(oracle.bounds)
    alone = rdp(SOURCE, Hamming(), TotalVariation(), D=D, P=0.0)
    assert alone.bounds.lower > oracle.bounds.upper + 1e-5  # the law of the source costs more


def test_infeasible_is_not_said_of_a_ball_of_radius_0_that_holds_other_laws():
    """Y = m for x = 0 and x = 4 alike keeps the mean and D; the law of the source itself cannot be shown within D."""
    ends = Pmf([0.5, 0.0, 0.0, 0.0, 0.5])
    dear = np.full((5, 5), 10.0)
    dear[:, 2] = 0.0
    found = rdp(ends, Table(dear), Means(), D=0.5, P=0.0)
    assert found.status is not Status.INFEASIBLE
    assert found.bounds.lower <= 1e-6  # the constant 2 has E Y = E X


def test_a_class_may_say_that_radius_0_is_the_law_of_the_source():
    class Sure(Most):
        definite = True

    for one in (Most(), Sure()):
        found = rdp(SOURCE, Hamming(), one, D=0.3, P=0.0)
        assert found.gap <= 1e-6
        assert found.bounds.overlaps(rdp(SOURCE, Hamming(), TotalVariation(), D=0.3, P=0.0).bounds)


class Euclidean(Divergence):
    """The length of r - p, which grows where symbols are merged."""

    def value(self, reference, output):
        return float(np.linalg.norm(output - reference))

    def support(self, v, reference, P):
        longest = float(v @ reference + P * np.linalg.norm(v - v.mean()))
        return Support(longest + 1e-12 * float(np.abs(v).max()), reference)


def test_infeasible_is_not_read_off_one_symbol_against_the_rest():
    """A law that gives up one symbol of six is √(6/5)/6 away, and √2/6 where the other five are counted as one."""
    costs = np.zeros((6, 6))
    costs[:, 0] = 1.0
    near, far = math.sqrt(6.0 / 5.0) / 6.0, math.sqrt(2.0) / 6.0
    found = rdp(Pmf(np.full(6, 1.0 / 6.0)), Table(costs), Euclidean(), D=1e-3, P=0.5 * (near + far))
    assert found.status is Status.OPTIMAL
    assert found.rate <= 1e-9  # that law, whatever x is
