"""Every statement on random instances that meet its conditions, every counterexample outside, nothing left out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory.theorems import UNTESTABLE, Ruling, catalogue, claims, verify
from rdptheory.theorems.index import PAPERS
from rdptheory.theorems.page import markdown
from rdptheory.theorems.statement import refuted

SLOW = {"LZCK22.T5", "LZCK22.T6"}  # posterior pairs take a third of a second each
SEEDS = st.integers(0, 2**32 - 1)

NUMBERED = {
    "BM19": "T1 T2 A-C J1 J2 J3 E16 E17 E33 E37 E38 E40",
    "YWYML21": "L1 T1 T2 T3 E18",
    "ZQCK21": "T1 T2 T3 T4 T5 T6 T7 T8 T9 L1 P1 R1 R2 R3 R4 D1 D2 D3 D4 D5 D6 D7 D8 E9 E10 E22 E23 E24",
    "LZCK22": "T1 T2 T3 T4 T5 T6 T7 T8 L1 L2 S D1 D2 D3 D4 D5 E22 E23 E24 E25 E44 E50 E58 E59 E60 E61",
    "YWL22": "T1 T2 R1 R2 R3 R4 R5 E5 E6 E7 E8",
    "NIU23": "convex helps",
    "HWG25": "order gaussian marginal",
    "SLY15": "T1",
    "QCYX25": "gaussian ends",
    "SSK23": "hellinger",
    "ALPHA25": "upper",
    "WWMZ24": "convex ends binary told",
    "WZ76": "order symmetric",
}
"""Theorems, lemmas, propositions, remarks and definitions of the papers, and the equations that are results."""


@pytest.mark.parametrize("key", catalogue)
def test_statement_holds(key):
    statement = catalogue[key]

    @settings(max_examples=2 if key in SLOW else 6)
    @given(SEEDS)
    def property_of_instances(seed):
        verdict = statement.check(statement.draw(np.random.default_rng(seed)))
        assert verdict.ruling is Ruling.HOLDS, verdict

    property_of_instances()


@pytest.mark.parametrize("key", [key for key, (_, example) in claims().items() if example is not None])
def test_statement_fails_outside_its_conditions(key):
    statement, example = claims()[key]
    for seed in range(1 if example.once else 4):
        verdict = statement.check(example.draw(np.random.default_rng(seed)))
        assert verdict.ruling is Ruling.VIOLATED
        assert refuted(verdict).ruling is Ruling.HOLDS, verdict


def test_every_numbered_statement_has_an_entry_or_a_reason():
    numbered = {f"{paper}.{name}" for paper, names in NUMBERED.items() for name in names.split()}
    assert numbered == {key for key in catalogue if key.split(".")[1] in NUMBERED[key.split(".")[0]].split()} | set(
        UNTESTABLE
    )
    assert not set(UNTESTABLE) & set(catalogue)
    assert set(NUMBERED) == set(PAPERS)
    for extra in set(catalogue) - numbered:  # variants of a numbered statement
        assert extra.rsplit("-", 1)[0] in numbered


def test_every_entry_says_what_it_is():
    for key, statement in catalogue.items():
        assert key == statement.key
        for text in (statement.words, statement.formula, statement.conditions, statement.setting, statement.reference):
            assert text.strip()
        names = [example.name for example in statement.counterexamples]
        assert len(set(names)) == len(names)


def test_the_page_is_current():
    page = Path(__file__).parents[2] / "docs" / "theorems.md"
    assert page.read_text(encoding="utf-8") == markdown(), "rdptheory theorems --markdown > docs/theorems.md"


def test_certified_gaps_are_small_where_the_instances_are():
    for row in verify(["BM19", "ZQCK21"], instances=2):
        assert row.ruling is Ruling.HOLDS
        assert row.gap <= 5e-9, row  # up to four brackets of 1e-9
