"""What boards read of members: every one once, nothing else of them, and what cannot be read says so."""

from typing import Any

import pytest

from app.stores.codec import MemberScores, Unreadable
from app.stores.connection import Connection
from app.stores.members import MongoMembers
from tests.app.boards.finale import WEEKLY, Clock, Finale, score

Database = Any


@pytest.fixture
async def finale(database: Database) -> Finale:
    begun = Finale.over(Connection(database, 10.0), Clock())
    await begun.begin()
    return begun


@pytest.mark.parametrize("batch_size", [1, 2, 7, 100])
async def test_every_member_comes_once_in_batches(finale: Finale, batch_size: int) -> None:
    ids = await finale.compete()
    batches = [batch async for batch in finale.members.stream_scores(batch_size)]
    assert all(0 < len(batch) <= batch_size for batch in batches)
    found = sorted((one for batch in batches for one in batch), key=lambda one: one.member_id)
    members = [await finale.member(member_id) for member_id in ids.values()]
    assert found == [
        MemberScores(
            member_id=member.member_id,
            revision=member.revision,
            visibility=member.visibility.board,
            alias=member.profile.alias,
            scores=member.state.scores,
        )
        for member in members
    ]
    assert [[(held.board, held.value) for held in one.scores] for one in found if isinstance(one, MemberScores)] == [
        [("weekly", dollars)] for dollars in (60, 50, 50, 40, 30, 20)
    ]


async def test_documents_from_before_there_were_boards_and_broken_ones(finale: Finale) -> None:
    members: MongoMembers = finale.members
    await finale.seed([("sound", "hidden", [score(WEEKLY, 5)])])
    await finale.connection["members"].insert_many(
        [
            {"_id": "old", "state": {"seq": 3}, "visibility": {"profile": True}},
            {"_id": "text", "state": {"seq": "3"}},
            {"_id": "broken", "state": {"seq": 3, "scores": [{"board": "weekly"}]}},
        ]
    )
    found = {one.member_id: one async for batch in members.stream_scores(10) for one in batch}
    assert found["old"] == MemberScores("old", 3, "shown", None, ())
    assert found["sound"] == MemberScores("sound", 1, "hidden", None, (score(WEEKLY, 5),))
    faults = {one.member_id: one.fault for one in found.values() if isinstance(one, Unreadable)}
    odd = "what should be an object or a number is something else"
    assert faults == {"text": odd, "broken": "scores[0]: Object missing required field `period`"}
