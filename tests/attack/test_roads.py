"""A share of the questions that `python -m tests.attack.roads` asks by every road; and a planted end is found out."""

from tests.attack import roads


def test_brackets_of_different_roads_overlap():
    counted = roads.count(range(9000, 9020))
    assert counted.excluded == []
    assert counted.questions == 20
    assert counted.pairs > 500
    asked = {"interior point", "first order, plain", "conic", "closed form", "a product less a part"}
    assert asked | {"somebody's own divergence"} <= set(counted.widths)


def test_a_divergence_of_ones_own_that_is_another_is_found_out(monkeypatch):
    value, support = roads.Own.value, roads.Own.support
    monkeypatch.setattr(roads.Own, "value", lambda self, p, r: 2.0 * value(self, p, r))
    monkeypatch.setattr(roads.Own, "support", lambda self, v, p, P: support(self, v, p, 0.5 * P))
    assert any("somebody's own" in pair for pair in roads.count(range(9000, 9010)).excluded)


def test_a_planted_end_is_found_out(monkeypatch):
    def planted(problem, rng):
        found = [*roads._methods(problem)]
        return [*found, ("planted", found[0][2] + 1e-12, found[0][2] + 1.0)]

    monkeypatch.setattr(roads, "roads", planted)
    counted = roads.count(range(9000, 9003))
    assert len(counted.excluded) >= 3
    assert "planted" in counted.excluded[0]
    assert "3 questions" in str(counted)


def test_two_limits_of_which_one_has_room_and_one_has_none():
    """A share of a copy is what the tight limit asks for, whatever the room of the other."""
    assert roads.count([20114]).excluded == []
