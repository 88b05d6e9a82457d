"""Measured points beside the bound: distances are proved, files read in any dress, impossible points caught."""

import json
import math

import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    Empirical,
    Gaussian,
    Hamming,
    InvalidInput,
    SquaredError,
    TotalVariation,
    Wasserstein2Squared,
    closed_forms,
    rdp,
)
from rdptheory.cli import main
from rdptheory.placement import (
    Measurement,
    encoder_curve,
    place,
    read_measurements,
    realistic_decoder,
    sample_floor,
)

COIN = Bernoulli(0.25), Hamming(), TotalVariation()
ROUNDING = 1e-12  # closed forms within a few ulp of 1, and one subtraction


def test_distances_to_a_closed_form():
    D, P = 0.1, 0.05
    exact = float(closed_forms.bernoulli.rate(0.25, D, P))
    [one] = place([Measurement(exact + 0.125, D, P)], *COIN)
    assert 0.125 in one.excess_rate or abs(one.excess_rate.lower - 0.125) <= ROUNDING
    assert one.excess_rate.gap <= ROUNDING
    assert not one.below
    # at the distance in D the closed form needs the measured rate
    reached = D - one.excess_distortion.lower
    assert float(closed_forms.bernoulli.rate(0.25, reached, P)) == pytest.approx(exact + 0.125, abs=1e-9)


@pytest.mark.parametrize("share, below", [(1.001, False), (0.999, True)])
def test_a_point_below_the_bound_is_proved_impossible(share, below):
    rate = share * float(closed_forms.gaussian.rate(1.0, 0.3, 0.01))
    [one] = place([Measurement(rate, 0.3, 0.01, "x")], Gaussian(0, 1), SquaredError(), Wasserstein2Squared())
    assert one.below is below
    assert (one.excess_rate.upper < 0.0) is below
    assert (one.excess_distortion.upper < 0.0) is below
    assert ("impossible" in str(one)) is below


def test_without_a_perception_the_point_stands_beside_shannon():
    [free] = place([Measurement(0.4, 0.1)], Bernoulli(0.25), Hamming(), None)
    assert free.bounds.upper == pytest.approx(float(closed_forms.bernoulli.rate(0.25, 0.1, math.inf)), abs=ROUNDING)
    with pytest.raises(InvalidInput, match="perception"):
        place([Measurement(0.4, 0.1, 0.05)], Bernoulli(0.25), Hamming(), None)


@pytest.mark.parametrize("wrong", [{"rate": -1.0}, {"D": math.nan}, {"rate": math.inf}, {"P": -0.1}])
def test_what_nobody_measures_is_refused(wrong):
    with pytest.raises(InvalidInput):
        Measurement(**{"rate": 1.0, "D": 1.0, **wrong})


TABLES = [
    "name,rate_bits,D,P\na,1,0.5,0.1\nb,2,0.25,\n",
    "\ufeffP;D;name;rate_bits;seconds\n0.1;0.5;a;1;3\n;0.25;b;2;4\n",
    "Name;Rate_bits;d;p\na;1,0;0,5;0,1\nb;2,0;0,25;\n",
    f"rate_nats\tD\tP\tname\n{math.log(2)!r}\t0.5\t0.1\ta\n\n{2 * math.log(2)!r}\t0.25\t\tb\n",
]


@pytest.mark.parametrize(
    "text",
    TABLES,
    ids=["comma", "semicolon, BOM, order", "decimal comma, letters small and large", "tab, nats, empty line"],
)
def test_tables_of_every_dress(tmp_path, text):
    (tmp_path / "codec.csv").write_text(text, encoding="utf-8")
    first, second = read_measurements(tmp_path / "codec.csv")
    assert (first.name, first.D, first.P) == ("a", 0.5, 0.1)
    assert (second.name, second.D, second.P) == ("b", 0.25, None)
    np.testing.assert_allclose([first.rate, second.rate], [math.log(2), 2 * math.log(2)], rtol=1e-15)


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "empty"),
        ("name,rate,D\na,1,2\n", "rate_bits, rate_nats and bpp"),
        ("rate_bits,rate_nats,D\n1,1,2\n", "one of"),
        ("rate_bits\n1\n", "D, mse or psnr"),
        ("rate_bits,D\n", "no line below"),
        ("rate_bits,D\n1,x\n", "line 2: D must be a number"),
        ("rate_bits,D\n1,1\n-1,1\n", "line 3: rate"),
        ("rate_bits,D,d\n1,1,2\n", "name once"),
        ("rate_bits,D,P\n1,0.5,0.1\n1,0.5\n", "line 3 must hold 3 cells"),
        ("rate_bits,D\n1,nan\n", "D = nan: must be a finite number at least 0"),
        ("rate_bits,D,W2\n1,0.5,0.1\n", "the column W2 is not read: name it P"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path, text, said):
    (tmp_path / "codec.csv").write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_measurements(tmp_path / "codec.csv")


