"""R(D,P) with side information at both ends: against conic programs, closed forms and what must hold for every law."""

import math
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rdptheory import (
    AbsoluteError,
    Bernoulli,
    Bounds,
    Candidate,
    ChiSquare,
    Gaussian,
    GaussianVector,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Laplace,
    Pmf,
    Renyi,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
    closed_forms,
    curve,
    distortion_at,
    rate_distortion,
    rdp,
    surface,
)
from rdptheory.certificates import lower_bound, upper_bound
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.information import entropy
from rdptheory.problems import DiscreteProblem, DistortionLimit
from rdptheory.solvers.conic import ball_limits
from tests import checks, strategies
from tests.pairs import JOINT, LAW

INF = math.inf


def asked(joint, distortion, perception, D, P, realism="output", method=None):
    source = Pmf.from_weights(joint.sum(axis=1))
    return rdp(source, distortion, perception, D=D, P=P, side_information=joint, realism=realism, method=method)


def random_joint(seed, n=5, k=3):
    return np.random.default_rng(seed).dirichlet(np.ones(n * k)).reshape(n, k)


def squares(n, limit):
    x = np.linspace(0.0, 1.0, n)
    d = (x[:, None] - x) ** 2
    return d, limit * float((d @ np.full(n, 1.0 / n)).min())


def assert_given_z(solution):
    """The channel p(y|x,z) keeps both limits, and I(X;Y|Z) is at most the upper end: sums over x, y and z, no pairs."""
    problem, joint = solution.problem, solution.problem.side_information
    channel, plain = solution.candidate.channel, solution.problem.plain.discrete
    assert channel.shape == (*joint.shape, plain.shape[1])
    assert (channel >= 0.0).all()
    np.testing.assert_allclose(channel.sum(axis=2), 1.0, rtol=0.0, atol=1e-14)
    p = joint / joint.sum()
    law = np.einsum("xz,xzy->yz", p, channel)
    np.testing.assert_allclose(solution.candidate.output, law, rtol=0.0, atol=1e-14)
    spent = math.fsum((p[:, :, None] * channel * plain.distortions[0].table[:, None, :]).ravel())
    assert spent <= problem.D + 1e-12 * max(1.0, problem.D), f"E d = {spent!r}"
    for ball in plain.perceptions:
        compared = (p.ravel(), law.ravel()) if problem.realism == "joint" else (ball.reference, law.sum(axis=1))
        moves = problem.realism == "joint" and ball.divergence.cost is not None  # those cost nothing at radius 0 alone
        delta = (TotalVariation() if moves else ball.divergence).value(*compared)
        assert delta <= ball.limit + 1e-12, f"δ = {delta!r}"
    information = 0.0
    for z in np.flatnonzero(p.sum(axis=0) > 0.0):
        mass = p[:, z].sum()
        given = p[:, z] / mass
        ratio = channel[:, z] / np.maximum(given @ channel[:, z], 1e-300)
        terms = np.where(channel[:, z] > 0.0, channel[:, z] * np.log(np.maximum(ratio, 1e-300)), 0.0)
        information += mass * float(given @ terms.sum(axis=1))
    checks.assert_at_least(solution.bounds.upper, information, 1e-13)  # the plain sum here has no allowance
    assert solution.rate == solution.bounds.upper
    if solution.dual is not None:
        proved = lower_bound(problem.discrete, solution.dual) - entropy(p.sum(axis=0))
        checks.assert_at_most(proved, solution.bounds.upper, 1e-12)


