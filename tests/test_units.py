"""One bit is log 2 nats, for numbers and for arrays, there and back."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import Bernoulli, Bounds, Hamming, TotalVariation, curve, rdp
from rdptheory.errors import InvalidInput
from rdptheory.units import NATS_PER_BIT, Unit, bits_to_nats, nats_to_bits

LOG_2 = Fraction("0.6931471805599453094172321214581765680755")


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
    assert nats_to_bits(answer.bounds).upper == math.nextafter(nats_to_bits(answer.bounds.upper), math.inf)
    assert nats_to_bits(Bounds(0.0, math.inf)) == Bounds(0.0, math.inf)
    assert nats_to_bits(Bounds(math.inf, math.inf)) == Bounds(math.inf, math.inf)
    for wrong in (answer, "1", [True]):
        with pytest.raises(InvalidInput, match="value = "):
            nats_to_bits(wrong)


@pytest.mark.parametrize("convert, factor", [(nats_to_bits, 1 / LOG_2), (bits_to_nats, LOG_2)])
def test_the_ends_of_a_bracket_are_rounded_outward(convert, factor):
    for rate in np.random.default_rng(0).uniform(0.0, 30.0, 500).tolist():
        ends = convert(Bounds(rate, rate))
        assert Fraction(ends.lower) < Fraction(rate) * factor < Fraction(ends.upper)
        assert ends.gap <= 4.0 * np.spacing(ends.upper), "no further than it takes"


def test_data_sets_convert_what_is_measured_in_nats_and_say_so():
    nats = curve(Bernoulli(0.5), Hamming(), D=[0.1, 0.2])
    bits = nats_to_bits(nats)
    for name in ("rate", "lower", "slope_D"):
        np.testing.assert_array_equal(bits[name].values, nats[name].values / NATS_PER_BIT)
        assert bits[name].attrs["units"] == nats[name].attrs["units"].replace("nat", "bit", 1)
        assert bits_to_nats(bits)[name].attrs == nats[name].attrs
    for name in ("D", "steps", "status"):
        assert bits[name].identical(nats[name])
    assert nats_to_bits(bits).identical(bits)  # nothing in it is in nats any more
    rate = nats_to_bits(nats.rate)
    assert rate.identical(bits.rate)
    assert nats_to_bits(nats.D).attrs == nats.D.attrs


def test_frames_convert_the_columns_that_end_in_the_unit():
    frame = pd.DataFrame({"D": [0.1, 0.2], "rate_nat": [NATS_PER_BIT, 0.0], "steps": [3, 4]})
    bits = nats_to_bits(frame)
    assert list(bits.columns) == ["D", "rate_bit", "steps"]
    assert bits.rate_bit.tolist() == [1.0, 0.0]
    assert bits[["D", "steps"]].equals(frame[["D", "steps"]])
    assert bits_to_nats(bits).equals(frame)
    rates = pd.DataFrame({"ours": [NATS_PER_BIT], "theirs": [0.0]})
    assert nats_to_bits(rates).to_numpy().tolist() == [[1.0, 0.0]]  # no column names a unit: all of them are rates
    assert nats_to_bits(rates.ours).tolist() == [1.0]
    assert nats_to_bits([NATS_PER_BIT, 0.0]).tolist() == nats_to_bits((NATS_PER_BIT, 0.0)).tolist() == [1.0, 0.0]
