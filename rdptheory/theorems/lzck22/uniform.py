"""Two uniform laws: equations (44) and (50)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rdptheory.closed_forms import transport_uniform
from rdptheory.closed_forms._inputs import load_sympy
from rdptheory.distortions import SquaredError
from rdptheory.information import entropy
from rdptheory.sources import Uniform
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.settings import ONE_PRIVATE, SQUARE
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst


class Intervals(NamedTuple):
    """U[0, a] to U[0, b] at a rate in nats."""

    a: float
    b: float
    R: float


def draw_intervals(rng: np.random.Generator, given: Given = NOTHING) -> Intervals:
    """Any rate up to three bits."""
    schemes.needs(given, SquaredError)
    a, b = (float(end) for end in rng.uniform(0.5, 5.0, 2))
    law = given.part("source", Uniform, lambda: Uniform(0.0, a), "Uniform(0, a)", lambda mine: mine.low == 0.0)
    return Intervals(law.high, b, float(rng.uniform(0.0, 2.1)))


def draw_levels(rng: np.random.Generator, given: Given = NOTHING) -> Intervals:
    """R = log N."""
    return draw_intervals(rng, given)._replace(R=float(np.log(rng.integers(1, 9))))


@states(
    "LZCK22.E44",
    setting=ONE_PRIVATE,
    draw=draw_levels,
    conditions="U[0,a] to U[0,b]",
    where="equation (44)",
    unit=SQUARE,
)
def check_44(case: Intervals) -> Verdict:
    """Uniform to uniform at R = log N.

        D = (b-a)²/3 + (ab/6) e^{-2R}

    Equal cells: (b-a)²/3 + (ab/6) e^{-2R}.
    """
    printed = (case.b - case.a) ** 2 / 3.0 + case.a * case.b / 6.0 * np.exp(-2.0 * case.R)
    laws = Uniform(0.0, case.a), Uniform(0.0, case.b)
    return equal(float(transport_uniform.distortion(*laws, R=case.R)), printed)


@check_44.fails("between-levels")
def between_levels_case(_: np.random.Generator) -> Intervals:
    """at log 2.5, where the cells cannot be equal, the distortion is higher."""
    return Intervals(2.0, 5.0, float(np.log(2.5)))


@states(
    "LZCK22.E50",
    setting=ONE_PRIVATE,
    draw=draw_intervals,
    conditions="U[0,a] to U[0,b]",
    where="equations (46), (47), (50)",
    unit=SQUARE,
)
def check_50(case: Intervals) -> Verdict:
    """Uniform to uniform at any rate: one short cell and N - 1 equal ones.

        W2²(X^,Y^) = (b-a)² (c³/4 + c²c'(N-1) + cc'²(N-1)² + c'³(N-1)(2N-1)(2N-3)/12)

    (46), (47), (50) from the cells themselves: polynomials integrated cell by cell.
    """
    count, c, other = transport_uniform.cells(case.R)
    cuts = np.concatenate(([0.0], c + other * np.arange(count)))
    cuts[-1] = 1.0
    length, centre = np.diff(cuts), 0.5 * (cuts[1:] + cuts[:-1])
    within = float((length**3).sum() / 12.0)
    moved = (case.b - case.a) ** 2 * float(length @ centre**2)
    quantise, convert, dequantise = transport_uniform.terms(Uniform(0.0, case.a), Uniform(0.0, case.b), R=case.R)
    n = count - 1
    printed = (
        c**3 / 4.0
        + c**2 * other * n
        + c * other**2 * n**2
        + other**3 * n * (2.0 * count - 1.0) * (2.0 * n - 1.0) / 12.0
    )
    return worst(
        [
            at_most(entropy(length), case.R),
            equal(case.a**2 * within, float(quantise)),
            equal(case.b**2 * within, float(dequantise)),
            equal(moved, float(convert)),
            equal((case.b - case.a) ** 2 * printed, moved),
        ]
    )


@check_50.proved
def prove_uniform() -> Iterator[Any]:
    """(50) summed over N - 1 equal cells behind a short one."""
    sp = load_sympy()
    c, e, n, k = sp.symbols("c e n k", positive=True)
    total = c**3 / 4 + sp.summation(e * (c + (k + sp.Rational(1, 2)) * e) ** 2, (k, 0, n - 1))
    printed = c**3 / 4 + c**2 * e * n + c * e**2 * n**2 + e**3 * n * (2 * n + 1) * (2 * n - 1) / 12
    yield sp.expand(total - printed)
