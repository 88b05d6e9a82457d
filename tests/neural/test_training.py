import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import neural
from neural import (
    Adam,
    AnchorNorm,
    Binary,
    Checkpoint,
    DeterministicQuantiser,
    Drops,
    EnergyDistance,
    EnergyScore,
    MeanSquaredError,
    OneCycle,
    Perceptron,
    Recipe,
    RMSprop,
    SlicedWasserstein,
    UniversalQuantiser,
    WassersteinGP,
)
from neural.quantisers import Unquantised
from rdptheory.errors import InvalidInput
from tests.checks import rounded

CODER = Perceptron(3, side=8, width=0.25)
QUANTISER = UniversalQuantiser(3)


class Dark(torch.nn.Module):
    """An encoder without weights that is not the identity."""

    def forward(self, images):
        return 0.5 * images.flatten(1)


def weights(codec):
    return {**codec.encoder.state_dict(), **{f"decoder.{k}": v for k, v in codec.decoder.net.state_dict().items()}}


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(weights(first).values(), weights(second).values(), strict=True))


def fit(digits, loss, *, steps=24, seed=0, **more):
    return neural.fit_codec(digits.train, CODER, QUANTISER, loss, steps=steps, seed=seed, **more)


def test_the_loss_falls_and_the_seed_decides(digits):
    first, again, other = (fit(digits, MeanSquaredError(), steps=60, seed=seed) for seed in (0, 0, 1))
    assert first.decoder.log[-1].loss < 0.6 * first.decoder.log[0].loss
    assert same(first, again)
    assert not same(first, other)


def test_only_a_run_that_shows_its_progress_makes_a_bar(digits, monkeypatch, capsys):
    fit(digits, MeanSquaredError(), steps=2, progress=True)
    assert "2/2" in (shown := capsys.readouterr().err)
    assert "D=" in shown
    assert "\r" not in shown
    monkeypatch.setattr(neural.training, "bar_of", lambda *given, **more: pytest.fail("a bar"))
    fit(digits, MeanSquaredError(), steps=2)


def test_training_leaves_torchs_own_generator_alone(digits):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fit(digits, MeanSquaredError(), steps=2)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "loss",
    [
        MeanSquaredError() + 0.5 * EnergyDistance(),
        MeanSquaredError() + 0.01 * WassersteinGP(steps=2),
        0.1 * WassersteinGP(conditional=True, warm_up=2) + EnergyScore(2),
    ],
    ids=["energy", "critic", "warm critic"],
)
@pytest.mark.parametrize(
    "recipe", [Recipe(average=0.9), Recipe(64, RMSprop(1e-3), RMSprop(1e-3), Drops())], ids=["adam", "rms"]
)
def test_a_stopped_run_goes_on_to_the_same_weights(digits, tmp_path, loss, recipe, monkeypatch):
    whole = fit(digits, loss, recipe=recipe, noise=4)
    checkpoint = Checkpoint(tmp_path / "run.safetensors", seconds=0.0)
    keep, stops = neural.training.State.keep, [7, 16]

    def stopped(self, step, logs, *, last):
        keep(self, step, logs, last=last)
        if step in stops:
            stops.remove(step)
            raise KeyboardInterrupt

    monkeypatch.setattr(neural.training.State, "keep", stopped)
    while stops:
        with pytest.raises(KeyboardInterrupt):
            fit(digits, loss, recipe=recipe, noise=4, checkpoint=checkpoint)
    resumed = fit(digits, loss, recipe=recipe, noise=4, checkpoint=checkpoint)
    assert same(whole, resumed)
    assert whole.decoder.log == resumed.decoder.log
    assert same(whole, fit(digits, loss, recipe=recipe, noise=4, checkpoint=checkpoint))  # finished: nothing to do


KILLED = """
import sys, torch, neural
from neural import data
from pathlib import Path
torch.set_num_threads(1)
loss = neural.MeanSquaredError() + 0.01 * neural.WassersteinGP()
neural.fit_codec(data.digits().train, neural.Perceptron(3, side=8, width=0.25), neural.UniversalQuantiser(3), loss,
                 steps=400, seed=0, checkpoint=neural.Checkpoint(Path(sys.argv[1]), seconds=0.0))
"""


