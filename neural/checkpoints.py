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


class Point(NamedTuple):
    """One line of the log: the loss, the squared error per pixel, and the sliced W2 squared of the batch."""

    step: int
    loss: float
    distortion: float
    perception: float


@dataclass(eq=False)
class State:
    """Everything a run of `facts` needs to go on, on any device: one safetensors file with a JSON part in its header.

    Chance needs no state: the draws of a block of steps are a function of seed and block.
    """

    checkpoint: Checkpoint
    facts: list[str]
    tensors: dict[str, Tensor]
    optimisers: dict[str, torch.optim.Optimizer]

    def __post_init__(self) -> None:
        self.written = time.monotonic()

    def keep(self, step: int, logs: list[list[Point]], *, last: bool) -> None:
        """Write the state after `step` steps, if it is time."""
        if not last and time.monotonic() - self.written < self.checkpoint.seconds:
            return
        tensors = dict(self.tensors)
        for role, optimiser in self.optimisers.items():
            for index, slots in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{role}.{index}.{slot}": torch.as_tensor(value) for slot, value in slots.items()}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        run = json.dumps({"facts": self.facts, "step": step, "logs": logs})
        write_bytes(self.checkpoint.path, save(tensors, {"run": run, "sha256": digest(run, tensors)}))
        self.written = time.monotonic()

    def restore(self) -> tuple[int, list[list[Point]]] | None:
        """The step to go on from, and the log so far; None if there is no file.

        Raises
        ------
        InvalidInput
            A file that is damaged, is none of ours, or was made by another run; nothing is changed then.
        """
        path = Path(self.checkpoint.path)
        if not path.exists():
            return None
        try:
            with safe_open(path, "pt") as file:
                header = file.metadata() or {}
                kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            run = json.loads(header["run"])
            whole = header["sha256"] == digest(header["run"], kept)
            facts, step = run["facts"], count("step", run["step"], least=0)
            logs = [[Point(*point) for point in log] for log in run["logs"]]
        except Exception:  # whatever safetensors, JSON and the shapes of a foreign file raise
            raise InvalidInput("checkpoint", str(path), "is not a checkpoint of this program, or damaged") from None
        shapes = {name: tensor.shape for name, tensor in self.tensors.items()}
        for wrong, rule in (
            (facts != self.facts, "was made with other settings, other images or other weights"),
            (not whole, "is damaged: remove it to begin again"),
            (not all(bool(t.isfinite().all()) for t in kept.values()), "holds weights that are not finite"),
            (any(name not in kept or kept[name].shape != s for name, s in shapes.items()), "holds other weights"),
        ):
            if wrong:
                raise InvalidInput("checkpoint", str(path), rule)
        slots: dict[str, dict[int, dict[str, Tensor]]] = {role: {} for role in self.optimisers}
        for role, index, slot, name in ([*n.split(".")[1:], n] for n in kept if n.startswith("optimiser.")):
            slots[role].setdefault(int(index), {})[slot] = kept[name]
        for role, optimiser in self.optimisers.items():
            optimiser.load_state_dict({**optimiser.state_dict(), "state": slots[role]})
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(kept[name])
        return step, logs


def digest(run: str, tensors: dict[str, Tensor]) -> str:
    """SHA-256 of the file that holds the JSON part and the tensors."""
    return hashlib.sha256(save(tensors, {"run": run})).hexdigest()


guard(__name__, methods=False)
