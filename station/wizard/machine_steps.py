"""The steps at the machine: every ejector by itself, then whether the controller drops everything without a heart."""

from __future__ import annotations

from station import setup
from station.marked import marked
from station.wizard.words import Fell, Fired, FiredEach, FireEach, Found, MeasureRefused, Task, WatchFall
from station.wizard.work import Bench, Given, Proof, unknown

_DRY_MS = 60.0
_FIRED = "fired"


class EjectorsWork:
    """Each output is fired at a standing belt; a person says that the right one moved."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._shots: dict[int, Fired] = {}
        self._moved: dict[int, bool] = {}
        self._last: tuple[int, ...] = ()

    def ask(self, what: str, given: Given) -> Task | None:
        match what:
            case "fire":
                return self._fire((self._known(given.output),))
            case "fire_bank":
                return self._fire(self._bank(given.label))
            case "confirm":
                self._confirm(given)
                return None
            case _:
                raise unknown(what)

    def take(self, found: Found) -> None:
        if isinstance(found, FiredEach):
            self._shots.update({shot.output: shot for shot in found.shots})
            self._last = tuple(shot.output for shot in found.shots)
            for output in self._last:
                self._moved.pop(output, None)

    def proof(self) -> Proof | None:
        outputs = [ejector.output for ejector in setup.ejectors(self._bench.config)]
        if not self._moved:
            return None
        moved = sum(self._moved.get(output, False) for output in outputs)
        figures: dict[str, object] = {
            "ejectors": len(outputs),
            "moved": moved,
            "read_back": sum(shot.was_on is True for shot in self._shots.values()),
            "felt": sum(shot.felt is True for shot in self._shots.values()),
        }
        if False in self._moved.values():
            return Proof(False, _NOT_MOVED, figures)
        return Proof(moved == len(outputs), _ALL_MOVED if moved == len(outputs) else _SOME_LEFT, figures)

    def told(self) -> dict[str, object]:
        return {
            "shots": [shot._asdict() for shot in self._shots.values()],
            "moved": {str(output): moved for output, moved in self._moved.items()},
            "last": self._last,
        }

    def _fire(self, outputs: tuple[int, ...]) -> FireEach:
        self._last = ()
        return FireEach(outputs, min(_DRY_MS, self._bench.config.file.sorting.max_pulse_ms))

    def _confirm(self, given: Given) -> None:
        if given.yes is None or not self._last:
            raise MeasureRefused(marked("Fire an ejector first, then say whether it moved."))
        for output in self._last:
            self._moved[output] = given.yes
        self._last = ()

    def _known(self, output: int | None) -> int:
        if output not in {ejector.output for ejector in setup.ejectors(self._bench.config)}:
            raise MeasureRefused(marked("Choose an ejector of this line."))
        assert output is not None
        return output

    def _bank(self, outlet: str | None) -> tuple[int, ...]:
        found = tuple(ejector.output for ejector in setup.ejectors(self._bench.config) if ejector.outlet == outlet)
        if not found:
            raise MeasureRefused(marked("Choose a bank of this line."))
        return found


_ALL_MOVED = marked("Every ejector was fired and moved.")
_SOME_LEFT = marked("Fire and confirm the ejectors that are left.")
_NOT_MOVED = marked("An ejector did not move: look at its wire, its air and its number, then fire it again.")


class HeartbeatWork:
    """The station holds its own control process still and sees what the controller does meanwhile."""

    def __init__(self, bench: Bench) -> None:
        self._fell: Fell | None = None

    def ask(self, what: str, given: Given) -> Task | None:
        if what != "stop":
            raise unknown(what)
        self._fell = None
        return WatchFall()

    def take(self, found: Found) -> None:
        if isinstance(found, Fell):
            self._fell = found

    def proof(self) -> Proof | None:
        fell = self._fell
        if fell is None:
            return None
        figures: dict[str, object] = {
            "silent_ms": round(fell.silent_ms),
            "running": fell.running,
            "armed": fell.armed,
            "outputs": fell.outputs,
        }
        if fell.running or fell.armed or fell.outputs:
            return Proof(False, _STAYED, figures)
        return Proof(True, _DROPPED, figures)

    def told(self) -> dict[str, object]:
        return {}


_DROPPED = marked("Without the heartbeat the controller stopped the belt and let nothing fire.")
_STAYED = marked("The controller went on without a heartbeat. Do not run this line: mend its watchdog first.")
