"""Build the compiled core: two instruction sets, with the machine's C compiler or with one from PyPI.

python build_tools/compile.py [FOLDER]      # into rdptheory/_native by default
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "rdptheory" / "_native"
# no other fast-math flag: reassociation breaks the exponential's rounding, and with it every bracket's width
FLAGS = (
    "-O3",
    "-std=gnu11",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-shared",
    "-fPIC",
    "-Wno-psabi",
)


def compiler() -> list[str]:
    """The machine's compiler, or the one that `ziglang` brings."""
    found = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    return [found] if found else [sys.executable, "-m", "ziglang", "cc"]


def build(folder: Path = SOURCES, extra: tuple[str, ...] = ()) -> list[Path]:
    """Write core and, on x86-64, core-v3 into the folder, each whole or not at all."""
    suffix = ".dll" if platform.system() == "Windows" else ".so"
    wide = platform.machine().lower() in ("x86_64", "amd64")
    command = compiler()
    second = "x86_64_v3" if "ziglang" in command else "x86-64-v3"  # zig's own spelling
    written = []
    for name, flags in (("core", ()), *((("core-v3", (f"-march={second}",)),) if wide else ())):
        target = folder / f"{name}{suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
        subprocess.run([*command, *FLAGS, *flags, *extra, *sources, "-o", str(partial), "-lm"], check=True)
        partial.replace(target)
        written.append(target)
    return written


if __name__ == "__main__":
    for path in build(*(Path(argument) for argument in sys.argv[1:2])):
        print(path)  # noqa: T201
