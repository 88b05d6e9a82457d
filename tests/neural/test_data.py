import gzip
import hashlib
import http.server
import re
import struct
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

import neural
from neural import Perceptron, data
from rdptheory.errors import InvalidInput


def write_idx(path, array, pack):
    raw = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(raw) if pack else raw)


@pytest.fixture
def idx_folder(tmp_path):
    rng = np.random.default_rng(0)
    for part, n in (("train", 7), ("t10k", 5)):
        images, labels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), np.arange(n, dtype=np.uint8)
        images[:, 0, 0] = labels  # so that an image can be told from its label
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images, pack=True)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels, pack=False)
    return tmp_path


def test_digits_are_all_there_and_split_without_overlap(digits):
    everything = torch.cat([digits.train, digits.test]).flatten(1)
    assert (len(digits.train), len(digits.test)) == (1500, 297)
    assert float(everything.min()) == 0.0
    assert float(everything.max()) == 1.0
    assert torch.equal(digits.train, data.digits().train)
    assert sorted(set(digits.test_labels.tolist())) == list(range(10))


def test_idx_files_plain_or_packed_and_images_keep_their_labels(idx_folder):
    split = data.mnist(idx_folder)
    assert split.train.shape == (7, 1, 28, 28)
    assert split.test.shape == (5, 1, 28, 28)
    for images, labels in ((split.train, split.train_labels), (split.test, split.test_labels)):
        assert torch.equal((images[:, 0, 0, 0] * 255.0).round().long(), labels)
    assert split.test_labels.tolist() != [0, 1, 2, 3, 4]  # shuffled
    assert data.load(idx_folder).name == idx_folder.name  # the files are the same for MNIST and Fashion-MNIST


@pytest.mark.parametrize("damage", [b"", b"\x00\x00\x0d\x01\x00\x00\x00\x01xxxx", b"\x00\x00\x08\x03\x00\x00\x00\x09"])
def test_a_damaged_idx_file_is_refused_by_name(idx_folder, damage):
    (idx_folder / "t10k-labels-idx1-ubyte").write_bytes(damage)
    with pytest.raises(InvalidInput, match="t10k-labels"):
        data.mnist(idx_folder)


def test_a_damaged_stream_is_refused_by_name(idx_folder, tmp_path):
    path = idx_folder / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:10] + b"\xff" * 20 + whole[30:]):  # cut short; no deflate stream
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="train-images"):
            data.mnist(idx_folder)


def test_labels_and_images_must_be_as_many(idx_folder):
    write_idx(idx_folder / "train-labels-idx1-ubyte", np.zeros(3, np.uint8), pack=False)
    with pytest.raises(InvalidInput, match="n images and n labels"):
        data.mnist(idx_folder)


def test_svhn_reads_the_official_layout(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    for part in ("train", "test"):
        savemat(tmp_path / f"{part}_32x32.mat", {"X": pixels, "y": np.array([[1], [10], [3], [9]], dtype=np.uint8)})
    split = data.load(tmp_path)
    assert split.train.shape == (4, 3, 32, 32)
    assert split.train_labels.tolist() == [1, 0, 3, 9]
    assert float(split.test[2, 1, 5, 7]) == pytest.approx(pixels[5, 7, 1, 2] / 255.0, abs=1e-6)  # float32
    savemat(tmp_path / "test_32x32.mat", {"X": pixels[:, :, 0], "y": np.ones((4, 1))})
    with pytest.raises(InvalidInput, match="shape"):
        data.svhn(tmp_path)
    (tmp_path / "test_32x32.mat").write_bytes(b"not a table")
    with pytest.raises(InvalidInput, match="MATLAB"):
        data.svhn(tmp_path)
    savemat(tmp_path / "test_32x32.mat", {"X": pixels, "y": np.ones((4, 1))}, do_compression=True)
    whole = (tmp_path / "test_32x32.mat").read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:136] + b"\xff" * 40 + whole[176:]):
        (tmp_path / "test_32x32.mat").write_bytes(damaged)
        with pytest.raises(InvalidInput, match="MATLAB"):
            data.svhn(tmp_path)


