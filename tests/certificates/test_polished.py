"""A plan whose least squares LAPACK gives up."""

import numpy as np
import pytest

from rdptheory.certificates import faces


def test_a_plan_without_singular_values_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("SVD did not converge in Linear Least Squares")

    monkeypatch.setattr(np.linalg, "lstsq", gives_up)
    plan, p, q = np.array([[0.2, 0.1], [0.3, 0.4]]), np.array([0.3, 0.7]), np.array([0.5, 0.5])
    assert faces._polished(plan, p, q) == pytest.approx(plan, rel=1e-14)
