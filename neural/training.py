"""The one training loop: fit codecs, fit other decoders to codecs, one or many at once; stop and resume at any step.

All randomness (weights, batches, dither, private noise) comes from the seed through CPU generators, one a model and
block of 256 steps, moved in one pinned copy. So a run is reproducible on CPU, the loop and the stacked ensemble see the
same draws on every device, and a resumed run ends in the same weights as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import get_ema_multi_avg_fn

from neural.checkpoints import Checkpoint, Point, State
from neural.coders import Classifier, Coder
from neural.data import checked, usable
from neural.losses import AnchorNorm, Loss, Round, sliced_wasserstein
from neural.quantisers import Quantiser, Sent
from neural.recipes import Drops, Recipe
from rdptheory.bars import bar_of
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, count

__all__ = ["Codec", "Decoder", "fit_classifier", "fit_codec", "fit_codecs", "fit_decoder", "fit_decoders", "seeded"]

CHUNK = 2048  # images at a time through a network that is not trained
AHEAD = 256  # steps drawn at once: enough for a copy to cost nothing beside them
NUMBERS = 2**23  # most numbers drawn at once for one model, 32 MB
BLOCKS = 2**20  # between the generators' seeds of two seeds: more than any run has blocks
WARM = 3  # steps before a CUDA graph is recorded: libraries and optimisers set themselves up in the first
PLAIN = Recipe()
GENERATOR = Lock()


@dataclass(frozen=True, eq=False)
class Decoder:
    """A trained decoder: what was received and `noise` private Gaussian numbers in, images out; and its critic."""

    net: nn.Module
    noise: int
    log: tuple[Point, ...] = ()
    critic: nn.Module | None = None

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
        features = self.features(checked("images", images, self.coder))
        return self.quantiser.send(features, self.quantiser.noise(*features.shape, rng).to(features.device))

    @property
    def bits(self) -> float:
        """Rate d log2 L in bits per image; of a picture format the bytes it wrote last, NaN before."""
        written = next((m.bits for m in self.encoder.modules() if hasattr(m, "bits")), 0.0)
        return written or self.quantiser.bits(self.coder.latent)


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
    one `fit_codec` after the other up to rounding; small dense networks take about 0.6 times the CPU time.
    """
    if any(loss.holds(AnchorNorm) for loss in losses):
        raise InvalidInput("losses", losses, "AnchorNorm needs a codec that is there already: use fit_decoder")
    source, target = _shown(images, references, coder, device)
    models = []
    for loss, seed in _paired(losses, seeds, steps, target is source):
        model = _Model(coder, quantiser, loss, recipe, noise, seed, device)
        if start is not None:
            model.begin(start.decoder.net, start.decoder.critic, start.encoder)
        model.images = (source, source, target)
        models.append(model)
    decoders = _run(models, steps, checkpoint, progress)
    return [Codec(model.encoder.eval(), quantiser, made, coder) for model, made in zip(models, decoders, strict=True)]


def fit_decoder(
    codec: Codec, images: Tensor, loss: Loss, *, steps: int, seed: int, device: str | torch.device = "cpu",
    references: Tensor | None = None, recipe: Recipe = PLAIN, noise: int | None = None, coder: Coder | None = None,
    critic: nn.Module | None = None, checkpoint: Checkpoint | None = None, progress: bool = False,
) -> Decoder:  # fmt: skip
    """Train another decoder for the codes of a frozen encoder.

    `noise` is the number of private Gaussian numbers (the family's own number if None, 0 for a deterministic decoder);
    `coder` another family for the decoder than the codec's; `critic` one whose weights to start from. The other
    arguments are those of `fit_codec`.
    """
    return fit_decoders(
        [codec], images, [loss], steps=steps, seeds=[seed], device=device, references=references,
        recipe=recipe, noise=noise, coder=coder, critics=[critic], checkpoint=checkpoint, progress=progress,
    )[0]  # fmt: skip


