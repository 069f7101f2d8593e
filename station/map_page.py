"""The register map as a page to print, made from the one definition in ``control.register_map``."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from control.register_map import (
    BLOCKS,
    HEARTBEAT_LIMIT_MS,
    HEARTBEAT_MS,
    MAP_VERSION,
    SLOTS_PER_WRITE,
    Block,
    Field,
    Kind,
)

_WORDS = {Kind.u16: 1, Kind.u32: 2, Kind.u64: 4}
_RULES = (
    "All registers are holding registers. Addresses are zero-based: a manual that counts from 40001 says address 0.",
    "Values of 32 and 64 bits lie high word first. Counters and indices run modulo 65536 and never go back.",
    f"Both sides toggle their heartbeat every {HEARTBEAT_MS} ms. When the station's stands still for "
    f"{HEARTBEAT_LIMIT_MS} ms the controller closes every output, stops the belt and ignores every waiting job.",
    "A request (run, fire) is granted when its bit rises, and taken back by the emergency stop, an open guard or a "
    "missing heartbeat; then the bit must be dropped and raised again.",
    "A job opens its outputs exactly when the encoder reaches open_count, or not at all. Whatever the job says, no "
    "output stays on longer than its own limit in the controller.",
    "count_clock tells how old encoder_count is, so that neither the scan nor the network moves a shot. Where none is "
    "kept (bit 9 of the state) the age is estimated from the counts, less exactly.",
    "Each job gets exactly one report. A slot may be written again when read_index has passed it.",
    f"The station writes whole slots, at most {SLOTS_PER_WRITE} in one request, and write_index after them.",
    "Process stop request, not a safety function. Use the emergency stop in danger.",
)
_STYLE = """
@page { size: A4; margin: 14mm }
body { font: 10pt/1.35 system-ui, sans-serif; color: #111; max-width: 182mm; margin: 0 auto; padding: 4mm }
h1 { font-size: 16pt; margin: 0 0 2mm } h2 { font-size: 12pt; margin: 6mm 0 1mm; break-after: avoid }
p { margin: 0 0 2mm } ol { padding-left: 5mm }
table { border-collapse: collapse; width: 100%; margin-bottom: 2mm; break-inside: avoid }
th, td { border: 0.3mm solid #999; padding: 1mm 2mm; text-align: left; vertical-align: top }
th { background: #eee; print-color-adjust: exact } td.n { text-align: right; font-variant-numeric: tabular-nums }
code { font-family: ui-monospace, monospace }
"""


def map_rows(block: Block) -> Iterator[tuple[int, Field]]:
    """The fields of a block's first copy with the zero-based address of each."""
    at = block.at
    for field in block.fields:
        yield at, field
        at += _WORDS[field.kind]


def map_html() -> str:
    """One file without anything from outside."""
    rules = "".join(f"<li>{escape(rule)}</li>" for rule in _RULES)
    blocks = "".join(_block(block) for block in BLOCKS)
    title = f"Register map of the job ring, version {MAP_VERSION}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1><ol>{rules}</ol>{blocks}</body></html>\n"
    )


def _block(block: Block) -> str:
    last = block.at + block.times * block.registers - 1
    copies = "" if block.times == 1 else f", {block.times} times {block.registers} registers"
    rows = "".join(_row(at, field) for at, field in map_rows(block))
    return (
        f"<h2>{escape(block.name)}: {block.at} to {last}{copies}, written by the {escape(block.writer)}</h2>"
        f"<p>{escape(block.says)}</p><table><tr><th>address</th><th>name</th><th>type</th><th>meaning</th></tr>"
        f"{rows}</table>"
    )


def _row(at: int, field: Field) -> str:
    bits = "".join(f"<br>{number}: {escape(meaning)}" for number, meaning in field.bits)
    return (
        f'<tr><td class="n">{at}</td><td><code>{escape(field.name)}</code></td><td>{field.kind}</td>'
        f"<td>{escape(field.says)}{bits}</td></tr>"
    )
