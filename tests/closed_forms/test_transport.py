"""Closed forms of transport against the printed values, definitions, their sympy twins, and each other."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rdptheory import SquaredError, constrained_transport
from rdptheory.closed_forms import transport_binary, transport_gaussian, transport_uniform
from rdptheory.errors import InvalidInput
from rdptheory.information import binary_entropy
from rdptheory.sources import Gaussian, Uniform
from tests.checks import rounded
from tests.transport_cases import BIT, REFERENCES

PRINTED = 2e-13  # 13 or more digits are printed, of numbers below 10
inside = st.floats(0.01, 0.99)
rates = st.floats(0.0, 1.2)


def cauchy_schwarz(qX: float, qY: float, *, R: float) -> float:
    """The lower bound without common randomness that Cov(Xhat, Yhat)² <= Var Xhat Var Yhat gives."""
    explained = [q * (1.0 - q) - float(transport_binary.quantisation_error(q, R=R)) for q in (qX, qY)]
    total = (qX - qY) ** 2 + qX * (1.0 - qX) + qY * (1.0 - qY)
    return total - 2.0 * float(np.sqrt(max(explained[0], 0.0) * max(explained[1], 0.0)))


@pytest.mark.parametrize("row", REFERENCES["binary"])
def test_binary_values(row: dict[str, float]) -> None:
    qX, qY, R = row["qX"], row["qY"], row["R"] * BIT
    values = {
        "D_ncr": transport_binary.distortion(qX, qY, R=R, common_randomness=False),
        "D_cr": transport_binary.distortion(qX, qY, R=R, common_randomness=True),
        "D_up": transport_binary.upper(qX, qY, R=R),
        "D_lo": transport_binary.quantisation_error(qX, R=R) + transport_binary.quantisation_error(qY, R=R),
        "D_cs": cauchy_schwarz(qX, qY, R=R),
        "R_sat": transport_binary.saturation_rate(qX, qY, common_randomness=True) / BIT,
    }
    for name, value in values.items():
        assert float(value) == pytest.approx(row[name], abs=PRINTED), name
    assert float(transport_binary.lower(qX, qY, R=R)) == pytest.approx(max(row["D_lo"], abs(qX - qY)), abs=PRINTED)


@given(inside, inside, rates)
def test_binary_bounds_enclose_and_meet_on_one_side(qX: float, qY: float, R: float) -> None:
    exact = float(transport_binary.distortion(qX, qY, R=R, common_randomness=False))
    lower, upper = float(transport_binary.lower(qX, qY, R=R)), float(transport_binary.upper(qX, qY, R=R))
    cauchy = float(cauchy_schwarz(qX, qY, R=R))
    shared = float(transport_binary.distortion(qX, qY, R=R, common_randomness=True))
    assert max(lower, cauchy, shared) <= exact + 1e-12
    assert exact <= upper + 1e-12
    assert abs(qX - qY) - 1e-12 <= shared
    if (qX - 0.5) * (qY - 0.5) >= 0.0:
        assert upper == pytest.approx(exact, abs=1e-12)
        if float(np.minimum(binary_entropy(qX), binary_entropy(qY))) >= R:
            assert cauchy == pytest.approx(exact, abs=1e-12)


@given(inside, inside, st.floats(0.01, 0.99), st.booleans())
def test_binary_rate_inverts_distortion(qX: float, qY: float, share: float, shared: bool) -> None:
    R = share * transport_binary.saturation_rate(qX, qY, common_randomness=shared)
    D = transport_binary.distortion(qX, qY, R=R, common_randomness=shared)
    back = transport_binary.distortion(
        qX, qY, R=transport_binary.rate(qX, qY, D=D, common_randomness=shared), common_randomness=shared
    )
    assert float(back) == pytest.approx(float(D), abs=1e-12)


def test_binary_curves_saturate_and_vectorise() -> None:
    R = np.array([0.0, 0.3, 5.0, np.inf])
    for shared in (False, True):
        D = transport_binary.distortion(0.2, 0.7, R=R, common_randomness=shared)
        assert D.shape == (4,)
        assert D[0] == rounded(0.2 + 0.7 - 0.28)
        assert D[2] == D[3] == rounded(0.5)
        assert np.isinf(transport_binary.rate(0.2, 0.7, D=0.49, common_randomness=shared))
    with pytest.raises(InvalidInput, match="R = "):
        transport_binary.distortion(0.2, 0.7, R=-0.1, common_randomness=True)


@pytest.mark.parametrize(("qX", "qY"), [(0.3, 0.4), (0.3, 0.9), (0.8, 0.6)])
def test_binary_symbolic_agrees(qX: float, qY: float) -> None:
    R, h = float(binary_entropy(0.05)), 0.05
    private = transport_binary.symbolic(common_randomness=False).subs({"q_X": qX, "q_Y": qY, "h": h})
    assert float(private) == pytest.approx(
        float(transport_binary.distortion(qX, qY, R=R, common_randomness=False)), abs=1e-12
    )
    R = 0.5 * transport_binary.saturation_rate(qX, qY, common_randomness=True)
    common = transport_binary.symbolic(common_randomness=True).subs({"q_X": qX, "q_Y": qY, "R": R})
    assert float(common) == pytest.approx(
        float(transport_binary.distortion(qX, qY, R=R, common_randomness=True)), abs=1e-12
    )


@pytest.mark.parametrize("row", REFERENCES["uniform"])
def test_uniform_values(row: dict[str, float]) -> None:
    source, target, R = Uniform(0, row["a"]), Uniform(0, row["b"]), row["R"] * BIT
    N, c, other = transport_uniform.cells(R)
    quantise, convert, dequantise = (float(part) for part in transport_uniform.terms(source, target, R=R))
    assert row["N"] == N
    for value, name in [
        (c, "c"), (other, "c_long"), (quantise, "quantise"), (convert, "convert"), (dequantise, "dequantise"),
        (float(transport_uniform.distortion(source, target, R=R)), "D"),
    ]:  # fmt: skip
        assert value == pytest.approx(row[name], abs=PRINTED), name
    if N > 1:
        numbers = {"a": row["a"], "b": row["b"], "Delta": 0.5 * (row["b"] - row["a"]), "N": N, "c": c}
        assert float(transport_uniform.symbolic().subs(numbers)) == pytest.approx(row["D"], abs=PRINTED)


@given(st.floats(0.0, 6.0))
def test_uniform_cells_have_the_entropy_asked_for(R: float) -> None:
    N, c, other = transport_uniform.cells(R)
    lengths = np.array([c] + [other] * (N - 1))
    assert lengths.sum() == rounded(1.0)
    assert 0.0 <= c <= other + 1e-15
    assert float(-(lengths * np.log(np.maximum(lengths, 1e-300))).sum()) == pytest.approx(R, abs=1e-9)


@pytest.mark.parametrize("levels", range(1, 40))
def test_uniform_cells_are_equal_at_the_logarithm_of_an_integer(levels: int) -> None:
    assert transport_uniform.cells(float(np.log(levels))) == (levels, 1.0 / levels, rounded(1.0 / levels))


def exact_uniform(source: Uniform, target: Uniform, R: float) -> mpmath.mpf:
    """D(R) of the ends as they stand, to 40 digits."""
    rate = mpmath.mpf(R)
    N = int(mpmath.ceil(mpmath.exp(rate) - mpmath.mpf(10) ** -35))
    m = mpmath.mpf(1) / 12
    if N > 1:
        low, high = mpmath.mpf(0), mpmath.mpf(1) / N
        for _ in range(140):  # the short cell
            c = (low + high) / 2
            spent = -c * mpmath.log(c) - (1 - c) * mpmath.log((1 - c) / (N - 1))
            low, high = (c, high) if spent < rate else (low, c)
        m = (c**3 + (1 - c) * ((1 - c) / (N - 1)) ** 2) / 12
    a, b = mpmath.mpf(source.high) - source.low, mpmath.mpf(target.high) - target.low
    apart = (mpmath.mpf(source.low) + source.high - target.low - target.high) / 2
    return apart**2 + (a - b) ** 2 / 12 + 2 * a * b * m


@settings(max_examples=60)
@given(
    st.sampled_from([0.0, 1e3, 1e12, -1e12]),
    st.sampled_from([1e-140, 1e-10, 1.0, 1e120]),
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2),
    st.lists(st.floats(0.1, 2.0), min_size=2, max_size=2),
    st.one_of(
        st.floats(0.0, 4.0),
        st.builds(lambda n, off: max(0.0, float(np.log(n)) + off), st.integers(1, 40), st.floats(-1e-11, 1e-11)),
    ),
)
@example(1e12, 1.0, [0.13, 0.71], [1.9, 0.3], 0.7)  # midpoints there have two digits after the point
@example(0.0, 1.0, [0.0, 0.0], [1.0, 1.0], float(np.log(2)) - 5e-13)  # not yet two equal cells
def test_uniform_laws_anywhere_and_of_any_width(
    place: float, unit: float, lows: list[float], widths: list[float], R: float
) -> None:
    source, target = (
        Uniform(unit * (place + low), unit * (place + low + w)) for low, w in zip(lows, widths, strict=True)
    )
    found = constrained_transport(source, target, SquaredError(), R=R, common_randomness=False)
    with mpmath.workdps(40):
        truth = exact_uniform(source, target, R)
        assert found.bounds.lower <= truth <= found.bounds.upper
    assert found.bounds.gap <= 1e-13 * unit**2 * 16.0  # of squares of at most 4 units


def test_squares_that_float64_cannot_hold_are_refused() -> None:
    wide = Uniform(0.0, 1e160)
    for source, target, asymptotic in ((wide, wide, False), (Gaussian(1e200, 1.0), Gaussian(0.0, 1.0), True)):
        with pytest.raises(InvalidInput, match="the square of what lies between"):
            constrained_transport(source, target, SquaredError(), R=0.5, common_randomness=False, asymptotic=asymptotic)
    narrow = Uniform(0.0, 1e-170)
    assert constrained_transport(narrow, narrow, SquaredError(), R=0.5, common_randomness=False).bounds.upper > 0.0


def test_uniform_limits() -> None:
    source, target = Uniform(-1, 3), Uniform(2, 4)
    assert float(transport_uniform.distortion(source, target, R=0.0)) == rounded(4.0 + (16.0 + 4.0) / 12.0)
    assert float(transport_uniform.distortion(source, target, R=np.inf)) == rounded(4.0 + 4.0 / 12.0)
    with pytest.raises(InvalidInput, match="R = "):
        transport_uniform.cells(float("nan"))


@pytest.mark.parametrize("row", REFERENCES["gaussian"])
def test_gaussian_values(row: dict[str, float]) -> None:
    unit, R = Gaussian(0, 1), row["R"] * BIT
    private = float(transport_gaussian.distortion(unit, unit, R=R, common_randomness=False))
    assert private == pytest.approx(row["D_ncr"], abs=PRINTED)
    assert float(transport_gaussian.lower(unit, unit, R=R)) == pytest.approx(row["D_lo"], abs=PRINTED)
    shared = float(transport_gaussian.distortion(unit, unit, R=R, common_randomness=True))
    assert shared == pytest.approx(row["D_cr"], abs=PRINTED)


@given(rates, st.floats(0.0, 3.0), st.floats(0.1, 4.0), st.floats(-2.0, 2.0))
def test_gaussian_limited_randomness_lies_between_and_inverts(
    R: float, extra: float, variance: float, mean: float
) -> None:
    X, Y = Gaussian(0, 1), Gaussian(mean, variance)
    none, some, much = (
        float(transport_gaussian.distortion(X, Y, R=R, common_randomness=shared)) for shared in (False, extra, True)
    )
    assert much - 1e-12 <= some <= none + 1e-12
    back = transport_gaussian.rate(X, Y, D=some, common_randomness=extra)
    again = transport_gaussian.distortion(X, Y, R=back, common_randomness=extra)
    assert float(again) == pytest.approx(some, abs=1e-9)
    numbers = {"m_X": 0, "m_Y": mean, "s_X": 1, "s_Y": np.sqrt(variance), "R": R, "R_c": extra}
    assert float(transport_gaussian.symbolic().subs(numbers)) == pytest.approx(some, abs=1e-9)
    least = mean**2 + (1 - np.sqrt(variance)) ** 2
    if least > 1e-9:
        assert np.isinf(transport_gaussian.rate(X, Y, D=0.9 * least, common_randomness=1))


@pytest.mark.parametrize("R", [1e-15, 1e-9, 1e-3, 1.0, 8.0])
@pytest.mark.parametrize("extra", [0.0, 1e-12, 1e-9, 0.1, np.inf])
def test_gaussian_rate_keeps_its_digits_next_to_0(R: float, extra: float) -> None:
    """D has the slope of a root at R = 0, so what is lost of R there comes back larger in D."""
    X, Y = Gaussian(0, 1), Gaussian(0.5, 2.0)
    D = float(transport_gaussian.distortion(X, Y, R=R, common_randomness=extra))
    back = float(transport_gaussian.rate(X, Y, D=D, common_randomness=extra))
    again = float(transport_gaussian.distortion(X, Y, R=back, common_randomness=extra))
    assert again == pytest.approx(D, abs=2e-15)  # a rounding of the terms of D, which are below 4


@given(st.floats(1e-12, 1.0), st.floats(0.0, 1.0), st.booleans())
def test_binary_rate_is_finite_at_what_any_rate_reaches(qX: float, qY: float, shared: bool) -> None:
    D = transport_binary.distortion(qX, qY, R=np.inf, common_randomness=shared)
    most = transport_binary.saturation_rate(qX, qY, common_randomness=shared)
    assert float(transport_binary.rate(qX, qY, D=D, common_randomness=shared)) <= most + 1e-15
