"""What a decoder reaches, measured; beside every measure of perception its value between two halves of real images."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn

from neural.coders import Classifier, Coder, Perceptron
from neural.data import checked
from neural.losses import WassersteinGP, energy_distance, sliced_wasserstein
from neural.oracle import centroids, markov_parts, paired_w2
from neural.quantisers import Sent
from neural.training import Codec, Decoder, seeded
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, check_settings

__all__ = ["MEASURES", "FreshCritic", "Measured", "critic_w1", "evaluate", "frechet", "kernel_distance", "ms_ssim"]

LIMIT = 2000  # images in the n x n measures
ASSIGNED = 400  # images in the assignment between halves, which costs n^3
DITHERS = 4  # behind an entropy given the dither, the same for all images
PER_CODE = 4  # images behind a code that tell something of it, in the mean
REPEATS = 6  # draws of every image behind the parts of a decomposition: the excess then scatters by 0.005
WINDOW = 11  # side of the window of SSIM
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights of MS-SSIM by scale, the finest first


class Measured(NamedTuple):
    """A measured value, and the same measure between two halves of real images (None where that means nothing)."""

    value: float
    floor: float | None = None


Found = Mapping[str, Measured | float]


@dataclass(frozen=True)
class FreshCritic:
    """The budget of a critic trained anew to measure W1; values compare only under the same budget."""

    steps: int = 2000
    penalty: float = 10.0
    coder: Coder | None = None
    __post_init__ = check_settings


MEASURES = (
    "distortion", "perception", "paired", "entropy", "codes", "features", "pictures", "fresh critic", "own critic",
    "reference", "parts", "exact", "normal",
)  # fmt: skip
CHEAP = MEASURES[:5]


@dataclass(eq=False)
class Look:
    """One pass of images through a codec and a decoder; `MEASURES` are those of its methods that measure something."""

    codec: Codec
    decoder: Decoder
    images: Tensor
    references: Tensor
    sent: Sent
    output: Tensor
    rng: torch.Generator
    seed: int
    draws: int
    classifier: Classifier | None
    critic: FreshCritic | None
    floors: dict[str, Any]

    @cached_property
    def halves(self) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs for one half of the images, real images for that half, and the real images of the other half."""
        half = min(len(self.images) // 2, LIMIT)
        shuffle = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(self.seed))
        first, second = shuffle[:half].to(self.output.device), shuffle[half : 2 * half].to(self.output.device)
        return self.output[first], self.references[first], self.references[second]

    def against(self, name: str, measure: Callable[[Tensor, Tensor], Any]) -> Measured:
        """A measure between laws, and its floor, both against the same half of real images."""
        made, first, second = self.halves
        if name not in self.floors:
            self.floors[name] = measure(first, second)
        return Measured(measure(made, second), self.floors[name])

    def distortion(self) -> Found:
        pixel = _square(self.output, self.images)
        whole = pixel * self.images[0].numel()
        return {"distortion_per_pixel": pixel, "distortion_per_image": whole, "rate_bits": self.codec.bits}

    def perception(self) -> Found:
        sliced = self.against("sliced_w2", lambda a, b: float(sliced_wasserstein(a, b, directions=256)))
        energy = self.against("energy_distance", lambda a, b: float(energy_distance(a, b)))
        return {"sliced_w2": sliced, "energy_distance": energy}

    def paired(self) -> Found:
        return {"paired_w2": self.against("paired_w2", lambda a, b: paired_w2(a[:ASSIGNED], b[:ASSIGNED]))}

    def exact(self) -> Found:
        return {"exact_w2": paired_w2(self.images, self.output)}

    def normal(self) -> Found:
        quantiles = torch.from_numpy(ndtri((np.arange(len(self.output)) + 0.5) / len(self.output)))
        return {"normal_w2": paired_w2(self.output, quantiles[:, None])}

    def reference(self) -> Found:
        values = (_square(images, self.references) for images in (self.output, self.images))
        return {"distortion_to_reference": Measured(*values)}

    def fresh_critic(self) -> Found:
        pair = self.against("fresh critic", lambda a, b: critic_w1(a, b, self.critic, seed=self.seed))
        return dict(zip(("critic_w1", "critic_slope"), map(Measured, *pair), strict=True))

    @torch.no_grad()
    def own_critic(self) -> Found:
        critic, code = self.decoder.critic, self.sent.received
        if critic is None:
            return {"own_w1": math.nan}
        real, made = (critic.eval()(images, code.to(images)).mean() for images in (self.references, self.output))
        return {"own_w1": real - made}

    def pictures(self) -> Found:
        from torchmetrics.functional.image import peak_signal_noise_ratio

        images, output = self.images.clamp(0.0, 1.0), self.output.clamp(0.0, 1.0)
        scales = max(0, min(len(SCALES), int(math.log2(max(1, images.shape[-1]) / WINDOW) + 1)))
        alike = {"ms_ssim": ms_ssim(output, images, scales)} if scales else {}
        return {"psnr": peak_signal_noise_ratio(output, images, data_range=1.0), **alike}

    def parts(self) -> Found:
        points = self.images.repeat(REPEATS, 1, 1, 1)
        sent = self.codec.send(points, self.rng)
        parts = markov_parts(points, self.decoder(sent.received, self.rng), sent.cells)
        return {name: value if name == "excess" else value / points[0].numel() for name, value in parts.items()}

    def entropy(self) -> Found:
        quantiser, features, total = self.codec.quantiser, self.codec.features(self.images), 0.0
        for _ in range(DITHERS):
            dither = quantiser.noise(1, features.shape[1], self.rng).to(features.device)
            sent = quantiser.send(features, dither.expand(-1, len(features), -1))
            _, counts = sent.cells.cpu().unique(return_counts=True)
            share = counts.double() / len(features)
            known = len(counts) <= len(features) // PER_CODE  # with fewer, it is the images that are counted
            total -= float((share * share.log2()).sum()) / DITHERS if known else math.nan
        return {"entropy_bits": total}

    def codes(self) -> Found:
        """In float64 on the CPU; the variance of a cell's mean is taken off its squared bias."""
        unknown = dict.fromkeys(("ratio", "bias", "variance"), math.nan)
        if self.codec.quantiser.common:
            return unknown
        _, cells = self.sent.cells.cpu().unique(return_inverse=True)
        count, flat = int(cells.max()) + 1, self.images.flatten(1).cpu().double()
        table = centroids(flat, cells, count)
        floor = float((flat - table[cells]).square().sum(1).mean())
        if count > len(flat) // PER_CODE or not floor > 0.0:
            return unknown
        ratio, around, total = 0.0, torch.zeros(len(flat), dtype=torch.float64), torch.zeros_like(flat)
        for _ in range(self.draws):
            drawn = self.decoder(self.sent.received, self.rng).flatten(1).cpu().double()
            ratio += float((drawn - flat).square().sum(1).mean()) / self.draws
            drawn -= table[cells]  # around the table, where little cancels
            around += drawn.square().sum(1) / self.draws
            total += drawn / self.draws
        away = centroids(total, cells, count)
        spread = centroids(around, cells, count) - away.square().sum(1)
        size = torch.bincount(cells).double()
        n = (self.draws * size).clamp_min(2.0)
        bias = ((away.square().sum(1) - spread / (n - 1.0)) * size / len(flat)).sum()
        variance = (spread * n / (n - 1.0) * size / len(flat)).sum()
        return {name: float(v) / floor for name, v in zip(unknown, (ratio, bias, variance), strict=True)}

    def features(self) -> Found:
        embed, perceive = (cache(torch.no_grad()(f)) for f in (self.classifier.embed, self.classifier.perceive))
        measures = {"frechet": frechet, "kernel_distance": kernel_distance}
        laws = {k: self.against(k, lambda a, b, of=of: of(embed(a), embed(b))) for k, of in measures.items()}
        return {**laws, "feature_error": _square(perceive(self.output), perceive(self.images))}


