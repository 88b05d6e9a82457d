"""False theorems: for every statement something it rests on is made wrong, and its own check must say VIOLATED."""

from dataclasses import replace

import numpy as np
import pytest

from rdptheory import Bounds, Gaussian, SquaredError, TotalVariation
from rdptheory.closed_forms import bernoulli, gaussian, transport_binary, transport_gaussian, transport_uniform
from rdptheory.theorems import (
    Ruling,
    alpha25,
    at_most,
    catalogue,
    claims,
    hwg25,
    niu23,
    schemes,
    sly15,
    statement,
    states,
    verify,
    wwmz24,
    wz76,
    ywl22,
    ywyml21,
)
from rdptheory.theorems.bm19 import coins, function
from rdptheory.theorems.bm19.function import Doubling
from rdptheory.theorems.lzck22 import blocks as lzck22_blocks
from rdptheory.theorems.lzck22 import pairs, private
from rdptheory.theorems.runs import generator
from rdptheory.theorems.zqck21 import blocks, one_shot, penalty, refinement

INSTANCES = 8  # of each: enough to meet one on which an inequality is close to an equality


def scaled(room, name, factor):
    """The function of a room returns `factor` times what it should."""

    def plant(monkeypatch, statement):
        right = getattr(room, name)
        monkeypatch.setattr(room, name, lambda *arguments, **named: factor * right(*arguments, **named))

    return plant


def scaled_part(room, name, part, factor):
    """One entry of the tuple that the function returns is `factor` times what it should be."""

    def plant(monkeypatch, statement):
        right = getattr(room, name)

        def wrong(*arguments, **named):
            found = list(right(*arguments, **named))
            found[part] = factor * found[part]
            return tuple(found)

        monkeypatch.setattr(room, name, wrong)

    return plant


def shifted(room, name, shift):
    """The bracket that a verb returns is moved by shift(arguments by name)."""

    def plant(monkeypatch, statement):
        right = getattr(room, name)

        def wrong(*arguments, **named):
            answer, by = right(*arguments, **named), shift(named)
            return replace(
                answer, bounds=replace(answer.bounds, lower=answer.bounds.lower + by, upper=answer.bounds.upper + by)
            )

        monkeypatch.setattr(room, name, wrong)

    return plant


def instance(change):
    """The instance is changed after the draw, so that it is no longer what the statement speaks of."""

    def plant(monkeypatch, statement):
        right = statement.draw
        monkeypatch.setattr(statement, "draw", lambda rng: change(right(rng)))

    return plant


def replaced(room, name, wrong):
    """The function of a room gives way to a wrong one."""

    def plant(monkeypatch, statement):
        right = getattr(room, name)
        monkeypatch.setattr(room, name, lambda *arguments, **named: wrong(right, *arguments, **named))

    return plant


def moved(right, problems, method):
    """Brackets that are too high by five times D."""
    for answer in right(problems, method):
        by, bounds = 5.0 * answer.problem.D, answer.bounds
        yield replace(answer, bounds=Bounds(bounds.lower + by, bounds.upper + by))


def by(amount):
    return lambda named: amount


def skewed(right, *arguments, **named):
    """A solution whose channel is no longer symmetric."""
    answer = right(*arguments, **named)
    channel = 0.9 * answer.candidate.channel + 0.1 * np.roll(np.eye(len(answer.candidate.channel)), 1, axis=1)
    return replace(answer, candidate=replace(answer.candidate, channel=channel))


def split(right, *arguments, **named):
    """A plan of which every map is written down ten times."""
    answer = right(*arguments, **named)
    plan = replace(
        answer.plan, weights=np.repeat(answer.plan.weights, 10) / 10.0, maps=np.repeat(answer.plan.maps, 10, axis=0)
    )
    return replace(answer, plan=plan)


def useless_encoder(right, p, x, R):
    return right(p, x, R)[0], np.ones((p.size, 1))


class Concave:
    """Minus total variation."""

    def on(self, points):
        return self

    def value(self, reference, law):
        return 1.0 - TotalVariation().value(reference, law)


four_bits_too_long = replaced(one_shot, "huffman", lambda right, masses: right(masses) + 4.0)
wrong_means = scaled_part(schemes, "means", 2, 1.01)

