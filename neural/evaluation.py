"""What a decoder reaches, measured; beside every measure of perception its value between two halves of real images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from neural.coders import Classifier, Coder, Perceptron
from neural.losses import WassersteinGP, energy_distance, sliced_wasserstein
from neural.oracle import centroids, paired_w2
from neural.training import Codec, Decoder, seeded
from rdptheory.errors import InvalidInput

__all__ = ["FreshCritic", "Measured", "critic_w1", "evaluate", "frechet"]

LIMIT = 2000  # images in the n x n measures
ASSIGNED = 400  # images in the assignment, which costs n^3


class Measured(NamedTuple):
    """A measured value, and the same measure between two halves of real images (None where that means nothing)."""

    value: float
    floor: float | None = None


@dataclass(frozen=True)
class FreshCritic:
    """The budget of a critic trained anew to measure W1; values compare only under the same budget."""

    steps: int = 2000
    penalty: float = 10.0
    coder: Coder | None = None


def evaluate(
    codec: Codec, decoder: Decoder, images: Tensor, *, references: Tensor | None = None, seed: int = 0, draws: int = 8,
    classifier: Classifier | None = None, critic: FreshCritic | None = None,
) -> dict[str, Measured]:  # fmt: skip
    """Rate, distortion and perception of a decoder behind a codec's encoder.

    `distortion_per_pixel`, `distortion_per_image` (sum over pixels), `rate_bits` = d log2 L, `entropy_bits` = H(Z | U)
    of the codes given the dither (plug-in, so at most log2 of the number of images), `sliced_w2`, `energy_distance`,
    `paired_w2` (exact W2 squared of up to 400 images), all three per image. Where a code has enough images: `ratio` =
    D / D_d, `bias` = E||E[Y|Z] - E[X|Z]||^2 / D_d and `variance` = E||Y - E[Y|Z]||^2 / D_d, with D_d that of the table
    decoder on these images; in expectation ratio = 1 + bias + variance. All three are NaN where the decoder knows a
    shared dither: the code is then not all that it knows. With a classifier `frechet`, with a critic
    `critic_w1` and `critic_slope`.
    """
    rng = torch.Generator().manual_seed(seed)
    if len(images) < 4 or (references is not None and len(references) != len(images)):
        raise InvalidInput("images", tuple(images.shape), "must be at least 4, and as many as the references")
    sent = codec.send(images, rng)
    output = decoder(sent.received, rng)
    images, target = (part.to(output.device) for part in (images, images if references is None else references))
    per_image = float((output - images).flatten(1).square().sum(1).mean())
    values = {
        "distortion_per_pixel": Measured(per_image / images[0].numel()),
        "distortion_per_image": Measured(per_image),
        "rate_bits": Measured(codec.bits),
        "entropy_bits": Measured(_conditional_entropy(codec, images, rng)),
    }
    half = min(len(images) // 2, LIMIT)
    shuffle = torch.randperm(len(images), generator=rng).to(images.device)
    made, first, second = output[shuffle[:half]], target[shuffle[:half]], target[shuffle[half : 2 * half]]
    measures = {
        "sliced_w2": lambda a: float(sliced_wasserstein(a, second, directions=256)),
        "energy_distance": lambda a: float(energy_distance(a, second)),
        "paired_w2": lambda a: paired_w2(a[:ASSIGNED], second[:ASSIGNED]),
    }
    if classifier is not None:
        measures["frechet"] = lambda a: frechet(classifier, a, second)
    values |= {name: Measured(measure(made), measure(first)) for name, measure in measures.items()}
    if critic is not None:
        pair = (critic_w1(sample, second, critic, seed=seed) for sample in (made, first))
        values["critic_w1"], values["critic_slope"] = (Measured(*found) for found in zip(*pair, strict=True))
    return values | _by_code(codec, decoder, images, draws, rng)


def frechet(classifier: Classifier, first: Tensor, second: Tensor) -> float:
    """||m - m'||^2 + tr(C + C' - 2 (C C')^(1/2)) of the classifier's features of two samples."""
    with torch.no_grad():
        a, b = (classifier.embed(images).cpu().double() for images in (first, second))
    gap = (a.mean(0) - b.mean(0)).square().sum()
    first_cov, second_cov = torch.cov(a.T), torch.cov(b.T)
    roots = torch.linalg.eigvals(first_cov @ second_cov).real.clamp_min(0.0).sqrt()
    return float(gap + first_cov.trace() + second_cov.trace() - 2.0 * roots.sum())


def critic_w1(made: Tensor, real: Tensor, budget: FreshCritic, *, seed: int) -> tuple[float, float]:
    """(E J(real) - E J(made), mean gradient norm) of a fresh critic after a fixed budget, in l2 units of whole images.

    The critic is under-trained and not 1-Lipschitz at once, so the value is neither an upper nor a lower bound on W1.
    """
    rng = torch.Generator().manual_seed(seed)
    with seeded(seed):
        critic = (budget.coder or Perceptron(1, planes=real.shape[1], side=real.shape[2])).critic().to(real.device)
    term, optimiser = WassersteinGP(budget.penalty), torch.optim.Adam(critic.parameters(), 1e-3, (0.5, 0.9))
    for _ in range(budget.steps):
        fake, true = (x[torch.randint(len(x), (64,), generator=rng).to(x.device)] for x in (made, real))
        optimiser.zero_grad()
        term.against(fake, true, torch.rand(64, generator=rng).to(real.device), critic).backward()
        optimiser.step()
    slope = torch.func.grad(lambda images: critic(images, None).sum())(real).flatten(1).norm(dim=1).mean()
    with torch.no_grad():
        return float(critic(real, None).mean() - critic(made, None).mean()), float(slope)


def _conditional_entropy(codec: Codec, images: Tensor, rng: torch.Generator, dithers: int = 4) -> float:
    features, total = codec.features(images), 0.0
    for _ in range(dithers):
        dither = codec.quantiser.noise(1, features.shape[1], rng).to(features.device).expand(-1, len(features), -1)
        _, counts = codec.quantiser.send(features, dither).cells.cpu().unique(return_counts=True)
        share = counts.double() / len(features)
        total -= float((share * share.log2()).sum()) / dithers
    return total


def _by_code(codec: Codec, decoder: Decoder, images: Tensor, draws: int, rng: torch.Generator) -> dict[str, Measured]:
    """Bias and variance by code, in float64 on the CPU; the variance of a cell's mean is taken off its squared bias."""
    unknown = dict.fromkeys(("ratio", "bias", "variance"), Measured(math.nan))
    if codec.quantiser.common:
        return unknown
    sent = codec.send(images, rng)
    _, cells = sent.cells.cpu().unique(return_inverse=True)
    count, flat = int(cells.max()) + 1, images.flatten(1).cpu().double()
    table = centroids(flat, cells, count)
    floor = float((flat - table[cells]).square().sum(1).mean())
    if count > len(images) // 4 or not floor > 0.0:
        return unknown
    ratio, around, total = 0.0, torch.zeros(len(flat), dtype=torch.float64), torch.zeros_like(flat)
    for _ in range(draws):
        drawn = decoder(sent.received, rng).flatten(1).cpu().double()
        ratio += float((drawn - flat).square().sum(1).mean()) / draws
        drawn -= table[cells]  # around the table, where little cancels
        around += drawn.square().sum(1) / draws
        total += drawn / draws
    away = centroids(total, cells, count)
    spread = centroids(around, cells, count) - away.square().sum(1)
    size = torch.bincount(cells).double()
    n = (draws * size).clamp_min(2.0)
    bias = (away.square().sum(1) - spread / (n - 1.0)) * size / len(images)
    variance = spread * n / (n - 1.0) * size / len(images)
    parts = {"ratio": ratio, "bias": bias.sum(), "variance": variance.sum()}
    return {name: Measured(float(value) / floor) for name, value in parts.items()}
