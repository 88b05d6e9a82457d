"""Every snippet of the README and of the pages can be pasted: it runs, and prints what stands below it."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from rdptheory import cli
from rdptheory.theorems.statement import CATALOGUE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|text|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {
    "grey.csv": "level;count\n0;120\n1;60\n2;20\n",
    "codec.csv": "name,rate_bits,D,P\na,1,0.1,0.05\n",
    "joint.csv": "0.5,0.1\n0.1,0.2\n0.02,0.08\n",
    "classes.csv": "0.95,0.05\n0.4,0.6\n0.1,0.9\n",
    "never.csv": "0,1,inf\n1,0,1\ninf,1,0\n",
}
"""What the commands of the pages read."""
ELSEWHERE = ("pip", "make", "git")  # installs, and what the other tests run


def blocks(page):
    return [(kind, text) for kind, text in BLOCK.findall(page.read_text(encoding="utf-8"))]


def agree(wanted, got):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(wanted, got, flags)


def with_snippets(kinds):
    return [page for page in PAGES if any(kind in kinds for kind, _ in blocks(page))]


@pytest.fixture
def catalogue():
    """Without the statements that a page enters."""
    before = dict(CATALOGUE)
    yield
    CATALOGUE.clear()
    CATALOGUE.update(before)


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("page", with_snippets({"python"}), ids=lambda page: page.stem)
def test_python_runs_and_prints_what_stands_below(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world, said = {}, None
    for kind, text in blocks(page):
        if kind == "python":
            assert ">>>" not in text, "prompts do not paste"
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(text, f"{page.name}: {text.splitlines()[0]}", "exec"), world)
            said = printed.getvalue()
        elif kind == "text" and said is not None:
            assert agree(text, said), f"{page.name} says\n{text}and not\n{said}"
            said = None
        else:
            said = None
    plt.close("all")


def run(words):
    """Exit status, standard output and error of a command; ours runs in this process, which has imported it already."""
    if words[0] != "rdptheory":
        ran = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, timeout=300, check=False)
        return ran.returncode, ran.stdout, ran.stderr
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.main(words[1:])
    plt.close("all")
    return ended.value.code or 0, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("page", with_snippets({"sh"}), ids=lambda page: page.stem)
def test_commands_run_and_print_what_stands_below(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(tmp_path / name).write_text(text)
    Path(tmp_path / "examples").symlink_to(ROOT / "examples")
    said = None
    for kind, text in blocks(page):
        if kind == "text" and said is not None:
            assert agree(text, said), f"{page.name} says\n{text}and not\n{said}"
        said = None
        if kind != "sh":
            continue
        said = ""
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            assert not line.startswith("$"), "prompts do not paste"
            if not words or words[0] in ELSEWHERE or words[:3] == ["python", "-m", "neural"]:
                continue
            if words[1:2] in (["demo"], ["papers"]) or words == ["rdptheory", "verify"]:
                words = [words[0], words[1], "--help"]  # minutes: other tests run them
            code, out, err = run(words)
            wrong = "Error:" in err
            assert code == (2 if wrong else 0), f"{line}\n{err}"
            said += out + (err if wrong else "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_resolve(page):
    text = page.read_text(encoding="utf-8")
    assert "{doc}" not in text, "a link of Sphinx alone: who reads the file elsewhere cannot follow it"
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in link:
            assert (page.parent / link).exists(), link
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        heads = [
            re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-")
            for head in re.findall(r"^#+ (.*)$", text, re.M)
        ]
        assert anchor in heads, anchor


def test_what_a_page_says_wrongly_is_seen():
    assert not agree("1.5\n", "1.6\n")
    assert agree("1.5...\n", "1.52\n")
