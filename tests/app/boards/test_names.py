"""The layout of the keys: one slot for a board, a canary for every part of a cluster, names that can be read back."""

import pytest
from redis.crc import key_slot

from app.boards.names import CLUSTER_CANARIES, Names
from gamification.boards.keys import BoardKey

SLOTS = 16_384


@pytest.mark.parametrize("scope", ["", "Lisbon", "a}b", "}", "{", "{}", "a}:members", "line\nbreak", "50%*?["])
def test_keys_of_a_board_share_a_slot_and_name_it(scope: str) -> None:
    names = Names("laurel", cluster=True)
    key = BoardKey("by-store", "2026-W20", scope)
    keys = names.board(7, key)
    assert len({key_slot(name.encode()) for name in keys}) == 1
    assert names.board_of(keys[2]) == (7, key)
    assert names.board_of(keys[0]) is None
    assert [names.generation_of(name) for name in keys] == [7, 7, 7]


def test_canaries_lie_in_every_part_of_the_slots() -> None:
    canaries = Names("laurel", cluster=True).canaries(7)
    parts = [key_slot(name.encode()) * CLUSTER_CANARIES // SLOTS for name in canaries]
    assert parts == list(range(CLUSTER_CANARIES))


def test_what_is_not_ours_has_no_generation() -> None:
    names = Names("laurel")
    assert [names.generation_of(name) for name in ("laurel:boards", "laurel:grants", "x:g1:{a}:listed")] == [None] * 3
