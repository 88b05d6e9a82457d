"""What a notebook person reaches for: short tables, plain values, pictures and samples of a solution."""

import json
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

import rdptheory
from rdptheory import (
    Bernoulli,
    Gaussian,
    GaussianVector,
    Hamming,
    InvalidInput,
    Laplace,
    Measurement,
    Pmf,
    SquaredError,
    Table,
    TotalVariation,
    Wasserstein2Squared,
    constrained_transport,
    distortion_at,
    place,
    rate_at_slope,
    rdp,
    universal_rate,
)
from rdptheory.theorems import catalogue, verify

COIN = Bernoulli(0.25), Hamming(), TotalVariation()
MANY = 20_000
FIVE_SIGMA = 5.0  # of a mean of MANY draws: fails once in 1.7 million seeds, and the seed is fixed


@pytest.fixture(scope="module")
def solution():
    return rdp(*COIN, D=0.1, P=0.05)


def test_answers_are_small_tables(solution):
    shown = [
        solution,
        constrained_transport(Bernoulli(0.5), Bernoulli(0.25), Hamming(), R=0.1, common_randomness=False),
        next(iter(verify(["BM19.T2"], instances=1))),
        place([Measurement(0.4, 0.1, 0.05, "<mine>")], *COIN)[0],
        catalogue,
        distortion_at(*COIN, R=0.2, P=0.05),
        rate_at_slope(Bernoulli(0.5), Hamming(), None, s=1.0, P=math.inf),
    ]
    for one in shown:
        html = one._repr_html_()
        assert html.startswith("<table>")
        assert html.count("<tr>") == html.count("</tr>") >= 1
    assert "0.3434736448" in shown[0]._repr_html_()
    assert "&lt;mine&gt;" in shown[3]._repr_html_()
    assert len(repr(catalogue)) < 200


def test_a_limit_and_a_slope_are_printed_like_other_answers():
    located, point = distortion_at(*COIN, R=0.2, P=0.05), rate_at_slope(*COIN, s=1.0, P=0.05)
    assert [line.split()[0] for line in str(located).splitlines()] == ["value", "bracket", "steps", "status"]
    assert f"{located.bounds:.12g}, gap " in str(located)
    assert [line.split()[0] for line in str(point).splitlines()] == ["slope", "D", "rate", "status"]
    assert "dR/dD = -1 nat per unit" in str(point)
    assert located.require(gap=1e-9) is located


def test_an_idle_limit_has_the_slope_0():
    idle = rdp(GaussianVector([0.0, 0.0], [1.0, 2.0]), SquaredError(), Wasserstein2Squared(), D=0.5, P=math.inf)
    assert "dR/dP = 0 nat" in str(idle)


def test_a_prompt_shows_no_arrays(solution):
    """At `>>>` the answer is a line of what was asked and found, without its channel or its plan."""
    transport = constrained_transport(Bernoulli(0.5), Bernoulli(0.25), Hamming(), R=0.1, common_randomness=True)
    for shown in (repr(solution), repr(transport)):
        assert "array" not in shown
        assert "bounds=" in shown


def test_plain_values(solution):
    found = json.loads(json.dumps(solution.to_dict(), allow_nan=False))
    assert found["rate_nat"] == solution.rate
    assert (found["D"], found["P"], found["status"]) == (0.1, 0.05, "optimal")
    none = rdp(Pmf([0.5, 0.5]), Table([[1, 2]] * 2), None, D=0.5, P=math.inf).to_dict()
    assert none["rate_nat"] is none["P"] is none["slope_D_nat"] is None
    json.dumps(none, allow_nan=False)


