"""Images in [0, 1] as float32 tensors (n, channels, side, side), exact synthetic sources, and degradations."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import scipy
import torch
from torch import Tensor
from torch.nn import functional

from rdptheory.errors import InvalidInput, MissingPackage, at_least_zero

__all__ = [
    "ARCHIVES", "Archive", "GaussianNoise", "Split", "SuperResolution", "bernoulli", "digits", "fetch", "gaussian",
    "load", "mnist", "patches", "resize", "svhn", "tinted", "uniform",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Split:
    """Training and test images with their labels (None where there are none); every D says which part it is of."""

    name: str
    train: Tensor
    test: Tensor
    train_labels: Tensor | None = None
    test_labels: Tensor | None = None

    def resized(self, side: int) -> Split:
        """The same split at another side length (bilinear)."""
        return Split(self.name, resize(self.train, side), resize(self.test, side), self.train_labels, self.test_labels)


def digits() -> Split:
    """scikit-learn's 1797 handwritten 8x8 digits: 1500 to train, 297 to test, by a fixed permutation."""
    pixels, labels = _need("sklearn.datasets", "scikit-learn").load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    images = torch.from_numpy(pixels[order] / 16.0).float().reshape(-1, 1, 8, 8)
    targets = torch.from_numpy(labels[order]).long()
    return Split("digits", images[:1500], images[1500:], targets[:1500], targets[1500:])


def mnist(folder: str | os.PathLike[str]) -> Split:
    """MNIST or Fashion-MNIST from the four IDX files (plain or .gz) in `folder`, which gives the name; 28x28.

    The first half of the official MNIST test set is easier than the second, so the test set is shuffled.
    """
    parts = []
    for part in ("train", "t10k"):
        images, labels = (_idx(Path(folder) / f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise InvalidInput("data", str(folder), f"the {part} files must hold n images and n labels")
        order = np.random.default_rng(0).permutation(len(images)) if part == "t10k" else slice(None)
        parts.append((images[order, None], labels[order]))
    return _labelled(Path(folder).resolve().name, parts)


def svhn(folder: str | os.PathLike[str]) -> Split:
    """Street-view house numbers, cropped digits 32x32x3, from `train_32x32.mat` and `test_32x32.mat`."""
    parts = []
    for part in ("train", "test"):
        path = Path(folder) / f"{part}_32x32.mat"
        try:
            table = scipy.io.loadmat(path)
            pixels, labels = table["X"], table["y"].ravel() % 10  # the file writes the digit 0 as 10
        # no such file or table, another kind of file, MATLAB 7.3 or later, a damaged stream: scipy has no common class
        except (OSError, KeyError, ValueError, NotImplementedError, zlib.error, scipy.io.matlab.MatReadError):
            raise InvalidInput("data", str(path), "must be the official MATLAB file with X and y") from None
        if pixels.ndim != 4 or pixels.shape[2] != 3 or pixels.shape[3] != len(labels):
            raise InvalidInput("data", str(path), f"X must have shape (side, side, 3, n), has {pixels.shape}")
        parts.append((pixels.transpose(3, 2, 0, 1), labels))
    return _labelled("svhn", parts)


def patches(folder: str | os.PathLike[str], *, side: int, per_image: int, seed: int, grey: bool = False) -> Split:
    """Square patches cut at random places out of every image of a folder; every fifth image is kept for the test."""
    opener = _need("PIL.Image", "pillow")
    files = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".ppm"))
    if len(files) < 2:
        raise InvalidInput("data", str(folder), "must hold at least two images (png, jpg, webp, ppm)")
    rng = np.random.default_rng(seed)
    parts: tuple[list[Tensor], list[Tensor]] = ([], [])
    for number, file in enumerate(files):
        try:
            with opener.open(file) as image:
                pixels = np.asarray(image.convert("L" if grey else "RGB"), dtype=np.float32) / 255.0
        except OSError:
            raise InvalidInput("data", str(file), "is not a picture that can be read") from None
        if min(pixels.shape[:2]) < side:
            raise InvalidInput("data", str(file), f"must be at least {side} pixels wide and high")
        planes = torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1)
        for _ in range(per_image):
            top, left = (int(rng.integers(0, size - side + 1)) for size in planes.shape[1:])
            cut = planes[:, top : top + side, left : left + side].contiguous()
            parts[number % 5 == 4 or number == len(files) - 1 < 4].append(cut)
    return Split(Path(folder).resolve().name, torch.stack(parts[0]), torch.stack(parts[1]))


def tinted(split: Split, *, seed: int) -> Split:
    """Three-channel copies of grey images, each under a random colour: an RGB source that needs no files."""

    def paint(images: Tensor, offset: int) -> Tensor:
        colours = torch.rand(len(images), 3, 1, 1, generator=torch.Generator().manual_seed(2 * seed + offset))
        return images * (0.25 + 0.75 * colours)

    return Split(f"tinted {split.name}", paint(split.train, 0), paint(split.test, 1))


