"""How fast is entropy-constrained transport?

Column generation on the line (a Gaussian to a two-mode mixture on n points of [-4, 4], squared error), branch and
bound over common cuts, and long blocks. Times are processor time of one thread; the product of two 1000 x 1000
matrices in the same run gives them a scale.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/transport.py
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from time import process_time

import numpy as np
from threadpoolctl import threadpool_limits

from rdptheory.distortions import SquaredError
from rdptheory.solvers.transport.common_randomness import ColumnGeneration, Flow
from rdptheory.solvers.transport.long_blocks import EntropicTransport, LinePairs, PosteriorPairs
from rdptheory.solvers.transport.private_randomness import QuantileCuts
from rdptheory.sources import Pmf
from rdptheory.transport import constrained_transport
from rdptheory.transport_solution import TransportSolution
from rdptheory.units import bits_to_nats


def pair(n: int) -> tuple[Pmf, Pmf]:
    """The two laws on n points."""
    x = np.linspace(-4.0, 4.0, n)
    q = 0.4 * np.exp(-2.0 * (x - 1.5) ** 2) + 0.6 * np.exp(-((x + 1.0) ** 2))
    return Pmf.from_weights(np.exp(-(x**2) / 2.0), x), Pmf.from_weights(q, x)


CASES = (
    *((ColumnGeneration(), n, bits) for n in (16, 64, 128, 256) for bits in (1.0, 2.0)),
    (Flow(), 32, 1.0),
    *((QuantileCuts(gap=1e-7), 16, bits) for bits in (1.0, 2.0)),
    *((EntropicTransport(), n, 1.0) for n in (64, 256)),
    (LinePairs(), 16, 1.0),
)


def timed(work: Callable[[], TransportSolution], repeats: int) -> tuple[float, TransportSolution]:
    """Median processor time in seconds, and the answer."""
    times = []
    for _ in range(repeats):
        start = process_time()
        answer = work()
        times.append(process_time() - start)
    return median(times), answer


LIMITED = (
    *((PosteriorPairs(), 3, rate) for rate in (0.0, 0.3)),
    *((LinePairs(), n, rate) for n in (3, 16, 64) for rate in (0.0, 0.3)),
)
"""Method, points and the rate of common randomness in nats."""
THREE = Pmf([0.5, 0.3, 0.2]), Pmf([0.2, 0.3, 0.5])


def limited() -> None:
    """A rate of common randomness over long blocks: the line beside linear programs over posteriors."""
    print("\n| method | n = m | Rc (nats) | seconds | steps | distortion | gap |")
    print("|---|---|---|---|---|---|---|")
    for method, n, rate in LIMITED:
        laws = THREE if n == 3 else pair(n)
        limits = {"R": 0.3, "common_randomness": rate}
        work = partial(constrained_transport, *laws, SquaredError(), **limits, asymptotic=True, method=method)
        time, answer = timed(work, 1)
        cells = (type(method).__name__, n, f"{rate:g}", f"{time:.3f}", answer.steps)
        print("|", *(f"{cell} |" for cell in cells), f"{answer.distortion:.10f} | {answer.gap:.1e} |")


def main() -> None:
    """Print one line for each case."""
    a = np.random.default_rng(0).normal(size=(1000, 1000))
    with threadpool_limits(1):
        product, _ = timed(partial(np.matmul, a, a), 7)
        print(f"1000 x 1000 matrix product: {product:.3f} s\n")
        print("| method | n = m | R (bits) | seconds | steps | distortion | gap |")
        print("|---|---|---|---|---|---|---|")
        for method, n, bits in CASES:
            shared, blocks = (
                not isinstance(method, (QuantileCuts, LinePairs)),
                isinstance(method, (EntropicTransport, LinePairs)),
            )
            work = partial(
                constrained_transport, *pair(n), SquaredError(), R=bits_to_nats(bits), common_randomness=shared,
                asymptotic=blocks, method=method,
            )  # fmt: skip
            time, answer = timed(work, 1 if n > 100 else 3)
            cells = (type(method).__name__, n, f"{bits:g}", f"{time:.2f}", answer.steps)
            print("|", *(f"{cell} |" for cell in cells), f"{answer.distortion:.10f} | {answer.gap:.1e} |")
        limited()


if __name__ == "__main__":
    main()
