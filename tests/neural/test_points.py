"""The shipped points of trained codecs have the form that the command writes, and say which one."""

import json
from importlib import resources

import pytest
from typer.testing import CliRunner

from neural.cli import app
from neural.points import COUNT, SHAPES, STEPS, measured_points

SHIPPED = json.loads(resources.files("rdptheory.report").joinpath("codecs.json").read_text())


def form(value):
    """Kinds of what an object of JSON holds; of a list those of its entries, whatever its length."""
    if isinstance(value, dict):
        return {name: form(part) for name, part in value.items()}
    return [form(value[0])] if isinstance(value, list) else type(value).__name__


@pytest.fixture(scope="module")
def small():
    return measured_points(seed=3, steps=2, count=24, shapes=SHAPES[1:3])


def test_the_shipped_file_is_what_the_command_writes(small):
    assert form(small) == form(SHIPPED)
    assert SHIPPED["command"] == f"python -m neural points --seed {SHIPPED['seed']} --steps {STEPS}"
    assert (SHIPPED["count"], SHIPPED["steps"]) == (COUNT, STEPS)
    assert [(one["latent"], one["levels"]) for one in SHIPPED["codecs"]] == list(SHAPES)
    assert all(len(one["codes"]) == COUNT for one in SHIPPED["codecs"])


def test_the_same_seed_measures_the_same_points(small):
    again = measured_points(seed=3, steps=2, count=24, shapes=SHAPES[1:2])
    assert again["codecs"] == small["codecs"][:1]
    assert again["floor"] == small["floor"]


def test_the_command_prints_one_object(monkeypatch, small):
    asked = []
    monkeypatch.setattr("neural.cli.measured_points", lambda **given: asked.append(given) or small)
    ran = CliRunner().invoke(app, ["points", "--seed", "3", "--steps", "2"])
    assert json.loads(ran.stdout) == small
    assert asked == [{"seed": 3, "steps": 2}]