def fit_decoders(
    codecs: Sequence[Codec], images: Tensor, losses: Sequence[Loss], *, steps: int, seeds: Sequence[int],
    device: str | torch.device = "cpu", references: Tensor | None = None, recipe: Recipe = PLAIN,
    noise: int | None = None, coder: Coder | None = None, critics: Sequence[nn.Module | None] | None = None,
    checkpoint: Checkpoint | None = None, progress: bool = False,
) -> list[Decoder]:  # fmt: skip
    """`fit_decoder` for several codecs of one quantiser, losses that differ in their weights, and seeds, at once."""
    if any(codec.quantiser != codecs[0].quantiser for codec in codecs):
        raise InvalidInput(
            "codecs", [c.quantiser for c in codecs], "must have one quantiser to be stood behind at once"
        )
    if len(set(codecs)) > 1 and losses[0].holds(AnchorNorm):
        raise InvalidInput("codecs", codecs, "must be one where AnchorNorm holds the outputs to its own decoder's")
    coder = coder or codecs[0].coder
    noise = coder.private if noise is None else noise
    source, target = _shown(images, references, coder, device)
    found = {}
    for codec in dict.fromkeys(codecs):  # one tensor for all that share an encoder
        codec.encoder.to(device)
        found[codec] = codec.features(source)
    models, pairs = [], _paired(losses, seeds, steps, target is source)
    for codec, critic, (loss, seed) in zip(codecs, critics or [None] * len(codecs), pairs, strict=True):
        model = _Model(coder, codec.quantiser, loss, recipe, noise, seed, device, encoder=nn.Identity())
        if loss.holds(AnchorNorm):
            if codec.decoder.noise:
                raise InvalidInput("codec", codec, "AnchorNorm needs one whose own decoder takes no noise")
            model.anchor = (codec.decoder,)
            codec.decoder.net.to(device).eval()
        model.images = (source, found[codec], target)
        # features differ in rounding from device to device, weights do not
        own = _tensors(codec.encoder) or (found[codec],)
        model.given = (*own, *_tensors(*(decoder.net for decoder in model.anchor)))
        model.begin(None, critic)
        models.append(model)
    return _run(models, steps, checkpoint, progress)


def fit_classifier(
    images: Tensor, labels: Tensor, *, steps: int, seed: int, width: float = 1.0, device: str | torch.device = "cpu"
) -> Classifier:
    """The classifier behind the perceptual loss and the Frechet distance: SGD at 0.05, a fifth of it after 2/3."""
    checked("images", images)
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64 or int(labels.min()) < 0:
        rule = "must be integers from 0, one for each image: take .long()"
        raise InvalidInput("labels", (tuple(labels.shape), labels.dtype), rule)
    with seeded(seed, device):
        net = Classifier(width, classes=max(10, int(labels.max()) + 1)).to(device)
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
    with GENERATOR, torch.random.fork_rng([device] if usable(device).type == "cuda" else []):
        torch.manual_seed(seed)
        yield


class _Draws(NamedTuple):
    """What chance decides in a round of one model; `weights` are those of the terms of its loss. Axes of steps, rounds
    and models stand in front."""

    pick: Tensor
    other: Tensor
    dither: Tensor
    private: Tensor
    mixing: Tensor
    weights: Tensor

    def each(self, do: Callable[[Tensor], Tensor]) -> _Draws:
        return _Draws(*map(do, self))


Images = tuple[Tensor, Tensor, Tensor]
"""What to reproduce, what enters the encoder, and whose law to follow."""


