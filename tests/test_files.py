"""Files appear whole or not at all."""

import os
import resource
import stat
import subprocess
import sys

import pytest

from rdptheory import InvalidInput
from rdptheory.files import LARGEST_TEXT, read_text, write_text, write_whole


def test_text_appears_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    assert write_text(path, "a\n") == path
    write_text(str(path), "δ\n")
    assert path.read_bytes() == "δ\n".encode()
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("before", [None, "old"])
def test_a_writer_that_fails_half_way_leaves_everything_as_it_was(tmp_path, before):
    path = tmp_path / "table.csv"
    if before is not None:
        path.write_text(before)

    def half(scratch):
        scratch.write_text("half a ta")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, half)
    assert os.listdir(tmp_path) == ([] if before is None else ["table.csv"])
    assert before is None or path.read_text() == before


def test_the_writer_sees_the_suffix_and_never_the_target(tmp_path):
    path = tmp_path / "curve.png"
    seen = []

    def write(scratch):
        seen.append((scratch.suffix, scratch.parent, path.exists()))
        scratch.write_bytes(b"picture")

    write_whole(path, write)
    assert seen == [(".png", tmp_path, False)]


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        path = write_text(tmp_path / "table.csv", "a")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_impossible_places_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"table.csv: its folder does not exist$"):
        write_text(tmp_path / "no" / "table.csv", "a")
    with pytest.raises(InvalidInput, match="is a folder"):
        write_text(tmp_path, "a")
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path):
    path = write_text(tmp_path / "table.csv", "old")
    path.chmod(0o600)
    write_text(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "device"])
def test_only_plain_files_are_replaced(tmp_path, kind):
    path, real = tmp_path / "table.csv", tmp_path / "real.csv"
    if kind == "link":
        real.write_text("old")
    if kind.endswith("link"):
        path.symlink_to(real)
    elif kind == "pipe":
        os.mkfifo(path)
    path = tmp_path.parent / "/dev/null" if kind == "device" else path
    before = os.lstat(path)
    with pytest.raises(InvalidInput, match="only plain files are replaced"):
        write_text(path, "new")
    assert os.lstat(path) == before
    assert real.exists() == (kind == "link")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, name):
    with pytest.raises(InvalidInput, match="is no name for a file"):
        write_text(tmp_path / name, "a")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_text(tmp_path / name)


def test_a_folder_without_permission_is_one_sentence_that_names_the_file():
    with pytest.raises(OSError, match=r"/proc/table\.csv"):
        write_text("/proc/table.csv", "a")


@pytest.mark.parametrize("suffix", ["csv", "png", "pdf", "nc"])
def test_a_full_disk_leaves_nothing_behind(tmp_path, suffix):
    """Files of this process may hold 64 bytes: what a full disk does to a writer, without one."""
    writer = {
        "csv": "Pmf.from_weights(range(1, 99)).to_csv(path)",
        "nc": "write_surface(path, surface(Bernoulli(0.5), Hamming(), None, D=[0.1, 0.2], P=[float('inf')]))",
    }.get(suffix, "plotting.save(plotting.figure()[0], path)")
    path = tmp_path / f"out.{suffix}"
    code = f"""
import resource, sys
from rdptheory import *
from rdptheory import plotting
path = {str(path)!r}
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
try:
    {writer}
except OSError as problem:
    sys.exit(str(problem))
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    # what a measurement of coverage writes is more than that
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=unmeasured)
    assert ran.returncode == 1
    assert ran.stderr.strip() == f"[Errno 27] File too large: {str(path)!r}"
    assert os.listdir(tmp_path) == []


def test_text_is_read_without_marks_and_within_a_limit(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes("\ufeffa\r\nb\rc\n".encode())
    assert read_text(path) == "a\nb\nc\n"
    with open(path, "wb") as stream:
        stream.truncate(LARGEST_TEXT + 1)  # a file of holes: it takes no room
    with pytest.raises(InvalidInput, match="more than 268,435,456 bytes"):
        read_text(path)
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InvalidInput, match="cannot be read"):
            read_text(place)
