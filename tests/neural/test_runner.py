import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster
from typer.testing import CliRunner

import neural
from neural import cli, evaluation, report, runner
from neural.claims import LAW, Chart, Claim, Curve, Record
from neural.coders import Classifier
from neural.data import Split, load
from neural.losses import MeanSquaredError, Perceptual
from neural.models import Source
from neural.quantisers import UniversalQuantiser
from neural.runner import KNOWN, Bench, models_of
from neural.studies import studies
from neural.study import Plan, Study, Variant
from rdptheory.errors import InvalidInput
from rdptheory.sweeps import Dask, Joblib, Serial
from tests.pictures import faults

PARTS = ("train", "test")


def small(digits, **more):
    return Bench("smoke", digits, share=0.05, seconds=0.0, **more)


def values(result):
    return [(dict(r.labels), r.part, r.measure, r.value) for r in result.table.records]


def assert_damage_is_refused(folder, table):
    """Flipped bits and lost ends of both files are one sentence, but for blanks between the words of JSON."""
    rng, said = np.random.default_rng(0), []
    for name, flips in (("result.json", 60), ("samples.safetensors", 30)):
        path = folder / name
        content = path.read_bytes()
        damaged = [b"", content[: len(content) // 2], content[:-2], bytes(len(content)), b'{"id": []}', b"[" * 5000]
        for bit in rng.choice(8 * len(content), flips, replace=False):
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            damaged.append(bytes(changed))
        for one in damaged:
            path.write_bytes(one)
            try:
                assert values(runner.read(folder)) == table
            except InvalidInput as refusal:
                said.append(refusal.argument)
        path.write_bytes(content)
    assert {*said} == {"folder"}
    assert len(said) >= 70  # a quarter of the JSON is indentation


def test_an_edited_result_is_refused(tmp_path, digits):
    runner.run("oracle", small(digits), tmp_path / "a")
    path = tmp_path / "a" / "result.json"
    document = json.loads(path.read_text())
    document["table"][0]["value"] = 0.0
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match="damaged or was edited"):
        report.write_report(tmp_path, tmp_path / "report")


def test_a_run_is_written_once_resumed_and_read_back(tmp_path, digits):
    first = runner.run("interpolate", small(digits), tmp_path / "a")
    text = (tmp_path / "a" / "result.json").read_text()
    assert "NaN" not in text
    again = runner.run("interpolate", small(digits), tmp_path / "a", resume=True)
    assert values(first) == values(again)
    (chart,) = first.study.charts
    drawn = list(chart.curves(again.table))
    assert drawn == list(chart.curves(first.table))
    assert {curve.label for curve in drawn} >= {"trained", "exact"}
    assert [row.verdict for row in first.rows] == [row.verdict for row in again.rows]
    assert all(torch.equal(first.samples[name], again.samples[name]) for name in first.samples)
    assert_damage_is_refused(tmp_path / "a", values(first))
    (tmp_path / "a" / "result.json").unlink()  # as if killed after training: the checkpoint has the weights
    assert values(runner.run("interpolate", small(digits), tmp_path / "a", resume=True)) == values(first)
    with pytest.raises(InvalidInput, match="no empty folder"):
        runner.run("interpolate", small(digits), tmp_path / "a")
    for id, bench in (
        ("twofold", small(digits)),
        ("interpolate", replace(small(digits), preset="demo")),
        ("interpolate", replace(small(digits), seed=1)),
        ("interpolate", replace(small(digits), share=1.0)),
        ("interpolate", small(replace(digits, name="other"))),
        ("interpolate", small(replace(digits, train=digits.train.flip(3)))),  # other images of the same name
    ):
        with pytest.raises(InvalidInput, match="another run"):
            runner.run(id, bench, tmp_path / "a", resume=True)
    (tmp_path / "a" / "result.json").write_text("{}")
    with pytest.raises(InvalidInput, match="no result"):
        runner.read(tmp_path / "a")


def test_a_picture_of_rates_has_the_proved_floor_of_its_images(tmp_path, digits, monkeypatch):
    result = runner.run("twofold", small(digits), tmp_path / "a")
    floor, *measured = result.study.charts[0].curves(runner.read(tmp_path / "a").table)
    assert (floor.kind, len(floor.x)) == ("bound", 10)
    assert list(floor.y) == sorted(floor.y, reverse=True)
    proved = list(zip(floor.x, floor.y, strict=True))
    for curve in measured:
        for rate, d in zip(curve.x, curve.y, strict=True):
            assert d > max((low for bits, low in proved if bits >= rate), default=0.0)
    seen = []
    monkeypatch.setattr(report.plotting, "save", lambda canvas, path: seen.extend(faults(canvas)))
    report.draw(result.study.charts[0], [floor, *measured], tmp_path / "floor.png")
    assert not seen


def test_a_changed_claim_is_judged_again_without_training(tmp_path, digits, monkeypatch):
    runner.run("twofold", small(digits), tmp_path / "a")
    kind = Claim("D of the mean", LAW, lambda t: t.at("distortion_per_pixel", role="mean"), 0.0, 0.0, 1.0)
    changed = replace(studies()["twofold"], claims=(kind,))
    monkeypatch.setitem(studies(), "twofold", changed)
    monkeypatch.setattr(Bench, "train", lambda *given: pytest.fail("trains"))
    (row,) = runner.read(tmp_path / "a").rows
    assert (row.claim, row.verdict) == ("D of the mean", "pass")


def test_a_floor_is_measured_once_for_all_models(digits, monkeypatch):
    bench, asked = small(digits), []
    measure = evaluation.sliced_wasserstein

    def counted(*two, **more):
        asked.append(two)
        return measure(*two, **more)

    monkeypatch.setattr(evaluation, "sliced_wasserstein", counted)
    table = runner.answer("dal", bench).table
    floors = {part: {r.floor for r in table.records if (r.part, r.measure) == (part, "sliced_w2")} for part in PARTS}
    assert len(asked) == 2 * (1 + 4)  # four models on two parts
    for part, images in zip(PARTS, bench.pair(Source())[:2], strict=True):
        codec = next(iter(bench.found.values()))
        alone = neural.evaluate(codec, codec.decoder, images[: neural.models.SEEN], measures=["perception"])
        assert floors[part] == {alone["sliced_w2"].floor}


def test_features_are_measured_only_where_something_is_said_of_them():
    assert [id for id, study in studies().items() if "features" in study.measures] == ["perceptual-loss"]


@pytest.mark.parametrize("n", [5, 40, 299, 300])
@pytest.mark.parametrize("preset", ["smoke", "paper"])
def test_too_few_images_for_a_study_are_refused_at_the_door(digits, tmp_path, monkeypatch, preset, n):
    np.save(tmp_path / f"few{n}.npy", digits.train[:n, 0].numpy())
    bench = Bench(preset, load(tmp_path / f"few{n}.npy"))
    monkeypatch.setattr(Bench, "train", lambda *given: pytest.fail("trains"))
    for id, study in studies().items():
        if id == "ecdq" or (id, preset) == ("jump", "smoke"):  # of samples that they draw themselves
            assert models_of(study, bench)
            continue
        least = 1024 if (id, preset) == ("twofold", "paper") else study.images  # four images for each of 2^8 codes
        if n >= least * 5 // 4:
            assert models_of(study, bench)
            continue
        said = f"data = few{n}: must have {least} different images to train and {least // 4} to test for {id}, has"
        with pytest.raises(InvalidInput, match=said):
            runner.run(id, bench, tmp_path / "run")
        with pytest.raises(InvalidInput, match=said):
            list(runner.answers([id], bench))
        assert not (tmp_path / "run").exists()


def test_an_image_that_occurs_often_counts_once(digits, tmp_path):
    np.save(tmp_path / "flat.npy", np.ones((1000, 8, 8), np.float32))
    np.save(tmp_path / "few.npy", digits.train[:100, 0].repeat(10, 1, 1).numpy())
    for name, seen in (("flat", "1 and 1"), ("few", "80 and 20")):
        with pytest.raises(InvalidInput, match=f"240 different images to train and 60 to test for oracle, has {seen}"):
            runner.run("oracle", Bench("smoke", load(tmp_path / f"{name}.npy")), tmp_path / "run")


@pytest.mark.parametrize("n", [1, 4])
def test_a_file_without_an_image_for_the_test_is_refused(tmp_path, n):
    np.save(tmp_path / "one.npy", np.zeros((n, 8, 8), np.float32))
    with pytest.raises(InvalidInput, match="must hold at least 5 images"):
        load(tmp_path / "one.npy")


def test_an_unknown_id_leaves_no_folder_behind(digits, tmp_path):
    with pytest.raises(InvalidInput, match="must be one of"):
        runner.run("nonsense", small(digits), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def executors():
    """Serial, two processes, and a cluster of two threads that share one process."""
    yield Serial()
    yield Joblib(2)
    local = dict(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0")
    with LocalCluster(**local) as cluster, Client(cluster) as client:
        yield Dask(client)


def test_every_executor_trains_the_same_numbers(digits, tmp_path):
    results, asked = [], ("refine", "universal")
    for number, executor in enumerate(executors()):
        results.append(runner.run("universal", small(digits, executor=executor), tmp_path / str(number)))
        names = [sorted(p.name for p in (tmp_path / folder / "checkpoints").iterdir()) for folder in ("0", str(number))]
        assert names[0] == names[1]
        many = {result.study.id: result for result in runner.answers(asked, small(digits, executor=executor))}
        assert set(many) == set(asked)
        assert values(many["universal"]) == values(results[0])
        results.append(many["refine"])
    assert len(results) == 6
    for first in (0, 1):
        assert len({repr(values(other)) for other in results[first::2]}) == 1  # by repr NaN, too, is the same


def test_studies_that_share_a_model_train_it_once(digits, monkeypatch):
    trained, task = [], Bench.task

    def counted(self, group, *rest, **own):
        trained.extend(group)
        return task(self, group, *rest, **own)

    monkeypatch.setattr(Bench, "task", counted)
    found = [result.study.id for result in runner.answers(("refine", "oracle", "quantizers"), small(digits))]
    assert found == ["oracle", "refine", "quantizers"]  # one codec with dither is in both, so they are one task
    assert len(trained) == len(set(trained)) == 5


class Beside:
    """Every task in a thread of its own, and the processor time that they took."""

    spent = 0.0

    def map(self, function, tasks):
        for number, task in enumerate(tasks):
            with ThreadPoolExecutor(1) as pool:
                yield number, pool.submit(self.timed, function, task).result()

    def timed(self, function, task):
        start = time.thread_time()
        found = function(task)
        self.spent += time.thread_time() - start
        return found


def test_the_time_of_a_study_counts_what_was_trained_elsewhere(digits):
    executor = Beside()
    facts = runner.answer("universal", small(digits, executor=executor)).facts
    assert executor.spent > 0.1
    assert facts["cpu_seconds"] > executor.spent  # and what was measured here


def test_workers_and_scheduler_choose_the_executor(monkeypatch):
    monkeypatch.setattr(cli, "cpu_count", lambda: 6)
    for workers, threads, device, expected in (
        (1, 1, "cpu", Serial()), (2, 1, "cpu", Joblib(2)), (9, 4, "cuda", Joblib(9)),
        (None, 1, "cpu", Joblib(6)), (None, 2, "cpu", Joblib(3)), (None, 8, "cpu", Serial()),
        (None, 1, "cuda", Serial()),
    ):  # fmt: skip
        assert cli._executor(workers, None, threads, device) == expected
    monkeypatch.setattr(cli, "cpu_count", lambda: 600)
    assert cli._executor(None, None, 1, "cpu") == Joblib(cli.WORKERS)
    cluster = LocalCluster(n_workers=1, processes=False, dashboard_address=":0")
    with cluster:
        executor = cli._executor(1, cluster.scheduler_address, 1, "cpu")
        assert isinstance(executor, Dask)
        assert dict(executor.map(abs, [-1, 2, -3])) == {0: 1, 1: 2, 2: 3}


def test_models_that_differ_by_weight_or_seed_are_trained_as_one(digits):
    bench = small(digits)
    study = studies()["rdp98"]
    starts = [m for m in study.models(study.variant("demo", 1)) if m.labels.get("lambda") == 0.0]
    assert [len(group) for group in bench.groups(starts)] == [1, 1, 1]  # other rates, other shapes
    weights = [
        replace(starts[0], loss=study.variant("demo", 1).perceptual(w), seed=s) for w in (0.1, 0.2) for s in (0, 1)
    ]
    assert [len(group) for group in bench.groups(weights)] == [4]
    coarse, fine = (
        replace(starts[0], latent=2, quantiser=UniversalQuantiser(levels), plan=Plan(steps=1)) for levels in (3, 4)
    )
    bench.train([coarse, fine])
    behind = [replace(front, behind=front, seed=n) for n, front in enumerate((coarse, fine, coarse))]
    assert [len(group) for group in bench.groups(behind)] == [2, 1]  # a quantiser is shared, an encoder need not be


def test_a_perceptual_term_keeps_the_classifier_it_has(digits):
    bench, own = small(digits), Classifier()
    loss = MeanSquaredError() + 0.1 * Perceptual() + 0.2 * Perceptual(own)
    (_, mse), (_, bare), (weight, kept) = bench.filled(loss).terms
    assert (mse, bare.classifier, weight, kept.classifier) == (MeanSquaredError(), bench.classifier, 0.2, own)


def test_images_that_nothing_degrades_are_their_own_references_on_every_device(digits):
    pair = Bench("smoke", digits, device="meta").pair(Source())  # a copy of the CPU's images, as on an accelerator
    assert (pair.train is pair.train_references, pair.test is pair.test_references) == (True, True)


def test_small_presets_take_a_sample_of_the_images_at_the_side_of_the_digits():
    labels = torch.arange(10_010)
    images = (labels / 20_000)[:, None, None, None].expand(-1, 1, 12, 12).contiguous()  # sorted, as files often are
    few = Bench("demo", Split("many", images, images[:2_010], labels)).split
    assert (few.train.shape, few.test.shape) == ((10_000, 1, 8, 8), (2_000, 1, 8, 8))
    assert torch.allclose(few.train[:, 0, 0, 0] * 20_000, few.train_labels.float(), atol=0.1)  # float32
    assert few.test_labels is None
    first = few.train_labels[:2_000].float()  # what a model is measured on is no first part of the file
    assert abs(float(first.mean()) - 5_005) < 5 * 2_890 / 2_000**0.5  # five standard errors
    assert few.train.untyped_storage().nbytes() == few.train.nbytes  # what a worker receives
    large = Bench("demo", Split("many", images, images[:9]), side=10).split
    assert large.train.shape[2:] == (10, 10)
    whole = Bench("paper", Split("many", images, images[:9], labels)).split
    assert whole.train.shape == images.shape
    assert sorted(whole.train_labels.tolist()) == labels.tolist()


def test_the_papers_data_are_known_by_what_they_are(digits):
    shape, mean = KNOWN["mnist"]
    images = torch.full(shape, mean)
    assert Bench("smoke", Split("folder", images, images[:5])).data == "mnist"
    assert Bench("smoke", Split("mnist", images + 0.1, images[:5])).data == "mnist"  # only named so
    assert Bench("smoke", digits).data == "digits"


def planted(rows):
    """A study that answers at once."""
    claims = tuple(Claim(text, kind, lambda t, m=measured: m, 2.0, 0.1, 0.1) for text, kind, measured in rows)
    return Study("oracle", "", "", lambda v: (), claims, {"smoke": Variant()})


def test_a_broken_law_ends_with_exit_code_1(monkeypatch):
    monkeypatch.setattr(cli, "CHECKED", ("oracle",))
    monkeypatch.setitem(studies(), "oracle", planted([("a law", LAW, 2.2), ("a missed control", "control", 2.0)]))
    monkeypatch.setattr(
        Claim, "rows", lambda self, table: [cli.Row(self.text, self.kind, self.measured(table), 2.0, (0.1, 0.1))]
    )
    outcome = CliRunner().invoke(cli.app, ["check"])
    assert outcome.exit_code == 1
    assert "a law" in outcome.stderr.splitlines()[-1]
    assert "a missed control" in outcome.stderr.splitlines()[-1]


def test_a_study_with_too_few_images_stays_out_of_a_check_and_is_told(monkeypatch):
    monkeypatch.setattr(cli, "CHECKED", ("oracle", "other"))
    monkeypatch.setitem(studies(), "oracle", replace(studies()["oracle"], images=10_000))
    monkeypatch.setitem(studies(), "other", replace(planted([("a law", LAW, 2.0)]), id="other"))
    monkeypatch.setattr(
        Claim, "rows", lambda self, table: [cli.Row(self.text, self.kind, self.measured(table), 2.0, (0.1, 0.1))]
    )
    outcome = CliRunner().invoke(cli.app, ["check", "--json"])
    assert outcome.exit_code == 1
    assert [(row["id"], row["verdict"]) for row in json.loads(outcome.stdout)] == [("other", "pass")]
    assert outcome.stderr.splitlines()[-1].startswith("Error: data = digits: must have 10000 different images to train")


def test_a_check_for_which_no_study_has_images_enough_is_refused(monkeypatch):
    monkeypatch.setattr(cli, "CHECKED", ("oracle",))
    monkeypatch.setitem(studies(), "oracle", replace(studies()["oracle"], images=10_000))
    with pytest.raises(InvalidInput, match="must have 10000 different images"):
        CliRunner().invoke(cli.app, ["check"], catch_exceptions=False)


def test_the_command_line(tmp_path):
    entries = json.loads(CliRunner().invoke(cli.app, ["list", "--json"]).stdout)
    assert [entry["id"] for entry in entries] == list(studies())
    assert all(set(entry) >= {"id", "paper", "checks", "cost"} for entry in entries)
    assert all(list(entry["cost"]) == ["smoke", "demo", "paper-lite", "paper"] for entry in entries)
    assert "oracle" in CliRunner().invoke(cli.app, ["list"]).stdout
    ran = CliRunner().invoke(cli.app, ["run", "oracle", "--out", str(tmp_path / "one")])
    assert ran.exit_code == 0, ran.output
    reported = CliRunner().invoke(cli.app, ["report", str(tmp_path)])
    assert reported.exit_code == 0, reported.output
    text = (tmp_path / "report.md").read_text()
    for picture in ("one-0.png", "one-samples.png"):
        assert picture in text
        assert (tmp_path / picture).read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["run", "nonsense", "--out", "x"], "id = nonsense"),
        (["check", "--preset", "huge"], "preset = huge"),
        (["check", "--device", "tpu"], "device = tpu"),
        (["check", "--data", "nowhere"], "must be a folder, or a file"),
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


def test_nine_measured_curves_have_nine_looks(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(report.plotting, "save", lambda canvas, path: drawn.extend(canvas.axes[0].lines))
    curves = [Curve(f"curve {n}", [0.0, 1.0], [n, n + 1.0]) for n in range(9)]
    report.draw(Chart("title", "x", "y", ()), curves, tmp_path / "nine.png")
    assert [line.get_label() for line in drawn] == [curve.label for curve in curves]
    assert len({(line.get_color(), line.get_marker()) for line in drawn}) == 9
    assert {line.get_linestyle() for line in drawn} == {"None"}  # between measured points nothing is known


def test_a_value_that_is_no_number_survives_its_file(tmp_path, digits, monkeypatch):
    monkeypatch.setattr(Bench, "measure", lambda self, study, model: [Record(model.labels, "train", "ratio", math.nan)])
    runner.run("twofold", small(digits), tmp_path / "a")
    records = [r for r in runner.read(tmp_path / "a").table.records if r.measure == "ratio"]
    assert records
    assert all(math.isnan(r.value) for r in records)
