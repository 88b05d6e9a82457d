import ast
import inspect
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from typer.testing import CliRunner

import neural.studies
from neural import cli, losses, models, runner
from neural.claims import CONTROL, IDENTITY, LAW, PAPER, Claim, Record, Row, Table, over
from neural.data import Split, tinted
from neural.runner import UNTRAINED, Bench
from neural.studies import CHECKED, GROUP, crossing, gaussian, studies, tradeoff
from neural.studies.gaussian import SPACE, dithered
from neural.studies.tradeoff import GRID
from neural.study import PRESETS, judge, printed
from rdptheory.errors import InvalidInput

IDS = [
    "rdp98", "perceptual-loss", "twofold", "degenerate", "dal", "universal", "quantizers", "refine", "error-bars",
    "superres", "denoise", "decompose", "separate-vs-joint", "baseline", "ground-truth", "cr", "jump", "interpolate",
    "framework-a", "framework-b", "post-process", "rgb", "depth", "oracle", "ecdq",
]  # fmt: skip


@pytest.fixture(scope="module")
def untrained(digits):
    """Every study in its smallest variant, on models with 1 % of their training."""
    few = Split("few", digits.train[:600], digits.test[:150], digits.train_labels[:600], digits.test_labels[:150])
    bench = Bench("smoke", few, share=UNTRAINED)  # fewer images to measure: nothing is learned of them anyway
    return {id: runner.answer(replace(study, images=600), bench) for id, study in studies().items()}


@pytest.fixture(scope="module")
def checked():
    """`check --preset smoke --json`, run once."""
    return CliRunner().invoke(cli.app, ["check", "--preset", "smoke", "--json"])


def test_the_registry_has_exactly_the_papers_experiments():
    assert sorted(studies()) == sorted(IDS)
    assert set(CHECKED) < set(IDS)


def test_the_smoke_check_holds_every_law_and_catches_every_control(checked):
    assert checked.exit_code == 0, checked.stderr
    rows = json.loads(checked.stdout)
    assert {row["id"] for row in rows} == set(CHECKED)
    fields = {"id", "claim", "kind", "measured", "theory", "tolerance", "expect", "verdict"}
    assert all(set(row) == fields for row in rows)
    for row in rows:
        assert (row["expect"], row["verdict"]) == (("fail",) * 2 if row["kind"] == CONTROL else ("pass",) * 2)
    assert {row["id"] for row in rows if row["kind"] == CONTROL} == {"oracle", "decompose"}
    assert {row["id"] for row in rows if row["kind"] == LAW} == {*CHECKED} - {"oracle"}


def test_untrained_models_break_the_laws_and_no_identity(untrained):
    rows = [row for result in untrained.values() for row in result.rows]
    laws = [row for row in rows if row.kind == LAW]
    assert all(row.verdict == "pass" for row in rows if row.kind == IDENTITY)
    assert sum(row.verdict == "fail" for row in laws) >= 0.9 * len(laws), [r for r in laws if r.verdict == "pass"]


def test_the_untrained_check_says_so_in_its_status(monkeypatch):
    monkeypatch.setattr(cli, "CHECKED", ("oracle", "twofold", "ecdq"))
    outcome = CliRunner().invoke(cli.app, ["check", "--untrained", "--json"])
    assert outcome.exit_code == 0, outcome.stderr
    assert any(row["kind"] == LAW and row["verdict"] == "fail" for row in json.loads(outcome.stdout))


@pytest.mark.parametrize(
    "rows,wrong",
    [
        ([Row("a law", LAW, 9.0, 1.0, (0.1, 0.1))] * 10, 0),
        ([Row("a law", LAW, 9.0, 1.0, (0.1, 0.1))] * 8 + [Row("kept", LAW, 1.0, 1.0, (0.1, 0.1))] * 2, 2),
        ([Row("an identity", IDENTITY, 9.0, 1.0, (0.1, 0.1))], 1),
    ],
)
def test_what_is_wrong_with_untrained_models(rows, wrong):
    assert len(cli.unbroken([("id", row) for row in rows])) == wrong


