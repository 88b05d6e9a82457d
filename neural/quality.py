"""Any codec on your own images: bits, PSNR, MS-SSIM, distortion and perception, in numbers that theory understands.

An image is a float tensor (planes, height, width) in [0, 1]; images are one tensor (n, planes, height, width) or a list
of tensors of any sizes. A codec is any function `codec(images, **setting)` that returns the decoded images and the bits
of each. `Pillow` and `Likelihoods` make such functions of file formats and of models in the shape of CompressAI's.
"""

from __future__ import annotations

import inspect
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neural.data import FAR
from neural.evaluation import ASSIGNED, frechet, kernel_distance, ms_ssim
from neural.oracle import paired_w2
from neural.readers import needed
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, reals
from rdptheory.files import write_text
from rdptheory.placement import Measurement
from rdptheory.units import bits_to_nats

__all__ = ["Likelihoods", "Pillow", "Quality", "RandomFeatures", "measure", "sweep", "write_results"]

Images = Tensor | Sequence[Tensor]
Coding = tuple[Images, Any]  # decoded images, bits of each
SLACK = 1e-3  # by which images may leave [0, 1]: rounding in 16 bits
SMALLEST_MS_SSIM = 161  # side from which MS-SSIM with its five scales and windows of 11 pixels is defined
STRIDE = 64  # sides that models of CompressAI's shape take are multiples of this
LEVELS = 255  # grey levels of a file format less one
MODES = {1: "L", 3: "RGB"}  # Pillow's names of pictures by their planes
SEED = 0  # of the random features: the same for everybody, so that their numbers compare


@dataclass(frozen=True)
class Quality:
    """What a codec did to some images, the mean over them."""

    bpp: float  # bits per pixel, headers included
    psnr: float  # -10 log10 of the mean squared error, in dB; inf if one image came back exactly
    ms_ssim: float | None  # None where a side is below 161 pixels
    D: float  # mean squared error per sample (pixel and plane), over all samples
    P: float  # squared W2 between decoded and given images, per image; of images of several sizes, of their features;
    #           of more than 400 the mean over pieces of 400, which is at least that of all
    P_floor: float  # the same between two halves of the given images, at most 400 each: what so few show anyhow
    fid: float  # Frechet distance of the features
    kid: float  # kernel distance of the features
    bits: float  # per image
    samples: float  # pixels times planes of an image
    name: str = ""

    def per_image(self) -> Measurement:
        """Rate in nats and squared error of a whole image: beside `Empirical(images)` and `sample_floor`."""
        return Measurement(bits_to_nats(self.bits), self.D * self.samples, self.P, self.name)


class RandomFeatures(nn.Module):
    """Three layers of random filters, then the mean and spread of each: features of images of any size.

    Untrained and the same for everybody. Distances between them compare codecs on the same images; they are no
    distances between Inception features.
    """

    num_features = 64

    def __init__(self, planes: int) -> None:
        super().__init__()
        rng, sizes = torch.Generator().manual_seed(SEED), pairwise((planes, 16, 32, 32))
        self.layers = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1, bias=False) for pair in sizes)
        for layer in self.layers.requires_grad_(False):
            nn.init.normal_(layer.weight, std=1.0 / math.sqrt(9 * layer.in_channels), generator=rng)

    def forward(self, images: Tensor) -> Tensor:
        """(n, planes, height, width) -> (n, num_features)."""
        held = images - 0.5
        for layer in self.layers:
            held = torch.relu(layer(held))
            held = nn.functional.avg_pool2d(held, 2) if min(held.shape[-2:]) >= 4 else held
        flat = held.flatten(2)
        return torch.cat([flat.mean(2), flat.std(2, correction=0)], dim=1)