def test_sigkill_at_a_random_step_changes_no_weight_and_leaves_no_half_file(digits, tmp_path):
    path = tmp_path / "run.safetensors"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], env=environment)
    deadline = time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1 + 0.4 * (os.getpid() % 97) / 97)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with safe_open(path, "pt") as file:
        step = json.loads(file.metadata()["run"])["step"]
    assert 0 < step < 400
    loss = MeanSquaredError() + 0.01 * WassersteinGP()
    resumed = fit(digits, loss, steps=400, checkpoint=Checkpoint(path))
    assert same(resumed, fit(digits, loss, steps=400))


@pytest.mark.parametrize("change", [dict(seed=1), dict(steps=25), dict(recipe=Recipe(64))], ids=str)
def test_a_checkpoint_of_other_settings_is_refused(digits, tmp_path, change):
    checkpoint = Checkpoint(tmp_path / "run.safetensors")
    fit(digits, MeanSquaredError(), checkpoint=checkpoint)
    with pytest.raises(InvalidInput, match="other settings"):
        fit(digits, MeanSquaredError(), checkpoint=checkpoint, **change)


def test_checkpoints_of_other_images_and_broken_files_are_refused(digits, tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.safetensors")
    fit(digits, MeanSquaredError(), checkpoint=checkpoint)
    with pytest.raises(InvalidInput, match="other images"):
        fit(replace(digits, train=digits.train[:-1]), MeanSquaredError(), checkpoint=checkpoint)
    with safe_open(checkpoint.path, "pt") as file:
        header = file.metadata()
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name in (next(name for name in kept if name.startswith(part)) for part in ("optimiser.", "model.")):
        save_file({other: kept[other] for other in kept if other != name}, checkpoint.path, metadata=header)
        with pytest.raises(InvalidInput, match=r"not a checkpoint|damaged"):
            fit(digits, MeanSquaredError(), checkpoint=checkpoint)
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:1000])
    with pytest.raises(InvalidInput, match=r"not a checkpoint|damaged"):
        fit(digits, MeanSquaredError(), checkpoint=checkpoint)


def test_a_checkpoint_knows_everything_that_entered(digits, lloyd, tmp_path):
    checkpoint, images = Checkpoint(tmp_path / "run.safetensors"), digits.train
    one, two = (fit(digits, MeanSquaredError(), steps=1, seed=seed) for seed in (0, 1))
    last = images.clone()
    last[-1] = 0.0
    other_anchor = replace(one, decoder=two.decoder)
    flat = [
        replace(lloyd, encoder=torch.nn.Flatten(), quantiser=Unquantised(), coder=Perceptron(64, side=8)) for _ in "ab"
    ]
    mse = MeanSquaredError()
    coded = partial(neural.fit_codec, coder=CODER, quantiser=QUANTISER, loss=mse)
    decoded = partial(neural.fit_decoder, loss=mse)
    for first, second in (
        (partial(coded, images, references=images.clone()), partial(coded, images, references=last)),
        (partial(coded, images), partial(coded, images, references=images.clone())),
        (partial(coded, images), partial(coded, last)),
        (partial(coded, images), partial(coded, images, start=one)),
        (partial(coded, images, start=one), partial(coded, images, start=two)),
        (partial(decoded, one, images), partial(decoded, two, images)),
        (partial(decoded, one, images), partial(decoded, one, last)),
        (partial(decoded, flat[0], images), partial(decoded, replace(flat[1], encoder=Dark()), images)),
        (
            partial(decoded, one, images, loss=mse + AnchorNorm()),
            partial(decoded, other_anchor, images, loss=mse + AnchorNorm()),
        ),
    ):
        checkpoint.path.unlink(missing_ok=True)
        first(steps=2, seed=0, checkpoint=checkpoint)
        first(steps=2, seed=0, checkpoint=checkpoint)
        with pytest.raises(InvalidInput, match="other settings"):
            second(steps=2, seed=0, checkpoint=checkpoint)


