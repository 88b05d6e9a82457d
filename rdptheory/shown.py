"""How a notebook shows an answer: a small table, with every letter of the data escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["as_html"]


def as_html(rows: Iterable[Sequence[object]], head: Sequence[str] = ()) -> str:
    """A table of HTML: the first cell of each row is its heading, unless `head` names the columns.

    >>> as_html([("rate", "< 1 bit")])
    '<table><tbody><tr><th>rate</th><td>&lt; 1 bit</td></tr></tbody></table>'
    """
    first = "td" if head else "th"
    body = []
    for lead, *others in rows:
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in others)
        body.append(f"<tr><{first}>{escape(str(lead))}</{first}>{cells}</tr>")
    heading = f"<thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr></thead>" if head else ""
    return f"<table>{heading}<tbody>{''.join(body)}</tbody></table>"
