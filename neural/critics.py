"""Critics: real numbers for images, conditional on the code if `code` > 0, without normalisation, as WGAN-GP needs."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["ConvCritic", "PerceptronCritic", "YanCritic", "channels", "small_normal"]


def channels(count: int, width: float) -> int:
    """A layer's width under the factor `width`, at least 2."""
    return max(2, round(count * width))


class PerceptronCritic(nn.Module):
    """Two hidden layers on the flattened image beside the code."""

    def __init__(self, pixels: int, hidden: int, code: int = 0) -> None:
        super().__init__()
        self.code = code
        self.net = nn.Sequential(
            nn.Linear(pixels + code, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2),
            nn.Linear(hidden, 1),
        )  # fmt: skip

    def forward(self, images: Tensor, code: Tensor | None) -> Tensor:
        """(n,) values of images (n, ...) and codes (n, d)."""
        flat = images.flatten(1)
        return self.net(torch.cat([flat, code], 1) if self.code else flat).squeeze(-1)


class ConvCritic(nn.Module):
    """Three 5x5 convolutions of stride 2, then one linear layer [BM19, ZQCK21, LZCK22]."""

    def __init__(self, planes: int, side: int, code: int = 0, width: float = 1.0) -> None:
        super().__init__()
        sizes = [planes, *(channels(c, width) for c in (64, 128, 256))]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv2d(before, after, 5, 2, 2), nn.LeakyReLU()]
            side = (side + 1) // 2
        self.code = code
        self.image = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(sizes[-1] * side * side + code, 1)

    def forward(self, images: Tensor, code: Tensor | None) -> Tensor:
        """(n,) values of images (n, planes, side, side) and codes (n, d)."""
        hidden = self.image(images)
        return self.head(torch.cat([hidden, code], 1) if self.code else hidden).squeeze(-1)


class YanCritic(nn.Module):
    """Image and code meet in two linear layers; 32x32 images [YWYML21]."""

    def __init__(self, planes: int, code: int = 0, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d, e = (channels(n, width) for n in (16, 32, 64, 128, 64))
        slope = nn.LeakyReLU(0.2)
        self.image = nn.Sequential(
            nn.Conv2d(planes, a, 4, 2, 1), slope, nn.Conv2d(a, b, 4, 2, 1), slope,
            nn.Conv2d(b, c, 4, 2, 1), slope, nn.Conv2d(c, d, 4), slope, nn.Flatten(),
        )  # fmt: skip
        self.code = nn.Sequential(nn.Linear(code, d), slope) if code else None
        self.head = nn.Sequential(nn.Linear(2 * d if code else d, e), slope, nn.Linear(e, 1))
        small_normal(self)

    def forward(self, images: Tensor, code: Tensor | None) -> Tensor:
        """(n,) values of images (n, planes, 32, 32) and codes (n, d)."""
        hidden = self.image(images)
        return self.head(hidden if self.code is None else torch.cat([hidden, self.code(code)], 1)).squeeze(-1)


def small_normal(module: nn.Module) -> None:
    """Weights N(0, 0.02^2) and zero biases, as the networks of [YWYML21] start."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