@pytest.mark.parametrize(
    ("perception", "realism", "D", "P", "value"),
    [
        (TotalVariation(), "output", 0.3, 0.02, 0.50893332773),
        (KullbackLeibler(), "output", 0.3, 0.02, 0.50777776801),
        (TotalVariation(), "output", 0.6, 0.0, 0.25054144533),
        (TotalVariation(), "joint", 0.3, 0.02, 0.51367563778),
        (KullbackLeibler(), "joint", 0.3, 0.02, 0.50818326303),
        (TotalVariation(), "joint", 0.6, 0.0, 0.27347842899),
    ],
)
def test_printed_values(perception, realism, D, P, value):
    found = asked(JOINT, SquaredError(), perception, D, P, realism)
    assert found.gap <= 1e-9
    checks.assert_inside(found.bounds, value, 1e-11)  # eleven digits are printed
    assert found.bounds.lower > 0.0
    assert_given_z(found)
    assert -INF < found.slopes.P <= 0.0  # total variation is straight at P = 0, and KL is not asked there


def test_the_checker_sees_wrong_channels():
    found = asked(JOINT, SquaredError(), TotalVariation(), 0.3, 0.02, "joint")
    channel = found.candidate.channel
    for wrong in (channel[:, ::-1], np.roll(channel, 1, axis=2), 0.9 * channel, channel[:, :1]):
        with pytest.raises(AssertionError):
            assert_given_z(replace(found, candidate=Candidate(wrong, np.einsum("xz,xzy->yz", JOINT, wrong))))
    with pytest.raises(AssertionError):
        assert_given_z(replace(found, rate=0.4, bounds=Bounds(0.4, 0.4)))


def by_clarabel(problem):
    """min I(X;Y|Z) as one conic program over p(x,y,z), with no pairs and no H(Z) in it."""
    joint, plain = problem.side_information, problem.plain.discrete
    (n, k), table = joint.shape, plain.distortions[0].table
    plans = [cp.Variable((n, table.shape[1]), nonneg=True) for _ in range(k)]
    laws = [cp.sum(plan, axis=0) for plan in plans]
    rate = 0
    for z in range(k):
        given = joint[:, z] / joint[:, z].sum()
        rate += cp.sum(cp.rel_entr(plans[z], given[:, None] @ cp.reshape(laws[z], (1, table.shape[1]), order="C")))
    limits = [cp.sum(plan, axis=1) == joint[:, z] for z, plan in enumerate(plans)]
    limits.append(sum(cp.sum(cp.multiply(plan, table)) for plan in plans) <= problem.D)
    ball = plain.perceptions[0]
    if problem.realism == "joint":
        limits += ball_limits(cp, replace(ball, reference=joint.T.ravel()), cp.hstack(laws))
    else:
        limits += ball_limits(cp, ball, sum(laws))
    return cp.Problem(cp.Minimize(rate), limits).solve(solver="CLARABEL")


@pytest.mark.parametrize("realism", ["output", "joint"])
@pytest.mark.parametrize("P", [0.0, 0.02])
@pytest.mark.parametrize("divergence", [TotalVariation(), KullbackLeibler(), ChiSquare()], ids=lambda d: d.name)
def test_the_program_over_plans_agrees(divergence, P, realism):
    joint = random_joint(7, 4, 2)
    d, D = squares(4, 0.25)
    found = asked(joint, Table(d), divergence, D, P, realism)
    assert found.gap <= 1e-9
    checks.assert_inside(found.bounds, by_clarabel(found.problem), 1e-6)  # Clarabel's accuracy on such programs
    assert_given_z(found)


@pytest.mark.parametrize("P", [1e-9, 1e-6, 1e-4])
@pytest.mark.parametrize("seed", [2, 6, 9])
def test_total_variation_closes_at_small_radii(seed, P):
    """Where hardly any mass moves, the prices of each z have a level that nothing else decides."""
    joint = random_joint(seed, 6, 3)
    d, D = squares(6, 0.3)
    for realism in ("joint", "output"):
        found = asked(joint, Table(d), TotalVariation(), D, P, realism)
        assert found.gap <= 2e-9, f"{realism}: {found.gap:.2g}, {found.message}"
        assert_given_z(found)
        exact = asked(joint, Table(d), TotalVariation(), D, 0.0, realism)
        assert exact.gap <= 1e-9
        checks.assert_at_most(found.bounds.lower, exact.bounds.upper)


