"""False theorems: a constant of a statement is off by one per cent, and the same check must say VIOLATED."""

import numpy as np
import pytest

from rdptheory import Gaussian, SquaredError
from rdptheory.closed_forms import bernoulli, gaussian, transport_gaussian
from rdptheory.theorems import Ruling, catalogue, claims, schemes
from rdptheory.theorems.bm19 import Doubling
from rdptheory.theorems.runs import generator, verify_one

PLANTS = [
    ("BM19.E40", bernoulli, "rate"),
    ("YWYML21.T2", schemes, "quantisation"),
    ("ZQCK21.T1", gaussian, "rate"),
    ("LZCK22.E58", transport_gaussian, "distortion"),
    ("LZCK22.T8", transport_gaussian, "lower"),
]


@pytest.mark.parametrize("factor", [0.99, 1.01])
@pytest.mark.parametrize("key, room, name", PLANTS)
def test_a_wrong_constant_is_found(monkeypatch, key, room, name, factor):
    right = getattr(room, name)
    assert verify_one(key, *claims()[key], instances=4, seed=0).ruling is Ruling.HOLDS
    monkeypatch.setattr(room, name, lambda *arguments, **named: factor * right(*arguments, **named))
    row = verify_one(key, *claims()[key], instances=4, seed=0)
    assert row.ruling is Ruling.VIOLATED
    assert -row.margin > row.gap + 1e-9


def test_a_stronger_inequality_is_found():
    statement = catalogue["BM19.T2"]
    edge = Doubling(Gaussian(0.0, 1.0), SquaredError(), 1.0)  # Shannon's rate reaches zero here, R(2D,0) just so
    assert statement.check(edge).status is Ruling.HOLDS
    verdict = statement.check(edge._replace(factor=1.98))
    assert verdict.status is Ruling.VIOLATED
    assert verdict.margin == pytest.approx(0.5 * np.log1p(-1e-4), rel=1e-9)


def test_a_wrong_code_is_found(monkeypatch):
    right = schemes.posterior
    monkeypatch.setattr(schemes, "posterior", lambda p, encoder: (right(p, encoder)[0], 1.01 * right(p, encoder)[1]))
    statement = catalogue["BM19.E16"]
    assert statement.check(statement.draw(generator("BM19.E16", 0, 0))).status is Ruling.VIOLATED
