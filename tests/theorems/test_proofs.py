"""The closed forms, proved: what the channel or the program gives, less what is printed, is zero."""

import pytest
import sympy

from rdptheory.closed_forms import transport_binary
from rdptheory.theorems import catalogue

PROOFS = {statement.proof.__name__: statement.proof for statement in catalogue.values() if statement.proof is not None}


@pytest.mark.parametrize("name", PROOFS)
def test_identity(name):
    differences = list(PROOFS[name]())
    assert differences
    assert all(sympy.sympify(difference) == 0 for difference in differences), differences


def test_a_wrong_slope_is_not_proved(monkeypatch):
    right = sympy.diff
    monkeypatch.setattr(sympy, "diff", lambda *arguments: right(*arguments) * sympy.Rational(101, 100))
    assert any(difference != 0 for difference in PROOFS["prove_thresholds"]())


def test_a_wrong_formula_is_not_proved(monkeypatch):
    right = transport_binary.symbolic(common_randomness=False)
    wrong = sympy.Piecewise((right.args[0][0] * sympy.Rational(101, 100), right.args[0][1]), (0, True))
    monkeypatch.setattr(transport_binary, "symbolic", lambda **_: wrong)
    assert any(difference != 0 for difference in PROOFS["prove_binary"]())
