"""Transport questions the tests share: the instances of `references/transport.json`, and random ones."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from rdptheory.distortions import AbsoluteError, Distortion, SquaredError, Table
from rdptheory.sources import Pmf
from rdptheory.transport_problem import DiscreteTransport
from rdptheory.transport_solution import Check, TransportSolution

REFERENCES: dict[str, Any] = json.loads((Path(__file__).parent / "references" / "transport.json").read_text())
BIT = float(np.log(2.0))


def instance(name: str) -> tuple[Pmf, Pmf, Distortion]:
    """One of the named finite instances."""
    case = REFERENCES["instances"][name]
    p, q = ([float(Fraction(mass)) for mass in case[side]] for side in ("p", "q"))
    distortions: dict[str, Distortion] = {"squared": SquaredError(), "absolute": AbsoluteError()}
    cost = case["cost"]
    return Pmf(p, case["x"]), Pmf(q, case["y"]), distortions[cost] if isinstance(cost, str) else Table(cost)


def line_pair(n: int) -> tuple[Pmf, Pmf]:
    """A Gaussian and a two-mode mixture on n points of [-4, 4]."""
    x = np.linspace(-4.0, 4.0, n)
    q = 0.4 * np.exp(-2.0 * (x - 1.5) ** 2) + 0.6 * np.exp(-((x + 1.0) ** 2))
    return Pmf.from_weights(np.exp(-(x**2) / 2.0), x), Pmf.from_weights(q, x)


def random_line(rng: np.random.Generator, most: int, power: float = 2.0) -> DiscreteTransport:
    """Random laws on 2 to `most` points of [0, 1], |x - y|^power, and a rate up to 0.8 nat."""
    x, y = (np.sort(rng.random(int(size))) for size in rng.integers(2, most + 1, 2))
    p, q = rng.dirichlet(np.ones(x.size)), rng.dirichlet(np.ones(y.size))
    return DiscreteTransport(p, q, np.abs(x[:, None] - y) ** power, 0.8 * float(rng.random()), x, y)


def random_table(rng: np.random.Generator, n: int, m: int, R: float) -> DiscreteTransport:
    """Random laws and costs without structure."""
    return DiscreteTransport(rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m)), rng.random((n, m)), R)


def assert_sound(solution: TransportSolution, problem: DiscreteTransport) -> Check:
    """The plan meets the limits and reaches the upper end, by arithmetic of its own."""
    assert solution.plan is not None
    check = Check(problem, solution.plan)  # type: ignore[arg-type]
    scale = max(1.0, float(problem.cost.max()))
    assert check.excess_rate <= 1e-12, f"rate exceeded by {check.excess_rate:.2g} nat"
    assert check.marginal_error <= 1e-12, f"marginals off by {check.marginal_error:.2g}"
    assert abs(check.distortion - solution.bounds.upper) <= 1e-12 * scale, "the upper end is not what the plan costs"
    assert solution.distortion == solution.bounds.upper
    assert solution.bounds.lower <= solution.bounds.upper
    return check
