import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from distributed import Client, LocalCluster
from scipy.integrate import quad
from scipy.stats import norm
from typer.testing import CliRunner

from neural import cli, runs
from neural.data import Split, tinted
from neural.data import digits as load_digits
from neural.experiments import CHECKED, REGISTRY, Bench, Row
from neural.experiments.gaussian import SPACE, dithered
from neural.experiments.posterior import Conventional
from neural.experiments.printed import DENOISE, GRID, SUPERRES
from rdptheory.errors import InvalidInput
from rdptheory.sweeps import Dask, Joblib, Serial

IDS = [
    "rdp98",
    "perceptual-loss",
    "twofold",
    "degenerate",
    "dal",
    "universal",
    "quantizers",
    "refine",
    "error-bars",
    "superres",
    "denoise",
    "decompose",
    "separate-vs-joint",
    "baseline",
    "ground-truth",
    "cr",
    "jump",
    "interpolate",
    "framework-a",
    "framework-b",
    "post-process",
    "rgb",
    "depth",
    "oracle",
    "ecdq",
]


@pytest.fixture(scope="module")
def bench(digits):
    """One bench for all, so that what one experiment trained serves the next; a third of the smoke steps."""
    return Bench("smoke", digits, shrink=0.33)


@pytest.fixture(scope="module")
def checked():
    """`check --preset smoke --json`, run once."""
    return CliRunner().invoke(cli.app, ["check", "--preset", "smoke", "--json"])


def test_the_registry_has_exactly_the_papers_experiments():
    assert sorted(REGISTRY) == sorted(IDS)
    assert set(CHECKED) < set(IDS)


@pytest.mark.parametrize("id", [id for id in IDS if id not in CHECKED])
def test_every_experiment_runs_small(bench, id):
    result = runs.answer(id, bench)
    trained = [row for row in result.rows if row.what.startswith("last loss / first loss")]
    assert result.rows
    for row in result.rows:
        assert math.isfinite(row.measured), row
        assert math.isfinite(row.theory), row
    if id != "ground-truth":  # its models were trained, and judged, by superres and denoise
        assert len(trained) == 1
        assert 0 <= trained[0].measured < 1


@pytest.mark.parametrize("labelled", [True, False])
def test_the_perceptual_loss_takes_colour_and_needs_no_labels(digits, labelled):
    colour = tinted(digits, seed=0)
    split = replace(colour, train_labels=digits.train_labels if labelled else None)
    rows = runs.answer("perceptual-loss", Bench("smoke", split, shrink=0.1)).rows
    assert len(rows) == 5
    assert all(math.isfinite(row.measured) for row in rows)


def test_a_floor_is_that_of_the_images_used(digits):
    bench, enlarged = Bench("smoke", digits), digits.resized(16)
    for split in (digits, enlarged, digits):
        fresh = Bench("smoke", split).floor(4, split.train)
        assert bench.floor(4, split.train) == fresh
    assert bench.floor(4, enlarged.train) < 0.95 * bench.floor(4, digits.train)  # a smooth enlargement varies less


def test_the_smoke_check_holds_every_law_and_catches_every_control(checked):
    assert checked.exit_code == 0, checked.stderr
    rows = json.loads(checked.stdout)
    assert {row["id"] for row in rows} == set(CHECKED)
    assert all(set(row) >= {"id", "measured", "theory", "tolerance", "expect", "verdict"} for row in rows)
    controls = [row for row in rows if row["expect"] == "fail"]
    assert {row["id"] for row in controls} == {"oracle", "decompose"}
    assert len(controls) == 4
    assert all(row["verdict"] == "fail" for row in controls)
    assert sum(row["verdict"] == "pass" for row in rows) > 40


