"""Laws of scipy.stats, read as the sources that they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rdptheory.errors import InvalidInput
from rdptheory.sources.continuous import ContinuousSource
from rdptheory.sources.cumulative import Cumulative, FrozenLaw
from rdptheory.sources.gaussian import Gaussian
from rdptheory.sources.laws import Exponential, Laplace, Logistic, StudentT, Uniform

__all__ = ["FrozenLaw", "known_law"]

FAMILIES: dict[str, Callable[..., ContinuousSource]] = {
    "norm": lambda loc, scale: Gaussian(loc, scale * scale),
    "laplace": Laplace,
    "uniform": lambda loc, scale: Uniform(loc, loc + scale),
    "t": lambda df, loc, scale: StudentT(df, loc, scale),
    "logistic": Logistic,
    "expon": lambda loc, scale: Exponential(scale),
}
"""By scipy's name: what takes shapes, loc and scale. R(D,P) does not change with the origin of an exponential law."""

INTEGRATED = ("genhyperbolic", "geninvgauss", "levy_stable", "studentized_range")
"""Families with a distribution function of their own that integrates the density all the same, for each x anew."""


def known_law(source: FrozenLaw) -> ContinuousSource:
    """The source that a frozen law is: one with closed forms, or any other by its distribution function.

    Raises
    ------
    InvalidInput
        A family without its parameters; parameters without meaning; or a distribution function that scipy finds by
        integrating the density, or that does not agree with it: too rough to build on.

    >>> import scipy.stats
    >>> known_law(scipy.stats.t(df=5))
    StudentT(df=5.0, loc=0.0, scale=1.0)
    >>> known_law(scipy.stats.gamma(2.0))
    gamma on [0, inf]
    """
    if hasattr(source, "_parse_args"):
        raise InvalidInput("source", source, "must be frozen, with its parameters, as scipy.stats.gamma(2.0) is")
    dist: Any = getattr(source, "dist", None)
    if dist is None:
        return _compared(Cumulative(source, type(source).__name__))
    shapes, loc, scale = dist._parse_args(*source.args, **source.kwds)  # type: ignore[attr-defined]
    name = str(dist.name or type(dist).__name__)
    if name in FAMILIES:
        return FAMILIES[name](*(float(value) for value in (*shapes, loc, scale)))
    if not bool(dist._argcheck(*shapes)) or not scale > 0.0:
        raise InvalidInput("source", name, f"has no law with the parameters {(*shapes, loc, scale)}")
    from scipy.stats import rv_continuous

    if type(dist)._cdf is rv_continuous._cdf or name in INTEGRATED:
        raise InvalidInput("source", name, "scipy integrates its density for want of a cdf: give a ContinuousSource")
    own_tail = type(dist)._sf is not rv_continuous._sf
    return _compared(Cumulative(dist(*shapes), name, float(loc), float(scale), own_tail))


def _compared(law: Cumulative) -> Cumulative:
    law.compare()
    return law
