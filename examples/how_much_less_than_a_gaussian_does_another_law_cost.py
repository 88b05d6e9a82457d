"""How much less than a Gaussian does another law cost?
====================================================

Of all laws of one variance the Gaussian costs most under squared error, ½ log(σ²/D). A frozen law of scipy.stats is a
source as it stands, known by its distribution function alone; what it saves is a proved bracket. Shannon's lower bound,
the entropy less that of Gaussian noise, says what can be saved at most, and is nearly saved at small D.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.stats

from rdptheory import Cells, SquaredError, rate_distortion
from rdptheory.plotting import figure, save, style
from rdptheory.script import script

SHARES = (0.05, 0.2, 0.5, 0.9)  # of the variance
LAWS = {
    "gamma, shape 3": scipy.stats.gamma(3.0),
    "beta(2, 2)": scipy.stats.beta(2.0, 2.0),
}


def main(out: Path) -> Path:
    """Print what each law saves and draw it into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    with style():
        drawn, axes = figure()
        for name, law in LAWS.items():
            found = [
                rate_distortion(law, SquaredError(), D=share * law.var(), method=Cells(gap=8e-3)) for share in SHARES
            ]
            normal = -0.5 * np.log(SHARES)
            saved = np.array(
                [[full - one.bounds.upper, full - one.bounds.lower] for full, one in zip(normal, found, strict=True)]
            )
            most = 0.5 * np.log(2.0 * np.pi * np.e * law.var()) - law.entropy()
            print(
                f"{name:14} saves {saved[0, 0]:.4f} to {saved[0, 1]:.4f} nat at D = {SHARES[0]} of the variance, "
                f"never more than {most:.4f}"
            )
            [line] = axes[0].plot(SHARES, saved.mean(axis=1), label=name)
            axes[0].fill_between(SHARES, *saved.T, color=line.get_color(), alpha=0.3)
            axes[0].plot(0.0, most, marker="o", color=line.get_color())
        axes[0].set_xlabel("distortion D (share of the variance)")
        axes[0].set_ylabel("rate saved (nats per symbol)")
        axes[0].set_ylim(bottom=0.0)
        axes[0].legend()
        return save(drawn, out / "shapes.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
