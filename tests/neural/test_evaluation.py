import math

import numpy as np
import pytest
import torch

import neural
from neural import FreshCritic, MeanSquaredError, Perceptron, UniversalQuantiser, evaluate
from neural.data import resize
from neural.evaluation import Look, critic_w1, frechet, kernel_distance
from neural.training import Decoder
from rdptheory.errors import InvalidInput


class Posterior(torch.nn.Module):
    """The exact posterior sampler, with an optional shift, as a decoder: its one noise number chooses the image."""

    def __init__(self, codec, images, shift=0.0):
        super().__init__()
        self.codec, self.images, self.shift = codec, images, shift
        self.cells = codec.send(images, torch.Generator()).cells

    def forward(self, received, noise):
        cells = ((received > 0).long() * 2 ** torch.arange(received.shape[1])).sum(1)
        chosen = 0.5 * (1.0 + torch.erf(noise[:, 0] / math.sqrt(2.0)))
        out = torch.empty(len(received), *self.images.shape[1:])
        for cell in cells.unique():
            own = self.images[self.cells == cell]
            out[cells == cell] = own[(chosen[cells == cell] * len(own)).long().clamp_max(len(own) - 1)]
        return out + self.shift


@pytest.fixture(scope="module")
def exact(digits, lloyd):
    return Decoder(Posterior(lloyd, digits.train), 1)


def test_the_posterior_sampler_measures_as_theory_says(digits, lloyd, exact):
    values = evaluate(lloyd, exact, digits.train, draws=20)
    assert values["ratio"].value == pytest.approx(2.0, abs=0.02)  # 20 draws: 0.004 standard error
    assert values["variance"].value == pytest.approx(1.0, abs=0.02)
    assert values["bias"].value == pytest.approx(0.0, abs=0.003)  # unbiased, so it may be below 0
    assert abs(values["energy_distance"].value - values["energy_distance"].floor) < 0.02
    assert values["rate_bits"].value == 4.0
    assert 3.5 < values["entropy_bits"].value <= 4.0


def test_the_table_decoder_measures_as_theory_says(digits, lloyd):
    values = evaluate(lloyd, lloyd.decoder, digits.train)
    assert values["ratio"].value == pytest.approx(1.0, abs=1e-5)
    assert values["variance"].value == pytest.approx(0.0, abs=1e-9)
    assert values["sliced_w2"].value > 10 * values["sliced_w2"].floor
    assert values["energy_distance"].value > 0.1
    assert values["distortion_per_image"].value == pytest.approx(64 * values["distortion_per_pixel"].value, rel=1e-6)


def test_a_planted_shift_shows_as_bias(digits, lloyd):
    shifted = Decoder(Posterior(lloyd, digits.train, shift=0.1), 1)
    values = evaluate(lloyd, shifted, digits.train, draws=20)
    floor = evaluate(lloyd, lloyd.decoder, digits.train)["distortion_per_image"].value
    assert values["bias"].value == pytest.approx(64 * 0.01 / floor, abs=0.05)


def test_entropy_given_the_dither_is_below_the_rate_and_above_nothing(digits):
    codec = neural.fit_codec(
        digits.train, Perceptron(2, side=8, width=0.25), UniversalQuantiser(3), MeanSquaredError(), steps=40, seed=0
    )
    values = evaluate(codec, codec.decoder, digits.test)
    assert 1.0 < values["entropy_bits"].value <= values["rate_bits"].value + 1e-9


def test_many_codes_have_no_table(digits):
    quantiser = UniversalQuantiser(8, common=False)
    codec = neural.fit_codec(
        digits.train, Perceptron(8, side=8, width=0.25), quantiser, MeanSquaredError(), steps=2, seed=0
    )
    assert math.isnan(evaluate(codec, codec.decoder, digits.test)["ratio"].value)


@pytest.mark.parametrize("common", [True, False])
def test_a_code_is_not_all_that_a_decoder_with_shared_dither_knows(digits, common):
    codec = neural.fit_codec(
        digits.train, Perceptron(2, side=8), UniversalQuantiser(3, common=common), MeanSquaredError(), steps=40, seed=0
    )
    values = evaluate(codec, codec.decoder, digits.train)
    parts = [values[name].value for name in ("ratio", "bias", "variance")]
    if common:
        assert all(map(math.isnan, parts))
    else:  # X - Z - Y; 8 draws of 1500 images, whose ratio scatters by 0.003 from seed to seed
        assert parts[0] == pytest.approx(1.0 + parts[1] + parts[2], abs=0.02)


