"""What is common randomness worth when one coin must become another?
==================================================================

X ~ B(qX) is sent over R bits and must come out as Y ~ B(qY), at the least probability of Y ≠ X: the exact curves
without and with common randomness, and the bounds that quantise each coin as if it were alone (figure 3 of [LZCK22]).
The bounds meet the curve where both coins lean to the same side.

    python examples/what_is_common_randomness_worth.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

from rdptheory.papers import ITEMS
from rdptheory.plotting import save
from rdptheory.script import script


def main(out: Path) -> Path:
    """Print both distortions of every pair at half a bit and draw the curves into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    redrawn = ITEMS["LZCK22.F3"].draw()
    for value in redrawn.values:
        print(f"{value.what}: P(Y ≠ X) between {value.bounds.lower:.12f} and {value.bounds.upper:.12f}")
    return save(redrawn.picture, out / "what_is_common_randomness_worth.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
