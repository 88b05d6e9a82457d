"""The one training loop: fit a codec, fit another decoder to a codec, fit many at once; stop and resume at any step.

All randomness (weights, batches, dither, private noise) comes from the seed through one CPU generator per model, so a
run is reproducible on CPU, the loop and the stacked ensemble see the same draws on every device, and a resumed run ends
in the same weights as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
from collections import namedtuple
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock

import torch
from torch import Tensor, nn
from tqdm import tqdm

from neural.checkpoints import Checkpoint, Point, State
from neural.coders import Classifier, Coder
from neural.losses import AnchorNorm, Loss, Round, sliced_wasserstein
from neural.quantisers import Quantiser, Sent
from neural.recipes import Drops, Recipe
from rdptheory.errors import InvalidInput

__all__ = ["Codec", "Decoder", "fit_classifier", "fit_codec", "fit_codecs", "fit_decoder", "seeded"]

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
        """One draw (n, ...) for received (n, d), on the decoder's device."""
        noise = torch.randn(len(received), self.noise, generator=rng)
        pieces = zip(_beside(self.net, received).split(CHUNK), _beside(self.net, noise).split(CHUNK), strict=True)
        self.net.eval()
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
        return torch.cat([self.encoder(_beside(self.encoder, piece)) for piece in images.split(CHUNK)])

    def send(self, images: Tensor, rng: torch.Generator) -> Sent:
        """Codes and what the decoder receives, with fresh dither."""
        features = self.features(images)
        return self.quantiser.send(features, self.quantiser.noise(*features.shape, rng).to(features.device))

    @property
    def bits(self) -> float:
        """Rate d log2 L in bits per image."""
        return self.quantiser.bits(self.coder.latent)


def fit_codec(
    images: Tensor, coder: Coder, quantiser: Quantiser, loss: Loss, *, steps: int, seed: int,
    device: str | torch.device = "cpu", references: Tensor | None = None, recipe: Recipe = PLAIN, noise: int = 0,
    start: Codec | None = None, checkpoint: Checkpoint | None = None, progress: bool = False,
) -> Codec:  # fmt: skip
    """Train encoder and decoder end to end, `steps` steps of both; `seed` fixes everything that is random.

    The encoder sees `images` (n, planes, side, side), the distortion is measured against them, and the output should
    follow the law of `references` (n, ...), `images` themselves if left out. `noise` is the number of private Gaussian
    numbers of the decoder; `start` a codec of the same coder whose weights to start from. If the file of `checkpoint`
    exists the run goes on from there; `progress` shows a bar with live D and P.
    """
    return fit_codecs(
        images, coder, quantiser, [loss], steps=steps, seeds=[seed], device=device, references=references,
        recipe=recipe, noise=noise, start=start, checkpoint=checkpoint, progress=progress,
    )[0]  # fmt: skip


def fit_codecs(
    images: Tensor, coder: Coder, quantiser: Quantiser, losses: Sequence[Loss], *, steps: int, seeds: Sequence[int],
    device: str | torch.device = "cpu", references: Tensor | None = None, recipe: Recipe = PLAIN, noise: int = 0,
    start: Codec | None = None, checkpoint: Checkpoint | None = None, progress: bool = False,
) -> list[Codec]:  # fmt: skip
    """`fit_codec` for several losses that differ in their weights only, and as many seeds, all at once.

    Their parameters are stacked: one vmapped forward, one optimiser (which acts elementwise). The numbers are those of
    one `fit_codec` after the other up to rounding, at about 0.6 times the CPU time for small networks.
    """
    if len({tuple(term for _, term in loss.terms) for loss in losses}) != 1:
        raise InvalidInput("losses", losses, "a stacked ensemble needs losses that differ in their weights only")
    if len(losses) != len(seeds):
        raise InvalidInput("seeds", seeds, f"must be as many as the losses, {len(losses)}")
    if any(isinstance(term, AnchorNorm) for _, term in losses[0].terms):
        raise InvalidInput("losses", losses, "AnchorNorm needs a codec that is there already: use fit_decoder")
    paired = references is None or references is images
    _check(losses[0], steps, paired)
    source = images.to(device)
    target = source if paired else references.to(device)
    models = []
    for loss, seed in zip(losses, seeds, strict=True):
        model = _Model(coder, quantiser, loss, recipe, noise, seed, device)
        if start is not None:
            model.encoder.load_state_dict(start.encoder.state_dict())
            model.decoder.load_state_dict(start.decoder.net.state_dict())
            model.given = _tensors(start.encoder, start.decoder.net)
        model.images = (source, source, target)
        models.append(model)
    logs = _run(models, steps, checkpoint, progress)
    return [
        Codec(model.encoder.eval(), quantiser, Decoder(model.decoder.eval(), noise, log), coder)
        for model, log in zip(models, logs, strict=True)
    ]