def test_a_broken_law_ends_with_exit_code_1(monkeypatch):
    broken = [Row("a law", 2.2, 2.0, None, (0.1, 0.1)), Row("a missed control", 2.0, 2.0, None, (0.1, 0.1), "fail")]
    monkeypatch.setattr(cli, "CHECKED", ("oracle",))
    entry = REGISTRY["oracle"]
    monkeypatch.setitem(REGISTRY, "oracle", type(entry)("oracle", "", "", {}, lambda bench: broken))
    outcome = CliRunner().invoke(cli.app, ["check"])
    assert outcome.exit_code == 1
    assert "a law" in outcome.stderr.splitlines()[-1]
    assert "a missed control" in outcome.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "measured,tolerance,expect,verdict,good",
    [
        (2.05, (0.1, 0.1), "pass", "pass", True),
        (2.15, (0.1, 0.1), "pass", "fail", False),
        (2.15, (0.1, 0.1), "fail", "fail", True),
        (2.05, (0.1, 0.1), "fail", "pass", False),
        (9.0, None, "pass", "shape", True),
        (math.nan, None, "pass", "fail", False),
        (math.nan, (0.1, 0.1), "pass", "fail", False),
        (math.nan, (0.1, 0.1), "fail", "fail", False),
        (math.inf, (0.1, 0.1), "fail", "fail", False),
        (9.0, None, "fail", "shape", False),
        (1.0, (math.inf, 0.0), "pass", "pass", True),
    ],
)
def test_verdicts(measured, tolerance, expect, verdict, good):
    row = Row("x", measured, 2.0, None, tolerance, expect)
    assert (row.verdict, row.as_expected) == (verdict, good)


def test_the_grid_has_98_pairs():
    assert sum(map(len, GRID.values())) == 98


@pytest.mark.parametrize("table,rates", [(SUPERRES, range(4, 33, 2)), (DENOISE, range(12, 115, 6))])
def test_the_printed_tables_fill_their_rates_and_fall_with_them(table, rates):
    for printed in table.values():
        assert list(printed) == list(rates)
        assert sorted(printed.values(), reverse=True) == list(printed.values())
    assert all(table[True][rate] < table[False][rate] for rate in rates)


def test_small_presets_take_copies_of_the_first_images():
    many = Split("many", torch.rand(10_010, 1, 2, 2), torch.rand(2_010, 1, 2, 2), torch.arange(10_010))
    small = Bench("demo", many).split
    assert torch.equal(small.train, many.train[:10_000])
    assert torch.equal(small.test, many.test[:2_000])
    assert torch.equal(small.train_labels, torch.arange(10_000))
    assert small.test_labels is None
    assert small.train.untyped_storage().nbytes() == small.train.nbytes  # what a worker receives
    assert Bench("paper", many).split is many


@pytest.mark.parametrize("step", [0.5, 2.0, 4.0])
def test_dithered_values_against_adaptive_quadrature(step):
    exact = dithered(step)

    def density(y):
        return (norm.cdf(y + step / 2) - norm.cdf(y - step / 2)) / step

    entropy = -quad(lambda y: density(y) * math.log2(density(y)), -7, 7, limit=200)[0]
    assert exact.rate == pytest.approx(entropy - math.log2(step), abs=1e-6)
    inner = quad(
        lambda y: (norm.pdf(y - step / 2) - norm.pdf(y + step / 2)) ** 2 / (density(y) * step**2), -7, 7, limit=200
    )
    assert exact.distortion == pytest.approx(1.0 - inner[0], abs=1e-6)
    assert 0.0 < exact.gap < SPACE
    assert exact.frontier(0.0) == pytest.approx(exact.distortion + exact.wasserstein, rel=1e-12)
    assert exact.frontier(exact.wasserstein) == exact.distortion


def test_the_undisturbed_limit_of_dithering_is_the_space_filling_loss():
    assert dithered(0.05).gap == pytest.approx(SPACE, abs=1e-4)
    assert pytest.approx(0.2546, abs=5e-5) == SPACE


def test_a_conventional_codec_loses_less_at_higher_quality(digits):
    errors, sizes = [], []
    for quality in (5, 90):
        decoded, bits = Conventional("JPEG", quality)(digits.test[:20])
        errors.append(float((decoded - digits.test[:20]).square().mean()))
        sizes.append(bits)
    assert errors[1] < 0.2 * errors[0]
    assert sizes[0] < sizes[1]


def test_a_run_is_written_once_resumed_and_read_back(tmp_path, digits):
    def small():
        return Bench("smoke", digits, shrink=0.05, seconds=0.0)

    first = runs.run("interpolate", small(), tmp_path / "a")
    again = runs.run("interpolate", small(), tmp_path / "a", resume=True)
    assert [row.measured for row in first.rows] == [row.measured for row in again.rows]
    assert [row.as_expected for row in first.rows] == [row.as_expected for row in again.rows]
    assert first.figures[0].curves[1].label == again.figures[0].curves[1].label
    assert all(torch.equal(first.samples[name], again.samples[name]) for name in first.samples)
    (tmp_path / "a" / "result.json").unlink()  # as if killed after training: the checkpoint has the weights
    resumed = runs.run("interpolate", small(), tmp_path / "a", resume=True)
    assert [row.measured for row in first.rows] == [row.measured for row in resumed.rows]
    with pytest.raises(InvalidInput, match="not empty"):
        runs.run("interpolate", small(), tmp_path / "a")
    (tmp_path / "a" / "result.json").write_text("{}")
    with pytest.raises(InvalidInput, match="no result"):
        runs.read(tmp_path / "a")