@pytest.mark.parametrize("realism", ["output", "joint"])
@pytest.mark.parametrize("divergence", F_DIVERGENCES, ids=lambda d: d.name)
def test_every_divergence_closes(divergence, realism):
    joint = random_joint(11, 8, 2)
    d, D = squares(8, 0.2)
    for P in (0.0, 1e-5, 0.03):
        found = asked(joint, Table(d), divergence, D, P, realism)
        assert found.gap <= 1e-9
        assert_given_z(found)


@settings(max_examples=15, deadline=None)
@given(
    strategies.laws(6, tiny=False),
    strategies.matrices(3, 3),
    st.sampled_from(F_DIVERGENCES),
    st.floats(0.02, 0.4),
    st.sampled_from([0.0, 1e-6, 0.03, INF]),
)
def test_what_side_information_can_do(law, table, divergence, D, P):
    """R(D,P|Z) of output realism is at most R(D,P), and at most that of joint realism, which is a stricter limit."""
    joint = law.reshape(3, 2)
    np.fill_diagonal(table, 0.0)
    source = Pmf.from_weights(joint.sum(axis=1))
    without = rdp(source, Table(table), divergence, D=D, P=P)
    output, strict = (asked(joint, Table(table), divergence, D, P, realism) for realism in ("output", "joint"))
    for found in (output, strict):
        assert_given_z(found)
        checks.assert_at_most(output.bounds.lower, found.bounds.upper)
    checks.assert_at_most(output.bounds.lower, without.bounds.upper)
    if P == INF:
        assert output.bounds.overlaps(strict.bounds)


@settings(max_examples=10, deadline=None)
@given(
    strategies.laws(4, tiny=False, zero=False),
    strategies.laws(2, zero=False, tiny=False),
    st.sampled_from([0.0, 1e-6, 0.02]),
)
def test_side_information_that_says_nothing(law, of_z, P):
    """One letter, or a Z that is independent of X: the rate is that without it."""
    d, D = squares(4, 0.3)
    joint = np.outer(law, of_z)
    source = Pmf.from_weights(joint.sum(axis=1))
    plain = rdp(source, Table(d), TotalVariation(), D=D, P=P)
    for one in (joint, joint.sum(axis=1)[:, None]):
        for realism in ("output", "joint"):
            found = asked(one, Table(d), TotalVariation(), D, P, realism)
            checks.assert_agree(found.bounds, plain.bounds, values=2e-9)  # both are asked for 1e-9
    wrong = asked(np.diag(law), Table(d), TotalVariation(), D, P)  # a Z that says all
    if plain.rate > 1e-6:
        with pytest.raises(AssertionError):
            checks.assert_agree(wrong.bounds, plain.bounds, values=2e-9)


def test_a_copy_of_the_source_leaves_nothing_to_send():
    for realism in ("output", "joint"):
        found = asked(np.diag([0.4, 0.3, 0.2, 0.1]), Hamming(), TotalVariation(), 0.0, 0.0, realism)
        assert found.bounds.lower == 0.0
        assert found.bounds.upper <= 1e-13
        assert "knows Z alone" in found.message
        assert_given_z(found)


def test_doubly_symmetric_binary():
    """Z is X through a channel that errs with probability e: R(D|Z) = h(e) - h(D) under Hamming distortion, D <= e."""
    e, D = 0.2, 0.07
    found = rate_distortion(Bernoulli(0.5), Hamming(), D=D, side_information=[[0.4, 0.1], [0.1, 0.4]])
    h = closed_forms.uniform_discrete.rate
    checks.assert_inside(found.bounds, float(h(2, D) - h(2, e)), 1e-12)  # log 2 - h(D) less log 2 - h(e)
    assert found.gap <= 1e-9
    perfect = rdp(
        Bernoulli(0.5),
        Hamming(),
        TotalVariation(),
        D=D,
        P=0.0,
        side_information=[[0.4, 0.1], [0.1, 0.4]],
        realism="joint",
    )
    given = closed_forms.bernoulli.rate(e, D, 0.0)
    checks.assert_inside(perfect.bounds, float(given), 1e-12)  # each z leaves a coin of that bias, up to its name