def test_patches_come_from_the_pictures_and_test_patches_from_other_pictures(tmp_path):
    for number in range(6):
        Image.new("RGB", (40, 50), (number * 10, 0, 255)).save(tmp_path / f"{number}.png")
    split = data.pictures(tmp_path, side=16, per_image=3)
    assert split.train.shape == (15, 3, 16, 16)
    assert split.test.shape == (3, 3, 16, 16)
    assert set((split.test[:, 0] * 255).round().flatten().tolist()) == {40.0}
    with pytest.raises(InvalidInput, match="wide and high"):
        data.pictures(tmp_path, side=64)
    (tmp_path / "3.png").write_bytes(b"no picture")
    with pytest.raises(InvalidInput, match=r"3\.png"):
        data.pictures(tmp_path)


def test_folders_without_data_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="two images"):
        data.load(tmp_path)
    with pytest.raises(InvalidInput, match=r"a folder, or a file that ends in \.npy"):
        data.load(tmp_path / "nowhere")


def test_small_pictures_of_one_size_are_taken_whole(tmp_path):
    for number in range(10):
        Image.new("RGB", (16, 16), (number * 10, 0, 255)).save(tmp_path / f"{number}.png")
    split = data.load(tmp_path)
    assert split.train.shape == (8, 3, 16, 16)
    assert (split.test[:, 0, 0, 0] * 255).round().tolist() == [40.0, 90.0]


