"""Codes of one letter with shared exponentials: Theorems 2 and 5."""

from __future__ import annotations

import heapq
from math import inf, log, sqrt
from typing import NamedTuple

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.distortions import Hamming
from rdptheory.information import mutual_information
from rdptheory.sources import Bernoulli, DiscreteSource
from rdptheory.theorems import schemes
from rdptheory.theorems.given import NOTHING, Given
from rdptheory.theorems.settings import ONE_SHOT
from rdptheory.theorems.statement import Verdict, at_most, equal, states, worst
from rdptheory.theorems.zqck21.coins import Points
from rdptheory.units import nats_to_bits

DRAWS = 600  # of the shared exponentials: an average of bits is then within 0.14 of its mean, but for ERROR
ERROR = 1e-9  # chance that Hoeffding's bound fails for one average
WIDE = 64  # equal symbols: clocks that are not shared cost log2 64 bits, above the 4 of the bound
TOGETHER = 2**16  # quotients made at once: half a megabyte, which a cache holds


def draw_points(rng: np.random.Generator, given: Given = NOTHING) -> Points:
    """One or two points."""
    schemes.needs(given, Hamming)
    p = schemes.coin(given, lambda: float(rng.uniform(0.1, 0.5)))
    count = int(rng.integers(1, 3))
    pairs = [(p * float(rng.uniform(0.1, 0.9)), float(rng.choice([0.0, 0.3 * p, inf]))) for _ in range(count)]
    return Points(Bernoulli(p), tuple(pairs))


@states(
    "ZQCK21.T2",
    setting=ONE_SHOT,
    draw=draw_points,
    conditions="unlimited common randomness; measured means carry Hoeffding's bound at error 1e-9",
    where="Theorem 2, equations (2), (3) for one point",
    unit="bits",
)
def check_one_shot(case: Points) -> Verdict:
    """One representation serves Θ in one shot at R(Θ) and a logarithm; shown by a code that is simulated.

        R(Θ) <= R*(Θ) <= R(Θ) + log2(R(Θ)+1) + 5,   H(Z|V) <= I(X;Z) + log2(I(X;Z)+1) + 4

    A code with shared exponentials: R(Θ) <= its mean length <= R(Θ) + log2(R(Θ)+1) + 5.

    z = argmin e_z / p(z|x) over shared exponentials e has the law p(z|x) for every x; given e it is a function of X,
    which a Huffman code sends. The mean over e is an average of draws with Hoeffding's bound at error 1e-9.
    """
    solution = case.rate()
    assert solution.candidate is not None
    assert solution.candidate.channel is not None
    p = case.source.probabilities
    rows = solution.candidate.channel.reshape(p.size, -1)
    rng = np.random.default_rng(np.random.SeedSequence([rows.shape[1], round(float(p[1]) * 1e9)]))
    code = shared_code(p, rows, rng)
    wide = shared_code(np.full(WIDE, 1.0 / WIDE), rng.dirichlet(np.full(2 * WIDE, 50.0), size=WIDE), rng)
    return worst([at_most(nats_to_bits(solution.bounds.lower), code.length + code.spread), *code.parts, *wide.parts])


class SharedCode(NamedTuple):
    """A code with shared exponentials: mean length in bits, how far an average of its draws may be off, its claims."""

    length: float
    spread: float
    parts: tuple[Verdict, ...]


def shared_code(p: FloatArray, rows: FloatArray, rng: np.random.Generator) -> SharedCode:
    """What the proof of the one-shot bound says of its code for p(z|x), `rows`.

    z(X, e) has the law p(z|x); H(z(X,e)|e) <= I + log2(I+1) + 4; for each e the Huffman code is within one bit of the
    entropy; and the mean length, at least I, is at most I + log2(I+1) + 5. On two symbols only the first and the third
    can fail, because one bit always does; with many symbols, clocks that are not shared break the second.
    """
    chosen, lengths, entropies = functional_representation(p, rows, rng, DRAWS)
    bits = float(np.log2(p.size))  # a Huffman code of n symbols takes at most log2 n + 1 on average, 1 for two
    error = sqrt(log(2.0 / ERROR) / (2.0 * DRAWS))
    spread = error * (bits + (p.size > 2))
    rate = nats_to_bits(mutual_information(p, rows))
    frequency = np.array([np.bincount(chosen[:, x], minlength=rows.shape[1]) / DRAWS for x in range(p.size)])
    length, most = float(lengths.mean()), rate + np.log2(rate + 1.0) + 4.0
    parts = (
        at_most(rate, length + spread),
        at_most(float(entropies.mean()), most + spread),
        at_most(length, most + 1.0 + spread),
        at_most(float((entropies - lengths).max()), 0.0),
        at_most(float((lengths - entropies).max()), 1.0),
        at_most(float(np.abs(frequency - rows).max()), error),
    )
    return SharedCode(length, spread, parts)


