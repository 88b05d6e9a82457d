"""The judge: from any dual point a lower bound on R(D,P), from any channel an upper bound. It trusts no solver."""

from rdptheory.certificates.feasible import Cheapest, cheapest_channel
from rdptheory.certificates.lower import DualPoint, lower_bound
from rdptheory.certificates.upper import UpperBound, anchor, upper_bound

__all__ = [
    "Cheapest",
    "DualPoint",
    "UpperBound",
    "anchor",
    "cheapest_channel",
    "lower_bound",
    "upper_bound",
]