class _Model(nn.Module):
    """Encoder, decoder and critic as one module whose forward is the loss of a batch."""

    images: Images
    anchor: tuple[Decoder, ...] = ()  # in a tuple, so that its weights are not this module's
    given: tuple[Tensor, ...] = ()  # what else decides the run: images behind the codes, weights that it starts from

    def __init__(
        self, coder: Coder, quantiser: Quantiser, loss: Loss, recipe: Recipe, noise: int, seed: int,
        device: str | torch.device, encoder: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.coder, self.quantiser, self.loss, self.recipe = coder, quantiser, loss, recipe
        self.noise, self.seed, self.device = noise, seed, torch.device(device)
        with seeded(seed):
            self.encoder = coder.encoder() if encoder is None else encoder
            self.decoder = coder.decoder(noise)
            self.critic = loss.adversary and coder.critic(coder.latent if loss.adversary.conditional else 0)
        if self.device.type == "cuda":  # TF32 stays torch's default, convolutions only: distances need their digits
            self.to(memory_format=torch.channels_last)
        self.to(device)

    def begin(self, *others: nn.Module | None) -> None:
        """Take over the weights of another decoder, critic and encoder, as far as there are any."""
        for own, other in zip((self.decoder, self.critic, self.encoder), others, strict=False):
            if own is not None and other is not None:
                own.load_state_dict(other.state_dict())
                self.given += _tensors(other)

    @property
    def name(self) -> str:
        """What a checkpoint must have been made by."""
        source, _, target = self.images
        digest = hashlib.sha256()
        for tensor in (source, *(() if target is source else (target,)), *self.given):
            digest.update(str(tuple(tensor.shape)).encode() + tensor.cpu().contiguous().numpy().tobytes())
        facts = (self.coder, self.quantiser, self.noise, self.loss, self.recipe, self.seed)
        return f"{facts} {len(source)} images {digest.hexdigest()[:16]}"

    def draw(self, block: int, progress: Sequence[float], rounds: int) -> _Draws:
        """The draws (steps, rounds, ...) of the steps that a block begins with."""
        rng = torch.Generator().manual_seed((self.seed * BLOCKS + block) % 2**63)
        source, _, reference = self.images
        shape = (len(progress), rounds, self.recipe.batch)
        pick = torch.randint(len(source), shape, generator=rng)
        other = pick if reference is source else torch.randint(len(reference), shape, generator=rng)
        dither = self.quantiser.noise(pick.numel(), self.coder.latent, rng).unflatten(1, shape).movedim(0, 2)
        private = torch.randn(*shape[:2], self.loss.draws, shape[2], self.noise, generator=rng)
        weights = torch.tensor([self.loss.weights(share) for share in progress])[:, None].expand(-1, rounds, -1)
        return _Draws(pick, other, dither, private, torch.rand(shape, generator=rng), weights)

    def forward(self, images: Images, draws: _Draws, part: str) -> tuple[Tensor, Tensor]:
        """(loss, first reconstruction); `part` is decoder, critic, or shuffled (the critic's warm-up)."""
        source, entered, reference = images
        cells, received = self.quantiser.send(self._through(self.encoder, entered), draws.dither)
        m, n = draws.private.shape[:2]
        drawn = self._through(self.decoder, received.repeat(m, 1), draws.private.flatten(0, 1)).unflatten(0, (m, n))
        anchor = self.anchor[0].net(received, draws.private[0, :, :0]).detach() if self.anchor else None
        round = Round(source, reference, received, cells, drawn, anchor, draws.mixing)
        critic = self.critic and partial(self._through, self.critic)
        if part != "decoder":
            return self.loss.adversary.critic_loss(round, critic, shuffled=part == "shuffled"), drawn[0].detach()
        values = [term(round, critic) for _, term in self.loss.terms]
        return (torch.stack(values) * draws.weights).sum(), drawn[0].detach()

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

    def draws(self, block: int, progress: Sequence[float], rounds: int) -> _Draws:
        """The draws (steps, rounds, models, ...) of a block, on the device."""
        drawn = zip(*(model.draw(block, progress, rounds) for model in self.models), strict=True)
        together, device = _Draws(*(torch.stack(parts, 2) for parts in drawn)), self.models[0].device
        if device.type == "cuda":
            together = together.each(Tensor.pin_memory)
        return together.each(lambda tensor: tensor.to(device, non_blocking=True))

    def __call__(self, part: str, draws: _Draws) -> Seen:
        """Losses (k,) and reconstructions (k, n, ...) of k models, and the sources and references that they are of."""
        images = tuple(
            torch.stack([model.images[which][own] for model, own in zip(self.models, picks, strict=True)])
            for which, picks in enumerate((draws.pick, draws.pick, draws.other))
        )

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], images: Images, draws: _Draws) -> Seen:
            return torch.func.functional_call(self.models[0], (parameters, buffers), (images, draws, part))

        if len(self.models) > 1:
            found = torch.vmap(one)(self.parameters, self.buffers, images, draws)
        else:
            found = [
                tensor[None] for tensor in self.models[0]([t[0] for t in images], draws.each(lambda t: t[0]), part)
            ]
        return *found, images[0], images[2]


