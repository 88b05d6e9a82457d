"""Pictures: axes say quantity, measure and unit, no two lines are alike, marks stay inside, nothing is cut."""

import itertools
import math
import sys

import matplotlib as mpl
import numpy as np
import pytest

from rdptheory import (
    Bernoulli,
    Gaussian,
    Hamming,
    InvalidInput,
    Measurement,
    SquaredError,
    TotalVariation,
    Wasserstein2Squared,
    adaptive_grid,
    critical_points,
    curve,
    place,
    plotting,
    rdp,
    surface,
)
from rdptheory.errors import MissingPackage
from rdptheory.placement import Limit, sample_floor
from rdptheory.sweeps import adaptive
from rdptheory.units import Unit
from tests.pictures import faults

COIN = Bernoulli(0.25), Hamming(), TotalVariation()


@pytest.fixture(scope="module")
def grid():
    return surface(*COIN, D=[0.0, 0.1, 0.2], P=[0.0, math.inf])


@pytest.mark.parametrize("unit", [*Unit, "bits", "nats"])
def test_one_labelled_line_for_each_P_in_the_unit_of_the_axis(grid, unit):
    with plotting.style():
        drawn, (axes,) = plotting.figure()
        assert plotting.plot_curves(grid, axes, unit) is axes
    assert [line.get_label() for line in axes.lines] == ["P = 0", "P = ∞"]
    assert axes.get_ylabel() == f"rate R(D, P) ({Unit(unit).value} per symbol)"
    assert axes.get_xlabel() == "distortion D (share of wrong symbols)"
    assert axes.get_title() == "Bernoulli(p=0.25)"
    assert axes.get_legend().get_title().get_text() == "limit on P (total variation)"
    for line, P in zip(axes.lines, (0.0, math.inf), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), Unit(unit).from_nats(grid.rate.sel(P=P).values))
    assert faults(drawn) == []


def test_a_curve_a_notebook_and_a_wrong_unit(grid):
    axes = plotting.plot_curves(curve(Bernoulli(0.25), Hamming(), D=[0.1, 0.2]))
    assert axes.lines[0].get_label() == "P = ∞"
    with pytest.raises(InvalidInput, match="unit"):
        plotting.plot_curves(grid, unit="hartleys")
    mpl.pyplot.close("all")


@pytest.mark.parametrize("count", [2, 6, 9, 30])
def test_no_two_limits_look_alike(count):
    with plotting.style():
        drawn, (axes,) = plotting.figure()
        plotting.plot_curves(surface(*COIN, D=[0.05, 0.1], P=np.linspace(0.0, 0.2, count)), axes)
    looks = {(line.get_color(), line.get_linestyle(), str(line._unscaled_dash_pattern)) for line in axes.lines}
    assert len(looks) == count
    assert [fault for fault in faults(drawn) if count <= 9] == []
    assert (axes.get_legend() is None) == (count > plotting.FEW)  # then a scale names them
    point = place([Measurement(0.5, 0.1, 0.05, "mine")], *COIN)
    told = [text.get_text() for text in plotting.overlay(axes, point).get_legend().get_texts()]
    assert len(told) == 1 + count * (count <= plotting.FEW)


def test_infinite_rates_are_left_out():
    with plotting.style():
        _, (axes,) = plotting.figure()
        plotting.plot_curves(curve(Gaussian(0.0, 1.0), SquaredError(), D=[0.0, 0.5, 1.0]), axes)
    assert axes.lines[0].get_xdata().tolist() == [0.5, 1.0]


def test_lines_of_a_user_get_our_colours_and_dashes():
    with plotting.style():
        _, (axes,) = plotting.figure()
        lines = [axes.plot([0, 1], [0, k])[0] for k in range(5)]
    assert [line.get_color() for line in lines] == list(plotting.COLOURS[:5])
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 5


