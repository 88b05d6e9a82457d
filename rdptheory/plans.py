"""What reaches a distortion: a mixture of maps, an encoder with a decoder, a joint law.

A plan of a solver is a guess. Each kind says what it spends (`rate`), can be `tidied` into laws, have its output
`relabelled` at random, which spends no more, and be `thinned` to a rate at the same law of Y. The judge repairs it so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

import numpy as np

from rdptheory._types import FloatArray, IntArray
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput
from rdptheory.information import law_entropy, small_information
from rdptheory.solution import JointGaussian
from rdptheory.transport_problem import DiscreteTransport

__all__ = ["CommonPlan", "Coupling", "FinitePlan", "JointGaussian", "Plan", "PrivatePlan"]

DIVISIONS, PARTS = 10, 64
"""Divisions of a share in [0, 1], each into so many parts: 2^-60 is finer than float64 resolves near 1."""


@dataclass(frozen=True, eq=False)
class CommonPlan:
    """Shared randomness U and a map for each of its values: Y = maps[U, X].

    Attributes
    ----------
    weights : array (k,)
        Law of U, which is independent of X.
    maps : int array (k, n)
        Column symbols of the table, maps[u, x] = f_u(x).
    """

    weights: FloatArray
    maps: IntArray

    @property
    def parts(self) -> int:
        """Values of U."""
        return int(self.weights.size)

    def joint(self, problem: DiscreteTransport) -> FloatArray:
        """Law of (X, Y), shape (n, m)."""
        n, m = problem.shape
        channel = np.zeros((n, m))
        for weight, images in zip(self.weights, self.maps, strict=True):
            channel[np.arange(n), images] += weight
        return problem.p[:, None] * channel

    def rate(self, problem: DiscreteTransport) -> float:
        """H(Y|U) in nats."""
        masses = np.array([np.bincount(f, weights=problem.p, minlength=problem.q.size) for f in self.maps])
        return float(self.weights @ law_entropy(masses))

    def most(self, problem: DiscreteTransport, kappa: float) -> float:
        """The rate rounded up, for masses known to a relative error κ."""
        return self.rate(problem) * (1.0 + 8.0 * kappa)

    def tidied(self, problem: DiscreteTransport) -> CommonPlan | None:
        """Weights that sum to 1."""
        n, m = problem.shape
        weights, maps = np.asarray(self.weights, dtype=np.float64), np.asarray(self.maps)
        if weights.ndim != 1 or maps.shape != (weights.size, n):
            raise InvalidInput("plan", self, f"must have weights (k,) and maps (k, {n})")
        whole = maps.astype(np.intp) if np.isfinite(maps).all() else np.full(maps.shape, -1)
        used = weights > 0.0
        if not np.isfinite(weights).all() or not used.any() or (whole < 0).any() or (whole >= m).any():
            return None
        return CommonPlan(_laws(weights[None, used])[0], whole[used])

    def relabelled(self, moved: FloatArray) -> CommonPlan:
        """Each map followed by the maps that `moved` is a mixture of, its quantile functions."""
        heights = np.cumsum(moved, axis=1)[:, :-1]
        cuts = np.unique(np.concatenate(([0.0, 1.0], heights[(heights > 0.0) & (heights < 1.0)])))
        labels = (0.5 * (cuts[1:] + cuts[:-1])[:, None, None] >= heights).sum(axis=2)  # (cuts, m)
        weights = (self.weights[:, None] * np.diff(cuts)).ravel()
        maps, index = np.unique(np.swapaxes(labels[:, self.maps], 0, 1).reshape(-1, self.maps.shape[1]), axis=0,
                                return_inverse=True)  # fmt: skip
        return CommonPlan(np.bincount(index.ravel(), weights=weights).astype(np.float64), maps)

    def thinned(self, problem: DiscreteTransport, R: float) -> CommonPlan:
        """Mixed with the constant maps, which spend nothing and hit the same law of Y."""
        rate = self.rate(problem)
        if rate <= R:
            return self
        share, m = R / rate, problem.q.size
        constants = np.repeat(np.arange(m)[:, None], problem.p.size, axis=1)
        output = self.joint(problem).sum(axis=0)
        weights = np.concatenate((share * self.weights, (1.0 - share) * output / output.sum()))
        return CommonPlan(weights, np.vstack((self.maps, constants)))


@dataclass(frozen=True, eq=False)
class PrivatePlan:
    """X - Z - Y: a random encoder and a random decoder with no shared randomness.

    Attributes
    ----------
    encoder : array (n, k)
        p(z|x).
    decoder : array (k, m)
        p(y|z).
    asymptotic : bool
        Whether the rate is max(I(X;Z), I(Y;Z) - Rc) over long blocks or H(Z) at once.
    """

    encoder: FloatArray
    decoder: FloatArray
    asymptotic: bool = False

    @property
    def parts(self) -> int:
        """Letters of Z."""
        return int(self.decoder.shape[0])

    def joint(self, problem: DiscreteTransport) -> FloatArray:
        """Law of (X, Y), shape (n, m)."""
        return problem.p[:, None] * (self.encoder @ self.decoder)

    def rate(self, problem: DiscreteTransport) -> float:
        """H(Z), or the larger of I(X;Z) and I(Y;Z) less the rate of common randomness, in nats."""
        if self.asymptotic:
            first, second = self._informations(problem)
            return max(first, second - problem.common)
        return float(law_entropy(problem.p @ self.encoder))

    def _informations(self, problem: DiscreteTransport) -> tuple[float, float]:
        """I(X;Z) and I(Y;Z)."""
        z = problem.p @ self.encoder
        return small_information(problem.p, self.encoder), small_information(z, self.decoder)

    def most(self, problem: DiscreteTransport, kappa: float) -> float:
        """The rate rounded up, for masses known to a relative error κ.

        H(Z) is computed in 40 digits, and an error of the masses moves it by κ times the mean of |log z + H|: nothing
        where Z is uniform, where a rate that is too high by one rounding unit would cost its root to mend.
        """
        if self.asymptotic:
            first, second = (_most_information(rate, kappa) for rate in self._informations(problem))
            return max(first, second - problem.common)
        with localcontext(prec=40):
            masses = [Decimal(mass) for mass in (problem.p @ self.encoder).tolist() if mass > 0.0]
            total = sum(masses, Decimal(0))
            logs = [(mass / total).ln() for mass in masses]
            H = -sum((mass * log for mass, log in zip(masses, logs, strict=True)), Decimal(0)) / total
            spread = sum((mass * abs(log + H) for mass, log in zip(masses, logs, strict=True)), Decimal(0)) / total
        return float(H) + 2.0 * kappa * float(spread)

    def tidied(self, problem: DiscreteTransport) -> PrivatePlan | None:
        """Channels whose rows sum to 1."""
        n, m = problem.shape
        encoder, decoder = (np.asarray(part, dtype=np.float64) for part in (self.encoder, self.decoder))
        if encoder.ndim != 2 or encoder.shape[0] != n or decoder.shape != (encoder.shape[1], m):
            raise InvalidInput("plan", self, f"must have an encoder ({n}, k) and a decoder (k, {m})")
        channels = [_channel(part) for part in (encoder, decoder)]
        if channels[0] is None or channels[1] is None:
            return None
        return PrivatePlan(channels[0], channels[1], problem.asymptotic)

    def relabelled(self, moved: FloatArray) -> PrivatePlan:
        """The decoder followed by `moved`."""
        return replace(self, decoder=self.decoder @ moved)

    def thinned(self, problem: DiscreteTransport, R: float) -> PrivatePlan:
        """Letters erased with a probability; at once, where H(Z) counts, they become the heaviest letter instead."""
        rate, z = self.rate(problem), problem.p @ self.encoder
        if rate <= R:
            return self
        output = z @ self.decoder
        if self.asymptotic:
            first, second = self._informations(problem)
            kept = min(
                1.0, *(limit / spent for limit, spent in ((R, first), (R + problem.common, second)) if spent > 0.0)
            )
            erased = np.full((self.encoder.shape[0], 1), 1.0 - kept)
            return replace(
                self,
                encoder=np.hstack((kept * self.encoder, erased)),
                decoder=np.vstack((self.decoder, output / output.sum())),
            )
        corner = np.eye(z.size)[int(z.argmax())]
        low, high = 0.0, 1.0  # share of the letters kept; the entropy grows with it
        for _ in range(DIVISIONS):
            shares = np.linspace(low, high, PARTS + 1)
            below = law_entropy(shares[:, None] * z + (1.0 - shares[:, None]) * corner) <= R
            last = int(np.flatnonzero(below[:-1]).max(initial=0))
            low, high = shares[last : last + 2].tolist()
        encoder = low * self.encoder + (1.0 - low) * corner
        source = low * np.diag(z) + (1.0 - low) * z[:, None] * corner  # old letter, new letter
        mass = source.sum(axis=0)
        decoder = np.divide(source.T @ self.decoder, mass[:, None], out=self.decoder.copy(), where=mass[:, None] > 0.0)
        return replace(self, encoder=encoder, decoder=decoder / decoder.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Coupling:
    """A joint law (n, m) of X and Y, for long blocks with common randomness."""

    law: FloatArray

    @property
    def parts(self) -> int:
        """No mixture: 1."""
        return 1

    def joint(self, problem: DiscreteTransport) -> FloatArray:
        """Law of (X, Y), shape (n, m)."""
        return self.law

    def rate(self, problem: DiscreteTransport) -> float:
        """I(X;Y) in nats."""
        rows = self.law.sum(axis=1)
        channel = np.divide(self.law, rows[:, None], out=np.zeros_like(self.law), where=rows[:, None] > 0.0)
        return small_information(rows, channel)

    def most(self, problem: DiscreteTransport, kappa: float) -> float:
        """The rate rounded up, for masses known to a relative error κ."""
        return _most_information(self.rate(problem), kappa)

    def tidied(self, problem: DiscreteTransport) -> Coupling | None:
        """With the law of X that the question has."""
        law = np.asarray(self.law, dtype=np.float64)
        if law.shape != problem.shape:
            raise InvalidInput("plan", self, f"must be a law of shape {problem.shape}")
        if not np.isfinite(law).all():
            return None
        law = np.maximum(law, 0.0)
        law = np.where(law.any(axis=1, keepdims=True), law, problem.q)
        return Coupling(problem.p[:, None] * _laws(law))

    def relabelled(self, moved: FloatArray) -> Coupling:
        """Y relabelled."""
        return Coupling(self.law @ moved)

    def thinned(self, problem: DiscreteTransport, R: float) -> Coupling:
        """Mixed with the independent coupling: the information is convex."""
        rate = self.rate(problem)
        if rate <= R:
            return self
        share = R / rate
        return Coupling(share * self.law + (1.0 - share) * problem.p[:, None] * self.law.sum(axis=0))


FinitePlan = CommonPlan | PrivatePlan | Coupling
Plan = FinitePlan | JointGaussian


def _most_information(rate: float, kappa: float) -> float:
    """Relative errors κ of the masses move I = E log(ratio) by at most about κ E |log(ratio)| <= κ (I + sqrt(2 I))."""
    return rate + 8.0 * kappa * (rate + float(np.sqrt(2.0 * rate)))


def _channel(rows: FloatArray) -> FloatArray | None:
    """Rows divided by their sums; a row without mass goes to the first letter; None if a number is not finite."""
    if not np.isfinite(rows).all() or rows.shape[1] == 0:
        return None
    rows = np.maximum(rows, 0.0)
    rows[~rows.any(axis=1), 0] = 1.0
    return _laws(rows)


def _laws(rows: FloatArray) -> FloatArray:
    """Rows that are at least 0 and not all 0, divided by their sums, whatever their scale."""
    rows = rows / rows.max(axis=1, keepdims=True)  # the sums of large numbers are inf, and those of small ones rounded
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


guard(__name__)