def mutations(table, row):
    """The table with one value changed: by an addend, a factor, and what would set a ratio right."""
    right = row.theory / row.measured if row.measured else 0.0
    for number, record in enumerate(table.records):
        for value in (record.value + 1.0, record.value * 0.5, record.value * 2.0, record.value * right):
            changed = record._replace(value=value)
            yield Table((*table.records[:number], changed, *table.records[number + 1 :]))


@pytest.mark.parametrize("id", IDS)
def test_every_claim_has_a_planted_failure(untrained, id):
    """A law fails on the untrained model; of the rest a planted value turns the verdict round."""
    study, table = untrained[id].study, untrained[id].table
    asked = [(claim, list(claim.rows(table))) for claim in study.claims]
    assert any(rows for _, rows in asked)
    for claim, rows in asked:
        if not rows or (claim.kind == LAW and any(row.verdict == "fail" for row in rows)):
            continue  # asked of larger variants only, or broken as it should be
        if claim.below is None:
            assert (claim.kind, {row.verdict for row in rows}) == (PAPER, {"shape"})
            continue
        flips = (next(claim.rows(other)).verdict for other in mutations(table, rows[0]))
        assert any(verdict != rows[0].verdict for verdict in flips), claim.text


def test_a_flipped_sign_breaks_the_law(digits, monkeypatch):
    right = losses.EnergyScore.__call__
    monkeypatch.setattr(losses.EnergyScore, "__call__", lambda self, *given: -right(self, *given))
    rows = runner.answer("twofold", Bench("smoke", digits, share=0.05)).rows
    assert all(row.verdict == "fail" for row in rows if "variance" not in row.claim)


def test_a_sampler_that_ignores_the_code_breaks_the_law(digits):
    bench = Bench("smoke", digits)
    oracle = runner.answer("oracle", bench).table
    ignoring = [r._replace(labels={"role": "sample", "rate": 4}) for r in oracle.where(role="any image").records]
    mean = [r._replace(labels={"role": "mean", "rate": 4}) for r in oracle.where(role="mean").records]
    extra = [Record(labels, "train", "sliced_w2", 1.0) for labels in (ignoring[0].labels, mean[0].labels)]
    rows = judge(studies()["twofold"], Table((*ignoring, *mean, *extra)))
    assert {row.claim.split(": ")[1].split(" / ")[0]: row.verdict for row in rows if "sliced" not in row.claim} == {
        "D": "fail", "bias by code": "fail", "variance by code": "fail",
    }  # fmt: skip


@pytest.mark.parametrize(
    "measured,kind,tolerance,verdict,good",
    [
        (2.05, LAW, (0.1, 0.1), "pass", True),
        (2.15, LAW, (0.1, 0.1), "fail", False),
        (2.15, CONTROL, (0.1, 0.1), "fail", True),
        (2.05, CONTROL, (0.1, 0.1), "pass", False),
        (9.0, PAPER, None, "shape", True),
        (math.nan, LAW, (0.1, 0.1), "fail", False),
        (math.nan, CONTROL, (0.1, 0.1), "fail", False),
        (math.inf, CONTROL, (0.1, 0.1), "fail", False),
        (1.0, IDENTITY, (math.inf, 0.0), "pass", True),
    ],
)
def test_verdicts(measured, kind, tolerance, verdict, good):
    row = Row("x", kind, measured, 2.0, tolerance)
    assert (row.verdict, row.as_expected) == (verdict, good)


def test_printed_numbers_stand_beside_their_own_images_at_the_papers_presets_only():
    study = studies()["twofold"]
    for value, verdict in ((0.0424 * 1.04, "pass"), (0.0424 * 1.06, "fail")):
        table = Table((Record({"role": "mean", "rate": 4}, "test", "distortion_per_pixel", value),))
        own = replace(study, claims=())
        assert [(r.kind, r.theory, r.verdict) for r in judge(own, table, data="mnist", preset="paper")] == [
            (PAPER, 0.0424, verdict)
        ]
        assert not judge(own, table, data="digits", preset="paper")
        assert not judge(own, table, data="mnist", preset="demo")


