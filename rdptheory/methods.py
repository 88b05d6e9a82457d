"""What a method is, and what it hands over: guesses, which the judge turns into a bracket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rdptheory._types import FloatArray
from rdptheory.problems import DiscreteProblem

__all__ = ["DualPoint", "GibbsChannel", "Method", "Outcome"]


@dataclass(frozen=True, eq=False)
class DualPoint:
    """Any numbers at all: the lower bound that `rdptheory.certificates` makes of them is valid whatever they are.

        R(D,P) >= Σ_i p_i f_i - s D - σ_P(l),    l_j = log Σ_i p_i exp(f_i - s d_ij)

    Attributes
    ----------
    f : array (n,)
        One number for each source symbol; those of zero mass are not read and may be left out.
    s : array (number of distortion limits,) or float
        At least 0, in nats per unit of distortion; not read where a limit is inf, nor where it is the least that any
        channel can keep, which acts as s = inf.
    v : tuple of arrays
        One for each perception limit, on the alphabet it compares. Of one limit on the output law itself l(f, s) is
        the best v, and none is read, but of a divergence of somebody's own, whose support function may be loose there:
        any number of arrays, which count with Σ_k σ(v_k) where their sum, raised until it covers l, proves more.
    mu : array (number of perception limits,) or None
        -dR/dP of every ball, in nats per unit of δ, if known: it spares a search, and it is not trusted.
    centred : bool
        Whether f belongs to distortion matrices whose row minima were moved to 0, as in `DiscreteProblem.reduced`:
        beside a large offset the two conventions differ by more than float64 resolves.
    """

    f: FloatArray
    s: FloatArray
    v: tuple[FloatArray, ...] = ()
    mu: FloatArray | None = None
    centred: bool = False


@dataclass(frozen=True, eq=False)
class GibbsChannel:
    """A channel that never has to be written down: p(y|x) is proportional to h_y exp(-s d(x,y)).

    Attributes
    ----------
    log_h : array (m,)
        One number for each output symbol; -inf leaves it out.
    s : float
        Above 0, in nats per unit of distortion.
    exact_output : bool
        Whether surplus output mass is sent on until the output law is that of the perception limit: for P = 0.
    """

    log_h: FloatArray
    s: float
    exact_output: bool = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method ended with. Nothing in it is trusted, and any part may be missing.

    Attributes
    ----------
    channel : array (n, m) or None
        p(y|x) on all symbols of the problem; rows of zero mass are not read and may be left out.
    dual : DualPoint or None
    steps : int
        Iterations taken.
    sentence : str
        Why the method ended, if there is more to say than that its numbers speak for themselves.
    plans : tuple of arrays (k, m) or None
        For each perception limit a coupling of its reference and the output law, which spares the judge of a transport
        divergence a linear program.
    gibbs : tuple of GibbsChannel
        For alphabets too large for a channel of n m numbers (`DiscreteProblem.by_products`): the judge evaluates each
        with the geometry of the problem, and takes the mixture of them that keeps the limits at the least rate.
    """

    channel: FloatArray | None = None
    dual: DualPoint | None = None
    steps: int = 0
    sentence: str = ""
    plans: tuple[FloatArray | None, ...] = ()
    gibbs: tuple[GibbsChannel, ...] = ()


@runtime_checkable
class Method(Protocol):
    """Anything with `solve`. A field `gap` in nats says from which width on its bracket counts as optimal."""

    def solve(self, problem: DiscreteProblem) -> Outcome:
        """Look for a channel and a dual point of a question on a finite alphabet."""
