"""Images in [0, 1] as float32 tensors (n, channels, side, side), exact synthetic sources, and degradations."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neural import readers
from rdptheory.errors import InvalidInput, at_least_zero

__all__ = [
    "ARCHIVES", "Archive", "GaussianNoise", "Split", "SuperResolution", "checked", "digits", "fetch",
    "gaussian", "load", "mnist", "pictures", "resize", "svhn", "table", "tinted", "uniform", "usable",
]  # fmt: skip

PARTS = ("train", "test"), ("x_train", "x_test")  # names of two arrays in a file
FAR = 10.0  # more than any noise adds to an image in [0, 1], or a Gaussian sample ever is, and far from 255


@dataclass(frozen=True, eq=False)
class Split:
    """Training and test images with their labels (None where there are none); every D says which part it is of."""

    name: str
    train: Tensor
    test: Tensor
    train_labels: Tensor | None = None
    test_labels: Tensor | None = None


def digits() -> Split:
    """scikit-learn's 1797 handwritten 8x8 digits: 1500 to train, 297 to test, by a fixed permutation."""
    pixels, labels = readers.needed("sklearn.datasets", "scikit-learn").load_digits(return_X_y=True)
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
        kinds = ("images-idx3", "labels-idx1")
        images, labels = (readers.read_idx(Path(folder) / f"{part}-{kind}-ubyte") for kind in kinds)
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise InvalidInput("data", str(folder), f"the {part} files must hold n images and n labels")
        order = np.random.default_rng(0).permutation(len(images)) if part == "t10k" else slice(None)
        parts.append((images[order, None], labels[order]))
    return _labelled(Path(folder).resolve().name, parts)


def svhn(folder: str | os.PathLike[str]) -> Split:
    """Street-view house numbers, cropped digits 32x32x3, from `train_32x32.mat` and `test_32x32.mat`."""
    found = (readers.read_matlab(Path(folder) / f"{part}_32x32.mat") for part in ("train", "test"))
    # the file writes the digit 0 as 10
    return _labelled("svhn", [(pixels.transpose(3, 2, 0, 1), labels % 10) for pixels, labels in found])


def tinted(split: Split, *, seed: int) -> Split:
    """Three-channel copies of grey images, each under a random colour: an RGB source that needs no files."""

    def paint(images: Tensor, offset: int) -> Tensor:
        colours = torch.rand(len(images), 3, 1, 1, generator=torch.Generator().manual_seed(2 * seed + offset))
        return images * (0.25 + 0.75 * colours)

    return Split(f"tinted {split.name}", paint(split.train, 0), paint(split.test, 1))


def pictures(folder: str | os.PathLike[str], *, side: int = 32, per_image: int = 200) -> Split:
    """Pictures of a folder: as they are where all are squares of one side up to 64, else square patches cut at random
    places, so many out of each; every fifth picture is kept for the test."""
    rng, kinds = np.random.default_rng(0), (".png", ".jpg", ".jpeg", ".webp", ".ppm")
    found = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in kinds)
    if len(found) < 2:
        raise InvalidInput("data", str(folder), "must itself hold at least two images (png, jpg, webp, ppm)")
    sizes = {readers.read_picture(file).shape[:2] for file in found}
    if len(sizes) == 1 and (size := sizes.pop())[0] == size[1] <= 64:
        side, per_image = size[0], 1
    parts: tuple[list[Tensor], list[Tensor]] = ([], [])
    for number, file in enumerate(found):
        planes = torch.from_numpy(readers.read_picture(file)).permute(2, 0, 1)
        if min(planes.shape[1:]) < side:
            raise InvalidInput("data", str(file), f"must be at least {side} pixels wide and high")
        for _ in range(per_image):
            top, left = (int(rng.integers(0, length - side + 1)) for length in planes.shape[1:])
            cut = planes[:, top : top + side, left : left + side].contiguous()
            parts[number % 5 == 4 or number == len(found) - 1 < 4].append(cut)
    return Split(Path(folder).resolve().name, torch.stack(parts[0]), torch.stack(parts[1]))


def table(path: str | os.PathLike[str]) -> Split:
    """Images (n, side, side), (n, planes, side, side) or (n, side, side, planes) of a NumPy file: .npy, or .npz with
    `train` and `test`, `x_train` and `x_test`, or one array. Bytes are divided by 255; without a test part every fifth
    image is kept for it."""
    found = readers.read_arrays(Path(path))
    names = next((pair for pair in PARTS if {*pair} <= {*found}), tuple(found))
    parts = [np.atleast_1d(found[name]) for name in names]
    if (len(parts) != 1 and names not in PARTS) or any(part.dtype.kind not in "buif" for part in parts):
        rule = "must hold one array of numbers, or train and test, or x_train and x_test; it holds"
        raise InvalidInput("data", str(path), f"{rule} {', '.join(found) or 'none'}")
    if len(parts) == 1:
        test = np.arange(len(parts[0])) % 5 == 4
        parts = [parts[0][~test], parts[0][test]]
    if not all(map(len, parts)):
        raise InvalidInput("data", str(path), "must hold at least 5 images, of which every fifth is for the test")
    images = []
    for part in parts:
        planes = part[:, None] if part.ndim == 3 else part
        planes = planes.transpose(0, 3, 1, 2) if planes.ndim == 4 and planes.shape[3] in (1, 3) else planes
        scale = 255.0 if planes.dtype == np.uint8 else 1.0
        images.append(checked("data", torch.from_numpy(np.ascontiguousarray(planes, np.float32) / np.float32(scale))))
    return Split(Path(path).stem, *images)


