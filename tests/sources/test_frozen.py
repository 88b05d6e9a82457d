"""Frozen laws of scipy.stats whose family is known are read as the sources that they are."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.stats
from scipy.stats._distr_params import distcont

from rdptheory import (
    Cells,
    Exponential,
    Gaussian,
    InvalidInput,
    SquaredError,
    TotalVariation,
    curve,
    distortion_at,
    rdp,
)
from rdptheory.sources import known_law
from rdptheory.sources.frozen import INTEGRATED

KNOWN = (
    scipy.stats.norm(1.0, 2.0),
    scipy.stats.laplace(loc=-1.0, scale=0.5),
    scipy.stats.uniform(2.0, 3.0),
    scipy.stats.t(df=5),
    scipy.stats.t(4.0, 1.0, 2.0),
    scipy.stats.logistic(scale=3.0),
    scipy.stats.expon(scale=2.0),
)


@pytest.mark.parametrize("law", KNOWN, ids=lambda law: law.dist.name)
def test_a_known_law_has_the_density_and_tails_that_scipy_gives_it(law) -> None:
    source = known_law(law)
    x = law.ppf(np.array([0.01, 0.3, 0.5, 0.9]))
    np.testing.assert_allclose(source.density(x), law.pdf(x), rtol=1e-12)
    for point in x:
        assert source.right_tail(float(point)).mass == pytest.approx(law.sf(point), rel=1e-12)


def test_the_origin_of_an_exponential_law_does_not_matter() -> None:
    assert known_law(scipy.stats.expon(loc=5.0, scale=2.0)) == Exponential(2.0)


def test_every_verb_reads_them() -> None:
    method = Cells(gap=1e-2, max_cells=64)
    law = scipy.stats.t(df=5)
    found = rdp(law, SquaredError(), TotalVariation(), D=0.5, P=0.05, method=method)
    assert found.bounds.lower < found.bounds.upper
    line = curve(law, SquaredError(), TotalVariation(), D=[0.5], P=0.05, method=method)
    assert float(line.upper[0]) == found.bounds.upper
    gaussian = scipy.stats.norm(0.0, 2.0)
    assert (
        rdp(gaussian, SquaredError(), None, D=1.0, P=np.inf).rate
        == rdp(Gaussian(0.0, 4.0), SquaredError(), None, D=1.0, P=np.inf).rate
    )
    assert distortion_at(gaussian, SquaredError(), None, R=np.log(2.0), P=np.inf).value == pytest.approx(1.0, rel=1e-9)


def integrates(law) -> bool:
    """Whether scipy calls one of its integrators on the way to P(X <= x), at three x."""
    called = []

    def look(frame, event, _) -> None:
        if event == "call" and "integrate" in frame.f_code.co_filename.replace("\\", "/").split("/scipy/")[-1]:
            called.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        with np.errstate(all="ignore"):
            law.cdf(np.array([0.2, 0.6, 1.5]))
    finally:
        sys.setprofile(before)
    return bool(called)


def test_the_families_that_integrate_all_the_same_are_those_on_the_list() -> None:
    """Such a law took minutes without a word; scipy may have more of them one day."""
    families = {name: getattr(scipy.stats, name)(*shapes) for name, shapes in distcont if isinstance(name, str)}
    own = {name: law for name, law in families.items() if type(law.dist)._cdf is not scipy.stats.rv_continuous._cdf}
    assert {name for name, law in own.items() if integrates(law)} == {*INTEGRATED}
    for name in INTEGRATED:
        with pytest.raises(InvalidInput, match=f"source = {name}: scipy integrates its density"):
            known_law(families[name])
