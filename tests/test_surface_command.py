"""`rdptheory surface` and `rdptheory curve --critical`, from the command line to the files and pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray

from rdptheory import Bernoulli, Gaussian, Hamming, SquaredError, TotalVariation, Wasserstein2Squared, rdp, surface
from rdptheory.cli import main
from rdptheory.errors import InvalidInput
from rdptheory.plotting import figure, plot_surface
from rdptheory.units import Unit

QUESTION = ["--source", "bernoulli:0.25", "--distortion", "hamming", "--perception", "tv"]
GRID = ["-D", "0.05:0.3:4", "-P", "0,0.05,0.1"]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    return int(ended.value.code or 0)


def test_surface_writes_what_the_verb_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, plot, store = tmp_path / "s.nc", tmp_path / "s.png", tmp_path / "store"
    places = ["--out", str(out), "--plot", str(plot), "--store", str(store), "--workers", "1"]
    assert run("surface", *QUESTION, *GRID, *places) == 0
    assert capsys.readouterr().out.splitlines() == [f"wrote {out}", f"wrote {plot}"]
    assert plot.read_bytes().startswith(b"\x89PNG\r\n")
    assert len(list(store.iterdir())) == 3
    with xarray.open_dataset(out, engine="h5netcdf") as grid:
        assert grid.sizes == {"D": 4, "P": 3}
        found = float(grid.rate.sel(D=0.05, P=0.1))
    assert found == rdp(Bernoulli(0.25), Hamming(), TotalVariation(), D=0.05, P=0.1).rate
    table = tmp_path / "s.csv"
    assert run("surface", *QUESTION, *GRID, "--out", str(table), "--store", str(store), "--workers", "1") == 0
    assert table.read_text().splitlines()[0] == "D,P,rate_nat,lower_nat,upper_nat,slope_D_nat,slope_P_nat,steps,status"


@pytest.mark.parametrize(
    "wrong",
    (
        ["--out", "s.txt"],
        ["--out", "missing/s.nc"],
        ["--out", "s.nc", "--plot", "s.gif"],
        ["--out", "s.nc", "--workers", "0"],
        ["--out", "s.nc", "-P", "0.1,0.1"],
    ),
)
def test_bad_input_ends_with_status_2(
    wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("surface", *QUESTION, *GRID, *wrong) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


def test_curves_with_their_corners(tmp_path: Path) -> None:
    out, plot = tmp_path / "c.csv", tmp_path / "c.png"
    plain = tmp_path / "plain.png"
    arguments = ["curve", *QUESTION, *GRID, "--out", str(out)]
    assert run(*arguments, "--plot", str(plain)) == 0
    assert run(*arguments, "--plot", str(plot), "--critical") == 0
    assert plot.read_bytes() != plain.read_bytes()


def test_a_surface_is_drawn_to_scale() -> None:
    grid = surface(
        Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), D=[0.0, 0.5, 0.2, 1.0], P=[0.1, 0.0, np.inf]
    )
    _, (axes,) = figure()
    plot_surface(grid, axes, Unit.bits)
    shown = np.ma.getdata(axes.collections[0].get_array()).reshape(2, 4)
    assert axes.get_xlabel() == "distortion D (squared error)"
    assert axes.get_ylabel() == "perception P (squared W2)"
    expected = rdp(Gaussian(0.0, 1.0), SquaredError(), Wasserstein2Squared(), D=0.2, P=0.0).rate / np.log(2.0)
    assert abs(shown[0, 1] - expected) <= 1e-15
    with pytest.raises(InvalidInput, match="at least two"):
        plot_surface(grid.isel(P=[0]), axes)
