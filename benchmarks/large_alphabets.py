"""How long does a proved rate take on a quarter of a million symbols?

    python benchmarks/large_alphabets.py grid [PICTURE]      # 512 x 512 pixels, squared error in pixels
    python benchmarks/large_alphabets.py digits              # the 1,797 digits of scikit-learn as a sample
    python benchmarks/large_alphabets.py idx FILE            # 4,096 images of an IDX file pooled to 8 x 8
    python benchmarks/large_alphabets.py handover            # R(D) to 1e-9, with and without Newton steps at the end

The source of `grid` is a law on pixel positions, (grey + 1)/sum, of a picture or of a generated field. Every row is
timed beside a 512 x 512 matrix product in the same run, so that `products` compares machines. One BLAS thread.
"""

from __future__ import annotations

import gzip
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from rdptheory import problems
from rdptheory._types import FloatArray
from rdptheory.distortions import SquaredError
from rdptheory.divergences import FDivergence, TotalVariation
from rdptheory.problems import DiscreteProblem, DistortionLimit, PerceptionLimit
from rdptheory.solvers.first_order import FirstOrder, handover, solve
from rdptheory.solvers.outcome import Proof, answered

SIDE = 512
GRID_LIMITS = ((0.5, 0.005), (10.0, 0.05), (1000.0, 0.3))
SHARES, RADIUS = (0.05, 0.3, 0.7), 0.05
CLOSED_SIDES, CLOSED_SHARES, CLOSED_GAP = (64, 128), (0.0005, 0.002, 0.02, 0.15, 0.6), 1e-9


def field(side: int) -> FloatArray:
    """A smooth random field with grey levels 0 to 255: Gaussian noise with amplitudes falling like 1/frequency."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    noise = np.fft.rfft2(np.random.default_rng(0).normal(size=(side, side)))
    values = np.fft.irfft2(noise / np.maximum(frequency, 1.0 / side), s=(side, side))
    return np.round(255.0 * (values - values.min()) / (values.max() - values.min()))


def picture(path: str) -> FloatArray:
    """The upper left corner of an image in grey levels."""
    from PIL import Image

    return np.asarray(Image.open(path).convert("L"), dtype=np.float64)[:SIDE, :SIDE]


def pooled(path: str, count: int = 4096) -> FloatArray:
    """The first images of an IDX file, adaptively averaged to 8 x 8, in [0, 1]."""
    with gzip.open(path) as stream:
        header = np.frombuffer(stream.read(16), dtype=">i4")
        images = np.frombuffer(stream.read(count * header[2] * header[3]), dtype=np.uint8)
    images = images.reshape(count, header[2], header[3]) / 255.0
    for axis, size in ((1, int(header[2])), (2, int(header[3]))):
        edges = [(size * i // 8, -(-size * (i + 1) // 8)) for i in range(8)]
        images = np.stack([images.take(range(a, b), axis=axis).mean(axis=axis) for a, b in edges], axis=axis)
    return images.reshape(count, 64)


def product_seconds() -> float:
    """CPU seconds of a 512 x 512 matrix product in float64, the best of five times ten."""
    a = np.random.default_rng(1).random((SIDE, SIDE))
    best = np.inf
    for _ in range(5):
        start = time.process_time()
        for _ in range(10):
            a @ a
        best = min(best, (time.process_time() - start) / 10.0)
    return best


def pixels(grey: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The law of a picture, and its points."""
    axes = [np.arange(float(size)) for size in grey.shape]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return ((grey + 1.0) / (grey + 1.0).sum()).ravel(), points


def digits() -> tuple[FloatArray, FloatArray]:
    """The law of the digits of scikit-learn, and its points."""
    from sklearn.datasets import load_digits

    points, counts = np.unique(load_digits().data.astype(np.float64), axis=0, return_counts=True)
    return counts / counts.sum(), points


def variance(p: FloatArray, points: FloatArray) -> float:
    """E|X - E X|²."""
    return float(p @ ((points - p @ points) ** 2).sum(axis=1))


def grid_questions(grey: FloatArray) -> Iterator[tuple[FloatArray, FloatArray, str, float, float, float]]:
    """Probabilities, points, name, D, P and relative gap."""
    p, points = pixels(grey)
    for D, radius in GRID_LIMITS:
        yield p, points, "R(D,0)", D, 0.0, 1e-6
        for gap in (1e-4, 1e-5):
            yield p, points, f"TV {radius}", D, radius, gap
            yield p, points, "R(D)", D, np.inf, gap


