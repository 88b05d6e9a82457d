"""The least information on {A x = b, x >= 0} from a point with x > 0: a primal-dual interior point in numpy.

    min I(x)   subject to   A x = b,   x >= 0,        I(x) = Σ_ij x_ij log(x_ij / (p_i r_j)),   r_j = Σ_i x_ij

with multipliers y of the rows and z >= 0 of the signs: the gradient of I is A'y + z and x z = τ, τ -> 0. I has the
Hessian diag(1/x) - 11'/r_j in each column of the joint law and none elsewhere; with z it is inverted by a formula, and
what is left is a system in y. One row may be curved, δ(r) + x_k = b_k for a smooth δ: it is its tangent at the point,
and its multiplier times ∂²δ/∂r_j² joins -1/r_j in the Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from rdptheory._types import FloatArray, IntArray
from rdptheory.problems import PerceptionLimit

__all__ = ["DEPENDENT", "Curved", "Found", "independent", "least_information", "onto"]

INDEPENDENT = 1e-9  # of the largest pivot: rows of A that follow from others have the rounding of it
DEPENDENT = 1e-11  # of the largest singular value: directions in which rows say the same to rounding
FIRST_GAP = 0.05  # nats at the start
BACK, LONG, BACK_OF_LONG = 0.9, 0.9, 0.99  # share of the way to the boundary, and that of a nearly full step
LEAST_CENTRING = 1e-3  # of the present gap, as a target
KEPT = 1e-14  # by which A x may miss b at the end
BEYOND = 1e-3  # of the gap asked for: steps that go further lose digits, and what is missing is left to polishing
LEAST_PRICE = 1e-3  # of a curved row at the start, in nats per unit of δ: its sign makes the question convex
LIFT = 1e-13  # of a diagonal of ones, where the matrix cannot be factored
POLISHING = 4  # least squares onto A x = b: rounding is reached by two


@dataclass(frozen=True, eq=False)
class Found:
    """A point x (N,), prices y (R,) of the rows, and the steps that it took."""

    x: FloatArray
    y: FloatArray
    steps: int


@dataclass(frozen=True, eq=False)
class Curved:
    """The row of a smooth ball, which A has for its slack alone."""

    ball: PerceptionLimit
    row: int

    def bends(self, law: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivatives of δ by each mass of the law."""
        found = self.ball.divergence.bends(self.ball.reference, law)
        assert found is not None
        return found


