"""Texts of the program in the reader's language."""

from gamification.program import Text
from schema.context import Reading


def words(text: Text | None, reading: Reading) -> str | None:
    """An optional text in the reader's language."""
    return text.read(reading.language) if text else None