def test_symbols_without_mass():
    wide = np.zeros((5, 4))
    wide[np.ix_([0, 1, 3, 4], [0, 2])] = JOINT
    x = np.array([0.0, 1.0, 7.0, 2.0, 3.0])
    found = asked(wide, Table((x[:, None] - x) ** 2), TotalVariation(), 0.3, 0.02, "joint")
    checks.assert_agree(
        found.bounds, asked(JOINT, SquaredError(), TotalVariation(), 0.3, 0.02, "joint").bounds, values=2e-9
    )
    assert_given_z(found)


def test_another_alphabet_for_y():
    table = Table(np.array([[0.0, 1.0, 0.3], [1.0, 0.0, 0.2], [0.4, 0.9, 0.1], [0.8, 0.1, 0.3]]), [0.5, 0.3, 0.2])
    found = asked(JOINT, table, KullbackLeibler(), 0.25, 0.01)
    assert found.gap <= 1e-9
    assert_given_z(found)
    checks.assert_inside(found.bounds, by_clarabel(found.problem), 1e-6)  # Clarabel's accuracy on such programs
    with pytest.raises(InvalidInput, match="reference law for Y alone"):
        asked(JOINT, table, KullbackLeibler(), 0.25, 0.01, "joint")


def test_infeasible():
    table = Table(np.array([[0.1, 1.0], [1.0, 0.2], [0.4, 0.9], [0.8, 0.3]]))
    found = asked(JOINT, table, None, 0.05, INF)
    assert found.status is Status.INFEASIBLE
    assert found.bounds == Bounds(INF, INF)


def test_infeasible_because_of_the_law_of_y():
    """Every symbol is cheapest at another one, and Y has to have the law of X: a linear program over the channels."""
    table = np.array([[0.5, 0.1], [0.2, 0.6]])
    joint = np.array([[0.3, 0.4], [0.2, 0.1]])
    rows = np.kron(np.eye(4), np.ones((1, 2)))  # pairs (x, z) in C order, each with two y
    made = np.tile(np.eye(2), (1, 4))
    costs = np.repeat(table, 2, axis=0).ravel()
    least = linprog(
        costs, A_eq=np.vstack([rows, made]), b_eq=np.concatenate([joint.ravel(), joint.sum(axis=1)]), method="highs"
    ).fun
    for share, status in ((0.999, Status.INFEASIBLE), (1.001, Status.OPTIMAL)):
        found = asked(joint, Table(table), TotalVariation(), share * least, 0.0)
        assert found.status is status, found.message
    assert_given_z(found)


def test_transport_and_renyi():
    """Output realism takes every divergence; joint realism those between laws of any symbols."""
    for divergence in (Wasserstein2Squared(), Renyi(0.5)):
        found = asked(JOINT, SquaredError(), divergence, 0.3, 0.02)
        assert found.gap <= 1e-8
        assert_given_z(found)
    assert_given_z(asked(JOINT, SquaredError(), Renyi(2.0), 0.3, 0.02, "joint"))
    assert_given_z(asked(JOINT, SquaredError(), Wasserstein2Squared(), 0.3, 0.0, "joint"))
    with pytest.raises(InvalidInput, match="takes an f-divergence"):
        asked(JOINT, SquaredError(), Wasserstein2Squared(), 0.3, 0.02, "joint")