def functional_representation(
    p: FloatArray, rows: FloatArray, rng: np.random.Generator, draws: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Symbols z(x, e) of shape (draws, n), Huffman lengths and entropies in bits of z(X, e) for each draw e.

    On a finite alphabet the first arrivals of the Poisson process are all that matters: independent exponentials.
    """
    clocks = rng.exponential(size=(draws, 1, rows.shape[1]))
    with np.errstate(divide="ignore"):
        slow = 1.0 / rows
    parts = np.array_split(clocks, 1 + clocks.shape[0] * rows.size // TOGETHER)
    chosen = np.concatenate([(part * slow).argmin(axis=2) for part in parts])
    columns = rows.shape[1]
    cells = (chosen + columns * np.arange(draws)[:, None]).ravel()
    ordered = np.sort(np.bincount(cells, np.tile(p, draws), draws * columns).reshape(draws, columns), axis=1)
    keys = [masses.tobytes() for masses in ordered]
    different = dict(zip(keys, ordered, strict=True))  # few: a law is a sum of masses of symbols
    laws = {key: masses[masses > 0.0] for key, masses in different.items()}
    cache = {key: (huffman(tuple(law.tolist())), -float(law @ np.log2(law))) for key, law in laws.items()}
    lengths, entropies = np.array([cache[key] for key in keys]).T
    return chosen, lengths, entropies


def huffman(masses: tuple[float, ...]) -> float:
    """Mean length in bits of the best prefix code; 0 for one symbol.

    >>> huffman((0.25, 0.25, 0.5))
    1.5
    """
    heap = list(masses)
    heapq.heapify(heap)
    total = 0.0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        total += joined
        heapq.heappush(heap, joined)
    return total


class TwoStage(NamedTuple):
    """Z1 and then Z2 of a source: p(z1|x) and p(z2|x,z1)."""

    source: DiscreteSource
    first: FloatArray
    second: FloatArray


def draw_two_stage(rng: np.random.Generator, given: Given = NOTHING) -> TwoStage:
    """Random channels on two or three symbols."""
    law = schemes.source(rng, 3, given=given)
    n = law.size
    return TwoStage(law, schemes.channel(rng, n, 2), rng.dirichlet(np.ones(2), size=(n, 2)))


@states(
    "ZQCK21.T5",
    setting=ONE_SHOT,
    draw=draw_two_stage,
    conditions="unlimited common randomness; measured means carry Hoeffding's bound at error 1e-9",
    where="Theorem 5",
    unit="bits",
)
def check_two_stage(case: TwoStage) -> Verdict:
    """Two-stage codes lie between an inner and an outer region.

        R1 >= I(X;Z1), R1 + R2 >= I(X;Z1,Z2) for every code; I + log2(I+1) + 5 a stage is enough

    Shared exponentials in two stages: both regions of rates around the mean lengths of the code.

    The second code knows z1 and the first clocks; its rate is I(X;Z2|Z1) + log2(I+1) + 5.
    """
    p = case.source.probabilities
    rng = np.random.default_rng(np.random.SeedSequence(np.round(case.first.ravel() * 1e9).astype(int).tolist()))
    first = shared_code(p, case.first, rng)
    z, back = schemes.posterior(p, case.first)
    seconds = [shared_code(back[k], case.second[:, k], rng) for k in range(z.size)]
    one = nats_to_bits(mutual_information(p, case.first))
    conditional = sum(mass * nats_to_bits(mutual_information(back[k], case.second[:, k])) for k, mass in enumerate(z))
    both = (case.first[:, :, None] * case.second).reshape(p.size, -1)
    joint = nats_to_bits(mutual_information(p, both))
    L2 = float(z @ [code.length for code in seconds])
    return worst(
        [
            equal(one + conditional, joint),
            at_most(joint, first.length + L2 + first.spread + max(code.spread for code in seconds)),
            *first.parts,
            *(part for code in seconds for part in code.parts),
        ]
    )
