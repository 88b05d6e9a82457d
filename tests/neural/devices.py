"""A pretended device: its tensors lie elsewhere, meet no tensor of the CPU in any operation, and know no float64.

Run as a script it prints, as JSON, for every case either how far the numbers of the pretended device are from those of
the CPU, or what went wrong. A backend can be registered only once and before any training, so it has a process of its
own.
"""

import json
import math
import sys
import tempfile
import types
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import neural
from neural import data, oracle

aten = torch.ops.aten
MOVES = (aten._to_copy.default, aten.copy_.default)


class Far(torch.Tensor):
    """A tensor of the pretended device around the CPU tensor that does its work."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, near):
        shape = {"strides": near.stride(), "storage_offset": near.storage_offset(), "dtype": near.dtype}
        return torch.Tensor._make_wrapper_subclass(cls, near.size(), device=torch.device("far", 0), **shape)

    def __init__(self, near):
        if near.dtype == torch.float64:
            raise RuntimeError("float64, which not every device has")
        self.near = near

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})


class Devices(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})


def compute(func, args, kwargs):
    """One operation as an accelerator takes it: all tensors on one device, except single numbers."""
    met = set()

    def near(leaf):
        if isinstance(leaf, Far) or (isinstance(leaf, torch.Tensor) and leaf.dim()):
            met.add(isinstance(leaf, Far))
        if isinstance(leaf, (list, tuple)):
            return [near(part) for part in leaf]
        return leaf.near if isinstance(leaf, Far) else leaf

    def far(leaf):
        if isinstance(leaf, (list, tuple)):
            return type(leaf)(far(part) for part in leaf)
        return Far(leaf) if isinstance(leaf, torch.Tensor) else leaf

    near_args, near_kwargs = near(args), {name: near(value) for name, value in kwargs.items()}
    if len(met) > 1 and func not in MOVES:
        raise RuntimeError(f"{func} met tensors of two devices")
    away = True in met
    if kwargs.get("device") is not None:
        away, near_kwargs["device"] = torch.device(kwargs["device"]).type == "far", torch.device("cpu")
    if func is aten.copy_.default:
        away = isinstance(args[0], Far)
    out = func(*near_args, **near_kwargs)
    if not away or func is aten._local_scalar_dense.default:
        return out
    out = far(out)
    aliased = any(argument.alias_info for argument in func._schema.arguments)
    return return_and_correct_aliasing(func, args, kwargs, out) if aliased else out


def networks(module):
    return [value.detach().cpu().double() for value in module.state_dict().values()]


def distance(first, second):
    """The largest difference of two lists of tensors or numbers, relative where they are above 1."""
    pairs = [[torch.as_tensor(x).double() for x in pair] for pair in zip(first, second, strict=True)]
    return max(float(((a - b).abs() / a.abs().clamp_min(1.0)).max()) for a, b in pairs)


def parts(codec):
    return networks(codec.encoder) + networks(codec.decoder.net)


def logged(decoder):
    """The log, where an adversary is: what has no gradient but rounding moves by a whole step of Adam."""
    return [number for point in decoder.log for number in point]


DIGITS = data.digits()
SMALL = neural.Recipe(8, neural.Adam(fused=False), neural.Adam(1e-3, (0.5, 0.9), fused=False), average=0.5)
MSE, ENERGY, SCORE = neural.MeanSquaredError(), neural.EnergyDistance(), neural.EnergyScore(2)
CRITIC = neural.WassersteinGP(conditional=True, warm_up=1)
FAMILY = [
    neural.Perceptron(3, side=8, width=0.25),
    neural.BlauMichaeli(3, width=0.1),
    neural.Liu(3, width=0.1),
    neural.Zhang(3, width=0.05),
    neural.Yan(3, width=0.1),
    neural.UNet(64, side=8, width=0.1),
]


def images(coder, count=32):
    split = data.tinted(DIGITS, seed=0) if coder.planes == 3 else DIGITS
    return data.resize(split.train, coder.side)[:count].contiguous()


def quantiser(coder):
    return neural.Unquantised() if isinstance(coder, neural.UNet) else neural.UniversalQuantiser(3)


def codec(device, coder, loss=MSE, steps=2, **more):
    settings = {"steps": steps, "seed": 0, "device": device, "recipe": SMALL, **more}
    return neural.fit_codec(images(coder), coder, quantiser(coder), loss, **settings)


def stacked(device, coder, perception):
    losses = [MSE + weight * perception for weight in (0.1, 1.0)]
    settings = {"steps": 2, "seeds": [0, 1], "device": device, "recipe": SMALL, "noise": coder.private}
    found = neural.fit_codecs(images(coder), coder, quantiser(coder), losses, **settings)
    return [number for one in found for number in logged(one.decoder)]


def chain(device, coder):
    """A codec with a critic, another decoder behind it, and what both are worth."""
    one = codec(device, coder, CRITIC + MSE)
    other = neural.fit_decoder(
        one, images(coder), CRITIC + SCORE + neural.AnchorNorm(), steps=2, seed=0, device=device, recipe=SMALL
    )
    return [*logged(one.decoder), *logged(other), *judged(one, images(coder).to(device))]


def judged(codec, points, **more):
    values = neural.evaluate(codec, codec.decoder, points, **more).values()
    return [number for value in values for number in value if number is not None and math.isfinite(number)]


def measured(device, where):
    """Of images that lie on `where`, by a codec on `device`."""
    coder = neural.BlauMichaeli(2, width=0.1)
    points = images(coder, 64)
    net = neural.fit_classifier(points, DIGITS.train_labels[:64], steps=2, seed=0, width=0.2, device=device)
    one = codec(device, coder, MSE + 0.1 * neural.Perceptual(net))
    points = points.to(where)
    return judged(one, points, references=points, classifier=net, critic=neural.FreshCritic(2))


class Likely(torch.nn.Module):
    """A codec that is not ours, in the shape of CompressAI's."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor([0.9]))

    def forward(self, x):
        return {"x_hat": x * self.gain, "likelihoods": {"y": torch.sigmoid(x)}}