class _Information:
    """I(x) of the first numbers of x, as the joint law of cells (i, j)."""

    def __init__(self, p: FloatArray, columns: IntArray, outputs: int, size: int) -> None:
        self.p, self.columns, self.outputs, self.size = p, columns, outputs, size
        self.members = (columns[:, None] == np.arange(outputs)).astype(np.float64)

    def sums(self, x: FloatArray) -> FloatArray:
        """Σ_i x_ij, shape (m,)."""
        return np.asarray(np.bincount(self.columns, weights=x[: self.p.size], minlength=self.outputs))

    def gradient(self, x: FloatArray) -> FloatArray:
        joint = x[: self.p.size]
        slope = np.zeros(self.size)
        slope[: joint.size] = np.log(joint / (self.p * self.sums(x)[self.columns]))
        return slope

    def inverse(self, x: FloatArray, z: FloatArray, bend: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(Hessian + diag(z/x))^-1 = D + Σ_j c_j (D 1_j)(D 1_j)', as D (N,) and c (m,); a curved row adds its bend."""
        D = x / np.where(np.arange(self.size) < self.p.size, 1.0 + z, z)
        bent = bend * self.sums(x)
        spare = self.sums(D * z) + bent * self.sums(D)
        return D, (1.0 - bent) / np.where(spare > 0.0, spare, 1.0)


class _System:
    """The Newton system at one point, for a number of directions."""

    def __init__(
        self, A: FloatArray, information: _Information, x: FloatArray, z: FloatArray, bend: FloatArray
    ) -> None:
        self.A, self.information, self.x, self.z = A, information, x, z
        self.D, self.joined = information.inverse(x, z, bend)
        AD, cells = A * self.D, information.p.size
        columns = AD[:, :cells] @ information.members
        matrix = AD @ A.T + (columns * self.joined) @ columns.T
        self.scale = 1.0 / np.sqrt(np.diag(matrix))
        matrix = _held(matrix * self.scale[:, None] * self.scale)
        try:
            self.factor = scipy.linalg.cho_factor(matrix)
        except scipy.linalg.LinAlgError:
            self.factor = scipy.linalg.cho_factor(matrix + LIFT * np.eye(matrix.shape[0]))

    def _spread(self, h: FloatArray) -> FloatArray:
        """The inverse of the Hessian times h."""
        cells, columns = self.information.p.size, self.information.columns
        spread = self.D * h
        spread[:cells] += self.D[:cells] * (self.joined * self.information.sums(spread))[columns]
        return spread

    def _prices(self, missing: FloatArray) -> FloatArray:
        return np.asarray(self.scale * scipy.linalg.cho_solve(self.factor, _held(self.scale * missing)))

    def direction(
        self, dual: FloatArray, missing: FloatArray, products: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(dx, dy, dz) that mends the gradient by -dual, A x by `missing` and x z by `products`."""
        h = products / self.x - dual
        dy = self._prices(missing - self.A @ self._spread(h))
        dx = self._spread(h + self.A.T @ dy)
        again = self._prices(missing - self.A @ dx)  # one round of refinement
        dy, dx = dy + again, dx + self._spread(self.A.T @ again)
        return dx, dy, (products - self.z * dx) / self.x


def least_information(
    A: FloatArray,
    b: FloatArray,
    x: FloatArray,
    p: FloatArray,
    columns: IntArray,
    outputs: int,
    gap: float,
    max_steps: int,
    curved: Curved | None = None,
) -> Found:
    """The point of least information, to a gap, from x > 0; p (c,) is the mass of X at each of the first c numbers."""
    kept = independent(A)
    rows, sums, N = A[kept], b[kept], x.size
    information = _Information(p, columns, outputs, N)
    shares, steps = x / x.sum(), 0
    y, z, bend = np.zeros(kept.size), FIRST_GAP * shares / x, np.zeros(outputs)
    row = None if curved is None else int(np.flatnonzero(kept == curved.row)[0])
    flat = rows
    while steps < max_steps:
        missing = sums - flat @ x
        if curved is not None and row is not None:
            law, rows = information.sums(x), flat.copy()
            lean, bend = curved.bends(law)
            rows[row, : p.size] = lean[columns]
            missing[row] -= curved.ball.divergence.value(curved.ball.reference, law)
        if steps == 0:
            y = _fitted(rows, information.gradient(x), x)
            if row is not None:
                y[row] = min(y[row], -LEAST_PRICE)
        dual = information.gradient(x) - rows.T @ y - z
        product = float(x @ z)
        if float(np.abs(x * dual).sum()) < gap and product < gap * (1.0 if np.abs(missing).max() < KEPT else BEYOND):
            break
        system = _System(rows, information, x, z, bend if row is None else max(-float(y[row]), 0.0) * bend)
        dx, _, dz = system.direction(dual, missing, -x * z)
        length = _length(x, z, dx, dz)
        ahead = float((x + length * dx) @ (z + length * dz))
        target = product * max((ahead / product) ** 3, LEAST_CENTRING)
        dx, dy, dz = system.direction(dual, missing, target * shares - x * z - length**2 * dx * dz)
        length = _length(x, z, dx, dz)
        length *= BACK if length < LONG else BACK_OF_LONG
        x, y, z, steps = x + length * dx, y + length * dy, z + length * dz, steps + 1
    prices = np.zeros(b.size)
    prices[kept] = y
    return Found(x, prices, steps)


def onto(A: FloatArray, b: FloatArray, x: FloatArray) -> FloatArray:
    """The point x > 0 moved onto A x = b to rounding, each number by about the same share."""
    for _ in range(POLISHING):
        root = np.sqrt(x)
        step = root * np.linalg.lstsq(A * root, b - A @ x, rcond=DEPENDENT)[0]
        x = x + np.clip(step, -0.5 * x, 0.5 * x)
    return x


def _fitted(rows: FloatArray, slope: FloatArray, x: FloatArray) -> FloatArray:
    """The prices that explain the gradient best, each number by its size."""
    root = np.sqrt(x)
    return np.asarray(np.linalg.lstsq((rows * root).T, slope * root, rcond=DEPENDENT)[0])


def independent(A: FloatArray) -> IntArray:
    """Numbers of rows of A that span the others."""
    _, triangle, order = scipy.linalg.qr(A.T, mode="economic", pivoting=True)
    pivots = np.abs(np.diag(triangle))
    return np.sort(order[: int(np.count_nonzero(pivots > INDEPENDENT * pivots[0]))])


def _held(numbers: FloatArray) -> FloatArray:
    """The numbers, which rounding stops where float64 does not hold them all: next to no mass, or a bend as large."""
    if not np.isfinite(numbers).all():
        raise scipy.linalg.LinAlgError("numbers have left float64")
    return numbers


def _length(x: FloatArray, z: FloatArray, dx: FloatArray, dz: FloatArray) -> float:
    """How far along both directions everything stays at least 0, at most 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = [np.where(step < 0.0, -value / step, 1.0) for value, step in ((x, dx), (z, dz))]
    return min(1.0, *[float(way.min()) for way in ways])
