"""Yan, Wen, Ying, Ma and Liu: the cost of perfect perception [YWYML21]."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, log
from typing import Any, NamedTuple

import numpy as np

from rdptheory._types import Bounds
from rdptheory.closed_forms import gaussian
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.distortions import Distortion, Hamming, SquaredError, Table
from rdptheory.divergences import TotalVariation
from rdptheory.information import kullback_leibler
from rdptheory.solve import rdp
from rdptheory.sources import Bernoulli, DiscreteSource, Pmf
from rdptheory.theorems import schemes
from rdptheory.theorems.bm19.function import check_posterior_distortion, draw_representation
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.settings import PRIVATE
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst
from rdptheory.transport import constrained_transport
from rdptheory.units import bits_to_nats


class Matched(NamedTuple):
    """R(D, 0) for a table."""

    source: DiscreteSource
    table: Table
    D: float


def draw_matched(rng: np.random.Generator, given: Given = NOTHING) -> Matched:
    """A random symmetric table with zeros on the diagonal."""
    law = schemes.source(rng, given=given)

    def drawn() -> Distortion:
        table = rng.uniform(0.2, 1.0, (law.size, law.size))
        table = table + table.T
        np.fill_diagonal(table, 0.0)
        return Table(table)

    def symmetric(mine: Distortion) -> bool:
        table = mine.table(law.points)
        return np.array_equal(table, table.T)

    table = given.part("distortion", object, drawn, "a symmetric distortion", symmetric).table(law.points)
    most = float(law.probabilities @ table @ law.probabilities)
    D = given.number("D", lambda: most * float(rng.uniform(0.1, 0.9)))
    return Matched(law, Table(table, reference=law.probabilities), D)


@states(
    "YWYML21.L1",
    setting="information function",
    draw=draw_matched,
    conditions="d symmetric, P = 0",
    where="Lemma 1",
)
def check_symmetric(case: Matched) -> Verdict:
    """At perfect perception and symmetric distortion the optimal joint law is symmetric.

        p(X=i, Y=j) = p(X=j, Y=i)

    How far a joint law B within `gap` of the optimum can be from its transpose.

    S = (B + B')/2 keeps the limits, so ½ KL(B‖S) + ½ KL(B'‖S) = (I(B) + I(B'))/2 - I(S) is at most the gap.
    """
    solution = rdp(case.source, case.table, TotalVariation(), D=case.D, P=0.0)
    assert solution.candidate is not None
    assert solution.candidate.channel is not None
    joint = case.source.probabilities[:, None] * solution.candidate.channel
    middle = 0.5 * (joint + joint.T)
    excess = 0.5 * (kullback_leibler(joint, middle) + kullback_leibler(joint.T, middle))
    return Verdict(-excess, solution.gap)


@check_symmetric.fails("asymmetric")
def cyclic(_: np.random.Generator) -> Matched:
    """a cyclic table, cheap one way round and dear the other."""
    third = np.full(3, 1.0 / 3.0)
    table = np.array([[0.0, 0.1, 1.0], [1.0, 0.0, 0.1], [0.1, 1.0, 0.0]])
    return Matched(Pmf(third), Table(table, reference=third), 0.2)


def draw_matched_scheme(rng: np.random.Generator, given: Given = NOTHING) -> schemes.Scheme:
    """A code in R or R² with p_Y = p_X and private randomness on both sides."""
    return schemes.scheme(rng, given, dimension=int(rng.integers(1, 3)), match=True)


@states(
    "YWYML21.T1",
    setting=PRIVATE,
    draw=draw_matched_scheme,
    conditions="squared error, X - Z - Y, p_Y = p_X for the whole block (a vector here)",
    where="Theorem 1",
    unit="squared units of X",
)
def check_posterior_decoder(case: schemes.Scheme) -> Verdict:
    """A decoder that draws from the posterior is optimal: any code with p_Y = p_X is matched by one of two encoders
    with the same law of Z and that decoder.

        min(2 E‖X - E[X|Z]‖², 2 E‖Y - E[Y|Z]‖²) <= E‖X - Y‖²

    One of two encoders with the same law of Z does as well with its posterior for a decoder.

    E‖X - Y‖² >= E‖X - E[X|Z]‖² + E‖Y - E[Y|Z]‖², and by (18) the posterior costs twice either term.
    """
    p, x = case.source.probabilities, case.source.points
    z = p @ case.encoder
    reverse = np.divide(z[:, None] * case.decoder, p, out=np.zeros_like(case.decoder)).T
    least = min(schemes.means(p, x, encoder)[2] for encoder in (case.encoder, reverse))
    return at_most(2.0 * least, schemes.scheme_distortion(case))


class Line(NamedTuple):
    """A law on a line at a rate in nats; `claimed` replaces D_mse outside the conditions."""

    source: DiscreteSource
    R: float
    claimed: float | None = None


def draw_line(rng: np.random.Generator, given: Given = NOTHING) -> Line:
    """A law on two to four points, at a rate below its entropy."""
    schemes.needs(given, SquaredError)
    law = schemes.source(rng, given=given)
    most = float(-law.probabilities @ np.log(law.probabilities))
    return Line(law, most * float(rng.uniform(0.05, 0.95)))


def transport_to_itself(case: Line) -> Bounds:
    """D at P = 0: the least E(X-Y)² over X - Z - Y with H(Z) <= R and Y of the law of X."""
    return constrained_transport(case.source, case.source, SquaredError(), R=case.R, common_randomness=False).bounds


def check_twofold(case: Line) -> Verdict:
    """D(R, P=0) by branch and bound against twice D(R, P=∞) by trying all quantisers."""
    alone = case.claimed
    if alone is None:
        alone = schemes.quantisation(case.source.probabilities, case.source.points, case.R)
    return equal(transport_to_itself(case), 2.0 * alone)


@states(
    "YWYML21.T3",
    setting=PRIVATE,
    draw=draw_line,
    conditions="squared error, H(Z) <= R",
    where="Theorem 3",
    unit="squared units of X",
)
def check_same_encoder(case: Line) -> Verdict:
    """The encoder that is best without a perception limit is best with perfect perception.

        2 E‖X - E[X|Z_d]‖² = D(R,0), reached by a draw from p(x|z_d)

    The best encoder without a perception limit, followed by a draw from its posterior.
    """
    p, x = case.source.probabilities, case.source.points
    _, encoder = schemes.best_encoder(p, x, case.R)
    z, back = schemes.posterior(p, encoder)
    joint = (back.T * z) @ back
    reached = float(np.vdot(joint, schemes.squared(x, x)))
    return worst(
        [at_most(reached, transport_to_itself(case)), *(equal(a, b) for a, b in zip(joint.sum(0), p, strict=True))]
    )


@states(
    "YWYML21.T2",
    setting=PRIVATE,
    draw=draw_line,
    conditions="squared error, H(Z) <= R, reconstructions anywhere, block law",
    where="Theorem 2, equation (24)",
    unit="squared units of X",
)
def check_law(case: Line | Verdict) -> Verdict:
    """The two-fold law: at every rate perfect perception doubles the distortion, exactly.

        F_t(D,0) = F_t(D/2,∞) for every t, hence R(D,0) = R(D/2,∞); checked as D(R,0) = 2 D(R,∞) for blocks of one
        letter on a line

    The two-fold law in its setting, or what it would say outside.
    """
    return check_twofold(case) if isinstance(case, Line) else case


@check_law.fails("gaussian")
def gaussian_information(_: np.random.Generator) -> Verdict:
    """the information function of N(0,1), which needs common randomness, has R(1,0) = .144 and R(½,∞) = .347 nat."""
    return equal(float(gaussian.rate(1.0, 1.0, 0.0)), float(gaussian.rate(1.0, 0.5, inf)))


@check_law.fails("majority")
def majority(_: np.random.Generator) -> Verdict:
    """with only the law of each letter required, the majority of three fair bits has D = ¼ at 1/3 bit; R(1/8,∞) is
    0.3992 bit."""
    bits = np.array(np.unravel_index(np.arange(8), (2, 2, 2)))
    sent = (bits.sum(axis=0) >= 2).astype(int)
    D = float((bits != sent).mean())
    assert sent.mean() == 0.5
    return at_most(rdp(Bernoulli(0.5), Hamming(), None, D=0.5 * D, P=inf).bounds, log(2.0) / 3.0)


@check_law.fails("finite-alphabet")
def finite_alphabet(_: np.random.Generator) -> Verdict:
    """with R(·,∞) on {0,1} instead of the reals: Bernoulli(0.3) at 0.15 nat, long blocks."""
    coin = Bernoulli(0.3)
    reached = constrained_transport(
        coin, coin, SquaredError(), R=0.15, common_randomness=False, asymptotic=True
    ).bounds.upper
    return at_most(rdp(coin, Hamming(), None, D=0.5 * reached, P=inf).bounds, 0.15)


@check_law.fails("deterministic")
def deterministic(_: np.random.Generator) -> Line:
    """deterministic encoders lose at a hard rate: masses .4 .2 .4 on 0, .3, 1 at 0.8 bit have D = .2, a random encoder
    .1128."""
    return Line(Pmf([0.4, 0.2, 0.4], [0.0, 0.3, 1.0]), bits_to_nats(0.8), claimed=0.2)


@states(
    "YWYML21.E18",
    setting=PRIVATE,
    draw=draw_representation,
    conditions="squared error, p(y|z) = p(x|z)",
    where="equation (18)",
    unit="squared units of X",
)
def check_e18(case: Any) -> Verdict:
    """Drawing from the posterior costs exactly twice the least mean squared error of the encoder.

    E‖X - X_p‖² = 2 E‖X - E[X|Z]‖²
    """
    return check_posterior_distortion(case)


@check_e18.proved
def prove_doubling() -> Iterator[Any]:
    """(18) on three symbols and two values of Z, from the joint law of (X, X~)."""
    sp = load_sympy()
    joint = sp.Matrix(3, 2, sp.symbols("b:6", positive=True))
    x = sp.symbols("x:3")
    z = [sum(joint[:, k]) for k in range(2)]
    mean = [sum(joint[i, k] * x[i] for i in range(3)) / z[k] for k in range(2)]
    sampled = sum(
        joint[i, k] * joint[j, k] / z[k] * (x[i] - x[j]) ** 2 for i in range(3) for j in range(3) for k in range(2)
    )
    centred = sum(joint[i, k] * (x[i] - mean[k]) ** 2 for i in range(3) for k in range(2))
    yield sp.simplify(sampled - 2 * centred)
