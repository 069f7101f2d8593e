"""What an edge node must do, each duty by itself, without a broker."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.reporting.mqtt.talk import Heard, Leave, Subscribe
from station.reporting.sparkplug.birth_number import BirthNumber
from station.reporting.sparkplug.edge_node import EdgeNode, Figure, NodeAddress, Snapshot
from station.reporting.sparkplug.payload import Datatype, Metric, decode, encode
from tests.station.reporting.sparkplug_words import ADDRESS, HOST, T0, born, node, read, rebirth, said, snapshot, state


def test_the_will_is_a_death_at_qos_1_not_retained_that_carries_only_the_birth_number() -> None:
    will = node().will(42)
    told = read(will)
    assert (will.topic, will.qos, will.retain) == ("spBv1.0/yard/NDEATH/line-1", 1, False)
    assert list(told.metrics) == ["bdSeq"]
    assert (told.metrics["bdSeq"].value, told.metrics["bdSeq"].datatype) == (42, Datatype.int64)
    assert told.seq is None


def test_birth_numbers_begin_at_0_grow_by_one_with_every_connect_and_wrap_after_255(tmp_path: Path) -> None:
    path = tmp_path / "bdseq"
    found = []
    for _ in range(258):
        number = BirthNumber(path)  # a new process every time
        found.append(number.reserve())
        number.use()
    assert found == [*range(256), 0, 1]


def test_a_try_that_never_sent_a_connect_uses_up_no_birth_number(tmp_path: Path) -> None:
    number = BirthNumber(tmp_path / "bdseq")
    assert [number.reserve(), number.reserve()] == [0, 0]
    number.use()
    assert number.reserve() == 1


def test_a_garbled_birth_number_file_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "bdseq").write_bytes(b"\xff\x00")
    assert BirthNumber(tmp_path / "bdseq").reserve() == 0


def test_commands_are_subscribed_before_anything_is_published() -> None:
    found = node()
    found.will(0)
    found.observe(snapshot(), T0)
    first, *rest = found.connected(T0)
    assert first == Subscribe(("spBv1.0/yard/NCMD/line-1",))
    assert [told.kind for told in said(rest)] == ["NBIRTH", "DBIRTH"]


def test_a_birth_tells_every_metric_with_name_datatype_value_and_time() -> None:
    found = node()
    found.will(7)
    found.connected(T0)
    birth, device = said(found.observe(snapshot(5), T0))
    assert (birth.message.qos, birth.message.retain, birth.seq, birth.timestamp_ms) == (0, False, 0, T0)
    assert birth.metrics["bdSeq"].value == 7
    assert (birth.metrics["Node Control/Rebirth"].value, birth.metrics["Node Control/Rebirth"].datatype) == (False, 11)
    assert (birth.metrics["Software"].value, birth.metrics["Software"].datatype) == ("1.0", 12)
    assert (device.device, device.seq, device.metrics["Pieces"].datatype) == ("line", 1, 8)
    everything = [*birth.metrics.values(), *device.metrics.values()]
    assert all(metric.name and metric.datatype and metric.timestamp_ms == T0 for metric in everything)
    assert all(metric.is_null or metric.value is not None for metric in everything)


def test_every_metric_ever_sent_is_in_later_births_even_when_it_is_no_longer_known() -> None:
    found = born()
    found.observe(snapshot(valve_3=1), T0 + 1)
    gone = said(found.observe(snapshot(), T0 + 2))[0]
    assert gone.kind == "DDATA"
    assert gone.metrics["valve_3"].is_null
    device = said(found.heard(rebirth(), T0 + 3))[1]
    assert (device.metrics["valve_3"].is_null, device.metrics["valve_3"].datatype) == (True, 8)


def test_the_sequence_counts_node_and_devices_together_and_wraps_after_255() -> None:
    found = born()
    numbers = [told.seq for n in range(300) for told in said(found.observe(snapshot(n + 1), T0 + n))]
    assert numbers == [n % 256 for n in range(2, 302)]


def test_data_tell_only_what_changed_and_no_datatype() -> None:
    found = born(5)
    assert found.observe(snapshot(5), T0 + 1) == []
    (told,) = said(found.observe(snapshot(6), T0 + 2))
    assert (told.kind, list(told.metrics)) == ("DDATA", ["Pieces"])
    assert (told.metrics["Pieces"].value, told.metrics["Pieces"].datatype) == (6, None)
    assert (told.metrics["Pieces"].timestamp_ms, told.message.qos, told.message.retain) == (T0 + 2, 0, False)


def test_the_node_itself_tells_its_changes_as_node_data() -> None:
    found = born()
    fresh = Snapshot({"Software": Figure(Datatype.string, "2.0")}, snapshot().devices)
    (told,) = said(found.observe(fresh, T0 + 1))
    assert (told.kind, told.metrics["Software"].value, told.metrics["Software"].datatype) == ("NDATA", "2.0", None)


def test_a_new_metric_of_a_device_asks_for_another_birth_of_it() -> None:
    found = born()
    (told,) = said(found.observe(snapshot(valve_3=9), T0 + 1))
    assert (told.kind, told.seq, told.metrics["valve_3"].value) == ("DBIRTH", 2, 9)


def test_a_new_metric_of_the_node_asks_for_births_of_all_with_the_same_number() -> None:
    found = born()
    fresh = Snapshot({**snapshot().node, "Model": Figure(Datatype.string, "m")}, snapshot().devices)
    told = said(found.observe(fresh, T0 + 1))
    assert [(one.kind, one.seq) for one in told] == [("NBIRTH", 0), ("DBIRTH", 1)]
    assert told[0].metrics["bdSeq"].value == 7


def test_a_changed_datatype_asks_for_another_birth() -> None:
    found = born()
    line = {**snapshot().devices["line"], "Speed": Figure(Datatype.string, "fast")}
    (told,) = said(found.observe(Snapshot(snapshot().node, {"line": line}), T0 + 1))
    assert (told.kind, told.metrics["Speed"].datatype) == ("DBIRTH", 12)


def test_a_rebirth_command_gives_all_births_anew_with_the_same_birth_number() -> None:
    found = born(5)
    found.observe(snapshot(6), T0 + 1)
    told = said(found.heard(rebirth(), T0 + 2))
    assert [(one.kind, one.seq) for one in told] == [("NBIRTH", 0), ("DBIRTH", 1)]
    assert told[0].metrics["bdSeq"].value == 7
    assert told[1].metrics["Pieces"].value == 6
    assert said(found.observe(snapshot(7), T0 + 3))[0].seq == 2


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff\xff\xff", rebirth(False).payload, encode((), timestamp_ms=None, seq=None), b"\x00" * (1 << 17)],
)
def test_a_command_that_is_none_is_passed_over(payload: bytes) -> None:
    assert born().heard(Heard(ADDRESS.topic("CMD"), payload, retained=False), T0) == []


def test_a_command_before_the_birth_is_passed_over() -> None:
    assert node().heard(rebirth(), T0) == []


def test_a_planned_stop_tells_the_death_of_this_birth_first() -> None:
    (told,) = said(born().leave())
    assert (told.kind, told.metrics["bdSeq"].value, told.seq) == ("NDEATH", 7, None)


def test_a_node_that_was_never_born_tells_no_death() -> None:
    assert node().leave() == []


def test_a_device_that_goes_away_dies_and_is_born_again_when_it_returns() -> None:
    found = born(5)
    (death,) = said(found.observe(snapshot(device=False), T0 + 1))
    assert (death.kind, death.device, death.seq, death.timestamp_ms) == ("DDEATH", "line", 2, T0 + 1)
    assert found.observe(snapshot(device=False), T0 + 2) == []
    (birth,) = said(found.observe(snapshot(6), T0 + 3))
    assert (birth.kind, birth.seq, birth.metrics["Pieces"].value) == ("DBIRTH", 3, 6)


def waiting() -> EdgeNode:
    found = node(HOST)
    found.will(0)
    assert found.connected(T0) == [Subscribe(("spBv1.0/yard/NCMD/line-1", "spBv1.0/STATE/programme"))]
    assert found.observe(snapshot(1), T0) == []
    return found


def test_with_a_primary_host_there_is_no_birth_before_it_is_online() -> None:
    found = waiting()
    assert found.waits_for == HOST
    assert found.heard(state(False, T0), T0) == []
    told = said(found.heard(state(True, T0 + 1), T0 + 1))
    assert [one.kind for one in told] == ["NBIRTH", "DBIRTH"]


def test_a_primary_host_that_goes_offline_is_left_after_the_death() -> None:
    found = waiting()
    found.heard(state(True, T0), T0)
    told = found.heard(state(False, T0), T0 + 5)  # its will carries the time of its own birth
    assert [one.kind for one in said(told)] == ["NDEATH"]
    assert told[-1] == Leave("the primary host programme is offline")


def test_an_older_offline_of_the_primary_host_is_passed_over() -> None:
    found = waiting()
    found.heard(state(True, T0 + 10), T0 + 10)
    assert found.heard(state(False, T0 + 9), T0 + 11) == []
    assert found.is_born


def test_an_older_online_of_the_primary_host_is_passed_over() -> None:
    found = waiting()
    found.heard(state(False, T0 + 10), T0 + 10)
    assert found.heard(state(True, T0 + 9), T0 + 11) == []
    assert not found.is_born


def test_a_host_whose_clock_was_set_back_is_believed_on_the_next_connection() -> None:
    found = waiting()
    found.heard(state(True, T0 + 10), T0)
    found.lost()
    found.will(1)
    found.connected(T0 + 20)
    assert [one.kind for one in said(found.heard(state(True, T0 - 10), T0 + 21))] == ["NBIRTH", "DBIRTH"]


@pytest.mark.parametrize("raw", [b"ONLINE", b"{}", b'{"online":1,"timestamp":1}', b'{"online":true}', b"[" * 9000])
def test_a_garbled_state_of_the_host_is_passed_over(raw: bytes) -> None:
    found = waiting()
    assert found.heard(Heard("spBv1.0/STATE/programme", raw, retained=True), T0) == []


def test_another_host_is_not_ours() -> None:
    raw = json.dumps({"online": True, "timestamp": T0}).encode()
    assert waiting().heard(Heard("spBv1.0/STATE/somebody", raw, retained=True), T0) == []


def test_what_happened_while_away_is_told_as_historical_with_its_own_times() -> None:
    found = born(5)
    found.lost()
    for n in range(1, 4):
        assert found.observe(snapshot(5 + n), T0 + n) == []
    found.will(8)
    told = said(found.connected(T0 + 10))
    assert [one.kind for one in told] == ["NBIRTH", "DBIRTH"]
    assert told[1].metrics["Pieces"].value == 8
    past = said(found.tell_past(T0 + 11, most=10))
    pieces = [one.metrics["Pieces"] for one in past]
    assert [(metric.value, metric.timestamp_ms) for metric in pieces] == [(6, T0 + 1), (7, T0 + 2), (8, T0 + 3)]
    assert all(metric.is_historical and metric.datatype is None for metric in pieces)
    assert [one.seq for one in past] == [2, 3, 4]
    assert found.tell_past(T0 + 12, most=10) == []


def test_live_data_are_not_historical() -> None:
    (told,) = said(born().observe(snapshot(1), T0 + 1))
    assert not told.metrics["Pieces"].is_historical


def test_the_past_of_a_device_waits_until_it_is_born() -> None:
    found = born(5)
    found.lost()
    found.observe(snapshot(6), T0 + 1)
    found.observe(snapshot(device=False), T0 + 2)
    found.will(8)
    found.connected(T0 + 3)
    assert found.tell_past(T0 + 4, most=10) == []
    found.observe(snapshot(6), T0 + 5)
    assert [one.metrics["Pieces"].value for one in said(found.tell_past(T0 + 6, most=10))] == [6]


def test_a_long_absence_costs_resolution_and_no_final_value() -> None:
    found = node(most=50)
    for n in range(10_000):
        found.observe(snapshot(n, speed=float(n // 5000)), T0 + n)
    assert found.backlog <= 2 * 50
    found.will(0)
    found.connected(T0 + 10_000)
    told = said(found.tell_past(T0 + 10_001, most=1000))
    pieces = [one.metrics["Pieces"] for one in told if "Pieces" in one.metrics]
    assert pieces[-1].value == 9999
    assert [metric.value for metric in pieces] == [(metric.timestamp_ms or 0) - T0 for metric in pieces]
    speeds = [one.metrics["Speed"] for one in told if "Speed" in one.metrics]
    assert [(metric.value, metric.timestamp_ms) for metric in speeds] == [(0.0, T0), (1.0, T0 + 5000)]
    times = [metric.timestamp_ms or 0 for metric in pieces]
    assert max(later - earlier for earlier, later in pairwise(times)) <= 2 * 10_000 / 25


@pytest.mark.parametrize("name", ["", "a/b", "a+", "#"])
def test_an_id_with_letters_that_topics_need_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="id"):
        NodeAddress("yard", name)


@given(
    st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1), st.floats(allow_nan=False), st.text(), st.booleans()
)
def test_values_come_back_as_they_were_sent(signed: int, count: int, real: float, text: str, flag: bool) -> None:
    metrics = [
        Metric("a", Datatype.int64, signed, T0),
        Metric("b", Datatype.uint64, count, T0),
        Metric("c", Datatype.double, real, T0),
        Metric("d", Datatype.string, text, T0),
        Metric("e", Datatype.boolean, flag, T0),
        Metric("f", Datatype.datetime, T0, T0),
        Metric("g", Datatype.uint64, None, T0),
    ]
    told = decode(encode(metrics, timestamp_ms=T0, seq=3, with_datatypes=True))
    assert told is not None
    assert [metric.value for metric in told.metrics] == [signed, count, real, text, flag, T0, None]
    assert [metric.is_null for metric in told.metrics] == [False] * 6 + [True]


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    found = born()
    found.heard(Heard(ADDRESS.topic("CMD"), raw, retained=False), T0)
