"""The page: sections of pictures and tables, one HTML file without anything outside it."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from rdptheory._types import down, up
from rdptheory.doors import guard
from rdptheory.errors import MissingPackage
from rdptheory.files import write_text
from rdptheory.plotting import DPI
from rdptheory.report.explorer import formulas_as_javascript

TINY = 1e-6
"""Below it a number is a width or a slack, of which two digits say enough."""

LONG = 60
"""Letters of a cell that gets a width of its own: a narrow one would be a tower."""

__all__ = ["Block", "Least", "Most", "Section", "picture", "write_page"]


@dataclass(frozen=True)
class Block:
    """Pictures, a table or both, below a title of their own if there are several."""

    title: str = ""
    says: str = ""
    pictures: Sequence[str] = ()
    caption: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    anchor: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Whether a column holds numbers, whose head then stands to the right as they do."""
        return [isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in (self.rows or [()])[0]]


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, its title, what it says, the command that makes it again, its blocks, and the
    lines that their calls in Python stand on."""

    anchor: str
    title: str
    words: Sequence[str]
    command: str = ""
    blocks: Sequence[Block] = ()
    code: str = ""


class Least(float):
    """A lower end, shown rounded down."""


class Most(float):
    """An upper end, shown rounded up."""


def picture(drawn: Any) -> str:
    """A figure, or the PNG file that it was written to, as base64 of such a file."""
    if isinstance(drawn, Path):
        return base64.b64encode(drawn.read_bytes()).decode("ascii")
    held = io.BytesIO()
    drawn.savefig(held, format="png", dpi=DPI)
    return base64.b64encode(held.getvalue()).decode("ascii")


def write_page(
    path: Path, sections: Sequence[Section], *, command: str, seconds: float, versions: str, files: Sequence[str]
) -> Path:
    """Write the page; the explorer's formulas are made from the symbolic expressions on the way.

    Raises
    ------
    MissingPackage
        jinja2 or sympy is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise MissingPackage("jinja2", "report") from None
    folder = resources.files("rdptheory.report").joinpath("templates")
    world = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    world.filters["cell"] = _cell
    template = world.from_string(folder.joinpath("page.html").read_text(encoding="utf-8"))
    text = template.render(
        sections=sections,
        command=command,
        seconds=f"{seconds:.0f}",
        versions=versions,
        files=files,
        formulas=_script(formulas_as_javascript()),
        script=_script(folder.joinpath("page.js").read_text(encoding="utf-8")),
    )
    return write_text(path, text)


def _script(code: str) -> Any:
    """Code that may stand in a script element."""
    from markupsafe import Markup

    assert "</script" not in code.lower()
    return Markup(code)


def _cell(value: Any) -> Any:
    """One cell: numbers to the right, sorted by what they are and not by how they are written."""
    from markupsafe import Markup, escape

    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Markup('<td data-value=""></td>')
    if isinstance(value, (int, float)):
        shown = "∞" if value == math.inf else f"{value:.2g}" if 0.0 < abs(value) < TINY else f"{value:.10g}"
        if isinstance(value, (Least, Most)) and math.isfinite(value):
            shown = (down if isinstance(value, Least) else up)(float(value), 10)
        return Markup('<td class="number" data-value="{}">{}</td>').format(repr(value), shown)
    text = str(value)
    mark = ' class="bad"' if text in ("VIOLATED", "UNDECIDED") else ' class="long"' if len(text) > LONG else ""
    parts = [
        Markup("<code>{}</code>").format(part) if k % 2 else escape(part) for k, part in enumerate(text.split("`"))
    ]
    return Markup(f"<td{mark}>") + Markup("").join(parts) + Markup("</td>")


guard(__name__)