def fit_decoder(
    codec: Codec, images: Tensor, loss: Loss, *, steps: int, seed: int, device: str | torch.device = "cpu",
    references: Tensor | None = None, targets: Tensor | None = None, recipe: Recipe = PLAIN, noise: int | None = None,
    coder: Coder | None = None, checkpoint: Checkpoint | None = None, progress: bool = False,
) -> Decoder:  # fmt: skip
    """Train another decoder for the codes of a frozen encoder.

    `noise` is the number of private Gaussian numbers (the family's own number if None, 0 for a deterministic decoder);
    `coder` another family for the decoder than the codec's; `targets` (n, ...) the images to reconstruct, paired with
    `images`, where they are not the images themselves. The other arguments are those of `fit_codec`.
    """
    shown = images if targets is None else targets
    if len(shown) != len(images):
        raise InvalidInput("targets", tuple(shown.shape), f"must be as many as the images, {len(images)}")
    paired = references is None or references is shown
    _check(loss, steps, paired)
    coder = coder or codec.coder
    noise = coder.private if noise is None else noise
    codec.encoder.to(device)
    codec.decoder.net.to(device).eval()
    model = _Model(coder, codec.quantiser, loss, recipe, noise, seed, device, encoder=nn.Identity())
    if any(isinstance(term, AnchorNorm) for _, term in loss.terms):
        if codec.decoder.noise:
            raise InvalidInput("codec", codec, "AnchorNorm needs one whose own decoder takes no noise")
        model.anchor = (codec.decoder,)
    source, features = shown.to(device), codec.features(images.to(device))
    target = source if paired else references.to(device)
    model.images = (source, features, target)
    # features differ in rounding from device to device, weights do not
    model.given = (images, *(_tensors(codec.encoder) or (features,)), *_tensors(*(own.net for own in model.anchor)))
    return Decoder(model.decoder, noise, _run([model], steps, checkpoint, progress)[0])


def fit_classifier(
    images: Tensor, labels: Tensor, *, steps: int, seed: int, width: float = 1.0, device: str | torch.device = "cpu"
) -> Classifier:
    """The classifier behind the perceptual loss and the Frechet distance: SGD at 0.05, a fifth of it after 2/3."""
    with seeded(seed, device):
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


