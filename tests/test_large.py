"""Alphabets too large for a table of distortions go through the front door all the same."""

import numpy as np
import pytest

from rdptheory import FirstOrder, Pmf, SquaredError, Status, TotalVariation, rdp


def picture(side: int) -> Pmf:
    """A smooth law on the pixels of a square picture."""
    x = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2).astype(float)
    return Pmf.from_weights(np.exp(np.sin(x[:, 0] / 7) + np.cos(x[:, 1] / 5)), x)


@pytest.mark.parametrize("P", [0.0, 0.05, np.inf])
def test_a_picture_of_2304_pixels_needs_no_table(P):
    solution = rdp(picture(48), SquaredError(), TotalVariation(), D=20.0, P=P)
    assert isinstance(solution.method, FirstOrder)
    assert solution.status is Status.OPTIMAL
    assert 0.0 < solution.bounds.lower <= solution.bounds.upper == solution.rate
    assert solution.gap <= 1e-4
    assert solution.candidate is None


def test_the_loop_agrees_with_the_interior_point_on_a_small_picture():
    source = picture(16)
    inside = rdp(source, SquaredError(), TotalVariation(), D=5.0, P=0.05)
    loop = rdp(source, SquaredError(), TotalVariation(), D=5.0, P=0.05, method=FirstOrder(gap=1e-5))
    assert inside.bounds.overlaps(loop.bounds)


def test_nothing_is_left_to_pay_beyond_the_zero_rate_distortion():
    solution = rdp(picture(48), SquaredError(), None, D=1e4, P=np.inf)
    assert solution.rate == 0.0
    assert solution.bounds.lower == 0.0
