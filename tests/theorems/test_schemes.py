"""What the checks share, against formulas and programs from elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory.closed_forms import transport_binary
from rdptheory.couplings import optimal_transport
from rdptheory.information import entropy
from rdptheory.theorems import schemes
from rdptheory.theorems.zqck21.one_shot import functional_representation, huffman
from rdptheory.units import bits_to_nats

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_monotone_transport_is_the_linear_program(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=4), rng.normal(size=3)
    p, q = rng.dirichlet([1.0, 1.0, 1.0, 0.2]), rng.dirichlet([1.0, 1.0, 1.0])
    program = optimal_transport(p, q, schemes.squared(x, y)).lower
    assert schemes.line_transport(x, p, y, q) == pytest.approx(program, abs=1e-7)  # HiGHS is feasible to 1e-7


def test_a_last_symbol_of_no_mass_is_no_trouble():
    p = np.array([0.1, 0.2, 0.7 + 1e-16, 0.0])
    assert schemes.line_transport(np.arange(4.0), p, np.arange(3.0), p[:3]) == pytest.approx(0.0, abs=1e-15)


@given(st.floats(0.02, 0.98), st.floats(0.02, 0.98))
def test_best_quantiser_of_two_points_is_the_closed_form(q, share):
    p = np.array([1.0 - q, q])
    R = share * entropy(p)
    value, encoder = schemes.best_encoder(p, np.array([0.0, 1.0]), R)
    assert value == pytest.approx(float(transport_binary.quantisation_error(q, R=R)), abs=1e-12)
    assert entropy(p @ encoder) <= R + 1e-12


def test_best_quantiser_splits_an_atom():
    value = schemes.quantisation(np.array([0.4, 0.2, 0.4]), np.array([0.0, 0.3, 1.0]), bits_to_nats(0.8))
    assert value == pytest.approx(0.11279328333805, abs=1e-13)


@given(SEEDS)
def test_best_quantiser_is_below_random_encoders_and_ignores_the_order(seed):
    rng = np.random.default_rng(seed)
    law = schemes.source(rng)
    p, x = law.probabilities, law.points
    encoder = schemes.channel(rng, p.size, 3)
    R = entropy(p @ encoder)
    best = schemes.quantisation(p, x, R)
    assert best <= schemes.means(p, x, encoder)[2] + 1e-12
    order = rng.permutation(p.size)
    again, shuffled = schemes.best_encoder(p[order], x[order], R)
    assert again == pytest.approx(best, abs=1e-12)
    assert schemes.means(p[order], x[order], shuffled)[2] == pytest.approx(best, abs=1e-12)


def test_matched_schemes_are_matched():
    for seed in range(20):
        code = schemes.scheme(np.random.default_rng(seed), dimension=1 + seed % 2, match=True)
        np.testing.assert_allclose(code.output, code.source.probabilities, rtol=0.0, atol=1e-12)


def test_huffman():
    assert huffman((1.0,)) == 0.0
    assert huffman((0.1, 0.2, 0.3, 0.4)) == pytest.approx(1.9, abs=1e-15)


def test_shared_exponentials_make_the_channel_exactly():
    rows = np.array([[0.5, 0.25, 0.25], [0.1, 0.6, 0.3]])
    chosen, lengths, entropies = functional_representation(np.array([0.4, 0.6]), rows, np.random.default_rng(0), 40_000)
    frequency = np.array([np.bincount(chosen[:, x], minlength=3) / 40_000 for x in range(2)])
    np.testing.assert_allclose(frequency, rows, atol=0.015)  # six standard errors
    assert (lengths >= entropies - 1e-12).all()
    assert (lengths <= entropies + 1.0).all()