PLANTS = {
    "BM19.T1": replaced(function, "answers", moved),
    "BM19.T2": shifted(function, "rdp", lambda named: float(named["P"] == 0.0)),
    "BM19.E16": scaled_part(schemes, "posterior", 1, 1.01),
    "BM19.E17": scaled_part(schemes, "posterior", 1, 1.01),
    "BM19.A-C": shifted(function, "rdp", by(1.0)),
    "BM19.E33": shifted(coins, "rdp", by(1e-3)),
    "BM19.E38": scaled_part(coins, "thresholds", 1, 1.03),
    "BM19.E40": scaled(bernoulli, "rate", 0.99),
    "BM19.E37": shifted(coins, "rdp", by(-1e-3)),
    "BM19.J1": replaced(coins, "thresholds", lambda right, case: right(case)[::-1]),
    "BM19.J2": scaled_part(coins, "thresholds", 1, 1.01),
    "BM19.J3": scaled_part(coins, "thresholds", 0, 1.01),
    "YWYML21.L1": replaced(ywyml21, "rdp", skewed),
    "YWYML21.T1": scaled(schemes, "scheme_distortion", 0.3),
    "YWYML21.E18": scaled_part(schemes, "posterior", 1, 1.01),
    "YWYML21.T2": scaled(schemes, "quantisation", 1.01),
    "YWYML21.T3": replaced(schemes, "best_encoder", useless_encoder),
    "ZQCK21.T1": scaled(gaussian, "rate", 1.01),
    "ZQCK21.T1-KL": instance(lambda case: case._replace(sign=-1.0)),
    "ZQCK21.L1": wrong_means,
    "ZQCK21.T2": four_bits_too_long,
    "ZQCK21.T3": scaled(gaussian, "rate", 0.99),
    "ZQCK21.T4": scaled(schemes, "line_transport", 1.01),
    "ZQCK21.E9": instance(lambda case: case._replace(D3=0.5 * case.D3)),
    "ZQCK21.E10": instance(lambda case: case._replace(lower_right=2.0 * case.lower_right)),
    "ZQCK21.E22": instance(lambda case: case._replace(D3=0.4 * case.D3)),
    "ZQCK21.E23": instance(lambda case: case._replace(upper_left=2.0 * case.upper_left)),
    "ZQCK21.E24": instance(lambda case: case._replace(upper_left=2.0 * case.upper_left)),
    "ZQCK21.P1": replaced(penalty, "rate_penalty", lambda right, *arguments: Bounds(0.0, 0.0)),
    "ZQCK21.T5": four_bits_too_long,
    "ZQCK21.T6": scaled(np.linalg, "pinv", 1.01),
    "ZQCK21.T7": scaled(refinement, "mutual_information", 3.0),
    "ZQCK21.R1": replaced(refinement, "penalty_bound", lambda right, case: right(case) + 1e-3),
    "ZQCK21.T8": four_bits_too_long,
    "ZQCK21.R2": instance(lambda case: case._replace(divergence=Concave())),
    "ZQCK21.T9": shifted(blocks, "universal_rate", by(1.0)),
    "LZCK22.T1": wrong_means,
    "LZCK22.T1-deterministic": scaled(schemes, "quantisation", 1.01),
    "LZCK22.T2": scaled(private, "entropy", 1.01),
    "LZCK22.T3": shifted(pairs, "constrained_transport", by(10.0)),
    "LZCK22.S": replaced(pairs, "constrained_transport", split),
    "LZCK22.T4": shifted(pairs, "constrained_transport", by(1e-3)),
    "LZCK22.E22": shifted(pairs, "constrained_transport", by(-1e-3)),
    "LZCK22.E23": scaled(transport_binary, "upper", 1.01),
    "LZCK22.E24": scaled(transport_binary, "lower", 0.99),
    "LZCK22.E25": shifted(pairs, "constrained_transport", by(1e-3)),
    "LZCK22.E23-tight": scaled(transport_binary, "distortion", 0.99),
    "LZCK22.E44": scaled(transport_uniform, "distortion", 1.01),
    "LZCK22.E50": scaled_part(transport_uniform, "terms", 1, 1.01),
    "LZCK22.T5": shifted(pairs, "constrained_transport", lambda named: 5.0 * named["asymptotic"]),
    "LZCK22.T6": shifted(pairs, "constrained_transport", by(1e-3)),
    "LZCK22.T7": shifted(lzck22_blocks, "rdp", by(1.0)),
    "LZCK22.T8": scaled(transport_gaussian, "lower", 1.01),
    "LZCK22.E58": scaled(transport_gaussian, "distortion", 0.99),
    "LZCK22.E59": scaled(transport_gaussian, "distortion", 1.01),
    "LZCK22.E60": scaled(transport_gaussian, "lower", 0.99),
    "LZCK22.E61": scaled(transport_gaussian, "distortion", 1.01),
    "LZCK22.L1": shifted(pairs, "constrained_transport", by(1e-3)),
    "LZCK22.L2": scaled(schemes, "scheme_distortion", 1.01),
    "YWL22.T1": replaced(schemes, "quantisation", lambda right, p, x, R: right(p, x, 0.0)),  # as if nothing were sent
    "YWL22.T1-ii": wrong_means,
    "YWL22.E5": wrong_means,
    "YWL22.E6": scaled(schemes, "squared_transport", 0.99),
    "YWL22.E7": scaled(schemes, "squared_transport", 1.01),
    "YWL22.E8": scaled(schemes, "squared_transport", 1.5),
    "YWL22.T2": replaced(
        ywl22,
        "_transport",
        lambda right, p, q, cost: Bounds(right(p, q, cost).lower * 1.01, right(p, q, cost).upper * 1.01),
    ),
    "NIU23.convex": shifted(niu23, "rdp", lambda named: 5.0 * named["D"]),
    "NIU23.helps": shifted(niu23, "rdp", lambda named: float("side_information" in named)),
    "HWG25.order": shifted(niu23, "rdp", lambda named: float(named["realism"] == "output")),
    "HWG25.gaussian": shifted(hwg25, "rdp", by(1e-3)),
    "HWG25.marginal": shifted(hwg25, "rdp", by(1e-3)),
    "SSK23.hellinger": replaced(gaussian, "bounds", lambda right, *case: Bounds(0.0, 1.01 * right(*case).upper)),
    "ALPHA25.upper": shifted(alpha25, "rdp", by(0.1)),
    "WWMZ24.convex": shifted(wwmz24, "relevant_rate", lambda named: 5.0 * named["C"]),
    "WWMZ24.ends": shifted(wwmz24, "rdp", by(1e-3)),
    "WWMZ24.binary": scaled(wwmz24, "inverse_binary_entropy", 0.99),
    "WWMZ24.told": shifted(wwmz24, "bottleneck", by(1e-3)),
    "SLY15.T1": shifted(sly15, "constrained_transport", lambda named: 0.1 * float(named["common_randomness"] == 2.0)),
    "QCYX25.gaussian": scaled(gaussian, "distortion", 1.01),
    "QCYX25.ends": scaled(transport_gaussian, "distortion", 1.01),
    "WZ76.order": shifted(wz76, "rdp", by(-1.0)),
    "WZ76.symmetric": scaled(wz76, "height", 1.01),
}


