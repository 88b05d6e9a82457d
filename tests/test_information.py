"""Entropies and informations against sums to fifty digits and against their inequalities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import KullbackLeibler
from rdptheory.information import (
    binary_entropy,
    entropy,
    inverse_binary_entropy,
    kullback_leibler,
    mutual_information,
)
from tests import oracles
from tests.strategies import laws, matrices

EXACT = 1e-14  # a few roundings of terms below 1


@given(laws(5))
def test_entropy_is_minus_the_divergence_from_the_uniform_law(p):
    assert entropy(p) == pytest.approx(math.log(5) - kullback_leibler(p, np.full(5, 0.2)), abs=EXACT)


@given(laws(4), laws(4))
def test_divergence_against_the_exact_sum(p, r):
    other = oracles.divergence(KullbackLeibler(), r, p)
    assert kullback_leibler(p, r) == (other if math.isinf(other) else pytest.approx(other, abs=EXACT * max(1, other)))


@given(laws(3), matrices(3, 4))
def test_information_against_fifty_digits(p, weights):
    weights = weights + 1e-3
    channel = weights / weights.sum(axis=1, keepdims=True)
    value = mutual_information(p, channel)
    assert value == pytest.approx(float(oracles.information(p, channel)), abs=EXACT)
    assert 0.0 <= value <= entropy(p) + EXACT


def test_information_of_extreme_channels():
    p = np.array([0.5, 0.5, 0.0])
    assert mutual_information(p, np.eye(3)) == pytest.approx(math.log(2.0), abs=EXACT)
    assert mutual_information(p, np.tile([0.2, 0.3, 0.5], (3, 1))) <= 1e-16


@given(st.floats(0.0, 1.0))
def test_binary_entropy_is_the_entropy_of_two_symbols(x):
    assert float(binary_entropy(x)) == pytest.approx(entropy([x, 1.0 - x]), abs=EXACT)


@given(st.floats(0.0, math.log(2.0)))
def test_inverse_binary_entropy_inverts(rate):
    x = inverse_binary_entropy(rate)
    assert 0.0 <= x <= 0.5
    assert float(binary_entropy(x)) == pytest.approx(rate, abs=1e-15)


def test_inverse_binary_entropy_at_the_ends():
    assert inverse_binary_entropy(0.0) == 0.0
    assert inverse_binary_entropy(1.0) == 0.5
