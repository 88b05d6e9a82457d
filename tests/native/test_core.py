"""The compiled core: every size and kind closes, nothing is carried over, no byte is read or written out of place."""

import ctypes
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdptheory import (
    InteriorPoint,
    KullbackLeibler,
    Pmf,
    SquaredError,
    Table,
    TotalVariation,
    Wasserstein1,
    Wasserstein2Squared,
    _native,
    rdp,
)
from rdptheory._native import BOX, POWER, BallSpec, Question, library
from rdptheory._native import many as batch
from rdptheory.divergences import F_DIVERGENCES, SmoothFDivergence
from rdptheory.solvers import many
from rdptheory.solvers.interior_point import descent

ROOT = Path(__file__).parents[2]
BALLS = (None, *F_DIVERGENCES, Wasserstein1(), Wasserstein2Squared())


@pytest.mark.parametrize("n", range(2, 14))
def test_every_size_and_ball_closes(n):
    rng = np.random.default_rng(n)
    law = Pmf.from_weights(rng.dirichlet(np.ones(n)) + 1e-3, np.cumsum(rng.uniform(0.2, 1.0, n)))
    most = float((law.probabilities @ SquaredError().table(law.points)).min())
    for ball in BALLS:
        for P in (0.0, 0.02) if ball is not None else (np.inf,):
            found = rdp(law, SquaredError(), ball, D=0.3 * most, P=P, method=InteriorPoint())
            assert found.gap <= 1e-9, (ball, P, found)


@pytest.mark.parametrize("n", (129, 134, 257))
def test_tables_beyond_one_packed_block_close_in_as_many_steps(n):
    rng = np.random.default_rng(n)
    law = Pmf.from_weights(rng.dirichlet(np.ones(n)) + 1e-5, np.linspace(0.0, 1.0, n))
    for ball, P in ((None, np.inf), (TotalVariation(), 0.02), (TotalVariation(), 0.0), (Wasserstein2Squared(), 1e-3)):
        found = rdp(law, SquaredError(), ball, D=0.01, P=P, method=InteriorPoint())
        assert found.gap <= 1e-9, (ball, P, found)
        assert found.steps <= 30, "4 to 25, with those of a look without the ball: as many as with 128 symbols"


def _question(rng, n, m, kind):
    p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    d = rng.uniform(0.1, 1.0, (1, n, m))
    d -= d.min(axis=2, keepdims=True)
    ball = {"box": BallSpec(BOX, q, 0.05, m), "kl": BallSpec(POWER, q, 0.05, m, order=1.0)}[kind]
    return Question(p, d, np.array([0.4]), None, (ball,), q, 1e-3)


def _bits(found):
    return [array.tobytes() for array in (found.f, found.s, found.r, found.mu, found.state)]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["box", "kl"]))
def test_a_number_depends_on_its_own_question_alone(seed, kind):
    rng = np.random.default_rng(seed)
    questions = [_question(rng, *(int(k) for k in rng.integers(1, 12, 2)), kind) for _ in range(4)]
    alone = [_native.solve(question, 1e-9, 60) for question in questions]
    with ThreadPoolExecutor(2) as pool:
        together = [*pool.map(lambda one: _native.solve(one, 1e-9, 60), questions[::-1])][::-1]
    assert [_bits(found) for found in alone] == [_bits(found) for found in together]


def test_going_on_is_going_further():
    question = _question(np.random.default_rng(3), 6, 6, "kl")
    half = _native.solve(question, 1e-9, 3)
    assert half.sentence == "the limit of steps was reached"
    rest = _native.solve(question, 1e-9, 60, half.state)
    whole = _native.solve(question, 1e-9, 60)
    assert rest.sentence == whole.sentence == ""
    assert half.steps + rest.steps == whole.steps
    np.testing.assert_allclose(rest.r, whole.r, rtol=0.0, atol=1e-12)  # the same path: the slacks are reset once more


@dataclass(frozen=True)
class Cubic(SmoothFDivergence):
    """φ(t) = (t³ - 3t + 2)/6: the power divergence of order 3, which the core has and this class does not name."""

    recession = float("inf")

    def value(self, reference, output):
        held = reference > 0.0
        return (
            float("inf") if output[~held].any() else float(reference[held] @ self.phi(output[held] / reference[held]))
        )

    def phi(self, t):
        return (t**3 - 3.0 * t + 2.0) / 6.0

    def slope(self, t):
        return 0.5 * (t**2 - 1.0)

    def curvature(self, t):
        return t

    def ratio(self, y):
        return np.sqrt(np.maximum(0.0, 1.0 + 2.0 * y))

    def ratio_slope(self, y):
        return np.where(y > -0.5, 1.0 / np.sqrt(np.maximum(1e-300, 1.0 + 2.0 * y)), 0.0)


