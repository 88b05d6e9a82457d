"""Nats inside, bits where people read: the two conversions, and nothing global.

>>> nats_to_bits(bits_to_nats(1.0))
1.0
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TypeVar

import numpy as np

from rdptheory._types import FloatArray

__all__ = ["NATS_PER_BIT", "Unit", "bits_to_nats", "nats_to_bits"]

NATS_PER_BIT = math.log(2.0)

Value = TypeVar("Value", float, FloatArray)


def nats_to_bits(value: Value) -> Value:
    """Rate in bits of a rate in nats (a number or an array of any shape)."""
    return value / NATS_PER_BIT if isinstance(value, np.ndarray) else float(value) / NATS_PER_BIT


def bits_to_nats(value: Value) -> Value:
    """Rate in nats of a rate in bits (a number or an array of any shape)."""
    return value * NATS_PER_BIT if isinstance(value, np.ndarray) else float(value) * NATS_PER_BIT


class Unit(StrEnum):
    """The unit a rate is shown in."""

    bits = "bits"
    nats = "nats"

    def from_nats(self, value: Value) -> Value:
        """Express a rate in nats in this unit."""
        return nats_to_bits(value) if self is Unit.bits else value
