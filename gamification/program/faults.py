"""Faults: what is wrong with a program file, where in the file, and what to do about it."""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

MAX_FAULTS = 100
"""How many faults of one file are told; a file with more of them has one cause that repeats."""
MAX_SHOWN_CHARS = 60
MAX_LISTED = 20

Location = tuple[str | int, ...]
"""The way from the top of a program to a value: field names, and places in lists from 0."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault. ``line`` and ``column`` count from 1; ``path`` is dotted, such as ``rules.0.earn.points``."""

    line: int
    column: int
    path: str
    message: str


class ProgramFaults(ValueError):
    """A program that cannot be used, with all its faults in the order of the file, each once."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(format_fault("program", fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a location in the data.

    ``misspelt`` is a word that is none of the ``known`` ones. Lines and columns count from 1: the position in the file
    is that of the value, or of its field's name (``on_key``), or of ``offset`` within the value's text, or is given.
    """

    location: Location
    message: str
    misspelt: str = ""
    known: Collection[str] = ()
    on_key: bool = False
    offset: tuple[int, int] | None = None
    position: tuple[int, int] | None = None

    def words(self) -> str:
        """The message, with the word that was probably meant."""
        if close := closest(self.misspelt, self.known):
            return _one_line(f"{self.message}; did you mean '{close}'?")
        if 0 < len(self.known) <= MAX_LISTED:
            return _one_line(f"{self.message}; known here: {', '.join(sorted({shown(word) for word in self.known}))}")
        return _one_line(self.message)


def closest(word: str, known: Collection[str]) -> str | None:
    """The known word that was probably meant; None where none is alike, or the word is too long to be a slip."""
    if not word or len(word) > MAX_SHOWN_CHARS:
        return None
    return next(iter(get_close_matches(word, known, n=1)), None)


def shown(value: object) -> str:
    """A value out of a file as it may stand in a message: one line, printable, cut short."""
    text = _one_line(str(value)[: MAX_SHOWN_CHARS + 1])
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}..."


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def path_of(location: Location) -> str:
    """A location as a dotted path."""
    return ".".join(shown(step) for step in location)


def format_fault(file: str, fault: Fault) -> str:
    """One line as compilers write it: ``programs/x.yaml:12:7: rules.0.name: is required``."""
    place = f"{file}:{fault.line}:{fault.column}"
    return f"{place}: {fault.path}: {fault.message}" if fault.path else f"{place}: {fault.message}"
