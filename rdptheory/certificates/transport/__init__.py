"""The judge of entropy-constrained transport [LZCK22]: it knows no solver and trusts none.

`judged` recomputes what a plan spends and costs, after a repair that makes it keep its limits, and what multipliers
prove, by the argument of their class, in each of four settings:

| | common randomness | none |
| --- | --- | --- |
| one-shot | `MapMultipliers` | `CutMultipliers` (squared error on the line) |
| asymptotic | `CouplingMultipliers` | `PosteriorMultipliers` |

Common randomness and long blocks can only help, so an argument for a freer setting holds in a stricter one.
"""

from rdptheory.certificates.transport.couplings import CouplingMultipliers
from rdptheory.certificates.transport.cuts import CutMultipliers
from rdptheory.certificates.transport.judge import Judgement, judged
from rdptheory.certificates.transport.maps import MapMultipliers
from rdptheory.certificates.transport.plans import copy_plan
from rdptheory.certificates.transport.posteriors import PosteriorMultipliers

__all__ = [
    "CouplingMultipliers",
    "CutMultipliers",
    "Judgement",
    "MapMultipliers",
    "PosteriorMultipliers",
    "copy_plan",
    "judged",
]
