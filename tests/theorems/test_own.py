"""A theorem on the user's own source: it holds there, and what lies outside its conditions is refused by name."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    Bernoulli,
    Gaussian,
    Hamming,
    InvalidInput,
    Pmf,
    SquaredError,
    Table,
    TotalVariation,
    Uniform,
    Wasserstein2Squared,
)
from rdptheory.cli import main
from rdptheory.theorems import Ruling, catalogue, schemes, verify
from rdptheory.theorems.given import Given
from rdptheory.theorems.lzck22 import private
from rdptheory.theorems.lzck22.pairs import Pair
from rdptheory.theorems.runs import generator

MINE = {
    "bernoulli": Bernoulli(0.3),
    "gaussian": Gaussian(1.0, 2.0),
    "uniform": Uniform(0.0, 3.0),
    "pmf": Pmf([0.5, 0.3, 0.2], [0.0, 1.0, 3.0]),
    "two points": Pmf([0.6, 0.4], [-1.0, 2.0]),
}


STRANGE = {
    "large": Pmf([0.5, 0.3, 0.2], [0.0, 1e6, 3e6]),
    "beyond squares": Pmf([0.5, 0.3, 0.2], [-2e200, 1e200, 3e200]),
    "small": Pmf([0.5, 0.3, 0.2], [0.0, 1e-100, 3e-100]),
    "far away": Pmf([0.5, 0.3, 0.2], [1e12, 1e12 + 1.0, 1e12 + 3.0]),
    "a wide Gaussian": Gaussian(1e6, 1e12),
    "a Gaussian beyond squares": Gaussian(0.0, 1e200),
    "a narrow Gaussian": Gaussian(3.0, 1e-12),
    "a wide uniform law": Uniform(0.0, 3e9),
    "a fair coin": Bernoulli(0.5),
    "a symmetric law": Pmf([0.25, 0.5, 0.25], [-1.0, 0.0, 1.0]),
    "a rare coin": Bernoulli(1e-6),
    "a rare symbol": Pmf.from_weights([0.5, 0.3, 0.2, 1e-300]),
}
"""In other units than the tolerances, with ties between quantisers, with rates of 1e-7."""


TOO_SMALL = {"a rare coin": {"ZQCK21.P1"}}
"""A penalty of 1e-11 nat is as wide as its bracket: last bits decide whether it is inside."""


@pytest.mark.parametrize("name", STRANGE)
def test_nothing_is_broken_by_its_units(name):
    rows = list(verify(source=STRANGE[name], instances=1))
    assert rows
    assert [row for row in rows if row.ruling is Ruling.VIOLATED] == []
    assert {row.key for row in rows if row.ruling is Ruling.UNDECIDED} <= TOO_SMALL.get(name, set())


@pytest.mark.parametrize("unit", [1e-100, 1e-7, 1.0, 1e6, 1e120])
def test_a_false_statement_is_found_in_every_unit(unit, monkeypatch):
    mine = Pmf([0.5, 0.3, 0.2], [5.0 * unit, 6.0 * unit, 8.0 * unit])
    [row] = verify(["BM19.E17"], source=mine, instances=1)
    assert row.ruling is Ruling.HOLDS
    assert abs(row.margin) <= 1e-14 * unit**2  # of the variance, in the unit of the source
    means = schemes.means
    monkeypatch.setattr(schemes, "means", lambda *case: (*means(*case)[:2], 1.001 * means(*case)[2]))
    [row] = verify(["BM19.E17"], source=mine, instances=1)
    assert row.ruling is Ruling.VIOLATED
    assert 1e-5 * unit**2 < -row.margin < 1e-2 * unit**2


def test_what_is_refused_is_named_in_the_unit_it_was_given_in():
    with pytest.raises(InvalidInput, match=r"D = 700\.0: ALPHA25"):
        verify(["ALPHA25.upper"], source=Gaussian(0.0, 1000.0), D=700.0)


def test_limits_take_the_unit_of_the_source():
    given = Given(Gaussian(0.0, 2.0**20), None, Wasserstein2Squared(), 2.0**19, 2.0**10)
    own, unit = given.standard()
    assert (own.source, own.D, own.P, unit) == (Gaussian(0.0, 0.25), 0.125, 2.0**-12, 2.0**11)
    lone = Given(Pmf([0.5, 0.5], [0.0, 1e6]), D=0.1)  # of which distortion?
    assert lone.standard() == (lone, 1.0)


@pytest.mark.parametrize("name", MINE)
def test_the_catalogue_holds_on_it(name):
    rows = list(verify(source=MINE[name], instances=1))
    assert rows
    assert [row for row in rows if row.ruling is not Ruling.HOLDS] == []


def test_every_statement_with_a_source_takes_one_of_these():
    about = {row.key for source in MINE.values() for row in verify(source=source, instances=1)}
    assert about == {key for key, statement in catalogue.items() if statement.takes_given}
    two_variables = {
        key for key in catalogue if key.startswith(("NIU23.", "HWG25.", "WWMZ24.", "WZ76.", "SLY15.", "QCYX25."))
    }
    assert {"ZQCK21.L1", "ZQCK21.T1-KL"} | two_variables == set(catalogue) - about  # any joint law, two widths


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_what_is_given_is_in_the_instance(seed):
    rng = np.random.default_rng(seed)
    law = Pmf.from_weights(rng.dirichlet(np.ones(4)) + 0.01, np.cumsum(rng.uniform(0.5, 1.0, 4)))
    case = catalogue["BM19.T1"].draw(rng, Given(law, SquaredError(), TotalVariation(), 0.1, 0.01))
    assert (case.source, case.distortion, case.perception, case.first) == (
        law,
        SquaredError(),
        TotalVariation(),
        (0.1, 0.01),
    )


@pytest.mark.parametrize(
    "key, given, condition",
    [
        ("BM19.T2", {"source": MINE["pmf"], "distortion": Hamming()}, "SquaredError"),
        ("BM19.T2", {"source": MINE["pmf"], "P": 0.1}, "leave no P"),
        ("BM19.E37", {"source": Bernoulli(0.6)}, "p <= ½"),
        ("BM19.E37", {"source": Bernoulli(0.3), "P": 0.4}, "0 < P < p"),
        ("BM19.E37", {"source": Bernoulli(0.3), "P": 0.1, "D": 0.9}, "D1 < D < D2"),
        ("BM19.T1", {"source": Pmf([0.5, 0.5])}, "not every symbol"),
        ("YWYML21.L1", {"source": Pmf([0.5, 0.5]), "distortion": Table([[0.0, 1.0], [2.0, 0.0]])}, "symmetric"),
        ("YWYML21.T2", {"source": Pmf([0.5, 0.5, 0.0])}, "each of mass 1e-12"),
        ("YWYML21.T2", {"source": Pmf(np.full(9, 1 / 9))}, "2 to 8"),
        ("LZCK22.T6", {"source": MINE["pmf"]}, "on 2 distinct points"),
        ("LZCK22.E44", {"source": Uniform(1.0, 2.0)}, "Uniform(0, a)"),
        ("BM19.T1", {"source": MINE["pmf"], "distortion": Table([[0.0, 1.0, np.inf]] * 3)}, "finite and at least 0"),
        ("ZQCK21.T6", {"source": MINE["pmf"]}, "Gaussian"),
        ("ZQCK21.L1", {"source": MINE["pmf"]}, "leave no source"),
        ("BM19.T1.root-tv", {"source": MINE["pmf"]}, "counterexample"),
    ],
)
def test_what_lies_outside_the_conditions_is_refused_by_name(key, given, condition):
    with pytest.raises(InvalidInput) as refused:
        verify([key], **given)
    assert condition in str(refused.value)


def test_a_paper_is_searched_for_what_fits():
    keys = [row.key for row in verify(["lzck22"], source=Gaussian(0.0, 1.0), instances=1)]
    assert keys
    assert all(key.startswith("LZCK22.") for key in keys)


def test_a_false_statement_is_found_on_it(monkeypatch):
    statement = catalogue["BM19.T2"]
    right = statement.draw
    monkeypatch.setattr(statement, "draw", lambda rng, given: right(rng, given)._replace(factor=1.0))
    row = next(verify(["BM19.T2"], source=Gaussian(0.0, 1.0), D=0.5, instances=2))
    assert row.ruling is Ruling.VIOLATED


def test_on_the_command_line(capsys):
    with pytest.raises(SystemExit) as end:
        main(["verify", "bm19.t2", "--source", "bernoulli:0.3", "-D", "0.1", "--instances", "2", "--json"])
    assert end.value.code == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["key"] for row in rows] == ["BM19.T2"]
    with pytest.raises(SystemExit) as end:
        main(["verify", "BM19.T2", "--source", "bernoulli:0.3", "--distortion", "absolute"])
    assert end.value.code == 2
    assert "--distortion = absolute: BM19.T2: the statement needs squared" in capsys.readouterr().err


def test_a_missing_package_is_an_answer(monkeypatch):
    from rdptheory.errors import MissingPackage
    from rdptheory.theorems.lzck22 import pairs

    def missing(*arguments, **named):
        raise MissingPackage("highspy", "transport")

    monkeypatch.setattr(pairs, "constrained_transport", missing)
    row = next(verify(["LZCK22.E25"], instances=2))
    assert row.ruling is Ruling.UNDECIDED
    assert "highspy" in row.note
    assert row.as_json()["margin"] is None
    assert generator("LZCK22.E25", 0, 0) is not None


def test_a_fair_coin_pays_no_penalty():
    [row] = verify(["ZQCK21.P1"], source=Bernoulli(0.5), instances=1)
    assert row.ruling is Ruling.HOLDS
    case = catalogue["ZQCK21.P1"].draw(generator("ZQCK21.P1", 0, 0), Given(Bernoulli(0.5)))
    assert case.source == Bernoulli(0.5)


def test_draws_that_miss_the_conditions_are_drawn_again(monkeypatch):
    for number in range(100):
        case = catalogue["BM19.T1"].draw(generator("BM19.T1", 5, number))
        table = case.distortion.table(case.source.points)
        assert np.ptp(case.source.probabilities @ table) > 0.02 * table.max()
    pairs = [Pair(Pmf([1.0]), Pmf([0.5, 0.5]), 0.1), Pair(Pmf([0.5, 0.5]), Pmf([0.4, 0.6]), 0.2)]
    with monkeypatch.context() as planted:
        planted.setattr(private, "draw_pair", lambda rng, given: pairs.pop(0))
        assert private.draw_falling(np.random.default_rng(0)).pair.source.size == 2
    with pytest.raises(InvalidInput, match="needs that D falls at R"):  # every rate is enough: it loses 1e-12 at most
        private.draw_falling(np.random.default_rng(0), Given(Pmf([0.5, 0.5], [0.0, 1e-6])))


def test_one_key_needs_no_list():
    one, same = verify("BM19.T2", instances=1), verify(["BM19.T2"], instances=1)
    assert [row.key for row in one] == [row.key for row in same] == ["BM19.T2", "BM19.T2.fourth-power"]
    with pytest.raises(InvalidInput, match=r"key = BM19\.T77: no such statement"):
        verify("BM19.T77")
