"""What comes of a request over HTTP: an answer, or none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_ANSWER_BYTES: Final = 64 * 1024
"""Of a body; what every provider answers is a few hundred bytes. A longer one counts as no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that has arrived whole; names of headers are lower case. The body may name a token: not for logs."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


class NoAnswer(Exception):
    """There is none, and the request may have been taken or not. ``reason`` is a code for operators."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotTaken(NoAnswer):
    """There is none, and the host has certainly not looked at the request."""


class Unreachable(NoAnswer):
    """There is none, because no connection could be opened."""


class NoHttp2(Unreachable):
    """There is none, because the host speaks HTTP/1.1 only."""