def test_marks_stay_inside_the_frame():
    question = Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared()
    points = [critical_points(*question, P=P) for P in (0.0, 0.05)]
    assert points[0].active.value == 0.0  # a limit that costs from the first distortion on
    with plotting.style():
        drawn, (axes,) = plotting.figure()
        plotting.plot_curves(surface(*question, D=np.linspace(0.05, 1.7, 9), P=[0.0, 0.05]), axes)
        frame = axes.get_xlim(), axes.get_ylim()
        plotting.mark_critical(axes, points)
    assert (axes.get_xlim(), axes.get_ylim()) == frame
    active, ends = axes.lines[-2:]
    assert active.get_xdata().size == 1
    assert ends.get_xdata().tolist() == [points[1].zero_rate.value]
    assert faults(drawn) == []


def test_measured_points_stand_over_their_bound():
    placed = place([Measurement(0.35, 0.1, 0.02, "a"), Measurement(0.1, 0.1, 0.05, "b")], *COIN)
    with plotting.style():
        drawn, (axes,) = plotting.figure()
        plotting.plot_curves(surface(*COIN, D=[0.1, 0.2], P=[0.02, 0.05]), axes)
        plotting.overlay(axes, placed)
        plotting.draw_limit(axes, sample_floor([0.0, 1.0, 2.0], D=[0.05, 0.2]))
    named = {line.get_label(): line for line in axes.lines}
    assert named["measured"].get_ydata().tolist() == [0.35 / math.log(2)]
    assert named["measured, proved impossible"].get_ydata().tolist() == [0.1 / math.log(2)]
    assert axes.get_ylim()[1] > 0.35 / math.log(2)
    assert any(label.startswith("no codec") for label in named)
    assert faults(drawn) == []


def test_a_channel_is_drawn_as_a_map():
    with plotting.style():
        drawn, (axes,) = plotting.figure()
        solution = rdp(*COIN, D=0.1, P=0.05)
        plotting.plot_channel(solution, axes)
    np.testing.assert_array_equal(axes.images[0].get_array(), solution.candidate.channel)
    assert faults(drawn) == []
    with pytest.raises(InvalidInput, match="channel"):
        plotting.plot_channel(rdp(Gaussian(0, 1), SquaredError(), None, D=0.5, P=math.inf))


@pytest.mark.parametrize("P", [0.0, 0.05, math.inf])
def test_straight_lines_between_adaptive_points_are_the_curve(P):
    D = adaptive_grid(*COIN, D=(0.005, 0.4), P=[P])
    rates = [rdp(*COIN, D=value, P=P).rate for value in D]
    between = np.linspace(0.005, 0.4, 1000)
    exact = np.array([rdp(*COIN, D=value, P=P).rate for value in between])
    away = np.abs(np.interp(between, D, rates) - exact)
    slope = np.abs(np.gradient(exact, between)) * 0.395 / rates[0]
    assert (away / rates[0] / np.sqrt(1.0 + slope**2)).max() <= 1.05 / 400.0  # slopes by differences of 1e-3
    assert len(D) <= 60
    end = critical_points(*COIN, P=P).zero_rate.value
    assert min(abs(value - end) for value in D) <= 1e-12


def test_a_grid_has_so_many_points_and_no_more(monkeypatch):
    monkeypatch.setattr(adaptive, "MOST_POINTS", 9)
    D = adaptive_grid(*COIN, D=(0.005, 0.4), P=[0.05], tolerance=1e-12)
    assert len(D) == 9
    assert {0.005, 0.4} <= {*D}


@pytest.mark.parametrize("wrong", [{"D": (0.3, 0.1)}, {"D": (0.0, math.inf)}, {"D": (0.1, 0.3), "tolerance": 0.0}])
def test_a_grid_needs_an_axis(wrong):
    with pytest.raises(InvalidInput):
        adaptive_grid(*COIN, **wrong)


def test_a_density_has_no_rate_at_zero():
    with pytest.raises(InvalidInput, match="finite rate"):
        adaptive_grid(Gaussian(0, 1), SquaredError(), D=(0.0, 1.0))


