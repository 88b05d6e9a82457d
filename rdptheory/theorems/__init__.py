"""The catalogue: every numbered statement of five papers that says something about numbers, and what checks it.

Instances come from numpy Generators whose seeds the rows record, so that a run can be repeated without further
packages; the tests draw the seeds with hypothesis.

>>> from rdptheory.theorems import catalogue, verify
>>> catalogue["BM19.T2"].formula
'R(D,0) <= R(D/2,∞)'
>>> [row.ruling.value for row in verify(["YWYML21.E18"], instances=3)]
['HOLDS']
"""

from rdptheory.theorems.index import UNTESTABLE, catalogue, claims
from rdptheory.theorems.runs import Row, verify
from rdptheory.theorems.statement import (
    Counterexample,
    Ruling,
    Statement,
    Verdict,
    at_most,
    equal,
    exceeds,
    states,
    worst,
)

__all__ = [
    "UNTESTABLE",
    "Counterexample",
    "Row",
    "Ruling",
    "Statement",
    "Verdict",
    "at_most",
    "catalogue",
    "claims",
    "equal",
    "exceeds",
    "states",
    "verify",
    "worst",
]