def test_draws_summed_one_by_one_are_the_draws_all_at_once(digits, lloyd, exact):
    sent = lloyd.send(digits.train, torch.Generator())
    rng = torch.Generator().manual_seed(3)
    look = Look(lloyd, exact, digits.train, digits.train, sent, digits.train, rng, 0, 5, None, None, {})
    values = look.codes()
    rng = torch.Generator().manual_seed(3)
    cells, flat = sent.cells.unique(return_inverse=True)[1], digits.train.flatten(1).double()
    drawn = torch.stack([exact(sent.received, rng).flatten(1).double() for _ in range(5)])
    ratio = bias = variance = floor = 0.0
    for cell in range(16):
        own, made = flat[cells == cell], drawn[:, cells == cell].flatten(0, 1)
        spread = made.var(0).sum() / len(made)
        floor += float((own - own.mean(0)).square().sum())
        ratio += float((drawn[:, cells == cell] - own).square().sum()) / 5
        bias += len(own) * float((made.mean(0) - own.mean(0)).square().sum() - spread)
        variance += len(own) * float(made.var(0).sum())
    direct = {"ratio": ratio / floor, "bias": bias / floor, "variance": variance / floor}
    for name, value in direct.items():
        assert values[name] == pytest.approx(value, abs=1e-12), name  # float64 sums of about 1


def test_the_frechet_distance_is_zero_for_equal_samples_and_grows_with_blur(digits):
    large = resize(digits.train, 28)
    net = neural.fit_classifier(large, digits.train_labels, steps=60, seed=0, width=0.5)
    half = len(large) // 2
    images = large[:half], large[half:], torch.nn.functional.avg_pool2d(large[:half], 7, 1, 3)
    first, second, blurred = (net.embed(some).detach() for some in images)
    assert frechet(first, first) == pytest.approx(0.0, abs=1e-6)
    assert frechet(blurred, second) > 3 * frechet(first, second)
    assert kernel_distance(blurred, second) > 3 * abs(kernel_distance(first, second))
    assert abs(kernel_distance(first, first)) < 0.1 * kernel_distance(blurred, second)
    state = torch.get_rng_state()
    assert kernel_distance(first, second) == kernel_distance(first, second)
    assert torch.equal(state, torch.get_rng_state())
    assert math.isnan(frechet(first[:1], second))
    assert math.isnan(kernel_distance(first, second[:1]))


def test_the_frechet_distance_is_its_formula(digits):
    net = neural.Classifier().eval()
    first, second = digits.train[:300], 0.8 * digits.train[300:600]
    with torch.no_grad():
        features = net.embed(first), net.embed(second)
    a, b = (part.double().numpy() for part in features)
    values, vectors = np.linalg.eigh(np.cov(a.T))
    half = vectors * np.sqrt(values.clip(0.0)) @ vectors.T
    roots = np.sqrt(np.linalg.eigvalsh(half @ np.cov(b.T) @ half).clip(0.0))
    direct = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T)) - 2.0 * roots.sum()
    assert frechet(*features) == pytest.approx(float(direct), rel=1e-3)  # roots of float32 features near 0


def test_a_fresh_critic_tells_blur_from_images(digits, lloyd, rng):
    mean = lloyd.decoder(lloyd.send(digits.train, rng).received, rng)
    budget = FreshCritic(150)
    blurred, slope = critic_w1(mean[:700], digits.train[700:1400], budget, seed=0)
    floor, _ = critic_w1(digits.train[:700], digits.train[700:1400], budget, seed=0)
    assert blurred > 4 * abs(floor)
    assert 0.3 < slope < 3.0
    values = evaluate(lloyd, lloyd.decoder, digits.test, critic=FreshCritic(3))
    assert math.isfinite(values["critic_w1"].floor)


def test_too_few_images_and_unknown_measures_are_refused(digits, lloyd):
    with pytest.raises(InvalidInput, match="at least 4"):
        evaluate(lloyd, lloyd.decoder, digits.test[:3])
    with pytest.raises(InvalidInput, match="fresh critic"):
        evaluate(lloyd, lloyd.decoder, digits.test[:4], measures=["beauty"])
