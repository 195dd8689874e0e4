"""Frames of HTTP/2 as they arrive, with GOAWAY taken out.

h2 holds a connection for closed at GOAWAY, and drops the answers that still come. RFC 9113, section 6.8, has requests
up to the last stream of a GOAWAY answered all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

HEADER_BYTES = 9
MAX_FRAME_BYTES = 16_384
"""RFC 9113, section 6.5.2: what nobody may exceed unasked; we ask for no more."""
_GOAWAY = 0x7
_GOAWAY_FIXED_BYTES = 8
_STREAM_BITS = 0x7FFF_FFFF


class NotFrames(Exception):
    """What arrives cannot be HTTP/2 as we agreed on it."""


@dataclass(frozen=True, slots=True)
class GoAway:
    """The host takes no new requests; those of streams above ``last_stream`` were not looked at."""

    last_stream: int
    error_code: int


class Frames:
    """Cuts what arrives into runs of whole frames and the GOAWAYs between them."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> Iterator[bytes | GoAway]:
        """What is whole now, in order.

        Raises:
            NotFrames: a frame is longer than agreed, or a GOAWAY is too short.
        """
        data = self._rest + data
        begin = at = 0
        while len(data) - at >= HEADER_BYTES:
            length = int.from_bytes(data[at : at + 3], "big")
            if length > MAX_FRAME_BYTES:
                raise NotFrames
            end = at + HEADER_BYTES + length
            if end > len(data):
                break
            if data[at + 3] == _GOAWAY:
                if begin < at:
                    yield data[begin:at]
                yield _goaway(data[at + HEADER_BYTES : end])
                begin = end
            at = end
        if begin < at:
            yield data[begin:at]
        self._rest = data[at:]


def _goaway(payload: bytes) -> GoAway:
    if len(payload) < _GOAWAY_FIXED_BYTES:
        raise NotFrames
    last_stream = int.from_bytes(payload[:4], "big") & _STREAM_BITS
    return GoAway(last_stream, int.from_bytes(payload[4:8], "big"))
