"""The shipped controller program: its constants are the map's, and the check of its language can fail.

That it keeps the contract is tested with every other machine in ``test_machine_contract``.
"""

from __future__ import annotations

import re

import pytest

from control import job_ring
from tests.control.foreign.plc_host import PROGRAM
from tests.control.structured_text import StError, to_c

TEXT = PROGRAM.read_text(encoding="utf-8")
CODES = {meaning.split(":")[0]: code for code, meaning in job_ring.RESULT_BLOCK.fields[1].bits}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STATUS_AT", job_ring.STATUS_AT),
        ("RESULTS_AT", job_ring.result_at(0)),
        ("RESULTS", job_ring.RESULTS),
        ("RESULT_REGISTERS", job_ring.RESULT_REGISTERS),
        ("COMMAND_AT", job_ring.COMMAND_AT),
        ("SLOTS_AT", job_ring.SLOTS_AT),
        ("SLOTS", job_ring.SLOTS),
        ("SLOT_REGISTERS", job_ring.SLOT_REGISTERS),
        ("HEARTBEAT_MS", job_ring.HEARTBEAT_MS),
        ("HEARTBEAT_LIMIT_MS", job_ring.HEARTBEAT_LIMIT_MS),
        ("FEEDBACK_AT", job_ring.FEEDBACK_BLOCK.at),
        *((meaning.upper(), code) for meaning, code in CODES.items()),
    ],
)
def test_the_constants_of_the_program_are_those_of_the_map(name: str, value: int) -> None:
    assert re.search(rf"^\s+{name} : U?D?(INT|WORD) := {value};", TEXT, re.MULTILINE)


def test_the_program_has_as_many_registers_as_the_map_and_its_version() -> None:
    assert f"registers : ARRAY [0..{job_ring.REGISTERS - 1}] OF WORD" in TEXT
    assert f"registers[2] := {job_ring.MAP_VERSION};" in TEXT
    assert f"registers[0] := 16#{job_ring.MAGIC >> 16:X};" in TEXT
    assert f"registers[1] := 16#{job_ring.MAGIC & 0xFFFF:X};" in TEXT


def test_the_whole_program_is_sound_structured_text() -> None:
    assert "void JobRing_run(JobRing *self)" in to_c(TEXT)


@pytest.mark.parametrize(
    ("sound", "broken", "reason"),
    [
        ("heartbeat : WORD;", "heartbeat : BOOLEAN;", "type BOOLEAN is not known"),
        ("heartbeat := registers[COMMAND_AT];", "heartbeat := nowMs;", "UDINT where WORD is wanted"),
        ("armed := FALSE;", "armed := 0;", "literal where BOOL is wanted"),
        ("isHealthy := isBeaten AND estopOk", "isHealthy := isBeaten AND nowMs", "BOOL AND UDINT: convert"),
        ("jobs := 0;", "job := 0;", "job is not declared"),
        ("jobs := 0;", "nowMs := 0;", "nowMs is an input"),
        ("jobs := 0;", "QUEUE := 0;", "QUEUE is a constant"),
        ("IF NOT armed THEN", "IF jobs THEN", "a condition is INT"),
        ("END_WHILE;", "END_FOR;", "END_FOR"),
        ("jobId[n]", "jobId", "jobId is an array"),
    ],
)
def test_a_mistake_in_the_program_is_found(sound: str, broken: str, reason: str) -> None:
    assert sound in TEXT

    with pytest.raises(StError, match=reason):
        to_c(TEXT.replace(sound, broken, 1))
