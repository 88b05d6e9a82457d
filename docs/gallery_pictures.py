"""How the gallery runs an example and finds its pictures: each writes PNG files into a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["Arguments", "Written"]

GALLERY = Path(__file__).parent / "_build" / "examples"
"""Where the examples write; their pictures are taken from here."""


class Written:
    """Takes the pictures that an example wrote, the newest last."""

    def __repr__(self) -> str:
        return "Written"

    def __call__(self, block: object, block_vars: dict, gallery_conf: dict) -> str:
        from sphinx_gallery.scrapers import figure_rst

        folder = GALLERY / Path(block_vars["src_file"]).stem
        shown = []
        for made, target in zip(sorted(folder.glob("*.png")), block_vars["image_path_iterator"], strict=False):
            shutil.move(made, target)
            shown.append(target)
        return figure_rst(shown, gallery_conf["src_dir"])


class Arguments:
    """Every example writes into a folder of its own."""

    def __repr__(self) -> str:
        return "Arguments"

    def __call__(self, gallery_conf: dict, script_vars: dict) -> list[str]:
        return [str(GALLERY / Path(script_vars["src_file"]).stem)]
