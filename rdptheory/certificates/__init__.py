"""The judge: from any dual point a lower bound on R(D,P), from any channel an upper bound. It trusts no solver."""

from rdptheory.certificates.common import Shown, both_ends
from rdptheory.certificates.feasible import MinDistortion, min_distortion_channel, way_out
from rdptheory.certificates.lower import lower_bound, on_reduced
from rdptheory.certificates.products import product_prices, product_upper_bound, written
from rdptheory.certificates.repair import slater_channel
from rdptheory.certificates.upper import UpperBound, copy_costs_nothing, information, surcharge, upper_bound
from rdptheory.methods import DualPoint

__all__ = [
    "DualPoint",
    "MinDistortion",
    "Shown",
    "UpperBound",
    "both_ends",
    "copy_costs_nothing",
    "information",
    "lower_bound",
    "min_distortion_channel",
    "on_reduced",
    "product_prices",
    "product_upper_bound",
    "slater_channel",
    "surcharge",
    "upper_bound",
    "way_out",
    "written",
]
