"""A bracket knows its width and its neighbours, and never holds NaN."""

import math
import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import Bounds
from rdptheory._types import Contradiction


def test_gap():
    assert Bounds(0.25, 0.75).gap == 0.5
    assert Bounds(math.inf, math.inf).gap == 0.0
    assert Bounds(0.0, math.inf).gap == math.inf


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=2).map(sorted), st.integers(1, 15))
def test_what_is_printed_is_a_bracket_too(ends, digits):
    lower, upper = format(Bounds(*ends), f".{digits}g").strip("[]").split(", ")
    for shown, end in ((lower, ends[0]), (upper, ends[1])):
        if math.isinf(end):
            assert float(shown) == end
        else:  # less than one unit of the last digit away
            assert abs(Fraction(shown) - Fraction(end)) <= abs(Fraction(end)) / 10 ** (digits - 1)
    if all(map(math.isfinite, ends)):
        assert Fraction(lower) <= Fraction(ends[0]) <= Fraction(ends[1]) <= Fraction(upper)


@given(
    st.lists(st.floats(allow_nan=False), min_size=2, max_size=2).map(sorted), st.integers(0, 20), st.sampled_from("fe")
)
def test_decimals_are_a_bracket_too(ends, digits, kind):
    lower, upper = format(Bounds(*ends), f".{digits}{kind}").strip("[]").split(", ")
    for shown, end in ((lower, ends[0]), (upper, ends[1])):
        if math.isinf(end):
            assert float(shown) == end
        else:
            assert len(shown.partition("e")[0].partition(".")[2]) == digits
            size = Fraction(1) if kind == "f" else 2 * max(abs(Fraction(end)), abs(Fraction(shown)))
            assert abs(Fraction(shown) - Fraction(end)) <= size / 10**digits
    if all(map(math.isfinite, ends)):
        assert Fraction(lower) <= Fraction(ends[0]) <= Fraction(ends[1]) <= Fraction(upper)


@pytest.mark.parametrize("spec", ["d", ".0g", "6.2f", ".f", ".100f"])
def test_what_is_no_format_of_a_bracket_is_said_to_be_none(spec):
    with pytest.raises(ValueError, match="is no format of a bracket: digits and a letter are"):
        format(Bounds(0.25, 0.75), spec)
    assert f"{Bounds(0.25, 0.75):.3}" == "[0.25, 0.75]"


def test_membership_and_overlap():
    bracket = Bounds(1.0, 2.0)
    assert 1.0 in bracket
    assert 2.0 in bracket
    assert 2.0 + 1e-12 not in bracket
    assert "1.5" not in bracket
    assert bracket.overlaps(Bounds(2.0, 3.0))
    assert not bracket.overlaps(Bounds(2.1, 3.0))
    assert not Bounds(2.1, 3.0).overlaps(bracket)


@pytest.mark.parametrize("ends", [(math.nan, 1.0), (0.0, math.nan)])
def test_a_bracket_never_holds_nan(ends):
    with pytest.raises(Contradiction, match="NaN"):
        Bounds(*ends)


def test_a_bracket_that_cannot_be_true_is_refused():
    for ends in ((1.0, math.nextafter(1.0, 0.0)), (math.inf, 0.0), (0.0, -math.inf)):
        with pytest.raises(Contradiction, match="proofs is wrong"):
            Bounds(*ends)


def test_a_bracket_travels_between_processes():
    assert pickle.loads(pickle.dumps(Bounds(0.1, 0.2))) == Bounds(0.1, 0.2)
