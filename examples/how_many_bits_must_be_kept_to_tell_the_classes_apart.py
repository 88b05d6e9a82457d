"""How many bits must be kept to tell the classes apart?
=====================================================

A measurement on 32 levels comes from one of two classes. The bottleneck says how many bits of it a code must keep so
that no more than C bits of the class stay open, whatever the code: far fewer than the measurement has, but more than
the class is worth. Beside it are the best codes that cut the levels into two to six ranges.

    python examples/how_many_bits_must_be_kept_to_tell_the_classes_apart.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rdptheory import Pmf, bottleneck_curve
from rdptheory.information import entropy, law_entropy
from rdptheory.plotting import figure, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

LEVELS = np.linspace(-3.0, 3.0, 32)
CENTRES = (-1.0, 1.2)


def measured() -> tuple[Pmf, np.ndarray]:
    """The law of the level, and p(class | level), shape (32, 2)."""
    joint = np.exp(-0.5 * (LEVELS[:, None] - np.array(CENTRES)) ** 2)
    return Pmf.from_weights(joint.sum(axis=1), LEVELS), joint / joint.sum(axis=1, keepdims=True)


def ranges(source: Pmf, classes: np.ndarray, parts: int) -> tuple[float, float]:
    """Rate and open class, in nats, of the cut into ranges that tells most of the class, by dynamic programming."""
    p = source.probabilities
    mass = np.concatenate([[0.0], np.cumsum(p)])
    told = np.concatenate([np.zeros((1, 2)), np.cumsum(p[:, None] * classes, axis=0)])
    first, last = np.triu_indices(p.size + 1, 1)
    cost = np.full((p.size + 1, p.size + 1), np.inf)
    part = mass[last] - mass[first]
    cost[first, last] = part * law_entropy((told[last] - told[first]) / part[:, None])
    best, cuts = cost[0], []
    for _ in range(parts - 1):
        ahead = best[:, None] + cost
        cuts.append(ahead.argmin(axis=0))
        best = ahead.min(axis=0)
    ends = [p.size]
    for back in reversed(cuts):
        ends.append(int(back[ends[-1]]))
    return entropy(np.diff(mass[[0, *reversed(ends)]])), float(best[-1])


def main(out: Path) -> Path:
    """Print some points of the bottleneck and draw the curve beside the best ranges into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    source, classes = measured()
    most, least = entropy(source.probabilities @ classes), float(source.probabilities @ law_entropy(classes))
    print(f"the level has {nats_to_bits(entropy(source.probabilities)):.3f} bits, its class {nats_to_bits(most):.3f}")
    limits = least + (most - least) * np.linspace(0.02, 1.0, 17)
    found = bottleneck_curve(source, classes, limits)
    for one in found[::4]:
        open_, rate = nats_to_bits(one.problem.C), nats_to_bits(one.rate)
        print(f"{open_:.3f} bits of the class open: {rate:.6f} bits, proved to {nats_to_bits(one.gap):.0e}")
    with style():
        drawn, (axes,) = figure()
        bits = [nats_to_bits(one.rate) for one in found]
        axes.plot(nats_to_bits(limits), bits, color="0.0", label="bottleneck: any code")
        axes.plot(nats_to_bits(limits), nats_to_bits(most - limits), color="0.6", ls="--", label="told of the class")
        for parts in range(2, 7):
            rate, left = ranges(source, classes, parts)
            label = "2 to 6 ranges" if parts == 2 else None
            axes.plot(nats_to_bits(left), nats_to_bits(rate), "o", color="0.35", markersize=4, label=label)
        axes.set(xlabel="class left open, $H(S|U)$ (bits)", ylabel="rate $I(X;U)$ (bits)", ylim=(0.0, 2.6))
        axes.legend()
        return save(drawn, out / "how_many_bits_must_be_kept.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
