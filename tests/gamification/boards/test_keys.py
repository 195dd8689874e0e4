"""The text of a board's key can be read back, whatever the scope holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.boards.keys import BoardKey

codes = st.text(min_size=1).filter(lambda code: "/" not in code)


def test_text() -> None:
    assert BoardKey("weekly", "2026-W20").text == "weekly/2026-W20/"
    assert BoardKey("by-store", "2026-W53", "Lisbon/1").text == "by-store/2026-W53/Lisbon/1"


@given(board=codes, period=codes, scope=st.text())
def test_every_key_is_read_back(board: str, period: str, scope: str) -> None:
    key = BoardKey(board, period, scope)
    assert BoardKey.parse(key.text) == key


@pytest.mark.parametrize("text", ["", "weekly", "weekly/2026", "/2026/", "weekly//x"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"board/period/scope|cannot name a board"):
        BoardKey.parse(text)
