"""A disk that forgets what was not synced, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.platter import SECTOR, Platter
from hil.power_cut import PowerCutDisk

writes = st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=1500)), max_size=8)


@given(writes, writes, st.integers())
def test_what_was_synced_survives_where_nothing_was_written_after(
    first: list[tuple[int, bytes]], then: list[tuple[int, bytes]], seed: int
) -> None:
    platter = Platter()
    platter.make("/a")
    for offset, data in first:
        platter.write("/a", data, offset)
    platter.sync("/a")
    safe = platter.read("/a", 10_000, 0)
    for offset, data in then:
        platter.write("/a", data, offset)
    touched = {at for offset, data in then for at in range(offset, offset + len(data))}
    platter.cut(seed)
    found = platter.read("/a", 10_000, 0)
    assert len(found) >= len(safe)
    assert all(found[at] == safe[at] for at in range(len(safe)) if at not in touched)


def test_unsynced_sectors_survive_some_of_them_by_the_seed() -> None:
    def left(seed: int) -> bytes:
        platter = Platter()
        platter.make("/a")
        platter.sync("/a")
        platter.write("/a", b"x" * SECTOR * 8, 0)
        platter.cut(seed)
        return platter.read("/a", 10_000, 0)

    found = {left(seed) for seed in range(40)}
    assert b"" in found
    assert b"x" * SECTOR * 8 in found
    assert len(found) > 5
    assert left(3) == left(3)


def test_a_name_that_was_not_synced_may_be_gone_and_an_old_one_come_back() -> None:
    seen = set()
    for seed in range(40):
        platter = Platter()
        platter.make("/old")
        platter.sync("/old")
        platter.rename("/old", "/new")
        platter.cut(seed)
        seen.add(platter.names())
    assert seen == {("/old",), ("/old", "/new"), ("/new",)}


def test_after_a_failed_sync_the_bytes_are_read_but_never_safe() -> None:
    platter = Platter()
    platter.make("/a")
    platter.sync("/a")
    platter.write("/a", b"lost", 0)
    platter.forget("/a")
    assert platter.read("/a", 9, 0) == b"lost"
    platter.sync("/a")
    platter.cut(1)
    assert platter.read("/a", 9, 0) == b""


def test_programs_use_the_folder_like_any_other_until_the_power_fails(tmp_path: Path) -> None:
    with PowerCutDisk(tmp_path / "disk") as disk:
        path = disk.folder / "notes"
        with path.open("wb") as file:
            file.write(b"safe")
            file.flush()
            os.fsync(file.fileno())
            file.write(b"!" * 5000)
        assert path.stat().st_size == 5004
        assert os.listdir(disk.folder) == ["notes"]
        (disk.folder / "gone").write_text("x")
        (disk.folder / "gone").unlink()

        disk.cut(seed=0)
        assert disk.is_cut
        with pytest.raises(OSError, match="Input/output error"):
            path.read_bytes()
        disk.restore()
        assert path.read_bytes()[:4] == b"safe"

        disk.cut_after(3, seed=1)
        with path.open("ab", buffering=0) as file:
            assert [file.write(b"?"), file.write(b"?")] == [1, 1]
            with pytest.raises(OSError, match="Input/output error"):
                file.write(b"?")
        assert disk.is_cut
    assert not (tmp_path / "disk" / "notes").exists()
