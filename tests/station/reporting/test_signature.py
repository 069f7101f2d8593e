"""A paper signed by the station is verified by the public program minisign, and a changed byte is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from station.reporting.signature import (
    KEY_FILE,
    PUBLIC_FILE,
    SignatureRefused,
    sign,
    sign_file,
    station_key,
    verify,
)

COMMENT = "station=yard-7 batch=B-1 time=2027-01-15T08:00:00.000Z is_simulated=true"


def minisign(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["minisign", *map(str, arguments)], capture_output=True, text=True, check=False)


def test_minisign_verifies_the_paper_and_its_trusted_comment(tmp_path: Path) -> None:
    paper = tmp_path / "batch.html"
    paper.write_bytes("批次报告".encode() * 1000)
    key = station_key(tmp_path / "data")
    sign_file(key, paper, COMMENT)

    checked = minisign("-V", "-m", paper, "-p", tmp_path / "data" / PUBLIC_FILE)
    assert checked.returncode == 0, checked.stderr
    assert COMMENT in checked.stdout
    assert minisign("-V", "-m", paper, "-P", key.public_line).returncode == 0


@pytest.mark.parametrize("at", [0, 500, -1])
def test_one_changed_byte_fails(tmp_path: Path, at: int) -> None:
    paper = tmp_path / "batch.html"
    content = bytearray(range(256)) * 4
    paper.write_bytes(content)
    key = station_key(tmp_path / "data")
    sign_file(key, paper, COMMENT)
    content[at] ^= 1
    paper.write_bytes(content)
    assert minisign("-V", "-m", paper, "-P", key.public_line).returncode != 0


def test_a_changed_comment_fails(tmp_path: Path) -> None:
    paper = tmp_path / "batch.html"
    paper.write_bytes(b"paper")
    key = station_key(tmp_path / "data")
    beside = sign_file(key, paper, COMMENT)
    beside.write_text(beside.read_text().replace("is_simulated=true", "is_simulated=false"))
    assert minisign("-V", "-m", paper, "-P", key.public_line).returncode != 0
    with pytest.raises(SignatureRefused, match="changed"):
        verify(key.public_line, b"paper", beside.read_text())


def test_minisign_can_sign_with_the_stations_key(tmp_path: Path) -> None:
    key = station_key(tmp_path / "data")
    paper = tmp_path / "batch.html"
    paper.write_bytes(b"paper")
    signed = minisign("-S", "-W", "-m", paper, "-s", tmp_path / "data" / KEY_FILE, "-t", "by hand")
    assert signed.returncode == 0, signed.stderr
    assert verify(key.public_line, b"paper", (tmp_path / "batch.html.minisig").read_text()) == "by hand"


def test_the_key_is_made_once_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    first, second = station_key(tmp_path), station_key(tmp_path)
    assert first.public_line == second.public_line
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([KEY_FILE, PUBLIC_FILE])
    assert station_key(tmp_path / "other").public_line != first.public_line


def test_another_key_a_damaged_key_and_what_is_no_signature_are_refused(tmp_path: Path) -> None:
    key, other = station_key(tmp_path / "a"), station_key(tmp_path / "b")
    signature = sign(key, b"paper", COMMENT)
    assert verify(key.public_line, b"paper", signature) == COMMENT
    with pytest.raises(SignatureRefused, match="another key"):
        verify(other.public_line, b"paper", signature)
    with pytest.raises(SignatureRefused, match="no signature"):
        verify(key.public_line, b"paper", "hello")
    kept = tmp_path / "a" / KEY_FILE
    kept.write_text(kept.read_text().replace("A", "B", 5))
    with pytest.raises(SignatureRefused, match="damaged"):
        station_key(tmp_path / "a")
