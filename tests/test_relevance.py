"""Bottleneck, R(D,P,C) and Wyner-Ziv: against formulas, other algorithms, conic programs, and by theorem."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    Bernoulli,
    Bounds,
    ChiSquare,
    ClassGrid,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Outcome,
    Pmf,
    SideInformationProblem,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    Wasserstein1,
    bottleneck,
    bottleneck_curve,
    rdp,
    relevant_rate,
    side_information_rate,
)
from rdptheory._types import Contradiction
from rdptheory.divergences import F_DIVERGENCES
from rdptheory.information import binary_entropy, inverse_binary_entropy
from rdptheory.solvers.relevance import exchange
from tests.checks import LIMIT, assert_at_least, assert_at_most, assert_inside

P4 = Pmf([0.4, 0.3, 0.2, 0.1])
T4 = np.array([[0.95, 0.05], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]])
REFERENCES = json.loads((Path(__file__).parent / "references" / "relevance.json").read_text())
SEEDS = st.integers(0, 2**32 - 1)


def H(law):
    return float(scipy.special.entr(law).sum())


def case(seed, *, n=None, k=2):
    """A source, classes, and a C between H(S|X) and H(S)."""
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(2, 9))
    p = Pmf.from_weights(rng.dirichlet(np.ones(n)) + 0.01)
    T = rng.dirichlet(np.ones(k), n)
    least, most = sum(q * H(row) for q, row in zip(p.probabilities, T, strict=True)), H(p.probabilities @ T)
    return rng, p, T, least + float(rng.uniform(0.05, 0.95)) * (most - least)


def assert_code(solution):
    """The candidate keeps every limit and has the rate, recomputed here from its letters alone."""
    problem, code = solution.problem, solution.candidate
    p, T, w, a = problem.source.probabilities, problem.relevance, code.weights, code.posteriors
    assert (w >= 0.0).all()
    assert (a >= 0.0).all()
    np.testing.assert_allclose(w @ a, p, rtol=0.0, atol=LIMIT)
    np.testing.assert_allclose(a.sum(axis=1), 1.0, rtol=0.0, atol=LIMIT)
    lost = math.fsum(weight * H(law) for weight, law in zip(w, a @ T, strict=True))
    spent = H(p) - math.fsum(weight * H(law) for weight, law in zip(w, a, strict=True))
    if isinstance(problem, SideInformationProblem):
        d = problem.distortion.table(problem.source.points)
        cost = np.einsum("uz,xz,xuz->ux", np.ones(code.labels.shape), T, d[:, code.labels])
        assert float(w @ (a * cost).sum(axis=1)) <= problem.D + LIMIT * max(1.0, problem.D)
        spent += lost - H(p @ T)
    else:
        assert lost <= problem.C + LIMIT
        if problem.distortion is not None:
            d = problem.distortion.table(problem.source.points)
            mean = float(w @ np.einsum("ux,xu->u", a, d[:, code.labels]))
            assert mean <= problem.D + LIMIT * max(1.0, problem.D)
            law = np.bincount(code.labels, weights=w, minlength=d.shape[1])
            np.testing.assert_allclose(code.output, law, rtol=0.0, atol=LIMIT)
            for ball in problem.plain.discrete.perceptions:
                assert ball.value(law) <= ball.limit + LIMIT
    assert abs(spent - solution.rate) <= LIMIT * 10.0  # sums of a hundred letters, and the allowance of the upper end


@pytest.mark.parametrize("entry", REFERENCES, ids=lambda entry: entry["group"])
def test_printed_numbers(entry):
    asked, T = entry["given"], np.array(entry["given"]["classes"])
    law = Pmf(asked["p"])
    started = time.process_time()
    if entry["group"].startswith("Wyner"):
        found = side_information_rate(law, T, Table(asked["table"]), D=asked["D"])
    else:
        table, ball = (
            None if asked.get(name) is None else kind for name, kind in (("table", Table), ("P", TotalVariation))
        )
        limits = {name: asked[name] for name in ("D", "P") if asked.get(name) is not None}
        found = relevant_rate(law, T, table and table(asked["table"]), ball and ball(), C=asked["C"], **limits)
    assert found.bounds.overlaps(Bounds(entry["lower"], entry["upper"]))
    assert found.gap <= (1e-9 if T.shape[1] == 2 else 1e-6)
    assert time.process_time() - started <= 3.0  # tenths of that: a promise about the machine is none
    assert_code(found)


def test_the_check_of_codes_fails_on_wrong_ones():
    found = relevant_rate(P4, T4, SquaredError(), TotalVariation(), C=0.5, D=0.4, P=0.02)
    assert_code(found)
    fields = vars(found.candidate)
    wrong = {
        "weights": found.candidate.weights[::-1],
        "posteriors": np.tile(P4.probabilities, (found.candidate.weights.size, 1)),
        "labels": np.roll(found.candidate.labels, 1),
    }
    for name, value in wrong.items():
        broken = type(found)(**(vars(found) | {"candidate": type(found.candidate)(**(fields | {name: value}))}))
        with pytest.raises(AssertionError):
            assert_code(broken)


@settings(max_examples=8)
@given(SEEDS)
def test_a_symmetric_channel_has_mrs_gerbers_value(seed):
    rng = np.random.default_rng(seed)
    q, p = float(rng.uniform(0.02, 0.4)), float(rng.uniform(0.1, 0.5))
    delta = float(rng.uniform(0.05, 0.95)) * p
    C = float(binary_entropy(delta + q - 2.0 * delta * q))
    kept, T = (inverse_binary_entropy(C) - q) / (1.0 - 2.0 * q), [[1.0 - q, q], [q, 1.0 - q]]
    truth = float(binary_entropy(p) - binary_entropy(kept))
    assert_inside(bottleneck(Bernoulli(p), T, C=C).bounds, truth, 1e-13)
    D = float(rng.uniform(0.3, 1.5)) * delta
    shannon = max(float(binary_entropy(p) - binary_entropy(D)), 0.0) if D < p else 0.0
    found = relevant_rate(Bernoulli(p), T, Hamming(), C=C, D=D)
    assert_inside(found.bounds, max(truth, shannon), 1e-13)
    assert found.gap <= 1e-9


@pytest.mark.parametrize("k", [2, 3, 4])
def test_classes_that_the_source_determines_cost_what_is_told(k):
    p = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
    T = np.eye(k)[[0, 1, 0, k - 1, k // 2]]
    for C in (0.0, 0.1, 0.5):
        found = bottleneck(Pmf(p), T, C=C)
        assert_inside(found.bounds, H(p @ T) - C, 1e-14)
        assert found.gap <= (1e-9 if k == 2 else 1e-6)


def test_a_doubly_symmetric_source_has_wyner_and_zivs_value():
    crossover = 0.25

    def g(D):
        return float(binary_entropy(crossover + D - 2.0 * crossover * D) - binary_entropy(D))

    def slope(D):
        mixed = crossover + D - 2.0 * crossover * D
        return (1.0 - 2.0 * crossover) * math.log((1.0 - mixed) / mixed) - math.log((1.0 - D) / D)

    touching = scipy.optimize.brentq(lambda D: g(D) - slope(D) * (D - crossover), 1e-6, crossover - 1e-6)
    T = [[1.0 - crossover, crossover], [crossover, 1.0 - crossover]]
    for D in (0.02, 0.1, 0.2):
        truth = g(D) if D <= touching else g(touching) * (crossover - D) / (crossover - touching)
        found = side_information_rate(Bernoulli(0.5), T, Hamming(), D=D)
        assert_inside(found.bounds, truth, 1e-12)
        assert found.gap <= 1e-9
        assert_code(found)


def alternating(p, T, price, rng, letters=4, rounds=4000):
    """The least I(X;U) + λ H(S|U) that the alternating bottleneck ends with from one start."""
    W = rng.dirichlet(np.full(letters, 0.1), p.size)  # all but deterministic: even starts end with one letter
    for _ in range(rounds):
        r = np.maximum(p @ W, 1e-300)
        tau = np.maximum((p[:, None] * W).T @ T / r[:, None], 1e-300)
        W = r * np.exp(price * (T @ np.log(tau).T))
        W /= W.sum(axis=1, keepdims=True)
    r = p @ W
    a = (p[:, None] * W).T[r > 1e-12] / r[r > 1e-12, None]
    return H(p) + sum(w * (price * H(law @ T) - H(law)) for w, law in zip(r[r > 1e-12], a, strict=True))


@pytest.mark.parametrize("seed, k", [(1, 2), (2, 2), (3, 3)])
def test_the_alternating_bottleneck_comes_no_lower(seed, k):
    rng, source, T, C = case(seed, n=5, k=k)
    found = bottleneck(source, T, C=C)
    price = -found.slopes.C
    ends = [alternating(source.probabilities, T, price, rng) for _ in range(5)]
    assert_at_least(min(ends), found.bounds.lower + price * C, 1e-12)
    assert min(ends) <= found.rate + price * C + 1e-4  # 4,000 rounds of a method without a rate of convergence


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_channel_of_one_letter_a_label_is_cheaper(seed):
    rng, source, T, _ = case(seed, n=3)
    p, d = source.probabilities, 1.0 - np.eye(3)
    least, most = float(p @ [H(row) for row in T]), H(p @ T)
    C, D = least + 0.4 * (most - least), 0.35
    found = relevant_rate(source, T, Hamming(), TotalVariation(), C=C, D=D, P=0.03)

    def parts(flat):
        W = np.abs(flat.reshape(3, 3))
        W = W / W.sum(axis=1, keepdims=True)
        r = p @ W
        lost = sum(r[y] * H((p * W[:, y]) @ T / r[y]) for y in range(3) if r[y] > 0.0)
        return W, r, lost

    def rate(flat):
        W, r, _ = parts(flat)
        return float((p[:, None] * scipy.special.rel_entr(W, r)).sum())

    kept = {
        "type": "ineq",
        "fun": lambda flat: [
            C - parts(flat)[2],
            D - float((p[:, None] * parts(flat)[0] * d).sum()),
            0.03 - 0.5 * float(np.abs(parts(flat)[1] - p).sum()),
        ],
    }
    tried = 0
    for _ in range(6):
        start = np.eye(3) * rng.uniform(0.5, 3.0) + rng.uniform(0.05, 1.0, (3, 3))
        end = scipy.optimize.minimize(rate, start.ravel(), method="SLSQP", constraints=[kept], options={"maxiter": 200})
        if min(kept["fun"](end.x)) >= -1e-7:
            tried += 1
            assert_at_least(float(end.fun), found.bounds.lower, 1e-5)  # what 1e-7 of each limit is worth here
    assert tried


def test_a_small_question_with_side_information_agrees_with_a_conic_solver():
    rng = np.random.default_rng(4)
    n, m, k, D = 4, 3, 2, 0.12
    p, T, d = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(k), n), rng.uniform(0.0, 1.0, (n, m))
    D += float(p @ d.min(axis=1))
    functions = list(product(range(m), repeat=k))
    cost = np.array([[sum(T[x, z] * d[x, g[z]] for z in range(k)) for g in functions] for x in range(n)])
    joint = cp.Variable((n, len(functions)), nonneg=True)
    rate = sum(
        T[x, z] * cp.rel_entr(joint[x, u], p[x] * (T[:, z] @ joint[:, u]) / float(p @ T[:, z]))
        for x in range(n)
        for u in range(len(functions))
        for z in range(k)
    )
    program = cp.Problem(cp.Minimize(rate), [cp.sum(joint, axis=1) == p, cp.sum(cp.multiply(joint, cost)) <= D])
    program.solve(solver="CLARABEL")
    found = side_information_rate(Pmf.from_weights(p), T, Table(d), D=D)
    assert found.gap <= 1e-9
    assert_inside(found.bounds, float(program.value), 2e-6)  # Clarabel's accuracy on exponential cones
    assert_code(found)


@settings(max_examples=5)
@given(SEEDS)
def test_the_rate_is_convex_in_C_and_bounded_by_what_is_told(seed):
    _, source, T, C = case(seed)
    least, most = float(source.probabilities @ [H(row) for row in T]), H(source.probabilities @ T)
    low, middle, high = bottleneck_curve(source, T, [0.5 * (least + C), C, 0.5 * (C + most)])
    assert low.bounds.upper >= middle.bounds.lower >= high.bounds.lower - 1e-9
    assert middle.bounds.lower >= most - C - 1e-14  # I(X;U) >= I(S;U)
    weight = (most - C) / (most - least)  # the chord from the middle of the lower part to the middle of the upper
    assert_at_most(middle.bounds.lower, weight * low.bounds.upper + (1.0 - weight) * high.bounds.upper, 1e-9)
    tangent = middle.bounds.lower + middle.slopes.C * (high.problem.C - C)
    assert_at_most(tangent, high.bounds.upper, 1e-12)
    assert_code(middle)


@settings(max_examples=6)
@given(SEEDS)
def test_a_loose_C_drops_out(seed):
    rng, source, T, _ = case(seed)
    ball = [TotalVariation(), Wasserstein1(), *F_DIVERGENCES][int(rng.integers(2 + len(F_DIVERGENCES)))]
    D = float(rng.uniform(0.1, 1.0)) * float((source.probabilities @ SquaredError().table(source.points)).min())
    free = rdp(source, SquaredError(), ball, D=D, P=0.01)
    for C in (H(source.probabilities @ T), math.inf):
        found = relevant_rate(source, T, SquaredError(), ball, C=C, D=D, P=0.01)
        assert found.slopes.C == 0.0
        assert abs(found.rate - free.rate) <= 1e-11  # what the rounding of H(S) is worth
        assert_code(found)


@pytest.mark.parametrize("ball", [TotalVariation(), Wasserstein1(), *F_DIVERGENCES], ids=str)
@pytest.mark.parametrize("P", [0.0, 0.01])
def test_every_divergence(ball, P):
    found = relevant_rate(P4, T4, SquaredError(), ball, C=0.5, D=0.4, P=P)
    assert found.gap <= 1e-9, found
    assert_code(found)
    free = relevant_rate(P4, T4, SquaredError(), C=0.5, D=0.4)
    assert_at_most(free.bounds.lower, found.bounds.upper)


def test_edges_of_C():
    least, most = float(P4.probabilities @ [H(row) for row in T4]), H(P4.probabilities @ T4)
    below = bottleneck(P4, T4, C=least - 1e-9)
    assert below.status is Status.INFEASIBLE
    assert below.rate == math.inf
    assert below.candidate is None
    assert f"H(S|X) = {least:.6g} nat = {least / math.log(2):.6g} bit" in below.message
    exact = bottleneck(P4, T4, C=least)  # every letter tells its symbol, because no two have one p(s|x)
    assert_inside(exact.bounds, H(P4.probabilities), 1e-14)
    assert exact.slopes.C == -math.inf
    assert bottleneck(P4, T4, C=most).rate == 0.0
    for C in (least + 1e-12, least + 1e-9, least + 1e-6, most - 1e-6, most - 1e-12):
        found = bottleneck(P4, T4, C=C)
        assert found.gap <= 1e-9
        assert_code(found)


def test_symbols_of_one_class_law_are_one_symbol():
    p, T = np.array([0.3, 0.2, 0.4, 0.1]), T4[[0, 0, 2, 3]]
    merged = bottleneck(Pmf([0.5, 0.4, 0.1]), T4[[0, 2, 3]], C=0.5)
    found = bottleneck(Pmf(p), T, C=0.5)
    assert found.bounds.overlaps(merged.bounds)
    at_least = float(p @ [H(row) for row in T])
    assert_inside(bottleneck(Pmf(p), T, C=at_least).bounds, H([0.5, 0.4, 0.1]), 1e-14)


def test_symbols_of_no_mass_change_nothing():
    p, T = Pmf([0.4, 0.0, 0.3, 0.2, 0.1]), np.insert(T4, 1, [0.5, 0.5], axis=0)
    found = bottleneck(p, T, C=0.5)
    assert found.bounds == bottleneck(P4, T4, C=0.5).bounds
    assert found.candidate.posteriors.shape[1] == 5
    assert not found.candidate.posteriors[:, 1].any()
    assert_code(found)


@pytest.mark.parametrize("ball", [KullbackLeibler(), ChiSquare()], ids=str)
@pytest.mark.parametrize("P", [0.0, 1e-6, 0.01])
def test_a_symbol_that_the_ball_forbids_is_no_reconstruction(ball, P):
    points = [0.0, 2.0, 3.0, 4.0]
    held = relevant_rate(Pmf(P4.probabilities, points), T4, SquaredError(), ball, C=0.45, D=1.5, P=P)
    law, T = Pmf(np.insert(P4.probabilities, 1, 0.0)), np.insert(T4, 1, [0.5, 0.5], axis=0)
    found = relevant_rate(law, T, SquaredError(), ball, C=0.45, D=1.5, P=P)
    assert found.gap <= 1e-9
    assert found.bounds.overlaps(held.bounds)
    assert found.candidate.output[1] == 0.0
    assert_code(found)


def test_limits_on_distortion():
    assert relevant_rate(P4, T4, Table(1.0 + SquaredError().table(P4.points)), C=0.5, D=0.9).status is Status.INFEASIBLE
    assert side_information_rate(P4, T4, Table(np.ones((4, 2))), D=0.5).status is Status.INFEASIBLE
    assert side_information_rate(P4, T4, SquaredError(), D=1.0).rate == 0.0
    lossless = side_information_rate(P4, T4, Hamming(), D=0.0)
    told = H(P4.probabilities) - H(P4.probabilities @ T4) + float(P4.probabilities @ [H(row) for row in T4])
    assert_inside(lossless.bounds, told, 1e-14)  # Slepian and Wolf: H(X|Z)
    assert_code(lossless)
    unlimited = relevant_rate(P4, T4, SquaredError(), TotalVariation(), C=0.5, P=0.0)
    assert unlimited.bounds == bottleneck(P4, T4, C=0.5).bounds
    assert_code(unlimited)


def test_forbidden_reconstructions():
    """inf forbids a label to a symbol; where its own label alone is left, the symbol has to be told."""
    d = SquaredError().table(P4.points).copy()
    d[0, 1:] = d[1:, 0] = math.inf
    found = relevant_rate(P4, T4, Table(d), TotalVariation(), C=0.5, D=0.4, P=0.05)
    assert found.gap <= 1e-9
    assert (found.candidate.channel[0, 1:] == 0.0).all()
    assert (found.candidate.channel[1:, 0] == 0.0).all()
    assert_at_least(
        found.bounds.lower,
        relevant_rate(P4, T4, SquaredError(), TotalVariation(), C=0.5, D=0.4, P=0.05).bounds.lower,
        1e-9,
    )
    seen = side_information_rate(P4, T4, Table(d), D=0.4)
    assert seen.gap <= 1e-9
    only = np.where(np.eye(4) > 0.0, 0.0, math.inf)
    told = H(P4.probabilities) - H(P4.probabilities @ T4) + float(P4.probabilities @ [H(row) for row in T4])
    assert_inside(side_information_rate(P4, T4, Table(only), D=math.inf).bounds, told, 1e-14)


def test_three_side_letters_and_side_information_that_tells_nothing():
    rng = np.random.default_rng(0)
    T = rng.dirichlet(np.ones(3), 4)
    found = side_information_rate(P4, T, Hamming(), D=0.1)
    assert found.gap <= 1e-9
    assert_code(found)
    silent = side_information_rate(P4, np.full((4, 3), 1.0 / 3.0), Hamming(), D=0.1)
    assert silent.bounds.overlaps(rdp(P4, Hamming(), None, D=0.1, P=math.inf).bounds)


def test_many_classes_have_an_honest_bracket():
    _, source, T, C = case(3, n=8, k=6)
    found = bottleneck(source, T, C=C, method=ClassGrid(gap=1e-6, max_rounds=5, cells=20_000))
    assert found.status is Status.STOPPED
    assert found.bounds.lower >= H(source.probabilities @ T) - C - 1e-13
    assert "local search" in found.message
    assert_code(found)
    looser = bottleneck(source, T @ np.repeat(np.eye(2), 3, axis=0), C=C)  # merged classes: H(S'|U) <= H(S|U)
    assert_at_most(looser.bounds.lower, found.bounds.upper)


def test_a_code_has_few_letters():
    for found in (
        bottleneck(P4, T4, C=0.5),
        relevant_rate(P4, T4, SquaredError(), TotalVariation(), C=0.5, D=0.4, P=0.02),
    ):
        weights = found.candidate.weights
        assert (weights > 1e-6).sum() <= 4 + 3  # symbols and limits: no more are needed, by Carathéodory
        assert weights.size <= 4 + 3 + 4  # and those that the repair of rounding leans on
        assert (np.diff(weights) <= 0.0).all()


def test_sixty_four_letters():
    _, source, T, C = case(7, n=64)
    for ask in (
        lambda: bottleneck(source, T, C=C),
        lambda: relevant_rate(source, T, SquaredError(), TotalVariation(), C=C, D=60.0, P=0.02),
    ):
        started = time.process_time()
        found = ask()
        assert found.gap <= 1e-9, found
        assert time.process_time() - started <= 3.0  # the measure of this room; a third of it on an idle core
        assert_code(found)


def test_the_answer_can_be_read():
    found = relevant_rate(P4, T4, SquaredError(), TotalVariation(), C=0.5, D=0.4, P=0.02)
    assert "dR/dC = -6.6" in str(found)
    assert "dR/dC" in found._repr_html_()
    assert found.to_dict()["C"] == 0.5
    assert found.to_dict()["slope_C_nat"] == found.slopes.C
    assert found.candidate.channel.shape == (4, 4)
    assert found.sample([0.0, 3.0], np.random.default_rng(0)).shape == (2,)
    assert "dR/dC" not in str(side_information_rate(P4, T4, SquaredError(), D=0.4))
    step = 1e-4
    ends = [bottleneck(P4, T4, C=0.5 + sign * step).rate for sign in (1.0, -1.0)]
    slope = bottleneck(P4, T4, C=0.5).slopes.C
    assert abs((ends[0] - ends[1]) / (2.0 * step) - slope) <= 1e-3  # gap over step is 1e-5, the cubic term 1e-4


@pytest.mark.parametrize(
    "call, argument",
    [
        (lambda: bottleneck(Gaussian(0.0, 1.0), T4, C=0.5), "source"),
        (lambda: bottleneck(P4, T4[:3], C=0.5), "relevance"),
        (lambda: bottleneck(P4, T4[:, 0], C=0.5), "relevance"),
        (lambda: bottleneck(P4, T4 * 0.9, C=0.5), "relevance"),
        (lambda: bottleneck(P4, T4 - [[0.2, -0.2]], C=0.5), "relevance"),
        (lambda: bottleneck(P4, T4, C=-0.5), "C"),
        (lambda: bottleneck(P4, T4, C=math.nan), "C"),
        (lambda: relevant_rate(P4, T4, C=0.5, D=0.5), "distortion"),
        (lambda: relevant_rate(P4, T4, C=0.5, P=0.5), "distortion"),
        (lambda: relevant_rate(P4, T4, Hamming(), C=0.5, P=0.5), "perception"),
        (lambda: side_information_rate(P4, T4, Hamming(), D=-1.0), "D"),
        (lambda: side_information_rate(P4, np.full((4, 9), 1.0 / 9.0), Hamming(), D=0.1), "relevance"),
        (lambda: bottleneck(P4, T4, C=0.5, method=ClassGrid(gap=-1.0)), "gap"),
        (lambda: bottleneck(Pmf(np.full(8192, 2.0**-13)), np.full((8192, 2), 0.5), C=0.6), "source"),
    ],
)
def test_what_is_refused(call, argument):
    with pytest.raises(InvalidInput) as refused:
        call()
    assert refused.value.argument == argument


class Liar(ClassGrid):
    """A method of these verbs judges what it finds: one that answers for itself would be believed."""

    def solve(self, question):
        return replace(super().solve(question), lower=0.0, upper=0.0)


def test_a_method_that_answers_for_itself_is_refused():
    for ask in (
        lambda: bottleneck(P4, T4, C=0.5, method=Liar()),
        lambda: side_information_rate(P4, T4, Hamming(), D=0.05, method=Liar()),
    ):
        with pytest.raises(InvalidInput, match="must not change solve of ClassGrid"):
            ask()


def test_a_proof_that_excludes_another_is_not_narrowed_until_it_looks_true(monkeypatch):
    honest = exchange.lower_end
    monkeypatch.setattr(exchange, "lower_end", lambda *given, **more: replace(honest(*given, **more), value=9.0))
    with pytest.raises(Contradiction):
        bottleneck(P4, T4, C=0.5)


LOST = {
    "all of it": lambda outcome: Outcome(),
    "the prices": lambda outcome: replace(outcome, dual=None),
    "the code": lambda outcome: replace(outcome, channel=None),
}


@pytest.mark.parametrize("lost", LOST)
def test_an_interior_point_that_loses_what_it_found_leaves_a_wide_bracket_that_is_true(monkeypatch, lost):
    true = bottleneck(P4, T4, C=0.5)

    class Forgetful(InteriorPoint):
        def solve(self, problem):
            return LOST[lost](super().solve(problem))

    monkeypatch.setattr(exchange, "InteriorPoint", Forgetful)
    found = bottleneck(P4, T4, C=0.5)
    assert found.status is Status.STOPPED
    assert found.bounds.lower <= true.bounds.lower
    assert true.bounds.upper <= found.bounds.upper < math.inf
    assert math.isnan(found.slopes.C) == (lost != "the code")  # slopes are prices
