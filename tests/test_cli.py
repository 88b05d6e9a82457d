"""The command line: what it prints, what it writes, and how it refuses."""

import ast
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import rdptheory
from rdptheory import Pmf, cli, demo, files, words
from rdptheory.cli import main
from rdptheory.sweeps import COLUMNS

COIN = ["--source", "bernoulli:0.25", "--distortion", "hamming", "--perception", "tv"]
PNG = b"\x89PNG\r\n\x1a\n"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    captured = capsys.readouterr()
    return caught.value.code, captured.out, captured.err


def test_rate_prints_bits_unless_told_otherwise(capsys):
    code, out, _ = run(capsys, "rate", *COIN, "-D", "0.1", "-P", "0.05")
    assert code == 0
    assert "0.3434736" in out
    assert "bits, gap" in out
    assert "optimal" in out
    code, out, _ = run(capsys, "rate", *COIN, "-D", "0.1", "-P", "0.05", "--unit", "nats")
    assert code == 0
    assert "0.2380777" in out
    assert "nats, gap" in out


@pytest.mark.parametrize(
    "arguments, rate",
    [
        (
            ["--source", "gaussian:0,1", "--distortion", "squared", "--perception", "w2", "-D", "0.3", "-P", "0"],
            "0.92472016",
        ),
        (["--source", "gaussian:0,1", "--distortion", "squared", "-D", "0.25"], "1.0000000"),
        (["--source", "bernoulli:0.25", "--distortion", "hamming", "-D", "inf"], "0.0000000"),
    ],
)
def test_other_questions(capsys, arguments, rate):
    code, out, _ = run(capsys, "rate", *arguments)
    assert code == 0
    assert rate in out


@pytest.mark.parametrize("perception", ["none", "tv", "kl", "reverse-kl", "js", "chi2", "hellinger"])
@pytest.mark.parametrize("family", ["gaussian:0,1", "uniform:0,1", "laplace:0,1"])
def test_levels_make_a_density_finite(capsys, family, perception):
    arguments = ["--source", family, "--distortion", "absolute", "--perception", perception, "--levels", "8"]
    code, out, _ = run(capsys, "rate", *arguments, "-D", "0.2", "-P", "inf" if perception == "none" else "0.05")
    assert code == 0
    assert "InteriorPoint" in out


@pytest.mark.parametrize("command", [["rate", "-P", "0"], ["curve", "-P", "0,0.05,inf"]])
def test_a_perception_limit_needs_a_measure(capsys, tmp_path, command):
    arguments = ["--source", "bernoulli:0.25", "--distortion", "hamming", "-D", "0.1"]
    out = ["--out", str(tmp_path / "curve.csv")] if command[0] == "curve" else []
    code, _, error = run(capsys, command[0], *arguments, *command[1:], *out)
    assert code == 2
    assert "needs a divergence" in error


def test_a_source_from_a_file(capsys, tmp_path):
    path = Pmf([0.75, 0.25]).to_csv(tmp_path / "coin.csv")
    arguments = ["--source", f"pmf:{path}", *COIN[2:], "-D", "0.1", "-P", "0.05"]
    code, out, _ = run(capsys, "rate", *arguments)
    assert code == 0
    assert "0.3434736" in out


def test_an_infeasible_question_is_an_answer(capsys):
    code, out, _ = run(capsys, "rate", "--source", "gaussian:0,1", "--distortion", "squared", "-D", "0")
    assert code == 0
    assert "infeasible" in out


