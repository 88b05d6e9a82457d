"""Bottoms of valleys against their definition, value by value."""

from __future__ import annotations

import numpy as np
import pytest

from rdptheory.solvers.line.valleys import lowest_places


def by_definition(values: np.ndarray, depth: float) -> list[int]:
    """On either side the values climb by `depth`, or end, before they are lower than at the place."""

    def left(side: np.ndarray, value: float) -> bool:
        lower = np.flatnonzero(side < value)
        return not lower.size or bool((side[: lower[0]] >= value + depth).any())

    return [i for i, value in enumerate(values) if left(values[:i][::-1], value) and left(values[i + 1 :], value)]


@pytest.mark.parametrize("seed", range(60))
def test_the_places_are_those_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.permutation(int(rng.integers(1, 40))) * 1e-9 + rng.normal(size=1)
    values = values + (np.cumsum(rng.normal(size=values.size)) if seed % 2 else np.round(rng.normal(size=values.size)))
    depth = float(10.0 ** rng.uniform(-2.0, 0.5))
    assert lowest_places(values, depth).tolist() == by_definition(values, depth)


def test_a_flat_row_has_one_place() -> None:
    assert lowest_places(np.ones(5), 0.1).size == 1
