"""What a study trains or knows: frozen descriptions of codecs, which name the models that they are made from.

Two equal descriptions are one model, trained once, whatever studies and labels they stand in.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from neural import data, oracle
from neural.coders import Coder, Joined, Perceptron, UNet, level
from neural.losses import Loss, MeanSquaredError
from neural.quality import Pillow
from neural.quantisers import Binary, Quantiser, Unquantised
from neural.training import Codec, Decoder
from rdptheory.doors import guard

if TYPE_CHECKING:
    from neural.study import Plan

__all__ = [
    "SEEN", "Centres", "Conventional", "Fit", "Hyperplanes", "KMeans", "Mixed", "Model", "Noisy", "Refined", "Rescaled",
    "Restored", "Sampler", "Shown", "Source", "needed",
]  # fmt: skip

SEEN = 2_000  # images of each part that a model is measured on, and that exact decoders draw from
KEPT = 16  # batches of at most 2,048 images that a picture format keeps decoded
APART = 10**6  # between the seeds of samples and those of dither, which must not be the same numbers
Found = Mapping["Model", Codec]


@dataclass(frozen=True)
class Source:
    """Which images: the first `count` of the run (0: all), or so many samples of one number, changed how; `degrade` is
    what the encoder sees of them, the clean ones are then the references."""

    samples: Callable[..., Tensor] | None = None
    count: int = 0
    grey: bool = False
    tinted: bool = False
    degrade: data.SuperResolution | data.GaussianNoise | None = None

    def images(self, split: data.Split, seed: int, side: int | None = None) -> list[Tensor]:
        """The clean images of both parts, from those of a run, at this side."""
        if self.samples:
            return [self.samples(self.count, seed=APART + 2 * seed + part) for part in range(2)]
        split = data.tinted(split, seed=seed) if self.tinted and split.train.shape[1] == 1 else split
        parts = (part.mean(1, keepdim=True) if self.grey else part for part in (split.train, split.test))
        return [data.resize(part[: self.count or None], side or part.shape[-1]) for part in parts]


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """A codec to be made; its labels tell it from the other models of a study and are no part of it."""

    labels: Mapping[str, Any] = field(default_factory=dict, compare=False)
    source: Source = Source()

    @property
    def needs(self) -> list[Model]:
        """The models that have to be there first: those it names."""
        return [value for value in vars(self).values() if isinstance(value, Model)]

    def named(self, **labels: Any) -> Model:
        """The same model under these labels."""
        return replace(self, labels={**self.labels, **labels})

    @abstractmethod
    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        """The codec, from training images and the models it needs."""


@dataclass(frozen=True, kw_only=True)
class Fit(Model):
    """A codec trained end to end, or another decoder behind the encoder of `behind`; the runner trains it, with others
    of its shape.

    start : whose weights to start from (behind an encoder: its critic's only); through : a restorer that the images
    pass first; beside : a frozen first description that the decoder sees too; noise : private numbers of the decoder,
    None for as many as its family takes; seed : added to that of the run.
    """

    plan: Plan
    loss: Loss = MeanSquaredError()
    latent: int = 0
    quantiser: Quantiser = Binary()
    noise: int | None = 0
    behind: Model | None = None
    start: Model | None = None
    through: Model | None = None
    beside: Model | None = None
    seed: int = 0

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        raise TypeError("a Fit is trained by the runner")


@dataclass(frozen=True, kw_only=True)
class KMeans(Model):
    """2^bits cells by k-means, with the table of their means: nearly the best codec."""

    bits: int

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        return oracle.lloyd(images[:10_000], self.bits, seed=seed)  # more change a mean by less than 1 %


@dataclass(frozen=True, kw_only=True)
class Hyperplanes(Model):
    """2^bits cells by the signs of random projections, with the table of their means: not an optimal encoder."""

    bits: int

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        points, rng = images[:SEEN].flatten(1), torch.Generator().manual_seed(seed)
        normals, centre = torch.randn(points.shape[1], self.bits, generator=rng).to(points), points.mean(0)
        sides = Joined(lambda seen: (seen.flatten(1) - centre) @ normals)
        coder = Perceptron(self.bits, planes=images.shape[1], side=images.shape[2])
        return oracle.tabled(Codec(sides, Binary(), Decoder(nn.Identity(), 0), coder), images[:SEEN])


@dataclass(frozen=True, kw_only=True)
class Sampler(Model):
    """For every code another image of its cell: exactly p(x|z), and on the images themselves a permutation; if `blind`,
    any image, whatever the code."""

    of: Model
    blind: bool = False

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        codec, images = found[self.of], images[:SEEN]
        cells = codec.send(images, torch.Generator().manual_seed(seed)).cells * (not self.blind)
        levels = 1 if self.blind else codec.quantiser.levels
        return replace(codec, decoder=Decoder(oracle.Redraw(images, cells, levels, seed=seed), 1))


@dataclass(frozen=True, kw_only=True)
class Noisy(Model):
    """The output of a codec and white noise of its distortion."""

    of: Model

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        codec, images = found[self.of], images[:SEEN]
        sent = codec.send(images, torch.Generator().manual_seed(seed))
        spread = (codec.decoder(sent.received, torch.Generator()) - images).square().mean().sqrt()

        def noisy(net: nn.Module, received: Tensor, noise: Tensor) -> Tensor:
            return net(received, noise[:, :0]) + spread * noise.unflatten(1, images.shape[1:])

        return replace(codec, decoder=Decoder(Joined(noisy, codec.decoder.net), images[0].numel()))


@dataclass(frozen=True, kw_only=True)
class Rescaled(Model):
    """The output of a codec, each pixel scaled and shifted by least squares: the best without a look at the others."""

    of: Model

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        codec, images = found[self.of], images[:SEEN]
        rng = torch.Generator().manual_seed(seed)
        made = codec.decoder(codec.send(images, rng).received, rng)
        middle, centre = made.mean(0), images.mean(0)
        slope = ((made - middle) * images).mean(0) / made.var(0, correction=0).clamp_min(1e-12)

        def rescaled(net: nn.Module, received: Tensor, noise: Tensor) -> Tensor:
            return centre + slope * (net(received, noise) - middle)

        return replace(codec, decoder=Decoder(Joined(rescaled, codec.decoder.net), codec.decoder.noise))


@dataclass(frozen=True, kw_only=True)
class Mixed(Model):
    """alpha X_d + (1 - alpha) X_p of two decoders behind one encoder [YWL22, eq. 14]."""

    mean: Model
    sample: Model
    alpha: float

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        codec, sample = found[self.mean], found[self.sample].decoder

        def mixed(mean: nn.Module, drawn: nn.Module, received: Tensor, noise: Tensor) -> Tensor:
            return self.alpha * mean(received, noise[:, :0]) + (1.0 - self.alpha) * drawn(received, noise)

        return replace(codec, decoder=Decoder(Joined(mixed, codec.decoder.net, sample.net), sample.noise))


@dataclass(frozen=True, kw_only=True)
class Centres(Model):
    """The code of a codec with dither, sent on as it is: Z in the place of Z less the decoder's dither."""

    of: Model
    quantiser: Quantiser

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        return replace(found[self.of], quantiser=self.quantiser)


@dataclass(frozen=True, kw_only=True)
class Shown(Model):
    """A codec whose code is an image, shown as it is: the image itself, or what a picture format or another model makes
    of it. Restorers are fitted behind it; the formats stand for the codecs of [YWL22], BPG and HiFiC."""

    format: str = ""
    quality: int = 20
    of: Model | None = None
    network: type[Coder] = UNet
    width: float = 0.25

    def make(self, images: Tensor, found: Found, seed: int) -> Codec:
        shape = images.shape[1:]
        front = [Conventional(self.format, self.quality)] if self.format else []
        front += [Restored(found[self.of], nn.Identity())] if self.of else []
        coder = self.network(images[0].numel(), self.width, *shape[:2], level(images))
        shown = Joined(lambda received, noise: received.unflatten(1, shape))
        return Codec(nn.Sequential(*front, nn.Flatten()), Unquantised(), Decoder(shown, 0), coder)


class Conventional(nn.Module):
    """A Pillow format and its quality as an encoder whose features are the decoded image; `bits` are those per image
    that it wrote last, headers and all. What it has written is kept: one file an image takes longer than a U-Net."""

    def __init__(self, format: str, quality: int) -> None:
        super().__init__()
        self.format, self.quality, self.bits = format, quality, 0.0
        self.kept: dict[bytes, tuple[Tensor, float]] = {}

    def forward(self, images: Tensor) -> Tensor:
        own = hashlib.sha256(str(images.shape).encode() + images.cpu().contiguous().numpy().tobytes()).digest()
        if own not in self.kept:
            decoded, bits = Pillow(self.format)(images, quality=self.quality)
            if len(self.kept) == KEPT:
                del self.kept[next(iter(self.kept))]
            self.kept[own] = torch.stack(decoded), sum(bits) / len(bits)
        made, self.bits = self.kept[own]
        return made.to(images.device)


class Restored(nn.Module):
    """A restorer, then an encoder."""

    def __init__(self, restorer: Codec, encoder: nn.Module) -> None:
        super().__init__()
        self.restorer, self.encoder = restorer, encoder

    def forward(self, images: Tensor) -> Tensor:
        still = torch.Generator()
        return self.encoder(self.restorer.decoder(self.restorer.send(images, still).received, still))


@dataclass(frozen=True)
class Refined(Coder):
    """A frozen first encoder beside a fresh second one; the decoder sees both descriptions."""

    base: Codec | None = None
    fresh: Coder | None = None
    whole: Coder | None = None

    def encoder(self) -> nn.Module:
        features = self.base.features  # bound, so that the frozen weights are not those of this module
        return Joined(lambda fresh, images: torch.cat([features(images), fresh(images)], 1), self.fresh.encoder())

    def decoder(self, noise: int = 0) -> nn.Module:
        return self.whole.decoder(noise)

    def critic(self, code: int = 0) -> nn.Module:
        return self.whole.critic(code)


def needed(models: Iterable[Model]) -> list[Model]:
    """The models and all that they need, each once, what is needed first."""
    found: dict[Model, None] = {}
    for model in models:
        found |= dict.fromkeys([*needed(model.needs), model])
    return list(found)


guard(__name__, methods=False)