def test_curve_writes_a_table_and_a_picture(capsys, tmp_path):
    table, picture = tmp_path / "curve.csv", tmp_path / "curve.png"
    places = ["--out", str(table), "--plot", str(picture)]
    code, out, err = run(capsys, "curve", *COIN, "-D", "0.05:0.3:4", "-P", "0,0.1", *places)
    assert code == 0
    assert str(table) in out
    assert str(picture) in out
    assert "8/8" in err  # the progress bar
    with open(table, newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert [(float(row["D"]), float(row["P"])) for row in rows][:2] == [(0.05, 0.0), (0.05 + 0.25 / 3, 0.0)]
    assert len(rows) == 8
    assert picture.read_bytes().startswith(PNG)
    assert sorted(os.listdir(tmp_path)) == ["curve.csv", "curve.png"]


def test_a_table_without_a_picture_and_a_picture_of_one_distortion(capsys, tmp_path):
    table, picture = tmp_path / "curve.csv", tmp_path / "curve.png"
    code, out, _ = run(capsys, "curve", *COIN, "-D", "0.1", "-P", "0", "--out", str(table))
    assert (code, out) == (0, f"wrote {table}\n")
    places = ["--out", str(table), "--plot", str(picture)]
    code, out, _ = run(capsys, "curve", *COIN, "-D", "0.1", "-P", "0,inf", *places)
    assert (code, out) == (0, f"wrote {table}\nwrote {picture}\n")
    assert picture.read_bytes().startswith(PNG)


def test_points_are_placed_without_a_picture(capsys, tmp_path):
    (tmp_path / "codec.csv").write_text("rate_bits,D,P,name\n0.5,0.1,0.05,mine\n")
    code, out, _ = run(capsys, "place", str(tmp_path / "codec.csv"), *COIN)
    assert code == 0
    assert "mine" in out
    assert "wrote" not in out
    assert os.listdir(tmp_path) == ["codec.csv"]


def test_the_story_is_told_as_it_is_written(capsys, tmp_path, monkeypatch):
    asked = []

    def story(out, *, unit, studies, progress, told):
        asked.append((out, unit, studies, progress))
        told("the curves")
        return [out / "index.html", out / "rdp.csv"]

    monkeypatch.setattr(demo, "run", story)
    code, out, err = run(capsys, "demo", "--out", str(tmp_path), "--unit", "nats")
    assert (code, err) == (0, "the curves\n")
    assert out.splitlines() == [f"wrote {tmp_path / name}" for name in ("index.html", "rdp.csv")]
    assert asked == [(tmp_path, "nats", None, True)]


def test_a_fault_of_our_own_keeps_its_traceback(monkeypatch):
    """Only what a user can mend is one sentence."""
    monkeypatch.setattr(demo, "run", lambda *args, **options: [][0])
    with pytest.raises(IndexError):
        main(["demo", "--out", "here"])


def test_curve_says_where_it_turns(capsys, tmp_path):
    places = ["--out", str(tmp_path / "curve.csv"), "--plot", str(tmp_path / "curve.png")]
    code, out, _ = run(capsys, "curve", *COIN, "-D", "0.05,0.3", "-P", "0.05,inf", *places, "--critical")
    assert code == 0
    first, second, *_ = out.splitlines()
    assert first.startswith("P = 0.05: the perception limit costs nothing that shows up to D = 0.08333")
    assert first.endswith("rate 0 from D = 0.35")
    assert second == "P = inf: the perception limit costs nothing, rate 0 from D = 0.25"


BAD = {
    "p": (["rate", "--source", "bernoulli:1.5", "--distortion", "hamming", "-D", "0.1"], "p = 1.5"),
    "a negative D": (["rate", *COIN, "-D", "-0.1", "-P", "0"], "D = "),
    "D nan": (["rate", *COIN, "-D", "nan", "-P", "0"], "D = nan"),
    "P nan": (["rate", *COIN, "-D", "0.1", "-P", "nan"], "P = nan"),
    "a negative P": (["rate", *COIN, "-D", "0.1", "-P", "-0.1"], "P = "),
    "a word for a number": (["rate", *COIN, "-D", "little"], "D = little"),
    "an unknown family": (["rate", "--source", "cauchy:0,1", "--distortion", "hamming", "-D", "1"], "source"),
    "a parameter too few": (["rate", "--source", "gaussian:0", "--distortion", "squared", "-D", "1"], "2 numbers"),
    "a parameter that is none": (
        ["rate", "--source", "uniform:a,b", "--distortion", "squared", "-D", "1"],
        "2 numbers",
    ),
    "an unknown distortion": (["rate", "--source", "bernoulli:0.5", "--distortion", "l4", "-D", "1"], "distortion"),
    "an unknown perception": (["rate", *COIN[:4], "--perception", "mmd", "-D", "1"], "perception"),
    "a density with symbols": (["rate", "--source", "uniform:0,1", "--distortion", "hamming", "-D", "0.1"], "density"),
    "no variance": (["rate", "--source", "t:2", "--distortion", "squared", "-D", "0.1"], "variance"),
    "half a mixture": (["rate", "--source", "mixture:1,0", "--distortion", "squared", "-D", "0.1"], "mixture takes"),
    "levels of a coin": (["rate", *COIN, "-D", "0.1", "--levels", "5"], "levels"),
    "a missing file": (
        ["rate", "--source", "pmf:nothing.csv", "--distortion", "hamming", "-D", "0.1"],
        "cannot be read",
    ),
    "an unknown unit": (["rate", *COIN, "-D", "0.1", "--unit", "hartleys"], "--unit: 'hartleys' is not one of"),
    "levels that are no count": (["rate", *COIN, "-D", "0.1", "--levels", "x"], "Error: --levels: must be an integer"),
    "a peak that is none": (["place", "c.csv", *COIN, "--peak", "x"], "Error: --peak: must be a number"),
    "a table with another ending": (["curve", *COIN, "-D", "0.1", "--out", "c.nc"], "must not end in .nc: it is"),
    "a missing option": (["rate", *COIN], "D"),
    "an unknown command": (["rates"], "rates"),
    "a broken grid": (["curve", *COIN, "-D", "0.1:0.2", "--out", "c.csv"], "LOW:HIGH:COUNT"),
    "an empty grid": (["curve", *COIN, "-D", "0.2:0.1:5", "--out", "c.csv"], "LOW below HIGH"),
    "a missing folder": (["curve", *COIN, "-D", "0.1", "--out", "no/c.csv"], "folder does not exist"),
    "digits of another script": (["rate", *COIN, "-D", "०.१"], "D = ०.१"),
    "an underscore": (["rate", *COIN, "-D", "0.1_0"], "D = 0.1_0"),
    "a raised count": (["curve", *COIN, "-D", "0:1:²", "--out", "c.csv"], "LOW:HIGH:COUNT"),
    "a huge grid": (["curve", *COIN, "-D", "0:1:99999999999", "--out", "c.csv"], "999999"),
    "a huge surface": (["surface", *COIN, "-D", "0:1:99999", "-P", "0:1:999", "--out", "s.nc"], "points"),
    "many workers": (
        ["surface", *COIN, "-D", "0.1", "-P", "0", "--out", "s.nc", "--workers", "1" + 30 * "0"],
        "workers",
    ),
    "one place for two files": (["curve", *COIN, "-D", "0.1", "--out", "a.png", "--plot", "./a.png"], "--out writes"),
    "a device": (["curve", *COIN, "-D", "0.1", "--out", "/dev/null"], "plain files"),
    "bytes that are no text": (["rate", *COIN, "-D", "\udcff"], r"D = \udcff"),
    "a measure without P": (["rate", *COIN, "-D", "0.1"], "-P: must be given"),
    "a measure without P at a slope": (["rate", *COIN, "--slope", "1"], "-P: must be given"),
    "a measure without P for a rate": (["distortion-at", *COIN, "-R", "0.1"], "-P: must be given"),
    "a measure without P over a grid": (["curve", *COIN, "-D", "0.1", "--out", "c.csv"], "-P: must be given"),
    "a measure without P at slopes": (["slope-curve", *COIN, "--slope", "1", "--out", "c.csv"], "-P: must be given"),
    "a finite P without a measure": (["rate", *COIN[:4], "-D", "0.1", "-P", "0"], "divergence"),
    "an unknown picture": (["curve", *COIN, "-D", "0.1", "--out", "c.csv", "--plot", "c.bmp"], ".png"),
}


@pytest.mark.parametrize("arguments, words", BAD.values(), ids=BAD)
def test_bad_input_ends_with_one_sentence_and_exit_2(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert words in last
    assert "Traceback" not in err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "text, words",
    [
        ("probability\n0.5\n0.48\n", "must sum to 1"),
        ("probability\n1.5\n-0.5\n", "at least 0"),
        ("probability\nnan\n1\n", "finite"),
        ("probability,point\n0.5,0\n0.5\n", "line 3"),
    ],
)
def test_a_bad_file_is_refused_by_what_is_wrong_in_it(capsys, tmp_path, text, words):
    path = tmp_path / "pmf.csv"
    path.write_text(text)
    code, _, err = run(capsys, "rate", "--source", f"pmf:{path}", "--distortion", "hamming", "-D", "0.1")
    assert code == 2
    assert words in err.strip().splitlines()[-1]


def test_an_input_is_never_an_output(capsys, tmp_path):
    path = Pmf([0.75, 0.25]).to_csv(tmp_path / "coin.csv")
    (tmp_path / "link.csv").symlink_to(path)
    before = path.read_bytes()
    question = ["--source", f"pmf:{path}", *COIN[2:], "-D", "0.1", "-P", "0.05"]
    for out in (path, tmp_path / "." / "coin.csv", tmp_path / "link.csv"):
        code, _, err = run(capsys, "curve", *question, "--out", str(out))
        assert (code, "replace" in err) == (2, True)
    assert path.read_bytes() == before


def test_weights_are_divided_whatever_the_column_says(capsys, tmp_path):
    path = tmp_path / "rounded.csv"
    path.write_text("level;probability\n0;0,3333\n1;0,6666\n")
    arguments = [*COIN[2:4], "-D", "0.1"]
    code, _, err = run(capsys, "rate", "--source", f"pmf:{path}", *arguments)
    assert (code, "weights:FILE.csv" in err) == (2, True)
    code, out, _ = run(capsys, "rate", "--source", f"weights:{path}", *arguments)
    assert code == 0
    assert "0.449" in out  # Hb(1/3) - Hb(.1) = .9183 - .4690 bit


def test_one_object_of_json(capsys):
    code, out, _ = run(capsys, "rate", *COIN, "-D", "0.1", "-P", "0.05", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["lower_nat"] <= answer["rate_nat"] == answer["upper_nat"] == pytest.approx(0.2380777885, abs=1e-10)
    assert (answer["D"], answer["P"], answer["status"]) == (0.1, 0.05, "optimal")
    code, out, _ = run(capsys, "rate", "--source", "gaussian:0,1", "--distortion", "squared", "-D", "0", "--json")
    assert (json.loads(out)["rate_nat"], json.loads(out)["status"]) == (None, "infeasible")


def test_the_version(capsys):
    code, out, _ = run(capsys, "--version")
    assert (code, out) == (0, f"rdptheory {rdptheory.__version__}\n")


def test_an_interruption_is_one_sentence_and_keeps_what_was_finished(tmp_path):
    """Ctrl-C after the first of 40 paths."""
    places = ["--out", str(tmp_path / "s.csv"), "--store", str(tmp_path / "kept"), "--workers", "1"]
    grid = ["--levels", "40", "-D", "0.02:0.2:4", "-P", "0.001:0.2:40"]
    command = [sys.executable, "-m", "rdptheory", "surface", "--source", "laplace:0,1", "--distortion", "squared"]
    process = subprocess.Popen(
        [*command, "--perception", "tv", *grid, *places], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    started = time.monotonic()
    while not any(tmp_path.glob("kept/[!.]*.json")) and process.poll() is None and time.monotonic() < started + 60:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.strip().splitlines()[-1] == "Error: interrupted; what --store keeps goes on from here"
    assert "Traceback" not in err
    assert 1 <= len(list(tmp_path.glob("kept/[!.]*.json"))) < 40
    assert not (tmp_path / "s.csv").exists()


def test_pictures_are_refused_before_the_work(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(words, "find_spec", lambda name: None)
    code, out, err = run(capsys, "curve", *COIN, "-D", "0.1", "--out", str(tmp_path / "c.csv"), "--plot", "c.png")
    assert (code, out) == (2, "")
    assert err == "Error: matplotlib is not installed: pip install 'rdptheory[plot]'\n"


def test_a_grid_that_cannot_be_written_is_refused_before_the_work(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    code, out, err = run(capsys, "surface", *COIN, "-D", "0.1", "-P", "0", "--out", str(tmp_path / "s.nc"))
    assert (code, out) == (2, "")
    assert err == "Error: h5netcdf is not installed: pip install 'rdptheory[parallel]'\n"


def test_what_options_say_is_written_once():
    """Commands that share an option share its sentence, and none is declared in two of their files."""
    room, helps, names = Path(rdptheory.__file__).parent, Counter(), Counter()
    for path in (room / "options.py", room / "cli.py", *room.glob("*_commands.py")):
        text = path.read_text()
        made = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        made = [node for node in made if ast.unparse(node.func) in ("typer.Option", "typer.Argument")]
        helps.update(ast.unparse(word.value) for node in made for word in node.keywords if word.arg == "help")
        if path.name != "options.py":
            names.update(ast.unparse(node.args[0]) for node in made if node.args)
    assert sum(helps.values()) > 30
    assert [text for text, times in helps.items() if times > 1 and text != "_GRID"] == []
    assert [name for name, times in names.items() if times > 1] == []


def test_the_list_of_commands_cuts_no_sentence(capsys):
    _, out, _ = run(capsys, "--help")
    lines = out.partition("Commands:")[2].strip().splitlines()
    assert len(lines) >= 14
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []


def test_help_is_no_error(capsys):
    for arguments in (["--help"], ["rate", "--help"], ["curve", "--help"], ["demo", "--help"]):
        code, out, _ = run(capsys, *arguments)
        assert code == 0
        assert "Usage" in out


def test_the_module_runs_in_its_own_process():
    """`python -m rdptheory`, good and bad: exit status, last line, no traceback."""
    command = [sys.executable, "-m", "rdptheory", "rate", *COIN, "-P", "0.05", "-D"]
    good = subprocess.run([*command, "0.1"], capture_output=True, text=True, timeout=60)
    assert (good.returncode, good.stderr) == (0, "")
    assert "0.3434736" in good.stdout
    bad = subprocess.run([*command, "nan"], capture_output=True, text=True, timeout=60)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.strip().splitlines()[-1].startswith("Error: -D = nan")
    assert "Traceback" not in bad.stderr


@pytest.fixture
def grey(tmp_path, monkeypatch):
    """A histogram in the folder where the command runs."""
    monkeypatch.chdir(tmp_path)
    Path("grey.csv").write_text("level;count\n0;120\n1;60\n2;20\n")
    return ["--source", "pmf:grey.csv", "--distortion", "squared", "--perception", "tv"]


NEWCOMERS = {
    "a decimal comma": (["rate", "-D", "0,1"], "-D = 0,1: must be 1 limit, one for each distortion, with commas"),
    "of a single limit": (["rate", "-D", "0.1", "-P", "0,02"], "the decimal sign is a point"),
    "of a list": (["curve", "-D", "0,05", "--out", "c.csv"], "the decimal sign is a point"),
    "of a parameter": (["rate", "--source", "bernoulli:0,25", "-D", "0.1"], "the decimal sign is a point"),
    "no levels": (
        ["rate", "--source", "laplace:0,1", "-D", "0.1", "--levels", "0"],
        "--levels = 0: must be an integer",
    ),
    "a surface of one P": (
        ["surface", "-D", "0.1,0.2", "-P", "0.1", "--out", "s.csv", "--plot", "s.png"],
        "-P = 0.1: a surface needs at least two finite P",
    ),
    "a file for a folder": (["papers", "--out", "grey.csv"], "--out = grey.csv: cannot be made a folder (File exists)"),
}


@pytest.mark.parametrize("arguments, words", NEWCOMERS.values(), ids=NEWCOMERS)
def test_a_newcomer_is_told_what_to_type(capsys, tmp_path, grey, arguments, words):
    asked = grey if "-D" in arguments else []
    code, out, err = run(capsys, arguments[0], *asked, *arguments[1:])
    assert (code, out) == (2, "")
    assert words in err.strip().splitlines()[-1]
    assert "point/s" not in err, "refused before the work"
    assert os.listdir(tmp_path) == ["grey.csv"]


@pytest.mark.parametrize(
    "file, text, words",
    [
        (
            "pmf",
            "probability\n0,5\n0,5\n",
            "line 2 must hold 1 number, as the first line does, holds 2; beside decimal",
        ),
        ("pmf", "level,count\n0\n", "line 2 must hold 2 numbers, as the first line does, holds 1"),
        (
            "place",
            "rate_bits,D\n1,5,0,1\n",
            "line 2 must hold 2 cells, as the first line does, holds 4; beside decimal",
        ),
        ("place", "rate_bits,D\n-1,0.1\n", "line 2: rate_bits must be a number at least 0, is '-1'"),
    ],
)
def test_a_line_that_does_not_fit_says_why(capsys, tmp_path, monkeypatch, file, text, words):
    monkeypatch.chdir(tmp_path)
    Path("f.csv").write_text(text)
    coin = [*COIN[2:4], *(["-D", "0.1"] if file == "pmf" else [])]
    asked = ["rate", "--source", "pmf:f.csv", *coin] if file == "pmf" else ["place", "f.csv", *COIN[:2], *coin]
    code, _, err = run(capsys, *asked)
    assert code == 2
    assert words in err


def test_a_picture_that_cannot_be_drawn_leaves_no_table(capsys, tmp_path, grey, monkeypatch):
    """The table is written after the picture is made; an interruption counts, too."""

    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rdptheory.plotting.plot_curves", press)
    monkeypatch.setattr("rdptheory.plotting.plot_surface", press)
    Path("codec.csv").write_text("rate_bits,D,P\n1,0.1,0.05\n")
    grid = ["-D", "0.1,0.2", "-P", "0.02,0.1"]
    for asked in (["curve", *grid], ["surface", *grid, "--workers", "1"], ["place", "codec.csv"]):
        code, _, err = run(capsys, *asked, *grey, "--out", "t.csv", "--plot", "p.png")
        store = "; what --store keeps goes on from here" if asked[0] == "surface" else ""
        assert (code, err.strip().splitlines()[-1]) == (130, f"Error: interrupted{store}")
        assert sorted(os.listdir(tmp_path)) == ["codec.csv", "grey.csv"]


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(capsys, tmp_path, grey, monkeypatch):
    """Whoever runs the tests may be allowed everything, so that the system is asked in his place."""
    monkeypatch.setattr(files.os, "access", lambda place, mode: Path(place) != Path("locked"))
    Path("locked").mkdir()
    for place in ({"--out": "locked/c.csv"}, {"--out": "c.csv", "--plot": "locked/c.png"}):
        words = [word for pair in place.items() for word in pair]
        code, out, err = run(capsys, "curve", *grey, "-D", "0.1", *words)
        option, named = list(place.items())[-1]
        assert (code, out) == (2, "")
        assert err == f"Error: {option} = {named}: its folder cannot be written to\n"
    assert sorted(os.listdir(tmp_path)) == ["grey.csv", "locked"]


def test_a_curve_is_drawn_from_where_its_rate_is_finite(capsys, tmp_path, grey):
    """A grid that begins below the least distortion, and one below 0 where a table is."""
    Path("table.csv").write_text("0.3,1\n1,0.2\n1,0.4\n")
    Path("below.csv").write_text("0,-1,2\n1,0,1\n2,1,0\n")
    for table, grid in (("table", "0.01:0.6:5"), ("below", "-0.7:0.4:5")):
        asked = [*grey[:2], "--distortion", f"table:{table}.csv", "-D", grid, "--out", "c.csv", "--plot", "c.png"]
        code, _, err = run(capsys, "curve", *asked)
        assert code == 0, err
        with open("c.csv", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert rows[0]["status"] == "infeasible"
        assert rows[-1]["status"] == "optimal"
    assert float(rows[0]["D"]) == -0.7
