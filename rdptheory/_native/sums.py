"""The sums over tables that the judge makes, compiled: one pass each, in the order of the symbols.

They belong to the judge and share nothing with the iteration; `tests/native/test_sums.py` holds them to the same
formulas in numpy and in 50 digits.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdptheory._native.library import flat, library, workspace

__all__ = ["Tables", "tables_struct"]

FloatArray = NDArray[np.float64]


class _Tables(ctypes.Structure):
    _fields_ = (
        ("n", ctypes.c_int64),
        ("m", ctypes.c_int64),
        ("tables", ctypes.c_int64),
        ("barred", ctypes.c_int64),
        ("p", ctypes.c_void_p),
        ("limits", ctypes.c_void_p),
        ("d", ctypes.c_void_p),
    )


def tables_struct(
    p: FloatArray, d: Sequence[FloatArray], limits: Sequence[float], *, barred: bool
) -> tuple[_Tables, list[Any]]:
    """A law and its tables as `rdp.h` has them, and what they point to."""
    (n, m), count = d[0].shape, len(d)
    law, tables = flat(p), [flat(table) for table in d]
    bounds = (ctypes.c_double * count)(*limits)
    places = (ctypes.c_void_p * count)(*[table.ctypes.data for table in tables])
    struct = _Tables(n, m, count, barred, law.ctypes.data, ctypes.addressof(bounds), ctypes.addressof(places))
    return struct, [law, *tables, bounds, places]


class Tables:
    """A law p (n,) above 0, distortion matrices d_k (n, m) with row minima 0, and their limits; one of 0 forbids."""

    def __init__(self, p: FloatArray, d: Sequence[FloatArray], limits: Sequence[float]) -> None:
        self.shape = d[0].shape
        barred = max(float(table.max()) for table in d) == np.inf
        self._struct, self._alive = tables_struct(p, d, limits, barred=barred)
        self.address = ctypes.addressof(self._struct)

    def column_sums(self, f: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray, float, float]:
        """l_j = log Σ_i p_i exp(f_i - Σ_k s_k d^k_ij) and a bound on its float64 error (m,); <p, f> and <p, |f|>."""
        n, m = self.shape
        f, s, out = flat(f), flat(s), np.empty(2 * m + 2)
        room = workspace((n + 1) * m)
        library().rdp_column_sums(self.address, f.ctypes.data, s.ctypes.data, room, out.ctypes.data)
        return out[:m], out[m : 2 * m], float(out[-2]), float(out[-1])

    def rows(self, channel: FloatArray) -> FloatArray | None:
        """Rows that sum to 1 of any array (n, m); None if an entry is not finite or nothing has mass."""
        channel, rows = flat(channel), np.empty(self.shape)
        return rows if library().rdp_rows(self.address, channel.ctypes.data, rows.ctypes.data) else None

    def weigh(self, rows: FloatArray) -> tuple[FloatArray, list[float], float, bool]:
        """The output law (m,) of rows that sum to 1, their E d_k, I(X;Y) in nats, and whether all rows are the same."""
        m, rows = self.shape[1], flat(rows)
        out = np.empty(m + self._struct.tables + 2)
        library().rdp_weigh(self.address, rows.ctypes.data, out.ctypes.data)
        *spent, information, same = out[m:].tolist()
        return out[:m], spent, information, same != 0.0
