"""What a decoder reaches, measured; beside every measure of perception its value between two halves of real images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from neural.coders import Classifier, Coder, Perceptron
from neural.losses import WassersteinGP, energy_distance, sliced_wasserstein
from neural.oracle import by_cell, paired_w2
from neural.training import Codec, Decoder
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
    codec: Codec,
    decoder: Decoder,
    images: Tensor,
    *,
    references: Tensor | None = None,
    seed: int = 0,
    draws: int = 8,
    classifier: Classifier | None = None,
    critic: FreshCritic | None = None,
) -> dict[str, Measured]:
    """Rate, distortion and perception of a decoder behind a codec's encoder.

    Returns
    -------
    dict of Measured
        ``distortion_per_pixel``, ``distortion_per_image`` (sum over pixels), ``rate_bits`` = d log2 L,
        ``entropy_bits`` = H(Z | U) of the codes given the dither (plug-in, so at most log2 of the number of images),
        ``sliced_w2``, ``energy_distance``, ``paired_w2`` (exact W2 squared of up to 400 images, per image).
        Where a code has enough images: ``ratio`` = D / D_d, ``bias`` = E||E[Y|Z] - E[X|Z]||^2 / D_d and ``variance`` =
        E||Y - E[Y|Z]||^2 / D_d, with D_d that of the table decoder on these images; in expectation
        ratio = 1 + bias + variance. With a classifier ``frechet``; with a critic ``critic_w1`` and ``critic_slope``.
        D is per pixel or per image as its name says; W2 and energies are per image.
    """
    rng = torch.Generator().manual_seed(seed)
    target = images if references is None else references
    if len(images) < 4 or len(target) != len(images):
        raise InvalidInput("images", tuple(images.shape), "must be at least 4, and as many as the references")
    sent = codec.send(images, rng)
    output = decoder(sent.received, rng)
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
    for name, measure in (
        ("sliced_w2", lambda a, b: float(sliced_wasserstein(a, b, directions=256))),
        ("energy_distance", lambda a, b: float(energy_distance(a, b))),
        ("paired_w2", lambda a, b: paired_w2(a[:ASSIGNED], b[:ASSIGNED])),
    ):
        values[name] = Measured(measure(made, second), measure(first, second))
    if classifier is not None:
        values["frechet"] = Measured(frechet(classifier, made, second), frechet(classifier, first, second))
    if critic is not None:
        pair = [critic_w1(sample, second, critic, seed=seed) for sample in (made, first)]
        values["critic_w1"] = Measured(pair[0][0], pair[1][0])
        values["critic_slope"] = Measured(pair[0][1], pair[1][1])
    values |= _by_code(codec, decoder, images, draws, rng)
    return values


def frechet(classifier: Classifier, first: Tensor, second: Tensor) -> float:
    """||m - m'||^2 + tr(C + C' - 2 (C C')^(1/2)) of the classifier's features of two samples."""
    with torch.no_grad():
        a, b = (classifier.embed(images).double() for images in (first, second))
    gap = (a.mean(0) - b.mean(0)).square().sum()
    first_cov, second_cov = torch.cov(a.T), torch.cov(b.T)
    roots = torch.linalg.eigvals(first_cov @ second_cov).real.clamp_min(0.0).sqrt()
    return float(gap + first_cov.trace() + second_cov.trace() - 2.0 * roots.sum())


def critic_w1(made: Tensor, real: Tensor, budget: FreshCritic, *, seed: int) -> tuple[float, float]:
    """(E J(real) - E J(made), mean gradient norm) of a fresh critic after a fixed budget, in l2 units of whole images.

    The critic is under-trained and not 1-Lipschitz at once, so the value is neither an upper nor a lower bound on W1.
    """
    coder = budget.coder or Perceptron(1, planes=real.shape[1], side=real.shape[2])
    rng = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = coder.critic().to(real.device)
    term, optimiser = WassersteinGP(budget.penalty), torch.optim.Adam(critic.parameters(), 1e-3, (0.5, 0.9))
    for _ in range(budget.steps):
        picks = (torch.randint(len(sample), (64,), generator=rng).to(real.device) for sample in (made, real))
        fake, true = (sample[pick] for sample, pick in zip((made, real), picks, strict=True))
        mixing = torch.rand(64, generator=rng).to(real.device)
        optimiser.zero_grad()
        term.against(fake, true, mixing, critic).backward()
        optimiser.step()
    slope = torch.func.grad(lambda images: critic(images, None).sum())(real).flatten(1).norm(dim=1).mean()
    with torch.no_grad():
        return float(critic(real, None).mean() - critic(made, None).mean()), float(slope)


def _conditional_entropy(codec: Codec, images: Tensor, rng: torch.Generator, dithers: int = 4) -> float:
    features, total = codec.features(images), 0.0
    for _ in range(dithers):
        dither = codec.quantiser.noise(1, features.shape[1], rng).to(features.device).expand(-1, len(features), -1)
        _, counts = codec.quantiser.send(features, dither).cells.unique(return_counts=True)
        share = counts.double() / len(features)
        total -= float((share * share.log2()).sum()) / dithers
    return total


def _by_code(codec: Codec, decoder: Decoder, images: Tensor, draws: int, rng: torch.Generator) -> dict[str, Measured]:
    """Bias and variance by code; the variance of a cell's mean is taken off its squared bias."""
    sent = codec.send(images, rng)
    _, cells = sent.cells.unique(return_inverse=True)
    count = int(cells.max()) + 1
    nothing = {name: Measured(math.nan) for name in ("ratio", "bias", "variance")}
    if count > len(images) // 4:
        return nothing
    flat, size = images.flatten(1).double(), torch.bincount(cells).double()
    table = by_cell(flat, cells, count)
    floor = (flat - table[cells]).square().sum(1).mean()
    drawn = torch.stack([decoder(sent.received, rng).flatten(1).double() for _ in range(draws)])
    mean = by_cell(drawn.mean(0), cells, count)
    spread = by_cell((drawn - mean[cells]).square().sum(-1).mean(0)[:, None], cells, count)[:, 0]
    if not float(floor) > 0.0:
        return nothing
    n = (draws * size).clamp_min(2.0)
    bias = ((mean - table).square().sum(1) - spread / (n - 1.0)) * size / len(images)
    variance = spread * n / (n - 1.0) * size / len(images)
    ratio = (drawn - flat).square().sum(-1).mean() / floor
    parts = {"ratio": ratio, "bias": bias.sum() / floor, "variance": variance.sum() / floor}
    return {name: Measured(float(value)) for name, value in parts.items()}
