"""The compiled core: interior points and the search over cuts in plain C, loaded by ctypes; it needs numpy alone.

`rdp.h` says what the library takes and gives. No search is trusted: the judge recomputes every bracket from the dual
point and the channel, the prices and the plan, or the prices and the cuts, that come back. The sums of the judge, and
the whole of it for the common question, are compiled too, in files of their own (`sums.c`, `judge.c`, `support.c`,
`distance.c`, `phi.c`).
"""

from rdptheory._native.cuts import BoundedCuts, bound_cuts
from rdptheory._native.judge import Common, Judged, Look, judge
from rdptheory._native.library import (
    BOX,
    CALLED,
    FIXED,
    JENSEN_SHANNON,
    POWER,
    TRANSPORT,
    BallSpec,
    Descent,
    Question,
    solve,
)
from rdptheory._native.line import Centred, centre_line
from rdptheory._native.many import Asked, Batch, Descents, Matrix, Verdicts, descend_many, judge_many
from rdptheory._native.sums import Tables
from rdptheory._native.transport import Tangents, staircase

__all__ = [
    "BOX",
    "CALLED",
    "FIXED",
    "JENSEN_SHANNON",
    "POWER",
    "TRANSPORT",
    "Asked",
    "BallSpec",
    "Batch",
    "BoundedCuts",
    "Centred",
    "Common",
    "Descent",
    "Descents",
    "Judged",
    "Look",
    "Matrix",
    "Question",
    "Tables",
    "Tangents",
    "Verdicts",
    "bound_cuts",
    "centre_line",
    "descend_many",
    "judge",
    "judge_many",
    "solve",
    "staircase",
]
