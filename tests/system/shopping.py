"""Members who buy all the while, whatever happens to who serves them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.system.installation import Ended, Installation, Served, staff_token

MEMBERS = 8
PURCHASES_EACH = 15
ENROL = """mutation ($key: String!) { enrolMember(input: {key: $key, displayName: "Ann"}) {
    ... on EnrolMemberSuccess { member { id } } } }"""
RECORD = """mutation ($key: String!, $member: ID!, $amount: Decimal!) {
    recordActivity(input: {key: $key, memberId: $member, amount: $amount}) {
        __typename ... on RecordActivitySuccess { replayed } } }"""


async def enrol_members(served: Served) -> list[str]:
    token = staff_token()
    answers = [await served.ask(ENROL, token, key=f"member-{number}") for number in range(MEMBERS)]
    return [answer["enrolMember"]["member"]["id"] for answer in answers]


async def record(served: Served, member: str, number: int) -> bool | None:
    """Whether the purchase was recorded before; None if it was not acknowledged."""
    try:
        answer = await served.post(RECORD, staff_token(), key=f"p-{number}", member=member, amount=f"{number}.5")
    except httpx.TransportError:
        return None
    body = answer.json()
    if "errors" in body:
        assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAVAILABLE"]
        return None
    result = body["data"]["recordActivity"]
    assert result["__typename"] == "RecordActivitySuccess"
    return bool(result["replayed"])


@dataclass(slots=True)
class Shopping:
    """Each purchase of each member is tried once. ``acknowledged`` are those that were recorded, as the shop was told.

    ``enough`` is set with the very purchase that makes so many of them, so that not all is over before someone looks.
    """

    enough_is: int
    acknowledged: set[tuple[str, int]] = field(default_factory=set)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def of(self, served: Served, members: Sequence[str]) -> None:
        """All members at once."""
        await asyncio.gather(*(self._buy(served, member) for member in members))

    async def _buy(self, served: Served, member: str) -> None:
        for number in range(PURCHASES_EACH):
            if await record(served, member, number) is False:
                self.acknowledged.add((member, number))
                if len(self.acknowledged) >= self.enough_is:
                    self.enough.set()


async def assert_nothing_was_lost(
    laurel: Installation, served: Served, members: list[str], acknowledged: set[tuple[str, int]]
) -> None:
    """Try all purchases again; then each is there once, and those were there already that had been acknowledged."""
    for member in members:
        for number in range(PURCHASES_EACH):
            replayed = await record(served, member, number)
            assert replayed is not None
            if (member, number) in acknowledged:
                assert replayed, "an acknowledged purchase was lost"
    with laurel.database() as database:
        keys = [row["activity"]["key"] async for row in database["journal"].find({"activity.kind": "purchase"})]
        totals = [row["state"]["totals"] async for row in database["members"].find()]
    assert sorted(keys) == sorted(f"p-{number}" for number in range(PURCHASES_EACH) for _ in members)
    assert [total["purchases"] for total in totals] == [PURCHASES_EACH] * MEMBERS
    spend_minor = sum(100 * number + 50 for number in range(PURCHASES_EACH))
    assert [total["spend_minor"] for total in totals] == [spend_minor] * MEMBERS
    verified = await laurel.beside("verify")
    assert verified == Ended(0, f"{MEMBERS} members verified, no differences\n", "")