def executors():
    """Serial, two processes, and a cluster of two threads that share one process."""
    yield Serial()
    yield Joblib(2)
    local = dict(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0")
    with LocalCluster(**local) as cluster, Client(cluster) as client:
        yield Dask(client)


@pytest.mark.parametrize("id", ["cr", "universal", "jump"])
def test_every_executor_trains_the_same_numbers(digits, tmp_path, id):
    results = []
    for number, executor in enumerate(executors()):
        folder = tmp_path / str(number)
        results.append(runs.run(id, Bench("smoke", digits, shrink=0.05, executor=executor), folder))
        assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == sorted(
            p.name for p in (tmp_path / "0" / "checkpoints").iterdir()
        )
    assert len(results) == 3
    for other in results[1:]:
        assert [row.measured for row in other.rows] == [row.measured for row in results[0].rows]


def test_workers_and_scheduler_choose_the_executor():
    for workers, expected in ((1, Serial()), (2, Joblib(2))):
        with cli._executor(workers, None) as executor:
            assert executor == expected
    cluster = LocalCluster(n_workers=1, processes=False, dashboard_address=":0")
    with cluster, cli._executor(1, cluster.scheduler_address) as executor:
        assert isinstance(executor, Dask)
        assert dict(executor.map(abs, [-1, 2, -3])) == {0: 1, 1: 2, 2: 3}


def test_unknown_ids_and_presets_are_refused(digits):
    with pytest.raises(InvalidInput, match="oracle"):
        runs.answer("nonsense", Bench("smoke", digits))
    with pytest.raises(InvalidInput, match="paper-lite"):
        Bench("huge", digits)


def test_paper_presets_build_the_papers_networks(digits):
    bench = Bench("paper-lite", digits, shrink=0.0)
    from neural.coders import Yan

    split, coder = bench.family(Yan)
    assert split.train.shape[-1] == 32
    assert isinstance(coder(4), Yan)
    assert Bench("paper", digits).steps(1, 1, 100, 128) == 1100
    assert Bench("paper-lite", digits).steps(1, 1, 100, 128) == 366


def test_the_command_line(tmp_path):
    listed = CliRunner().invoke(cli.app, ["list", "--json"])
    entries = json.loads(listed.stdout)
    assert [entry["id"] for entry in entries] == list(REGISTRY)
    assert all(set(entry) == {"id", "paper", "checks", "cost"} for entry in entries)
    assert all(list(entry["cost"]) == ["smoke", "demo", "paper-lite", "paper"] for entry in entries)
    assert "oracle" in CliRunner().invoke(cli.app, ["list"]).stdout
    ran = CliRunner().invoke(cli.app, ["run", "interpolate", "--out", str(tmp_path / "one")])
    assert ran.exit_code == 0, ran.output
    reported = CliRunner().invoke(cli.app, ["report", str(tmp_path)])
    assert reported.exit_code == 0, reported.output
    text = (tmp_path / "report.md").read_text()
    assert "interpolate" in text
    for picture in ("one-0.png", "one-samples.png"):
        assert picture in text
        assert (tmp_path / picture).read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["run", "nonsense", "--out", "x"], "id = nonsense"),
        (["check", "--preset", "huge"], "preset = huge"),
        (["check", "--device", "tpu"], "device = tpu"),
        (["report", "nowhere"], "no result.json"),
        (["fetch", "imagenet", "x"], "name = imagenet"),
    ],
)
def test_wrong_arguments_end_with_one_sentence_and_exit_code_2(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["neural", *arguments])
    with pytest.raises(SystemExit) as exit:
        cli.main()
    assert exit.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Error: ")
    assert message in last


def test_importing_is_light():
    heavy = "{'sklearn', 'matplotlib', 'pooch', 'PIL', 'sympy', 'cvxpy', 'scipy.stats'}"
    code = f"import sys, neural, neural.cli; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_digits_are_the_default(digits):
    assert torch.equal(load_digits().test, digits.test)