def measure(
    images: Images, outputs: Images, bits: Any, *, features: Callable[[Tensor], Tensor] | None = None, name: str = ""
) -> Quality:
    """Measure decoded images beside the given ones.

    Parameters
    ----------
    images, outputs : tensor (n, planes, height, width), or list of tensors (planes, height, width)
        In [0, 1] (the outputs may leave it), of the same sizes in pairs; whole pictures, on any device.
    bits : numbers (n,), or one number
        Bits of each image, headers included; one number is the bits of every image.
    features : function of a tensor (n, planes, height, width) on the CPU to (n, d), optional
        Left out: `RandomFeatures`.

    Raises
    ------
    InvalidInput
        Images that are no images or do not pair up, or bits that are no numbers of at least 0.

    >>> images = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    >>> found = measure(images, images.round(), 36)
    >>> found.bpp, found.ms_ssim, round(found.D, 3), found.P_floor > 0
    (1.0, None, 0.084, True)
    """
    given, made = _listed("images", images), _listed("outputs", outputs)
    if [image.shape for image in given] != [image.shape for image in made]:
        raise InvalidInput("outputs", f"{len(made)} images", "must be as many as the images, and of their sizes")
    least, most = min(float(x.min()) for x in given), max(float(x.max()) for x in given)
    if least < -SLACK or most > 1.0 + SLACK:
        raise InvalidInput("images", f"from {least:.3g} to {most:.3g}", "must be in [0, 1]: (x + 1) / 2 of [-1, 1]")
    spent = reals("bits", bits)
    if spent.shape not in ((), (len(given),)) or not (np.isfinite(spent) & (spent >= 0.0)).all():
        raise InvalidInput("bits", bits, "must be a number of at least 0 for each image")
    errors = np.array([float((a - b).double().square().mean()) for a, b in zip(given, made, strict=True)])
    samples, pixels = (np.array([image[:planes].numel() for image in given]) for planes in (None, 1))
    with np.errstate(divide="ignore"):
        psnr = float((-10.0 * np.log10(errors)).mean())
    network, half = features or RandomFeatures(len(given[0])), len(given) // 2
    with torch.no_grad():
        seen, shown = (torch.cat([network(x[None]) for x in part]).double().cpu() for part in (given, made))
    same = len({image.shape for image in given}) == 1
    first, second = (torch.stack(x) for x in (given, made)) if same else (seen, shown)
    large = min(min(image.shape[1:]) for image in given) >= SMALLEST_MS_SSIM
    alike = [ms_ssim(b[None], a[None], 5) for a, b in zip(given, made, strict=True)] if large else None
    return Quality(
        bpp=float((spent / pixels).mean()), psnr=psnr, ms_ssim=alike and float(np.mean(alike)),
        D=float((errors * samples).sum() / samples.sum()), P=_transported(first, second),
        P_floor=paired_w2(first[:half][:ASSIGNED], first[half : 2 * half][:ASSIGNED]) if half else math.nan,
        fid=frechet(seen, shown), kid=kernel_distance(seen, shown), bits=float(spent.mean()),
        samples=float(samples.mean()), name=name,
    )  # fmt: skip


def sweep(
    codec: Callable[..., Coding], images: Images, *, features: Callable[[Tensor], Tensor] | None = None,
    **setting: Iterable[Any],
) -> list[Quality]:  # fmt: skip
    """Measure a codec at every value of one of its settings.

    >>> images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> low, high = sweep(Pillow("JPEG"), images, quality=(10, 90))
    >>> low.bpp < high.bpp, low.D > high.D, low.name
    (True, True, 'JPEG quality=10')
    """
    if len(setting) != 1 or not all(isinstance(values, Iterable) for values in setting.values()):
        raise InvalidInput("setting", setting, "must be one of the codec with its values, as in quality=(10, 90)")
    [(name, values)] = setting.items()
    title = getattr(codec, "name", getattr(codec, "__name__", "codec"))
    found = []
    for value in values:
        made = codec(images, **{name: value})
        if not isinstance(made, tuple) or len(made) != 2:
            raise InvalidInput("codec", codec, "must return two things: the decoded images, the bits of each")
        found.append(measure(images, *made, features=features, name=f"{title} {name}={value}"))
    if not found:
        raise InvalidInput(name, values, "must hold at least one value")
    return found


@dataclass(frozen=True)
class Pillow:
    """A file format of Pillow as a codec: "JPEG", "WEBP" or "AVIF", whole files with their headers, 8 bits a sample."""

    format: str

    def __post_init__(self) -> None:
        image = needed("PIL.Image", "pillow")
        image.init()
        object.__setattr__(self, "format", self.format.upper())
        known = sorted({*image.SAVE} & {*image.OPEN})
        if self.format not in known:
            raise InvalidInput("format", self.format, f"this Pillow writes {', '.join(known)}")

    @property
    def name(self) -> str:
        """The format."""
        return self.format

    def __call__(self, images: Images, **options: Any) -> tuple[list[Tensor], list[int]]:
        """(decoded images, bits of each file); `options` are Pillow's, as in quality=75."""
        pillow = needed("PIL.Image", "pillow")
        known = inspect.getsource(sys.modules[pillow.SAVE[self.format].__module__])  # Pillow passes over other names
        if any(f'"{name}"' not in known for name in options):
            raise InvalidInput("options", options, f"must be Pillow's for {self.format}, as in quality=75 for JPEG")
        outputs, bits = [], []
        for image in _listed("images", images):
            if len(image) not in MODES:
                raise InvalidInput("images", tuple(image.shape), "must have one plane (grey) or three (colour)")
            levels = (image.clamp(0.0, 1.0) * LEVELS).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
            held = io.BytesIO()
            picture = pillow.fromarray(levels[..., 0] if len(image) == 1 else levels)
            try:
                picture.save(held, format=self.format, **options)
                with pillow.open(held) as opened:
                    back = np.asarray(opened.convert(MODES[len(image)]), dtype=np.float32) / LEVELS
            except (TypeError, ValueError, OSError) as problem:  # OSError: libraries that are not there
                raise InvalidInput("options", options, f"{self.format} does not take them: {problem}") from None
            bits.append(8 * len(held.getvalue()))
            outputs.append(torch.from_numpy(np.atleast_3d(back).transpose(2, 0, 1).copy()))
        return outputs, bits


