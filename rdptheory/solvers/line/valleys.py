"""The bottoms of valleys in a row of values."""

from __future__ import annotations

import numpy as np

from rdptheory._types import FloatArray, IntArray

__all__ = ["lowest_places"]


def lowest_places(values: FloatArray, depth: float) -> IntArray:
    """Indices of the lowest places of valleys: on either side the values climb by `depth` or end before they are lower.

    One pass over the turning points: a valley is left once the values have climbed so much, a ridge once they have
    fallen so much.

    >>> lowest_places(np.array([3.0, 1.0, 2.0, 0.5, 2.0, 1.9, 4.0, 3.0]), 0.5).tolist()
    [1, 3, 7]
    """
    rises = np.diff(values)
    moving = np.flatnonzero(rises)
    turns = moving[1:][(rises[moving[1:]] > 0.0) != (rises[moving[:-1]] > 0.0)]
    found, low, high = list[int](), 0, -1  # `high` is the ridge behind, -1 inside a valley
    for at in (*turns.tolist(), values.size - 1):
        value = values[at]
        if high < 0:
            if value >= values[low] + depth:
                found.append(low)
                high = at
            elif value < values[low]:
                low = at
        elif value > values[high]:
            high = at
        elif value <= values[high] - depth:
            low, high = at, -1
    return np.array(found if high >= 0 else [*found, low], dtype=np.intp)
