"""A belt scale beside a run: read over a real serial line by a thread of its own, and said in the summary."""

from __future__ import annotations

import logging
import os
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pyModbusTCP.server import DataBank, ModbusServer  # type: ignore[import-untyped]
from ruamel.yaml import YAML

from hil.rtu_slave import RtuSlave
from station.config import Config, ConfigError, load_config
from station.device_doubts import doubts
from station.scale import ScaleWatch, scale_of
from tests.control.bench_plc import free_port
from tests.control.test_belt_scale import ScaleRegisters

ROOT = Path(__file__).parents[2]


def station_with_scale(
    folder: Path, port: str | None, device: str = "devices/siemens-bw500.yaml", tcp_port: int | None = None
) -> Config:
    yaml = YAML()
    tree = yaml.load((ROOT / "configs/sim.yaml").read_text(encoding="utf-8"))
    for key in ("calibration", "recipe", "model"):
        tree[key] = str(ROOT / "configs" / tree[key])
    scale = {"device": str(ROOT / "configs" / device), "unit": 3, "poll_s": 0.2, "longest_reply_ms": 300}
    scale |= {} if port is None else {"port": port}
    scale |= {} if tcp_port is None else {"host": "127.0.0.1", "tcp_port": tcp_port}
    tree["scale"] = scale | {"roll_over_kg": 1_000_000.0, "max_kg_s": 50_000.0}
    path = folder / "station.yaml"
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)
    return load_config(path)


class Slave:
    """A scale at the far end of a pseudo terminal."""

    def __init__(self) -> None:
        self.registers = ScaleRegisters()
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        self.device = os.ttyname(self._far)
        slave = RtuSlave(3, self.registers, self._say)
        self._thread = threading.Thread(target=self._serve, args=(slave,))
        self._thread.start()

    def end(self) -> None:
        """What is written to the far end is read at the near one: that wakes the thread."""
        os.write(self._far, b"end")
        self._thread.join()
        os.close(self._near)
        os.close(self._far)

    def _say(self, answer: bytes) -> None:
        os.write(self._near, answer)

    def _serve(self, slave: RtuSlave) -> None:
        with suppress(OSError):
            while (heard := os.read(self._near, 512)) != b"end":
                slave.pause()
                slave.hear(heard)


@pytest.fixture
def slave() -> Iterator[Slave]:
    slave = Slave()
    yield slave
    slave.end()


def until(done: Callable[[], bool]) -> None:
    for _ in range(1000):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def test_the_total_is_read_beside_the_run(tmp_path: Path, slave: Slave) -> None:
    slave.registers.put("total_1", 100.0)
    with ScaleWatch(scale_of(station_with_scale(tmp_path, slave.device))) as scale:
        until(lambda: scale.weighed is not None)
        slave.registers.put("total_1", 100.25)
        until(lambda: scale.weighed is not None and scale.weighed.total_kg > 0)
        weighed = scale.weighed

    assert weighed is not None
    assert weighed.total_kg == pytest.approx(250.0)
    assert weighed.is_whole


@pytest.mark.parametrize("identifier", [2, 7])
def test_a_scale_on_the_network_is_read_when_it_is_the_one_of_the_device_file(tmp_path: Path, identifier: int) -> None:
    port = free_port()
    bank = DataBank(h_regs_size=2000)
    bank.set_holding_registers(63, [identifier])
    bank.set_holding_registers(1015, [0, 7000])
    server = ModbusServer(host="127.0.0.1", port=port, no_block=True, data_bank=bank)
    server.start()
    try:
        with ScaleWatch(scale_of(station_with_scale(tmp_path, None, tcp_port=port))) as scale:
            until(lambda: scale.weighed is not None or scale.trouble is not None)
            bank.set_holding_registers(1015, [0, 7250])
            until(lambda: scale.trouble is not None or (scale.weighed is not None and scale.weighed.total_kg > 0))
    finally:
        server.stop()

    if identifier == 2:
        assert scale.weighed is not None
        assert scale.weighed.total_kg == pytest.approx(250.0)
    else:
        assert "is no Siemens Milltronics BW500: registers from 63 hold (7,), not (2,)" in (scale.trouble or "")


@pytest.mark.parametrize(("port", "tcp_port"), [(None, None), ("/dev/ttyUSB0", 502)])
def test_a_scale_is_on_a_line_or_on_the_network(tmp_path: Path, port: str | None, tcp_port: int | None) -> None:
    with pytest.raises(ConfigError, match="scale  give either port"):
        station_with_scale(tmp_path, port, tcp_port=tcp_port)


def test_a_scale_that_is_not_there_holds_nothing_up_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), ScaleWatch(scale_of(station_with_scale(tmp_path, "/dev/none"))) as scale:
        until(lambda: scale.trouble is not None)

    assert scale.weighed is None
    assert "the belt scale: There is no serial adapter at /dev/none" in caplog.text


def test_a_total_whose_register_nobody_has_read_in_the_manual_is_said(tmp_path: Path) -> None:
    (doubt,) = doubts(station_with_scale(tmp_path, "/dev/null"))

    assert "total_1" in doubt
    assert "the scale's own display" in doubt


def test_a_station_without_a_scale_has_none() -> None:
    with ScaleWatch(scale_of(load_config(ROOT / "configs/sim.yaml"))) as scale:
        assert scale.weighed is None


def test_a_scale_whose_device_file_is_missing_is_an_error_of_the_station_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no-scale\.yaml  cannot be read"):
        station_with_scale(tmp_path, "/dev/none", "devices/no-scale.yaml")
