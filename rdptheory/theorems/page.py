"""The catalogue as a page of documentation."""

from __future__ import annotations

from rdptheory.theorems.index import PAPERS, UNTESTABLE, catalogue

__all__ = ["markdown"]

HEAD = """# Theorems that check themselves

Every numbered statement of five papers that says something about numbers, and what others state of the functions beside
R(D,P) here, in the form that is checked. This page is written by
`rdptheory theorems --markdown` from `rdptheory.theorems.catalogue`; do not edit it.

`rdptheory verify` draws instances that meet the conditions of each statement, from numpy generators whose seed is in
the output, and reads certified brackets:

| verdict | when |
|---|---|
| HOLDS | margin >= -(gap + 1e-9) |
| VIOLATED | margin below that: every pair of numbers inside the brackets breaks the statement by more than 1e-9 |
| UNDECIDED | the gap is above 1e-6 |

The margin is the slack that the brackets prove (minus the largest difference they allow, where the claim is an
equality), and the gap is their width. Each counterexample lies outside the conditions, and its verdict HOLDS says that
the statement fails there by more than 1e-6. Rates are in nats, also where a paper prints bits; Hb is the binary entropy
in nats.
"""


def markdown() -> str:
    """The text of `docs/theorems.md`."""
    parts = [HEAD]
    for paper, title in PAPERS.items():
        parts.append(f"## {paper}\n\n{title}.\n")
        for statement in catalogue.values():
            if statement.key.split(".")[0] != paper:
                continue
            lines = [f"### {statement.key}", "", statement.words, "", f"    {statement.formula}", ""]
            lines += [f"* Setting: {statement.setting}.", f"* Conditions: {statement.conditions}."]
            lines.append(f"* Where: {statement.reference}. Margin in: {statement.unit}.")
            if statement.proof is not None:
                lines.append("* The closed form is also proved with sympy.")
            lines += [f"* Fails (`{statement.key}.{one.name}`): {one.words}." for one in statement.counterexamples]
            parts.append("\n".join(lines) + "\n")
        without = [f"| {key} | {why} |" for key, why in UNTESTABLE.items() if key.split(".")[0] == paper]
        if without:
            parts.append("\n".join(["Without an entry:", "", "| key | why |", "|---|---|", *without]) + "\n")
    return "\n".join(parts)