@dataclass(frozen=True, eq=False)
class Likelihoods:
    """A model whose forward pass gives `x_hat` and `likelihoods`, the shape of CompressAI's models, as a codec; it must
    be in evaluation mode, since in training noise stands for rounding.

    The bits are -log2 of all likelihoods: what an ideal entropy coder spends, without headers. Sides are padded to a
    multiple of 64 with the edge's samples and cut again. A setting of the sweep, if there is one, is passed to `build`,
    a function that returns the model.
    """

    build: Callable[..., Any]
    name: str = "model"

    def __call__(self, images: Images, **setting: Any) -> tuple[list[Tensor], list[float]]:
        """(decoded images, bits of each)."""
        model = self.build(**setting) if setting or not isinstance(self.build, nn.Module) else self.build
        if getattr(model, "training", False):
            raise InvalidInput("build", type(model).__name__, "must be in evaluation mode: call its eval() first")
        where, outputs, bits = next(iter(getattr(model, "parameters", tuple)()), torch.zeros(1)), [], []
        for image in _listed("images", images):
            frame = (0, -image.shape[2] % STRIDE, 0, -image.shape[1] % STRIDE)
            with torch.no_grad():
                found = model(nn.functional.pad(image[None], frame, mode="replicate").to(where))
            if not isinstance(found, Mapping) or not {"x_hat", "likelihoods"} <= found.keys():
                raise InvalidInput("build", type(model).__name__, "its forward pass must return x_hat and likelihoods")
            outputs.append(found["x_hat"][0, :, : image.shape[1], : image.shape[2]].clamp(0.0, 1.0))
            bits.append(float(sum(-part.cpu().double().log2().sum() for part in found["likelihoods"].values())))
        return outputs, bits


def write_results(path: str | os.PathLike[str], found: Sequence[Quality], *, name: str, description: str = "") -> Path:
    """Write JSON that CompressAI's plotting and `rdptheory.read_measurements` read: one list for each measure."""
    measured = ("bpp", "psnr", "D", "P", "P_floor", "fid", "kid")
    values = {measure: [getattr(one, measure) for one in found] for measure in measured}
    columns = {measure: [x if math.isfinite(x) else None for x in column] for measure, column in values.items()}
    columns["psnr-rgb"] = columns["psnr"]
    if all(one.ms_ssim is not None for one in found):
        columns["ms-ssim-rgb"] = columns["ms-ssim"] = [one.ms_ssim for one in found]
    held = {"name": name, "description": description, "results": columns}
    return write_text(path, json.dumps(held, indent=1, ensure_ascii=False) + "\n")


def _transported(first: Tensor, second: Tensor) -> float:
    """Squared W2, paired in pieces of `ASSIGNED`: their mean is a cost of moving all, so at least the least one."""
    pieces = zip(first.split(ASSIGNED), second.split(ASSIGNED), strict=True)
    return sum(len(one) / len(first) * paired_w2(one, other) for one, other in pieces)


def _listed(argument: str, images: Images) -> list[Tensor]:
    """Float tensors on the CPU, where the features are and what Pillow decodes."""
    listed: list[Tensor] = []
    for number, image in enumerate(images):
        x = image.detach() if isinstance(image, Tensor) else torch.empty(0)
        fine = x.ndim == 3 and x.is_floating_point() and x.numel() and (len(x) <= 4 or x.shape[2] > 4)
        if not fine or not float(x.abs().max()) <= FAR:
            shown = (tuple(x.shape), x.dtype) if isinstance(image, Tensor) else image
            rule = "must be a finite float tensor (planes, height, width) in [0, 1]: bytes are divided by 255"
            raise InvalidInput(f"{argument}[{number}]", shown, f"{rule}, one image alone takes [None]")
        if listed and len(x) != len(listed[0]):
            rule = f"must have as many planes as the first, {len(listed[0])}"
            raise InvalidInput(f"{argument}[{number}]", tuple(x.shape), rule)
        listed.append(x.float().cpu())
    if not listed:
        raise InvalidInput(argument, images, "must hold at least one image")
    return listed


guard(__name__, methods=False)
