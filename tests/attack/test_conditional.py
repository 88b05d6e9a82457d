"""Hostile questions with side information, each end recomputed to fifty digits."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from rdptheory import Bounds, Candidate
from tests.attack.conditional import draw
from tests.attack.run import Tally, _one

HARD = (36, 39, 80, 107, 176, 248)  # masses of 1e-286, and radii down to 1e-218 on a marginal


def case_of(seed):
    return draw(np.random.default_rng([seed, 77]))


def test_the_first_and_the_hard_ones():
    tally = Tally()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in (*range(24), *HARD):
            _one(tally, seed, case_of(seed))
    assert tally.faults == []
    assert tally.open == []
    assert tally.counts["answers"] == 24 + len(HARD)


@pytest.mark.parametrize("seed", [80, 176])
def test_planted_faults_are_found(seed):
    """A lower end above the dual point's, an upper end below I(X;Y|Z), a channel with its y exchanged."""
    case = case_of(seed)
    answer = case._ask()
    found = answer.found
    assert case.faults(answer) == []
    high = replace(answer, lower=answer.lower + 1e-9, upper=answer.upper + 1e-9)
    if case.realism == "joint":
        assert "false lower" in case.faults(high)
    low = replace(answer, upper=answer.lower - 1e-9, lower=answer.lower - 2e-9)
    assert "false upper" in case.faults(low)
    turned = Candidate(np.roll(found.candidate.channel, 1, axis=2), found.candidate.output)
    wrong = replace(answer, found=replace(found, candidate=turned, bounds=Bounds(answer.lower, answer.upper)))
    assert case.faults(wrong) != []