def test_a_table_in_the_units_of_image_codecs(tmp_path):
    (tmp_path / "codec.csv").write_text("name,bpp,PSNR,FID\nq1,0.5,30,12\n")
    [point] = read_measurements(tmp_path / "codec.csv", peak=255.0)
    assert point.P is None
    assert point.rate == pytest.approx(0.5 * math.log(2), rel=1e-15)
    assert point.D == pytest.approx(65.025, rel=1e-12)


def test_a_mean_squared_error_goes_by_its_name(tmp_path):
    (tmp_path / "codec.csv").write_text("MSE,bpp,psnr\n0.25,0.5,30\n")
    (tmp_path / "codec.json").write_text(json.dumps({"results": {"bpp": [0.5], "mse": [0.25], "psnr": [30.0]}}))
    for name in ("codec.csv", "codec.json"):
        [point] = read_measurements(tmp_path / name, peak=255.0)
        assert point.D == 0.25


def test_a_table_of_placements_is_a_table_of_measurements(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "codec.csv").write_text("name,rate_bits,D,P\na,1,0.25,0.1\nb,2,0.5,\n")
    with pytest.raises(SystemExit):
        main(["place", "codec.csv", "--source", "bernoulli:0.25", "--distortion", "hamming", "--perception", "tv",
              "--out", "placed.csv"])  # fmt: skip
    assert read_measurements("placed.csv") == read_measurements("codec.csv")


def test_results_of_compressai(tmp_path):
    held = {"name": "hyper", "results": {"bpp": [0.5, 1.0], "psnr-rgb": [30.0, 40.0], "ms-ssim-rgb": [0.9, 0.95]}}
    (tmp_path / "hyper.json").write_text(json.dumps(held))
    low, high = read_measurements(tmp_path / "hyper.json", peak=255.0)
    assert low.rate == pytest.approx(0.5 * math.log(2), rel=1e-15)
    assert high.D == pytest.approx(255.0**2 * 1e-4, rel=1e-12)
    assert low.name == "hyper 0"
    held["results"] |= {"D": [0.5, 0.25], "P": [None, 0.0]}
    (tmp_path / "own.json").write_text(json.dumps(held))
    assert [(one.D, one.P) for one in read_measurements(tmp_path / "own.json")] == [(0.5, None), (0.25, 0.0)]
    held["results"]["bpp"] = ["half", 1.0]
    (tmp_path / "own.json").write_text(json.dumps(held))
    with pytest.raises(InvalidInput, match="entry 0: bpp = half"):
        read_measurements(tmp_path / "own.json")
    lists = ('{"bpp": []}', '{"bpp": [], "psnr": []}', '{"bpp": [1]}', '{"bpp": [1], "psnr": ["x"]}')
    for broken in ("[]", "{", *(f'{{"results": {held}}}' for held in lists)):
        (tmp_path / "own.json").write_text(broken)
        with pytest.raises(InvalidInput, match=r"own\.json"):
            read_measurements(tmp_path / "own.json")


def test_no_quantiser_of_the_sample_is_below_the_floor():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(24, 3))
    for cells in (2, 4, 8, 16):
        codes = np.arange(24) % cells
        means = np.stack([images[codes == cell].mean(axis=0) for cell in range(cells)])
        D = float(((images - means[codes]) ** 2).sum(axis=1).mean())
        _, counts = np.unique(codes, return_counts=True)
        share = counts / 24
        floor = sample_floor(images, D=[D])
        assert 0.0 <= float(floor.rate[0]) <= -float(share @ np.log(share))
        # the posterior sampler of the same code stands at twice the distortion and no perception cost
        ideal = realistic_decoder(Measurement(-float(share @ np.log(share)), D))
        needed = rdp(Empirical(images, vectors=True), SquaredError(), TotalVariation(), D=ideal.D, P=0.0).bounds
        assert needed.lower <= ideal.rate
    assert float(sample_floor(images, D=[1e-3]).rate[0]) > 0.9 * math.log(24)  # it is no empty statement


def test_the_curve_of_an_encoder_meets_its_ends():
    rng = np.random.default_rng(1)
    images = np.repeat(rng.normal(size=(12, 2)), 2, axis=0)  # every image twice, some with two codes
    codes = np.arange(24) % 5
    curve = encoder_curve(images, codes)
    means = np.stack([images[codes == cell].mean(axis=0) for cell in range(5)])
    least = float(((images - means[codes]) ** 2).sum(axis=1).mean())
    assert curve.least == pytest.approx(least, rel=1e-12)
    assert curve.distortion(math.inf) == pytest.approx(least, rel=1e-12)
    assert curve.least < curve.distortion(0.0) <= 2.0 * curve.least * (1.0 + 1e-9)  # LP at its own accuracy
    with pytest.raises(InvalidInput, match="codes"):
        encoder_curve(images, codes[:-1])
