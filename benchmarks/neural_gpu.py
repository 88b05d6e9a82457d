"""Does `neural` do on this GPU what it does on a CPU, how fast, and what of the papers' numbers within some minutes?

    python benchmarks/neural_gpu.py --minutes 9 --out gpu [--data MNIST] [--device cuda|cpu]

Blocks with deadlines, each written to its own JSON file as soon as it is done, and all of them to summary.json: parity
of the devices, the laws on the device, steps per second by variant with memory and host waits, then headlines beside
the printed numbers. Headlines train as many steps as their minutes allow, and say which share of the paper's it is;
printed numbers count only at share 1 and on the paper's images. On a CPU perceptrons stand for the papers' networks.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import neural
from neural import data, runner
from neural.coders import BlauMichaeli, Coder, Perceptron, Yan
from neural.models import Fit
from neural.studies import CHECKED, studies
from neural.study import Study
from rdptheory.errors import InvalidInput

MSE = neural.MeanSquaredError()
CRITIC = neural.WassersteinGP(10.0)
FIRST, PROBE = {"cpu": 2}, {"cpu": 5}
"""Steps of the first run that is timed, and of the probe of a headline: a CPU only shows that the script runs."""
Block = Callable[[data.Split, str, float], Any]


def parity(split: data.Split, device: str, seconds: float) -> Iterator[tuple[str, Any]]:
    """The largest relative difference of the logged loss between the CPU and the device after 30 steps."""
    end = time.monotonic() + seconds
    for name, coder, loss in (
        ("perceptron, MSE", Perceptron(4, side=8), MSE),
        ("perceptron, energy distance", Perceptron(4, side=8), MSE + neural.EnergyDistance()),
        ("perceptron, conditional critic", Perceptron(4, side=8), MSE + neural.WassersteinGP(conditional=True)),
        ("Yan at a quarter of its width, MSE", Yan(4, width=0.25), MSE),
        ("BlauMichaeli at a quarter of its width, critic", BlauMichaeli(3, width=0.25), MSE + 0.01 * CRITIC),
    ):
        if time.monotonic() > end:
            return
        images = data.resize(data.digits().train, coder.side)[:512]
        settings = {"quantiser": neural.Binary(), "loss": loss, "steps": 30, "seed": 0}
        logs = [
            [p.loss for p in neural.fit_codec(images, coder, device=d, **settings).decoder.log] for d in ("cpu", device)
        ]
        yield name, max(abs(a - b) / max(abs(a), 1e-3) for a, b in zip(*logs, strict=True))


def laws(split: data.Split, device: str, seconds: float) -> Iterator[tuple[str, Any]]:
    """The claims of `check --preset smoke` on the device, as many studies as the deadline allows."""
    bench, end = runner.Bench("smoke", data.digits(), device=device), time.monotonic() + seconds
    for id in CHECKED:
        if time.monotonic() > end:
            return
        yield id, [{**runner.plain(row), "as_expected": row.as_expected} for row in runner.answer(id, bench).rows]


def speed(split: data.Split, device: str, seconds: float) -> Iterator[tuple[str, Any]]:
    """Steps of the decoder per second and model, peak memory in MiB, and host waits per step, by variant."""
    wide = 1.0 if device != "cpu" else 0.1
    for coder, loss, batch in ((Yan(4, wide), MSE, 128), (BlauMichaeli(3, wide), MSE + 0.01 * CRITIC, 64),
                               (Perceptron(3, side=8), MSE + neural.EnergyDistance(), 128)):  # fmt: skip
        for variant, models, settings in (
            ("every kernel by itself", 1, {"graph": False}), ("graph", 1, {}), ("graph, bfloat16", 1, {"bf16": True}),
            ("graph, 8 stacked", 8, {}),
        ):  # fmt: skip
            name = f"{type(coder).__name__}, {'critic' if loss.adversary else 'no critic'}: {variant}"
            yield name, timed(coder, loss, neural.Recipe(batch, **settings), models, device, seconds / 12)


def timed(coder: Coder, loss: Any, recipe: neural.Recipe, models: int, device: str, seconds: float) -> dict[str, float]:
    """Doubling numbers of steps until a run fills a quarter of the time."""
    images, steps, spent = data.resize(data.digits().train, coder.side).to(device), FIRST.get(device, 8), 0.0
    end = time.monotonic() + seconds
    while True:
        start, waits = time.monotonic(), 0
        if device != "cpu":
            torch.cuda.reset_peak_memory_stats()
            torch.cuda.set_sync_debug_mode("warn")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            neural.fit_codecs(images, coder, neural.UniversalQuantiser(3), [loss] * models, steps=steps,
                              seeds=list(range(models)), device=device, recipe=recipe)  # fmt: skip
        if device != "cpu":
            torch.cuda.set_sync_debug_mode("default")
            waits = sum("synchroniz" in str(warning.message) for warning in caught)
        spent = time.monotonic() - start
        if spent > seconds / 4 or time.monotonic() + 2.2 * spent > end:
            break
        steps *= 2
    memory = torch.cuda.max_memory_allocated() / 2**20 if device != "cpu" else float("nan")
    return {"steps": steps, "steps_per_second_and_model": models * steps / spent, "peak_mib": memory,
            "host_waits_per_step": waits / steps}  # fmt: skip


def narrowed(id: str, device: str) -> Study:
    """A study at its paper's setting, cut to what is printed in a headline."""
    study = studies()[id]
    v = study.variants["paper"]
    grid = {
        "twofold": {"rates": (4,)}, "universal": {"rates": (4.75,), "weights": (0.0, 0.005, 0.013, 0.015)},
        "superres": {"rates": ((2, 4),)}, "jump": {"rates": (0.4, 0.6), "weights": ()},
    }[id]  # fmt: skip
    v = replace(v, **grid, fresh=None, measures=tuple(name for name in v.measures if name != "fresh critic"))
    if device == "cpu":
        v = replace(v, plan=replace(v.plan, grey=Perceptron, colour=Perceptron),
                    sampler=replace(v.sampler, grey=Perceptron, colour=Perceptron))  # fmt: skip
    return replace(study, variants={"paper": v}, colour=None)


