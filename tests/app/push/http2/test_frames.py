"""GOAWAY is taken out, however the bytes arrive."""

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame
from hypothesis import given
from hypothesis import strategies as st

from app.push.http2.frames import MAX_FRAME_BYTES, Frames, GoAway, NotFrames


@given(
    frames=st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 2**31 - 1)), max_size=8),
    chunk=st.integers(1, 50),
)
def test_the_same_comes_out_whatever_the_chunks(frames: list[bytes | int], chunk: int) -> None:
    whole = b"".join(_frame(frame) for frame in frames)
    cutter = Frames()
    parts = [part for at in range(0, len(whole), chunk) for part in cutter.cut(whole[at : at + chunk])]
    assert [part for part in parts if isinstance(part, GoAway)] == [
        GoAway(frame, 11) for frame in frames if isinstance(frame, int)
    ]
    assert _between(parts) == _between([frame if isinstance(frame, int) else _frame(frame) for frame in frames])


@pytest.mark.parametrize(
    "data", [(MAX_FRAME_BYTES + 1).to_bytes(3, "big") + bytes(6), b"\x00\x00\x04\x07" + bytes(9), b"HTTP/1.1 400 Bad"]
)
def test_what_cannot_be_frames_is_refused(data: bytes) -> None:
    with pytest.raises(NotFrames):
        list(Frames().cut(data))


def _frame(frame: bytes | int) -> bytes:
    if isinstance(frame, int):
        return GoAwayFrame(0, frame, 11, additional_data=b"why").serialize()
    return DataFrame(1, frame).serialize()


def _between(parts: list[bytes | GoAway] | list[bytes | int]) -> list[bytes]:
    """What lies before, between and after the GOAWAYs, joined."""
    runs = [b""]
    for part in parts:
        if isinstance(part, bytes):
            runs[-1] += part
        else:
            runs.append(b"")
    return runs
