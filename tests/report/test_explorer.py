"""The explorer computes what Python computes, in a real browser, from formulas that have no second copy."""

import html
import json
import math
import re

import numpy as np
import pytest

from rdptheory.closed_forms import bernoulli, gaussian, laplacian, transport_binary, transport_gaussian
from rdptheory.divergences import KullbackLeibler
from rdptheory.report import Section, write_page
from rdptheory.report.explorer import FORMULAS, formulas_as_javascript
from rdptheory.sources import Gaussian
from rdptheory.units import bits_to_nats, nats_to_bits
from tests.report.browser import browser, visit

CLOSE = 1e-9  # bits: what the page promises
POINTS = 1002  # a sixth for each law


def expected(name, values):
    """The same question in Python."""
    v = values
    match name:
        case "bernoulli":
            return nats_to_bits(float(bernoulli.rate(v["p"], v["D"], v["P"])))
        case "gaussian_w2":
            return nats_to_bits(float(gaussian.rate(v["sigma"] ** 2, v["D"], v["P"])))
        case "gaussian_kl":
            return nats_to_bits(float(gaussian.rate(v["sigma"] ** 2, v["D"], v["P"], KullbackLeibler())))
        case "laplace":
            return nats_to_bits(float(laplacian.rate(v["scale"], v["D"])))
        case "transport_bernoulli":
            form, laws, common = transport_binary, (v["qX"], v["qY"]), v["common_randomness"]
        case "transport_gaussian":
            common = v["common_randomness"]
            common = common if isinstance(common, bool) else bits_to_nats(common)
            form, laws = transport_gaussian, (Gaussian(v["mX"], v["sX"] ** 2), Gaussian(v["mY"], v["sY"] ** 2))
    if "R" in v:
        return float(form.distortion(*laws, R=bits_to_nats(v["R"]), common_randomness=common))
    return nats_to_bits(float(form.rate(*laws, D=v["D"], common_randomness=common)))


