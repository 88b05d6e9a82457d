"""The compiled core: the interior-point iteration in plain C, loaded by ctypes. It imports nothing but numpy.

`rdp.h` says what the library takes and gives. The iteration is not trusted: the judge recomputes every bracket from the
dual point and the channel that come back. The sums of the judge, and the whole of it for the common question, are
compiled too, in files of their own (`sums.c`, `judge.c`, `support.c`, `distance.c`, `phi.c`).
"""

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
from rdptheory._native.sums import Tables

__all__ = [
    "BOX",
    "CALLED",
    "FIXED",
    "JENSEN_SHANNON",
    "POWER",
    "TRANSPORT",
    "BallSpec",
    "Common",
    "Descent",
    "Judged",
    "Look",
    "Question",
    "Tables",
    "judge",
    "solve",
]
