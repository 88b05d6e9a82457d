"""Any codec, measured: known distances come out, files count with their headers, planted errors are refused."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

import neural
from neural.quality import Likelihoods, Pillow, RandomFeatures, measure, sweep, write_results
from rdptheory import Empirical, InvalidInput, SquaredError, TotalVariation, place, read_measurements
from tests.checks import rounded

RNG = torch.Generator().manual_seed(0)
SMALL = torch.rand(16, 1, 8, 8, generator=RNG)
MIXED = [torch.rand(3, height, width, generator=RNG) for height, width in ((20, 30), (33, 17), (24, 24), (16, 40))]


def test_known_distances():
    found = measure(SMALL, SMALL + 0.1, 128)
    assert found.D == pytest.approx(0.01, rel=1e-5)  # float32 images
    assert found.psnr == pytest.approx(20.0, abs=1e-4)
    assert found.bpp == 2.0
    assert found.P <= 64 * 0.01 * (1 + 1e-5)  # the pairing at hand is one assignment
    assert found.ms_ssim is None
    assert found.P_floor > found.P
    same = measure(SMALL, SMALL, 0)
    assert (same.D, same.psnr) == (0.0, math.inf)
    assert abs(same.P) < 1e-12  # squares of 64 numbers in float64
    assert same.fid <= 1e-9
    assert abs(same.kid) < 1e-2  # unbiased around 0 within the spread of 16 images


def test_distances_grow_with_noise():
    noise = torch.randn(SMALL.shape, generator=RNG)
    little, much = (measure(SMALL, (SMALL + s * noise).clamp(0, 1), 1) for s in (0.05, 0.5))
    for name in ("D", "P", "fid", "kid"):
        assert getattr(little, name) < getattr(much, name), name


def test_pictures_of_several_sizes():
    found = measure(MIXED, [image.round() for image in MIXED], [8 * image.shape[1] * image.shape[2] for image in MIXED])
    assert found.bpp == 8.0
    pixels = sum(image.numel() for image in MIXED)
    total = sum(float((image.round() - image).double().square().sum()) for image in MIXED)
    assert found.D == pytest.approx(total / pixels, rel=1e-9)
    assert found.P > 0.0  # of features


def test_large_pictures_have_ms_ssim():
    image = [torch.rand(3, 176, 180, generator=RNG)]
    assert measure(image, image, 1).ms_ssim == pytest.approx(1.0, abs=1e-6)
    assert measure(image, [torch.full_like(image[0], 0.5)], 1).ms_ssim < 0.5


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("images", [SMALL[:4], MIXED], ids=["grey", "colour, several sizes"])
def test_file_formats(name, images):
    from PIL import features

    if name != "JPEG" and not features.check(name.lower()):
        pytest.skip(f"this Pillow was built without {name}")
    low, high = sweep(Pillow(name), images, quality=(5, 95))
    assert low.bits < high.bits
    assert low.D > high.D
    assert low.name == f"{name} quality=5"


def test_headers_count():
    _, bits = Pillow("PNG")(SMALL[:1])
    assert bits[0] > 8 * 57  # signature, IHDR and IEND alone
    outputs, _ = Pillow("PNG")(SMALL[:2])
    assert torch.stack(outputs).sub(SMALL[:2]).abs().max() <= 0.5 / 255 + 1e-6  # 8 bits, float32


class Halved(nn.Module):
    """A model in the shape of CompressAI's: half a bit for each of its symbols."""

    def forward(self, x):
        assert x.shape[-1] % 64 == x.shape[-2] % 64 == 0
        return {"x_hat": x * 2.0, "likelihoods": {"y": torch.full((1, 10), 2.0**-0.5), "z": torch.full((1, 2), 0.5)}}


def test_a_model_with_likelihoods():
    outputs, bits = Likelihoods(Halved().eval())(MIXED)
    assert bits == pytest.approx([7.0] * 4, rel=1e-6)  # float32 likelihoods
    assert [output.shape for output in outputs] == [image.shape for image in MIXED]
    assert max(float(output.max()) for output in outputs) <= 1.0
    [found] = sweep(Likelihoods(lambda gain: Halved().eval(), "toy"), MIXED, gain=[3])
    assert found.name == "toy gain=3"


def test_results_that_others_read(tmp_path):
    found = sweep(Pillow("JPEG"), SMALL, quality=range(20, 100, 40))
    path = write_results(tmp_path / "jpeg.json", found, name="JPEG")
    held = json.loads(path.read_text())
    assert held["name"] == "JPEG"
    assert len(held["results"]["bpp"]) == len(held["results"]["psnr-rgb"]) == 2
    assert [one.D for one in read_measurements(path)] == [one.D for one in found]
    write_results(path, [measure(SMALL[:1], SMALL[:1], 1)], name="exact")  # PSNR inf, no floor of one image

    def refused(constant):
        raise AssertionError(f"{constant} is no JSON")

    held = json.loads(path.read_text(), parse_constant=refused)
    assert held["results"]["psnr"] == held["results"]["P_floor"] == [None]


def test_a_measured_codec_stands_above_the_bound_of_its_images():
    images = SMALL[:12]
    [found] = sweep(lambda images, step: ((images / step).round() * step, 40.0), images, step=[0.5])
    source = Empirical(images.flatten(1).double().numpy(), vectors=True)
    point = found.per_image()
    [placed] = place([type(point)(point.rate, point.D)], source, SquaredError(), TotalVariation())
    assert not placed.below
    assert point.D == rounded(found.D * 64)


