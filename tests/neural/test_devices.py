"""What can be proved of other devices and formats without having them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import neural
from neural import Adam, BlauMichaeli, EnergyDistance, MeanSquaredError, Perceptron, Recipe, UniversalQuantiser, cli
from neural.data import resize
from neural.quantisers import DeterministicQuantiser
from rdptheory.errors import InvalidInput
from tests.neural.devices import FAMILY

NAMES = [type(coder).__name__ for coder in FAMILY]
SAME = [f"{name} {how}" for name in NAMES for how in ("by sample", "stacked")] + [
    "Binary", "NoisyQuantiser", "DeterministicQuantiser", "Lattice", "RMSprop", "references",
    "exact references", "checkpoint from the CPU", "checkpoint to the CPU",
]  # fmt: skip
CLOSE = [*(f"{name} by critic" for name in NAMES), "stacked by critic", "measures", "measures of images elsewhere",
         "any codec"]  # fmt: skip


@pytest.fixture(scope="module")
def found():
    script = Path(__file__).with_name("devices.py")
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def test_every_case_has_its_claim(found):
    assert set(found) == {*SAME, *CLOSE, "planted: a tensor left behind"}


@pytest.mark.parametrize("case", SAME)
def test_another_device_trains_the_same_numbers(found, case):
    assert found[case] == 0.0


@pytest.mark.parametrize("case", CLOSE)
def test_another_device_measures_nearly_the_same_numbers(found, case):
    # a critic's second derivatives are summed in another order: float32 rounding, which Adam makes a whole step of
    # 1e-3 where a bias before batch norm has no gradient
    assert found[case] < 5e-3


def test_a_tensor_left_behind_is_caught(found):
    assert "two devices" in found["planted: a tensor left behind"]


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta", ""])
def test_a_device_that_is_not_here_ends_with_the_names_of_those_that_are(digits, lloyd, capsys, name):
    few, loss, given = digits.train[:8], MeanSquaredError(), {"steps": 1, "seed": 0, "device": name}
    coder = Perceptron(4, side=8)
    for fit in (
        lambda: neural.fit_codec(few, coder, neural.Binary(), loss, **given),
        lambda: neural.fit_codecs(few, coder, neural.Binary(), [loss], steps=1, seeds=[0], device=name),
        lambda: neural.fit_decoder(lloyd, few, loss, **given),
        lambda: neural.fit_decoders([lloyd], few, [loss], steps=1, seeds=[0], device=name),
        lambda: neural.fit_classifier(few, digits.train_labels[:8], **given),
    ):
        with pytest.raises(InvalidInput, match=f"^device = {name}: must be a device of this machine: cpu"):
            fit()
    for command in (["check"], ["run", "oracle"]):
        with pytest.raises(SystemExit) as ended:
            cli.main([*command, "--device", name])
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith(f"Error: --device = {name}: must be a device of this machine: cpu")


@dataclass(frozen=True)
class ChannelsLast(BlauMichaeli):
    """The memory format that a GPU is given."""

    def decoder(self, noise=0):
        return super().decoder(noise).to(memory_format=torch.channels_last)

    def critic(self, code=0):
        return super().critic(code).to(memory_format=torch.channels_last)


def losses(digits, coder, **more):
    settings = {"quantiser": UniversalQuantiser(3), "loss": MeanSquaredError() + 0.1 * EnergyDistance(), "seed": 0}
    codec = neural.fit_codec(resize(digits.train, coder.side)[:256], coder, **{**settings, **more})
    return codec, [point.loss for point in codec.decoder.log]


@pytest.mark.parametrize(
    "coder,steps", [(Perceptron(3, side=8), 60), (BlauMichaeli(3, width=0.25), 12)], ids=["dense", "convolutions"]
)
def test_bfloat16_trains_close_to_float32(digits, coder, steps):
    recipe = {"batch": 64, "optimiser": Adam(3e-3)}
    codec, low = losses(digits, coder, steps=steps, recipe=Recipe(bf16=True, **recipe))
    _, full = losses(digits, coder, steps=steps, recipe=Recipe(**recipe))
    assert low != full  # it does happen
    assert low[-1] < 0.7 * low[0]
    assert low == pytest.approx(full, rel=0.05)  # 8 bits of mantissa, 0.4 % each rounding, averaged over a batch
    assert all(value.dtype != torch.bfloat16 for value in codec.decoder.net.state_dict().values())


@pytest.mark.parametrize(
    "term", [0.01 * neural.WassersteinGP(conditional=True), EnergyDistance()], ids=["critic", "stack"]
)
def test_bfloat16_serves_critics_and_stacks(digits, term):
    images, coder = digits.train, Perceptron(3, side=8, width=0.25)
    settings = {"steps": 4, "seeds": [0, 1], "recipe": Recipe(bf16=True)}
    codecs = neural.fit_codecs(images, coder, UniversalQuantiser(3), [MeanSquaredError() + term] * 2, **settings)
    single = neural.fit_codec(
        images, coder, UniversalQuantiser(3), MeanSquaredError() + term, steps=4, seed=0, recipe=Recipe(bf16=True)
    )
    assert [p.distortion for p in codecs[0].decoder.log] == pytest.approx(
        [p.distortion for p in single.decoder.log], rel=0.02
    )


def test_codes_and_losses_are_not_rounded_to_bfloat16(digits):
    seen = []

    class Watch(DeterministicQuantiser):
        def send(self, features, noise):
            seen.append(features.dtype)
            return super().send(features, noise)

    class Heard(neural.losses.Term):
        def __call__(self, round, critic):
            seen.extend([round.drawn.dtype, critic(round.drawn[0], round.received).dtype])
            return (round.drawn - round.source).square().mean()

    losses(digits, Perceptron(3, side=8), quantiser=Watch(3), loss=Heard() + neural.WassersteinGP(), steps=1,
           recipe=Recipe(bf16=True))  # fmt: skip
    assert set(seen) == {torch.float32}


@pytest.mark.parametrize("loss", [MeanSquaredError(), MeanSquaredError() + 0.01 * neural.WassersteinGP()], ids=repr)
def test_channels_last_trains_the_same_model(digits, loss):
    plain, last = (
        losses(digits, family(3, width=0.1), loss=loss, steps=8, recipe=Recipe(32))
        for family in (BlauMichaeli, ChannelsLast)
    )
    kernel = last[0].decoder.net.nets[0][7].weight
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert not kernel.is_contiguous()
    assert last[1] == pytest.approx(plain[1], rel=1e-3)  # sums in another order: float32 rounding through 8 steps
    assert last[1][-1] < last[1][0] or loss.adversary


def test_a_run_in_channels_last_resumes_to_the_same_weights(digits, tmp_path):
    checkpoint = neural.Checkpoint(tmp_path / "run.safetensors")
    settings = {"steps": 4, "recipe": Recipe(32)}
    first, again = (losses(digits, ChannelsLast(3, width=0.1), checkpoint=checkpoint, **settings) for _ in range(2))
    assert first[1] == again[1]
    pairs = zip(first[0].decoder.net.parameters(), again[0].decoder.net.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