def headline(id: str, split: data.Split, device: str, seconds: float) -> Iterator[tuple[str, Any]]:
    """One study: a probe of a few steps, then as large a share of the paper's steps as fits."""
    study, start = narrowed(id, device), time.monotonic()
    probe = PROBE.get(device, 20) / max(
        m.plan.count(len(split.train)) for m in study.models(study.variants["paper"]) if isinstance(m, Fit)
    )
    share = min(1.0, probe)
    while True:
        began = time.monotonic()
        bench = runner.Bench("paper", split, device=device, share=share)
        result = runner.answer(study, bench)
        spent, left = time.monotonic() - began, seconds - (time.monotonic() - start)
        larger = min(1.0, share * max(1.0, 0.7 * left / spent))
        if larger < 1.5 * share:
            break
        share = larger
    yield "share of the paper's steps", share
    yield "rows", [{**runner.plain(row), "as_expected": row.as_expected} for row in result.rows]
    kept = (r for r in result.table.records if r.measure in ("distortion_per_pixel", "own_w1", "ratio"))
    yield "table", [r._asdict() for r in kept]


BLOCKS: dict[str, tuple[float, Block]] = {
    "parity": (0.05, parity), "laws": (0.15, laws), "speed": (0.2, speed),
    **{id: (0.15, lambda *a, id=id: headline(id, *a)) for id in ("twofold", "superres", "universal", "jump")},
}  # fmt: skip


def main() -> None:
    """Run the blocks that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="a folder with MNIST; by default digits")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    try:
        data.usable(asked.device)
        split = data.load(asked.data)
    except InvalidInput as problem:
        parser.error(str(problem))
    asked.out.mkdir(parents=True, exist_ok=True)
    name = torch.cuda.get_device_name() if asked.device != "cpu" else "CPU"
    # a CPU only shows that the script runs: a quarter of the time will do
    seconds = 60.0 * asked.minutes if asked.device != "cpu" else 15.0 * asked.minutes
    summary = {"device": name, "torch": torch.__version__, "minutes": asked.minutes}
    for block, (share, run) in BLOCKS.items():
        found, start = {"device": name, "torch": torch.__version__}, time.monotonic()
        try:
            for key, value in run(split, asked.device, share * seconds):
                found[key] = value
                write(asked.out / f"{block}.json", found)
        except Exception:
            found["error"] = traceback.format_exc()
        found["wall_seconds"] = round(time.monotonic() - start, 2)
        summary[block] = found
        for path, content in ((f"{block}.json", found), ("summary.json", summary)):
            write(asked.out / path, content)
        print(f"{block}: {found['wall_seconds']} s{' FAILED' if 'error' in found else ''}", file=sys.stderr)
    sys.exit(1 if any("error" in found for found in summary.values() if isinstance(found, dict)) else 0)


def write(path: Path, content: dict[str, Any]) -> None:
    """A JSON file without NaN."""
    plain = json.loads(json.dumps(content), parse_constant=lambda name: None)
    path.write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    main()
