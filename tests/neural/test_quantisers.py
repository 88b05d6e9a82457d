import math

import pytest
import torch

from neural.quantisers import (
    Binary,
    DeterministicQuantiser,
    NoisyQuantiser,
    SoftGradient,
    StraightThrough,
    UniversalQuantiser,
    Unquantised,
)
from rdptheory.errors import InvalidInput

FAMILY = [
    Binary(),
    DeterministicQuantiser(3),
    NoisyQuantiser(4),
    UniversalQuantiser(5),
    UniversalQuantiser(4, common=False),
]


@pytest.mark.parametrize("quantiser", FAMILY, ids=repr)
def test_codes_use_at_most_the_rate(quantiser, rng):
    features = torch.rand(5000, 2, generator=rng) * 2 - 1
    cells, received = quantiser.send(features, quantiser.noise(5000, 2, rng))
    assert cells.min() >= 0
    assert cells.max() < quantiser.levels**2
    assert len(cells.unique()) == quantiser.levels**2
    assert quantiser.bits(2) == pytest.approx(2 * math.log2(quantiser.levels), rel=1e-12)
    assert received.shape == features.shape


@pytest.mark.parametrize("quantiser", FAMILY, ids=repr)
def test_gradients_reach_the_features(quantiser, rng):
    features = (torch.rand(50, 3, generator=rng) * 2 - 1).requires_grad_()
    quantiser.send(features, quantiser.noise(50, 3, rng)).received.sum().backward()
    assert features.grad.min() > -1e-6  # 0 where the dither leads outside of all centres
    assert features.grad.mean() > 0.1


def test_the_deterministic_code_is_the_nearest_centre(rng):
    features = torch.rand(1000, 1, generator=rng) * 2 - 1
    received = DeterministicQuantiser(4).send(features, torch.zeros(2, 1000, 1)).received
    centres = torch.tensor([-1.0, -1 / 3, 1 / 3, 1.0])
    nearest = centres[(features - centres).abs().argmin(1)]
    assert torch.allclose(received[:, 0], nearest, atol=1e-6)  # float32


def test_cells_number_the_codes_in_base_l():
    features = torch.tensor([[-1.0, -1.0], [0.0, -1.0], [1.0, -1.0], [-1.0, 0.0], [1.0, 1.0]])
    assert DeterministicQuantiser(3).send(features, torch.zeros(2, 5, 2)).cells.tolist() == [0, 1, 2, 3, 8]


def test_cells_of_long_codes_stay_distinct(rng):
    features = torch.rand(4000, 114 // 3, generator=rng) * 2 - 1
    assert len(DeterministicQuantiser(8).send(features, torch.zeros(2, 4000, 38)).cells.unique()) == 4000
    bits = Binary().send(features.repeat(1, 2)[:, :64], torch.zeros(2, 4000, 64))
    assert len(bits.cells.unique()) == 4000


def test_shared_dither_makes_the_error_uniform_and_independent_inside(rng):
    quantiser = UniversalQuantiser(9)
    features = torch.linspace(-0.8, 0.8, 40_000)[:, None]  # a whole step away from the ends
    error = quantiser.send(features, quantiser.noise(40_000, 1, rng)).received - features
    assert float(error.abs().max()) <= quantiser.step / 2 + 1e-6
    assert float(error.var()) == pytest.approx(quantiser.step**2 / 12, rel=0.03)  # 5 standard errors
    assert abs(float(torch.corrcoef(torch.stack([error[:, 0], features[:, 0]]))[0, 1])) < 0.025  # 5 standard errors


def test_two_dithers_triple_the_error_variance(rng):
    features, noise = torch.linspace(-0.75, 0.75, 40_000)[:, None], UniversalQuantiser(9).noise(40_000, 1, rng)
    shared, private = (
        float((UniversalQuantiser(9, common=common).send(features, noise).received - features).var())
        for common in (True, False)
    )
    assert private / shared == pytest.approx(3.0, rel=0.03)  # a^2/12 of Q, of u and of u' against one of them


def test_decoder_noise_is_as_wide_as_a_step(rng):
    quantiser = NoisyQuantiser(3)
    received = quantiser.send(torch.zeros(20_000, 1), quantiser.noise(20_000, 1, rng)).received
    assert -0.5 <= float(received.min()) < -0.49
    assert 0.49 < float(received.max()) <= 0.5


def test_soft_gradient_is_that_of_the_soft_assignment(rng):
    features = (torch.rand(20, 2, generator=rng) * 2 - 1).requires_grad_()
    centres = torch.tensor([-1.0, 0.0, 1.0])
    DeterministicQuantiser(3, SoftGradient(2.0)).send(features, torch.zeros(2, 20, 2)).received.sum().backward()
    copy = features.detach().clone().requires_grad_()
    weight = torch.exp(-2.0 * (copy[..., None] - centres).abs())
    ((weight * centres).sum(-1) / weight.sum(-1)).sum().backward()
    assert torch.allclose(features.grad, copy.grad, atol=1e-6)  # float32


def test_straight_through_is_the_identity_backwards(rng):
    features = (torch.rand(20, 2, generator=rng) * 2 - 1).requires_grad_()
    DeterministicQuantiser(4, StraightThrough()).send(features, torch.zeros(2, 20, 2)).received.sum().backward()
    assert torch.equal(features.grad, torch.ones(20, 2))


def test_unquantised_features_pass_and_their_cells_tell_them_apart(rng):
    features = torch.rand(100, 4, generator=rng)
    sent = Unquantised().send(features, torch.zeros(2, 100, 4))
    assert torch.equal(sent.received, features)
    assert len(sent.cells.unique()) == 100
    assert math.isnan(Unquantised().bits(4))


@pytest.mark.parametrize("levels", [1, 0, 2.5, True])
def test_levels_must_be_an_integer_of_at_least_two(levels):
    with pytest.raises(InvalidInput, match="levels"):
        DeterministicQuantiser(levels)


def test_a_binary_quantiser_has_two_levels():
    with pytest.raises(InvalidInput, match="binary"):
        Binary(3)
    with pytest.raises(InvalidInput, match="sigma"):
        SoftGradient(0.0)
