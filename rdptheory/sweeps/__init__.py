"""Many questions at once: curves and tables of R(D,P)."""

from rdptheory.sweeps.table import COLUMNS, Row, tabulate, write_csv

__all__ = ["COLUMNS", "Row", "tabulate", "write_csv"]
