"""The packages that nothing here goes without, looked for before the first import needs one."""

import sys
from importlib.util import find_spec

from rdptheory.errors import MissingPackage

__all__ = ["missing"]

missing: MissingPackage | None = None
for package in ("joblib", "safetensors", "torchmetrics", "torch"):
    try:
        found = find_spec(package) is not None
    except ImportError:  # of a finder that keeps it away
        found = False
    missing = missing if found else MissingPackage(package, "neural")
if missing and sys.argv[:1] == ["-m"] and "neural" in sys.orig_argv:  # python -m neural: no traceback
    sys.stderr.write(f"Error: {missing}\n")
    sys.exit(2)
