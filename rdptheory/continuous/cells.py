"""The method `Cells`: a proved bracket on R(D,P) of a source with a density, from finite problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rdptheory._types import FloatArray
from rdptheory.continuous.candidate import CellBounds, CellChannel, Points, Redraw
from rdptheory.continuous.finite import cells_problem, check, power, rounded_problem
from rdptheory.continuous.lattice import cell_law, lattice, nodes
from rdptheory.distortions import Distortion
from rdptheory.divergences import Divergence, FDivergence
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import Method, Outcome
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.solution import Slopes, Solution, Status
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.sources import ContinuousSource

__all__ = ["Ask", "Cells", "Posed", "density_only"]

Ask = Callable[[Problem, Method], Solution]
"""How a finite problem is answered: the judge has seen what comes back."""

FIRST = 64  # cells of the first look, which takes a tenth of a second and tells how many the gap will need
SHARE = 0.02  # of the gap asked for, left to the finite solver
FINEST = 1e-9  # nats: no narrower gap is asked of it
TRANSPORT = 4  # a transport ball is solved with a plan of n² unknowns: a quarter of the cells takes as long
SAFETY = 0.8  # of the gap: the width falls like n^-2 only roughly


@dataclass(frozen=True, eq=False)
class Posed:
    """A question about a density, moved to its standard position.

    Attributes
    ----------
    source : ContinuousSource
        Of the order of 1 around 0.
    shift, scale : float
        X = shift + scale Z.
    D, P : float
        In the units of Z.
    """

    problem: Problem
    source: ContinuousSource
    shift: float
    scale: float
    D: float
    P: float

    @classmethod
    def of(cls, problem: Problem) -> Posed:
        """The question, once it is known to have an answer."""
        assert isinstance(problem.source, ContinuousSource)
        P = problem.P if problem.perception is not None else np.inf
        check(problem.distortion, problem.perception, P, problem.source)
        source, shift, scale = problem.source.standard()
        by_D, by_P = scale ** power(problem.distortion), scale ** power(problem.perception)
        return cls(problem, source, shift, scale, problem.D / by_D, P / by_P)

    @property
    def distortion(self) -> Distortion:
        """d."""
        return self.problem.distortion

    @property
    def perception(self) -> Divergence | None:
        """δ, None where it limits nothing."""
        return None if np.isinf(self.P) else self.problem.perception

    @property
    def transport(self) -> bool:
        """Whether a plan has to be found."""
        return self.P > 0.0 and self.perception is not None and not isinstance(self.perception, FDivergence)

    @property
    def redraws(self) -> tuple[bool, ...]:
        """Which outputs to try: points serve without a ball and beside a W2 ball, fresh draws beside every ball."""
        if self.perception is None:
            return (False,)
        return (True, False) if self.transport else (True,)

    def slopes(self, found: Solution) -> Slopes:
        """Slopes of a finite problem in the units of the question; within O(n^-2) of those of R(D,P)."""
        by_D = self.scale ** power(self.distortion)
        by_P = self.scale ** power(self.perception)
        steep = found.slopes.P / by_P if self.perception is not None else 0.0
        return Slopes(found.slopes.D / by_D, -np.inf if self.P == 0.0 and found.rate > 0.0 else steep)


@dataclass(frozen=True)
class Cells:
    """Two finite problems between which R(D,P) of a density lies, on more and more cells.

    Parameters
    ----------
    gap : float
        Stop once the proved bracket is this narrow, in nats.
    max_cells : int
        Most cells of a finite problem, at least 64; a quarter of it beside a transport ball.

    >>> from rdptheory import Laplace, SquaredError, rate_distortion
    >>> found = rate_distortion(Laplace(0.0, 1.0), SquaredError(), D=0.3, method=Cells(gap=1e-2))
    >>> found.bounds.lower < 0.87704 < found.bounds.upper, found.gap < 1e-2
    (True, True)
    """

    gap: float = 1e-4
    max_cells: int = 1024

    def __post_init__(self) -> None:
        object.__setattr__(self, "gap", finite("gap", self.gap, positive=True))
        size = self.max_cells
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < FIRST:
            raise InvalidInput("max_cells", size, f"must be an integer of at least {FIRST}")

    def solve(self, problem: DiscreteProblem) -> Outcome:
        """Finite alphabets are for the methods that `Cells` itself asks."""
        raise density_only(self)

    def answer(self, problem: Problem, ask: Ask) -> Solution:
        """The bracket of a question about a density; `ask` answers the finite ones."""
        posed = Posed.of(problem)
        known = trivial(posed, self)
        if known is not None:
            return known
        finite_gap = max(FINEST, SHARE * self.gap)
        search = _Search(posed, ask, InteriorPoint(gap=finite_gap), self)
        limit = self.max_cells // TRANSPORT if posed.transport else self.max_cells
        n = min(FIRST, limit)
        while True:
            search.solve(n)
            width = search.bounds.gap
            if width <= self.gap or n >= limit:
                return search.solution()
            wanted = n * np.sqrt(width / (SAFETY * self.gap)) if np.isfinite(width) else 4.0 * n
            n = int(min(limit, max(2 * n, FIRST * np.ceil(min(wanted, limit) / FIRST))))


class _Search:
    """What is proved so far: brackets of one rate can be intersected."""

    def __init__(self, posed: Posed, ask: Ask, finite_method: Method, method: Cells) -> None:
        self.posed, self.ask, self.finite_method, self.method = posed, ask, finite_method, method
        self.bounds = CellBounds(0.0, np.inf, "no rate is negative", "no channel was found")
        self.candidate: CellChannel | None = None
        self.slopes = Slopes(np.nan, np.nan)
        self.steps = 0

    def solve(self, n: int) -> None:
        """Both finite problems on n cells."""
        posed = self.posed
        t = nodes(posed.source, n)
        asked = posed.distortion, posed.perception, posed.D, posed.P
        below = self.ask(rounded_problem(lattice(posed.source, t), *asked), self.finite_method)
        self.steps += below.steps
        self.raise_lower(below.bounds.lower, f"source rounded to {t.size} nodes")
        cells = cell_law(posed.source, t)
        for redraw in posed.redraws:
            problem = cells_problem(cells, *asked, redraw)
            if problem is None:
                continue
            above = self.ask(problem, self.finite_method)
            self.steps += above.steps
            if above.candidate is None or above.candidate.channel is None:
                continue
            kind = "redrawn within" if redraw else "at the means of"
            outputs = cells.edges if redraw else cells.means
            channel = self.channel(cells.edges, above.candidate.channel, outputs, redraw)
            self.lower_upper(above.bounds.upper, f"outputs {kind} {cells.law.size} cells", channel, above)

    def channel(self, edges: FloatArray, rows: FloatArray, outputs: FloatArray, redraw: bool) -> CellChannel:
        """A channel in the unit of the question; `outputs` are edges to redraw between, or points."""
        shift, scale = self.posed.shift, self.posed.scale
        source = self.posed.problem.source
        assert isinstance(source, ContinuousSource)
        placed = shift + scale * outputs
        return CellChannel(shift + scale * edges, rows, Redraw(source, placed) if redraw else Points(placed))

    def raise_lower(self, lower: float, reason: str) -> None:
        """A new lower bound."""
        if lower > self.bounds.lower:
            self.bounds = CellBounds(lower, self.bounds.upper, reason, self.bounds.upper_from)

    def lower_upper(self, upper: float, reason: str, channel: CellChannel, found: Solution) -> None:
        """A new upper bound with its channel."""
        if upper < self.bounds.upper:
            self.bounds = CellBounds(self.bounds.lower, upper, self.bounds.lower_from, reason)
            self.candidate, self.slopes = channel, self.posed.slopes(found)

    def solution(self) -> Solution:
        """The answer."""
        bounds = self.bounds
        reached = bounds.gap <= self.method.gap
        ended = (
            f"the bracket is as narrow as asked, {self.method.gap:.2g} nat"
            if reached
            else f"{self.method.max_cells} cells prove no narrower bracket"
        )
        return Solution(
            self.posed.problem,
            bounds.upper,
            bounds,
            self.slopes,
            self.candidate,
            Status.OPTIMAL if reached else Status.STOPPED,
            f"{ended}: {bounds.lower_from}, {bounds.upper_from}",
            self.method,
            self.steps,
        )


def trivial(posed: Posed, method: Method) -> Solution | None:
    """What needs no cells: D = 0, which no channel of finite rate reaches, and D = inf, where a fresh draw will do."""
    if posed.D == 0.0:
        infinite, none = CellBounds(np.inf, np.inf), Slopes(np.nan, np.nan)
        text = "no channel of finite rate reaches D = 0 for a density"
        return Solution(posed.problem, np.inf, infinite, none, None, Status.INFEASIBLE, text, method)
    if np.isinf(posed.D):
        assert isinstance(posed.problem.source, ContinuousSource)
        ends = np.array([posed.shift + posed.scale * end for end in posed.source.support])
        draw = CellChannel(ends, [[1.0]], Redraw(posed.problem.source, ends))
        text, zero = "a fresh draw from the source keeps both limits", CellBounds(0.0, 0.0, "no rate is negative")
        return Solution(posed.problem, 0.0, zero, Slopes(0.0, 0.0), draw, Status.OPTIMAL, text, method)
    return None


def density_only(method: object) -> InvalidInput:
    """What to say to a finite alphabet."""
    return InvalidInput("method", method, "answers for sources with a density; a finite alphabet takes InteriorPoint()")


guard(__name__)
