"""The trained codecs of the page: what the file says agrees with what is proved about the images."""

import numpy as np
import pytest

from rdptheory import Empirical, InvalidInput, SquaredError, TotalVariation, place
from rdptheory.demo import digits_images
from rdptheory.placement import Measurement, encoder_curve, sample_floor
from rdptheory.report import codecs


@pytest.fixture(scope="module")
def digits():
    held, found = codecs.trained()
    return digits_images(held["count"]), found


def test_trained_points_lie_above_what_is_proved(digits):
    images, found = digits
    one = found[3]
    drawn = Measurement(one.rate, 2.0 * encoder_curve(images, one.codes).least, 0.0, one.name)
    stolen = Measurement(one.rate, 0.2 * drawn.D, 0.0, "a fifth of the error")
    honest, planted = place([drawn, stolen], Empirical(images, vectors=True), SquaredError(), TotalVariation())
    assert not honest.below
    assert honest.excess_rate.lower > 0.0
    assert planted.below
    [floor] = sample_floor(images, D=[one.mean[0]]).rate
    assert 0.0 < floor < one.rate


def test_no_network_beats_the_exact_decoder_of_its_code(digits):
    images, found = digits
    rates = [one.rate for one in found]
    assert rates == sorted(rates)
    for one in found[::2]:
        behind = encoder_curve(images, one.codes)
        assert one.rate <= np.log(len({*one.codes}))
        assert (
            behind.least <= one.mean[0] < one.sampler[0]
        )  # E[X|Z] is the best decoder, and a sampler pays for realism
        assert one.mean[0] >= behind.distortion(one.mean[1]) * (1.0 - 1e-6)  # float32 networks, exact transport


def test_other_images_are_refused():
    with pytest.raises(InvalidInput, match="images"):
        codecs.trained_codecs(digits_images(20))