def load(folder: str | os.PathLike[str] | None) -> Split:
    """What lies in `folder`: IDX files, SVHN files, or pictures cut to 32x32 patches; the digits if it is None."""
    if folder is None:
        return digits()
    path = Path(folder)
    if not path.is_dir():
        raise InvalidInput("data", str(folder), "is not a folder")
    if any(path.glob("train-images-idx3-ubyte*")):
        return mnist(path)
    if (path / "train_32x32.mat").is_file():
        return svhn(path)
    return patches(path, side=32, per_image=200, seed=0)


def gaussian(n: int, *, seed: int) -> Tensor:
    """n samples of N(0, 1), as images (n, 1, 1, 1) of one pixel."""
    return torch.randn(n, 1, 1, 1, generator=torch.Generator().manual_seed(seed))


def uniform(n: int, *, seed: int) -> Tensor:
    """n samples of the uniform law on (0, 1), as images (n, 1, 1, 1) of one pixel."""
    return torch.rand(n, 1, 1, 1, generator=torch.Generator().manual_seed(seed))


def bernoulli(n: int, p: float, *, seed: int) -> Tensor:
    """n samples of {0, 1} with P(X = 1) = p, as images (n, 1, 1, 1) of one pixel."""
    return (torch.rand(n, 1, 1, 1, generator=torch.Generator().manual_seed(seed)) < p).float()


def resize(images: Tensor, side: int) -> Tensor:
    """Bilinear resize without padding: MSEs at two side lengths are not comparable, so say which one it is."""
    if images.shape[-1] == side:
        return images
    antialias = side < images.shape[-1]
    return functional.interpolate(images, size=(side, side), mode="bilinear", antialias=antialias).clamp(0.0, 1.0)


@dataclass(frozen=True)
class SuperResolution:
    """Images shrunk by `factor` and enlarged again, so that they keep their shape (bilinear, or bicubic) [LZCK22]."""

    factor: int = 4
    bicubic: bool = False

    def __call__(self, images: Tensor, *, seed: int) -> Tensor:
        """The degraded images, in [0, 1]; the degradation is deterministic and ignores the seed."""
        mode, side = "bicubic" if self.bicubic else "bilinear", images.shape[-1]
        if side % self.factor:
            raise InvalidInput("factor", self.factor, f"must divide the side length {side}")
        small = functional.interpolate(images, size=side // self.factor, mode=mode)
        return functional.interpolate(small, size=side, mode=mode).clamp(0.0, 1.0)


@dataclass(frozen=True)
class GaussianNoise:
    """Images plus white noise of standard deviation `sigma`, not clipped [LZCK22]."""

    sigma: float = 20.0 / 255.0

    def __post_init__(self) -> None:
        at_least_zero("sigma", self.sigma)

    def __call__(self, images: Tensor, *, seed: int) -> Tensor:
        """The noisy images; the same seed gives the same noise."""
        return images + self.sigma * torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Archive:
    """Files of one data set: the address of their folder, and the SHA-256 of each file."""

    base: str
    files: dict[str, str]


ARCHIVES = {
    "mnist": Archive("https://ossci-datasets.s3.amazonaws.com/mnist/", {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }),
    "fashion-mnist": Archive("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }),
    "svhn": Archive("http://ufldl.stanford.edu/housenumbers/", {
        "train_32x32.mat": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
        "test_32x32.mat": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
    }),
}  # fmt: skip


def fetch(archive: Archive, folder: str | os.PathLike[str]) -> Path:
    """Download what `folder` lacks of the archive; a file whose SHA-256 is wrong is refused and not kept."""
    pooch = _need("pooch", "pooch")
    for name, digest in archive.files.items():
        try:
            pooch.retrieve(archive.base + name, known_hash=f"sha256:{digest}", fname=name, path=folder)
        except (OSError, ValueError) as problem:
            raise InvalidInput("address", archive.base + name, f"could not be fetched: {problem}") from None
    return Path(folder)


def _labelled(name: str, parts: list[tuple[np.ndarray, np.ndarray]]) -> Split:
    """Training and test bytes (n, planes, side, side) with their labels (n,)."""
    images = (torch.from_numpy(np.ascontiguousarray(pixels)).float().div_(255.0) for pixels, _ in parts)
    return Split(name, *images, *(torch.from_numpy(labels.astype(np.int64)) for _, labels in parts))


def _need(module: str, package: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError:
        raise MissingPackage(package, "data") from None


def _idx(stem: Path) -> np.ndarray:
    packed = stem.with_name(stem.name + ".gz")
    try:
        raw = gzip.decompress(packed.read_bytes()) if packed.is_file() else stem.read_bytes()
        zero, kind, rank = struct.unpack(">HBB", raw[:4])
        shape = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
        if zero or kind != 8:
            raise ValueError
        return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape).copy()
    except (OSError, EOFError, struct.error, zlib.error, ValueError):
        raise InvalidInput("data", str(stem), "must be an IDX file of unsigned bytes, plain or .gz") from None