Seen = tuple[Tensor, ...]


def _run(models: list[_Model], steps: int, checkpoint: Checkpoint | None, progress: bool) -> list[Decoder]:
    stack, recipe, adversary = _Stack(models), models[0].recipe, models[0].loss.adversary
    for model in models:
        model.train()
    graph = recipe.graph and models[0].device.type == "cuda"
    roles = {"decoder": recipe.optimiser, **({"critic": recipe.critic} if adversary else {})}
    free = {name: p for name, p in stack.parameters.items() if p.requires_grad}
    parts = {
        role: [p for name, p in free.items() if name.startswith("critic.") == (role == "critic")] for role in roles
    }
    optimisers = {role: peak.build(parts[role], graph) for role, peak in roles.items()}
    live = {n: t for n, t in stack.tensors.items() if recipe.average and "decoder" in n and t.is_floating_point()}
    slow, average = {name: t.detach().clone() for name, t in live.items()}, get_ema_multi_avg_fn(recipe.average)
    kept = {f"model.{name}": t for name, t in stack.tensors.items()} | {f"average.{n}": t for n, t in slow.items()}
    state = checkpoint and State(checkpoint, [f"{steps} steps", *(m.name for m in models)], kept, optimisers)
    first, logs = (state and state.restore()) or (0, [[] for _ in models])
    schedules = [
        LambdaLR(optimiser, lambda n: recipe.schedule(min((first + n) / steps, 1.0)))
        for optimiser in optimisers.values()
    ]

    def descend(part: str, draws: _Draws) -> Seen:
        values, *seen = stack(part, draws)
        role = "decoder" if part == "decoder" else "critic"
        for parameter, gradient in zip(parts[role], torch.autograd.grad(values.sum(), parts[role]), strict=True):
            if gradient.stride() != parameter.stride():  # a fused optimiser reads both in the order of their memory
                gradient = torch.empty_like(parameter).copy_(gradient)
            parameter.grad = gradient
        optimisers[role].step()
        return values.detach(), *seen

    def both(draws: _Draws) -> Seen:
        for turn in range(rounds - 1):
            descend("critic", draws.each(lambda t, turn=turn: t[turn]))
        seen = descend("decoder", draws.each(lambda t: t[-1]))
        if live:
            with torch.no_grad():
                average(list(slow.values()), list(live.values()), None)
        return seen

    rounds = 1 + (adversary.steps if adversary else 0)
    warm = stack.draws(-1, [0.0] * adversary.warm_up, 1) if adversary and adversary.warm_up and not first else None
    for step in range(adversary.warm_up if warm else 0):
        descend("shuffled", warm.each(lambda t, step=step: t[step, 0]))
    width = sum(tensor[0].numel() for tensor in stack.draws(0, [0.0], rounds)) // len(models)
    ahead = max(1, min(AHEAD, steps, NUMBERS // width))
    recorded = _Recorded(both) if graph else both
    left = range(first, steps)  # a bar, shown or not, takes a semaphore that a worker leaves behind when it is stopped
    bar = bar_of(left, initial=first, total=steps, mininterval=1.0) if progress else None
    for step in left if bar is None else bar:
        block, row = divmod(step, ahead)
        if row == 0 or step == first:
            shares = [n / steps for n in range(step - row, min(step - row + ahead, steps))]
            drawn = stack.draws(block, shares, rounds)
        seen = recorded(drawn.each(lambda t, row=row: t[row]))
        for schedule in schedules:
            schedule.step()
        if step % max(1, steps // 40) == 0 or step == steps - 1:
            for log, value, output, source, law in zip(logs, *seen, strict=True):
                found = (value, (output - source).square().mean(), sliced_wasserstein(law, output))
                log.append(Point(step, *map(float, found)))
            if bar is not None:
                bar.set_postfix(D=f"{logs[0][-1].distortion:.4f}", P=f"{logs[0][-1].perception:.4f}", refresh=False)
        if state:
            state.keep(step + 1, logs, last=step == steps - 1)
    with torch.no_grad():
        for name, tensor in slow.items():
            stack.tensors[name].copy_(tensor)
    if len(models) > 1:
        for number, model in enumerate(models):
            model.load_state_dict({name: values[number] for name, values in stack.tensors.items()})
    return [
        Decoder(model.decoder.eval(), model.noise, tuple(log), model.critic and model.critic.eval())
        for model, log in zip(models, logs, strict=True)
    ]


class _Recorded:
    """A step that is run a few times, then recorded as a CUDA graph and replayed; where recording fails, run on."""

    def __init__(self, step: Callable[[_Draws], Seen]) -> None:
        self.step, self.runs, self.graph = step, 0, None

    def __call__(self, draws: _Draws) -> Seen:
        self.runs += 1
        if self.runs == WARM + 1:
            self.draws, graph = draws.each(torch.clone), torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph):
                    self.seen = self.step(self.draws)
                self.graph = graph
            except RuntimeError as problem:
                warnings.warn(f"no CUDA graph, every kernel is started by itself: {problem}", stacklevel=2)
        if self.graph is None:
            return self.step(draws)
        for own, new in zip(self.draws, draws, strict=True):
            own.copy_(new)
        self.graph.replay()
        return self.seen


def _paired(losses: Sequence[Loss], seeds: Sequence[int], steps: int, own: bool) -> Iterator[tuple[Loss, int]]:
    """Losses with their seeds, if they can be trained together; `own` says that the references are the source."""
    count("steps", steps)
    if len({tuple(term for _, term in loss.terms) for loss in losses}) != 1:
        raise InvalidInput("losses", losses, "a stacked ensemble needs losses that differ in their weights only")
    if len(losses) != len(seeds):
        raise InvalidInput("seeds", seeds, f"must be as many as the losses, {len(losses)}")
    if not own and any(getattr(term, "conditional", False) for _, term in losses[0].terms):
        raise InvalidInput(
            "loss", losses[0], "is conditional, so the references must be the source: others have no code"
        )
    return zip(losses, seeds, strict=True)


def _shown(
    images: Tensor, references: Tensor | None, coder: Coder, device: str | torch.device
) -> tuple[Tensor, Tensor]:
    """What to reproduce, and whose law to follow, on the device."""
    source = checked("images", images, coder).to(usable(device))
    own = references is None or references is images
    return source, source if own else checked("references", references, coder).to(device)


def _tensors(*nets: nn.Module) -> tuple[Tensor, ...]:
    return tuple(tensor for net in nets for tensor in net.state_dict().values())


def _beside(net: nn.Module, tensor: Tensor) -> Tensor:
    """The tensor on the device of a network, if that has any weights."""
    return tensor.to(next(iter(net.state_dict().values()), tensor).device)


guard(__name__)
