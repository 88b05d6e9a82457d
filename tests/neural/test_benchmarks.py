import json
import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "neural_gpu.py"
BLOCKS = ("parity", "laws", "speed", "twofold", "superres", "universal", "jump")


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    """What the script writes; in this process, which has loaded torch already."""
    out = tmp_path_factory.mktemp("gpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(SCRIPT), "--minutes", "0.1", "--out", str(out), "--device", "cpu"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
    assert ended.value.code == 0
    found = json.loads((out / "summary.json").read_text())
    assert all(json.loads((out / f"{block}.json").read_text()) == found[block] for block in BLOCKS)
    return found


def test_the_script_for_a_gpu_runs_on_a_cpu_and_writes_every_block(summary):
    assert all("error" not in summary[block] for block in BLOCKS)
    differences = [value for name, value in summary["parity"].items() if "," in name]
    assert differences
    assert set(differences) == {0.0}  # the same device twice
    speeds = [value for value in summary["speed"].values() if isinstance(value, dict)]
    assert len(speeds) == 12
    assert all(value["steps_per_second_and_model"] > 0 for value in speeds)


@pytest.mark.parametrize(
    "option, said",
    [
        (["--device", "gpu"], "device = gpu: must be a device of this machine: cpu"),
        (["--device", "cpu", "--data", "nowhere"], "data = nowhere: must be a folder, or a file that ends in .npy"),
    ],
)
def test_its_device_and_its_images_have_to_be_there(monkeypatch, capsys, tmp_path, option, said):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--out", str(tmp_path / "gpu"), *option])
    with pytest.raises(SystemExit):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("id", ["twofold", "superres", "universal", "jump"])
def test_a_headline_says_which_share_of_the_training_it_had(summary, id):
    assert 0 < summary[id]["share of the paper's steps"] <= 1
    assert {row["kind"] for row in summary[id]["rows"]} <= {"law", "identity", "control"}  # digits: nothing is printed
    assert any(entry["measure"] == "distortion_per_pixel" for entry in summary[id]["table"])