@dataclass(frozen=True)
class Named(Cubic):
    """The same, with its form told to the core."""

    compiled = (POWER, 3.0, 1.0)


def test_a_divergence_from_outside_is_called_and_agrees_with_its_compiled_form():
    law = Pmf([0.4, 0.3, 0.2, 0.1])
    called, compiled = (rdp(law, SquaredError(), ball, D=0.3, P=0.01) for ball in (Cubic(), Named()))
    assert called.gap <= 1e-9
    assert called.bounds.overlaps(compiled.bounds)
    assert called.steps == compiled.steps
    assert abs(called.rate - rdp(law, SquaredError(), KullbackLeibler(), D=0.3, P=0.01).rate) > 1e-6  # not that one


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_end_in_a_wide_true_bracket(monkeypatch, value):
    one, more = descent.solve, many.descend_many

    def broken(*asked):
        found = one(*asked)
        f = found.f.copy()
        f[0] = value
        return replace(found, f=f, finite=False)

    def all_broken(*asked):
        found = more(*asked)
        found.f[:, 0] = value
        return replace(found, finite=np.zeros_like(found.finite))

    monkeypatch.setattr(descent, "solve", broken)
    monkeypatch.setattr(many, "descend_many", all_broken)
    question = Pmf([0.5, 0.3, 0.2]), SquaredError(), TotalVariation()
    found = rdp(*question, D=0.2, P=0.02, method=InteriorPoint())
    assert found.status.value == "stopped"
    assert found.bounds.lower == 0.0
    assert rdp(*question, D=0.2, P=0.02).gap <= 1e-6  # the first-order loop is asked then


@pytest.mark.parametrize(
    ("packer", "kind"),
    [(batch.HELD, batch._Held), (batch.PROBLEM, library._Problem), (batch.QUESTION, batch._Question),
     (batch.FOUND, batch._Found)],
)  # fmt: skip
def test_what_packs_a_struct_knows_its_size(packer, kind):
    assert packer.size == ctypes.sizeof(kind)
    assert batch.QUESTION.size + batch.FOUND.size == batch.OUTCOME


def test_a_library_that_cannot_be_loaded_says_what_to_do(tmp_path):
    with pytest.raises(ImportError, match="install the package again with a C compiler"):
        library._loaded(tmp_path / "core.so")
    (tmp_path / "core.so").write_bytes(b"not a library")
    with pytest.raises(ImportError, match="cannot be loaded"):
        library._loaded(tmp_path / "core.so")


@pytest.mark.parametrize("name", ["core.so", "core-v3.so"])
def test_both_builds_agree(monkeypatch, name):
    """Last bits may differ with the instruction set; brackets may not."""
    path = Path(library.__file__).with_name(name)
    if not path.exists() or (
        name == "core-v3.so" and not library._loaded(path.with_name("core.so")).rdp_wide_registers()
    ):
        pytest.skip("this processor has no build of its own")
    question = _question(np.random.default_rng(5), 7, 7, "box")
    usual = _native.solve(question, 1e-9, 60)
    monkeypatch.setattr(library, "library", lambda: library._loaded(path))
    # the law moves by the root of the gap: I is quadratic about its minimum
    np.testing.assert_allclose(_native.solve(question, 1e-9, 60).r, usual.r, rtol=0.0, atol=3e-5)


@pytest.fixture
def compiler():
    """The machine's own: that of PyPI, where it is there, has a test of its own."""
    found = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("there is no C compiler")
    return found


def _next_to_nothing():
    """A third of the symbols have 1e-12 each, and D is 3e-4 of what needs no rate: limits that rounding is felt at."""
    rng = np.random.default_rng(3)
    masses, points = rng.dirichlet(np.ones(24)), np.sort(rng.normal(size=24))
    most = float((masses / masses.sum() @ SquaredError().table(points)).min())
    masses[:8] = 1e-12
    return Pmf.from_weights(masses, points), 3e-4 * most


def test_steps_beyond_the_best_one_cost_nothing():
    """Rounding throws single columns off by nats next to the end, where the lower end would pay for each: up to 0.1."""
    law, D = _next_to_nothing()
    gaps = [
        rdp(law, SquaredError(), TotalVariation(), D=D, P=0.05, method=InteriorPoint(max_steps=steps)).gap
        for steps in range(16, 64, 2)
    ]
    assert gaps[0] > 1e-7  # it is not there yet
    reached = next(place for place, gap in enumerate(gaps) if gap <= 1e-7)  # from here on the core keeps its best
    assert max(gaps[reached:]) <= 2e-7, "the promise of a descent and the bracket differ by less than a factor of two"