def foreign(device):
    """Any codec, measured: the model on the device, images there and here."""
    points, model = images(FAMILY[0]), neural.Likelihoods(Likely().to(device).eval())
    found = [neural.measure(given, *model(given)) for given in (points, points.to(device))]
    found.append(neural.measure(points.to(device), points.square().to(device), 1))
    return [value for one in found for value in vars(one).values() if isinstance(value, float)]


def exact(device):
    points = DIGITS.train[:300].to(device)
    best = oracle.lloyd(points, 3, seed=0)
    sent = best.send(points, torch.Generator().manual_seed(0))
    drawn = oracle.Redraw(points, sent.cells, 2, seed=0)(sent.received, torch.linspace(1, 0, 300)[:, None].to(device))
    table = oracle.tabled(codec(device, FAMILY[0]), points)
    told = oracle.markov_parts(points, drawn, sent.cells)
    sampler = neural.fit_decoder(best, points, SCORE, steps=2, seed=0, device=device, recipe=SMALL)
    output = sampler(sent.received, torch.Generator().manual_seed(0))
    return [
        drawn.cpu(),
        table.decoder.net.table.cpu(),
        *told.values(),
        oracle.paired_w2(points, drawn),
        output.cpu(),
    ]


def handed_over(first, second):
    """A run that stops on one device and goes on on another."""
    keep = neural.training.State.keep

    def stop(self, step, logs, *, last):
        keep(self, step, logs, last=last)
        if step == 3:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder:
        settings = {"steps": 6, "checkpoint": neural.Checkpoint(Path(folder) / "run.safetensors", 0.0), "noise": 2}
        neural.training.State.keep = stop
        try:
            codec(first, FAMILY[0], MSE + ENERGY, **settings)
        except KeyboardInterrupt:
            neural.training.State.keep = keep
        return parts(codec(second, FAMILY[0], MSE + ENERGY, **settings))


class Stray(neural.losses.Term):
    """A planted mistake: a number made on the CPU."""

    def __call__(self, round, critic):
        return (round.drawn[0] * torch.ones(round.drawn.shape[1:])).mean()


def cases():
    for coder in FAMILY:
        name = type(coder).__name__
        yield f"{name} by sample", lambda device, c=coder: parts(codec(device, c, MSE + ENERGY))
        yield f"{name} by critic", lambda device, c=coder: chain(device, c)
        yield f"{name} stacked", lambda device, c=coder: stacked(device, c, ENERGY)
    first, settings = FAMILY[0], {"steps": 2, "seed": 0, "recipe": SMALL}
    yield "stacked by critic", lambda device: stacked(device, first, CRITIC)
    cells = MSE + neural.SlicedWasserstein(2, 8, True)
    for q in (neural.Binary(), neural.NoisyQuantiser(3), neural.DeterministicQuantiser(3), neural.quantisers.Lattice()):
        yield (
            type(q).__name__,
            lambda device, q=q: parts(neural.fit_codec(images(first), first, q, cells, device=device, **settings)),
        )
    yield (
        "references",
        lambda device: networks(
            neural.fit_decoder(
                codec(device, first),
                images(first),
                MSE + ENERGY,
                device=device,
                references=DIGITS.test[:50],
                **settings,
            ).net
        ),
    )
    yield "RMSprop", lambda device: parts(codec(device, first, recipe=neural.Recipe(8, neural.RMSprop(1e-3))))
    yield "measures", lambda device: measured(device, device)
    yield "measures of images elsewhere", lambda device: measured(device, "cpu")
    yield "exact references", exact
    yield "any codec", foreign
    yield "checkpoint from the CPU", lambda device: handed_over("cpu", device)
    yield "checkpoint to the CPU", lambda device: handed_over(device, "cpu")
    yield "planted: a tensor left behind", lambda device: parts(codec(device, first, MSE + Stray()))


if __name__ == "__main__":
    _setup_privateuseone_for_python_backend("far")
    if not hasattr(torch, "far"):
        torch._register_device_module("far", types.ModuleType("far"))
    torch.far.get_amp_supported_dtype = lambda: [torch.bfloat16]
    torch.set_num_threads(1)
    found = {}
    for name, run in cases():
        try:
            near = run("cpu")
            with Devices():
                found[name] = distance(near, run("far"))
        except Exception as problem:
            found[name] = f"{type(problem).__name__}: {problem}"
    json.dump(found, sys.stdout)
