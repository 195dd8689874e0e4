"""Program texts for tests, with the places of their faults marked in them."""

from pathlib import Path

import pytest

from gamification.program.faults import Fault, ProgramFaults
from gamification.program.source import read_program

EXAMPLES = Path(__file__).parents[3] / "programs"
MARK = "‸"
HEAD = """\
code: shop
name: Shop
languages: [en, da]
time_zone: UTC
money: {currency: USD}
points: {name: points}
"""


def faults_in(source: str | bytes) -> tuple[Fault, ...]:
    """The faults for which a program is refused."""
    with pytest.raises(ProgramFaults) as refused:
        read_program(source)
    return refused.value.faults


def unmarked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without the marks, and the line and column of each of them."""
    places: list[tuple[int, int]] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        pieces = line.split(MARK)
        for count in range(1, len(pieces)):
            places.append((number, len("".join(pieces[:count])) + 1))
    return text.replace(MARK, ""), places


def assert_faults(text: str, *expected: tuple[str, str]) -> None:
    """The program has exactly these faults, each a path and a message, at the marked places and in their order."""
    source, places = unmarked(text)
    found = faults_in(source)
    assert [(fault.path, fault.message) for fault in found] == list(expected)
    assert [(fault.line, fault.column) for fault in found] == places


def rule(fields: str) -> str:
    return HEAD + "rules:\n  - {code: r, name: R, on: purchase, " + fields + "}\n"


def challenge(fields: str) -> str:
    return HEAD + "challenges:\n  - {code: c, title: C, " + fields + "}\n"


def badge(fields: str) -> str:
    return HEAD + "badges:\n  - {code: b, name: B, " + fields + "}\n"


def board(fields: str) -> str:
    return HEAD + "boards:\n  - {code: b, name: B, on: purchase, " + fields + "}\n"


def tiers(levels: str, metric: str = "spend", window: str = "lifetime") -> str:
    return HEAD + f"tiers:\n  metric: {metric}\n  window: {window}\n  levels:\n{levels}"


def campaign(fields: str, effect: str = "effect: {bonus: 1}", starts_at: str = "2026-05-01T00:00:00Z") -> str:
    most = "{code: c, name: C, headline: C, " + f"starts_at: {starts_at}, "
    return HEAD + "campaigns:\n  - " + most + ", ".join(part for part in (effect, fields) if part) + "}\n"
