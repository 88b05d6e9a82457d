"""R(., P) along a list of slopes, as a labelled array: what Blahut-Arimoto codes sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import Method
from rdptheory.slope import rate_at_slope
from rdptheory.sources import Source
from rdptheory.sweeps.executors import Executor, Serial
from rdptheory.sweeps.paths import STATUSES, one_thread
from rdptheory.sweeps.surface import described, load_xarray, title_of

__all__ = ["slope_curve"]

COLUMNS = {
    "D_lower": ("unit of the distortion", "proved lower bound on every D at which the slope is -s"),
    "D_upper": ("unit of the distortion", "proved upper bound on every D at which the slope is -s"),
    "lower": ("nat", "proved lower bound on R at those D"),
    "upper": ("nat", "proved upper bound on R at those D"),
    "straight": ("1", "whether the curve is straight there, so that D is an interval"),
    "steps": ("1", "rates computed on the way"),
    "status": ("1", "whether the brackets are as narrow as the rates allow"),
}
SERIAL = Serial()


@dataclass(frozen=True, eq=False)
class _Task:
    """One slope of one question."""

    source: Source
    distortion: Distortion
    perception: Divergence | None
    s: float
    P: float
    method: Method | None


def _row(task: _Task) -> FloatArray:
    with one_thread():
        found = rate_at_slope(task.source, task.distortion, task.perception, s=task.s, P=task.P, method=task.method)
    ends = found.D.lower, found.D.upper, found.rate.lower, found.rate.upper
    return np.array([*ends, found.straight, found.steps, STATUSES.index(found.status)], dtype=np.float64)


def slope_curve(
    source: Source,
    distortion: Distortion,
    perception: Divergence | None = None,
    *,
    s: float | Sequence[float],
    P: float = inf,
    method: Method | None = None,
    executor: Executor = SERIAL,
) -> Any:
    """`rate_at_slope` at a list of slopes: brackets on D and on the rate for each.

    Parameters
    ----------
    source, distortion, perception, P, method
        As in `rate_at_slope`.
    s : number or list of numbers
        Above 0, in nats per unit of distortion, without repetitions.
    executor : Serial, Joblib or Dask

    Returns
    -------
    xarray.Dataset
        Coordinate s; variables D_lower, D_upper (unit of the distortion), lower, upper (nats), straight, steps, status.

    Raises
    ------
    InvalidInput
        As in `rate_at_slope`, or a list that is empty or repeats a number.
    MissingPackage
        xarray, or the package of the executor, is not installed.

    Examples
    --------
    >>> from rdptheory import Bernoulli, Hamming
    >>> line = slope_curve(Bernoulli(0.5), Hamming(), s=[1.0, 2.0])
    >>> line.D_upper.values.round(6), line.upper.values.round(6)
    (array([0.268941, 0.119203]), array([0.110944, 0.327813]))
    """
    xarray = load_xarray()
    values = tuple(finite("s", one, positive=True) for one in (s if isinstance(s, Sequence) else (s,)))
    if not values or len(set(values)) < len(values):
        raise InvalidInput("s", values, "must be a list of at least one number without repetitions")
    rows: list[FloatArray] = [np.zeros(0)] * len(values)
    tasks = [_Task(source, distortion, perception, one, P, method) for one in values]
    for number, row in executor.map(_row, tasks):
        rows[number] = row
    variables = described(("s",), COLUMNS, np.stack(rows))
    labels = {"s": ("s", list(values), {"long_name": "-dR/dD", "units": "nat per unit of the distortion"})}
    question = {"source": source, "distortion": distortion, "perception": perception, "P": P, "method": method}
    return xarray.Dataset(variables, labels, {name: title_of(part) for name, part in question.items()})


guard(__name__)
