"""Frozen laws of scipy.stats, read as the sources that they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from rdptheory.errors import InvalidInput
from rdptheory.sources.continuous import ContinuousSource
from rdptheory.sources.gaussian import Gaussian
from rdptheory.sources.laws import Exponential, Laplace, Logistic, StudentT, Uniform

__all__ = ["FrozenLaw", "known_law"]


@runtime_checkable
class FrozenLaw(Protocol):
    """A continuous law of scipy.stats with its parameters, such as scipy.stats.t(df=5)."""

    dist: Any
    args: Any
    kwds: Any

    def pdf(self, x: Any) -> Any: ...

    def sf(self, x: Any) -> Any: ...


FAMILIES: dict[str, Callable[..., ContinuousSource]] = {
    "norm": lambda loc, scale: Gaussian(loc, scale**2),
    "laplace": Laplace,
    "uniform": lambda loc, scale: Uniform(loc, loc + scale),
    "t": lambda df, loc, scale: StudentT(df, loc, scale),
    "logistic": Logistic,
    "expon": lambda loc, scale: Exponential(scale),
}
"""By scipy's name: what takes shapes, loc and scale. R(D,P) does not change with the origin of an exponential law."""


def known_law(source: FrozenLaw) -> ContinuousSource:
    """The source that a frozen law is.

    A density without a known analytic continuation proves nothing about its cells, and scipy's functions do not say how
    smooth they are; such a law is refused.

    >>> import scipy.stats
    >>> known_law(scipy.stats.t(df=5))
    StudentT(df=5.0, loc=0.0, scale=1.0)
    """
    name = str(getattr(source.dist, "name", ""))
    if name not in FAMILIES:
        raise InvalidInput(
            "source", name, f"its smoothness is not known: give one of {', '.join(FAMILIES)}, or a ContinuousSource"
        )
    shapes, loc, scale = source.dist._parse_args(*source.args, **source.kwds)
    return FAMILIES[name](*(float(value) for value in (*shapes, loc, scale)))