def test_every_answer_has_plain_values():
    """What Python hands over is what `--json` prints: numbers as they are, None for inf, no letters to be parsed."""
    transport = constrained_transport(Bernoulli(0.5), Bernoulli(0.25), Hamming(), R=0.1, common_randomness=True)
    located = distortion_at(*COIN, R=0.2, P=0.05)
    point = rate_at_slope(Bernoulli(0.5), Hamming(), None, s=1.0, P=math.inf)
    [placed] = place([Measurement(0.1, 0.1, name="mine")], *COIN)
    together = universal_rate(*COIN, [(0.3, 0.0), (0.2, math.inf)])
    seen = rdp(*COIN, D=0.1, P=0.05, side_information=[[0.7, 0.05], [0.05, 0.2]], realism="joint")
    read = [json.loads(json.dumps(one.to_dict(), allow_nan=False)) for one in (transport, located, point, placed)]
    assert [read[0][name] for name in ("R_nat", "lower", "upper", "common_randomness_nat")] == [
        0.1, transport.bounds.lower, transport.bounds.upper, None,
    ]  # fmt: skip
    assert (read[1]["value"], read[1]["status"]) == (located.value, "optimal")
    assert (read[2]["D_lower"], read[2]["upper_nat"], read[2]["straight"]) == (point.D.lower, point.rate.upper, False)
    assert (read[3]["name"], read[3]["P"], read[3]["below"]) == ("mine", None, True)
    assert read[3]["excess_rate_upper_nat"] == placed.excess_rate.upper
    assert together.to_dict()["points"] == [[0.3, 0.0], [0.2, None]]
    assert seen.to_dict()["realism"] == "joint"


def test_samples_have_the_law_of_the_channel(solution):
    rng = np.random.default_rng(0)
    for symbol in (0, 1):
        drawn = solution.sample(np.full(MANY, symbol), rng)
        chance = solution.candidate.channel[symbol, 1]
        assert abs(drawn.mean() - chance) <= FIVE_SIGMA * math.sqrt(chance * (1 - chance) / MANY)


def test_samples_of_a_gaussian_keep_its_distortion():
    answer = rdp(Gaussian(1.0, 4.0), SquaredError(), Wasserstein2Squared(), D=1.0, P=0.0)
    rng = np.random.default_rng(1)
    x = 1.0 + 2.0 * rng.standard_normal(MANY)
    y = answer.sample(x, rng)
    assert abs(((x - y) ** 2).mean() - 1.0) <= FIVE_SIGMA * math.sqrt(2.0 / MANY)  # of a squared normal of variance 1
    assert abs(y.var() - 4.0) <= FIVE_SIGMA * 4.0 * math.sqrt(2.0 / MANY)


def test_points_in_the_plane_a_density_and_a_table_of_its_own():
    plane = Pmf([0.5, 0.25, 0.25], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    drawn = rdp(plane, SquaredError(), None, D=0.2, P=math.inf).sample(plane.points[[2, 0]], np.random.default_rng(0))
    assert drawn.shape == (2, 2)
    assert {tuple(row) for row in drawn} <= {tuple(row) for row in plane.points}
    laplace = rdp(Laplace(0, 1), SquaredError(), None, D=0.5, P=math.inf)
    assert laplace.sample([0.0, 3.0], np.random.default_rng(0)).shape == (2,)
    wide = rdp(Pmf([0.5, 0.5]), Table([[0.0, 1.0, 0.4], [1.0, 0.0, 0.4]]), None, D=0.2, P=math.inf)
    assert set(wide.sample([0, 1, 0, 1], np.random.default_rng(0))) <= {0.0, 1.0, 2.0}


def test_what_cannot_be_drawn_is_refused(solution):
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInput, match="symbol of the source"):
        solution.sample([0, 0.5], rng)
    with pytest.raises(InvalidInput, match="shape"):
        solution.sample([[0, 1]], rng)
    none = rdp(Pmf([0.5, 0.5]), Table([[1, 2]] * 2), None, D=0.5, P=math.inf)
    with pytest.raises(InvalidInput, match="no channel"):
        none.sample([0], rng)
    vector = rdp(GaussianVector([0.0, 0.0], [1.0, 2.0]), SquaredError(), None, D=1.0, P=math.inf)
    with pytest.raises(InvalidInput, match="GaussianVector: has no channel on a finite alphabet"):
        vector.sample([[0.0, 0.0]], rng)


def test_the_picture(solution):
    axes = solution.plot()
    np.testing.assert_array_equal(axes.images[0].get_array(), solution.candidate.channel)
    plt.close(axes.figure)


def test_names_that_a_user_looks_for_are_at_the_front():
    wanted = {
        "place",
        "read_measurements",
        "Measurement",
        "plot_curves",
        "overlay",
        "adaptive_grid",
        "units",
        "surface",
    }
    assert wanted <= set(rdptheory.__all__)
