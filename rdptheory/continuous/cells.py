"""The method `Cells`: a proved bracket on R(D,P) of a source with a density, from finite problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rdptheory.continuous.allocated import allocated
from rdptheory.continuous.candidate import CellBounds, CellChannel, Redraw
from rdptheory.continuous.ends import Upper, fixed_ends, lower_end, upper_end
from rdptheory.continuous.finite import power
from rdptheory.continuous.plane import plane_solution
from rdptheory.continuous.posed import Posed
from rdptheory.continuous.shannon import first_ends
from rdptheory.doors import guard
from rdptheory.errors import InvalidInput, finite
from rdptheory.methods import Method, Outcome
from rdptheory.problems import DiscreteProblem, Problem
from rdptheory.solution import Slopes, Solution, Status
from rdptheory.solvers.first_order import FirstOrder
from rdptheory.solvers.interior_point import InteriorPoint
from rdptheory.sources import ContinuousSource, DiscreteSource, Independent
from rdptheory.watch import ending, leaving, next_part

__all__ = ["Ask", "Cells", "density_only", "proved_apart", "trivial"]

Ask = Callable[[Problem, Method], Solution]
"""How a finite problem is answered: the judge has seen what comes back."""

FIRST = 64  # cells of the first look, which takes a tenth of a second and tells how many the gap will need
SECOND = 4 * FIRST  # cells of the second look, still cheap
SHARE = 0.05  # of the gap asked for, left to the finite solver at either end
FINEST = 1e-9  # nats: no narrower gap is asked of it
MANY = 384  # symbols from which first-order steps of n² are worth taking, instead of a few of n³
LOOSE = 1e-6  # nats: for narrower gaps they become too many
TRANSPORT = 4  # a transport ball is solved with a plan of n² unknowns: a quarter of the cells takes as long
DIRECT = 4  # at P = 0 under squared error no solver is asked, and four times the cells take as long
SAFETY = 0.9  # of the gap: the width falls like n^-2 only roughly


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
        if isinstance(problem.source, Independent):
            finite_method = InteriorPoint(gap=max(FINEST, SHARE * self.gap))
            if problem.perception is None or problem.P in (0.0, np.inf):
                shared = replace(finite_method, gap=max(FINEST, finite_method.gap / len(problem.source.parts)))
                found = allocated(problem, shared, lambda one: ask(one, shared), self.gap, self.max_cells)
            else:
                found = plane_solution(problem, finite_method, ask, self.gap, self.max_cells)
            return replace(found, method=self)
        posed = Posed.of(problem)
        known = trivial(posed, self)
        if known is not None:
            return known
        search = _Search(posed, ask, self)
        with leaving():
            search.run(search.limit)
        return search.solution()


class _Search:
    """What is proved so far: brackets of one rate can be intersected."""

    def __init__(self, posed: Posed, ask: Ask, method: Cells) -> None:
        self.posed, self.ask, self.method = posed, ask, method
        self.bounds, self.candidate, self.slopes = first_ends(posed)
        self.steps = 0
        self.kinds = posed.redraws
        self.least = np.inf  # rate that cells reached: their multipliers tell the slope, also where noise costs less

    @property
    def limit(self) -> int:
        """The most cells of a look."""
        limit = self.method.max_cells // TRANSPORT if self.posed.transport else self.method.max_cells
        return limit * DIRECT if self.direct else limit

    @property
    def direct(self) -> bool:
        """Whether no finite solver is asked."""
        return self.posed.fixed and power(self.posed.distortion) == 2

    def run(self, limit: int) -> None:
        """Looks on more and more cells, until the gap or the limit."""
        if self.bounds.lower > 0.0 and self.bounds.gap <= self.method.gap:
            return  # the distortion is small: where the rate is, only cells tell the slope
        n = min(FIRST, limit)
        while True:
            self.look(n)
            width = self.bounds.gap
            if width <= self.method.gap or n >= limit:
                return
            wanted = n * np.sqrt(width / (SAFETY * self.method.gap)) if np.isfinite(width) else 4.0 * n
            if n < SECOND < 0.5 * wanted:  # a second look is cheap, and tells the order of convergence
                wanted = SECOND
            n = int(min(limit, max(2 * n, FIRST * np.ceil(min(wanted, limit) / FIRST))))

    def look(self, n: int) -> None:
        """Both ends on n cells."""
        next_part(self.bounds.lower, self.bounds.upper)
        if self.direct:
            lower, above = fixed_ends(self.posed, n)
            self.raise_lower(lower.rate, n)
            self.lower_upper(above)
            return
        lower = lower_end(self.posed, n, self.solve)
        self.steps += lower.steps
        self.raise_lower(lower.rate, n)
        found = {}
        for redraw in self.kinds:
            next_part(self.bounds.lower, self.bounds.upper)
            found[redraw] = above = upper_end(self.posed, n, redraw, self.solve)
            self.lower_upper(above)
        rates = {redraw: above.rate for redraw, above in found.items() if above is not None}
        if len(rates) == len(self.kinds):  # the kind that was better stays better on more cells, but for a hair
            self.kinds = (min(rates, key=lambda redraw: rates[redraw]),)

    def solve(self, problem: Problem) -> Solution:
        """Ask a finite method: the interior point takes few steps but beside total variation, where on many symbols
        hundreds of products with the table cost less than its fifty steps."""
        gap, ball = max(FINEST, SHARE * self.method.gap), self.posed.perception
        kinked = ball is not None and not ball.smooth and not self.posed.transport
        cheap = kinked and gap >= LOOSE and isinstance(problem.source, DiscreteSource) and problem.source.size >= MANY
        return self.ask(problem, FirstOrder(gap=gap) if cheap else InteriorPoint(gap=gap))

    def raise_lower(self, lower: float, n: int) -> None:
        """A new lower bound."""
        if lower > self.bounds.lower:
            reason = f"source and reproduction rounded to {n + 1} nodes"
            self.bounds = CellBounds(lower, self.bounds.upper, reason, self.bounds.upper_from)

    def lower_upper(self, found: Upper | None) -> None:
        """A new upper bound with its channel."""
        if found is None:
            return
        self.steps += found.steps
        if found.rate < self.least:
            self.least, self.slopes = found.rate, self.posed.slopes(found.slope_D, found.slope_P)
        if found.rate < self.bounds.upper:
            kind = "redrawn within" if found.redraw else "at the means of"
            reason = f"reproductions {kind} {found.y.law.size} cells"
            self.candidate = found.candidate(self.posed)
            self.bounds = CellBounds(self.bounds.lower, found.rate, self.bounds.lower_from, reason)

    def solution(self) -> Solution:
        """The answer."""
        bounds = self.bounds
        reached = bounds.gap <= self.method.gap
        ended = (
            f"the bracket is as narrow as asked, {self.method.gap:.2g} nat"
            if reached
            else ending(f"{self.method.max_cells} cells prove no narrower bracket")
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


def proved_apart(dear: Problem, cheap: Problem, ask: Ask, method: Cells) -> float:
    """The lower end of one rate less the upper end of another, the other ends left alone: above 0, or on all cells."""
    above, below = (_Search(Posed.of(problem), ask, method) for problem in (dear, cheap))
    apart, sizes = -np.inf, [n for n in (FIRST, SECOND) if n < min(above.limit, below.limit)]
    with leaving():
        for n, m in [*((n, n) for n in sizes), (above.limit, below.limit)]:
            found = fixed_ends(above.posed, n)[0] if above.direct else lower_end(above.posed, n, above.solve)
            above.raise_lower(found.rate, n)
            ends = (
                [fixed_ends(below.posed, m)[1]]
                if below.direct
                else [upper_end(below.posed, m, redraw, below.solve) for redraw in below.kinds]
            )
            for end in ends:
                below.lower_upper(end)
            apart = above.bounds.lower - below.bounds.upper
            if apart > 0.0:
                break
    return apart


def density_only(method: object) -> InvalidInput:
    """What to say to a finite alphabet."""
    return InvalidInput("method", method, "answers for sources with a density; a finite alphabet takes InteriorPoint()")


guard(__name__)