def test_every_printed_number_is_of_a_model_that_its_study_trains():
    for entry in printed():
        study = studies()[entry.study]
        models = study.models(study.variant("paper", 3 if entry.data == "svhn" else 1))
        assert any(all(m.labels.get(k) == v for k, v in entry.labels.items()) for m in models), entry


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("planes", [1, 3])
def test_every_preset_describes_models_with_labels_of_their_own(preset, planes):
    for study in studies().values():
        labels = [tuple(sorted(m.labels.items())) for m in study.models(study.variant(preset, planes))]
        assert labels
        assert len(set(labels)) == len(labels), study.id


def model(d, p, **labels):
    """D and P of a model."""
    return Record(labels, "train", "distortion_per_pixel", d), Record(labels, "train", "energy_distance", p)


@pytest.mark.parametrize(
    "perception,scale,ratio",
    [
        (1.0, 1.0, 2.0),  # between the two weights, where the line has D = 0.2
        (9.0, 1.0, 4.0),  # worse than all: the least D
        (0.4, 1.0, math.nan),  # better than all: nothing to compare with
        (1.0, 9.0, math.nan),  # end to end nothing was learned
    ],
)
def test_restoring_first_is_compared_at_equal_perception(perception, scale, ratio):
    whole = {"role": "end to end", "rate": 4.0}
    table = Table((
        *model(1.0, 5.0, role="mean image"), *model(0.4, perception, role="restored first", rate=4.0),
        *model(0.1 * scale, 1.5, **whole, weight=0.0), *model(0.3, 0.5, **whole, weight=0.1),
    ))  # fmt: skip
    assert crossing.restored_first(table, 4.0) == pytest.approx(ratio, rel=1e-12, nan_ok=True)


def test_perception_that_a_batch_cannot_tell_from_none_lost_counts_as_equal():
    whole = [(0.1, 0.5), (0.3, 0.04), (0.5, 0.02)]  # D and P by weight: the last two are below a hundredth of 5
    records = [r for n, (d, p) in enumerate(whole) for r in model(d, p, role="end to end", rate=4.0, weight=float(n))]
    others = *model(1.0, 5.0, role="mean image"), *model(0.4, 0.01, role="restored first", rate=4.0)
    assert crossing.restored_first(Table((*records, *others)), 4.0) == pytest.approx(0.4 / 0.3, rel=1e-12)


@pytest.mark.parametrize(("p", "share"), [(0.03, 0.5), (0.4, 0.05)])
def test_what_a_batch_cannot_see_is_not_asked_of_a_restorer(p, share):
    # of the mean image's 1.0: batches of 64 differ by 0.04, so an input nearer than that counts as so far
    values = {"mean image": 1.0, "input": p, "restored": 0.02}
    table = Table(tuple(Record({"role": role}, "train", crossing.P, value) for role, value in values.items()))
    assert crossing.restored(table) == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize(("free", "kept"), [(0.06, 1.0), (0.03, 2.0)])
def test_universal_decoders_are_asked_to_trade_behind_their_own_encoder(free, kept):
    # as near as end to end in both; in the second the decoder with the weight perceives no better than without
    values = {("end to end", 0.0): 0.03, ("end to end", 1.0): 0.04, ("universal", 0.0): free, ("universal", 1.0): 0.03}
    own = [({"role": role, "weight": weight, "rate": 6.0}, value) for (role, weight), value in values.items()]
    table = Table(tuple(Record(labels, "train", tradeoff.ED, value) for labels, value in own))
    assert tradeoff.kept(table, 6.0, 1.0) == pytest.approx(kept, rel=1e-12)


