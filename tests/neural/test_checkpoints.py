"""What a checkpoint keeps comes back bit by bit, or is refused before anything is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from neural.checkpoints import Checkpoint, Point, State, digest
from rdptheory.errors import InvalidInput


def state(path: Path, seed: int = 0) -> State:
    """A run of one layer under Adam, two steps old."""
    torch.manual_seed(seed)
    net = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        net(torch.randn(4, 3)).square().sum().backward()
        optimiser.step()
    return State(Checkpoint(path), ["a run"], dict(net.state_dict()), {"model": optimiser})


def kept(path: Path) -> State:
    made = state(path)
    made.keep(2, [[Point(1, 0.5, 0.25, 0.125)]], last=True)
    return made


def bits(one: State) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in one.tensors.values()]


def test_every_bit_comes_back(tmp_path: Path) -> None:
    made, other = kept(tmp_path / "run"), state(tmp_path / "run", seed=1)
    assert bits(made) != bits(other)
    assert other.restore() == (2, [[Point(1, 0.5, 0.25, 0.125)]])
    assert bits(made) == bits(other)
    assert (
        made.optimisers["model"].state_dict()["state"].keys() == other.optimisers["model"].state_dict()["state"].keys()
    )
    for index, slots in made.optimisers["model"].state_dict()["state"].items():
        kept_slots = other.optimisers["model"].state_dict()["state"][index]
        assert all(torch.equal(value, kept_slots[name]) for name, value in slots.items())


def test_damage_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run"
    kept(path)
    content, other = path.read_bytes(), state(path, seed=1)
    before, rng = bits(other), np.random.default_rng(0)
    damaged = [content[:-1], content[: len(content) // 2], b"", bytes(len(content)), b"probability\n1\n"]
    for bit in rng.choice(8 * len(content), 150, replace=False):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(changed))
    for one in damaged:
        path.write_bytes(one)
        with pytest.raises(InvalidInput, match=r"^checkpoint = "):
            other.restore()
    assert bits(other) == before


@pytest.mark.parametrize(
    "change, words",
    [
        ({"step": -1}, "not a checkpoint"),
        ({"step": 10**30}, "not a checkpoint"),
        ({"logs": 3}, "not a checkpoint"),
        ({"facts": ["another"]}, "other settings"),
        ({"weight": torch.full((2, 3), float("nan"))}, "not finite"),
        ({"weight": torch.zeros(3, 2)}, "other weights"),
        ({"weight": None}, "other weights"),
        ({"bias": None}, "other weights"),
    ],
)
def test_a_file_that_is_whole_and_wrong_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "run"
    kept(path)
    with safe_open(path, "pt") as file:
        run, tensors = json.loads(file.metadata()["run"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    ((name, value),) = change.items()
    if name in run:
        run[name] = value
    elif value is None:
        del tensors[name]
    else:
        tensors[name] = value
    text = json.dumps(run)
    save_file(tensors, path, metadata={"run": text, "sha256": digest(text, tensors)})
    with pytest.raises(InvalidInput, match=words):
        state(path).restore()


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), "60", True])
def test_the_time_between_two_writes_is_a_number(tmp_path: Path, seconds: Any) -> None:
    with pytest.raises(InvalidInput, match="seconds"):
        Checkpoint(tmp_path / "run", seconds)
