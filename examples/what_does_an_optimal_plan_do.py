"""What does an optimal plan do to each symbol?
============================================

Two plans that are proved optimal, drawn as flows whose width is probability. Above, no common randomness (the picture
of figure 6 of [LZCK22], for three symbols): X -> Z -> Y with H(Z) at most half a bit; the encoder splits an atom
between two letters of Z. Below, common randomness: each value of U is a map from X to Y, drawn side by side in one
colour, and the maps are mixed with the weights in the legend.

    python examples/what_does_an_optimal_plan_do.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rdptheory.distortions import SquaredError
from rdptheory.plans import CommonPlan, PrivatePlan
from rdptheory.plotting import COLOURS, figure, save, style
from rdptheory.script import script
from rdptheory.sources import Pmf
from rdptheory.transport import constrained_transport
from rdptheory.units import bits_to_nats

SOURCE, TARGET, RATE = Pmf([0.45, 0.3, 0.25], [0.0, 1.0, 2.0]), Pmf([0.25, 0.3, 0.45], [0.0, 1.0, 2.0]), 0.5
WIDTH = 14.0


def main(out: Path) -> Path:
    """Print both plans and draw them into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    private, shared = (
        constrained_transport(SOURCE, TARGET, SquaredError(), R=bits_to_nats(RATE), common_randomness=common)
        for common in (False, True)
    )
    with style():
        drawn, (upper, lower) = figure(1, 2, height=2.5)
        assert isinstance(private.plan, PrivatePlan)
        assert isinstance(shared.plan, CommonPlan)
        _draw_private(upper, private.plan)
        _draw_common(lower, shared.plan)
        for axes, title, answer in ((upper, "no common randomness", private), (lower, "common randomness", shared)):
            axes.set_title(f"R = {RATE:g} bit, {title}: E(X-Y)² = {answer.distortion:.4f}", fontsize=7)
            print(answer, end="\n\n")
        return save(drawn, out / "what_does_an_optimal_plan_do.png")


def _draw_private(axes: Any, plan: PrivatePlan) -> None:
    z = SOURCE.probabilities @ plan.encoder
    heights = np.linspace(0.0, 2.0, z.size + 2)[1:-1]
    _flows(axes, 0.0, SOURCE.points, 1.0, heights, SOURCE.probabilities[:, None] * plan.encoder)
    _flows(axes, 1.0, heights, 2.0, TARGET.points, z[:, None] * plan.decoder)
    for height, mass in zip(heights, z, strict=True):
        up = height > 1.0
        axes.text(1.0, height + (0.12 if up else -0.22), f"{mass:.3f}", ha="center", va="bottom" if up else "top")
    axes.text(0.2, 2.05, "split atom", color=COLOURS[1], fontsize=8)
    _ends(axes, 2.0, ("X", "Z", "Y"))


def _draw_common(axes: Any, plan: CommonPlan) -> None:
    joint = np.zeros((3, 3))
    for number, (weight, images) in enumerate(zip(plan.weights, plan.maps, strict=True)):
        offset = 0.06 * (number - 0.5 * (plan.weights.size - 1))
        for x, y in enumerate(images):
            mass = weight * SOURCE.probabilities[x]
            joint[x, y] += mass
            label = f"{weight:.3f}" if x == 0 else None
            ends = (SOURCE.points[x] + offset, TARGET.points[y] + offset)
            axes.plot(
                (0.0, 2.0), ends, color=COLOURS[number], linewidth=WIDTH * mass, solid_capstyle="butt", label=label
            )
    legend = axes.legend(title="P(U = u)", loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, handlelength=1.2)
    for line in legend.get_lines():
        line.set_linewidth(3.0)
    _ends(axes, 2.0, ("X", "", "Y"))


def _flows(axes: Any, start: float, low: Any, stop: float, high: Any, masses: Any) -> None:
    for i, j in np.argwhere(masses > 1e-9):
        split = (masses[i] > 1e-9).sum() > 1
        colour = COLOURS[1] if split and start == 0.0 else COLOURS[0]
        axes.plot(
            (start, stop),
            (low[i], high[j]),
            color=colour,
            linewidth=WIDTH * masses[i, j],
            solid_capstyle="butt",
            alpha=0.8,
        )


def _ends(axes: Any, right: float, names: tuple[str, ...]) -> None:
    for place, law in ((0.0, SOURCE), (right, TARGET)):
        side, align = (-0.08, "right") if place == 0.0 else (0.08, "left")
        for point, mass in zip(law.points, law.probabilities, strict=True):
            axes.text(place + side, point, f"{point:g}  ({mass:.2f})", ha=align, va="center")
    for place, name in enumerate(names):
        axes.text(place, 2.35, name, ha="center", weight="bold")
    axes.set_xlim(-0.75, right + 0.75)
    axes.set_ylim(-0.3, 2.6)
    axes.axis("off")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
