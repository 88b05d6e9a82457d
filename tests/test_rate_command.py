"""The commands of one question against the verbs they stand for, the tables they read, and how they refuse."""

from __future__ import annotations

import csv
import json
from itertools import pairwise
from math import inf, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rdptheory as rd
from rdptheory.cli import main
from rdptheory.sources.histogram import read_table
from rdptheory.words import as_relevance
from tests.pairs import JOINT, LAW

CLASSES = [[0.95, 0.05], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]]
COSTS = [[0.0, 1.0, inf, 4.0], [1.0, 0.0, 1.0, 4.0], [4.0, 1.0, 0.0, 1.0], [inf, 4.0, 1.0, 0.0]]
SOURCE, SQUARED, TV = LAW, rd.SquaredError(), rd.TotalVariation()
NORMAL = rd.Gaussian(0.0, 1.0)
PLAIN = (SOURCE, SQUARED)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    SOURCE.to_csv("law.csv")
    for name, table in {"joint": JOINT.tolist(), "classes": CLASSES, "costs": COSTS}.items():
        Path(f"{name}.csv").write_text("".join(",".join(map(repr, row)) + "\n" for row in table))
    np.save("joint.npy", JOINT)
    Path("normal.csv").write_text("1;0,8\n0,8;1\n")
    Path("ragged.csv").write_text("0.2,0.05\n0.15\n")
    Path("words.csv").write_text("a,b\n0.2,x\n")
    Path("empty.csv").write_text("a,b\n")
    Path("wrong.npy").write_bytes(b"\x93NUMPY no header")
    np.save("cube.npy", np.zeros((4, 2, 2)))
    np.save("objects.npy", np.array([{}, None], dtype=object))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


