"""Finite sources: what the constructors take, what they refuse, and the file they travel in."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdptheory import Bernoulli, Empirical, InvalidInput, Pmf
from tests.strategies import laws, matrices


def test_points_default_to_the_index():
    source = Pmf([0.5, 0.25, 0.25])
    assert source.points.tolist() == [0.0, 1.0, 2.0]
    assert source.size == 3
    assert not source.probabilities.flags.writeable
    assert not source.points.flags.writeable


@pytest.mark.parametrize("error, accepted", [(5e-13, True), (-5e-13, True), (2e-12, False), (-2e-12, False)])
def test_the_sum_must_be_one_within_1e_12(error, accepted):
    masses = [0.5, 0.5 + error]
    if accepted:
        assert Pmf(masses).probabilities.tolist() == masses  # taken as they are, not rescaled
    else:
        with pytest.raises(InvalidInput, match="must sum to 1"):
            Pmf(masses)


@pytest.mark.parametrize(
    "probabilities, points, argument",
    [
        ([0.5, 0.48], None, "probabilities"),
        ([1.5, -0.5], None, "probabilities"),
        ([np.nan, 1.0], None, "probabilities"),
        ([np.inf, 1.0], None, "probabilities"),
        ([], None, "probabilities"),
        ([[1.0]], None, "probabilities"),
        (["a"], None, "probabilities"),
        (1.0, None, "probabilities"),
        ([0.5, 0.5], [1.0], "points"),
        ([0.5, 0.5], [1.0, np.nan], "points"),
        ([0.5, 0.5], [[[1.0]], [[2.0]]], "points"),
        ([0.5, 0.5], np.empty((2, 0)), "points"),
    ],
)
def test_bad_masses_and_points_are_refused(probabilities, points, argument):
    with pytest.raises(InvalidInput) as caught:
        Pmf(probabilities, points)
    assert caught.value.argument == argument


@given(st.lists(st.floats(0.0, 1e308), min_size=1, max_size=6).filter(lambda w: max(w) > 1e-300))
def test_weights_are_divided_by_their_sum_on_purpose(weights):
    p = Pmf.from_weights(weights).probabilities
    assert abs(p.sum() - 1.0) <= 1e-15 * len(weights)
    assert np.argmax(p) == np.argmax(weights)


@pytest.mark.parametrize("weights", [[0.0, 0.0], [-1.0, 2.0], [np.nan], []])
def test_weights_without_a_law_are_refused(weights):
    with pytest.raises(InvalidInput, match=r"^weights"):
        Pmf.from_weights(weights)


@given(laws(4), st.sampled_from([1, 2, 3]), st.data())
def test_every_float_survives_the_file(tmp_path_factory, p, k, data):
    points = data.draw(matrices(4, k, low=-1e6, high=1e6))
    path = tmp_path_factory.mktemp("csv") / "source.csv"
    source = Pmf(p, points[:, 0] if k == 1 else points)
    again = Pmf.from_csv(source.to_csv(path))
    np.testing.assert_array_equal(again.probabilities, source.probabilities)
    np.testing.assert_array_equal(again.points, source.points)


def test_a_file_of_masses_alone(tmp_path):
    path = tmp_path / "source.csv"
    path.write_text("\ufeffprobability\n0.25\n\n0.75\n", encoding="utf-8")
    assert Pmf.from_csv(path).probabilities.tolist() == [0.25, 0.75]
    assert Pmf.from_csv(path).points.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "text, rule",
    [
        ("", "header"),
        ("probability\n", "header"),
        ("mass,point\n1,0\n", "header"),
        ("probability,point\n0.5,0\n0.5\n", "line 3"),
        ("probability,point\n0.5,0\nhalf,1\n", "line 3"),
        ("probability\n0.5\n0.48\n", "sum to 1"),
        ("probability\nnan\n1\n", "finite"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path, text, rule):
    path = tmp_path / "source.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=rule):
        Pmf.from_csv(path)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        Pmf.from_csv(tmp_path / "nothing.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InvalidInput, match="cannot be read"):
        Pmf.from_csv(tmp_path / "picture.csv")


@pytest.mark.parametrize("p", [0, 1, 0.25, 1e-300])
def test_bernoulli(p):
    source = Bernoulli(p)
    assert source.probabilities.tolist() == [1.0 - p, p]
    assert source.points.tolist() == [0.0, 1.0]
    assert source == Bernoulli(float(p))


@pytest.mark.parametrize("p", [1.5, -0.1, np.nan, "a", None])
def test_bernoulli_refuses_what_is_no_probability(p):
    with pytest.raises(InvalidInput, match=r"^p = "):
        Bernoulli(p)


def test_empirical_counts_each_distinct_sample():
    source = Empirical([2.0, 5.0, 2.0, 2.0])
    assert source.points.tolist() == [2.0, 5.0]
    assert source.probabilities.tolist() == [0.75, 0.25]
    pairs = Empirical([[0, 1], [1, 0], [0, 1]])
    assert pairs.points.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    np.testing.assert_allclose(pairs.probabilities, [2 / 3, 1 / 3], rtol=1e-15)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=50))
def test_empirical_keeps_the_moments_of_the_sample(samples):
    source = Empirical(samples)
    assert source.probabilities @ source.points == pytest.approx(np.mean(samples), abs=1e-14)
    assert source.probabilities @ source.points**2 == pytest.approx(np.mean(np.square(samples)), abs=1e-14)


@pytest.mark.parametrize("samples", [[], [np.nan], 3.0, [[[1.0]]], np.empty((2, 0))])
def test_empirical_refuses_what_is_no_sample(samples):
    with pytest.raises(InvalidInput, match=r"^samples"):
        Empirical(samples)


def test_sources_travel_between_processes():
    for source in (Pmf([0.25, 0.75], [3.0, 4.0]), Bernoulli(0.25), Empirical([1.0, 1.0, 2.0])):
        again = pickle.loads(pickle.dumps(source))
        np.testing.assert_array_equal(again.probabilities, source.probabilities)
        np.testing.assert_array_equal(again.points, source.points)


def test_the_index_of_a_series_is_where_its_masses_sit():
    law = Pmf(pd.Series([0.25, 0.75], index=[3.0, 5.0]))
    assert law.points.tolist() == [3.0, 5.0]
    assert Pmf(pd.Series([0.25, 0.75], index=[3.0, 5.0]), [1.0, 2.0]).points.tolist() == [1.0, 2.0]
    with pytest.raises(InvalidInput, match="Series whose index is no list of numbers"):
        Pmf(pd.Series([0.25, 0.75], index=["black", "white"]))


def test_a_picture_is_not_taken_for_a_list_of_vectors():
    picture = np.arange(64.0).reshape(8, 8) % 5
    with pytest.raises(InvalidInput, match="may be a picture"):
        Empirical(picture)
    assert Empirical(picture, vectors=True).points.shape[1] == 8
    assert Empirical(picture.ravel()).size == 5
    images = np.stack([picture, picture.T])
    with pytest.raises(InvalidInput, match=r"samples\.reshape\(len\(samples\), -1\) makes rows of images"):
        Empirical(images)
    assert Empirical(images.reshape(2, -1), vectors=True).points.shape == (2, 64)