@pytest.mark.parametrize("perception", [EnergyDistance(), WassersteinGP(steps=2)], ids=["energy", "critic"])
def test_a_stack_trains_the_same_models_as_a_loop(digits, perception):
    losses = [MeanSquaredError() + factor * perception for factor in (0.0, 0.1, 1.0)]

    more, seeds = dict(steps=8, recipe=Recipe(average=0.5)), [0, 1, 2]
    loop = [fit(digits, loss, seed=seed, **more) for loss, seed in zip(losses, seeds, strict=True)]
    stack = neural.fit_codecs(digits.train, CODER, QUANTISER, losses, seeds=seeds, **more)
    for one, other in zip(loop, stack, strict=True):
        for name, value in one.decoder.net.state_dict().items():
            # sums in another order: float32 rounding, enlarged by 8 steps of Adam; the encoder's biases before its
            # batch norm have no gradient but rounding, so there only the losses below compare
            assert torch.allclose(value, other.decoder.net.state_dict()[name], atol=2e-3), name
        assert [p.loss for p in one.decoder.log] == pytest.approx([p.loss for p in other.decoder.log], rel=1e-3)


def test_a_stacked_run_resumes_too(digits, tmp_path):
    losses = [MeanSquaredError() + factor * EnergyDistance() for factor in (0.1, 1.0)]

    def ensemble(checkpoint):
        return neural.fit_codecs(digits.train, CODER, QUANTISER, losses, steps=6, seeds=[0, 1], checkpoint=checkpoint)

    checkpoint = Checkpoint(tmp_path / "run.safetensors")
    for first, second in zip(ensemble(checkpoint), ensemble(checkpoint), strict=True):
        assert same(first, second)
        assert first.decoder.log == second.decoder.log


def test_different_losses_cannot_be_stacked(digits):
    with pytest.raises(InvalidInput, match="weights only"):
        neural.fit_codecs(
            digits.train,
            CODER,
            QUANTISER,
            [MeanSquaredError(), EnergyScore()],
            steps=1,
            seeds=[0, 1],
        )


def test_a_new_decoder_leaves_the_encoder_as_it_was(digits, lloyd):
    codec = fit(digits, MeanSquaredError())
    before = {name: value.clone() for name, value in codec.encoder.state_dict().items()}
    decoder = neural.fit_decoder(codec, digits.train, MeanSquaredError(), steps=10, seed=0, noise=0)
    assert all(torch.equal(value, before[name]) for name, value in codec.encoder.state_dict().items())
    assert decoder.noise == 0
    assert neural.fit_decoder(lloyd, digits.train, EnergyScore(2), steps=2, seed=0).noise == 80


def test_decoders_behind_other_quantisers_or_anchors_are_not_trained_as_one(digits):
    """The first one's would serve all."""
    one, other = fit(digits, MeanSquaredError(), steps=1), fit(digits, MeanSquaredError(), steps=1, seed=1)
    coarser = replace(other, quantiser=replace(other.quantiser, levels=other.quantiser.levels - 1))
    mse, more = MeanSquaredError(), dict(steps=1, seeds=[0, 1], noise=0)
    with pytest.raises(InvalidInput, match="one quantiser"):
        neural.fit_decoders([one, coarser], digits.train, [mse, mse], **more)
    anchored = mse + AnchorNorm()
    with pytest.raises(InvalidInput, match="AnchorNorm"):
        neural.fit_decoders([one, other], digits.train, [anchored, anchored], **more)
    assert len(neural.fit_decoders([one, other], digits.train, [mse, mse], **more)) == 2
    assert len(neural.fit_decoders([one, one], digits.train, [anchored, anchored], **more)) == 2


def test_an_anchor_is_a_decoder_without_noise(digits):
    codec = fit(digits, EnergyScore(2), steps=1, noise=3)
    with pytest.raises(InvalidInput, match="no noise"):
        neural.fit_decoder(codec, digits.train, EnergyScore(2) + AnchorNorm(), steps=1, seed=0)


def test_going_on_from_another_codec(digits):
    first = fit(digits, MeanSquaredError(), steps=60)
    second = fit(digits, MeanSquaredError(), steps=2, start=first, recipe=Recipe(optimiser=Adam(1e-5)))
    assert second.decoder.log[0].loss < 1.2 * first.decoder.log[-1].loss


