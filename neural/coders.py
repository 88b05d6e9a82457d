"""Encoders, decoders and critics of the papers, by their layer tables; `width` scales every hidden layer.

A coder is a frozen description; `encoder()`, `decoder(noise)` and `critic(code)` build fresh modules:

* encoder: images (n, planes, side, side) -> features (n, latent) in [-1, 1];
* decoder: what was received (n, latent) and private noise (n, noise) -> images;
* critic: images and codes (n, code) -> values (n,); unconditional if code = 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from neural.critics import ConvCritic, PerceptronCritic, YanCritic, channels, small_normal
from rdptheory.errors import InvalidInput, finite

__all__ = ["BlauMichaeli", "Classifier", "Coder", "Liu", "Perceptron", "UNet", "Yan", "Zhang"]


@dataclass(frozen=True)
class Coder(ABC):
    """The length of the code, the shape of an image, and the factor on the hidden widths."""

    latent: int
    width: float = 1.0
    planes: int = 1
    side: int = 28

    def __post_init__(self) -> None:
        finite("width", self.width, positive=True)
        for name in ("latent", "planes", "side"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise InvalidInput(name, getattr(self, name), "must be an integer at least 1")

    @property
    def private(self) -> int:
        """How many private Gaussian numbers a randomised decoder of this family takes."""
        return 16

    @abstractmethod
    def encoder(self) -> nn.Module:
        """A fresh encoder."""

    @abstractmethod
    def decoder(self, noise: int = 0) -> nn.Module:
        """A fresh decoder that takes `noise` private numbers beside the code."""

    def critic(self, code: int = 0) -> nn.Module:
        """A fresh critic."""
        return ConvCritic(self.planes, self.side, code, self.width)

    def _need_side(self, side: int) -> None:
        if self.side != side:
            raise InvalidInput("side", self.side, f"these networks make images of side {side}: resize first")


@dataclass(frozen=True)
class Perceptron(Coder):
    """Two hidden layers of 128 x width everywhere; any image shape, also samples (n, 1) as side 1."""

    def encoder(self) -> nn.Module:
        """Linear, batch norm, ReLU, twice; linear, tanh."""
        hidden = channels(128, self.width)
        return nn.Sequential(
            nn.Flatten(), *_dense(self._pixels, hidden, nn.ReLU()), *_dense(hidden, hidden, nn.ReLU()),
            nn.Linear(hidden, self.latent), nn.Tanh(),
        )  # fmt: skip

    def decoder(self, noise: int = 0) -> nn.Module:
        """Linear, ReLU, twice; linear."""
        hidden = channels(128, self.width)
        return _Decoder(
            nn.Linear(self.latent + noise, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, self._pixels), nn.Unflatten(1, (self.planes, self.side, self.side)),
        )  # fmt: skip

    def critic(self, code: int = 0) -> nn.Module:
        """Two hidden layers."""
        return PerceptronCritic(self._pixels, channels(128, self.width), code)

    @property
    def _pixels(self) -> int:
        return self.planes * self.side**2


@dataclass(frozen=True)
class BlauMichaeli(Coder):
    """28x28 grey images: dense encoder, decoder of three transposed convolutions [BM19, Table S1; ZQCK21]."""

    def encoder(self) -> nn.Module:
        """784-512-256-128-128-latent, each with batch norm."""
        self._need_side(28)
        sizes = [self.planes * 784, *(channels(n, self.width) for n in (512, 256, 128, 128))]
        layers = [part for a, b in pairwise(sizes) for part in _dense(a, b, nn.LeakyReLU())]
        return nn.Sequential(nn.Flatten(), *layers, *_dense(sizes[-1], self.latent, nn.Tanh()))

    def decoder(self, noise: int = 0) -> nn.Module:
        """latent-128-512, then 4 -> 11 -> 25 -> 28."""
        self._need_side(28)
        a, b, c, d = (channels(n, self.width) for n in (128, 32, 64, 128))
        return _Decoder(
            *_dense(self.latent + noise, a, nn.LeakyReLU()), *_dense(a, b * 16, nn.LeakyReLU()),
            nn.Unflatten(1, (b, 4, 4)), *_grow(b, c, 5, 2), *_grow(c, d, 5, 2),
            nn.ConvTranspose2d(d, self.planes, 4), nn.Sigmoid(),
        )  # fmt: skip


@dataclass(frozen=True)
class Liu(BlauMichaeli):
    """28x28 super-resolution: convolutional encoder, the decoder of `BlauMichaeli` [LZCK22]."""

    def encoder(self) -> nn.Module:
        """Two 5x5 convolutions of stride 2, then 3136-128-128-latent."""
        self._need_side(28)
        a, b, c = (channels(n, self.width) for n in (32, 64, 128))
        return nn.Sequential(
            nn.Conv2d(self.planes, a, 5, 2, 2), nn.LeakyReLU(), nn.Conv2d(a, b, 5, 2, 2), nn.LeakyReLU(),
            nn.Flatten(), nn.Linear(b * 49, c), nn.LeakyReLU(), nn.Linear(c, c), nn.LeakyReLU(),
            nn.Linear(c, self.latent), nn.Tanh(),
        )  # fmt: skip


@dataclass(frozen=True)
class Zhang(Coder):
    """32x32 colour images [ZQCK21, SVHN; LZCK22, denoising]."""

    planes: int = 3
    side: int = 32

    def encoder(self) -> nn.Module:
        """Three 5x5 convolutions of stride 2, then 4096-latent; no batch norm."""
        self._need_side(32)
        a, b, c = (channels(n, self.width) for n in (64, 128, 256))
        return nn.Sequential(
            nn.Conv2d(self.planes, a, 5, 2, 2), nn.LeakyReLU(), nn.Conv2d(a, b, 5, 2, 2), nn.LeakyReLU(),
            nn.Conv2d(b, c, 5, 2, 2), nn.LeakyReLU(), nn.Flatten(), nn.Linear(c * 16, self.latent), nn.Tanh(),
        )  # fmt: skip

    def decoder(self, noise: int = 0) -> nn.Module:
        """latent-128-512, then 4 -> 11 -> 25 -> 29 -> 32."""
        self._need_side(32)
        a, b, c, d, e = (channels(n, self.width) for n in (128, 32, 64, 108, 128))
        return _Decoder(
            *_dense(self.latent + noise, a, nn.LeakyReLU()), *_dense(a, b * 16, nn.LeakyReLU()),
            nn.Unflatten(1, (b, 4, 4)), *_grow(b, c, 5, 2), *_grow(c, d, 5, 2), *_grow(d, e, 5, 1),
            nn.ConvTranspose2d(e, self.planes, 4), nn.Sigmoid(),
        )  # fmt: skip


@dataclass(frozen=True)
class Yan(Coder):
    """32x32 images, kernels 4x4; the randomised decoder is the smaller network of the two [YWYML21, YWL22]."""

    side: int = 32

    @property
    def private(self) -> int:
        """100 - latent numbers."""
        return max(1, 100 - self.latent)

    def encoder(self) -> nn.Module:
        """32 -> 16 -> 8 -> 4 -> 1, then a linear layer."""
        self._need_side(32)
        a, b, c = (channels(n, self.width) for n in (64, 128, 256))
        net = nn.Sequential(
            *_shrink(self.planes, a), *_shrink(a, b), *_shrink(b, c), nn.Conv2d(c, a, 4), nn.BatchNorm2d(a), nn.ReLU(),
            nn.Conv2d(a, self.latent, 1), nn.Flatten(), nn.Tanh(),
        )  # fmt: skip
        small_normal(net)
        return net

    def decoder(self, noise: int = 0) -> nn.Module:
        """1 -> 4 -> 8 -> 16 -> 32, no activation at the end."""
        self._need_side(32)
        a, b, c = (channels(n, self.width) for n in ((128, 64, 32) if noise else (256, 128, 64)))
        first: list[nn.Module] = [nn.Unflatten(1, (-1, 1, 1))]
        inner = self.latent + noise
        if not noise:
            inner = channels(64, self.width)
            first += _grow(self.latent, inner, 1, 1, nn.ReLU())
        net = _Decoder(
            *first, *_grow(inner, a, 4, 1, nn.ReLU()), *_grow(a, b, 4, 2, nn.ReLU(), 1),
            *_grow(b, c, 4, 2, nn.ReLU(), 1), nn.ConvTranspose2d(c, self.planes, 4, 2, 1),
        )  # fmt: skip
        small_normal(net)
        return net

    def critic(self, code: int = 0) -> nn.Module:
        """Four convolutions beside a linear layer on the code."""
        return YanCritic(self.planes, code, self.width)


@dataclass(frozen=True)
class UNet(Coder):
    """An image-to-image network of three levels (32-64-128) with skips; its code is an image of the same shape.

    It restores degraded images [LZCK22, baseline] and, with private noise as an extra plane, turns a decoded image into
    a sample of its posterior [YWL22, framework B]. `latent` is the number of pixels.
    """

    @property
    def private(self) -> int:
        """One plane of noise."""
        return self.side**2

    def encoder(self) -> nn.Module:
        """The identity on flattened images."""
        return nn.Flatten()

    def decoder(self, noise: int = 0) -> nn.Module:
        """Image and noise plane to image, as a correction of the image."""
        if self.side % 4 or self.latent != self.planes * self.side**2 or noise % self.side**2:
            raise InvalidInput("latent", self.latent, "must be the pixels of an image whose side 4 divides")
        return _UNet(self.planes, self.side, noise // self.side**2, self.width)


class _Decoder(nn.Sequential):
    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        return super().forward(torch.cat([received, noise], dim=-1))


class _UNet(nn.Module):
    def __init__(self, planes: int, side: int, noise: int, width: float) -> None:
        super().__init__()
        a, b, c = (channels(n, width) for n in (32, 64, 128))
        self.shape, self.noise = (planes, side, side), noise
        self.first, self.second, self.third = _pair(planes + noise, a), _pair(a, b), _pair(b, c)
        self.rise, self.upper = nn.ConvTranspose2d(c, b, 2, 2), _pair(2 * b, b)
        self.top, self.last = nn.ConvTranspose2d(b, a, 2, 2), _pair(2 * a, a)
        self.out = nn.Conv2d(a, planes, 3, padding=1)

    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        image = received.unflatten(1, self.shape)
        planes = torch.cat([image, noise.unflatten(1, (self.noise, *self.shape[1:]))], 1) if self.noise else image
        fine = self.first(planes)
        middle = self.second(nn.functional.max_pool2d(fine, 2))
        coarse = self.third(nn.functional.max_pool2d(middle, 2))
        middle = self.upper(torch.cat([self.rise(coarse), middle], 1))
        return image + self.out(self.last(torch.cat([self.top(middle), fine], 1)))


class Classifier(nn.Module):
    """The digit classifier whose second convolution is the perceptual loss and whose 50 numbers are the Frechet
    distance's features [BM19, Table S3]; 28x28 grey images."""

    def __init__(self, width: float = 1.0, dropout: float = 0.5) -> None:
        super().__init__()
        a, b, c = (channels(n, width) for n in (10, 20, 50))
        self.lower = nn.Sequential(nn.Conv2d(1, a, 5), nn.MaxPool2d(2), nn.LeakyReLU(), nn.Conv2d(a, b, 5))
        self.drop = nn.Dropout(dropout)
        self.upper = nn.Sequential(nn.MaxPool2d(2), nn.LeakyReLU(), nn.Flatten(), nn.Linear(b * 16, c), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(c, 10))

    def perceive(self, images: Tensor) -> Tensor:
        """The second convolution's output after pooling (n, 20, 4, 4)."""
        return nn.functional.max_pool2d(self.lower(images), 2)

    def embed(self, images: Tensor) -> Tensor:
        """The 50 features (n, 50)."""
        return self.upper(self.drop(self.lower(images)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, 10)."""
        return self.head(self.embed(images))


def _dense(before: int, after: int, activation: nn.Module) -> list[nn.Module]:
    return [nn.Linear(before, after), nn.BatchNorm1d(after), activation]


def _shrink(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 4, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]


def _grow(
    before: int, after: int, kernel: int, stride: int, activation: nn.Module | None = None, padding: int = 0
) -> list[nn.Module]:
    convolution = nn.ConvTranspose2d(before, after, kernel, stride, padding)
    return [convolution, nn.BatchNorm2d(after), activation or nn.LeakyReLU()]


def _pair(before: int, after: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1), nn.ReLU()
    )
