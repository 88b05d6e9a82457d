"""Exact references: on finite data with a code table p(x|z) is known, so every trained number has its exact one.

For an encoder with cells c(x) and centroids c_z: the table decoder is the minimum-MSE decoder; drawing a training image
of the same cell is the posterior sampler, with E||X - X_p||^2 = 2 D_d; permuting the images inside each cell is such a
draw whose output is exactly the training set, so P = 0 [YWYML21, Thm 2; YWL22, Thm 1].
"""

from __future__ import annotations

import math
from dataclasses import replace

import scipy
import torch
from torch import Tensor, nn

from neural.coders import Perceptron
from neural.quantisers import Binary, powers
from neural.training import Codec, Decoder
from rdptheory.errors import InvalidInput

__all__ = ["Redraw", "centroids", "lloyd", "markov_parts", "paired_w2", "tabled"]


def lloyd(images: Tensor, bits: int, *, seed: int, steps: int = 500) -> Codec:
    """A codec of 2^bits cells by k-means, to a fixed point (or `steps` rounds): nearest centroid, table decoder.

    Its code is `bits` numbers -1 or +1, so that every decoder of `fit_decoder` can be trained behind it. It starts as
    k-means++ does: each next centre drawn with a probability proportional to its squared distance.
    """
    points, count = images.flatten(1), 2**bits
    if count > len(points):
        raise InvalidInput("bits", bits, f"2^bits must be at most the number of images, {len(points)}")
    rng = torch.Generator().manual_seed(seed)
    table = points[torch.randint(len(points), (1,), generator=rng).to(points.device)]
    apart = torch.full((len(points),), torch.inf, device=points.device)
    for _ in range(count - 1):
        apart = torch.minimum(apart, (points - table[-1]).square().sum(1))
        if not float(apart.max()) > 0.0:
            raise InvalidInput("bits", bits, f"2^bits must be at most the number of different images, {len(table)}")
        chosen = torch.multinomial(apart.cpu(), 1, generator=rng).to(points.device)
        table = torch.cat([table, points[chosen]])
    cells = torch.full((len(points),), -1, device=points.device)
    for _ in range(steps):
        fresh = _nearest(points, table)
        if torch.equal(fresh, cells):
            break
        cells, means = fresh, centroids(points, fresh, count)
        table = torch.where(means.isnan(), table, means)
    bits, means = max(1, bits), table.unflatten(1, images.shape[1:])
    coder = Perceptron(bits, planes=images.shape[1], side=images.shape[2])
    return Codec(_TableEncoder(table, bits), Binary(), Decoder(_TableDecoder(means, 2), 0), coder)


def tabled(codec: Codec, images: Tensor, *, seed: int = 0) -> Codec:
    """The codec with the exact table E[X | Z] on `images` as its decoder (deterministic codes of few cells)."""
    cells = codec.send(images, torch.Generator().manual_seed(seed)).cells
    images = images.to(cells.device)
    table = centroids(images, cells, round(2**codec.bits))
    table = torch.where(table.isnan(), images.mean(0).expand_as(table), table)  # codes that never occur
    return replace(codec, decoder=Decoder(_TableDecoder(table, codec.quantiser.levels), 0))


def centroids(values: Tensor, cells: Tensor, count: int) -> Tensor:
    """The mean (count, ...) of the values (n, ...) with the same cell, NaN if it is empty; in float64 on the CPU, which
    gives the same means on every device."""
    total = torch.zeros(count, *values.shape[1:], dtype=torch.float64)
    total.index_add_(0, cells.cpu(), values.cpu().double())
    size = torch.bincount(cells.cpu(), minlength=count).view(-1, *[1] * (values.ndim - 1))
    return (total / size).to(values.dtype).to(values.device)