@pytest.mark.parametrize("shape", [(10, 8, 8), (10, 1, 8, 8), (10, 8, 8, 1)])
def test_numpy_files(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    split = data.load(tmp_path / "x.npy")
    assert (len(split.train), len(split.test)) == (8, 2)
    assert torch.allclose(
        split.test[0].flatten(), torch.from_numpy(pixels[4].astype(np.float32).ravel() / 255.0), atol=1e-7
    )
    np.savez(tmp_path / "x.npz", train=pixels[:7] / 255.0, test=pixels[7:] / 255.0)
    split = data.load(tmp_path / "x.npz")
    assert (split.train.shape, split.test.shape) == ((7, 1, 8, 8), (3, 1, 8, 8))


def test_arrays_of_a_numpy_file_go_by_their_names(tmp_path):
    """In the file of Keras the test images stand first, and were trained on."""
    train, test = np.zeros((7, 8, 8), np.uint8), np.full((3, 8, 8), 255, np.uint8)
    labels = {"y_test": np.arange(3), "y_train": np.arange(7)}
    np.savez(tmp_path / "x.npz", x_test=test, x_train=train, **labels)
    split = data.load(tmp_path / "x.npz")
    assert (len(split.train), float(split.train.max())) == (7, 0.0)
    assert (len(split.test), float(split.test.min())) == (3, 1.0)
    for held in ({"images": train, **labels}, {"train": train}, {"train": train, "clean": train}, {}):
        np.savez(tmp_path / "x.npz", **held)
        if len(held) == 1:
            assert len(data.load(tmp_path / "x.npz").train) == 6
            continue
        with pytest.raises(InvalidInput, match=f"it holds {', '.join(held) or 'none'}"):
            data.load(tmp_path / "x.npz")


@pytest.mark.parametrize(
    "held",
    [np.float32(1.0), np.full((10, 8, 8), "a"), np.zeros((10, 8, 8), complex)],
    ids=["one number", "letters", "complex"],
)
def test_what_is_no_array_of_images_is_refused(tmp_path, held):
    np.save(tmp_path / "x.npy", held)
    with pytest.raises(InvalidInput, match="must hold"):
        data.load(tmp_path / "x.npy")


@pytest.mark.parametrize("damage", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_other_files_are_refused(tmp_path, damage):
    for name in ("x.npy", "x.npz"):
        (tmp_path / name).write_bytes(damage)
        with pytest.raises(InvalidInput, match="NumPy file"):
            data.load(tmp_path / name)


@pytest.mark.parametrize(
    "images,rule",
    [
        (np.zeros((4, 1, 8, 8), np.float32), "(?i)torch.tensor"),
        (torch.zeros(4, 8, 8), "shape"),
        (torch.zeros(4, 1, 8, 9), "shape"),
        (torch.zeros(0, 1, 8, 8), "shape"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), "divided by 255"),
        (torch.full((4, 1, 8, 8), 200.0), "divided by 255"),
        (torch.full((4, 1, 8, 8), float("nan")), "finite"),
        (torch.zeros(4, 1, 9, 9), "planes and side"),
        (torch.zeros(4, 3, 8, 8), "planes and side"),
    ],
    ids=str,
)
def test_images_that_are_none_are_refused_by_every_verb(images, rule, lloyd):
    coder = Perceptron(2, side=8)
    with pytest.raises(InvalidInput, match=rule):
        neural.fit_codec(images, coder, neural.Binary(), neural.MeanSquaredError(), steps=1, seed=0)
    with pytest.raises(InvalidInput, match=rule):
        neural.fit_decoder(lloyd, images, neural.MeanSquaredError(), steps=1, seed=0)
    with pytest.raises(InvalidInput, match=rule):
        neural.evaluate(lloyd, lloyd.decoder, images)


def test_synthetic_sources_have_their_moments():
    n = 100_000  # the standard error of a mean is 1/316 at most; 5 of them
    assert float(data.gaussian(n, seed=0).mean()) == pytest.approx(0.0, abs=0.016)
    assert float(data.gaussian(n, seed=0).var()) == pytest.approx(1.0, abs=0.023)
    assert float(data.uniform(n, seed=0).var()) == pytest.approx(1 / 12, abs=0.0012)


def test_tinting_gives_three_planes_that_are_multiples_of_the_grey_image(digits):
    colour = data.tinted(digits, seed=1)
    assert colour.train.shape == (1500, 3, 8, 8)
    share = colour.train[:, 1].sum((1, 2)) / digits.train[:, 0].sum((1, 2))
    assert torch.allclose(colour.train[:, 1], digits.train[:, 0] * share[:, None, None], atol=1e-5)  # float32
    assert 0.25 <= float(share.min()) < float(share.max()) <= 1.0001


@pytest.mark.parametrize("bicubic", [False, True])
def test_super_resolution_keeps_constants_and_loses_detail(digits, bicubic):
    degrade = data.SuperResolution(2, bicubic)
    flat = torch.full((1, 1, 8, 8), 0.3)
    assert torch.allclose(degrade(flat, seed=0), flat, atol=1e-6)  # float32
    assert 0.005 < float((degrade(digits.test, seed=0) - digits.test).square().mean()) < float(digits.test.var())
    with pytest.raises(InvalidInput, match="divide"):
        data.SuperResolution(3)(digits.test, seed=0)


def test_super_resolution_leaves_four_pixels_a_side(digits):
    degraded = data.SuperResolution()(digits.train, seed=0)
    assert torch.equal(degraded, data.SuperResolution(2)(digits.train, seed=0))
    error = (degraded - digits.train).square().mean()
    assert error < (digits.train - digits.train.mean(0)).square().mean()  # two by two would tell less than the mean
    large = data.resize(digits.test, 28)
    assert not torch.equal(data.SuperResolution()(large, seed=0), data.SuperResolution(2)(large, seed=0))


def test_gaussian_noise_has_its_variance_and_its_seed(digits):
    noise = data.GaussianNoise(0.1)
    noisy = noise(digits.train, seed=3)
    assert float((noisy - digits.train).var()) == pytest.approx(0.01, rel=0.02)  # 96,000 pixels: 5 standard errors
    assert torch.equal(noisy, noise(digits.train, seed=3))
    assert not torch.equal(noisy, noise(digits.train, seed=4))
    with pytest.raises(InvalidInput):
        data.GaussianNoise(-1.0)


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"some bytes")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            if not self.path.endswith("half.bin"):
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"some ")  # and hang up

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_download_is_checked_kept_and_not_repeated(served, tmp_path):
    digest = hashlib.sha256(b"some bytes").hexdigest()
    folder = data.fetch(data.Archive(served, {"a.bin": digest}), tmp_path / "cache")
    assert (folder / "a.bin").read_bytes() == b"some bytes"
    nowhere = data.Archive("http://127.0.0.1:1/", {"a.bin": digest})
    assert data.fetch(nowhere, folder) == folder  # already there, so nobody is asked


