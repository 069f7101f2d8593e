"""A mark for sentences that people read: light enough for every process, unlike the catalogues themselves."""

from __future__ import annotations


def marked(sentence: str) -> str:
    """A sentence in a table that will be shown in the reader's language; says so to ``make messages``."""
    return sentence
