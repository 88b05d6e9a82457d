"""The packages that nothing here goes without, looked for before the first import needs one."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from rdptheory.errors import MissingPackage

__all__ = ["missing"]


def _absent(package: str) -> bool:
    try:
        return find_spec(package) is None
    except ImportError:  # of a finder that keeps it away
        return True


_lacking = filter(_absent, ("torch", "torchmetrics", "safetensors", "joblib"))
missing = next((MissingPackage(package, "neural") for package in _lacking), None)
if missing and sys.argv[:1] == ["-m"] and "neural" in sys.orig_argv:  # python -m neural: no traceback
    sys.stderr.write(f"Error: {missing}\n")
    sys.exit(2)
