"""The rule that turns brackets into a verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import Bounds, InvalidInput
from rdptheory.theorems import Ruling, Verdict, claims, verify
from rdptheory.theorems.runs import generator
from rdptheory.theorems.statement import at_most, equal, exceeds, refuted, worst

CENTRES, WIDTHS = st.floats(-2.0, 2.0), st.floats(0.0, 4e-7)


@given(CENTRES, WIDTHS, CENTRES, WIDTHS)
def test_a_verdict_is_violated_exactly_when_no_pair_of_numbers_keeps_the_claim(a, u, b, v):
    left, right = Bounds(a, a + u), Bounds(b, b + v)
    if abs(right.upper - left.lower + 1e-9) > 1e-12:  # away from the boundary, where rounding decides
        kept = right.upper - left.lower >= -1e-9
        assert at_most(left, right).ruling is (Ruling.HOLDS if kept else Ruling.VIOLATED)
    if abs(abs(a - b) - 1e-9 - max(u, v)) > 1e-6:
        apart = max(left.lower - right.upper, right.lower - left.upper) > 1e-9
        assert equal(left, right).ruling is (Ruling.VIOLATED if apart else Ruling.HOLDS)


def test_wide_brackets_decide_nothing():
    assert at_most(Bounds(0.0, 1.1e-6), 5.0).ruling is Ruling.UNDECIDED
    assert refuted(at_most(Bounds(5.0, 6.0), 0.0)).ruling is Ruling.UNDECIDED
    assert at_most(float("inf"), float("inf")).ruling is Ruling.HOLDS


def test_strict_claims_need_a_visible_difference():
    assert exceeds(1.0 + 2e-6, 1.0).ruling is Ruling.HOLDS
    assert exceeds(1.0, 1.0).ruling is Ruling.VIOLATED
    assert exceeds(0.0, 0.0).ruling is Ruling.VIOLATED
    assert exceeds(1.0, 1.0 - 1e-7).ruling is Ruling.HOLDS  # a small difference is one
    assert exceeds(Bounds(2e-8, 2.1e-8), 1e-8).ruling is Ruling.HOLDS  # and between small numbers
    assert exceeds(Bounds(1e-12, 2e-10), 1e-10).ruling is Ruling.UNDECIDED
    assert exceeds(Bounds(0.0, 1e-14), 0.0).ruling is Ruling.UNDECIDED
    assert exceeds(Bounds(0.0, 1e-14), 0.0, 0.1).ruling is Ruling.VIOLATED
    assert refuted(exceeds(0.3, 0.3)).ruling is Ruling.HOLDS
    assert refuted(at_most(1.0, 1.0)).ruling is Ruling.VIOLATED
    assert refuted(at_most(1.1, 1.0)).ruling is Ruling.HOLDS


def test_the_worst_part_speaks_for_all():
    held, undecided, broken = Verdict(-1e-10), Verdict(1.0, 1.0), Verdict(-1e-3)
    assert worst([held, undecided, broken]) is broken
    assert worst([held, undecided]) is undecided
    assert worst([Verdict(1.0), held]) is held
    with pytest.raises(InvalidInput, match="must hold at least one"):
        worst([])


def test_an_instance_depends_on_key_seed_and_number_alone():
    rows = [next(verify([key], instances=3, seed=7)) for key in ("YWL22", "YWL22.T1")]
    assert rows[0] == rows[1]
    assert next(verify(["YWL22.T1"], instances=3, seed=8)).margin != rows[0].margin or rows[0].margin == 0.0
    draws = {float(generator(key, seed, k).uniform()) for key in ("a", "b") for seed in (0, 1) for k in (0, 1)}
    assert len(draws) == 8


def test_the_recorded_instance_reproduces_the_margin():
    row = next(verify(["BM19.E17"], instances=5, seed=3))
    statement = claims()["BM19.E17"][0]
    assert statement.check(statement.draw(generator("BM19.E17", 3, row.instance))).margin == row.margin


@pytest.mark.parametrize(
    "arguments", [{"keys": ["BM19.T"]}, {"keys": ["nothing"]}, {"instances": 0}, {"seed": -1}], ids=str
)
def test_malformed_requests_are_refused_before_anything_runs(arguments):
    with pytest.raises(InvalidInput):
        verify(**arguments)


def test_a_row_is_plain_json():
    row = next(verify(["YWL22.E5"], instances=1))
    assert set(row.as_json()) >= {"key", "statement", "setting", "instances", "margin", "verdict"}
    assert type(row)(**{**vars(row), "margin": np.inf}).as_json()["margin"] is None
