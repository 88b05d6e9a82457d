"""The list: every figure and table of the five papers, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from rdptheory.papers import single_source, two_laws
from rdptheory.papers.redrawn import Redrawn

__all__ = ["ITEMS", "Item", "Kind"]

ARCHITECTURE = "a list of layers; the code of `neural.coders` is its executable form"
SETTINGS = "settings of a training, not a result; `neural` takes them in its paper presets"
DIAGRAM = "a diagram of who sees what; nothing in it is a number"
SAMPLES = "pictures of single images: they illustrate, and nothing in them can be checked"
PSNR = {0.0: 36.89, 0.25: 37.45, 0.5: 37.94, 0.75: 38.27}  # of framework A by the share of the mean [YWL22, Table 1]
PSNR_LOST = {alpha: round(38.36 - mixed, 2) for alpha, mixed in PSNR.items()}
"""PSNR of the mean minus that of framework A, by the share of the mean, low rate [YWL22, Table 1]."""


class Kind(StrEnum):
    """What became of a figure or a table."""

    THEORY = "theory"
    EXPERIMENT = "experiment"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Item:
    """A figure or a table.

    Attributes
    ----------
    key : str
        Paper and number: F for figures, T for tables.
    title : str
    draw : function, optional
        Redraws a theory item.
    study : str
        The experiment of `neural` that stands for an experiment item.
    why : str
        Why an item is left out.
    """

    key: str
    title: str
    draw: Callable[[], Redrawn] | None = None
    study: str = ""
    why: str = ""

    @property
    def kind(self) -> Kind:
        """A redrawing makes it theory, a study an experiment, a reason leaves it out."""
        return Kind.THEORY if self.draw is not None else Kind.EXPERIMENT if self.study else Kind.LEFT_OUT


def _study(key: str, title: str, study: str) -> Item:
    return Item(key, title, study=study)


def _without(key: str, title: str, why: str) -> Item:
    return Item(key, title, why=why)


ITEMS: dict[str, Item] = {
    item.key: item
    for item in (
        # BM19: its theory figure, and the supplement
        Item("BM19.S40", "R(D,P) of a Bernoulli source, the figure of equation S40", single_source.bernoulli_surface),
        _study("BM19.FS1", "the perceptual loss alone, by layer", "perceptual-loss"),
        _study("BM19.FS2", "the perceptual loss with an MSE term, by layer", "perceptual-loss"),
        _without("BM19.TS1", "networks", ARCHITECTURE),
        _study("BM19.TS2", "the 98 weights of the surface", "rdp98"),
        _without("BM19.TS3", "the network of the perceptual loss", ARCHITECTURE),
        # YWYML21
        _without("YWYML21.F1", "the training framework", DIAGRAM),
        _study("YWYML21.F2", "rate-distortion with and without a perception constraint", "twofold"),
        _study("YWYML21.F3", "MSE by epoch", "twofold"),
        _study("YWYML21.F4", "samples of both decoders", "twofold"),
        _study("YWYML21.F5", "distortion plus adversarial loss at 4 bits", "dal"),
        _study("YWYML21.F6", "a degenerate training", "degenerate"),
        _study("YWYML21.F7", "its samples", "degenerate"),
        # ZQCK21
        Item("ZQCK21.F1", "R(D,P) of N(0,1) and its sections of equal rate", single_source.gaussian_surface),
        Item("ZQCK21.F2", "regions of three representations of one rate", single_source.three_representations),
        _without("ZQCK21.F3", "the setup of the universal model", DIAGRAM),
        _study("ZQCK21.F4", "universal beside end-to-end models", "universal"),
        _study("ZQCK21.F5", "refinement", "refine"),
        _study("ZQCK21.F6", "universal models behind noisy quantisation", "universal"),
        _study("ZQCK21.T1", "three quantisers at weight 0", "quantizers"),
        _study("ZQCK21.T2", "MSE over five trainings", "error-bars"),
        _study("ZQCK21.T3", "W1 over five trainings", "error-bars"),
        _without("ZQCK21.T4", "network and quantiser sizes, MNIST", SETTINGS),
        _without("ZQCK21.T5", "weights, MNIST", SETTINGS),
        _without("ZQCK21.T6", "networks, MNIST", ARCHITECTURE),
        _without("ZQCK21.T7", "learning rates, MNIST", SETTINGS),
        _without("ZQCK21.T8", "network and quantiser sizes, SVHN", SETTINGS),
        _without("ZQCK21.T9", "weights, SVHN", SETTINGS),
        _without("ZQCK21.T10", "networks, SVHN", ARCHITECTURE),
        _without("ZQCK21.T11", "learning rates, SVHN", SETTINGS),
        # LZCK22
        _without("LZCK22.F1", "the architecture of theorem 1", DIAGRAM),
        _without("LZCK22.F2", "the architectures of definitions 2 and 3 and theorems 1 and 3", DIAGRAM),
        Item("LZCK22.F3", "distortion over rate between two coins", two_laws.binary),
        _without("LZCK22.F4", "the experimental setup", DIAGRAM),
        _study("LZCK22.F5", "super-resolution and denoising with and without common randomness", "cr"),
        Item("LZCK22.F6", "an optimal plan between two coins", two_laws.binary_plan),
        Item("LZCK22.F7", "U[0,2] sent to U[0,5]", two_laws.uniform),
        Item("LZCK22.F8", "one Gaussian sent as another", two_laws.gaussian),
        _study("LZCK22.T1", "end-to-end against decomposed loss", "decompose"),
        _study("LZCK22.T2", "separate against joint training", "separate-vs-joint"),
        _without("LZCK22.T3", "learning rates, end to end", SETTINGS),
        _without("LZCK22.T4", "learning rates, two branches", SETTINGS),
        _study("LZCK22.T5", "super-resolution by rate", "superres"),
        _study("LZCK22.T6", "denoising by rate", "denoise"),
        _study("LZCK22.T7", "super-resolution against a baseline", "baseline"),
        _study("LZCK22.T8", "denoising against a baseline", "baseline"),
        _study("LZCK22.T9", "super-resolution, distance to the truth", "ground-truth"),
        _study("LZCK22.T10", "denoising, distance to the truth", "ground-truth"),
        _study("LZCK22.T11", "the three parts of table 1", "decompose"),
        _without("LZCK22.T12", "networks, super-resolution", ARCHITECTURE),
        _without("LZCK22.T13", "networks of two branches, super-resolution", ARCHITECTURE),
        _without("LZCK22.T14", "networks, denoising", ARCHITECTURE),
        _without("LZCK22.T15", "networks of two branches, denoising", ARCHITECTURE),
        # YWL22
        _without("YWL22.F1", "frameworks A and B", DIAGRAM),
        Item("YWL22.F2", "the distortion over the weight of the loss, and its jump", single_source.jump),
        _study("YWL22.F3", "interpolated digits", "interpolate"),
        _study("YWL22.F4", "a depth image and its point cloud", "depth"),
        _study("YWL22.F5", "perception over distortion on photographs", "framework-a"),
        _study("YWL22.F6", "a depth image behind a conventional codec", "framework-b"),
        _without("YWL22.F7", "a photograph, first example", SAMPLES),
        _without("YWL22.F8", "a photograph, second example", SAMPLES),
        _without("YWL22.F9", "a photograph, third example", SAMPLES),
        _without("YWL22.F10", "a photograph by weight", SAMPLES),
        Item("YWL22.T1", "PSNR by the share of the mean", partial(single_source.interpolated_psnr, PSNR_LOST)),
        _study("YWL22.T2", "photographs by weight", "rgb"),
    )
}
"""By key, paper by paper in the order of the figures and then the tables."""