@pytest.mark.parametrize("suffix, start", [(".png", b"\x89PNG\r\n\x1a\n"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_files_carry_the_format_of_their_suffix_and_are_the_same_twice(grid, tmp_path, suffix, start):
    contents = []
    for name in ("a", "b"):
        with plotting.style():
            drawn, (axes,) = plotting.figure()
            plotting.plot_curves(grid, axes)
            contents.append(plotting.save(drawn, tmp_path / f"{name}{suffix}").read_bytes())
    assert contents[0].startswith(start)
    assert contents[0] == contents[1]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_the_look_ends_with_the_block():
    before = dict(mpl.rcParams)
    with plotting.style():
        assert dict(mpl.rcParams) != before
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    "planted",
    [
        lambda axes: axes.set_xlabel(""),
        lambda axes: axes.text(1.3, 0.5, "beyond the frame", transform=axes.transAxes),
        lambda axes: [axes.plot([0, 1], [0, k], color=c, ls="-", label=str(k)) for k, c in enumerate(("#500", "#501"))],
        lambda axes: axes.text(0.5, 0.5, "tiny", fontsize=4),
        lambda axes: axes.legend(loc="center"),
        lambda axes: axes.set_xlabel("distortion D"),
        lambda axes: axes.set_ylabel("rate [bit]"),
    ],
    ids=["no name", "cut", "alike in grey", "too small", "legend over the line", "no measure", "no unit in brackets"],
)
def test_a_planted_fault_is_seen(planted):
    with plotting.style():
        drawn, (axes,) = plotting.figure()
        axes.plot([0, 1], [0, 1], label="one")
        axes.set(xlabel="x", ylabel="y")
        assert faults(drawn) == []
        drawn.set_layout_engine("none")
        planted(axes)
        assert faults(drawn)


def test_words_of_the_palette_are_six_or_more():
    assert len(set(plotting.COLOURS)) == len(plotting.COLOURS) >= 6
    assert all(a != b for a, b in itertools.combinations(plotting.DASHES, 2))


def test_many_measured_points_have_no_names_and_estimates_no_shade():
    placed = place([Measurement(0.4 + 0.01 * k, 0.1, 0.05, f"codec {k}") for k in range(13)], *COIN)
    with plotting.style():
        _, (few, many) = plotting.figure(2)
        plotting.overlay(few, placed[:12])
        plotting.overlay(many, placed)
        plotting.draw_limit(many, Limit("estimate", [0.05, 0.2], [0.5, 0.1], math.inf, "a guess of k-means"))
    assert [text.get_text() for text in few.texts] == [f"codec {k}" for k in range(12)]
    assert len(many.texts) == 0
    guess = {line.get_label(): line for line in many.lines}["a guess of k-means"]
    assert guess.get_linestyle() == "--"
    assert guess.get_ydata()[0] == 0.5 / math.log(2)
    assert not many.collections[1:]  # but for the lines from the points to their bounds
    plotting.mark_critical(few, [])
    assert len(few.get_legend().get_texts()) == 1
    mute = plotting.figure()[1][0]
    plotting.mark_critical(mute, [])
    assert mute.get_legend() is None


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda line: plotting.figure(10, width=40.0), "width = 40.0: must give a figure of at most 300 inches a side"),
        (lambda line: plotting.looks(-1), "count = -1: must be from 0 to 10000"),
        (lambda line: plotting.save(plotting.figure()[0], "a.doc"), "must end in the name of a picture's format"),
        (lambda line: plotting.plot_curves(place), "dataset = "),
        (lambda line: plotting.plot_curves(line.drop_vars("lower")), "must be what curve or surface returned"),
        (lambda line: plotting.plot_curves(line, ax="here"), "ax = here: must be a matplotlib Axes"),
        (lambda line: plotting.plot_curves(line, ax=mpl.axes.Axes), "not a class"),
        (lambda line: Limit("guess", [0.1], [0.5], math.inf, ""), "kind = guess: must be one of lower, exists, est"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(grid, call, words):
    with pytest.raises(InvalidInput, match=words):
        call(grid)


def test_names_of_crowded_points_stay_apart():
    coin = Bernoulli(0.25), Hamming(), TotalVariation()
    places = [(0.1, 0.5), (0.13, 0.5), (0.1, 0.44), (0.14, 0.44), (0.1, 0.2)]
    placed = place([Measurement(rate, D, 0.05, f"codec {k}") for k, (D, rate) in enumerate(places)], *coin)
    with plotting.style():
        drawn, (axes,) = plotting.figure()
        plotting.plot_curves(curve(*coin, D=np.linspace(0.01, 0.3, 9), P=0.05), axes)
        plotting.overlay(axes, placed)
        drawn.canvas.draw()
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == len(places)
        for one, other in itertools.combinations(boxes, 2):
            met = one.intersection(one, other)
            assert met is None or met.width * met.height <= 0.05 * one.width * one.height  # the rims of letters
        for x, y in axes.transData.transform([(D, rate / math.log(2)) for D, rate in places]):
            assert not any(box.contains(x, y) for box in boxes)


def test_without_matplotlib_even_the_style_says_so(monkeypatch):
    for name in ("matplotlib", "cycler"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackage, match=r"rdptheory\[plot\]"), plotting.style():
        pass


def test_a_picture_of_one_line_keeps_the_rules():
    """As in the README: nobody asked for a look, and each step of the overlay meets the picture of the one before."""
    placed = place([Measurement(0.5, 0.1, 0.02, "mine"), Measurement(0.2, 0.1, 0.02, "typo")], *COIN)
    rows = surface(*COIN, D=np.linspace(0.02, 0.3, 5), P=[0.0, 0.05, 0.1])
    curves, plane = plotting.plot_curves(rows), plotting.plot_surface(rows, title="(b)")
    pictures = [curves, plane, plotting.plot_channel(rdp(*COIN, D=0.1, P=0.02))]
    assert [faults(axes.figure) for axes in pictures] == [[], [], []]
    assert (curves.get_title(), plane.get_title()) == ("Bernoulli(p=0.25)", "(b)")
    assert curves.title.get_fontsize() == plotting.STYLE["axes.titlesize"]
    plotting.overlay(curves, placed)
    plotting.mark_critical(curves, [critical_points(*COIN, P=0.05)])
    plotting.draw_limit(curves, Limit("estimate", [0.05, 0.2], [0.5, 0.1], math.inf, "a guess"))
    assert faults(curves.figure) == []
    assert curves.get_legend().get_texts()[0].get_fontsize() == plotting.STYLE["legend.fontsize"]
    mpl.pyplot.close("all")


def test_axes_of_a_user_keep_their_look(grid):
    with mpl.rc_context({"legend.fontsize": 11.0, "axes.titlesize": 13.0}):
        axes = plotting.plot_curves(grid, plotting.figure()[1][0])
        assert axes.get_legend().get_texts()[0].get_fontsize() == 11.0
        assert axes.title.get_fontsize() == 13.0


def test_a_pdf_holds_fonts_that_journals_take(grid, tmp_path):
    axes = plotting.plot_curves(grid)
    assert b"/Type3" not in plotting.save(axes.figure, tmp_path / "a.pdf").read_bytes()
    axes.figure.savefig(tmp_path / "b.pdf")  # what matplotlib does unasked
    assert b"/Type3" in (tmp_path / "b.pdf").read_bytes()
    mpl.pyplot.close("all")


def test_the_name_of_a_point_leaves_the_curves_alone():
    placed = place([Measurement(0.2, 0.1, 0.05, "typo")], *COIN)
    axes = plotting.plot_curves(curve(*COIN, D=np.linspace(0.02, 0.3, 20), P=0.05))
    plotting.overlay(axes, placed)
    axes.figure.canvas.draw()
    box = axes.texts[0].get_window_extent()
    places = axes.transData.transform(axes.lines[0].get_xydata())
    assert not any(box.contains(x, y) for x, y in places)
    mpl.pyplot.close("all")


def test_labels_of_contours_stay_inside():
    rows = surface(*COIN, D=np.linspace(0.08, 0.3, 9), P=[0.0, 0.05, 0.1])  # half a bit is left of a tenth of the frame
    axes = plotting.plot_surface(rows)
    axes.figure.canvas.draw()
    frame = axes.get_window_extent()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert boxes
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    mpl.pyplot.close("all")