def evaluate(
    codec: Codec, decoder: Decoder, images: Tensor, *, references: Tensor | None = None, seed: int = 0, draws: int = 8,
    classifier: Classifier | None = None, critic: FreshCritic | None = None, measures: Iterable[str] | None = None,
    floors: dict[str, Any] | None = None,
) -> dict[str, Measured]:  # fmt: skip
    """Rate, distortion and perception of a decoder behind a codec's encoder.

    images, references : (n, planes, side, side) in [0, 1]; the references have the law that the output should have.
    measures : of `evaluation.MEASURES`; left out, those that cost little and what a classifier or critic is given for.
    floors : those of earlier calls on these references with this seed, classifier and critic; new ones are added to it.

    Returns, by measure:

    * distortion: `distortion_per_pixel`, `distortion_per_image` (sum over pixels), `rate_bits` = d log2 L per image;
    * perception: `sliced_w2`, `energy_distance` and `paired_w2` (exact W2 squared of up to 400 images), per image;
    * entropy: `entropy_bits` = H(Z | U) of the codes given the dither, NaN where there are too many codes to tell;
    * codes, where a code has enough images: `ratio` = D / D_d, `bias` = E||E[Y|Z] - E[X|Z]||^2 / D_d and `variance` =
      E||Y - E[Y|Z]||^2 / D_d, with D_d that of the table decoder on these images; in expectation ratio = 1 + bias +
      variance. All NaN where the decoder knows a shared dither: the code is then not all that it knows;
    * features: `frechet` and `kernel_distance` of the classifier's features, `feature_error` of its convolutions;
    * fresh critic: `critic_w1`, `critic_slope`; own critic: `own_w1` = E J(X) - E J(Y) by the critic of its training;
      both in the papers' unit, the l2 norm of the whole image;
    * pictures: `psnr` in dB, `ms_ssim` with as many scales as fit;
    * reference: `distortion_to_reference` per pixel, where references and images are paired;
    * parts: E||X - Y||^2 by code and its `excess` [LZCK22, Thm 1], all per pixel; exact: `exact_w2`, W2 squared from
      these very images, per image; normal: `normal_w2`, W2 squared to N(0,1) of one-pixel images.
    """
    checked("images", images, codec.coder)
    if len(images) < 4 or (references is not None and len(references) != len(images)):
        raise InvalidInput("images", tuple(images.shape), "must be at least 4, and as many as the references")
    rng = torch.Generator().manual_seed(seed)
    sent = codec.send(images, rng)
    output = decoder(sent.received, rng)
    images, target = (part.to(output.device) for part in (images, images if references is None else references))
    look = Look(codec, decoder, images, target, sent, output, rng, seed, draws, classifier, critic,
                {} if floors is None else floors)  # fmt: skip
    given = {"features": classifier, "fresh critic": critic}
    usual = [*CHEAP, *(name for name, tool in given.items() if tool is not None)]
    asked = usual if measures is None else [*measures]
    if not {*asked} <= {*MEASURES}:
        raise InvalidInput("measures", asked, f"must be of {', '.join(MEASURES)}")
    found = {k: v for measure in asked for k, v in getattr(look, measure.replace(" ", "_"))().items()}
    return {name: value if isinstance(value, Measured) else Measured(float(value)) for name, value in found.items()}


