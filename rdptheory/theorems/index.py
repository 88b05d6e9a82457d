"""All statements by key, and those that no number can test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from rdptheory.doors import guard
from rdptheory.shown import as_html
from rdptheory.theorems.statement import CATALOGUE, Counterexample, Statement

__all__ = ["PAPERS", "UNTESTABLE", "catalogue", "claims"]

PAPERS = MappingProxyType(
    {
        "BM19": "Blau, Michaeli: Rethinking Lossy Compression: The Rate-Distortion-Perception Tradeoff",
        "YWYML21": "Yan, Wen, Ying, Ma, Liu: On Perceptual Lossy Compression",
        "ZQCK21": "Zhang, Qian, Chen, Khisti: Universal Rate-Distortion-Perception Representations",
        "LZCK22": "Liu, Zhang, Chen, Khisti: Lossy Compression with Distribution Shift",
        "YWL22": "Yan, Wen, Liu: Optimally Controllable Perceptual Lossy Compression",
        "NIU23": "Niu, Gündüz, Bai, Han: Conditional Rate-Distortion-Perception Trade-Off",
        "HWG25": "Hamdi, Wagner, Gündüz: Rate-Distortion-Perception Trade-off with Strong Realism Constraints",
        "SSK23": "Serra, Stavrou, Kountouris: On the Computation of the Gaussian Rate-Distortion-Perception Function",
        "ALPHA25": "Sourla, Serra, Stavrou, Kountouris: Analyzing α-divergence in Gaussian RDP Theory",
        "WWMZ24": "Wang, Wu, Ma, Zhang: Task-Oriented Lossy Compression",
        "SLY15": "Saldi, Linder, Yüksel: Output Constrained Lossy Source Coding with Limited Common Randomness",
        "QCYX25": "Qu, Chen, Yu, Xu: Rate-Distortion-Perception Theory for the Quadratic Wasserstein Space",
        "WZ76": "Wyner, Ziv: Source Coding with Side Information at the Decoder",
    }
)

for _paper in PAPERS:  # each enters its own statements
    import_module(f"rdptheory.theorems.{_paper.lower()}")


class Catalogue(Mapping[str, Statement[Any]]):
    """Statements by key, shown as a list of what they say."""

    def __getitem__(self, key: str) -> Statement[Any]:
        return CATALOGUE[key]

    def __iter__(self) -> Iterator[str]:
        return iter(CATALOGUE)

    def __len__(self) -> int:
        return len(CATALOGUE)

    def __repr__(self) -> str:
        counts = ", ".join(f"{paper} {sum(key.startswith(paper) for key in self)}" for paper in PAPERS)
        return f"<{len(self)} statements: {counts}; list(catalogue) names them>"

    def _repr_html_(self) -> str:
        return as_html([(key, one.words, one.formula) for key, one in self.items()], ("key", "statement", "formula"))


catalogue: Mapping[str, Statement[Any]] = Catalogue()
"""Statements by key, paper by paper; `states` adds to it."""

UNTESTABLE: Mapping[str, str] = MappingProxyType(
    {
        **{f"ZQCK21.D{k}": "a definition" for k in range(1, 9)},
        "ZQCK21.R3": "says that Remark 2 applies to Theorem 9 as well; checked as ZQCK21.R2",
        "ZQCK21.R4": "restates the definition of refinability as a sufficient condition; used by ZQCK21.T6",
        **{f"LZCK22.D{k}": "a definition" for k in range(1, 6)},
        "YWL22.R1": "its content is equation (5), checked as YWL22.E5",
        "YWL22.R2": "restates Theorem 1 (i), checked as YWL22.T1",
        "YWL22.R3": "its content is equations (6) to (8), checked as YWL22.E6, E7 and E8",
        "YWL22.R4": "about training: what Theorem 2 is used for",
        "YWL22.R5": "about training: how λ is chosen in practice",
    }
)
"""Numbered statements without an entry, and why no number can test them."""


def claims() -> dict[str, tuple[Statement[Any], Counterexample[Any] | None]]:
    """Statements and, after each, its counterexamples, by key: `BM19.T1`, `BM19.T1.root-tv`, ..."""
    found: dict[str, tuple[Statement[Any], Counterexample[Any] | None]] = {}
    for key, statement in catalogue.items():
        found[key] = statement, None
        for example in statement.counterexamples:
            found[f"{key}.{example.name}"] = statement, example
    return found


guard(__name__)
