"""The one training loop: fit a codec, fit another decoder to a codec, fit many at once; stop and resume at any step.

All randomness (weights, batches, dither, private noise) comes from the seed through one CPU generator per model, so a
run is reproducible on CPU, the loop and the stacked ensemble see the same draws, and a resumed run ends in the same
weights as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from neural.checkpoints import Checkpoint, Point, State
from neural.coders import Classifier, Coder
from neural.losses import AnchorNorm, Loss, Round, WassersteinGP, sliced_wasserstein
from neural.quantisers import Quantiser, Sent
from neural.recipes import Drops, Recipe
from rdptheory.errors import InvalidInput

__all__ = ["Codec", "Decoder", "fit_classifier", "fit_codec", "fit_codecs", "fit_decoder"]

CHUNK = 2048
PLAIN = Recipe()
GENERATOR = Lock()


@dataclass(frozen=True, eq=False)
class Decoder:
    """A trained decoder: what was received and `noise` private Gaussian numbers in, images out."""

    net: nn.Module
    noise: int
    log: tuple[Point, ...] = ()

    @torch.no_grad()
    def __call__(self, received: Tensor, rng: torch.Generator) -> Tensor:
        """One draw (n, ...) for received (n, d)."""
        noise = torch.randn(len(received), self.noise, generator=rng).to(received.device)
        self.net.eval()
        pieces = zip(received.split(CHUNK), noise.split(CHUNK), strict=True)
        return torch.cat([self.net(code, private) for code, private in pieces])


@dataclass(frozen=True, eq=False)
class Codec:
    """A trained encoder, its quantiser, and the decoder that was trained with it."""

    encoder: nn.Module
    quantiser: Quantiser
    decoder: Decoder
    coder: Coder

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """What the encoder finds (n, d), batch norm in evaluation mode so that it is a function of the image."""
        self.encoder.eval()
        return torch.cat([self.encoder(piece) for piece in images.split(CHUNK)])

    def send(self, images: Tensor, rng: torch.Generator) -> Sent:
        """Codes and what the decoder receives, with fresh dither."""
        features = self.features(images)
        noise = self.quantiser.noise(len(features), features.shape[1], rng).to(features.device)
        return self.quantiser.send(features, noise)

    @property
    def bits(self) -> float:
        """Rate d log2 L in bits per image."""
        return self.quantiser.bits(self.coder.latent)


def fit_codec(
    images: Tensor,
    coder: Coder,
    quantiser: Quantiser,
    loss: Loss,
    *,
    steps: int,
    seed: int,
    device: str | torch.device = "cpu",
    references: Tensor | None = None,
    recipe: Recipe = PLAIN,
    noise: int = 0,
    start: Codec | None = None,
    checkpoint: Checkpoint | None = None,
    progress: bool = False,
) -> Codec:
    """Train encoder and decoder end to end.

    Parameters
    ----------
    images : tensor (n, planes, side, side)
        What the encoder sees and the distortion is measured against.
    coder, quantiser, loss : frozen descriptions
    steps : int
        Steps of encoder and decoder.
    seed : int
        Fixes everything that is random.
    references : tensor (n, ...), optional
        Images whose law the output should follow; `images` if left out.
    noise : int
        Private Gaussian numbers of the decoder.
    start : Codec, optional
        Weights to start from, of the same coder.
    checkpoint : Checkpoint, optional
        If its file exists the run goes on from there.
    """
    job = _codec_job(images, coder, quantiser, loss, seed, device, references, recipe, noise, start)
    return job.codec(_run([job], steps, recipe, checkpoint, progress, _Single(job.objective))[0])


def fit_codecs(
    images: Tensor,
    coder: Coder,
    quantiser: Quantiser,
    losses: Sequence[Loss],
    *,
    steps: int,
    seeds: Sequence[int],
    device: str | torch.device = "cpu",
    references: Tensor | None = None,
    recipe: Recipe = PLAIN,
    noise: int = 0,
    checkpoint: Checkpoint | None = None,
    progress: bool = False,
) -> list[Codec]:
    """`fit_codec` for several losses that differ in their weights only, and as many seeds, all at once.

    Their parameters are stacked: one vmapped forward, one optimiser (which acts elementwise). The numbers are those of
    one `fit_codec` after the other up to rounding, at about 0.6 times the CPU time for small networks.
    """
    if len({tuple(term for _, term in loss.terms) for loss in losses}) != 1:
        raise InvalidInput("losses", losses, "a stacked ensemble needs losses that differ in their weights only")
    jobs = [
        _codec_job(images, coder, quantiser, loss, seed, device, references, recipe, noise, None)
        for loss, seed in zip(losses, seeds, strict=True)
    ]
    stack = _Stack([job.objective for job in jobs])
    logs = _run(jobs, steps, recipe, checkpoint, progress, stack)
    stack.unstack()
    return [job.codec(log) for job, log in zip(jobs, logs, strict=True)]


def fit_decoder(
    codec: Codec,
    images: Tensor,
    loss: Loss,
    *,
    steps: int,
    seed: int,
    device: str | torch.device = "cpu",
    references: Tensor | None = None,
    targets: Tensor | None = None,
    recipe: Recipe = PLAIN,
    noise: int | None = None,
    coder: Coder | None = None,
    checkpoint: Checkpoint | None = None,
    progress: bool = False,
) -> Decoder:
    """Train another decoder for the codes of a frozen encoder.

    `noise` is the number of private Gaussian numbers (the family's own number if None, 0 for a deterministic decoder);
    `coder` another family for the decoder than the codec's; `targets` (n, ...) the images to reconstruct, paired with
    `images`, where they are not the images themselves. The other arguments are those of `fit_codec`.
    """
    family, device = codec.coder if coder is None else coder, _prepare(device)
    rng, width = torch.Generator().manual_seed(seed), family.private if noise is None else noise
    codec.encoder.to(device).eval()
    codec.decoder.net.to(device).eval()
    images = images.to(device)
    with _weights(seed):
        objective = _Objective(
            nn.Identity(), codec.quantiser, family.decoder(width), width, _critic(family, loss), loss
        )
    objective.anchor = (codec.decoder,) if any(isinstance(term, AnchorNorm) for _, term in loss.terms) else ()
    features = codec.features(images)
    source = images if targets is None else targets.to(device)
    reference = source if references is None else references.to(device)
    job = _Job(
        objective.to(device), source, features, reference, features.shape[1], rng, loss, recipe, codec.coder, seed
    )
    log = _run([job], steps, recipe, checkpoint, progress, _Single(objective))[0]
    return Decoder(objective.decoder.eval(), width, log)


def fit_classifier(
    images: Tensor, labels: Tensor, *, steps: int, seed: int, width: float = 1.0, device: str | torch.device = "cpu"
) -> Classifier:
    """The classifier behind the perceptual loss and the Frechet distance: SGD at 1e-2, a fifth of it after 2/3."""
    device = _prepare(device)
    with _weights(seed):
        net = Classifier(width).to(device)
        rng, images, labels = torch.Generator().manual_seed(seed), images.to(device), labels.to(device)
        optimiser = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = 0.05 * Drops()(step / steps)
            pick = torch.randint(len(images), (64,), generator=rng).to(device)
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(images[pick]), labels[pick]).backward()
            optimiser.step()
    return net.eval().requires_grad_(False)


class _Batch(NamedTuple):
    """Tensors only, so that it can be stacked and vmapped over."""

    source: Tensor
    entered: Tensor
    reference: Tensor
    dither: Tensor
    private: Tensor
    mixing: Tensor


class _Objective(nn.Module):
    """Encoder, decoder and critic as one module whose forward is the loss of a batch."""

    def __init__(
        self,
        encoder: nn.Module,
        quantiser: Quantiser,
        decoder: nn.Module,
        noise: int,
        critic: nn.Module | None,
        loss: Loss,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.critic = encoder, decoder, critic
        self.quantiser, self.noise, self.loss = quantiser, noise, loss
        self.anchor: tuple[Decoder, ...] = ()  # in a tuple, so that its weights are not this module's

    def forward(self, batch: _Batch, weights: Tensor, part: str) -> tuple[Tensor, Tensor]:
        """(loss, first reconstruction); `part` is decoder, critic, or shuffled (the critic's warm-up)."""
        cells, received = self.quantiser.send(self.encoder(batch.entered), batch.dither)
        m, n = batch.private.shape[:2]
        drawn = self.decoder(received.repeat(m, 1), batch.private.flatten(0, 1)).unflatten(0, (m, n))
        anchor = self.anchor[0].net(received, batch.private[0, :, :0]).detach() if self.anchor else None
        round = Round(batch.source, batch.reference, received, cells, drawn, anchor, batch.mixing)
        if part != "decoder":
            term = self.adversary
            return term.critic_loss(round, self.critic, shuffled=part == "shuffled"), drawn[0].detach()
        values = [term(round, self.critic) for _, term in self.loss.terms]
        return (torch.stack(values) * weights).sum(), drawn[0].detach()

    @property
    def adversary(self) -> WassersteinGP | None:
        return next((term for _, term in self.loss.terms if isinstance(term, WassersteinGP)), None)


@dataclass(eq=False)
class _Job:
    """One model to train and what it is trained on."""

    objective: _Objective
    source: Tensor
    entered: Tensor
    reference: Tensor
    latent: int
    rng: torch.Generator
    loss: Loss
    recipe: Recipe
    coder: Coder
    seed: int
    weights: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.weights = torch.tensor([weight for weight, _ in self.loss.terms], device=self.source.device)

    def batch(self) -> _Batch:
        size, device = self.recipe.batch, self.source.device
        pick, other = (torch.randint(len(x), (size,), generator=self.rng) for x in (self.source, self.reference))
        dither = self.objective.quantiser.noise(size, self.latent, self.rng)
        private = torch.randn(self.loss.draws, size, self.objective.noise, generator=self.rng)
        mixing = torch.rand(size, generator=self.rng)
        pick, other, dither, private, mixing = (t.to(device) for t in (pick, other, dither, private, mixing))
        if self.reference is self.source:
            other = pick
        return _Batch(self.source[pick], self.entered[pick], self.reference[other], dither, private, mixing)

    def codec(self, log: tuple[Point, ...]) -> Codec:
        decoder = Decoder(self.objective.decoder.eval(), self.objective.noise, log)
        return Codec(self.objective.encoder.eval(), self.objective.quantiser, decoder, self.coder)

    def name(self) -> str:
        """What a checkpoint must have been made by."""
        pixels = hashlib.sha256(self.source[:: max(1, len(self.source) // 64)].cpu().numpy().tobytes()).hexdigest()
        facts = (self.coder, self.objective.quantiser, self.objective.noise, self.loss, self.recipe, self.seed)
        return f"{facts} {len(self.source)} images {pixels[:16]}"


class _Single:
    """One objective."""

    def __init__(self, objective: _Objective) -> None:
        self.objective = objective
        self.tensors = objective.state_dict(keep_vars=True)

    def parameters(self, critic: bool) -> list[Tensor]:
        named = self.objective.named_parameters()
        return [p for name, p in named if p.requires_grad and name.startswith("critic.") == critic]

    def __call__(self, batches: list[_Batch], weights: list[Tensor], part: str) -> tuple[Tensor, list[Tensor]]:
        value, drawn = self.objective(batches[0], weights[0], part)
        return value[None], [drawn]


class _Stack:
    """Several objectives of one shape, their parameters and buffers stacked along a new first dimension."""

    def __init__(self, objectives: list[_Objective]) -> None:
        self.objectives = objectives
        self.stacked, self.buffers = torch.func.stack_module_state(objectives)
        self.tensors = {**self.stacked, **self.buffers}

    def parameters(self, critic: bool) -> list[Tensor]:
        return [p for name, p in self.stacked.items() if name.startswith("critic.") == critic]

    def __call__(self, batches: list[_Batch], weights: list[Tensor], part: str) -> tuple[Tensor, list[Tensor]]:
        def one(parameters: dict, buffers: dict, batch: _Batch, weight: Tensor) -> tuple[Tensor, Tensor]:
            return torch.func.functional_call(self.objectives[0], (parameters, buffers), (batch, weight, part))

        batch = _Batch(*(torch.stack(parts) for parts in zip(*batches, strict=True)))
        values, drawn = torch.vmap(one)(self.stacked, self.buffers, batch, torch.stack(weights))
        return values, list(drawn)

    @torch.no_grad()
    def unstack(self) -> None:
        for name, values in self.tensors.items():
            for objective, value in zip(self.objectives, values, strict=True):
                objective.state_dict(keep_vars=True)[name].copy_(value)


def _run(
    jobs: list[_Job],
    steps: int,
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    progress: bool,
    models: _Single | _Stack,
) -> list[tuple[Point, ...]]:
    adversary, device = jobs[0].objective.adversary, jobs[0].source.device
    for job in jobs:
        job.objective.train()
    optimisers = {"decoder": recipe.optimiser.build(models.parameters(False))}
    if adversary:
        optimisers["critic"] = recipe.critic.build(models.parameters(True))
    average = {name: t.detach().clone() for name, t in models.tensors.items() if recipe.average and "decoder" in name}
    state = State(models.tensors, average, optimisers, [job.rng for job in jobs], steps, [job.name() for job in jobs])
    first, logs = state.restore(checkpoint, [[] for _ in jobs])
    weights = [job.weights for job in jobs]

    def descend(part: str) -> tuple[Tensor, list[Tensor], list[_Batch]]:
        batches = [job.batch() for job in jobs]
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.bf16 and device.type == "cuda"):
            values, drawn = models(batches, weights, part)
        role = optimisers["decoder" if part == "decoder" else "critic"]
        parameters = role.param_groups[0]["params"]
        for parameter, gradient in zip(parameters, torch.autograd.grad(values.sum(), parameters), strict=True):
            parameter.grad = gradient
        role.step()
        return values.detach(), drawn, batches

    if first == 0 and adversary:
        for _ in range(adversary.warm_up):
            descend("shuffled")
    bar = tqdm(range(first, steps), initial=first, total=steps, disable=not progress, mininterval=1.0)
    for step in bar:
        for role, peak in (("decoder", recipe.optimiser), ("critic", recipe.critic)):
            if role in optimisers:
                optimisers[role].param_groups[0]["lr"] = peak.rate * recipe.schedule(step / steps)
        for _ in range(adversary.steps if adversary else 0):
            descend("critic")
        values, drawn, batches = descend("decoder")
        for name, slow in average.items():
            fresh = models.tensors[name].detach()
            slow.lerp_(fresh, 1.0 - recipe.average) if slow.is_floating_point() else slow.copy_(fresh)
        if step % max(1, steps // 40) == 0 or step == steps - 1:
            for log, value, images, batch in zip(logs, values, drawn, batches, strict=True):
                log.append(_point(step, value, images, batch))
            bar.set_postfix(D=f"{logs[0][-1].distortion:.4f}", P=f"{logs[0][-1].perception:.4f}")
        state.keep(checkpoint, step + 1, logs)
    with torch.no_grad():
        for name, slow in average.items():
            models.tensors[name].copy_(slow)
    return [tuple(log) for log in logs]


def _codec_job(
    images: Tensor, coder: Coder, quantiser: Quantiser, loss: Loss, seed: int, device: str | torch.device,
    references: Tensor | None, recipe: Recipe, noise: int, start: Codec | None,
) -> _Job:  # fmt: skip
    device = _prepare(device)
    rng = torch.Generator().manual_seed(seed)
    with _weights(seed):
        objective = _Objective(coder.encoder(), quantiser, coder.decoder(noise), noise, _critic(coder, loss), loss)
    if start is not None:
        objective.encoder.load_state_dict(start.encoder.state_dict())
        objective.decoder.load_state_dict(start.decoder.net.state_dict())
    if device.type == "cuda":
        objective.to(memory_format=torch.channels_last)
    images = images.to(device)
    target = images if references is None else references.to(device)
    return _Job(objective.to(device), images, images, target, coder.latent, rng, loss, recipe, coder, seed)


def _critic(coder: Coder, loss: Loss) -> nn.Module | None:
    adversary = next((term for _, term in loss.terms if isinstance(term, WassersteinGP)), None)
    return adversary and coder.critic(coder.latent if adversary.conditional else 0)


def _point(step: int, value: Tensor, drawn: Tensor, batch: _Batch) -> Point:
    distortion = (drawn - batch.source).square().mean()
    return Point(step, float(value), float(distortion), float(sliced_wasserstein(batch.reference, drawn)))


def _prepare(device: str | torch.device) -> torch.device:
    device = torch.device(device)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32
        torch.backends.cudnn.allow_tf32 = True
    return device


@contextmanager
def _weights(seed: int) -> Iterator[None]:
    """Fresh weights come from the seed; torch's own generator, which all threads share, is afterwards as it was."""
    with GENERATOR, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
