"""Many questions at once: curves and surfaces of R(D,P), here, on all cores or on a cluster."""

from rdptheory.sweeps.adaptive import adaptive_grid
from rdptheory.sweeps.executors import Dask, Executor, Joblib, Serial
from rdptheory.sweeps.slopes import slope_curve
from rdptheory.sweeps.surface import DataSet, curve, surface, write_surface
from rdptheory.sweeps.table import COLUMNS, Row, tabulate, write_csv, write_table

__all__ = [
    "COLUMNS",
    "Dask",
    "DataSet",
    "Executor",
    "Joblib",
    "Row",
    "Serial",
    "adaptive_grid",
    "curve",
    "slope_curve",
    "surface",
    "tabulate",
    "write_csv",
    "write_surface",
    "write_table",
]
