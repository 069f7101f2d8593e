"""Batches and reports from the command line, whether the station runs or not."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from station.cli import app
from station.reporting.clock import Clock
from station.reporting.office import Office, Told
from station.reporting.office_door import NobodyThere, ask, open_door
from station.reporting.reporter import Reporter
from station.store import Store
from station.store_file import StoreRefused, refuse_other_kind
from tests.station.pieces import RUN
from tests.station.reporting.test_reporter import SETTINGS, WALL_NS
from tests.station.reporting.yard import CONTEXT, FAST, LINE_RUN, Yard

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A station folder with some pieces in its records."""
    shutil.copytree(CONFIGS, tmp_path / "configs")
    data = tmp_path / "data" / "sim"
    data.mkdir(parents=True)
    with Yard(data) as yard:
        yard.fill(rows=3, pieces=4)
    return tmp_path


def station(site: Path, *words: str, expected: int = 0) -> str:
    told = CliRunner().invoke(app, [*words])
    assert told.exit_code == expected, told.output
    return told.output


def test_a_batch_is_opened_closed_listed_and_balanced_at_rest(site: Path) -> None:
    config = str(site / "configs/sim.yaml")
    station(site, "batch", "open", config, "--id", "B-1", "--weight-kg", "1000", "--origin", "yard", "--by", "Ana")
    assert "Batch B-1 is open: close it first." in station(site, "batch", "open", config, expected=2)
    with Yard(site / "data" / "sim") as yard:
        yard.fill(rows=1, pieces=5)
    said = station(site, "batch", "close", config, "--by", "Ana")
    assert "DOES NOT CLOSE" in said
    assert "copper" in said
    assert "B-1" in station(site, "batch", "list", config)
    assert "999.8 kg less" in station(site, "batch", "balance", config, "B-1", expected=1)
    station(site, "batch", "weigh", config, "B-1", "copper", "999", "--sd-kg", "1")
    assert "The balance closes" in station(site, "batch", "balance", config, "B-1")


def test_recount_says_what_agrees_and_ends_with_1_where_something_does_not(site: Path) -> None:
    config = str(site / "configs/sim.yaml")
    assert "agree" in station(site, "report", "recount", config)
    with closing(sqlite3.connect(site / "data/sim/records.sqlite")) as hand:
        hand.execute("UPDATE pieces SET label = 'AL-CAST' WHERE seq = 6")
        hand.commit()
    told = json.loads(station(site, "report", "recount", config, "--json", expected=1))
    assert told["difference"].startswith("row 2: AL-CAST copper ejected: nothing")


def test_the_outbox_is_shown_and_what_was_set_aside_is_exported_and_retried(site: Path) -> None:
    config = str(site / "configs/sim.yaml")
    with closing(sqlite3.connect(site / "data/sim/records.sqlite")) as hand:
        hand.execute("UPDATE intervals SET delivery = 'quarantined', reason = 'no such class' WHERE sequence = 2")
        hand.commit()
    said = station(site, "report", "outbox", config)
    assert "2 rows wait" in said
    assert "no such class" in said
    assert "1 rows written" in station(site, "report", "quarantine", config, str(site / "poison.jsonl"))
    assert json.loads((site / "poison.jsonl").read_text())["row"]["sequence"] == 2
    assert "1 rows wait again" in station(site, "report", "retry", config)
    assert "3 rows wait" in station(site, "report", "outbox", config)


def test_a_running_station_is_asked_through_its_door(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    store = Store.open(deep / "records.sqlite", FAST)
    store.begin_run(LINE_RUN)
    reporter = Reporter(store, LINE_RUN.uuid, CONTEXT, SETTINGS, Clock())
    reporter.begin(LINE_RUN.started_ns, WALL_NS, True)

    async def talk() -> list[Told]:
        async with open_door(Office(store, reporter), deep):
            assert (deep / "office.sock").stat().st_mode & 0o077 == 0

            def say(verb: str, **words: str | float | None) -> Told:
                return ask(deep, verb, "Ana", **words)

            empty: dict[str, str | float | None] = {
                "origin": "", "supplier": "", "material": "", "weight_kg": 5.0, "weight_sd_kg": None, "unu_key": None,
                "id": "A",
            }  # fmt: skip
            return [
                await asyncio.to_thread(say, "open", **empty),
                await asyncio.to_thread(say, "open", **empty),
                await asyncio.to_thread(say, "weigh", batch="A", outlet="copper", mass_kg=1.0, sd_kg=0.1),
                await asyncio.to_thread(say, "shift", shift="late"),
                await asyncio.to_thread(say, "close"),
                await asyncio.to_thread(say, "retry"),
                await asyncio.to_thread(say, "dance"),
            ]

    told = asyncio.run(talk())
    store.close()
    assert [each.refusal is None for each in told] == [True, False, True, True, True, True, False]
    assert told[0].told == told[4].told == "A"
    with pytest.raises(NobodyThere):
        ask(deep, "close", "Ana")


def test_real_and_simulated_records_never_share_a_database(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    store = Store.open(path, FAST)
    store.begin_run(RUN)
    store.begin_run(replace(RUN, uuid="run-2", is_simulated=False))
    assert store.flush()
    assert store.trouble == "1 records could not be stored and are missing."
    store.close()
    refuse_other_kind(path, is_simulated=True)
    with pytest.raises(StoreRefused, match="holds simulated records and this line is real"):
        refuse_other_kind(path, is_simulated=False)
