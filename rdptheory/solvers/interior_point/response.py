"""How the output law answers a push on log c: everything but f, s and μ eliminated, symbol by symbol or ball by ball.

With Z = diag(z), R = diag(r), D = R Z^-1, the conditions on r, z and the balls reduce to

    dr = D (u - A'dv),        dρ = A dr = e + S dv - b dμ,

where u collects the push, so that dr = H u + ... with H = (D^-1 + A' S^-1 A)^-1. `Diagonal` has H diagonal;
`Coupled` solves with N = S + A D A', which stays definite where S does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy

from rdptheory._types import FloatArray
from rdptheory.solvers.interior_point.balls import Ball, Inverse, Relation

__all__ = ["Coupled", "Diagonal", "Response", "respond"]


class Response(Protocol):
    """What the core asks."""

    @property
    def weights(self) -> FloatArray:
        """The diagonal part of H, shape (m,)."""

    def solve(
        self, u: FloatArray, relations: list[Relation] | None, dmu: FloatArray
    ) -> tuple[FloatArray, list[FloatArray]]:
        """(dr, the dv of every ball); `relations` holds the constants e, None leaves them out."""

    def row(self, ball: int, relation: Relation, dr: FloatArray, dv: list[FloatArray]) -> float:
        """The part of the ball's row that moves with r and v."""

    def kappa(self, relation: Relation) -> float:
        """The part of the ball's row that moves with its μ."""

    def constant(self, relation: Relation) -> float:
        """The constant of the ball's row."""

    def gram(self, B: FloatArray, M: FloatArray, diagonal: FloatArray) -> FloatArray:
        """Add B (H - diag weights) B' to M in place, and return its diagonal added to `diagonal`."""


def respond(balls: tuple[Ball, ...], relations: list[Relation], r: FloatArray, z: FloatArray) -> Response:
    """The cheapest response that fits the balls."""
    if not balls:
        return Diagonal(r / z, None)
    if len(balls) == 1 and balls[0].image is None and balls[0].diagonal:
        inverse = _inverse(relations[0])
        return Diagonal(1.0 / (inverse.G + z / r), inverse)
    return Coupled.of(balls, relations, r / z)


def _inverse(relation: Relation) -> Inverse:
    assert relation.inverse is not None
    return relation.inverse


@dataclass(frozen=True, eq=False)
class Diagonal:
    """No ball, or one diagonal ball on the law itself."""

    weights: FloatArray
    inverse: Inverse | None

    def solve(
        self, u: FloatArray, relations: list[Relation] | None, dmu: FloatArray
    ) -> tuple[FloatArray, list[FloatArray]]:
        if self.inverse is None:
            return self.weights * u, []
        offset: FloatArray = float(dmu[0]) * self.inverse.y
        if relations is not None:
            offset = offset + _inverse(relations[0]).g
        dr: FloatArray = self.weights * (u - offset)
        return dr, [self.inverse.G * dr + offset]

    def row(self, ball: int, relation: Relation, dr: FloatArray, dv: list[FloatArray]) -> float:
        return float(_inverse(relation).y @ dr)

    def kappa(self, relation: Relation) -> float:
        return _inverse(relation).kappa

    def constant(self, relation: Relation) -> float:
        return _inverse(relation).c

    def gram(self, B: FloatArray, M: FloatArray, diagonal: FloatArray) -> FloatArray:
        return diagonal


@dataclass(frozen=True, eq=False)
class Coupled:
    """Balls that couple symbols: optimal transport, linear images, several at once."""

    weights: FloatArray
    D: FloatArray
    images: FloatArray | None
    blocks: tuple[slice, ...]
    scale: FloatArray
    root: FloatArray
    tilts: tuple[FloatArray, ...]
    """b of every ball."""
    S: FloatArray | None
    """Of a single transport ball on the law itself: then H = S - S N^-1 S, without cancellation."""

    @classmethod
    def of(cls, balls: tuple[Ball, ...], relations: list[Relation], D: FloatArray) -> Coupled:
        sizes = [relation.b.size for relation in relations]
        ends = np.cumsum(sizes)
        blocks = tuple(slice(int(end - size), int(end)) for size, end in zip(sizes, ends, strict=True))
        single = len(balls) == 1 and balls[0].image is None
        images = None
        if single:
            N = np.diag(D)
        else:
            images = np.concatenate([np.eye(D.size) if ball.image is None else ball.image for ball in balls])
            N = (images * D) @ images.T
        level_free = False
        for ball, relation, block in zip(balls, relations, blocks, strict=True):
            S = relation.S if relation.S.ndim == 2 else np.diag(np.minimum(relation.S, STIFF))
            N[block, block] += S
            if ball.level_free and level_free:  # constants may be moved between two such balls: pin the later one
                size = block.stop - block.start
                N[block, block] += np.trace(N[block, block]) / size**2
            level_free = level_free or ball.level_free
        scale = 1.0 / np.sqrt(np.diag(N))
        N *= scale
        N *= scale[:, None]
        for lift in LIFTS:
            np.fill_diagonal(N, 1.0 + lift)
            root, info = scipy.linalg.lapack.dpotrf(N.T, lower=1)
            if info == 0:
                break
        dense = relations[0].S if single and relations[0].S.ndim == 2 else None
        weights = np.zeros_like(D) if dense is not None else D
        return cls(weights, D, images, blocks, scale, root, tuple(relation.b for relation in relations), dense)

    def _inverse(self, right: FloatArray) -> FloatArray:
        solved, _ = scipy.linalg.lapack.dpotrs(self.root, self.scale * right, lower=1)
        return np.asarray(self.scale * solved)

    def solve(
        self, u: FloatArray, relations: list[Relation] | None, dmu: FloatArray
    ) -> tuple[FloatArray, list[FloatArray]]:
        pushed = self.D * u
        right = pushed if self.images is None else self.images @ pushed
        offset = np.zeros_like(right)
        for block, b, change in zip(self.blocks, self.tilts, dmu, strict=True):
            if change != 0.0:
                offset[block] -= change * b
        if relations is not None:
            for block, relation in zip(self.blocks, relations, strict=True):
                offset[block] += relation.e
        dv = self._inverse(right - offset)
        if self.S is not None:
            dr = self.S @ dv + offset
        else:
            dr = self.D * (u - (dv if self.images is None else dv @ self.images))
        return np.asarray(dr), [dv[block] for block in self.blocks]

    def row(self, ball: int, relation: Relation, dr: FloatArray, dv: list[FloatArray]) -> float:
        return float(relation.b @ dv[ball])

    def kappa(self, relation: Relation) -> float:
        return relation.kappa

    def constant(self, relation: Relation) -> float:
        return relation.c

    def gram(self, B: FloatArray, M: FloatArray, diagonal: FloatArray) -> FloatArray:
        if self.S is not None:
            half = self._half(self.S)
            H = self.S - half.T @ half
            added = (B @ H) @ B.T
            M += added
            return diagonal + np.diagonal(added)
        AD = np.diag(self.D) if self.images is None else self.images * self.D
        low = self._half(AD @ B.T).T
        M -= low @ low.T
        return np.asarray(diagonal - np.einsum("ij,ij->i", low, low))

    def _half(self, right: FloatArray) -> FloatArray:
        """L^-1 right, with N = L L'."""
        return np.asarray(
            scipy.linalg.solve_triangular(self.root, self.scale[:, None] * right, lower=True, check_finite=False)
        )


LIFTS = (0.0, 1e-15, 1e-13, 1e-11, 1e-9)
STIFF = 1e150
