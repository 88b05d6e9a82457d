"""The state of a run in one file, written whole or not at all, so that a killed run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, at_least_zero, count
from rdptheory.files import write_bytes

__all__ = ["Checkpoint", "Point", "State"]


@dataclass(frozen=True)
class Checkpoint:
    """Where a run keeps its state, and the seconds between two writes (0: every step)."""

    path: Path | str
    seconds: float = 120.0

    def __post_init__(self) -> None:
        at_least_zero("seconds", self.seconds)

    @property
    def file(self) -> Path:
        """The place of the file."""
        return Path(self.path)


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
        run = json.dumps({"facts": self.facts, "step": step, "logs": logs})
        header = {"run": run, "sha256": _digest(run, tensors)}
        write_bytes(self.checkpoint.path, save(tensors, metadata=header))
        self.written = time.monotonic()

    def restore(self) -> tuple[int, list[list[Point]]] | None:
        """The step to go on from, and the log so far; None if there is no file.

        Raises
        ------
        InvalidInput
            A file that is damaged, is none of ours, or was made by another run; nothing is changed then.
        """
        path = self.checkpoint.file
        if not path.exists():
            return None
        try:
            with safe_open(path, "pt") as file:
                header = file.metadata() or {}
                kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            run = json.loads(header["run"])
            whole = header["sha256"] == _digest(header["run"], kept)
            facts, step, logs = run["facts"], count("step", run["step"], least=0), run["logs"]
            points = [[Point(*point) for point in log] for log in logs]
        except Exception:  # whatever safetensors, JSON and the shapes of a foreign file raise
            raise InvalidInput("checkpoint", str(path), "is not a checkpoint of this program, or damaged") from None
        if facts != self.facts:
            raise InvalidInput("checkpoint", str(path), "was made with other settings, other images or other weights")
        if not whole:
            raise InvalidInput("checkpoint", str(path), "is damaged: remove it to begin again")
        if any(t.is_floating_point() and not bool(t.isfinite().all()) for t in kept.values()):
            raise InvalidInput("checkpoint", str(path), "holds weights that are not finite: the run had diverged")
        missing = {*self.tensors, *(f"generator.{n}" for n in range(len(self.generators)))} - {*kept}
        if missing or any(kept[name].shape != tensor.shape for name, tensor in self.tensors.items()):
            raise InvalidInput("checkpoint", str(path), "holds weights of other shapes")
        self._take(kept)
        return step, points

    def _take(self, kept: dict[str, Tensor]) -> None:
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


def _digest(run: str, tensors: dict[str, Tensor]) -> str:
    """SHA-256 of the JSON part and of every tensor with its name, type and shape."""
    found = hashlib.sha256(run.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


guard(__name__, methods=False)