def sample_questions(
    p: FloatArray, points: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray, str, float, float, float]]:
    """The same for a sample, at shares of its variance."""
    for share in SHARES:
        for name, P in (("R(D,0)", 0.0), (f"TV {RADIUS}", RADIUS), ("R(D)", np.inf)):
            yield p, points, name, share * variance(p, points), P, 1e-4


def ask(
    p: FloatArray, points: FloatArray, perception: FDivergence | None, D: float, P: float, method: FirstOrder
) -> Proof:
    """R(D,P) under squared error, judged."""
    limits = () if perception is None else (PerceptionLimit(perception, p, P),)
    return answered(DiscreteProblem(p, (DistortionLimit(SquaredError().on(points), D),), limits), method)


def closed() -> None:
    """R(D) to 1e-9, the loop alone beside the loop that hands over to Newton steps on the symbols left."""
    sources = {f"{side}² pixels": pixels(field(side)) for side in CLOSED_SIDES} | {"1,797 digits": digits()}
    print("| source | D | R(D), nat | candidates | with: gap | steps | CPU s | without: gap | steps | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    counts: list[int] = []

    def counted(law: FloatArray) -> np.ndarray:
        chosen = handover.candidates(law)
        counts.append(int(chosen.sum()))
        return chosen

    solve.candidates, threshold = counted, solve.HAND_OVER
    for name, (p, points) in sources.items():
        for share in CLOSED_SHARES if points.shape[1] == 2 else SHARES:
            D, cells = share * variance(p, points), []
            counts.clear()
            for solve.HAND_OVER in (threshold, 0.0):
                cpu = time.process_time()
                found = ask(p, points, None, D, np.inf, FirstOrder(gap=CLOSED_GAP))
                cpu = time.process_time() - cpu
                cells.append(f"{found.bounds.gap:.0e} | {found.steps} | {cpu:.1f}")
            left = counts[-1] if counts else 0
            print(f"| {name} | {D:.4g} | {found.bounds.upper:.6f} | {left} | {cells[0]} | {cells[1]} |", flush=True)


def main() -> None:
    """Print one Markdown table."""
    problems.LARGE = 0  # the samples and the smallest pictures go by products too
    kind = sys.argv[1] if len(sys.argv) > 1 else "grid"
    if kind == "handover":
        with threadpool_limits(limits=1, user_api="blas"):
            return closed()
    if kind == "grid":
        questions = grid_questions(picture(sys.argv[2]) if len(sys.argv) > 2 else field(SIDE))
    elif kind == "digits":
        questions = sample_questions(*digits())
    else:
        points, counts = np.unique(pooled(sys.argv[2]), axis=0, return_counts=True)
        questions = sample_questions(counts / counts.sum(), points)
    print(
        "| question | D | bracket, nat | relative gap | steps | wall s | CPU s | products | CPU ms a step | peak MiB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    with threadpool_limits(limits=1, user_api="blas"):
        unit = product_seconds()
        scale: dict[float, float] = {}
        for p, points, name, D, P, relative in questions:
            if D not in scale:  # a first rough answer, to turn the relative gap into nats
                scale[D] = ask(p, points, TotalVariation(), D, 0.0, FirstOrder(gap=1e-2)).bounds.lower
            perception = None if np.isinf(P) else TotalVariation()
            wall, cpu = time.perf_counter(), time.process_time()
            found = ask(p, points, perception, D, P, FirstOrder(gap=0.9 * relative * scale[D]))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            low, high = found.bounds.lower, found.bounds.upper
            print(
                f"| {name} | {D:.4g} | [{low:.6f}, {high:.6f}] | {(high - low) / high:.1e} | {found.steps} "
                f"| {wall:.1f} | {cpu:.1f} | {cpu / unit:.0f} | {1e3 * cpu / max(1, found.steps):.0f} | {peak} |",
                flush=True,
            )
    print(f"\nA {SIDE} x {SIDE} matrix product takes {1e3 * unit:.2f} ms of CPU here.")


if __name__ == "__main__":
    main()