def test_a_gaussian_has_the_variance_that_z_leaves():
    source, seen = (
        Gaussian(1.0, 2.0),
        GaussianVector([1.0, 0.0, 3.0], [[2.0, 1.0, 0.5], [1.0, 1.0, 0.2], [0.5, 0.2, 1.5]]),
    )
    cross, inner = seen.covariance[0, 1:], seen.covariance[1:, 1:]
    left = float(2.0 - cross @ np.linalg.solve(inner, cross))
    for divergence, P, realism in (
        (None, INF, "output"),
        (KullbackLeibler(), 0.01, "joint"),
        (Wasserstein2Squared(), 0.0, "joint"),
    ):
        found = rdp(source, SquaredError(), divergence, D=0.2, P=P, side_information=seen, realism=realism)
        value = closed_forms.gaussian.rate(left, 0.2, P, divergence or Wasserstein2Squared())
        checks.assert_inside(found.bounds, float(value), 1e-14)  # numpy's elimination rounds a few times
        assert found.gap <= 1e-13
        assert "given Z" in found.message
    located = distortion_at(
        source, SquaredError(), KullbackLeibler(), R=0.5, P=0.01, side_information=seen, realism="joint"
    )
    checks.assert_inside(
        located.bounds, float(closed_forms.gaussian.distortion(left, 0.5, 0.01, KullbackLeibler())), 1e-12
    )


def least_by_angles(correlation, D, g):
    """min I(X;Y|Z) over Gaussian Y with Var Y >= g² (X, Z of variance 1) by a search over their covariances."""
    best = math.inf
    for spread in np.linspace(g, 1.5, 400):
        needed = 0.5 * (1.0 + spread**2 - D)  # Cov(X, Y)
        angle = np.linspace(0.0, np.pi / 2, 4001)
        a = spread * np.cos(angle)  # Y = a Z + b N + c N', X = correlation Z + √(1 - correlation²) N
        b = np.maximum(needed - a * correlation, 0.0) / math.sqrt(1.0 - correlation**2)
        share = b**2 / (spread**2 - a**2 + 1e-300)
        best = min(best, float(np.where(share < 1.0, -0.5 * np.log1p(-np.minimum(share, 1.0 - 1e-16)), np.inf).min()))
    return best


@pytest.mark.parametrize("correlation", [0.3, 0.8])
@pytest.mark.parametrize(("perception", "P"), [(KullbackLeibler(), 0.02), (Wasserstein2Squared(), 0.0), (None, INF)])
def test_a_gaussian_whose_output_alone_has_to_look_right(perception, P, correlation):
    """R(D,P) less I(X;Z), against a search over covariances."""
    seen = GaussianVector([0.0, 0.0], [[1.0, correlation], [correlation, 1.0]])
    least = 0.0 if P == INF else math.sqrt(gaussian_joint(P, perception).covariance[1, 1])
    for D in (0.2, 0.9):
        found = rdp(Gaussian(0.0, 1.0), SquaredError(), perception, D=D, P=P, side_information=seen)
        searched = least_by_angles(correlation, D, max(least, 1e-3))
        checks.assert_at_most(found.bounds.lower, searched)
        assert found.rate > searched - 2e-5  # what the grids of the search leave
        assert found.gap < 1e-13
        if P < INF:
            assert "less I(X;Z)" in found.message
            located = distortion_at(Gaussian(0.0, 1.0), SquaredError(), perception, R=0.4, P=P, side_information=seen)
            again = rdp(Gaussian(0.0, 1.0), SquaredError(), perception, D=located.value, P=P, side_information=seen)
            assert again.rate == pytest.approx(0.4, abs=1e-12)


def gaussian_joint(P, perception):
    """The law of (X, Y) at rate 0: Y has the least variance."""
    return closed_forms.gaussian.joint(0.0, 1.0, 2.0, P, perception)


def test_a_gaussian_under_other_divergences():
    seen = GaussianVector([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]])
    source, shared = Gaussian(0.0, 1.0), -0.5 * math.log(0.75)
    found = rdp(source, SquaredError(), TotalVariation(), D=0.3, P=0.01, side_information=seen)
    outer = closed_forms.gaussian.bounds(1.0, 0.3, 0.01, TotalVariation())
    assert found.status is Status.STOPPED
    assert found.bounds.lower == pytest.approx(outer.lower - shared, abs=1e-14)
    assert found.bounds.upper == pytest.approx(outer.upper - shared, abs=1e-14)
    perfect = rdp(source, SquaredError(), TotalVariation(), D=0.3, P=0.0, side_information=seen)
    assert perfect.gap < 1e-13
    strict = rdp(source, SquaredError(), TotalVariation(), D=0.3, P=0.0, side_information=seen, realism="joint")
    assert perfect.rate < strict.rate - 1e-3
    assert rdp(source, SquaredError(), TotalVariation(), D=1.8, P=0.1, side_information=seen).rate == 0.0
    with pytest.raises(InvalidInput, match="no inverse"):
        distortion_at(source, SquaredError(), TotalVariation(), R=0.3, P=0.1, side_information=seen)