def frechet(first: Tensor, second: Tensor) -> float:
    """||m - m'||^2 + tr(C + C' - 2 (C C')^(1/2)) of two samples of features (n, d) [torchmetrics' FID]; NaN below 2."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    return _compared(FrechetInceptionDistance, first, second)


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """The squared maximum mean discrepancy of features (n, d) under (<x, y>/d + 1)^3, without bias, all at once
    [torchmetrics' KID]; NaN below 2."""
    from torchmetrics.image.kid import KernelInceptionDistance

    return _compared(KernelInceptionDistance, first, second, subsets=1, subset_size=min(len(first), len(second)))


def ms_ssim(output: Tensor, images: Tensor, scales: int) -> float:
    """MS-SSIM over so many scales, the finest first, in [0, 1] [torchmetrics]."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as similarity

    total = round(sum(SCALES[:scales]), 3)  # all five: 1, as printed
    weights = tuple(weight / total for weight in SCALES[:scales])
    return float(similarity(output, images, betas=weights, data_range=1.0, normalize="relu"))


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


def _compared(metric: Callable[..., Any], first: Tensor, second: Tensor, **settings: int) -> float:
    """A metric of torchmetrics on features that are there already, on the CPU, where there is float64."""
    if min(len(first), len(second)) < 2:
        return math.nan
    same = nn.Identity()
    same.num_features = first.shape[1]
    with seeded(0), warnings.catch_warnings():  # KID takes its subsets, here all, in a random order
        warnings.filterwarnings("ignore", message=".*will save all extracted features")  # that is what KID is for
        held = metric(same, **settings)
        held.update(second.cpu(), real=True)
        held.update(first.cpu(), real=False)
        found = held.compute()
    return float(found[0] if isinstance(found, tuple) else found)


def _square(first: Tensor, second: Tensor) -> float:
    """Mean squared difference per pixel, in float64."""
    return float((first - second).cpu().double().square().mean())


guard(__name__, methods=False)
