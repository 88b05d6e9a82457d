"""`rdptheory verify` and `rdptheory theorems`."""

import json

import pytest

from rdptheory.cli import main
from rdptheory.theorems import Verdict, claims
from rdptheory.theorems.page import markdown


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code


def test_json_is_one_list_on_standard_output(capsys):
    assert run("verify", "BM19.T2", "YWL22.E5", "--json", "--instances", "2") == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert [row["key"] for row in rows] == ["BM19.T2", "BM19.T2.fourth-power", "YWL22.E5"]
    assert [row["instances"] for row in rows] == [2, 1, 2]
    assert all(row["verdict"] == "HOLDS" and row["seed"] == 0 and row["margin"] >= -1e-8 for row in rows)
    assert "YWL22.E5" in captured.err


def test_table(capsys):
    assert run("verify", "YWL22.E5", "--instances", "2", "--seed", "5") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["statement", "tried", "margin", "gap", "verdict", "unit"]
    assert out[1].split()[0] == "YWL22.E5"
    assert out[-1] == "1 of 1 hold; seed 5"


@pytest.mark.parametrize("verdict", [Verdict(-1.0), Verdict(0.0, 1.0)])
def test_a_statement_that_does_not_hold_ends_with_one(monkeypatch, capsys, verdict):
    statement = claims()["YWL22.E5"][0]
    monkeypatch.setitem(vars(statement), "check", lambda _: verdict)
    assert run("verify", "YWL22.E5", "--json") == 1
    assert json.loads(capsys.readouterr().out)[0]["verdict"] == verdict.ruling.value


@pytest.mark.parametrize("arguments", [("XX",), ("BM19.T2", "XX"), ("--instances", "0"), ("--seed", "x")])
def test_bad_requests_end_with_two(capsys, arguments):
    assert run("verify", *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("Error: ")


def test_list_and_page(capsys):
    assert run("theorems") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(claims())
    assert run("theorems", "--markdown") == 0
    assert capsys.readouterr().out == markdown()
