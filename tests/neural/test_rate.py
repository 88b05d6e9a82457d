"""The rate as a function of torch: `gradcheck` for every divergence, printed values, and where there is no gradient."""

import numpy as np
import pytest
import torch
from torch.autograd.gradcheck import GradcheckError

from neural import rate
from rdptheory import (
    InvalidInput,
    KullbackLeibler,
    PowerDivergence,
    Renyi,
    TotalVariation,
    TransportDivergence,
)
from rdptheory.divergences import F_DIVERGENCES

POINTS = np.array([0.1, 0.4, 1.1, 1.7])
BALLS = [None, *F_DIVERGENCES, TransportDivergence((POINTS[:, None] - POINTS) ** 2), PowerDivergence(1.5), Renyi(2.0)]
LAW = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
SQUARES = torch.tensor((np.arange(4.0)[:, None] - np.arange(4.0)) ** 2)


def double(*values, grad=True):
    return [torch.tensor(value, dtype=torch.float64, requires_grad=grad) for value in values]


def asked(z, x, D, P, ball):
    """A law behind a softmax, squared differences of points that move, and a little that is not symmetric."""
    return rate(
        torch.softmax(z, 0), (x[:, None] - x) ** 2 + 0.01 * (1.0 + torch.sin(7.0 * x[:, None] + 3.0 * x)), D, P, ball
    )


@pytest.mark.parametrize("ball", BALLS, ids=lambda ball: type(ball).__name__)
def test_gradcheck(ball):
    z, x, D, P = double([0.3, 0.1, -0.2, 0.0], POINTS, 0.05, 0.01)
    tensors = (z, x, D) if ball is None else (z, x, D, P)
    limits = (float("inf"), None) if ball is None else (ball,)
    assert float(asked(*tensors, *limits).detach()) > 0.1
    # the rates are 1e-11 wide, so that a step of 1e-5 sees a slope to 1e-6
    assert torch.autograd.gradcheck(lambda *given: asked(*given, *limits), tensors, eps=1e-5, atol=1e-5, rtol=1e-4)


def test_gradcheck_tells_a_wrong_gradient(monkeypatch):
    monkeypatch.setattr(TotalVariation, "support_slope", lambda self, v, reference, mu: np.zeros_like(v))
    z, x, D, P = double([0.3, 0.1, -0.2, 0.0], POINTS, 0.05, 0.01)
    with pytest.raises(GradcheckError):
        torch.autograd.gradcheck(
            lambda *given: asked(*given, TotalVariation()), (z, x, D, P), eps=1e-5, atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize(
    "ball, P, value, by_p, by_D",
    [
        (None, float("inf"), 0.54592171, [-0.20756924, -0.23187568, 0.17358943, 1.17872512], -1.32177),
        (TotalVariation(), 0.02, 0.54802897, [-0.21695172, -0.23209454, 0.22167821, 1.12073409], -1.27751720),
        (KullbackLeibler(), 0.01, 0.54598486, [-0.20791433, -0.23481725, 0.18536282, 1.16538344], -1.31363),
        (TotalVariation(), 0.0, 0.55668623, [-0.21412022, -0.21199483, 0.22625859, 1.03994817], None),
    ],
)
def test_printed_values(ball, P, value, by_p, by_D):
    p, D = LAW.clone().requires_grad_(), double(0.3)[0]
    found = rate(p, SQUARES, D, P, ball)
    found.backward()
    assert found.dtype == torch.float64
    assert float(found.detach()) == pytest.approx(value, abs=1e-8)
    np.testing.assert_allclose(p.grad.numpy(), by_p, atol=1e-6)
    assert by_D is None or float(D.grad) == pytest.approx(by_D, abs=1e-5)


def test_the_sum_of_the_masses_does_not_matter():
    p = (3.0 * LAW).requires_grad_()
    rate(p, SQUARES, 0.3).backward()
    one = LAW.clone().requires_grad_()
    rate(one, SQUARES, 0.3).backward()
    np.testing.assert_allclose(p.grad.numpy(), one.grad.numpy() / 3.0, rtol=1e-6, atol=1e-9)
    single = LAW.float().requires_grad_()
    rate(single, SQUARES.float(), 0.3).backward()
    assert single.grad.dtype == torch.float32


def test_an_idle_ball_and_a_rate_of_0_do_not_move_it():
    D, P = double(0.3, 0.5)
    rate(LAW, SQUARES, D, P, TotalVariation()).backward()
    assert float(P.grad) == 0.0
    D, P = double(50.0, 0.5)
    nothing = rate(LAW.clone().requires_grad_(), SQUARES, D, P, TotalVariation())
    nothing.backward()
    assert float(nothing.detach()) == pytest.approx(0.0, abs=1e-12)
    assert float(D.grad) == float(P.grad) == 0.0


def test_a_ball_with_corners_has_a_slope_at_0():
    D, P = double(0.3, 0.0)
    at = rate(LAW, SQUARES, D, P, TotalVariation())
    at.backward()
    step = 1e-5  # R bends by less than a hundredth of its slope there
    beside = rate(LAW, SQUARES, D, step, TotalVariation())
    assert float(P.grad) == pytest.approx(float((beside - at).detach()) / step, rel=1e-2)


def test_where_there_is_no_gradient_it_says_so():
    D, P = double(0.3, 0.0)
    rate(LAW, SQUARES, D, P, KullbackLeibler()).backward()
    assert float(P.grad) == -float("inf")
    with pytest.raises(InvalidInput, match="infinite"):
        rate(LAW.clone().requires_grad_(), SQUARES, 0.0)
    assert float(rate(LAW, SQUARES, 0.0)) == pytest.approx(float(-(LAW * LAW.log()).sum()), abs=1e-9)  # the gap
    with pytest.raises(InvalidInput, match="no gradient"):
        rate(LAW.clone().requires_grad_(), SQUARES + 1.0, 0.5)
    assert float(rate(LAW, SQUARES + 1.0, 0.5)) == float("inf")
    with pytest.raises(InvalidInput):
        rate(LAW, SQUARES, -1.0)
    first = LAW.clone().requires_grad_()
    (slope,) = torch.autograd.grad(rate(first, SQUARES, 0.3), first, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):  # no second derivative
        slope.sum().backward()
