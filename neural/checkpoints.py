"""The state of a run in one file, written whole or not at all, so that a killed run goes on where it was."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rdptheory.errors import InvalidInput
from rdptheory.files import write_whole

__all__ = ["Checkpoint", "Point", "State"]


@dataclass(frozen=True)
class Checkpoint:
    """Where a run keeps its state, and the seconds between two writes (0: every step)."""

    path: Path
    seconds: float = 120.0


class Point(NamedTuple):
    """One line of the log: the loss, the squared error per pixel, and the sliced W2 squared of the batch."""

    step: int
    loss: float
    distortion: float
    perception: float


@dataclass(eq=False)
class State:
    """Everything a run of `facts` needs to go on: one safetensors file whose header holds the JSON part.

    The file names no device: what was written on one goes on on another.
    """

    checkpoint: Checkpoint
    facts: list[str]
    tensors: dict[str, Tensor]
    optimisers: dict[str, torch.optim.Optimizer]
    generators: list[torch.Generator]

    def __post_init__(self) -> None:
        self.written = time.monotonic()

    def keep(self, step: int, logs: list[list[Point]], drawn: list[Tensor], *, last: bool) -> None:
        """Write the state after `step` steps, if it is time; `drawn` are the generators' states to draw on from."""
        if not last and time.monotonic() - self.written < self.checkpoint.seconds:
            return
        tensors = dict(self.tensors) | {f"generator.{n}": rng for n, rng in enumerate(drawn)}
        for role, optimiser in self.optimisers.items():
            for index, slots in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{role}.{index}.{slot}": torch.as_tensor(value) for slot, value in slots.items()}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        header = {"run": json.dumps({"facts": self.facts, "step": step, "logs": logs})}
        write_whole(self.checkpoint.path, lambda path: save_file(tensors, path, metadata=header))
        self.written = time.monotonic()

    def restore(self) -> tuple[int, list[list[Point]]] | None:
        """The step to go on from, and the log so far; None if there is no file."""
        path = self.checkpoint.path
        if not path.exists():
            return None
        try:
            with safe_open(path, "pt") as file:
                run = json.loads(file.metadata()["run"])
                kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if run["facts"] == self.facts:
                return self._take(run, kept)
        except (SafetensorError, KeyError, TypeError, ValueError):
            raise InvalidInput("checkpoint", str(path), "is not a checkpoint of this program") from None
        raise InvalidInput("checkpoint", str(path), "was made with other settings, other images or other weights")

    def _take(self, run: dict[str, Any], kept: dict[str, Tensor]) -> tuple[int, list[list[Point]]]:
        for role, optimiser in self.optimisers.items():
            slots: dict[int, dict[str, Tensor]] = {}
            for name in kept:
                if name.startswith(f"optimiser.{role}."):
                    index, slot = name.split(".")[2:]
                    slots.setdefault(int(index), {})[slot] = kept[name]
            optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(kept[name])
        for number, generator in enumerate(self.generators):
            generator.set_state(kept[f"generator.{number}"])
        return run["step"], [[Point(*point) for point in log] for log in run["logs"]]
