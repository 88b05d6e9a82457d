"""The numbers that the papers print, and the grids of their experiments."""

from __future__ import annotations

__all__ = [
    "ADVERSARIAL", "APART", "BASELINE", "BRANCHES", "DENOISE", "GRID", "KODAK", "QUANTISERS", "SUPERRES", "TRADEOFF",
    "TRUTH", "TWOFOLD",
]  # fmt: skip


def _listed(first: int, apart: int, values: str) -> dict[int, float]:
    """Values by rate in bits: `first`, `first + apart`, ..."""
    return {first + apart * number: float(value) for number, value in enumerate(values.split())}


GRID = {
    (2, 2): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 5.5, 6, 8, 10, 15, 20),
    (3, 2): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 6, 8, 9, 10),
    (4, 2): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 4.8, 4.9, 5, 6, 8, 10),
    (4, 3): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 6, 8, 10),
    (4, 4): (0, 2, 2.5, 3, 3.5, 4, 4.3, 4.6, 5, 6, 8, 10),
    (4, 6): (0, 2, 2.5, 3, 3.5, 4, 5, 10),
    (4, 8): (0, 2, 2.5, 3, 4, 5, 6, 10),
    (4, 11): (0, 2, 2.5, 3, 4, 5, 6, 10),
    (4, 16): (0, 2, 2.5, 3, 4, 5, 6, 10),
}
"""(latent, levels): the 98 weights of [BM19, Table S2], in thousandths against the MSE per pixel."""

TRADEOFF = {
    0.0: 0.0468, 0.0025: 0.0475, 0.004: 0.0491, 0.005: 0.0506, 0.006: 0.0528,
    0.008: 0.0579, 0.009: 0.0609, 0.01: 0.0643, 0.011: 0.0670, 0.013: 0.0720,
}  # fmt: skip
"""Weight of the critic: MSE of the universal model at 4.75 bits [ZQCK21, Table 2]."""

QUANTISERS = {
    4.75: (0.0442, 0.0459, 0.0484), 6.0: (0.0412, 0.0426, 0.0443),
    8.0: (0.0358, 0.0362, 0.0391), 10.0: (0.0315, 0.0324, 0.0351),
}  # fmt: skip
"""Rate: MSE without noise, with shared dither, with decoder noise [ZQCK21, Table 1]."""

TWOFOLD = 2.061
"""D of the sampler over D of the mean at 4 bits [YWYML21, 4.1]."""

ADVERSARIAL = {0.1: 0.0594, 1.0: 0.0891, 5.0: 0.1140}
"""Weight of the critic: MSE at 4 bits [YWYML21, figure 5]."""

KODAK = {
    "A": {0.0: 38.36 - 36.89, 0.25: 38.36 - 37.45, 0.5: 38.36 - 37.94, 0.75: 38.36 - 38.27},
    "B": {0.0: 38.36 - 36.87, 0.25: 38.36 - 37.42, 0.5: 38.36 - 37.90, 0.75: 38.36 - 38.24},
}
"""Framework, alpha: PSNR lost against the mean, in dB, at the low rate [YWL22, Table 1]."""

SUPERRES = {
    True: _listed(4, 2, ".0515 .0457 .0420 .0394 .0372 .0353 .0339 .0324 .0313 .0300 .0297 .0285 .0280 .0277 .0269"),
    False: _listed(4, 2, ".0558 .0506 .0463 .0435 .0415 .0396 .0383 .0367 .0351 .0337 .0331 .0328 .0315 .0308 .0300"),
}
"""With common randomness or without, rate: MSE [LZCK22, Table 5]."""

DENOISE = {
    True: _listed(12, 6, ".0219 .0195 .0175 .0163 .0154 .0147 .0138 .0135 .0129")
    | _listed(66, 6, ".0126 .0123 .0118 .0117 .0115 .0112 .0109 .0107 .0106"),
    False: _listed(12, 6, ".0230 .0208 .0189 .0175 .0165 .0157 .0151 .0145 .0140")
    | _listed(66, 6, ".0137 .0133 .0130 .0127 .0123 .0120 .0118 .0116 .0114"),
}
"""With common randomness or without, rate: MSE [LZCK22, Table 6]."""

TRUTH = {True: {4: 0.0582, 16: 0.0380, 32: 0.0343}, False: {4: 0.0646, 16: 0.0390}}
"""Super-resolution with common randomness or without, rate: MSE to the clean images [LZCK22, Table 9]."""

BRANCHES = {4: 0.0586 / 0.0558, 10: 0.0453 / 0.0435}
"""Rate: MSE of two trained branches over that of end to end [LZCK22, Table 1]."""

APART = {4: (0.0355 / 0.0356, 0.0227 / 0.0216), 10: (0.0223 / 0.0214, 0.0222 / 0.0206)}
"""Rate: parts (a) and (b), joint over separate [LZCK22, Table 2]."""

BASELINE = {4: 0.0603, 16: 0.0503, 32: 0.0471}
"""Rate: MSE of restoring first and compressing then [LZCK22, Table 7]."""
