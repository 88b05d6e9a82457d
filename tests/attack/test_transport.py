"""The recomputation of transport against planted wrong ends, plans and multipliers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import rdptheory as rd
from tests.attack.transport import Transport

SETTINGS = [(True, False), (False, False), (True, True), (False, True)]


def case(shared: bool, blocks: bool) -> Transport:
    source, target = rd.Pmf([0.5, 0.3, 0.2]), rd.Pmf([0.2, 0.3, 0.5])
    return Transport("transport", source, target, rd.SquaredError(), 0.3, shared, blocks, (None,))


def answered(question: Transport) -> Any:
    ((_, ask),) = question.asks()
    return ask()


@pytest.mark.parametrize(("shared", "blocks"), SETTINGS)
def test_planted_ends_and_plans_are_found_out(shared: bool, blocks: bool) -> None:
    question = case(shared, blocks)
    answer = answered(question)
    assert question.faults(answer) == []
    assert "false upper" in question.faults(dataclasses.replace(answer, upper=answer.lower * (1.0 - 1e-6)))
    assert "false lower" in question.faults(dataclasses.replace(answer, lower=answer.upper * (1.0 + 1e-6)))
    plan = answer.found.plan
    wrong = {
        rd.CommonPlan: lambda: dataclasses.replace(plan, weights=np.roll(plan.weights, 1)),
        rd.PrivatePlan: lambda: dataclasses.replace(plan, decoder=plan.decoder[:, ::-1]),
        rd.Coupling: lambda: rd.Coupling(np.diag([0.5, 0.3, 0.2])),
    }[type(plan)]()
    assert "no channel" in question.faults(
        dataclasses.replace(answer, found=dataclasses.replace(answer.found, plan=wrong))
    )


@pytest.mark.parametrize(("shared", "blocks"), [(True, False), (True, True), (False, True)])
def test_multipliers_that_prove_less_are_found_out(shared: bool, blocks: bool) -> None:
    question = case(shared, blocks)
    answer = answered(question)
    prices = answer.found.multipliers
    weaker = dataclasses.replace(prices, rate=prices.rate * 1.1, target=prices.target * 1.1)
    found = dataclasses.replace(answer.found, multipliers=weaker)
    assert "false lower" in question.faults(dataclasses.replace(answer, found=found))
