"""The site: pages in Markdown, the gallery from `examples/`, the interface from docstrings; a warning is an error."""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(HERE))

from gallery_pictures import Arguments, Written  # noqa: E402
from interface import write_interface  # noqa: E402

import rdptheory  # noqa: E402

project, author, copyright = "rdptheory", "the authors of rdptheory", "the authors, MIT licence"
release = version = rdptheory.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/**/*.ipynb", "gallery/**/*.py.md5"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
html_theme = "furo"
html_title = "rdptheory"
html_static_path: list[str] = []
nitpicky = False
default_role = "code"
myst_enable_extensions = ["dollarmath", "deflist"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_use_rtype = False


def runs(example: Path) -> bool:
    """Whether what an example imports is installed; one of networks is shown as text where torch is not."""
    named = re.findall(r"^(?:import|from) (\w+)", example.read_text(encoding="utf-8"), re.MULTILINE)
    return all(find_spec(name) is not None for name in named)


RUN = [example.stem for example in (ROOT / "examples").glob("*.py") if runs(example)]

sphinx_gallery_conf = {
    "examples_dirs": [str(ROOT / "examples")],
    "gallery_dirs": ["gallery"],
    "filename_pattern": rf"/({'|'.join(RUN)})\.py$",
    "image_scrapers": (Written(),),
    "reset_argv": Arguments(),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1e9,
    "plot_gallery": os.environ.get("GALLERY", "1") == "1",
    "write_computation_times": False,
}

HEADING = re.compile(r"^-{3,}$")


def plain(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings are prose with displayed formulas, no markup: show them as they are written."""
    result: list[str] = []
    inside = False  # a section of parameters or the like, where indents mean definitions
    displayed = False
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if HEADING.match(following.strip()):
            inside, displayed = line.strip() not in ("Notes", "Examples", "References"), False
        indented = line.startswith("    ") and not inside
        if indented and not displayed and (not result or not result[-1].strip()):
            result += ["::", ""]
            displayed = True
        elif line.strip() and not indented:
            displayed = False
        text = line if displayed or line.lstrip().startswith(">>>") else re.sub(r"([*|])", r"\\\1", line)
        result.append(re.sub(r"(\w)_(?=\W|$)", r"\1\\_", text) if not displayed and ">>>" not in line else text)
    lines[:] = result


def setup(app: object) -> None:
    """Write the list of names, and show docstrings as they are."""
    write_interface(HERE / "interface.md")
    app.connect("autodoc-process-docstring", plain, priority=400)  # before napoleon