def test_perception_is_compared_beyond_what_two_halves_of_the_images_differ_by():
    """A perfect sampler shows the floor and no more: over the mean's, .26 of it was counted as its fault."""
    own, other = {"role": "sample"}, {"role": "mean"}
    values = {"sample": (0.018, 0.01), "mean": (0.07, 0.02), "mean image": (1.0, 0.1)}
    records = [Record({"role": role}, "train", "sliced_w2", p, 0.018) for role, (p, _) in values.items()]
    table = Table(
        (*records, *(Record({"role": r}, "train", "distortion_per_pixel", d) for r, (_, d) in values.items()))
    )
    assert over("sliced_w2", own, other, "mean image")(table) == 0.0
    assert math.isnan(over("sliced_w2", other, own)(table))  # nothing to compare with
    assert over("distortion_per_pixel", own, other)(table) == pytest.approx(0.5, rel=1e-12)
    assert math.isnan(over("sliced_w2", own, {"role": "mean image"}, "mean image")(table))  # it tells no images apart


def test_a_codec_is_held_against_the_mean_of_the_images_it_reproduces():
    values = {"source mean": 0.1, "target mean": 1.0, "target alone": 0.4}
    records = [Record({"role": r, "rate": 4.0}, "train", "distortion_per_pixel", v) for r, v in values.items()]
    table = Table((*records, Record({"role": "joint", "rate": 4.0}, "train", "output", 0.6)))
    assert crossing.apart("target", "output", 0.5, 0.5).measured(table, rate=4.0) == pytest.approx(1.5, rel=1e-12)


def test_the_grid_has_98_pairs():
    assert sum(len(weights) for _, weights in GRID) == 98
    study = studies()["rdp98"]
    models = list(study.models(study.variant("paper", 1)))
    pairs = {(m.labels["rate"], m.latent, m.labels["lambda"]) for m in models if "lambda" in m.labels}
    assert len(pairs) == 98
    printed = [weight for _, weights in GRID for weight in weights]
    assert sorted(weight for *_, weight in pairs) == sorted(printed)
    for claim in study.claims[:2]:  # said as the table of the models says it
        assert "lambda = 10 over that at lambda = 0" in claim.text
        assert claim.of == {"lambda": 10.0}


def branches(module):
    kinds = (ast.If, ast.IfExp, ast.While, ast.Match)
    return [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, kinds)]


def test_studies_have_no_branch_on_a_preset_and_the_runner_few_branches():
    for module in (neural.studies.posterior, neural.studies.tradeoff, neural.studies.crossing, gaussian):
        for node in branches(module):
            assert not {"preset", "smoke", "demo", "paper"} & {word for word in ast.unparse(node.test).split()}
    assert len(branches(runner)) <= 40


def test_studies_of_other_packages_are_found(monkeypatch):
    kept = studies()

    class Entry:
        def load(self):
            return (replace(kept["oracle"], id="mine"),)

    monkeypatch.setattr(neural.studies, "entry_points", lambda group: [Entry()] if group == GROUP else [])
    studies.cache_clear()
    try:
        assert list(studies()) == [*kept, "mine"]
    finally:
        studies.cache_clear()


def test_studies_of_other_packages_that_cannot_be_taken_are_named(monkeypatch):
    """An id of ours took the place of ours in every check; the rest ended in Python's words."""
    oracle = studies()["oracle"]

    class Entry:
        value = "mine:STUDIES"
        held = ()

        def load(self):
            if not self.held:
                raise ImportError("no nowhere")
            return self.held

    monkeypatch.setattr(neural.studies, "entry_points", lambda group: [Entry()])
    mine = replace(oracle, id="mine")
    for held, said in (
        ([replace(oracle)], "must have ids of its own: there is a study oracle"),
        ([mine, replace(mine)], "there is a study mine"),
        (oracle, "must be a list of Study"),
        ([1], "must be a list of Study"),
        ((), "cannot be loaded: no nowhere"),
    ):
        monkeypatch.setattr(Entry, "held", held)
        with pytest.raises(InvalidInput, match=f"mine:STUDIES: .*{said}"):
            studies.__wrapped__()


