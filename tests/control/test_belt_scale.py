"""The belt scale is read as totals: roll-over and reset are told apart, and nothing is made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.belt_scale import BeltScale, ScaleChange, ScaleSettings, ScaleTotal
from control.device_map import ValuePlace, decode, encode
from control.modbus_rtu import RtuSettings, RtuWire
from control.rtu_pace import Pace
from control.types import Identity, MachineMismatch
from hil.fake_line import FakeLine, LineMishaps
from hil.rtu_slave import RtuSlave
from station.device_files import device_map, load_device_file

SETTINGS = ScaleSettings(roll_over_kg=1_000_000.0, max_kg_s=20.0)
BW500 = device_map(load_device_file(Path(__file__).parents[2] / "configs/devices/siemens-bw500.yaml"))
SECOND = 1_000_000_000


@given(st.floats(0, 999_999), st.lists(st.tuples(st.floats(0, 19.0), st.integers(1, 100)), max_size=50))
def test_what_was_carried_is_counted_across_any_roll_over(start: float, steps: list[tuple[float, int]]) -> None:
    total, shown, now_s, carried = ScaleTotal(SETTINGS), start, 0, 0.0
    weighed = total.see(shown, 0)
    for kg_s, seconds in steps:
        now_s += seconds
        carried += kg_s * seconds
        shown = (shown + kg_s * seconds) % SETTINGS.roll_over_kg
        weighed = total.see(shown, now_s * SECOND)

    assert weighed.total_kg == pytest.approx(carried, abs=1e-3)
    assert weighed.is_whole


def test_a_reset_counts_what_the_scale_has_weighed_since_and_says_that_some_may_be_missing() -> None:
    total = ScaleTotal(SETTINGS)
    total.see(5000.0, 0)
    total.see(5100.0, 10 * SECOND)
    weighed = total.see(30.0, 20 * SECOND)

    assert weighed == (130.0, ScaleChange.reset, False)
    assert total.see(40.0, 21 * SECOND) == (140.0, ScaleChange.counted, False)


def test_a_total_that_jumps_by_more_than_the_belt_can_carry_is_not_counted() -> None:
    total = ScaleTotal(SETTINGS)
    total.see(1000.0, 0)

    assert total.see(9000.0, 10 * SECOND) == (0.0, ScaleChange.jumped, False)
    assert total.see(9010.0, 11 * SECOND) == (10.0, ScaleChange.counted, False)


def test_an_empty_belt_that_weighs_less_than_nothing_is_no_reset() -> None:
    total = ScaleTotal(SETTINGS)
    total.see(1000.0, 0)

    assert total.see(998.0, 60 * SECOND) == (-2.0, ScaleChange.counted, True)
    assert total.see(1010.0, 120 * SECOND) == (10.0, ScaleChange.counted, True)


class ScaleRegisters:
    """A BW500 as its map says: it knows what it is, and its total in thousandths of a tonne."""

    size = 2000

    def __init__(self, identifier: int = 2) -> None:
        self._memory = [0] * self.size
        self.put("device_identifier", identifier)

    def put(self, name: str, value: float) -> None:
        place = BW500.place(name)
        self._memory[place.at : place.at + place.registers] = encode(place, value)

    def read(self, address: int, count: int) -> list[int]:
        return self._memory[address : address + count]

    def write(self, address: int, values: list[int]) -> bool:
        return False


def scale(registers: ScaleRegisters, mishaps: LineMishaps) -> BeltScale:
    line = FakeLine(mishaps, 5, byte_ns=1_145_833)
    slave = RtuSlave(3, registers, line.say)
    line.hear, line.pause = slave.hear, slave.pause
    settings = RtuSettings("fake", 3, Identity(0, 0, 0, 0.0), Pace(9600, "E", 1), timeout_ms=80.0, give_up_ms=2000.0)
    assert BW500.fence is not None
    wire = RtuWire(replace(settings, fence=BW500.fence), line, line.now_ns)
    return BeltScale(wire, BW500, SETTINGS, kg_per_unit=1000.0, now_ns=line.now_ns)


def test_the_driver_reads_the_total_over_a_bad_line() -> None:
    registers = ScaleRegisters()
    driver = scale(registers, LineMishaps(late=0.1, latest_ms=100, damaged=0.1, lost=0.1))
    driver.open()
    for n in range(100):
        registers.put("total_1", 12.0 + n / 1000)
        weighed = driver.read()
        assert weighed.total_kg == pytest.approx(n, abs=1e-6)

    assert weighed.is_whole
    driver.close()


def test_another_device_at_the_scales_address_is_a_mismatch() -> None:
    with pytest.raises(MachineMismatch, match="hold 0007, ours hold 0002"):
        scale(ScaleRegisters(identifier=7), LineMishaps()).open()


@given(st.sampled_from(BW500.places), st.integers(0, 60))
def test_a_value_written_into_its_place_is_read_again(place: ValuePlace, number: int) -> None:
    assert decode(place, encode(place, number)) == pytest.approx(number, abs=place.scale)


def test_words_are_in_the_order_of_the_place_and_signs_are_kept() -> None:
    place = replace(BW500.place("total_1"), scale=1.0)
    assert encode(place, 0x0001_0002) == [1, 2]
    assert decode(replace(place, high_word_first=False), [2, 1]) == 0x0001_0002
    signed = replace(place, kind=type(place.kind)("i16"))
    assert decode(signed, encode(signed, -3)) == -3
    with pytest.raises(ValueError, match="does not fit into total_1"):
        encode(signed, 40_000)
