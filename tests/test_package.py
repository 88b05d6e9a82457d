"""The package as a whole: light to import, complete when built, free of what does not belong in it."""

import ast
import configparser
import importlib.metadata
import inspect
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import rdptheory

ROOT = Path(__file__).parents[1]
HEAVY = ("matplotlib", "cvxpy", "sympy", "torch", "sklearn", "xarray", "joblib", "dask", "scipy.stats")
FORBIDDEN = {"pickle", "dill", "marshal", "shelve", "eval", "exec", "print"}
CITATION = re.compile(r"\[([A-Z][A-Za-z]+\d\d[a-z]?)\b[^\]]*\]")
ELSEWHERE = re.compile(r"(?<![\w.:/])/(?:home|root|work|Users|mnt|tmp|var|opt)/|[A-Z]:\\\\|(?<![\w./])\.\./\.\./")


def tracked(*patterns):
    """Files under version control, or of the folder where there is no repository."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    return [path for pattern in patterns or ("*",) for path in ROOT.rglob(pattern) if path.is_file()]


def modules():
    return sorted((ROOT / "rdptheory").rglob("*.py"))


def offences(source):
    """Names in `source` that the package does without: other formats than text, evaluated strings, printing."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names.add(node.func.id)
        elif isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names & FORBIDDEN


def citations(text):
    return set(CITATION.findall(text))


def test_importing_is_light():
    probe = f"import sys, json, rdptheory; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    ran = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert json.loads(ran.stdout) == []
    assert ran.stderr == ""


def test_what_is_loaded_late_is_there_and_what_is_not_there_is_named():
    probe = "import rdptheory; print(len(rdptheory.theorems.catalogue) > 0, rdptheory.plot_curves.__module__)"
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (ran.stdout, ran.stderr) == ("True rdptheory.plotting\n", "")
    with pytest.raises(AttributeError, match="module 'rdptheory' has no attribute 'rdb'"):
        _ = rdptheory.rdb


def test_every_public_name_exists_and_is_explained():
    assert sorted(rdptheory.__all__) == list(rdptheory.__all__)
    for name in rdptheory.__all__:
        assert inspect.getdoc(getattr(rdptheory, name)), name


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_explain_themselves_and_keep_to_the_rules(path):
    source = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source)), path
    assert offences(source) == set()


@pytest.mark.parametrize(
    "source", ["import pickle", "from marshal import loads", "print(1)", "def f():\n    eval('1')"]
)
def test_what_breaks_the_rules_is_seen(source):
    assert offences(source)


def test_the_version_is_said_once():
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg", encoding="utf-8")
    assert metadata["metadata"]["version"] == rdptheory.__version__
    assert importlib.metadata.version("rdptheory") == rdptheory.__version__


def test_citations_are_in_the_bibliography():
    known = set(re.findall(r"^@\w+\{([^,\s]+)", (ROOT / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))
    cited = {path: citations(path.read_text(encoding="utf-8")) for path in modules()}
    assert set().union(*cited.values()), "no citation was found at all"
    assert {str(path): keys - known for path, keys in cited.items() if keys - known} == {}


def test_a_citation_is_recognised():
    assert citations("see [BM19, eq. 4] and [CT06], not [0, 1], [MSE], x[i] or [D50]") == {"BM19", "CT06"}


def test_no_tracked_file_points_outside_the_repository():
    for path in tracked():
        if path.suffix in {".py", ".cfg", ".toml", ".md", ".txt", ".bib", ".yml", ".yaml", ""} and path != Path(
            __file__
        ):
            found = ELSEWHERE.search(path.read_text(encoding="utf-8"))
            assert found is None, f"{path.relative_to(ROOT)} names {found.group() if found else ''}"


@pytest.mark.parametrize("text", ["open('/home/me/data.csv')", "see /tmp/x", "../../elsewhere"])
def test_a_path_outside_the_repository_is_seen(text):
    assert ELSEWHERE.search(text)
    assert not ELSEWHERE.search("https://example.org/home/ and a/b/../c or D/P")


def test_the_wheel_holds_every_module(tmp_path):
    """An editable install would hide a package that the wheel lacks."""
    source = tmp_path / "source"
    build = ("setup.cfg", "setup.py", "pyproject.toml", "MANIFEST.in", "build_tools")
    for path in tracked("rdptheory", "neural", *build, "README.md", "LICENSE"):
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [*command, "--wheel-dir", str(tmp_path), str(source)],
        check=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    [wheel] = tmp_path.glob("rdptheory-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        [entry_points] = [name for name in held if name.endswith("entry_points.txt")]
        assert "rdptheory = rdptheory.cli:main" in archive.read(entry_points).decode()
    expected = {path.relative_to(source).as_posix() for path in (source / "rdptheory").rglob("*") if path.is_file()}
    assert "rdptheory/py.typed" in expected
    assert expected <= held
    assert "rdptheory/_native/core.so" in held
    assert wheel.name.split("-")[2:4] == ["py3", "none"]  # a library without Python in it serves every Python
    assert not any(name.startswith("tests/") for name in held)