def test_every_statement_has_a_planted_failure():
    assert set(PLANTS) == set(catalogue)


@pytest.mark.parametrize("key", PLANTS)
def test_a_planted_failure_is_found(monkeypatch, key):
    statement = catalogue[key]
    PLANTS[key](monkeypatch, statement)
    for k in range(INSTANCES):
        verdict = statement.check(statement.draw(generator(key, 0, k)))
        if verdict.ruling is Ruling.VIOLATED:
            break
    assert verdict.ruling is Ruling.VIOLATED, verdict
    assert -verdict.margin > verdict.gap + 1e-9


def test_clocks_that_are_not_shared_are_found(monkeypatch):
    """Each source symbol picks with clocks of its own: the law is right, the entropy of what is picked is not."""

    def alone(right, p, rows, rng, draws):
        chosen = np.array([[rng.choice(rows.shape[1], p=row) for row in rows] for _ in range(draws)])
        masses = [np.bincount(symbols, weights=p) for symbols in chosen]
        bits = np.array([-sum(m * np.log2(m) for m in mass if m > 0.0) for mass in masses])
        return chosen, bits, bits

    replaced(one_shot, "functional_representation", alone)(monkeypatch, None)
    p = np.full(one_shot.WIDE, 1.0 / one_shot.WIDE)
    rows = np.random.default_rng(0).dirichlet(np.full(2 * one_shot.WIDE, 50.0), size=one_shot.WIDE)
    broken = [part.ruling for part in one_shot.shared_code(p, rows, np.random.default_rng(1)).parts]
    assert broken[1] is Ruling.VIOLATED


def test_a_stronger_inequality_is_found():
    statement = catalogue["BM19.T2"]
    edge = Doubling(Gaussian(0.0, 1.0), SquaredError(), 1.0)  # Shannon's rate reaches zero here, R(2D,0) just so
    assert statement.check(edge).ruling is Ruling.HOLDS
    verdict = statement.check(edge._replace(factor=1.98))
    assert verdict.ruling is Ruling.VIOLATED
    assert verdict.margin == pytest.approx(0.5 * np.log1p(-1e-4), rel=1e-9)


def test_a_theorem_of_ones_own_enters_the_catalogue():
    """By the recipe of CONTRIBUTING: a check with its statement for a docstring, from outside the package."""
    try:

        @states(
            "MINE.T1", setting="numbers", draw=lambda rng: float(rng.uniform()), conditions="0 <= x <= 1", where="here"
        )
        def check_square(x):
            """A number between 0 and 1 is at least its square.

            x² <= x
            """
            return at_most(x * x, x)

        @check_square.fails("above")
        def two(_):
            """2 is above 1."""
            return 2.0

        assert [(row.key, row.ruling) for row in verify(["mine"])] == [
            ("MINE.T1", Ruling.HOLDS),
            ("MINE.T1.above", Ruling.HOLDS),
        ]
        assert catalogue["MINE.T1"].formula == "x² <= x"
        assert claims()["MINE.T1.above"][1].words == "2 is above 1"
        with pytest.raises(ValueError, match="in the catalogue already"):
            states("MINE.T1", setting="", draw=two, conditions="", where="")
        with pytest.raises(ValueError, match="must hold the statement, an empty line, and the formula"):
            states("MINE.T2", setting="", draw=two, conditions="", where="")(two)
    finally:
        statement.CATALOGUE.pop("MINE.T1", None)
