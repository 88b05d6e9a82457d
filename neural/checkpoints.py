"""The state of a run in one file, written whole or not at all, so that a killed run goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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


class State:
    """Everything a run needs to go on, in one safetensors file whose header holds the JSON part."""

    def __init__(
        self, tensors: dict[str, Tensor], average: dict[str, Tensor], optimisers: dict[str, torch.optim.Optimizer],
        generators: list[torch.Generator], steps: int, names: list[str],
    ) -> None:  # fmt: skip
        self.tensors, self.average, self.optimisers = tensors, average, optimisers
        self.generators, self.steps, self.names = generators, steps, names
        self.written = time.monotonic()

    def keep(self, checkpoint: Checkpoint | None, step: int, logs: list[list[Point]]) -> None:
        """Write the state after `step` steps, if it is time."""
        due = step == self.steps or (checkpoint and time.monotonic() - self.written >= checkpoint.seconds)
        if checkpoint is None or not due:
            return
        header = json.dumps({"step": step, "steps": self.steps, "names": self.names, "logs": logs})
        tensors = {name: t.detach().cpu().contiguous().clone() for name, t in self._everything()}
        write_whole(checkpoint.path, lambda path: save_file(tensors, path, metadata={"run": header}))
        self.written = time.monotonic()

    def restore(self, checkpoint: Checkpoint | None, logs: list[list[Point]]) -> tuple[int, list[list[Point]]]:
        """The step to go on from, and the log so far."""
        if checkpoint is None or not checkpoint.path.exists():
            return 0, logs
        try:
            with safe_open(checkpoint.path, "pt") as file:
                run = json.loads(file.metadata()["run"])
                kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, TypeError, ValueError):
            raise InvalidInput("checkpoint", str(checkpoint.path), "is not a checkpoint of this program") from None
        if (run["names"], run["steps"]) != (self.names, self.steps):
            raise InvalidInput("checkpoint", str(checkpoint.path), "was made with other settings or other images")
        for role, optimiser in self.optimisers.items():
            slots: dict[int, dict[str, Tensor]] = {}
            for name in kept:
                if name.startswith(f"optimiser.{role}."):
                    index, slot = name.split(".")[2:]
                    slots.setdefault(int(index), {})[slot] = kept[name]
            optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
        with torch.no_grad():
            for part, own in (("model", self.tensors), ("average", self.average)):
                for name, tensor in own.items():
                    tensor.copy_(kept[f"{part}.{name}"])
        for number, generator in enumerate(self.generators):
            generator.set_state(kept[f"generator.{number}"])
        return run["step"], [[Point(*point) for point in log] for log in run["logs"]]

    def _everything(self) -> Iterator[tuple[str, Tensor]]:
        for part, own in (("model", self.tensors), ("average", self.average)):
            yield from ((f"{part}.{name}", tensor) for name, tensor in own.items())
        for role, optimiser in self.optimisers.items():
            for index, slots in optimiser.state_dict()["state"].items():
                yield from ((f"optimiser.{role}.{index}.{slot}", torch.as_tensor(t)) for slot, t in slots.items())
        for number, generator in enumerate(self.generators):
            yield f"generator.{number}", generator.get_state()