def test_no_bracket_hangs_on_how_sums_are_compiled(monkeypatch, tmp_path, compiler):
    """Without optimisation, and so without fused multiplications, other last bits meet the same rounding."""
    monkeypatch.syspath_prepend(str(ROOT / "build_tools"))
    import compile

    law, D = _next_to_nothing()
    for path in compile.build(tmp_path, ("-O0",)):
        core = library._loaded(path)
        if path.stem != "core" and not library.library().rdp_wide_registers():
            continue
        with monkeypatch.context() as patched:
            for module in (library, batch):
                patched.setattr(module, "library", lambda core=core: core)
            asked = [(1.0 + 1e-4 * k) * D for k in range(12)]
            gaps = [
                rdp(law, SquaredError(), TotalVariation(), D=one, P=0.05, method=InteriorPoint()).gap for one in asked
            ]
        assert max(gaps) <= 1e-8, "of 80 such limits one in ten is left 1e-9 to 5e-9 wide, in any build"


@pytest.mark.parametrize("wide", [(), ("-march=x86-64-v3",)], ids=["core", "core-v3"])
def test_sanitisers_find_nothing(tmp_path, compiler, wide):
    if wide and not library.library().rdp_wide_registers():
        pytest.skip("this processor has no build of its own")
    sources = [*sorted((ROOT / "rdptheory" / "_native").glob("*.c")), Path(__file__).with_name("drive.c")]
    target, empty = tmp_path / "drive", tmp_path / "empty.c"
    empty.write_text("int main(void) { return 0; }\n")
    sanitisers = "-fsanitize=address,undefined", "-fno-sanitize-recover=all"
    flags = ["-g", "-O0", "-std=gnu11", "-Wno-psabi", *sanitisers, *wide]

    def build(*files):
        command = [compiler, *flags, f"-I{ROOT / 'rdptheory' / '_native'}", *map(str, files), "-o", str(target), "-lm"]
        return subprocess.run(command, capture_output=True, text=True)

    if (tried := build(empty)).returncode:
        pytest.skip("the compiler has no sanitisers: " + tried.stderr.strip().splitlines()[-1])
    built = build(*sources)
    assert built.returncode == 0, built.stderr[-2000:]
    ran = subprocess.run([str(target)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout == "ok\n"
    assert ran.stderr == ""


def test_a_machine_without_a_compiler_asks_for_one(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "build_tools"))
    import backend
    import compile

    assert not any("ziglang" in need for need in backend.get_requires_for_build_wheel())
    monkeypatch.setenv("PATH", "")
    assert any("ziglang" in need for need in backend.get_requires_for_build_wheel())
    assert any("ziglang" in need for need in backend.get_requires_for_build_editable())
    assert compile.compiler() == [sys.executable, "-m", "ziglang", "cc"]


@pytest.mark.skipif(
    find_spec("ziglang") is None,
    reason="the compiler of machines without one takes 90 MB, so only .ci/run fetches it: pip install ziglang",
)
def test_the_core_is_built_without_a_compiler_on_the_path(monkeypatch, tmp_path):
    """In a folder of its own, with a PATH that leads nowhere, by the compiler that pip would fetch."""
    environment = {**os.environ, "PATH": str(tmp_path), "ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "cache")}
    script = [sys.executable, str(ROOT / "build_tools" / "compile.py"), str(tmp_path)]
    built = subprocess.run(script, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-2000:]
    question = _question(np.random.default_rng(5), 7, 7, "box")
    usual = _native.solve(question, 1e-9, 60)
    for path in map(Path, built.stdout.split()):
        found = library._loaded(path)
        if path.stem == "core" or found.rdp_wide_registers():
            monkeypatch.setattr(library, "library", lambda found=found: found)
            np.testing.assert_allclose(_native.solve(question, 1e-9, 60).r, usual.r, rtol=0.0, atol=3e-5)  # as above


def test_rectangular_tables_and_forbidden_entries():
    rng = np.random.default_rng(11)
    table = rng.uniform(0.0, 1.0, (5, 8))
    table -= table.min(axis=1, keepdims=True)
    for D in (0.0, 0.05):
        found = rdp(Pmf(rng.dirichlet(np.ones(5))), Table(table), None, D=D, P=np.inf)
        assert found.gap <= 1e-9
