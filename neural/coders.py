"""Encoders, decoders and critics of the papers, by their layer tables; `width` scales every hidden layer.

A coder is a frozen description; `encoder()`, `decoder(noise)` and `critic(code)` build fresh modules:

* encoder: images (n, planes, side, side) -> features (n, latent) in [-1, 1];
* decoder: what was received (n, latent) and private noise (n, noise) -> images;
* critic: images and codes (n, code) -> values (n,), without normalisation, as WGAN-GP needs; unconditional if code = 0.

A conditional critic judges pairs: how it ranks two images has to depend on the code. A code that only adds a(x) + b(z)
to the value cancels in E J(Y,Z) - E J(X,Z), so codes enter before a nonlinearity, or as a product with the features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, count, finite

__all__ = ["BlauMichaeli", "Classifier", "Coder", "Joined", "Liu", "Perceptron", "UNet", "Yan", "Zhang", "level"]

STEEP = partial(nn.LeakyReLU, 0.2)
FAINT = 0.3  # of the grain that untrained layers would make: training begins near the image without


@dataclass(frozen=True)
class Coder(ABC):
    """The length of the code, the factor on the hidden widths, the shape of an image, and the mean and spread of a
    pixel: Perceptron and UNet count in these, so that they learn as fast on faint images as on others."""

    latent: int
    width: float = 1.0
    planes: int = 1
    side: int = 28
    level: tuple[float, float] = (0.0, 1.0)
    fixed: ClassVar[bool] = False  # whether the networks make images of one side only
    dense: ClassVar[bool] = False  # whether all layers are linear: many at once are then faster on a CPU too
    private: ClassVar[int] = 16  # how many private Gaussian numbers a randomised decoder of this family takes

    def __post_init__(self) -> None:
        finite("width", self.width, positive=True)
        finite("level", self.level[1], positive=True)
        for name in ("latent", "planes", "side"):
            count(name, getattr(self, name))
        if self.fixed and self.side != type(self).side:
            raise InvalidInput("side", self.side, f"these networks make images of side {type(self).side}: resize first")

    @property
    def pixels(self) -> int:
        """Numbers in an image."""
        return self.planes * self.side**2

    @abstractmethod
    def encoder(self) -> nn.Module:
        """A fresh encoder."""

    @abstractmethod
    def decoder(self, noise: int = 0) -> nn.Module:
        """A fresh decoder that takes `noise` private numbers beside the code."""

    def critic(self, code: int = 0) -> nn.Module:
        """Three 5x5 convolutions of stride 2, then linear [BM19, ZQCK21, LZCK22]; a code changes the linear layer."""
        sizes = [self.planes, *_wide(self.width, 64, 128, 256)]
        image = nn.Sequential(*_layers(sizes, 5, 2, 2, norm=False), nn.Flatten())
        found = sizes[-1] * (-(-self.side // 8)) ** 2
        return Joined(_projected, image, nn.Linear(found, 1), nn.Linear(code, found, bias=False) if code else None)


@dataclass(frozen=True)
class Perceptron(Coder):
    """Two hidden layers of 128 x width everywhere, those of the encoder with batch norm; any image shape, also samples
    of one number as side 1. Private noise beyond one number a pixel leaves each pixel its own, in an amount that the
    network decides: a few numbers alone draw no grain, and their spread is then too large elsewhere."""

    dense: ClassVar[bool] = True

    @property
    def private(self) -> int:
        return 16 + self.pixels

    def encoder(self) -> nn.Module:
        (h,) = _wide(self.width, 128)
        hidden = _layers([self.pixels, h, h], activation=nn.ReLU)
        return nn.Sequential(nn.Flatten(), _counted(self.level), *hidden, nn.Linear(h, self.latent), nn.Tanh())

    def decoder(self, noise: int = 0) -> nn.Module:
        (h,), grain = _wide(self.width, 128), self.pixels if noise > self.pixels else 0
        hidden = nn.Sequential(*_layers([self.latent + noise - grain, h, h], norm=False, activation=nn.ReLU))
        last = nn.Linear(h, self.pixels), nn.Linear(h, grain) if grain else None
        image = nn.Unflatten(1, (self.planes, self.side, self.side))
        return Joined(_grained, hidden, *last, nn.Sequential(_counted(self.level, back=True), image))

    def critic(self, code: int = 0) -> nn.Module:
        (h,) = _wide(self.width, 128)
        hidden = _layers([self.pixels + code, h, h], norm=False, activation=STEEP)
        image = nn.Sequential(nn.Flatten(), _counted(self.level))
        return Joined(_paired, image, nn.Identity() if code else None, nn.Sequential(*hidden, nn.Linear(h, 1)))


@dataclass(frozen=True)
class BlauMichaeli(Coder):
    """28x28 images: dense encoder 784-512-256-128-128-latent, decoder latent-128-512, then 4 -> 11 -> 25 -> 28 by
    transposed convolutions, batch norm throughout [BM19, Table S1; ZQCK21]."""

    fixed: ClassVar[bool] = True

    def encoder(self) -> nn.Module:
        sizes = [self.pixels, *_wide(self.width, 512, 256, 128, 128)]
        return nn.Sequential(nn.Flatten(), *_layers(sizes), *_layers([sizes[-1], self.latent], activation=nn.Tanh))

    def decoder(self, noise: int = 0) -> nn.Module:
        a, b, c, d = _wide(self.width, 128, 32, 64, 128)
        first = [*_layers([self.latent + noise, a, b * 16]), nn.Unflatten(1, (b, 4, 4))]
        grow = _layers([b, c, d], 5, 2, up=True)
        return _decoder(*first, *grow, nn.ConvTranspose2d(d, self.planes, 4), nn.Sigmoid())


@dataclass(frozen=True)
class Liu(BlauMichaeli):
    """28x28 super-resolution: encoder of two convolutions, then 3136-128-128-latent; the decoder as before [LZCK22]."""

    def encoder(self) -> nn.Module:
        a, b, c = _wide(self.width, 32, 64, 128)
        lower = [*_layers([self.planes, a, b], 5, 2, 2, norm=False), nn.Flatten()]
        return nn.Sequential(*lower, *_layers([b * 49, c, c], norm=False), nn.Linear(c, self.latent), nn.Tanh())


@dataclass(frozen=True)
class Zhang(Coder):
    """32x32 colour images: encoder of three convolutions without batch norm, then 4096-latent; decoder latent-128-512,
    then 4 -> 11 -> 25 -> 29 -> 32 [ZQCK21, SVHN; LZCK22, denoising]."""

    planes: int = 3
    side: int = 32
    fixed: ClassVar[bool] = True

    def encoder(self) -> nn.Module:
        sizes = [self.planes, *_wide(self.width, 64, 128, 256)]
        lower = [*_layers(sizes, 5, 2, 2, norm=False), nn.Flatten()]
        return nn.Sequential(*lower, nn.Linear(sizes[-1] * 16, self.latent), nn.Tanh())

    def decoder(self, noise: int = 0) -> nn.Module:
        a, b, c, d, e = _wide(self.width, 128, 32, 64, 108, 128)
        first = [*_layers([self.latent + noise, a, b * 16]), nn.Unflatten(1, (b, 4, 4))]
        grow = [*_layers([b, c, d], 5, 2, up=True), *_layers([d, e], 5, 1, up=True)]
        return _decoder(*first, *grow, nn.ConvTranspose2d(e, self.planes, 4), nn.Sigmoid())


@dataclass(frozen=True)
class Yan(Coder):
    """32x32 images, kernels 4x4: encoder 32 -> 16 -> 8 -> 4 -> 1, then linear; decoder 1 -> 4 -> 8 -> 16 -> 32 with no
    activation at its end, smaller when it is randomised; critic of four convolutions beside a linear layer on the code,
    then two linear layers [YWYML21, YWL22]."""

    side: int = 32
    fixed: ClassVar[bool] = True

    @property
    def private(self) -> int:
        return max(1, 100 - self.latent)

    def encoder(self) -> nn.Module:
        a, b, c = _wide(self.width, 64, 128, 256)
        shrink = _layers([self.planes, a, b, c], 4, 2, 1, activation=nn.ReLU)
        last = [*_layers([c, a], 4, activation=nn.ReLU), nn.Conv2d(a, self.latent, 1), nn.Flatten(), nn.Tanh()]
        return _small(nn.Sequential(*shrink, *last))

    def decoder(self, noise: int = 0) -> nn.Module:
        a, b, c = _wide(self.width, *((128, 64, 32) if noise else (256, 128, 64)))
        first = [self.latent + noise] if noise else [self.latent, *_wide(self.width, 64)]
        grow = partial(_layers, up=True, activation=nn.ReLU)
        layers = [*grow(first, 1), *grow([first[-1], a], 4), *grow([a, b, c], 4, 2, 1)]
        return _small(_decoder(nn.Unflatten(1, (-1, 1, 1)), *layers, nn.ConvTranspose2d(c, self.planes, 4, 2, 1)))

    def critic(self, code: int = 0) -> nn.Module:
        a, b, c, d, e = _wide(self.width, 16, 32, 64, 128, 64)
        plain = partial(_layers, norm=False, activation=STEEP)
        image = nn.Sequential(*plain([self.planes, a, b, c], 4, 2, 1), *plain([c, d], 4), nn.Flatten())
        beside = nn.Sequential(*plain([code, d])) if code else None
        head = nn.Sequential(*plain([2 * d if code else d, e]), nn.Linear(e, 1))
        return _small(Joined(_paired, image, beside, head))


@dataclass(frozen=True)
class UNet(Coder):
    """An image-to-image network of three levels (32-64-128) with skips; its code is an image of the same shape.

    It restores degraded images [LZCK22, baseline] and, with private noise as an extra plane, turns a decoded image into
    a sample of its posterior [YWL22, framework B]. `latent` is the number of pixels.
    """

    @property
    def private(self) -> int:
        return self.side**2

    def encoder(self) -> nn.Module:
        return nn.Flatten()

    def decoder(self, noise: int = 0) -> nn.Module:
        if self.side % 4 or self.latent != self.pixels or noise % self.side**2:
            raise InvalidInput("latent", self.latent, "must be the pixels of an image whose side 4 divides")
        return _UNet(self.planes, self.side, noise // self.side**2, self.width, self.level)

    def critic(self, code: int = 0) -> nn.Module:
        """The convolutions on the image and, as further planes, the image that is its code."""
        if not code:
            return super().critic()
        planes = self.planes + code // self.side**2
        return Joined(_stacked, Coder.critic(replace(self, planes=planes, latent=planes * self.side**2)))


class Joined(nn.Module):
    """A function of networks, some of which may be None, and of what goes in, as a network."""

    def __init__(self, function: Callable[..., Tensor], *nets: nn.Module | None) -> None:
        super().__init__()
        self.function, self.nets = function, nn.ModuleList(nets)

    def forward(self, *given: Tensor | None) -> Tensor:
        return self.function(*self.nets, *given)


def _counted(level: tuple[float, float], back: bool = False) -> nn.Module:
    """Pixels in units of their spread from their mean, or back."""
    mean, spread = level
    return Joined(lambda pixels: pixels * spread + mean if back else (pixels - mean) / spread)


def _decoder(*layers: nn.Module) -> nn.Module:
    """Layers that see what was received and the noise as one."""
    return Joined(lambda net, received, noise: net(torch.cat([received, noise], 1)), nn.Sequential(*layers))


def _grained(
    hidden: nn.Module, mean: nn.Module, amount: nn.Linear | None, image: nn.Module, received: Tensor, noise: Tensor
) -> Tensor:
    """An image of the code and some noise, and noise of every pixel where there is a layer for its amount."""
    few = noise.shape[1] - (amount.out_features if amount else 0)
    seen = hidden(torch.cat([received, noise[:, :few]], 1))
    return image(mean(seen) + FAINT * amount(seen) * noise[:, few:] if amount else mean(seen))


def _paired(image: nn.Module, code: nn.Module | None, head: nn.Module, images: Tensor, codes: Tensor | None) -> Tensor:
    """A critic of what is seen in the image beside what is seen in the code."""
    seen = image(images)
    return head(torch.cat([seen, code(codes)], 1) if code else seen).squeeze(-1)


def _projected(
    image: nn.Module, head: nn.Module, code: nn.Module | None, images: Tensor, codes: Tensor | None
) -> Tensor:
    """A critic linear in what is seen in the image, with weights that depend on the code."""
    seen = image(images)
    return head(seen).squeeze(-1) + ((code(codes) * seen).sum(1) if code else 0.0)


def _stacked(critic: nn.Module, images: Tensor, codes: Tensor) -> Tensor:
    """A critic of the image and of the image that is its code, one above the other."""
    return critic(torch.cat([images, codes.unflatten(1, (-1, *images.shape[2:]))], 1), None)


class _UNet(nn.Module):
    def __init__(self, planes: int, side: int, noise: int, width: float, level: tuple[float, float]) -> None:
        super().__init__()
        a, b, c = _wide(width, 32, 64, 128)
        self.shape, self.counted, self.spread = (planes, side, side), _counted(level), level[1]
        self.first, self.second, self.third = self._pair(planes + noise, a), self._pair(a, b), self._pair(b, c)
        self.rise, self.upper = nn.ConvTranspose2d(c, b, 2, 2), self._pair(2 * b, b)
        self.top, self.last = nn.ConvTranspose2d(b, a, 2, 2), self._pair(2 * a, a)
        self.out = nn.Conv2d(a, planes, 3, padding=1)
        _steady(self).out.weight.data.mul_(0.1)  # starts near the image it is given

    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        image = received.unflatten(1, self.shape)
        planes = noise.reshape(len(noise), noise.shape[1] // self.shape[1] ** 2, *self.shape[1:])
        fine = self.first(torch.cat([self.counted(image), planes], 1))
        middle = self.second(nn.functional.max_pool2d(fine, 2))
        coarse = self.third(nn.functional.max_pool2d(middle, 2))
        middle = self.upper(torch.cat([self.rise(coarse), middle], 1))
        return image + self.spread * self.out(self.last(torch.cat([self.top(middle), fine], 1)))

    def _pair(self, before: int, after: int) -> nn.Module:
        return nn.Sequential(*_layers([before, after, after], 3, 1, 1, norm=False, activation=nn.ReLU))


class Classifier(nn.Module):
    """The digit classifier whose second convolution is the perceptual loss and whose 50 numbers are the Frechet
    distance's features [BM19, Table S3]; any images are made grey and brought to its 28x28 first."""

    def __init__(self, width: float = 1.0, dropout: float = 0.5, classes: int = 10) -> None:
        super().__init__()
        a, b, c = _wide(width, 10, 20, 50)
        self.num_features = c  # as torchmetrics asks for it
        enlarge = nn.Upsample((28, 28), mode="bilinear")
        first = nn.Conv2d(1, a, 5), nn.MaxPool2d(2), nn.LeakyReLU(), nn.Conv2d(a, b, 5)
        self.lower = nn.Sequential(enlarge, *first)
        self.drop = nn.Dropout(dropout)
        self.upper = nn.Sequential(nn.MaxPool2d(2), nn.LeakyReLU(), nn.Flatten(), nn.Linear(b * 16, c), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(c, classes))

    def perceive(self, images: Tensor) -> Tensor:
        """The second convolution's output after pooling (n, 20, 4, 4)."""
        return nn.functional.max_pool2d(self.lower(images.mean(1, keepdim=True)), 2)

    def embed(self, images: Tensor) -> Tensor:
        """The 50 features (n, 50)."""
        return self.upper(self.drop(self.lower(images.mean(1, keepdim=True))))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, 10)."""
        return self.head(self.embed(images))


def level(images: Tensor) -> tuple[float, float]:
    """Mean and spread of a pixel of images (n, ...), to three digits: the same on every device."""
    spread = images.cpu().double().var(0, correction=0).mean().sqrt()
    return float(f"{images.cpu().double().mean():.3g}"), float(f"{max(1e-3, float(spread)):.3g}")


def _wide(width: float, *counts: int) -> list[int]:
    """Layer widths under the factor `width`, at least 2."""
    return [max(2, round(count * width)) for count in counts]


def _layers(
    sizes: Sequence[int], *kernel: int, up: bool = False, norm: bool = True,
    activation: Callable[[], nn.Module] = nn.LeakyReLU,
) -> list[nn.Module]:  # fmt: skip
    """Linear layers through `sizes`, or (transposed if `up`) convolutions of `kernel` = (size, stride, padding), each
    with batch norm and an activation behind it."""
    build = (nn.ConvTranspose2d if up else nn.Conv2d) if kernel else nn.Linear
    batch = nn.BatchNorm2d if kernel else nn.BatchNorm1d
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [build(before, after, *kernel), *([batch(after)] if norm else []), activation()]
    return layers


def _steady(module: nn.Module) -> nn.Module:
    """Weights under which signals keep their size from layer to layer, and zero biases: as torch starts convolutions,
    ten of them shrink it to nothing, and small errors are not learned before that has grown."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.ConvTranspose2d):  # stride 2 by 2: a pixel adds up one tap of every plane, no ReLU
            nn.init.normal_(layer.weight, 0.0, layer.in_channels**-0.5)
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.zeros_(layer.bias)
    return module


def _small(module: nn.Module) -> nn.Module:
    """Weights N(0, 0.02^2) and zero biases, as the networks of [YWYML21] start."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.zeros_(layer.bias)
    return module


guard(__name__, methods=False)