@contextmanager
def seeded(seed: int, device: str | torch.device = "cpu") -> Iterator[None]:
    """Fresh weights and dropout come from the seed; torch's own generators, which all threads share, are afterwards as
    they were on the CPU and on a CUDA `device` (one that is not given keeps the seed)."""
    with GENERATOR, torch.random.fork_rng([device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(seed)
        yield


_Batch = namedtuple("_Batch", "source entered reference dither private mixing weights")  # tensors only, to be stacked


class _Model(nn.Module):
    """Encoder, decoder and critic as one module whose forward is the loss of a batch; it draws its own batches."""

    images: tuple[Tensor, Tensor, Tensor]  # what to reproduce, what enters the encoder, whose law to follow
    anchor: tuple[Decoder, ...] = ()  # in a tuple, so that its weights are not this module's
    given: tuple[Tensor, ...] = ()  # what else decides the run: images behind the codes, weights that it starts from

    def __init__(
        self, coder: Coder, quantiser: Quantiser, loss: Loss, recipe: Recipe, noise: int, seed: int,
        device: str | torch.device, encoder: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.coder, self.quantiser, self.loss, self.recipe = coder, quantiser, loss, recipe
        self.noise, self.seed, self.device = noise, seed, torch.device(device)
        self.rng = torch.Generator().manual_seed(seed)
        self.weights = torch.tensor([weight for weight, _ in loss.terms]).to(device)
        with seeded(seed):
            self.encoder = coder.encoder() if encoder is None else encoder
            self.decoder = coder.decoder(noise)
            self.critic = loss.adversary and coder.critic(coder.latent if loss.adversary.conditional else 0)
        if self.device.type == "cuda":  # TF32 stays torch's default, convolutions only: distances need their digits
            self.to(memory_format=torch.channels_last)
        self.to(device)

    @property
    def name(self) -> str:
        """What a checkpoint must have been made by."""
        source, _, target = self.images
        digest = hashlib.sha256()
        for tensor in (source, *(() if target is source else (target,)), *self.given):
            digest.update(str(tuple(tensor.shape)).encode() + tensor.cpu().contiguous().numpy().tobytes())
        facts = (self.coder, self.quantiser, self.noise, self.loss, self.recipe, self.seed)
        return f"{facts} {len(source)} images {digest.hexdigest()[:16]}"

    def batch(self) -> _Batch:
        source, entered, reference = self.images
        size = self.recipe.batch
        pick, other = (torch.randint(len(x), (size,), generator=self.rng).to(self.device) for x in (source, reference))
        dither = self.quantiser.noise(size, self.coder.latent, self.rng)
        private = torch.randn(self.loss.draws, size, self.noise, generator=self.rng)
        mixing = torch.rand(size, generator=self.rng)
        law = reference[pick if reference is source else other]
        draws = (draw.to(self.device) for draw in (dither, private, mixing))
        return _Batch(source[pick], entered[pick], law, *draws, self.weights)

    def forward(self, batch: _Batch, part: str) -> tuple[Tensor, Tensor]:
        """(loss, first reconstruction); `part` is decoder, critic, or shuffled (the critic's warm-up)."""
        cells, received = self.quantiser.send(self._through(self.encoder, batch.entered), batch.dither)
        m, n = batch.private.shape[:2]
        drawn = self._through(self.decoder, received.repeat(m, 1), batch.private.flatten(0, 1)).unflatten(0, (m, n))
        anchor = self.anchor[0].net(received, batch.private[0, :, :0]).detach() if self.anchor else None
        round = Round(batch.source, batch.reference, received, cells, drawn, anchor, batch.mixing)
        critic = self.critic and partial(self._through, self.critic)
        if part != "decoder":
            return self.loss.adversary.critic_loss(round, critic, shuffled=part == "shuffled"), drawn[0].detach()
        values = [term(round, critic) for _, term in self.loss.terms]
        return (torch.stack(values) * batch.weights).sum(), drawn[0].detach()

    def _through(self, net: nn.Module, *inputs: Tensor) -> Tensor:
        """A network's output; bfloat16 stays inside, because codes, norms and losses need all their digits."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bf16, cache_enabled=False):
            return net(*inputs).float()


class _Stack:
    """Models of one shape as one, their parameters and buffers stacked along a new first dimension; one as it is."""

    def __init__(self, models: list[_Model]) -> None:
        self.models = models
        if len(models) > 1:
            self.parameters, self.buffers = torch.func.stack_module_state(models)
        else:
            self.parameters, self.buffers = dict(models[0].named_parameters()), dict(models[0].named_buffers())
        self.tensors = {**self.parameters, **self.buffers}

    def __call__(self, part: str) -> tuple[Tensor, Tensor, _Batch]:
        """Losses (k,), reconstructions and batches (k, n, ...) of k models."""
        batches = [model.batch() for model in self.models]
        batch = _Batch(*(torch.stack(parts) for parts in zip(*batches, strict=True)))
        if len(batches) == 1:
            value, drawn = self.models[0](batches[0], part)
            return value[None], drawn[None], batch

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], batch: _Batch) -> tuple[Tensor, Tensor]:
            return torch.func.functional_call(self.models[0], (parameters, buffers), (batch, part))

        return *torch.vmap(one)(self.parameters, self.buffers, batch), batch


def _run(models: list[_Model], steps: int, checkpoint: Checkpoint | None, progress: bool) -> list[tuple[Point, ...]]:
    stack, recipe, adversary = _Stack(models), models[0].recipe, models[0].loss.adversary
    for model in models:
        model.train()
    roles = {"decoder": recipe.optimiser, **({"critic": recipe.critic} if adversary else {})}
    free = {name: p for name, p in stack.parameters.items() if p.requires_grad}
    parts = {
        role: [p for name, p in free.items() if name.startswith("critic.") == (role == "critic")] for role in roles
    }
    optimisers = {role: peak.build(parts[role]) for role, peak in roles.items()}
    slow = {name: t.detach().clone() for name, t in stack.tensors.items() if recipe.average and "decoder" in name}
    kept = {f"model.{name}": t for name, t in stack.tensors.items()} | {f"average.{n}": t for n, t in slow.items()}
    state = None
    if checkpoint:
        facts = [f"{steps} steps", *(model.name for model in models)]
        state = State(checkpoint, facts, kept, optimisers, [model.rng for model in models])
    first, logs = (state and state.restore()) or (0, [[] for _ in models])

    def descend(part: str) -> tuple[Tensor, Tensor, _Batch]:
        values, drawn, batch = stack(part)
        role = "decoder" if part == "decoder" else "critic"
        for parameter, gradient in zip(parts[role], torch.autograd.grad(values.sum(), parts[role]), strict=True):
            parameter.grad = gradient
        optimisers[role].step()
        return values.detach(), drawn, batch

    for _ in range(adversary.warm_up if adversary and first == 0 else 0):
        descend("shuffled")
    bar = tqdm(range(first, steps), initial=first, total=steps, disable=not progress, mininterval=1.0)
    for step in bar:
        for role, peak in roles.items():
            optimisers[role].param_groups[0]["lr"] = peak.rate * recipe.schedule(step / steps)
        for _ in range(adversary.steps if adversary else 0):
            descend("critic")
        values, drawn, batch = descend("decoder")
        for name, tensor in slow.items():
            fresh = stack.tensors[name].detach()
            tensor.lerp_(fresh, 1.0 - recipe.average) if tensor.is_floating_point() else tensor.copy_(fresh)
        if step % max(1, steps // 40) == 0 or step == steps - 1:
            for log, value, output, source, law in zip(logs, values, drawn, batch.source, batch.reference, strict=True):
                found = (value, (output - source).square().mean(), sliced_wasserstein(law, output))
                log.append(Point(step, *map(float, found)))
            bar.set_postfix(D=f"{logs[0][-1].distortion:.4f}", P=f"{logs[0][-1].perception:.4f}")
        if state:
            state.keep(step + 1, logs, last=step == steps - 1)
    with torch.no_grad():
        for name, tensor in slow.items():
            stack.tensors[name].copy_(tensor)
    if len(models) > 1:
        for number, model in enumerate(models):
            model.load_state_dict({name: values[number] for name, values in stack.tensors.items()})
    return [tuple(log) for log in logs]


def _check(loss: Loss, steps: int, paired: bool) -> None:
    if steps < 1:
        raise InvalidInput("steps", steps, "must be at least 1")
    if not paired and any(getattr(term, "conditional", False) for _, term in loss.terms):
        raise InvalidInput("loss", loss, "is conditional, so the references must be the source: others have no code")


def _tensors(*nets: nn.Module) -> tuple[Tensor, ...]:
    return tuple(tensor for net in nets for tensor in net.state_dict().values())


def _beside(net: nn.Module, tensor: Tensor) -> Tensor:
    """The tensor on the device of a network, if that has any weights."""
    return tensor.to(next(iter(net.state_dict().values()), tensor).device)