@pytest.mark.parametrize(
    "loss", [WassersteinGP(conditional=True), MeanSquaredError() + SlicedWasserstein(conditional=True)], ids=str
)
def test_a_conditional_loss_has_no_other_references(digits, lloyd, loss):
    other = digits.train.clone()
    with pytest.raises(InvalidInput, match="is conditional"):
        fit(digits, loss, steps=1, references=other)
    with pytest.raises(InvalidInput, match="is conditional"):
        neural.fit_decoder(lloyd, digits.train, loss, steps=1, seed=0, references=other)
    fit(digits, loss, steps=1, references=digits.train)
    neural.fit_decoder(lloyd, digits.train, loss, steps=1, seed=0, references=digits.train)


@pytest.mark.parametrize(
    "wrong,message",
    [
        (dict(steps=0), "steps = 0"),
        (dict(seeds=[0, 1]), "as many as the losses"),
        (dict(losses=[]), "losses"),
        (dict(losses=[MeanSquaredError() + AnchorNorm()]), "fit_decoder"),
    ],
    ids=str,
)
def test_codecs_that_cannot_be_fitted(digits, wrong, message):
    asked = dict(losses=[MeanSquaredError()], steps=1, seeds=[0]) | wrong
    with pytest.raises(InvalidInput, match=message):
        neural.fit_codecs(digits.train, CODER, QUANTISER, **asked)


def test_decoders_that_cannot_be_fitted(digits, lloyd):
    with pytest.raises(InvalidInput, match="steps = 0"):
        neural.fit_decoder(lloyd, digits.train, MeanSquaredError(), steps=0, seed=0)


@pytest.mark.parametrize("asked", ["features", "send", "decoder"])
def test_a_codec_refuses_arrays_in_a_sentence(digits, lloyd, rng, asked):
    given = (digits.train.numpy(), rng)[: 1 + (asked != "features")]
    with pytest.raises(InvalidInput, match=r"torch\.as_tensor"):
        getattr(lloyd, asked)(*given)


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 1, 7, 7), (5, 3, 8, 8)])
def test_a_codec_sends_images_of_its_shape_only(lloyd, rng, shape):
    with pytest.raises(InvalidInput, match="images = "):
        lloyd.send(torch.zeros(shape), rng)


def test_schedules():
    cycle = OneCycle(0.5)
    assert cycle(0.0) == rounded(0.04)
    assert cycle(0.5) == 1.0
    assert cycle(0.999) < 1e-4
    assert [Drops((0.4, 0.8), 0.1)(t) for t in (0.0, 0.4, 0.9)] == rounded([1.0, 0.1, 0.01])


def test_the_classifier_learns(digits):
    net = neural.fit_classifier(digits.train, digits.train_labels, steps=150, seed=0)
    accuracy = (net(digits.test).argmax(1) == digits.test_labels).float().mean()
    assert accuracy > 0.8  # chance is 0.1; more steps reach 0.95
    assert not any(parameter.requires_grad for parameter in net.parameters())


@pytest.mark.parametrize(
    "change",
    [lambda x, y: (x, y.float()), lambda x, y: (x, y[:9]), lambda x, y: (x, y - 1), lambda x, y: (x.double(), y)],
)
def test_labels_and_images_of_a_classifier_are_looked_at(digits, change):
    with pytest.raises(InvalidInput, match=r"take .long\(\)|take .float\(\)"):
        neural.fit_classifier(*change(digits.train[:20], torch.arange(20) % 10), steps=1, seed=0)


def test_codes_are_a_function_of_the_image(digits, rng):
    codec = neural.fit_codec(digits.train, Perceptron(4, side=8), Binary(), MeanSquaredError(), steps=20, seed=0)
    whole = codec.send(digits.test, rng).cells
    parts = torch.cat([codec.send(part, rng).cells for part in digits.test.split(50)])
    assert torch.equal(whole, parts)
    assert isinstance(codec.quantiser, DeterministicQuantiser)
