"""myEvents tells notices right after their commit, from a cursor on, and none twice."""

import asyncio
import random
from datetime import timedelta

from app.clock import utc_now
from gamification.member import Member
from gamification.notices.posted import Mailbox
from schema.connections import encode_cursor
from tests.schema.api import COFFEE_BAR, Api, purchase, themself
from tests.schema.listening import Door
from tests.schema.test_inbox import message, notice_id

PROGRAM = COFFEE_BAR
MY_EVENTS = """subscription ($after: String, $language: String) {
  myEvents(after: $after, language: $language) {
    __typename cursor
    ... on Recorded { record { seq } }
    ... on Notified { notice { id kind title readAt } }
  }
}"""
NOTICES = 60


async def test_what_a_purchase_tells_follows_it_and_is_told_once(shop: Api, door: Door) -> None:
    ada, bo = await shop.enrol("Ada", language="da"), await shop.enrol("Bo")
    async with door.subscribed(MY_EVENTS, themself(ada)) as events:
        began = await events.next()
        await shop.record(bo, purchase("p1", utc_now(), 25_000))
        last = (await shop.record(ada, purchase("p1", utc_now(), 25_000))).state.seq
        told = [await events.next()]
        while told[-1]["__typename"] == "Recorded":
            told.append(await events.next())
        *records, notified = told
        assert [event["record"]["seq"] for event in records] == list(range(ada.state.seq + 1, last + 1))
        assert notified["notice"]["title"].endswith("bønner optjent")
        assert notified["notice"]["readAt"] is None
    async with door.streamed(MY_EVENTS, themself(ada), after=records[-1]["cursor"], language="en") as stream:
        again = await stream.next()
        assert (again["cursor"], again["notice"]["id"]) == (notified["cursor"], notified["notice"]["id"])
        assert again["notice"]["title"].endswith("beans earned")
    async with door.subscribed(MY_EVENTS, themself(ada), after=began["cursor"]) as events:
        assert [(await events.next())["cursor"] for _ in told] == [event["cursor"] for event in told]


async def test_a_notice_without_a_record_is_told_too_unless_it_has_expired(shop: Api, door: Door) -> None:
    ada = await shop.enrol("Ada")
    async with door.subscribed(MY_EVENTS, themself(ada)) as events:
        await events.next()
        over, later = utc_now() - timedelta(seconds=1), utc_now() + timedelta(hours=1)
        await shop.laurel.feed.notices.add(
            [message(ada, "over", expires_at=over), message(ada, "new", expires_at=later), message(ada, "newer")]
        )
        assert [(await events.next())["notice"]["id"] for _ in range(2)] == [
            notice_id(ada, "new"),
            notice_id(ada, "newer"),
        ]
        await events.is_quiet()


async def test_who_is_dropped_at_random_misses_nothing_and_hears_nothing_twice(shop: Api, door: Door) -> None:
    ada, rng = await shop.enrol("Ada"), random.Random(5)
    async with door.subscribed(MY_EVENTS, themself(ada)) as events:
        cursor = (await events.next())["cursor"]

    async def write() -> None:
        for number in range(NOTICES):
            await shop.laurel.feed.notices.add([message(ada, str(number))])
            await asyncio.sleep(rng.uniform(0, 0.01))

    writing, told = asyncio.create_task(write()), list[str]()
    while len(told) < NOTICES:
        async with door.subscribed(MY_EVENTS, themself(ada), after=cursor) as events:
            for _ in range(min(rng.randrange(1, 15), NOTICES - len(told))):
                event = await events.next()
                told.append(event["notice"]["id"])
                cursor = event["cursor"]
    await writing

    assert told == [notice_id(ada, str(number)) for number in range(NOTICES)]


async def test_a_cursor_from_before_there_were_notices_leads_on(shop: Api, door: Door) -> None:
    ada = await shop.enrol("Ada")
    await shop.laurel.feed.notices.add([message(ada, "old")])
    await placed(shop, ada)
    before = encode_cursor(f"events:{ada.member_id}", str(ada.state.seq))
    async with door.subscribed(MY_EVENTS, themself(ada), after=before) as events:
        await events.is_quiet()
        await shop.laurel.feed.notices.add([message(ada, "new")])
        assert (await events.next())["notice"]["id"] == notice_id(ada, "new")


async def test_cursors_of_others_and_of_the_future_are_stale(shop: Api, door: Door) -> None:
    ada, bo = await shop.enrol("Ada"), await shop.enrol("Bo")
    sealer = await shop.laurel.game.cursors.sealer(f"events:{ada.member_id}")
    others = await shop.laurel.game.cursors.sealer(f"events:{bo.member_id}")
    seq = ada.state.seq
    for cursor in (sealer(f"{seq}.1"), sealer(f"{seq + 1}.0"), sealer(f"{seq}"), sealer("x.0"), others(f"{seq}.0")):
        async with door.subscribed(MY_EVENTS, themself(ada), after=cursor) as events:
            assert await events.error_code() == "INVALID_CURSOR"


async def placed(shop: Api, member: Member) -> None:
    """Wait until the member's notices are in the feed."""
    async with asyncio.timeout(10):
        while not await shop.laurel.feed.notices.inbox(Mailbox((member.member_id,)), None, 1):  # noqa: ASYNC110 - a relay runs
            await asyncio.sleep(0.01)
