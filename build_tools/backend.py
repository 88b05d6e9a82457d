"""setuptools, and a C compiler from PyPI where the machine has none."""

from __future__ import annotations

import shutil
from typing import Any

from setuptools import build_meta as _setuptools
from setuptools.build_meta import *  # noqa: F403

COMPILER = "ziglang>=0.13"  # a C compiler as a wheel, in pip's throw-away build environment only


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    found = any(shutil.which(name) for name in ("cc", "gcc", "clang"))
    return [*_setuptools.get_requires_for_build_wheel(config_settings), *([] if found else [COMPILER])]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    return get_requires_for_build_wheel(config_settings)