def test_a_discretised_gaussian_comes_near():
    """Sixteen levels of X and nine of Z, jointly Gaussian: the rate of the formula within what such levels cost."""
    x, z = np.linspace(-3.5, 3.5, 29), np.linspace(-3.0, 3.0, 9)
    joint = np.exp(-(x[:, None] ** 2 - 1.2 * x[:, None] * z + z**2) / (2.0 * 0.64))
    joint /= joint.sum()
    d = (x[:, None] - x) ** 2
    found = asked(joint, Table(d), None, 0.3, INF)
    assert abs(found.rate - 0.5 * math.log(0.64 / 0.3)) < 0.02  # with correlation 0.6


@pytest.mark.parametrize("R", [0.0, 0.1, INF])
def test_distortion_at_of_a_table_below_0_is_that_of_the_table_above_less_the_mean(R):
    shift = np.array([2.0, -1.0, 0.5])
    table, joint = np.array([[0.0, 0.9, 0.4], [1.3, 0.0, 0.2], [0.6, 0.5, 0.0]]), JOINT[:3] / JOINT[:3].sum()
    source = Pmf.from_weights(joint.sum(axis=1))
    there, here = (
        distortion_at(source, Table(one), TotalVariation(), R=R, P=0.1, side_information=joint)
        for one in (table, table - shift[:, None])
    )
    mean = float(source.probabilities @ shift)
    assert here.bounds.lower + mean - 1e-14 <= there.bounds.upper  # of the mean, as it is summed here
    assert there.bounds.lower <= here.bounds.upper + mean + 1e-14
    assert here.gap <= there.gap + 1e-13


def test_distortion_at_and_sweeps_go_the_same_road():
    given = {"side_information": JOINT, "realism": "joint"}
    question = LAW, SquaredError(), TotalVariation()
    rate = rdp(*question, D=0.3, P=0.02, **given).rate
    found = distortion_at(*question, R=rate, P=0.02, **given)
    checks.assert_inside(found.bounds, 0.3, 1e-12)
    assert found.bounds.gap <= 1e-8  # the gap of the rates over a slope of 1.3
    best = distortion_at(*question, R=INF, P=0.02, **given)
    assert best.value == 0.0
    guess = distortion_at(LAW, SquaredError(), None, R=0.0, P=INF, side_information=JOINT)
    checks.assert_inside(guess.bounds, float(((np.arange(4)[:, None] - np.arange(4)) ** 2 @ JOINT).min(axis=0).sum()))
    grid = surface(*question, D=[0.1, 0.3], P=[0.02, INF], **given)
    assert float(grid.upper[1, 0]) == rate
    assert grid.attrs["realism"] == "joint"
    line = curve(*question, D=[0.1, 0.3], P=0.02, **given)
    assert float(line.upper[1]) == rate
    with pytest.raises(InvalidInput, match="without side information"):
        curve(*question, D=[0.1], P=0.02, critical=True, **given)


@pytest.mark.parametrize(
    ("joint", "realism", "rule"),
    [
        (JOINT[:3], "output", r"must have shape \(4, k\)"),
        (JOINT.ravel(), "output", r"must have shape \(4, k\)"),
        (JOINT * 1.1, "output", "row 0 sums to"),
        (JOINT / JOINT.sum(axis=1, keepdims=True), "output", "as those of p.z|x. do: multiply each by the mass"),
        (JOINT - 0.06 + np.array([0.06, 0.06]) * 0.0, "output", "must lie in"),
        (np.full(JOINT.shape, 1e308), "output", "must lie in"),
        (np.where(JOINT > 0.1, np.nan, JOINT), "output", "finite"),
        (JOINT, "both", "must be output or joint"),
        (None, "joint", "needs side_information"),
        (GaussianVector([0.0, 0.0], [1.0, 1.0]), "output", "fits a Gaussian source"),
        ("law.csv", "output", "real numbers"),
    ],
)
def test_wrong_side_information(joint, realism, rule):
    with pytest.raises(InvalidInput, match=rule):
        rdp(LAW, SquaredError(), TotalVariation(), D=0.3, P=0.02, side_information=joint, realism=realism)