FOUR = ["--source", "pmf:law.csv", "--distortion", "squared"]
BELL = ["--source", "gaussian:0,1", "--distortion", "squared"]
BLOCKS = ["--sense", "block", "--common-randomness", "1"]
BALL = ["--perception", "tv", "-P", "0.02"]
HELPED = {"D": 0.3, "P": 0.02, "side_information": JOINT}
TABLE = rd.Table(COSTS)
ASKED: dict[str, tuple[list[str], Any]] = {
    "output realism": (
        ["rate", *FOUR, *BALL, "-D", "0.3", "--side-information", "joint.csv"],
        lambda: rd.rdp(SOURCE, SQUARED, TV, **HELPED),
    ),
    "joint realism": (
        ["rate", *FOUR, *BALL, "-D", "0.3", "--side-information", "joint.npy", "--realism", "joint"],
        lambda: rd.rdp(SOURCE, SQUARED, TV, **HELPED, realism="joint"),
    ),
    "a Gaussian beside another": (
        ["rate", *BELL, "-D", "0.1", "--side-information", "normal.csv"],
        lambda: rd.rate_distortion(
            NORMAL, SQUARED, D=0.1, side_information=rd.GaussianVector([0.0, 0.0], [[1.0, 0.8], [0.8, 1.0]])
        ),
    ),
    "blocks, one bit shared": (
        ["rate", *BELL, "--perception", "w2", "-D", "0.4", "-P", "0.05", *BLOCKS],
        lambda: rd.rdp(
            NORMAL, SQUARED, rd.Wasserstein2Squared(), D=0.4, P=0.05, sense="block", common_randomness=log(2.0)
        ),
    ),
    "an order of Rényi": (
        ["rate", *FOUR, "--perception", "renyi:0.5", "-D", "0.3", "-P", "0.02"],
        lambda: rd.rdp(SOURCE, SQUARED, rd.Renyi(0.5), D=0.3, P=0.02),
    ),
    "two distortions": (
        ["rate", *FOUR[:2], "--distortion", "squared,table:costs.csv", "-D", "0.3,0.25", *BALL],
        lambda: rd.rdp(SOURCE, [SQUARED, TABLE], TV, D=[0.3, 0.25], P=0.02),
    ),
    "the bottleneck, half a bit open": (
        ["bottleneck", *FOUR[:2], "--relevance", "classes.csv", "-C", "0.75"],
        lambda: rd.bottleneck(SOURCE, CLASSES, C=0.75 * log(2.0)),
    ),
    "classes and a picture, in nats": (
        ["relevant_rate", *FOUR, *BALL, "--relevance", "classes.csv", "-C", "0.5", "-D", "0.4", "--unit", "nats"],
        lambda: rd.relevant_rate(SOURCE, CLASSES, SQUARED, TV, C=0.5, D=0.4, P=0.02),
    ),
    "a decoder that sees more": (
        ["side-information-rate", *FOUR, "--relevance", "classes.csv", "-D", "0.4"],
        lambda: rd.side_information_rate(SOURCE, CLASSES, SQUARED, D=0.4),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("arguments, ask", ASKED.values(), ids=ASKED)
def test_a_command_says_what_its_verb_says(capsys: pytest.CaptureFixture[str], arguments: list[str], ask: Any) -> None:
    answer = ask()
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told == json.loads(json.dumps(answer.to_dict() | {"source": arguments[2]}))
    assert told["status"] == "optimal"
    code, out, _ = run(capsys, *arguments)
    unit = "nats" if "nats" in arguments else "bits"
    assert code == 0
    assert f"{rd.units.Unit(unit).from_nats(answer.rate):.10f} {unit}" in out
    assert ("dR/dC = " in out) == (arguments[0] in ("bottleneck", "relevant_rate"))


@pytest.mark.usefixtures("files")
def test_a_slope_is_a_point_of_the_curve(capsys: pytest.CaptureFixture[str]) -> None:
    coin = ["--source", "bernoulli:0.5", "--distortion", "hamming"]
    code, out, _ = run(capsys, "rate", *coin, "--slope", "2", "--json")  # bits: h'(D) = log2((1 - D)/D) = 2 at D = 1/5
    told = json.loads(out)
    assert (code, told["slope_D_nat"]) == (0, -2.0 * log(2.0))
    assert told["D_lower"] <= 0.2 <= told["D_upper"] <= 0.2 + 1e-9  # a closed form, whose slope is known to 1e-13
    assert told["lower_nat"] <= log(2.0) - (-0.2 * log(0.2) - 0.8 * log(0.8)) <= told["upper_nat"]
    code, out, _ = run(capsys, "rate", *coin, "--slope", "2")
    assert code == 0
    assert "dR/dD = -2 bits per unit" in out
    code, again, _ = run(capsys, "rate", *coin, "-D", "0.2")
    assert "dR/dD = -2," in again  # what `rate` prints is what `--slope` takes
    assert code == 0


COIN = ["--source", "bernoulli:0.25", "--distortion", "hamming", "--perception", "tv"]
FAIR = (rd.Bernoulli(0.25), rd.Hamming(), TV)
LOCATED: dict[str, tuple[list[str], str, Any]] = {
    "D of a coin": (
        ["distortion-at", *COIN, "-R", "0.1443", "-P", "0.05"],
        "D",
        lambda: rd.distortion_at(*FAIR, R=0.1443 * log(2.0), P=0.05),
    ),
    "D as Python spells it, in nats": (
        ["distortion_at", *COIN, "-R", "0.1", "-P", "0.05", "--unit", "nats"],
        "D",
        lambda: rd.distortion_at(*FAIR, R=0.1, P=0.05),
    ),
    "the least D": (["distortion-at", *FOUR, "-R", "inf"], "D", lambda: rd.distortion_at(*PLAIN, None, R=inf, P=inf)),
    "D beside Z": (
        ["distortion-at", *FOUR, *BALL, "-R", "0.5", "--side-information", "joint.csv", "--realism", "joint"],
        "D",
        lambda: rd.distortion_at(
            *PLAIN, TV, R=0.5 * log(2.0), P=0.02, side_information=JOINT, realism="joint"
        ),
    ),
    "D of blocks": (
        ["distortion-at", *BELL, "--perception", "w2", "-R", "1", "-P", "0.05", *BLOCKS],
        "D",
        lambda: rd.distortion_at(
            NORMAL, SQUARED, rd.Wasserstein2Squared(), R=log(2.0), P=0.05, sense="block", common_randomness=log(2.0)
        ),
    ),
    "P of a coin": (
        ["perception-at", *COIN, "-R", "0.1", "-D", "0.1855454342", "--unit", "nats"],
        "P",
        lambda: rd.perception_at(*FAIR, R=0.1, D=0.1855454342),
    ),
    "P beside Z": (
        ["perception-at", *FOUR, *BALL[:2], "-R", "0.5", "-D", "0.4", "--side-information", "joint.npy"],
        "P",
        lambda: rd.perception_at(*PLAIN, TV, R=0.5 * log(2.0), D=0.4, side_information=JOINT),
    ),
    "no P at all": (
        ["perception-at", *COIN, "-R", "0.01", "-D", "0.01"],
        "P",
        lambda: rd.perception_at(*FAIR, R=0.01 * log(2.0), D=0.01),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("arguments, name, ask", LOCATED.values(), ids=LOCATED)
def test_an_inverse_says_what_its_verb_says(
    capsys: pytest.CaptureFixture[str], arguments: list[str], name: str, ask: Any
) -> None:
    found = ask()
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    finite = found.value < inf
    assert told[name] == told[f"{name}_upper"] == (found.bounds.upper if finite else None)
    assert told[f"{name}_lower"] == (found.bounds.lower if finite else None)
    assert (told["status"], told["steps"], told["message"]) == (found.status.value, found.steps, found.message)
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert out.startswith(f"{name}        {found.value:.10g}\nbracket  [")
    assert out.endswith(f"steps    {found.steps}\nstatus   {found.status.value}: {found.message}\n")


@pytest.mark.usefixtures("files")
def test_curves_and_surfaces_beside_side_information(capsys: pytest.CaptureFixture[str]) -> None:
    seen = ["--side-information", "joint.csv", "--realism", "joint"]
    grid = [*FOUR, "--perception", "tv", "-D", "0.2,0.4", "-P", "0.02,inf", *seen]
    assert run(capsys, "curve", *grid, "--out", "c.csv", "--plot", "c.png")[0] == 0
    assert run(capsys, "surface", *grid, "--out", "s.csv", "--workers", "1")[0] == 0
    right = rd.surface(SOURCE, SQUARED, TV, D=[0.2, 0.4], P=[0.02, inf], side_information=JOINT, realism="joint")
    for name in ("c.csv", "s.csv"):
        with open(name, newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == 4
        for row in rows:
            point = right.sel(D=float(row["D"]), P=float(row["P"]))
            assert (float(row["lower_nat"]), float(row["upper_nat"])) == (float(point.lower), float(point.upper))
    alone = rd.rdp(SOURCE, SQUARED, TV, D=0.2, P=0.02).bounds.lower
    assert float(rows[0]["upper_nat"]) < alone  # what both ends see saves rate
    assert Path("c.png").read_bytes().startswith(b"\x89PNG")


def test_a_grid_beside_side_information_draws_the_curve() -> None:
    """Straight lines between its points are within its tolerance of the rate in the middle."""
    seen = {"side_information": JOINT, "realism": "joint"}
    D = rd.adaptive_grid(*PLAIN, TV, D=(0.1, 2.0), P=[inf], tolerance=0.02, **seen)
    middles = [0.5 * (a + b) for a, b in pairwise(D)]
    ends, inside = (rd.curve(*PLAIN, TV, D=grid, P=inf, **seen).rate.values for grid in (D, middles))
    assert len(D) > 4
    assert (0.5 * (ends[1:] + ends[:-1]) - inside <= 0.02 * np.hypot(1.9, ends[0] - ends[-1])).all()
    end = rd.distortion_at(*PLAIN, None, R=0.0, P=inf, **seen).value
    assert end in D  # the best guess from Z alone, a corner
    assert end < rd.distortion_at(*PLAIN, None, R=0.0, P=inf).value


def test_what_tables_look_like(files: Path) -> None:
    table = np.array([[0.5, -0.25], [inf, 3.0]])
    for text in (
        "0.5,-0.25\ninf,3\n",
        "a,b\n0.5,-0.25\n\ninf,3\n",
        "\ufeff0,5;-0,25\ninf;3\n",
        ",b\n0.5\t-0.25\ninf\t3\n",
    ):
        path = files / "table.csv"
        path.write_text(text.replace(",b", "\tb") if "\t" in text else text, encoding="utf-8")
        np.testing.assert_array_equal(read_table(path), table)
    np.save(files / "table.npy", np.asfortranarray(table.astype(np.float32)))
    np.testing.assert_array_equal(read_table(files / "table.npy"), table)
    np.save(files / "labels.npy", np.array([7, 3, 7]))
    np.testing.assert_array_equal(as_relevance(files / "labels.npy"), [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    (files / "labels.csv").write_text("class\n2\n0\n1\n")
    np.testing.assert_array_equal(as_relevance(files / "labels.csv"), np.eye(3)[[2, 0, 1]])


HELP = [*FOUR, "-D", "0.3", "--side-information"]
CLASS = ["bottleneck", *FOUR[:2], "-C", "0.5", "--relevance"]
BAD: dict[str, tuple[list[str], str]] = {
    "no such table": (["rate", *HELP, "nothing.csv"], "cannot be read"),
    "a ragged table": (["rate", *HELP, "ragged.csv"], "line 2 must hold 2 numbers"),
    "words in a table": (["rate", *HELP, "words.csv"], "line 2 must hold 2 numbers"),
    "names alone": (["rate", *HELP, "empty.csv"], "one row of numbers a line"),
    "no NumPy file": (["rate", *HELP, "wrong.npy"], "NumPy file of a table"),
    "three axes": (["rate", *HELP, "cube.npy"], "NumPy file of a table"),
    "objects": (["rate", *HELP, "objects.npy"], "NumPy file of a table"),
    "p(z|x) for p(x, z)": (["rate", *HELP, "classes.csv"], "as those of p(z|x) do"),
    "realism beside nothing": (["rate", *FOUR, "-D", "0.3", "--realism", "joint"], "needs --side-information"),
    "an unknown realism": (["rate", *HELP, "joint.csv", "--realism", "both"], "output or joint"),
    "an unknown sense": (["rate", *FOUR, "-D", "0.3", "--sense", "letter"], "block"),
    "randomness for one letter": (["rate", *FOUR, "-D", "0.3", "--common-randomness", "1"], "has no effect"),
    "neither D nor a slope": (["rate", *FOUR], "must be given, or --slope"),
    "D and a slope": (["rate", *FOUR, "-D", "1", "--slope", "1"], "in place of -D"),
    "a slope for blocks": (["rate", *FOUR, "--slope", "1", "--sense", "block"], "in place of -D"),
    "a slope of 0": (["rate", *FOUR, "--slope", "0"], "--slope = 0: must be finite and above 0"),
    "a limit too few": (["rate", *FOUR[:2], "--distortion", "squared,hamming", "-D", "0.3"], "2 limits"),
    "a limit too many": (["rate", *FOUR, "-D", "0.3,0.4"], "1 limit,"),
    "several distortions beside Z": (
        ["rate", *FOUR[:2], "--distortion", "squared,hamming", "-D", "1,1", "--side-information", "joint.csv"],
        "one distortion",
    ),
    "a table of another size": (["rate", *FOUR[:2], "--distortion", "table:joint.csv", "-D", "1", *BALL], "reference"),
    "a distortion of no file": (["rate", *FOUR[:2], "--distortion", "table:", "-D", "1"], "cannot be read"),
    "classes of no law": ([*CLASS, "joint.csv"], "sum to 1"),
    "classes of a density": (["bottleneck", "--source", "laplace:0,1", *CLASS[3:], "classes.csv"], "--levels makes"),
    "a Wyner-Ziv density": (
        ["side-information-rate", *BELL, "-D", "0.1", "--relevance", "classes.csv"],
        "--levels makes",
    ),
    "no covariance": (["rate", *BELL, "-D", "0.1", "--side-information", "joint.csv"], "covariance"),
    "another variance": (
        ["rate", "--source", "gaussian:0,2", *BELL[2:], "-D", "0.1", "--side-information", "normal.csv"],
        "variance",
    ),
    "no divergence to locate": (["perception-at", *FOUR, "--perception", "none", "-R", "1", "-D", "1"], "divergence"),
    "R below 0": (["distortion-at", *FOUR, "-R", "-1"], "R = -1"),
    "corners beside Z": (
        ["curve", *FOUR, "-D", "0.3", "--out", "c.csv", "--critical", "--side-information", "joint.csv"],
        "without side information",
    ),
    "an output that is read beside the source": (
        ["curve", *HELP, "joint.csv", "--out", "joint.csv"],
        "would replace what is read",
    ),
    "realism of curves beside nothing": (
        ["curve", *FOUR, "-D", "0.3", "--out", "c.csv", "--realism", "joint"],
        "needs",
    ),
    "slopes twice": (["slope-curve", *FOUR, "--slope", "1,1", "--out", "s.csv"], "--slope = 1,1: must be a list"),
    "slopes below 0": (["slope-curve", *FOUR, "--slope", "1,-1", "--out", "s.csv"], "--slope = 1,-1: must be finite"),
    "slopes to a file of no kind": (["slope-curve", *FOUR, "--slope", "1", "--out", "s.txt"], "must end in .nc or"),
    "C below 0": ([*CLASS[:3], "-C", "-1", "--relevance", "classes.csv"], "C = -1"),
    "a measure without P beside classes": (
        ["relevant-rate", *CLASS[1:], "classes.csv", *FOUR[2:], "--perception", "tv", "-D", "1"],
        "-P: must be given",
    ),
    "a distortion without D beside classes": (["relevant-rate", *CLASS[1:], "classes.csv", *FOUR[2:]], "'-D'"),
    "D of what nobody shows": (["relevant-rate", *CLASS[1:], "classes.csv", "-D", "1"], "distortion"),
}


@pytest.mark.parametrize("arguments, words", BAD.values(), ids=BAD)
def test_bad_input_is_one_sentence(
    capsys: pytest.CaptureFixture[str], files: Path, arguments: list[str], words: str
) -> None:
    before = sorted(files.iterdir())
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    last = err.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert words in last
    assert sorted(files.iterdir()) == before


@pytest.mark.usefixtures("files")
def test_a_table_that_is_read_is_not_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("costs.csv").read_bytes()
    question = [*FOUR[:2], "--distortion", "table:costs.csv", "-D", "0.1", "--out", "costs.csv"]
    code, _, err = run(capsys, "curve", *question)
    assert (code, "would replace what is read" in err) == (2, True)
    assert Path("costs.csv").read_bytes() == before