def load(place: str | os.PathLike[str] | None) -> Split:
    """What lies at `place`: IDX files, SVHN files, pictures or a NumPy file; the digits if it is None."""
    if place is None:
        return digits()
    path = Path(place)
    if path.suffix in (".npy", ".npz"):
        return table(path)
    if not path.is_dir():
        raise InvalidInput("data", str(place), "must be a folder, or a file that ends in .npy or .npz")
    if any(path.glob("train-images-idx3-ubyte*")):
        return mnist(path)
    if (path / "train_32x32.mat").is_file():
        return svhn(path)
    return pictures(path)


def checked(argument: str, images: object, coder: Any = None) -> Tensor:
    """Images (n, planes, side, side) in floating point, [0, 1] but for noise; of a coder's shape if one is given."""
    if not isinstance(images, Tensor):
        raise InvalidInput(argument, type(images).__name__, "must be a torch tensor: torch.from_numpy, torch.stack")
    shown, wanted = (tuple(images.shape), images.dtype), coder and (coder.planes, coder.side, coder.side)
    if images.ndim != 4 or not len(images) or images.shape[2] != images.shape[3]:
        rule = "must have shape (n, planes, side, side): [:, None] of grey images, .permute(0, 3, 1, 2) of colour"
        raise InvalidInput(argument, shown, rule)
    if images.dtype != torch.float32:
        raise InvalidInput(argument, shown, "must be float32 in [0, 1]: bytes are divided by 255, others take .float()")
    if wanted and tuple(images.shape[1:]) != wanted:
        raise InvalidInput(argument, shown, f"must have the coder's planes and side, {wanted}")
    if not float(images.abs().max()) <= FAR:
        rule = "must be finite and in [0, 1]: grey levels are divided by 255 (of 16 bits: 65535)"
        raise InvalidInput(argument, shown, rule)
    return images


def usable(device: str | torch.device) -> torch.device:
    """A device of this machine: one where a tensor can be made, and from which it comes back."""
    try:
        torch.zeros(1, device=device).cpu()
        return torch.device(device)
    except Exception:  # whatever torch raises of names, of missing drivers and of devices that hold nothing
        here = ["cpu", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
        here += ["mps"] * torch.backends.mps.is_available()
        raise InvalidInput("device", str(device), f"must be a device of this machine: {', '.join(here)}") from None


def gaussian(n: int, *, seed: int) -> Tensor:
    """n samples of N(0, 1), as images (n, 1, 1, 1) of one pixel."""
    return torch.randn(n, 1, 1, 1, generator=torch.Generator().manual_seed(seed))


def uniform(n: int, *, seed: int) -> Tensor:
    """n samples of the uniform law on (0, 1), as images (n, 1, 1, 1) of one pixel."""
    return torch.rand(n, 1, 1, 1, generator=torch.Generator().manual_seed(seed))


def resize(images: Tensor, side: int) -> Tensor:
    """Bilinear resize without padding: MSEs at two side lengths are not comparable, so say which one it is."""
    if images.shape[-1] == side:
        return images
    antialias = side < images.shape[-1]
    return functional.interpolate(images, size=(side, side), mode="bilinear", antialias=antialias).clamp(0.0, 1.0)


@dataclass(frozen=True)
class SuperResolution:
    """Images shrunk by `factor` and enlarged again, so that they keep their shape (bilinear, or bicubic) [LZCK22].

    The factor is halved while fewer than four pixels a side would be left: two by two are farther from a digit than
    the mean of all.
    """

    factor: int = 4
    bicubic: bool = False

    def __call__(self, images: Tensor, *, seed: int) -> Tensor:
        """The degraded images, in [0, 1]; the degradation is deterministic and ignores the seed."""
        mode, side = "bicubic" if self.bicubic else "bilinear", images.shape[-1]
        if side % self.factor:
            raise InvalidInput("factor", self.factor, f"must divide the side length {side}")
        left = side // self.factor
        while left < 4 and 2 * left < side:
            left *= 2
        small = functional.interpolate(images, size=left, mode=mode)
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
    name: Archive(**entry)
    for name, entry in json.loads(files(__package__).joinpath("archives.json").read_text()).items()
}


def fetch(archive: Archive, folder: str | os.PathLike[str]) -> Path:
    """Download what `folder` lacks of the archive; a file whose SHA-256 is wrong is refused and not kept."""
    pooch = readers.needed("pooch", "pooch")
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
