"""Files appear whole or not at all."""

import os
import stat

import pytest

from rdptheory import InvalidInput
from rdptheory.files import write_text, write_whole


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
    with pytest.raises(InvalidInput, match="folder does not exist"):
        write_text(tmp_path / "no" / "table.csv", "a")
    with pytest.raises(InvalidInput, match="is a folder"):
        write_text(tmp_path, "a")
    assert os.listdir(tmp_path) == []
