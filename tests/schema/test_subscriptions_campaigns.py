"""campaignEvents: told to everybody, from a cursor on without a gap, and executed once for all who ask the same."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.clock import utc_now
from app.embedded import StoreServers
from gamification.campaigning import end, pause, resume, start
from schema.connections import encode_cursor
from schema.sharing import SharedAnswers
from tests.app.campaigns import arena
from tests.app.campaigns.arena import run_campaign, terms
from tests.schema.api import ANONYMOUS, STAFF, Api, purchase, served, themself
from tests.schema.listening import Door, Subscribed, listening

PROGRAM = arena.PROGRAM
"""Has no campaigns of its own."""
EVENTS = """subscription ($after: String, $language: String) {
  campaignEvents(after: $after, language: $language) { cursor kind at campaign { code name phase endedBy } }
}"""
ALL = """subscription ($after: String, $wide: Boolean = true) {
  campaignEvents(after: $after) { kind at cursor campaign {
    code name headline @include(if: $wide) phase multiplier bonus startsAt endsAt opensAt closesAt placesLeft runningLow
    endedBy budget { current target remaining ratio percent label }
  } }
}"""


async def step(api: Api, code: str, transition: Any) -> None:
    await api.laurel.campaigning.store.change(code, transition, "ann", utc_now())


async def sealed(api: Api, number: str, listed: str = "campaignEvents") -> str:
    """The cursor of an event by its number."""
    return (await api.laurel.game.cursors.sealer(listed))(number)


async def told(events: Subscribed) -> tuple[str, str]:
    event = await events.next()
    return event["kind"], event["campaign"]["code"]


class TestWhatIsTold:
    async def test_a_campaign_s_life(self, shop: Api, door: Door) -> None:
        async with door.subscribed(EVENTS) as events:
            began = await events.next()
            assert (began["kind"], began["campaign"]) == ("BEGAN", None)
            await run_campaign(shop.laurel, terms("flash"))
            started = await events.next()
            campaign = {"code": "flash", "name": "flash", "phase": "LIVE", "endedBy": None}
            assert (started["kind"], started["campaign"]) == ("STARTED", campaign)
            for transition, kind in ((pause, "PAUSED"), (resume, "RESUMED"), (pause, "PAUSED")):
                await step(shop, "flash", transition)
                assert await told(events) == (kind, "flash")
            await step(shop, "flash", end)
            ended = await events.next()
            assert (ended["kind"], ended["campaign"]["endedBy"]) == ("ENDED", "STAFF")
            await events.is_quiet()

    async def test_a_budget_that_runs_low_and_out(self, shop: Api, door: Door) -> None:
        ann = await shop.enrol("Ann")
        async with door.streamed(EVENTS, themself(ann)) as events:
            await events.next()
            await run_campaign(shop.laurel, terms("flash", budget={"points": 14, "low_percent": 50}))
            assert (await events.next())["kind"] == "STARTED"
            await shop.record(ann, purchase("p1", utc_now(), 1000))
            assert (await events.next())["kind"] == "RUNNING_LOW"
            await shop.record(ann, purchase("p2", utc_now(), 1000))
            ended = await events.next()
            assert (ended["kind"], ended["campaign"]["endedBy"]) == ("ENDED", "BUDGET")

    async def test_that_its_places_are_gone(self, shop: Api, door: Door) -> None:
        ann = await shop.enrol("Ann")
        async with door.streamed(EVENTS, themself(ann)) as events:
            await events.next()
            await run_campaign(shop.laurel, terms("flash", first_members=1))
            assert (await events.next())["kind"] == "STARTED"
            await shop.record(ann, purchase("p1", utc_now(), 1000))
            full = await events.next()
            assert (full["kind"], full["campaign"]["phase"]) == ("FULL", "LIVE")

    async def test_terms_are_for_nobody(self, shop: Api, door: Door) -> None:
        async with door.subscribed("subscription { campaignEvents { campaign { terms { code } } } }", STAFF) as events:
            await events.next()
            await run_campaign(shop.laurel, terms("flash"))
            assert (await events.next())["campaign"] == {"terms": None}

    async def test_nothing_of_drafts(self, shop: Api, door: Door) -> None:
        async with door.subscribed(EVENTS, STAFF) as events:
            await events.next()
            for code in ("dropped", "kept"):
                await shop.laurel.campaigning.store.create(terms(code), "staff", "ann", utc_now(), draft=True)
            await step(shop, "dropped", end)
            await step(shop, "kept", start)
            assert await told(events) == ("STARTED", "kept")
            await events.is_quiet()


class TestResuming:
    async def test_what_came_meanwhile_is_told_first_also_by_another_process(
        self, shop: Api, door: Door, servers: StoreServers
    ) -> None:
        async with door.subscribed(EVENTS) as events:
            cursor = (await events.next())["cursor"]
        for code in ("one", "two", "three"):
            await run_campaign(shop.laurel, terms(code))
            await shop.laurel.campaigning.watcher.look()
        async with AsyncExitStack() as stack:
            other = await stack.enter_async_context(served(shop.database, servers, None, live=True))
            second = await stack.enter_async_context(listening(other))
            for one in (door, second):
                async with one.subscribed(EVENTS, after=cursor) as events:
                    assert [await told(events) for _ in range(3)] == [
                        ("STARTED", code) for code in ("one", "two", "three")
                    ]
                    await events.is_quiet(0.1)
            async with second.subscribed(EVENTS) as events:
                await events.next()
                await run_campaign(shop.laurel, terms("four"))
                assert await told(events) == ("STARTED", "four")

    async def test_from_beyond_what_is_at_hand(
        self, shop: Api, servers: StoreServers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for code in ("a", "b", "c", "d", "e"):
            await run_campaign(shop.laurel, terms(code))
            await shop.laurel.campaigning.watcher.look()
        monkeypatch.setattr("schema.campaign_feed.MAX_KEPT", 3)
        monkeypatch.setattr("schema.campaign_feed.EVENTS_PER_READ", 2)
        beginning = await sealed(shop, "0")
        async with AsyncExitStack() as stack:
            other = await stack.enter_async_context(served(shop.database, servers, None, live=True))
            second = await stack.enter_async_context(listening(other))
            for _ in range(2):
                async with second.subscribed(EVENTS, after=beginning) as events:
                    assert [(await told(events))[1] for _ in range(5)] == ["a", "b", "c", "d", "e"]
                    await events.is_quiet(0.1)
            for code in ("f", "g", "h", "i", "j", "k", "l"):  # so that what is at hand is cut
                await run_campaign(other.laurel, terms(code))
                await other.laurel.campaigning.watcher.look()
            async with second.subscribed(EVENTS, after=beginning) as events:
                assert "".join([(await told(events))[1] for _ in range(12)]) == "abcdefghijkl"

    async def test_a_forged_cursor(self, shop: Api, door: Door) -> None:
        for forged in (
            "",
            "never made by us",
            encode_cursor("campaignEvents", "0"),  # not sealed
            await sealed(shop, "-1"),
            await sealed(shop, "1000000"),
            await sealed(shop, "0", "events:ann"),
        ):
            async with door.subscribed(EVENTS, after=forged) as events:
                assert await events.error_code() == "INVALID_CURSOR"

    async def test_cursors_tell_no_number(self, shop: Api, door: Door) -> None:
        async with door.subscribed(EVENTS) as events:
            began = (await events.next())["cursor"]
        assert began == await sealed(shop, "0")
        assert began != encode_cursor("campaignEvents", "0")


class TestSharing:
    async def test_everybody_gets_what_each_would_get_alone(
        self, shop: Api, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann = await shop.enrol("Ann", language="en")
        await run_campaign(shop.laurel, terms("flash", budget={"points": 700}, first_members=5))
        await shop.laurel.campaigning.watcher.look()
        monkeypatch.setattr("schema.sharing.KEPT_SECONDS", 60.0)
        callers = (ANONYMOUS, themself(ann), STAFF, await shop.service())

        async def asked() -> list[list[Mapping[str, Any]]]:
            answers: list[list[Mapping[str, Any]]] = []
            for query, variables in ((EVENTS, {}), (ALL, {"wide": True}), (ALL, {"wide": False}), (ALL, {})):
                answers.append([])
                for caller in callers:
                    async with door.subscribed(query, caller, after=await sealed(shop, "0"), **variables) as events:
                        answers[-1].append(await events.next())
            return answers

        told_so_far, number = await shop.laurel.game.campaign_feed.after(0)
        while not told_so_far:  # until the feed of the process has read what has happened
            told_so_far, number = await shop.laurel.game.campaign_feed.after(number)
        reads = await self._reads(shop, monkeypatch)
        shared = await asked()
        assert reads == ["flash"] * 3
        monkeypatch.setattr(shop.laurel.game.campaign_feed, "answers", SharedAnswers())
        monkeypatch.setattr("schema.sharing.MAX_ANSWERS", 0)
        assert await asked() == shared
        assert reads == ["flash"] * (3 + 16)
        assert "headline" in shared[1][0]["campaign"]
        assert "headline" not in shared[2][0]["campaign"]
        assert all(answer == answers[0] for answers in shared for answer in answers)

    async def test_a_fault_is_each_one_s_own_and_not_kept(
        self, shop: Api, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await run_campaign(shop.laurel, terms("flash"))
        beginning = await sealed(shop, "0")
        async with door.subscribed(EVENTS, after=beginning) as events:
            await events.next()
        monkeypatch.setattr("schema.sharing.KEPT_SECONDS", 60.0)
        with monkeypatch.context() as broken:
            broken.setattr("schema.subscriptions.campaign_events.show_campaign", lambda *_: 1 // 0)
            ids = set()
            for _ in range(2):
                async with door.socket() as socket:
                    await socket.subscribe(ALL, variables={"after": beginning})
                    payload = (await socket.receive())["payload"]
                    (error,) = payload["errors"]
                    assert (error["extensions"]["code"], payload["data"]["campaignEvents"]["campaign"]) == (
                        "INTERNAL",
                        None,
                    )
                    ids.add(error["extensions"]["requestId"])
            assert len(ids) == 2
        async with door.subscribed(ALL, after=beginning) as events:
            assert (await events.next())["campaign"]["code"] == "flash"

    async def _reads(self, shop: Api, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The codes of the campaigns that are read from now on."""
        reads: list[str] = []
        get = shop.laurel.campaigning.store.get

        async def noted(codes: list[str]) -> Any:
            reads.extend(codes)
            return await get(codes)

        monkeypatch.setattr(shop.laurel.campaigning.store, "get", noted)
        return reads
