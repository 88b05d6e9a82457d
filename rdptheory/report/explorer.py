"""The formulas of the page's explorer, written as JavaScript from the `symbolic()` expressions: no second copy.

What the page adds by hand is arithmetic, not theory: the Lambert function, and a bisection where an expression is given
in the inverse of the one that is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rdptheory.closed_forms import bernoulli, gaussian, laplacian, transport_binary, transport_gaussian
from rdptheory.divergences import KullbackLeibler, Wasserstein2Squared
from rdptheory.errors import MissingPackage

__all__ = ["FORMULAS", "formulas_as_javascript"]

Build = Callable[[Any], tuple[tuple[str, ...], Any]]
"""sympy -> (names of the arguments, expression in nats)."""


def _sympy() -> Any:
    try:
        import sympy
    except ImportError:
        raise MissingPackage("sympy", "report") from None
    return sympy


def _symbols(sympy: Any, *names: str) -> list[Any]:
    return [sympy.Symbol(name, nonnegative=True) for name in names]


def _bernoulli(sympy: Any) -> tuple[tuple[str, ...], Any]:
    p = sympy.Symbol("p", positive=True)  # the page folds p > 1/2 to 1 - p, which leaves the rate as it is
    D, P = _symbols(sympy, "D", "P")
    return ("p", "D", "P"), bernoulli.symbolic(p, D, P)


def _gaussian(perception: Wasserstein2Squared | KullbackLeibler) -> Build:
    def build(sympy: Any) -> tuple[tuple[str, ...], Any]:
        sigma = sympy.Symbol("sigma", positive=True)
        D, P = _symbols(sympy, "D", "P")
        return ("sigma", "D", "P"), gaussian.symbolic(sigma**2, D, P, perception)

    return build


def _laplace(sympy: Any) -> tuple[tuple[str, ...], Any]:
    b, D = sympy.symbols("b D", positive=True)
    return ("b", "D"), laplacian.symbolic(b, D)


def _entropy(sympy: Any) -> tuple[tuple[str, ...], Any]:
    h = sympy.Symbol("h", positive=True)
    return ("h",), -h * sympy.log(h) - (1 - h) * sympy.log(1 - h)


def _transport_binary(common_randomness: bool) -> Build:
    def build(sympy: Any) -> tuple[tuple[str, ...], Any]:
        expression = transport_binary.symbolic(common_randomness=common_randomness, saturated=True)
        return ("q_X", "q_Y", "R" if common_randomness else "h"), expression

    return build


def _transport_gaussian(sympy: Any) -> tuple[tuple[str, ...], Any]:
    return ("m_X", "m_Y", "s_X", "s_Y", "R", "R_c"), transport_gaussian.symbolic()


FORMULAS: dict[str, Build] = {
    "bernoulli": _bernoulli,
    "gaussian_w2": _gaussian(Wasserstein2Squared()),
    "gaussian_kl": _gaussian(KullbackLeibler()),
    "laplace": _laplace,
    "entropy": _entropy,
    "transport_bernoulli": _transport_binary(False),
    "transport_bernoulli_common": _transport_binary(True),
    "transport_gaussian": _transport_gaussian,
}
"""Everything that the page computes; a new closed form is a line here and one in the page's list of sliders."""


def formulas_as_javascript() -> str:
    """`const FORMULAS = {name: (arguments) => nats, ...};`

    >>> print(formulas_as_javascript().splitlines()[5][:60])
      "entropy": (h) => -h*Math.log(h) - (1 - h)*Math.log(1 - h)
    """
    sympy = _sympy()
    lines = ["const FORMULAS = {"]
    for name, build in FORMULAS.items():
        arguments, expression = build(sympy)
        unknown = {str(symbol) for symbol in expression.free_symbols} - set(arguments)
        assert not unknown, f"{name} has symbols that nobody sets: {unknown}"
        code = sympy.jscode(expression, user_functions={"LambertW": "lambertW"})
        lines.append(f"  {json.dumps(name)}: ({', '.join(arguments)}) => {' '.join(code.split())},")
    return "\n".join([*lines, "};"])
