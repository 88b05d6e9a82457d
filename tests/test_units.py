"""One bit is log 2 nats, for numbers and for arrays, there and back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import Bernoulli, Bounds, Hamming, TotalVariation, rdp
from rdptheory.errors import InvalidInput
from rdptheory.units import NATS_PER_BIT, Unit, bits_to_nats, nats_to_bits


def test_one_bit():
    assert NATS_PER_BIT == math.log(2.0)
    assert bits_to_nats(1.0) == NATS_PER_BIT
    assert nats_to_bits(math.inf) == math.inf


@given(st.floats(0.0, 1e300))
def test_there_and_back(rate):
    assert bits_to_nats(nats_to_bits(rate)) == pytest.approx(rate, rel=4e-16)


def test_arrays_keep_their_shape():
    rates = np.array([[0.0, 1.0], [2.0, np.inf]])
    np.testing.assert_array_equal(bits_to_nats(rates), rates * NATS_PER_BIT)
    np.testing.assert_array_equal(nats_to_bits(rates), rates / NATS_PER_BIT)
    assert isinstance(nats_to_bits(np.float64(1.0)), float)


def test_units_of_display():
    assert Unit("bits").from_nats(math.log(2.0)) == 1.0
    assert Unit("nats").from_nats(0.3) == 0.3
    with pytest.raises(ValueError, match="hartleys"):
        Unit("hartleys")


def test_a_bracket_is_converted_and_an_answer_is_not():
    answer = rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.1, P=0.05)
    assert bits_to_nats(nats_to_bits(Bounds(0.25, 0.5))) == Bounds(0.25, 0.5)
    assert nats_to_bits(answer.bounds).upper == nats_to_bits(answer.bounds.upper)
    for wrong in (answer, "1", [True]):
        with pytest.raises(InvalidInput, match="value = "):
            nats_to_bits(wrong)
