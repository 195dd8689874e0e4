"""Calls of scripts, and those that go out as one: of a script that answers for each of its arguments.

The driver takes its time with each call, whatever is in it: for ten ranks as long as the server for a hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from app.boards.scripts import Script

MAX_ARGUMENTS = 100
"""Of one joined call. A script holds up everybody else: this many take it about a millisecond."""


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script. Its keys share a slot."""

    script: Script
    keys: tuple[str, ...]
    arguments: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """Some calls, and which of them, by their numbers, each call that is sent answers."""

    sent: list[Call]
    parts: list[list[int]]

    def answers(self, raws: Sequence[Any]) -> list[Any]:
        """The answers to the calls, in their order, by those to what was sent."""
        answers: dict[int, Any] = {}
        for raw, part in zip(raws, self.parts, strict=True):
            answers.update(zip(part, _apart(raw, len(part)), strict=True))
        return [answers[number] for number in range(len(answers))]

    def faults_of_any(self, answers: Sequence[Any]) -> list[int]:
        """The calls, by their numbers, that were answered by a fault which may be that of one they were joined with."""
        together = (number for part in self.parts if len(part) > 1 for number in part)
        return [number for number in together if isinstance(answers[number], Exception)]


def join(calls: Sequence[Call]) -> Joined:
    """These calls in as few as can be. What is joined goes where the first of it was."""
    parts: list[list[int]] = []
    growing: dict[tuple[Script, tuple[str, ...]], list[int]] = {}
    for number, call in enumerate(calls):
        here = (call.script, call.keys)
        part = growing.get(here)
        if part is None or len(part) == MAX_ARGUMENTS:
            parts.append(part := [])
        if call.script.joins:
            growing[here] = part
        part.append(number)
    return Joined([_one([calls[number] for number in part]) for part in parts], parts)


def _one(calls: Sequence[Call]) -> Call:
    return replace(calls[0], arguments=tuple(chain.from_iterable(call.arguments for call in calls)))


def _apart(raw: Any, count: int) -> Sequence[Any]:
    """What the answer to so many calls in one would be to each of them."""
    if count == 1 or isinstance(raw, Exception):
        return [raw] * count
    common, *each = raw
    return [[common, own] for own in each]