def questions():
    rng = np.random.default_rng(0)

    def one(name):
        u = rng.uniform
        P = [0.0, float(u(0, 0.6)), float(10 ** u(-8, 0)), "inf"][int(rng.integers(4))]
        if name == "bernoulli":
            return {"p": float(u(0, 1)), "D": float(u(0, 0.7)), "P": P}
        if name.startswith("gaussian"):
            sigma = float(u(0.2, 3))
            return {"sigma": sigma, "D": float(u(0.001, 2.2)) * sigma**2, "P": P}
        if name == "laplace":
            return {"scale": float(u(0.2, 3)), "D": float(10 ** u(-3, 1))}
        if name == "transport_bernoulli":
            laws, common = {"qX": float(u(0, 1)), "qY": float(u(0, 1))}, bool(rng.integers(2))
            low, high = abs(laws["qX"] - laws["qY"]), sum(laws.values()) - 2 * laws["qX"] * laws["qY"]
            top = 1.0
        else:
            laws = {"mX": float(u(-1, 1)), "mY": float(u(-1, 1)), "sX": float(u(0.3, 2)), "sY": float(u(0.3, 2))}
            common = [False, True, float(u(0, 2))][int(rng.integers(3))]
            low = (laws["mX"] - laws["mY"]) ** 2 + (laws["sX"] - laws["sY"]) ** 2
            high, top = low + 2 * laws["sX"] * laws["sY"], 4.0
        if rng.integers(2):
            return {**laws, "common_randomness": common, "R": float(u(0, top))}
        return {**laws, "common_randomness": common, "D": float(u(low + 0.02 * (high - low), 1.1 * high))}

    names = ("bernoulli", "gaussian_w2", "gaussian_kl", "laplace", "transport_bernoulli", "transport_gaussian")
    return [(name, one(name)) for name in names for _ in range(POINTS // len(names))]


def agree(found, wanted):
    if math.isinf(wanted):
        return found == "Infinity"
    return not isinstance(found, str) and abs(found - wanted) <= CLOSE


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    section = Section("explorer", "Explorer", ["Move the sliders."])
    return write_page(path, [section], command="none", seconds=0.0, versions="none", files=[])


def asked(page, script, folder):
    """The page with a script of ours behind it: what it finds, as JSON, and what the console said."""
    program = browser()
    if program is None:
        pytest.skip("no headless browser here: apt-get install chromium, or set CHROMIUM")
    text = page.read_text(encoding="utf-8")
    ours = f'<pre id="found"></pre><script>document.getElementById("found").textContent = JSON.stringify({script});'
    (folder / "asked.html").write_text(text.replace("</body>", f"{ours}</script></body>"), encoding="utf-8")
    document, complaints = visit(program, folder / "asked.html", folder / "profile")
    held = re.search(r'<pre id="found">(.*?)</pre>', document, re.DOTALL)
    assert held, document[-500:]
    return json.loads(html.unescape(held.group(1))), complaints, document


def test_a_thousand_points_agree(page, tmp_path):
    points = questions()
    assert len(points) == POINTS
    script = f"""{json.dumps(points)}.map(([name, values]) => {{
        const value = window.explorer(name, values); return Number.isFinite(value) ? value : String(value); }})"""
    found, complaints, document = asked(page, script, tmp_path)
    wrong = []
    for (name, values), value in zip(points, found, strict=True):
        wanted = expected(name, {key: math.inf if part == "inf" else part for key, part in values.items()})
        wrong += [] if agree(value, wanted) else [(name, values, value, wanted)]
    assert wrong == []
    assert complaints == []
    assert "<path" in document  # the curve was drawn


def test_names_that_others_use_mean_the_same_and_nonsense_is_refused(page, tmp_path):
    script = """[
        explorer('gaussian_w2', {variance: 4, D: 1, P: 0.1}), explorer('gaussian_w2', {sigma: 2, D: 1, P: 0.1}),
        explorer('transport_gaussian', {s_X: 1, s_Y: 2, m_X: 0, m_Y: 1, R: 1}),
        explorer('transport_gaussian', {sigmaX: 1, varianceY: 4, muX: 0, muY: 1, R: 1, R_c: 0}),
        explorer('bernoulli', {p: 0.75, D: 0.1, P: 0.05}), explorer('bernoulli', {p: 0, D: 0.1, P: 0}),
        explorer('laplace', {b: 2, D: 0.5}),
        ...[['nobody', {}], ['bernoulli', {p: 'x', D: 1}], ['bernoulli', {p: 0.5, q: 1}],
            ['gaussian_kl', {P: 1}]].map(([name, values]) => { try { explorer(name, values); return 'taken'; }
                catch (problem) { return 'refused'; } }),
    ]"""
    found, complaints, _ = asked(page, script, tmp_path)
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[4] == pytest.approx(0.343473644841, abs=1e-11)
    assert found[5:7] == [0, 2]
    assert found[7:] == ["refused", "refused", "refused", "refused"]
    assert complaints == []


def test_every_law_is_drawn_with_its_sliders(page, tmp_path):
    script = """(() => {
        const root = document.querySelector('.explorer'), choice = root.querySelector('select');
        startExplorer(root);
        return explorer.names.map((name) => {
            choice.value = name;
            choice.dispatchEvent(new Event('change'));
            return [name, root.querySelectorAll('path').length, root.querySelector('output').textContent];
        });
    })()"""
    found, complaints, _ = asked(page, script, tmp_path)
    assert [curves for _, curves, _ in found] == [3, 3, 3, 1, 2, 2]  # P = 0, P and no limit; one; with and without
    said = {name: text for name, _, text in found}
    assert said["laplace"].startswith(f"R(0.3) = {math.log2(1 / 0.3):.8f}")
    assert said["bernoulli"].startswith("R(0.1, 0.05) = 0.343473")
    assert complaints == []


def test_a_wrong_formula_and_a_script_that_fails_are_seen(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    planted = tmp_path / "planted.html"
    planted.write_text(text.replace("-h*Math.log(h)", "-1.000001*h*Math.log(h)"), encoding="utf-8")
    question = {"qX": 0.3, "qY": 0.6, "R": 0.5, "common_randomness": False}
    script = f"[explorer('transport_bernoulli', {json.dumps(question)})]"
    [value], _, _ = asked(planted, script, tmp_path)
    assert not agree(value, expected("transport_bernoulli", question))
    planted.write_text(text.replace("</body>", "<script>throw new Error('planted')</script></body>"), encoding="utf-8")
    assert any("planted" in line for line in asked(planted, "[]", tmp_path)[1])


def test_every_expression_becomes_javascript():
    code = formulas_as_javascript()
    assert "Not supported" not in code
    assert all(f'"{name}": (' in code for name in FORMULAS)


def test_the_page_needs_nothing_outside_it(page):
    text = page.read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text) == []
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert 'name="viewport"' in text