def test_what_a_gaussian_refuses():
    seen = GaussianVector([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]])

    def ask(source, distortion, perception, P, realism, law=seen):
        return rdp(source, distortion, perception, D=0.2, P=P, side_information=law, realism=realism)

    for arguments, rule in (
        ((Gaussian(0.0, 2.0), SquaredError(), None, INF, "output"), "the mean and the variance of the source first"),
        ((Gaussian(0.0, 1.0), AbsoluteError(), None, INF, "output"), "squared error"),
        ((Gaussian(0.0, 1.0), SquaredError(), Wasserstein1(), 0.1, "output"), "takes W2² or an f-divergence"),
        ((Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), 0.1, "joint"), "takes an f-divergence"),
        ((Laplace(0.0, 1.0), SquaredError(), None, INF, "output", JOINT), "must be the GaussianVector"),
        (
            (Gaussian(0.0, 1.0), SquaredError(), None, INF, "output", GaussianVector([0.0, 0.0], np.ones((2, 2)))),
            "determines X",
        ),
    ):
        with pytest.raises(InvalidInput, match=rule):
            ask(*arguments)


def test_what_a_channel_given_z_does_not_do():
    found = asked(JOINT, SquaredError(), TotalVariation(), 0.3, 0.02)
    with pytest.raises(InvalidInput, match="more than x and y"):
        found.sample([0, 1], np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="more than x and y"):
        found.plot()
    with pytest.raises(InvalidInput, match="one source alone"):
        found.gradient()
    assert found.to_dict()["P"] == 0.02


def test_groups_share_no_output():
    shut = np.kron(np.ones((3, 3)), 1.0 - np.eye(2))  # pairs (x, z) and (y, z) in C order
    law = np.full(6, 1 / 6)

    def groups(table, limit):
        return DiscreteProblem(law, (DistortionLimit(table, limit),)).groups.tolist()

    assert groups(shut, 0.0) == groups(np.where(shut > 0.0, np.inf, 0.0), 0.1) == [0, 1, 0, 1, 0, 1]
    assert groups(shut, 0.1) == [0] * 6
    shut[0, 1] = 0.0  # one entry is enough to pass
    assert groups(shut, 0.0) == [0] * 6


def test_one_step_proves_less():
    found = asked(JOINT, SquaredError(), TotalVariation(), 0.3, 0.02, method=InteriorPoint(max_steps=1))
    assert found.status is Status.STOPPED
    checks.assert_inside(found.bounds, 0.50893332773, 1e-11)
    judged = upper_bound(found.problem.discrete, np.eye(8)).rate - entropy(JOINT.sum(axis=0))
    checks.assert_at_least(found.bounds.upper, 0.50893332773)
    checks.assert_at_least(judged, found.bounds.lower)


def test_a_copy_of_what_is_known_tells_no_more():
    """Z twice, exactly: the second is determined by the first."""
    once = GaussianVector([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]])
    twice = GaussianVector([0.0, 0.0, 0.0], [[1.0, 0.5, 0.5], [0.5, 1.0, 1.0], [0.5, 1.0, 1.0]])
    one, two = (
        rdp(Gaussian(0.0, 1.0), SquaredError(), None, D=0.2, P=INF, side_information=law) for law in (once, twice)
    )
    assert one.bounds == two.bounds
    checks.assert_inside(one.bounds, 0.5 * math.log(0.75 / 0.2), 1e-14)
