"""A refusal names the argument, what came, and the rule, in one line."""

import math
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from rdptheory import GapTooWide, InvalidInput
from rdptheory.errors import DEEPEST, MissingPackage, at_least_zero, finite, probability, real_array

DEEP: list[object] = [1.0]
for _ in range(DEEPEST + 1):
    DEEP = [DEEP]


def test_the_sentence_names_argument_value_and_rule():
    problem = InvalidInput("D", -1.0, "must be at least 0")
    assert (problem.argument, problem.value, problem.rule) == ("D", -1.0, "must be at least 0")
    assert str(problem) == "D = -1.0: must be at least 0"
    assert isinstance(problem, ValueError)


@pytest.mark.parametrize("value", [np.zeros(10_000), np.zeros((50, 50)), "a\nb", list(range(10_000)), np.float64(0.5)])
def test_the_sentence_is_one_short_line_whatever_came(value):
    sentence = str(InvalidInput("matrix", value, "must be small"))
    assert "\n" not in sentence
    assert len(sentence) < 200


def test_refusals_travel_between_processes():
    for problem in (InvalidInput("p", 1.5, "must lie in [0, 1]"), GapTooWide("the bracket is 1 nat wide")):
        again = pickle.loads(pickle.dumps(problem))
        assert type(again) is type(problem)
        assert str(again) == str(problem)


def test_a_missing_package_says_how_to_get_it():
    problem = MissingPackage("matplotlib", "plot")
    assert isinstance(problem, ImportError)
    assert problem.name == "matplotlib"
    assert "pip install 'rdptheory[plot]'" in str(problem)


@pytest.mark.parametrize(
    "value",
    [
        0,
        0.0,
        1,
        0.5,
        np.float64(2.0),
        np.float32(0.5),
        np.int64(3),
        Fraction(1, 2),
        Decimal("0.5"),
        math.inf,
        np.array(2),
    ],
)
def test_limits_at_least_zero_pass(value):
    assert at_least_zero("D", value) == float(value)


@pytest.mark.parametrize(
    "value",
    [
        -1e-300,
        -math.inf,
        math.nan,
        "0.1",
        b"1",
        None,
        [0.1],
        1j,
        object(),
        True,
        np.True_,
        np.complex64(1),
        10**400,
        np.array([1.0]),
        np.datetime64("2026-01-01"),
        np.longdouble("1e400"),
        Decimal("1e400"),
        Decimal("sNaN"),
        np.ma.masked,
        float,
    ],
)
def test_other_limits_are_refused(value):
    with pytest.raises(InvalidInput, match=r"^D = "):
        at_least_zero("D", value)


@pytest.mark.parametrize("value", [-1e-9, 1.0 + 1e-9, math.nan, math.inf, "a"])
def test_a_probability_lies_in_the_unit_interval(value):
    assert [probability("p", good) for good in (0, 0.25, 1)] == [0.0, 0.25, 1.0]
    with pytest.raises(InvalidInput, match=r"^p = "):
        probability("p", value)


def test_finite_numbers():
    assert finite("mean", -3) == -3.0
    for value in (math.inf, math.nan, "x"):
        with pytest.raises(InvalidInput, match=r"^mean = "):
            finite("mean", value)
    for value in (0.0, -1.0):
        with pytest.raises(InvalidInput, match="above 0"):
            finite("variance", value, positive=True)


def test_arrays_are_copied_and_locked():
    values = np.array([1.0, 2.0])
    array = real_array("points", values)
    values[0] = 9.0
    assert array.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 3.0


@pytest.mark.parametrize("values", [[1.0, math.nan], [math.inf], ["a"], [[1.0], [1.0, 2.0]], [1j], object(), DEEP])
def test_other_arrays_are_refused(values):
    with pytest.raises(InvalidInput, match=r"^points = "):
        real_array("points", values)


def test_a_list_in_itself_ends():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="nested too deeply"):
        real_array("points", endless)
