"""What can be proved about a codec of images?
===========================================

Nobody knows the law of images, and R(D,P) of single pixels is no bound for a codec that uses the dependence between
them. Three things can be proved about the images that were measured: no codec of these n images needs less than
R_emp(2D, 0) [BM19]; whatever the codec, a decoder with P = 0 and at most 2D exists [YWYML21]; and what decoders of
a given encoder reach is an exact curve, D* + (W - √P)² [YWL22].

    python examples/what_can_be_proved_about_a_codec_of_images.py [FOLDER]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

from rdptheory import Measurement
from rdptheory.demo import digits_images
from rdptheory.placement import encoder_curve, realistic_decoder, sample_floor
from rdptheory.plotting import draw_limit, figure, looks, save, style
from rdptheory.script import script
from rdptheory.units import nats_to_bits

IMAGES, CELLS = 300, (2, 4, 8, 16, 32)


def main(out: Path) -> Path:
    """Train k-means codecs, print what is proved about them, and draw both pictures into `out`, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    images = digits_images(IMAGES)
    points, curves = [], []
    for cells in CELLS:
        codes = KMeans(cells, n_init=4, random_state=0).fit_predict(images)
        share = np.bincount(codes) / IMAGES
        curve = encoder_curve(images, codes)
        points.append(Measurement(-float(share @ np.log(share)), curve.least, name=f"{cells} cells"))
        curves.append(curve)
    floor = sample_floor(images, D=np.linspace(0.9, 3.0, 25) * points[-1].D)
    for one, limit in zip(points, sample_floor(images, D=[one.D for one in points]).rate, strict=True):
        other = realistic_decoder(one)
        print(
            f"{one.name}: {nats_to_bits(one.rate):.3f} bit at D = {one.D:.0f}, at least {nats_to_bits(limit):.3f} are "
            f"needed; with P = 0 at most D = {other.D:.0f}"
        )
    with style():
        drawn, (upper, lower) = figure(1, 2, height=2.5)
        draw_limit(upper, floor)
        marks = {"linestyle": "none", "color": "black", "markerfacecolor": "white"}
        D, bits = [one.D for one in points], [nats_to_bits(one.rate) for one in points]
        upper.plot(D, bits, marker="o", label="k-means, mean of cell", **marks)
        upper.plot([2 * one for one in D], bits, marker="^", label="a decoder with P = 0 exists", **marks)
        upper.set(xlabel="D of an image (squared grey levels)", ylabel="rate (bits per image)")
        upper.set_ylim(bottom=0.0)
        upper.get_legend().remove()
        drawn.legend(*upper.get_legend_handles_labels(), loc="outside upper center")
        for cells, curve, look in zip(CELLS, curves, looks(len(CELLS), ordered=True), strict=True):
            P = np.linspace(0.0, curve.transport, 60)
            line = [curve.distortion(float(value)) for value in P]
            lower.plot(line, P, color=look["color"], linestyle=look["linestyle"], label=f"{cells} cells")
        lower.set(xlabel="D of an image (squared grey levels)", ylabel="P of an image (squared W2)")
        lower.set_title("all decoders of one encoder")
        lower.legend()
        return save(drawn, out / "what_can_be_proved_about_a_codec_of_images.png")


if __name__ == "__main__":
    print(f"wrote {main(script(main).parse_args().folder)}")