class Redraw(nn.Module):
    """A decoder that answers every code with an image of its cell, each in turn, in an order drawn from its noise: on
    the images themselves it permutes every cell, elsewhere it samples p(x|z). A code without images has all of them."""

    def __init__(self, images: Tensor, cells: Tensor, levels: int, *, seed: int) -> None:
        super().__init__()
        shuffle = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
        order = shuffle[cells.cpu()[shuffle].argsort(stable=True)].to(images.device)
        sizes = torch.bincount(cells.cpu(), minlength=int(cells.max()) + 1).to(images.device)
        self.register_buffer("images", images[order])
        self.register_buffer("sizes", sizes)
        self.register_buffer("starts", sizes.cumsum(0) - sizes)
        self.levels = levels

    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        cells = _cells(received, self.levels).clamp_max(len(self.sizes) - 1)
        order = noise[:, 0].argsort()
        order = order[cells[order].argsort(stable=True)]
        counts = torch.bincount(cells, minlength=len(self.sizes))
        turn = torch.empty_like(order)
        turn[order] = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[cells[order]]
        own = torch.where(self.sizes > 0, self.sizes, len(self.images))
        return self.images[(self.starts[cells] + turn % own[cells]) % len(self.images)]


def paired_w2(first: Tensor, second: Tensor) -> float:
    """Exact W2^2 per image (sum over pixels) between two samples of n images, by assignment (one pixel: by sorting)."""
    x, y = (sample.flatten(1).cpu().double() for sample in (first, second))
    if x.shape[1] == 1:
        return float((x.sort(0).values - y.sort(0).values).square().mean())
    cost = (x.square().sum(1)[:, None] + y.square().sum(1) - 2.0 * x @ y.T).numpy()
    return float(cost[scipy.optimize.linear_sum_assignment(cost)].mean())


def markov_parts(source: Tensor, output: Tensor, cells: Tensor) -> dict[str, float]:
    """`total` = E||X - Y||^2 per image and its parts `source` = E||X - X^||^2, `output` = E||Y - Y^||^2 and `between` =
    E||X^ - Y^||^2 with X^ = E[X|Z] and Y^ = E[Y|Z] by the codes `cells` (n,); `excess` = (total - sum of the parts) /
    total is 0 in expectation if X - Z - Y is Markov [LZCK22, Thm 1]."""
    x, y = (images.flatten(1).cpu().double() for images in (source, output))
    _, index = cells.cpu().unique(return_inverse=True)
    x_mean, y_mean = (centroids(images, index, int(index.max()) + 1)[index] for images in (x, y))
    pairs = {"total": (x, y), "source": (x, x_mean), "output": (y, y_mean), "between": (x_mean, y_mean)}
    parts = {name: float((a - b).square().sum(1).mean()) for name, (a, b) in pairs.items()}
    excess = 2.0 - sum(parts.values()) / parts["total"] if parts["total"] else math.nan
    return {**parts, "excess": excess}


class _TableEncoder(nn.Module):
    def __init__(self, table: Tensor, bits: int) -> None:
        super().__init__()
        self.register_buffer("table", table)
        self.register_buffer("weights", 2 ** torch.arange(bits, device=table.device))

    def forward(self, images: Tensor) -> Tensor:
        index = _nearest(images.flatten(1), self.table)
        return (index[:, None] // self.weights % 2).float() * 2.0 - 1.0


class _TableDecoder(nn.Module):
    def __init__(self, table: Tensor, levels: int) -> None:
        super().__init__()
        self.register_buffer("table", table)
        self.levels = levels

    def forward(self, received: Tensor, noise: Tensor) -> Tensor:
        return self.table[_cells(received, self.levels)]


def _cells(received: Tensor, levels: int) -> Tensor:
    digits = ((received + 1.0) * 0.5 * (levels - 1)).round().long()
    return (digits * powers(levels, digits)).sum(1)


def _nearest(points: Tensor, table: Tensor) -> Tensor:
    return torch.cat([torch.cdist(part, table).argmin(1) for part in points.split(8192)])