def test_a_download_with_the_wrong_digest_is_refused_and_not_kept(served, tmp_path):
    with pytest.raises(InvalidInput, match="hash"):
        data.fetch(data.Archive(served, {"a.bin": "0" * 64}), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("digest", [hashlib.sha256(b"some bytes").hexdigest(), hashlib.sha256(b"some ").hexdigest()])
def test_an_interrupted_download_leaves_nothing_even_if_the_half_has_the_digest(served, tmp_path, digest):
    with pytest.raises(InvalidInput, match=r"half\.bin"):
        data.fetch(data.Archive(served, {"half.bin": digest}), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_damaged_file_is_fetched_again_and_a_server_that_is_not_there_is_named(served, tmp_path):
    archive = data.Archive(served, {"a.bin": hashlib.sha256(b"some bytes").hexdigest()})
    (tmp_path / "a.bin").write_bytes(b"some bytes, damaged")
    assert (data.fetch(archive, tmp_path) / "a.bin").read_bytes() == b"some bytes"
    with pytest.raises(InvalidInput, match=r"127\.0\.0\.1:1/"):
        data.fetch(data.Archive("http://127.0.0.1:1/", archive.files), tmp_path / "other")


def test_the_page_takes_images_as_they_are_stored(digits):
    """What stands there is run, in fewer steps, on bytes; and the curve holds its codec."""
    page = Path(neural.__file__).with_name("README.md").read_text(encoding="utf-8")
    snippet, own = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    snippet = snippet.replace("steps=2000", "steps=60")
    *lines, proved = snippet.replace("side=28", "side=8").strip().splitlines()
    told = {"levels": (digits.train[:60, 0] * 255).to(torch.uint8).numpy()}
    exec("\n".join(lines), told)
    assert 0.0 < float(eval(proved, told)[0]) < told["mine"].rate
    exec(own, told)
    coder, settings = told["Mine"](4, side=8), {"steps": 60, "seed": 0}
    codec = neural.fit_codec(digits.train, coder, neural.Binary(), neural.MeanSquaredError(), **settings)
    assert codec.decoder.log[-1].distortion < 0.9 * codec.decoder.log[0].distortion
    sampler = neural.fit_decoder(codec, digits.train, neural.EnergyScore(), **settings)
    assert sampler.noise == coder.private


def test_the_advice_makes_images_of_foreign_ones():
    grey, colour = torch.zeros(4, 8, 8, dtype=torch.uint8), torch.zeros(4, 8, 8, 3, dtype=torch.float64)
    for wrong, advised in ((grey, grey[:, None]), (colour, colour.permute(0, 3, 1, 2))):
        with pytest.raises(InvalidInput, match=r"\[:, None\] of grey images, .permute\(0, 3, 1, 2\) of colour"):
            data.checked("images", wrong)
        with pytest.raises(InvalidInput, match=r"bytes are divided by 255, others take .float\(\)"):
            data.checked("images", advised)
        data.checked("images", advised.float() / 255)
