"""Alphabets too large for a table of distortions go through the front door all the same."""

import resource

import numpy as np
import pytest

from rdptheory import (
    AbsoluteError,
    Empirical,
    FirstOrder,
    Gaussian,
    Hamming,
    InteriorPoint,
    InvalidInput,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Status,
    Table,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
    discretise,
    distortion_at,
    rdp,
)


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


def test_sixty_five_thousand_levels_of_a_gaussian():
    """R(D,0) of the density is -½ log(1 - (1 - D/2)²); 65,536 levels to the quantile 1e-7 are within 1e-4 of it."""
    source = discretise(Gaussian(0, 1), 65_536)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    solution = rdp(source, SquaredError(), TotalVariation(), D=1e-3, P=0.0)
    assert solution.gap <= 1e-4
    assert solution.rate == pytest.approx(-0.5 * np.log(1.0 - (1.0 - 5e-4) ** 2), abs=2e-4)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB: the table would take 32 GiB


def test_twenty_thousand_samples_on_a_line():
    """R(D,0) of a normal sample, beside that of the normal law: Y = X in law, so its correlation is 1 - D/2."""
    source = Empirical(np.random.default_rng(0).normal(size=20_000))
    solution = rdp(source, SquaredError(), TotalVariation(), D=0.1, P=0.0)
    assert solution.gap <= 1e-4
    assert solution.rate == pytest.approx(-0.5 * np.log(1.0 - (1.0 - 0.05) ** 2), abs=0.02)  # sampling: 1/sqrt(2 n)


@pytest.mark.parametrize("distortion", [Hamming(), AbsoluteError(), SquaredError()], ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("perception, P", [(TotalVariation(), 0.03), (KullbackLeibler(), 0.01), (None, np.inf)])
def test_a_geometry_and_its_table_have_one_rate(distortion, perception, P, monkeypatch):
    """The same question by the geometry and by the interior point on the table."""
    rng = np.random.default_rng(1)
    source = Pmf.from_weights(rng.dirichlet(np.ones(40)), rng.normal(size=40))
    D = 0.3 * float((source.probabilities @ distortion.table(source.points)).min())
    inside = rdp(source, distortion, perception, D=D, P=P, method=InteriorPoint())
    monkeypatch.setattr("rdptheory.problems.LARGE", 10)
    closed = perception is None and distortion == Hamming()  # there is a formula, which is the default
    large = rdp(source, distortion, perception, D=D, P=P, method=FirstOrder(gap=1e-4) if closed else None)
    assert isinstance(large.method, FirstOrder)
    assert large.gap <= 1e-4
    assert inside.gap <= 1e-9
    assert large.bounds.overlaps(inside.bounds)


def test_equal_masses_without_a_channel():
    solution = rdp(Pmf(np.full(50_000, 1 / 50_000)), Hamming(), TotalVariation(), D=0.1, P=0.01)
    error = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    assert solution.rate == pytest.approx(np.log(50_000) - error - 0.1 * np.log(49_999), abs=1e-12)
    assert solution.candidate is None


def test_hamming_on_twenty_thousand_symbols():
    source = Pmf.from_weights(np.random.default_rng(2).random(20_000))
    solution = rdp(source, Hamming(), TotalVariation(), D=0.3, P=0.05)
    assert solution.status is Status.OPTIMAL
    assert solution.gap <= 1e-4


def test_what_does_not_fit_is_refused_in_one_sentence():
    source = discretise(Gaussian(0, 1), 20_000)
    with pytest.raises(InvalidInput, match=r"source = 20000 x 20000: needs 35\.8 GiB of tables, 4 GiB are allowed"):
        rdp(source, SquaredError(), TotalVariation(), D=0.1, P=0.1, method=InteriorPoint())

    for perception in (Wasserstein1(), Wasserstein2Squared()):
        with pytest.raises(InvalidInput, match="GiB"):
            rdp(source, SquaredError(), perception, D=0.1, P=0.1)

    class Fourth:
        def table(self, points):
            raise AssertionError("the table must not be asked for")

    with pytest.raises(InvalidInput, match="GiB"):
        rdp(source, Fourth(), None, D=0.1, P=np.inf)
    narrow = Table(np.stack([np.zeros(20_000), np.ones(20_000)], axis=1))  # 20,000 x 2 entries are few
    assert rdp(source, narrow, None, D=0.5, P=np.inf).rate == 0.0


def test_the_question_turned_around_needs_no_table_either():
    """D(R) of a Gaussian is exp(-2R); 2,500 levels are within 1e-4 of it. Rate 0 takes the level next to 0."""
    source = discretise(Gaussian(0, 1), 2_500)
    found = distortion_at(source, SquaredError(), TotalVariation(), R=1.0, P=np.inf)
    assert found.bounds.lower <= np.exp(-2.0) + 1e-5
    assert found.value == pytest.approx(np.exp(-2.0), abs=1e-4)
    nothing = distortion_at(source, SquaredError(), TotalVariation(), R=0.0, P=np.inf)
    least = float(source.probabilities @ (source.points - np.abs(source.points).min()) ** 2)
    assert nothing.bounds.lower <= least <= nothing.bounds.upper
