import pytest
import torch
from scipy.stats import wasserstein_distance

from neural.coders import Perceptron
from neural.losses import (
    AnchorNorm,
    EnergyDistance,
    EnergyScore,
    MeanSquaredError,
    Round,
    SlicedWasserstein,
    WassersteinGP,
    energy_distance,
    sliced_wasserstein,
)
from rdptheory.errors import InvalidInput


def a_round(source, drawn, received=None, cells=None, anchor=None):
    n = len(source)
    received = torch.zeros(n, 1) if received is None else received
    cells = torch.zeros(n, dtype=torch.long) if cells is None else cells
    return Round(source, source, received, cells, drawn, anchor, torch.full((n,), 0.5))


@pytest.fixture
def pair(rng):
    return torch.randn(300, 1, 1, 1, generator=rng), torch.randn(300, 1, 1, 1, generator=rng) * 0.5 + 0.3


@pytest.mark.parametrize("order", [1, 2])
def test_one_pixel_sliced_wasserstein_is_the_exact_distance(pair, order):
    x, y = pair
    value = float(sliced_wasserstein(x, y, order))
    if order == 1:
        assert value == pytest.approx(wasserstein_distance(x.flatten(), y.flatten()), rel=1e-5)  # float32
    else:
        gap = x.flatten().sort().values - y.flatten().sort().values
        assert value == pytest.approx(float(gap.square().mean()), rel=1e-5)


def test_conditional_wasserstein_is_the_average_over_cells(pair, rng):
    x, y = pair
    cells = torch.randint(3, (300,), generator=rng)
    loss = SlicedWasserstein(order=1, conditional=True)
    parts = [(cells == c).sum() * sliced_wasserstein(x[cells == c], y[cells == c], 1) / 300 for c in range(3)]
    assert float(loss(a_round(x, y[None], cells=cells), None)) == pytest.approx(float(sum(parts)), rel=1e-5)
    assert float(loss(a_round(x, y[None], cells=cells), None)) >= float(SlicedWasserstein(1)(a_round(x, y[None]), None))


def test_energy_distance_against_the_definition(pair):
    x, y = (sample.flatten() for sample in pair)
    n = len(x)
    within = [(s[:, None] - s).abs().sum() / (n * (n - 1)) for s in (x, y)]
    direct = 2 * (x[:, None] - y).abs().mean() - within[0] - within[1]
    assert float(energy_distance(*pair)) == pytest.approx(float(direct), abs=1e-5)  # float32
    assert float(EnergyDistance()(a_round(pair[0], pair[1][None]), None)) == pytest.approx(float(direct), abs=1e-5)


def test_the_energy_score_prefers_the_true_law_to_its_mean_and_to_wider_ones(rng):
    source = torch.randn(20_000, 1, 1, 1, generator=rng)
    draws = torch.randn(2, 20_000, 1, 1, 1, generator=rng)
    truth, mean, wide = (float(EnergyScore(2)(a_round(source, scale * draws), None)) for scale in (1.0, 0.0, 1.5))
    # E|X-Y| - E|Y-Y'|/2 for N(0,1) is 1/sqrt(pi), for the point 0 sqrt(2/pi); standard error 0.01
    assert truth == pytest.approx(0.5642, abs=0.03)
    assert mean == pytest.approx(0.7979, abs=0.03)
    assert wide > truth + 0.02


def test_the_energy_score_is_of_the_source_and_not_of_a_reference(pair, rng):
    source, reference = pair
    drawn = torch.randn(2, 300, 1, 1, 1, generator=rng)
    paired = a_round(source, drawn)
    assert EnergyScore(2)(paired._replace(reference=reference), None) == EnergyScore(2)(paired, None)


def test_the_anchor_term_is_the_norm_and_not_its_square():
    anchor = torch.zeros(2, 1, 1, 2)
    drawn = torch.tensor([[[[3.0, 4.0]]], [[[0.0, 1.0]]]])[None]
    assert float(AnchorNorm()(a_round(anchor, drawn, anchor=anchor), None)) == pytest.approx(3.0, rel=1e-6)


def test_sums_and_multiples_are_flat():
    mix = 0.5 * (MeanSquaredError() + 2.0 * EnergyScore(3)) + EnergyDistance()
    assert mix.terms == ((0.5, MeanSquaredError()), (1.0, EnergyScore(3)), (1.0, EnergyDistance()))
    assert mix.draws == 3
    with pytest.raises(InvalidInput):
        -1.0 * MeanSquaredError()
    with pytest.raises(InvalidInput, match="at most one"):
        WassersteinGP() + WassersteinGP(conditional=True)


def test_the_gradient_penalty_is_zero_for_slope_one_and_its_weight_for_slope_zero(rng):
    x, y = torch.rand(2, 8, 1, 2, 2, generator=rng)
    mixing = torch.rand(8, generator=rng)
    axis = torch.randn(4, generator=rng)
    axis /= axis.norm()

    def linear(images, code):
        return images.flatten(1) @ axis

    gap = float(linear(y, None).mean() - linear(x, None).mean())
    assert float(WassersteinGP(10.0).against(y, x, mixing, linear)) == pytest.approx(gap, abs=1e-5)
    flat = float(WassersteinGP(7.0).against(y, x, mixing, lambda images, code: 0.0 * images.sum((1, 2, 3))))
    assert flat == pytest.approx(7.0, rel=1e-4)  # (sqrt(1e-12) - 1)^2 = 1 - 2e-6


def test_the_penalty_has_the_gradient_of_plain_double_backward(rng):
    critic = Perceptron(2, side=2).critic(2)
    x, y = torch.rand(2, 6, 1, 2, 2, generator=rng)
    code, mixing = torch.randn(6, 2, generator=rng), torch.rand(6, generator=rng)
    ours = torch.autograd.grad(WassersteinGP().against(y, x, mixing, critic, code, code), list(critic.parameters()))
    between = (mixing.view(-1, 1, 1, 1) * x + (1 - mixing.view(-1, 1, 1, 1)) * y).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between, code).sum(), between, create_graph=True)
    penalty = ((slope.flatten(1).norm(dim=1) - 1.0) ** 2).mean()
    direct = critic(y, code).mean() - critic(x, code).mean() + 10.0 * penalty
    theirs = torch.autograd.grad(direct, list(critic.parameters()), allow_unused=True)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, torch.zeros_like(a) if b is None else b, atol=1e-5)  # float32


def test_critic_settings_that_make_no_sense_are_refused():
    for wrong in (dict(penalty=0.0), dict(steps=0), dict(warm_up=3)):
        with pytest.raises(InvalidInput):
            WassersteinGP(**wrong)
    with pytest.raises(InvalidInput):
        EnergyScore(1)