def test_claims_ask_once_for_every_combination_of_labels():
    records = [Record({"rate": r, "role": role}, "train", "D", r) for r in (1.0, 2.0) for role in "ab"]
    claim = Claim("R = {rate:g}", LAW, lambda t, rate: t.at("D", rate=rate, role="a"), 1.0, 0.0, 0.5, ("rate",))
    assert [(row.claim, row.verdict) for row in claim.rows(Table(tuple(records)))] == [
        ("R = 1", "pass"), ("R = 2", "fail"),
    ]  # fmt: skip
    with pytest.raises(KeyError, match="0 records"):
        Table(()).at("D")
    with pytest.raises(KeyError, match="2 records"):
        Table(tuple(records)).at("D", rate=1.0)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_features_take_colour_and_need_no_labels(digits, labelled):
    colour = tinted(digits, seed=0)
    split = replace(colour, train_labels=digits.train_labels if labelled else None)
    result = runner.answer("perceptual-loss", Bench("smoke", split, share=0.02))
    measures = ("frechet", "kernel_distance")
    assert all(math.isfinite(r.value) for r in result.table.records if r.measure in measures)


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


def test_a_picture_format_loses_less_at_higher_quality_and_knows_its_bits(digits):
    errors, sizes = [], []
    for quality in (5, 90):
        codec = neural.Shown(format="JPEG", quality=quality).make(digits.test, {}, 0)
        values = neural.evaluate(codec, codec.decoder, digits.test)
        errors.append(values["distortion_per_pixel"].value)
        sizes.append(values["rate_bits"].value)
        assert math.isnan(values["entropy_bits"].value)  # as many codes as images
    assert errors[1] < 0.2 * errors[0]
    assert 0 < sizes[0] < sizes[1]


def test_a_picture_format_writes_the_same_images_once_and_forgets_the_oldest(digits, monkeypatch):
    written, write = [], models.Pillow.__call__
    monkeypatch.setattr(models.Pillow, "__call__", lambda *a, **kw: written.append(len(a[1])) or write(*a, **kw))
    encoder = neural.Conventional("JPEG", 20)
    first, bits = encoder(digits.test[:3]), encoder.bits
    assert not torch.equal(encoder(digits.test[3:5]), first[:2])
    assert torch.equal(encoder(digits.test[:3]), first)
    assert (encoder.bits, written) == (bits, [3, 2])
    for n in range(models.KEPT):
        encoder(digits.test[n : n + 1])
    assert torch.equal(encoder(digits.test[:3]), first)
    assert (len(encoder.kept), written[-1]) == (models.KEPT, 3)


def test_rescaling_is_the_line_of_least_squares_at_every_pixel(digits):
    images, made, outputs = digits.train[:300], {}, []
    for model in (shown := neural.Shown(format="JPEG")), models.Rescaled(of=shown):
        codec = made[model] = model.make(images, made, 0)
        sent = codec.send(images, torch.Generator())
        outputs.append(codec.decoder(sent.received, torch.Generator()).flatten(1).double().numpy())
    for pixel in (20, 36):
        x, y = outputs[0][:, pixel], images.flatten(1).double().numpy()[:, pixel]
        line = np.polyval(np.polyfit(x, y, 1), x)
        assert outputs[1][:, pixel] == pytest.approx(line, abs=1e-5)  # sums of 300 numbers in float32


def test_unknown_presets_are_refused(digits):
    with pytest.raises(InvalidInput, match="paper-lite"):
        runner.answer("oracle", Bench("huge", digits))


def test_an_exact_sampler_permutes_the_images_it_was_made_from(digits):
    images = digits.train[:500]
    made = {}
    for model in (mean := neural.KMeans(bits=3)), neural.Sampler(of=mean):
        made[model] = model.make(images, made, 0)
    codec = made[model]
    rng = torch.Generator().manual_seed(1)
    output = codec.decoder(codec.send(images, rng).received, rng)
    assert sorted(map(tuple, output.flatten(1).tolist())) == sorted(map(tuple, images.flatten(1).tolist()))
    assert not torch.equal(output, images)
    assert torch.equal(codec.send(output, rng).cells, codec.send(images, rng).cells)
