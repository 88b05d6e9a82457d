"""Build the compiled core beside the package: a plain shared library, so that one wheel serves every Python.

Everything else about the package stands in setup.cfg.
"""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).parent / "build_tools"))
from compile import build


class Library(build_ext):
    """Calls the C compiler itself: there is no Python.h in the library, and its name has no Python version."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split(".")).with_suffix(".dll" if sys.platform == "win32" else ".so"))

    def build_extension(self, ext: Extension) -> None:
        self.written = build(Path(self.get_ext_fullpath(ext.name)).parent)

    def get_outputs(self) -> list[str]:
        return [str(path) for path in getattr(self, "written", ())]

    def copy_extensions_to_source(self) -> None:
        build()  # editable: into the source tree


class Wheel(bdist_wheel):
    """py3-none-PLATFORM."""

    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


setup(
    ext_modules=[Extension("rdptheory._native.core", [])],
    cmdclass={"build_ext": Library, "bdist_wheel": Wheel},
)