@pytest.mark.parametrize(
    "arguments",
    [
        (SMALL, SMALL[:3], 1),
        (SMALL, SMALL.flatten(1), 1),
        ([], [], 1),
        (SMALL, SMALL, -1),
        (SMALL, SMALL, [math.nan] * 16),
        (SMALL, SMALL, [1, 2]),
        (SMALL, SMALL, "many"),
        ([1, 2], [1, 2], 1),
        (SMALL * 255, SMALL * 255, 1),
        ((SMALL * 255).byte(), (SMALL * 255).byte(), 1),
        (SMALL, SMALL * math.nan, 1),
        (torch.rand(4, 32, 32, 3), torch.rand(4, 32, 32, 3), 1),
        (SMALL.numpy(), SMALL.numpy(), 1),
        (SMALL[:, :, :0], SMALL[:, :, :0], 1),
    ],
)
def test_what_does_not_pair_up_is_refused(arguments):
    with pytest.raises(InvalidInput):
        measure(*arguments)


def test_numbers_of_a_network_are_taken_as_they_come():
    plain = measure(SMALL, SMALL.round(), 1)
    assert measure(SMALL.double(), SMALL.round().double(), 1) == plain
    assert measure(SMALL, (SMALL * 1.0).requires_grad_().round(), 1) == plain


def test_a_wrong_format_or_setting_is_refused():
    with pytest.raises(InvalidInput, match="format"):
        Pillow("nothing")
    with pytest.raises(InvalidInput, match="one of the codec with its values"):
        sweep(Pillow("JPEG"), SMALL)
    with pytest.raises(InvalidInput, match="as in quality="):
        sweep(Pillow("JPEG"), SMALL, quality=50)
    with pytest.raises(InvalidInput, match="JPEG does not take them"):
        sweep(Pillow("JPEG"), SMALL, quality=["best"])
    with pytest.raises(InvalidInput, match="x_hat and likelihoods"):
        Likelihoods(nn.Identity().eval())(SMALL)
    with pytest.raises(InvalidInput, match=r"call its eval\(\) first"):
        Likelihoods(Halved())(SMALL)
    with pytest.raises(InvalidInput, match="must return two things"):
        sweep(lambda images, step: images, SMALL, step=[1])
    with pytest.raises(InvalidInput, match="quality"):
        sweep(Pillow("JPEG"), SMALL, quality=[])
    with pytest.raises(InvalidInput, match="plane"):
        Pillow("JPEG")(torch.rand(1, 2, 4, 4))


def test_a_setting_that_a_format_does_not_know_is_told():
    """Pillow passes over such a name: every point was that of quality 75."""
    for name, wrong in (("JPEG", "qualty"), ("JPEG", "speed"), ("PNG", "quality"), ("JPEG2000", "quality")):
        with pytest.raises(InvalidInput, match=f"must be Pillow's for {name}"):
            sweep(Pillow(name), SMALL, **{wrong: (10, 90)})
    known = {"JPEG": ("quality", "subsampling", "optimize", "progressive"), "WEBP": ("quality", "method", "lossless"),
             "AVIF": ("quality", "speed"), "PNG": ("compress_level",)}  # fmt: skip
    for name, options in known.items():
        for option in options:
            assert len(Pillow(name)(SMALL[:1], **{option: 1})) == 2
    assert len(Pillow("JPEG2000")(SMALL[:1], quality_layers=[20])) == 2


@pytest.mark.parametrize("given", [SMALL * 2 - 1, list(SMALL * 1.01), SMALL - 0.5], ids=["-1 to 1", "above", "centred"])
def test_images_in_another_range_are_refused(given):
    """Of [-1, 1] D came out four times too large; outputs may leave the range, as those of a sampler do."""
    with pytest.raises(InvalidInput, match=r"must be in \[0, 1\]"):
        measure(given, SMALL, 1)
    assert measure(SMALL, given, 1).D > 0.0


@pytest.mark.parametrize(
    "images, said",
    [
        ([SMALL[0], SMALL[0, 0]], r"images\[1\] = \(\(8, 8\), torch.float32\)"),
        ([MIXED[0], SMALL[0]], r"images\[1\] = \(1, 8, 8\): must have as many planes as the first, 3"),
        (MIXED[0], r"images\[0\] = .*one image alone takes \[None\]"),
    ],
)
def test_the_image_that_is_none_is_named(images, said):
    with pytest.raises(InvalidInput, match=said):
        measure(images, images, 1)


def test_perception_is_that_of_all_images_and_not_of_the_first(monkeypatch):
    """A codec that is bad after the first pieces; the mean over pieces is a cost of moving all, so no less than W2."""
    images = torch.rand(48, 1, 4, 4, generator=RNG)
    outputs = torch.cat([images[:32], torch.zeros(16, 1, 4, 4)])
    whole = measure(images, outputs, 1).P
    monkeypatch.setattr("neural.quality.ASSIGNED", 20)
    assert measure(images, outputs, 1).P >= whole > 0.5
    assert measure(images[:32], outputs[:32], 1).P < 1e-9  # squares in float64


def test_features_of_your_own():
    own = measure(SMALL, SMALL.round(), 1, features=lambda images: images.flatten(1)[:, :5])
    assert own.fid != measure(SMALL, SMALL.round(), 1).fid
    assert RandomFeatures(1)(SMALL).shape == (16, RandomFeatures(1).num_features)
    np.testing.assert_array_equal(RandomFeatures(1)(SMALL).numpy(), RandomFeatures(1)(SMALL).numpy())


def test_names_at_the_front():
    for name in ("Pillow", "Likelihoods", "measure", "sweep", "write_results"):
        assert callable(getattr(neural, name))
