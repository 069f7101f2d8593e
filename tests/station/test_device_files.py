"""Device maps: every shipped file is sound, names its sources, and ours is the one definition again."""

from __future__ import annotations

from pathlib import Path

import pytest

from control import job_ring
from station.config import ConfigError
from station.device_files import device_map, load_device_file
from station.map_page import map_rows

FOLDER = Path(__file__).parents[2] / "configs/devices"
FILES = ("danfoss-fc", "delta-ms300", "job-ring", "lika-em58", "siemens-bw500")


@pytest.mark.parametrize("name", FILES)
def test_every_register_has_a_name_of_its_own_and_a_source(name: str) -> None:
    file = load_device_file(FOLDER / f"{name}.yaml")
    names = [value.name for value in file.values]

    assert len(names) == len(set(names))
    assert all(value.source for value in file.values)
    assert len(device_map(file).places) == len(names)


@pytest.mark.parametrize("name", FILES)
def test_no_two_values_of_a_table_lie_on_the_same_register(name: str) -> None:
    taken: set[tuple[str, int]] = set()
    for place in device_map(load_device_file(FOLDER / f"{name}.yaml")).places:
        own = {(place.table.value, place.at + n) for n in range(place.registers)}
        assert not own & taken, place.name
        taken |= own


def test_the_file_of_our_own_map_says_what_the_code_says() -> None:
    found = device_map(load_device_file(FOLDER / "job-ring.yaml"))
    for block in job_ring.BLOCKS:
        for at, field in map_rows(block):
            if field.kind is not job_ring.Kind.u64:
                place = found.place(f"{block.name}_{field.name}")
                assert (place.at, place.kind.value) == (at, field.kind.value)
                assert place.writable == (block.writer == "station")


def test_a_mistake_in_a_device_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    path.write_text(
        "name: X\ndocument: Y\nvalues:\n  - {name: a, at: 70000, kind: u16, source: p. 1 ff, checked: true}\n"
    )

    with pytest.raises(ConfigError, match=r"device\.yaml:4:\d+ .*at"):
        load_device_file(path)
