"""Alarms stay until somebody knows of them, come back from the shelf by themselves, and outlive a restart."""

from __future__ import annotations

from pathlib import Path

from station.alarm_desk import AlarmDesk
from station.alarm_log import read_alarm_events
from station.alarms import past_alarms
from station.store import Store, StoreSettings
from station.store_rows import Event, EventKind
from tests.station.pieces import RUN

MIN = 60_000_000_000


class Plant:
    """A desk with a clock that is set by hand, and its log."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.log: list[Event] = []
        self.desk = AlarmDesk(RUN.uuid, RUN.utc_offset_ns, self.log.extend, lambda: self.now_ns)

    def raised(self, code: str, order: int) -> None:
        self._fault(EventKind.fault_raised, code, order)

    def cleared(self, code: str) -> None:
        self._fault(EventKind.fault_cleared, code, None)

    def codes(self) -> list[str]:
        return [alarm.code for alarm in self.desk.shown()]

    def _fault(self, kind: EventKind, code: str, order: int | None) -> None:
        event = Event(RUN.uuid, self.now_ns, kind, code, "", order, None)
        self.log.append(event)
        self.desk.hear([event])


def test_an_alarm_stays_until_its_fault_is_gone_and_somebody_has_acknowledged_it() -> None:
    plant = Plant()
    plant.raised("air-low", 1)
    plant.raised("camera-silent", 2)
    assert plant.desk.acknowledge("air-low", "Li") is None
    assert [(alarm.code, alarm.acknowledged_by) for alarm in plant.desk.shown()] == [
        ("camera-silent", None),
        ("air-low", "Li"),
    ]
    plant.cleared("air-low")
    plant.cleared("camera-silent")
    plant.raised("camera-silent", 3)
    plant.cleared("camera-silent")
    (alarm,) = plant.desk.shown()
    assert (alarm.code, alarm.times, alarm.over_s, alarm.is_first) == ("camera-silent", 2, 0.0, False)
    assert plant.desk.acknowledge(None, "Bo") is None
    assert plant.codes() == []
    assert plant.desk.acknowledge("camera-silent", "Bo") == "That alarm is acknowledged already, or is not there."


def test_the_first_of_the_worst_is_told_as_the_first_that_came() -> None:
    plant = Plant()
    for order, code in enumerate(("frames-dropped", "machine-lost", "control-held"), start=1):
        plant.raised(code, order)
    assert [alarm.code for alarm in plant.desk.shown() if alarm.is_first] == ["machine-lost"]


def test_a_shelved_alarm_comes_back_by_itself_and_what_stops_or_harms_is_never_shelved() -> None:
    plant = Plant()
    plant.raised("line-noisy", 1)
    assert plant.desk.shelve("line-noisy", 15, "Li") is None
    assert (plant.codes(), [shelf.code for shelf in plant.desk.shelved()]) == ([], ["line-noisy"])
    plant.cleared("line-noisy")
    plant.raised("line-noisy", 2)
    plant.now_ns += 15 * MIN - 1
    assert plant.codes() == []
    plant.now_ns += 1
    assert (plant.codes(), plant.desk.shelved()) == (["line-noisy"], ())
    for code, minutes in (("estop", 15), ("hazard-waiting", 15), ("line-noisy", 481), ("nonsense", 15)):
        assert plant.desk.shelve(code, minutes, "Li")


def test_alarms_shelves_and_acknowledgements_outlive_a_restart_and_are_told_as_history(tmp_path: Path) -> None:
    plant = Plant()
    for order, code in enumerate(("air-low", "line-noisy", "frames-dropped"), start=1):
        plant.raised(code, order)
    plant.now_ns = MIN
    plant.desk.acknowledge("air-low", "Li")
    plant.desk.shelve("line-noisy", 60, "Bo")
    store = Store.open(tmp_path / "records.sqlite", StoreSettings(commit_every_s=0.01))
    store.begin_run(RUN)
    store.note(plant.log)
    store.close()

    past = read_alarm_events(store.path)
    later = AlarmDesk("the next run", RUN.utc_offset_ns, plant.log.extend, lambda: 2 * MIN, past)
    assert [(alarm.code, alarm.over_s) for alarm in later.shown()] == [("frames-dropped", 60.0)]
    assert [(shelf.code, shelf.by, shelf.left_s) for shelf in later.shelved()] == [("line-noisy", "Bo", 3540.0)]
    told = {alarm.code: (alarm.acknowledged and alarm.acknowledged.by, alarm.shelved) for alarm in past_alarms(past)}
    assert (told["air-low"], told["frames-dropped"]) == (("Li", None), (None, None))
    assert [alarm.code for alarm in past_alarms(read_alarm_events(store.path, code="line-noisy"))] == ["line-noisy"]
