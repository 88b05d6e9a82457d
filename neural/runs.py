"""Run experiments, keep what they answer in one JSON file each, and read it again."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from neural.experiments import REGISTRY, Bench, Curve, Figure, Row
from rdptheory.errors import InvalidInput
from rdptheory.files import write_text, write_whole

__all__ = ["Result", "answer", "plain", "read", "run"]


@dataclass(frozen=True, eq=False)
class Result:
    """What one run of one experiment found, and under which circumstances."""

    id: str
    facts: dict[str, Any]
    rows: list[Row]
    figures: list[Figure]
    samples: dict[str, Tensor]


def answer(id: str, bench: Bench) -> Result:
    """Run one experiment on a bench that may already hold models of others."""
    _known(id)
    bench.figures, bench.samples, bench.falls = [], {}, []
    wall, cpu = time.monotonic(), time.process_time()
    rows = REGISTRY[id].run(bench)
    if bench.falls:
        what = f"last loss / first loss, the worst of {len(bench.falls)} trainings"
        worst = max(bench.falls) if all(map(math.isfinite, bench.falls)) else math.nan
        rows = [*rows, Row(what, worst, 1.0, None, (math.inf, 0.0))]
    facts = {
        "preset": bench.preset, "data": bench.split.name, "seed": bench.seed, "device": bench.device,
        "executor": type(bench.executor).__name__, "threads": torch.get_num_threads(), "torch": torch.__version__,
        "machine": platform.machine(), "wall_seconds": round(time.monotonic() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
    }  # fmt: skip
    return Result(id, facts, rows, bench.figures, dict(bench.samples))


def run(id: str, bench: Bench, folder: str | os.PathLike[str], *, resume: bool = False) -> Result:
    """Run one experiment with its checkpoints in `folder`, and write `result.json` and `samples.safetensors` there.

    A folder that holds anything is refused unless `resume`; a finished run is read and not repeated.
    """
    _known(id)
    out = Path(folder)
    if out.exists() and any(out.iterdir()) and not resume:
        raise InvalidInput("out", str(out), "is not empty: choose another folder, or go on with --resume")
    if (out / "result.json").exists():
        result, asked = read(out), (id, bench.preset, bench.split.name, bench.seed)
        if (result.id, *(result.facts[name] for name in ("preset", "data", "seed"))) != asked:
            raise InvalidInput("out", str(out), "holds another run: choose another folder")
        return result
    bench.folder = out / "checkpoints"
    bench.folder.mkdir(parents=True, exist_ok=True)
    result = answer(id, bench)
    if result.samples:
        tensors = {name: values.contiguous() for name, values in result.samples.items()}
        write_whole(out / "samples.safetensors", lambda path: save_file(tensors, path))
    document = {"id": id, **result.facts, "rows": [plain(row) for row in result.rows]}
    document |= {"figures": [_finite(asdict(f)) for f in result.figures], "samples": list(result.samples)}
    write_text(out / "result.json", json.dumps(document, indent=1) + "\n")
    return result


def read(folder: str | os.PathLike[str]) -> Result:
    """What `run` wrote."""
    path = Path(folder) / "result.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        rows = [_row(**row) for row in document.pop("rows")]
        figures = [Figure(**{**f, "curves": tuple(Curve(**c) for c in f["curves"])}) for f in document.pop("figures")]
        names = document.pop("samples")
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidInput("folder", str(folder), "holds no result.json of this program") from None
    samples = load_file(path.with_name("samples.safetensors")) if names else {}
    return Result(document.pop("id"), document, rows, figures, {name: samples[name] for name in names})


def plain(row: Row) -> dict[str, Any]:
    """A row as JSON holds it: null for NaN, for infinite values, and for what there is not."""
    return _finite({**asdict(row), "verdict": row.verdict})


def _known(id: str) -> None:
    if id not in REGISTRY:
        raise InvalidInput("id", id, f"must be one of {', '.join(REGISTRY)}")


def _finite(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_constant=lambda name: None)


def _row(verdict: str, **entry: Any) -> Row:
    missing = {name: math.nan for name in ("measured", "theory") if entry[name] is None}
    limits = entry["tolerance"] and tuple(math.inf if t is None else t for t in entry["tolerance"])
    return Row(**{**entry, **missing, "tolerance": limits})
