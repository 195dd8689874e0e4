"""The campaigns of a process: what may withhold a bonus, what is read for it, and what cannot be read."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import pytest

from app.campaigns import book, watcher
from app.campaigns.allowances import Key, Slice
from app.clock import utc_now
from app.verification import Difference
from app.wiring import Laurel
from gamification import campaigns
from gamification.campaigning import CampaignState, Left, TooManyCampaigns, end, extend, pause, resume
from tests.app.campaigns.arena import Place, bonus, buy_one, crowd, differences, left, run_campaign, terms


class Reads:
    """Counts whose slices are read, and by how many calls."""

    def __init__(self, laurel: Laurel, monkeypatch: pytest.MonkeyPatch) -> None:
        allowances = laurel.campaigning.store._allowances
        self._real = allowances.slices
        self.codes: Counter[str] = Counter()
        self.calls = 0
        monkeypatch.setattr(allowances, "slices", self._slices)

    async def _slices(self, campaigns: Collection[str]) -> Mapping[Key, Sequence[Slice]]:
        self.codes.update(campaigns)
        self.calls += 1
        return await self._real(campaigns)


async def redis_shows_nothing_left(shop: Laurel) -> None:
    """As of a newer copy of the database than MongoDB has now."""
    fields = [field for number in range(16) for field in (f"points:{number}", "99 0")]
    key = f"{shop.settings.redis_prefix}:campaign:flash"
    await shop.live.redis.execute_command("HSET", key, "version", "1", *fields)


# What may withhold a bonus


async def test_redis_that_shows_nothing_left_withholds_nothing(shop: Laurel) -> None:
    """Redis may be about the database before it was restored."""
    [member] = await crowd(shop, 1)
    await run_campaign(shop, terms(budget={"points": 10}))
    await shop.campaigning.watcher.look()
    await redis_shows_nothing_left(shop)
    assert await shop.campaigning.store.live(["flash"]) == {"flash": Left(0)}

    assert [bonus(await buy_one(shop, member, key)) for key in "abc"] == [7, 3, 0]
    assert await left(shop) == Left(0)


async def test_what_redis_shows_as_used_up_is_looked_at(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 10}))
    await shop.campaigning.watcher.look()
    woken: list[None] = []
    shop.campaigning.store.on_spent = lambda: woken.append(None)
    await redis_shows_nothing_left(shop)
    await shop.campaigning.store.live(["flash"])
    assert woken
    assert set(shop.campaigning.store.take_touched()) == {"flash"}


async def test_what_is_unlearnt_while_the_rest_is_read_is_read_too(
    shop: Laurel, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await run_campaign(shop, terms("gone", budget={"points": 10}))
    await run_campaign(shop, terms(budget={"points": 10}))
    await shop.campaigning.store.refresh()
    shop.campaigning.store.correct(gone, Left(0))
    real = shop.campaigning.store._allowances.slices

    async def slices(campaigns: Collection[str]) -> Mapping[Key, Sequence[Slice]]:
        found = await real(campaigns)
        shop.campaigning.store.correct(gone, Left(10))
        return found

    monkeypatch.setattr(shop.campaigning.store._allowances, "slices", slices)
    offers = await shop.campaigning.store.offers({"purchase"})
    assert {offer.terms.code: offer.room for offer in offers._offers.values()} == {"gone": 10, "flash": 10}


async def test_what_a_member_had_is_kept_until_the_campaign_is_over(
    shop: Laurel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it is paused, or is for other activities than the one at hand."""
    monkeypatch.setattr(campaigns, "MAX_USES", 1)
    [member] = await crowd(shop, 1)
    await run_campaign(shop, terms(caps={"member": 7}))
    assert bonus(await buy_one(shop, member, "a")) == 7
    await shop.campaigning.store.change("flash", pause, "ann", utc_now())
    await run_campaign(shop, terms("new", caps={"member": 7}))
    assert bonus(await buy_one(shop, member, "b")) == 0
    await shop.campaigning.store.change("flash", resume, "ann", utc_now())
    assert bonus(await buy_one(shop, member, "c")) == 0

    await shop.campaigning.store.change("flash", end, "ann", utc_now())
    result = await buy_one(shop, member, "d")
    assert bonus(result) == 7
    assert [grant.forgets for grant in result.record.grants] == ["flash"]
    assert await differences(shop) == []


# What is read


async def test_a_purchase_asks_only_for_campaigns_it_can_get(shop: Laurel, monkeypatch: pytest.MonkeyPatch) -> None:
    [member] = await crowd(shop, 1)
    await run_campaign(shop, terms(budget={"points": 10}))
    for number in range(3):
        await run_campaign(shop, terms(f"review{number}", on="review", budget={"points": 10}))
    await shop.campaigning.store.refresh()
    reads = Reads(shop, monkeypatch)
    assert bonus(await buy_one(shop, member, "k")) == 7
    assert reads.codes == {"flash": 1}


async def test_a_look_reads_what_was_touched_and_some_others_in_turn(
    shop: Laurel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "MAX_READ", 2)
    monkeypatch.setattr(shop.campaigning.watcher, "_compared_at", float("inf"))  # Redis is not compared.
    [member] = await crowd(shop, 1)
    for number in range(5):
        await run_campaign(shop, terms(f"c{number}", on="review", budget={"points": 7}))
    await run_campaign(shop, terms("flash", budget={"points": 7}))
    await shop.campaigning.watcher.look()  # Only now they are open.
    reads = Reads(shop, monkeypatch)
    for _ in range(3):
        await shop.campaigning.watcher.look()
    assert reads.codes == dict.fromkeys(("c0", "c1", "c2", "c3", "c4", "flash"), 1)

    assert bonus(await buy_one(shop, member, "k")) == 7
    reads.codes.clear()
    await shop.campaigning.watcher.look()
    assert reads.codes == {"c0": 1, "c1": 1, "flash": 1}
    assert (await shop.campaigning.store.get(["flash"]))["flash"].ended_by == "budget"


async def test_figures_of_unlimited_campaigns_are_not_read(shop: Laurel, monkeypatch: pytest.MonkeyPatch) -> None:
    await run_campaign(shop, terms("free"))
    await run_campaign(shop, terms(budget={"points": 10}))
    reads: list[Sequence[str]] = []
    real = shop.campaigning.store.book.get

    async def get(codes: Sequence[str]) -> Mapping[str, CampaignState]:
        reads.append(codes)
        return await real(codes)

    monkeypatch.setattr(shop.campaigning.store.book, "get", get)
    assert await shop.campaigning.store.live(["free", "flash"]) == {"free": Left(), "flash": Left(10)}
    assert reads == []


async def test_a_look_tells_others_once_and_only_of_what_it_wrote(
    shop: Laurel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await run_campaign(shop, terms(f"c{number}"))
    told: list[None] = []
    real = shop.campaigning.store.announce

    async def announce() -> None:
        told.append(None)
        await real()

    monkeypatch.setattr(shop.campaigning.store, "announce", announce)
    await shop.campaigning.watcher.look()
    assert len(told) == 1
    assert all(state.started_at for state in await shop.campaigning.store.current())
    await shop.campaigning.watcher.look()
    assert len(told) == 1


async def test_a_lower_number_of_events_is_believed_at_once(shop: Laurel) -> None:
    """An older copy of the database was put in place."""
    await run_campaign(shop, terms())
    before = {name: await shop.connection[name].find().to_list(None) for name in ("campaigns", "counters")}
    await run_campaign(shop, terms("later"))
    await shop.campaigning.store.change("flash", end, "ann", utc_now())
    assert [state.code for state in await shop.campaigning.store.current()] == ["later"]
    for name, documents in before.items():
        await shop.connection[name].delete_many({})
        await shop.connection[name].insert_many(documents)
    assert [(state.code, state.status) for state in await shop.campaigning.store.refresh()] == [("flash", "running")]


# What cannot be read


async def test_one_whose_terms_cannot_be_read_stands_in_nobody_s_way(
    shop: Laurel, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    [member] = await crowd(shop, 1)
    await run_campaign(shop, terms("broken"))
    await run_campaign(shop, terms(budget={"points": 10}))
    damage = {"$set": {"terms.when": "activity.gone > 1"}}
    await shop.connection["campaign_terms"].update_one({"_id": "broken:1"}, damage)
    async with place.opened() as other:
        with caplog.at_level(logging.ERROR, "app.campaigns.book"):
            assert bonus(await buy_one(other, member, "k")) == 7
            await other.campaigning.watcher.look()
            await other.campaigning.store.change("flash", extend(budget=20), "ann", utc_now())
            assert [state.code for state in await other.campaigning.store.all()] == ["flash"]
        message = "campaign broken gives nothing: its terms, version 1, cannot be read; run laurel verify"
        assert caplog.messages == [message]
        (state,) = await other.campaigning.store.current()
        assert (state.code, state.started_at is not None) == ("flash", True)
        assert await differences(other) == [
            Difference("broken", "campaign", "its terms cannot be read, so it gives nothing")
        ]


# How many there may be


async def test_beyond_the_bound_staff_make_none_and_a_program_still_does(
    shop: Laurel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "MAX_CURRENT", 2)
    for code in ("a", "b"):
        await shop.campaigning.store.create(terms(code), "staff", "ann", utc_now(), draft=True)
    last = await shop.campaigning.store.last_event()
    refused = await shop.campaigning.store.create(terms("c"), "staff", "ann", utc_now(), draft=True)
    assert refused == TooManyCampaigns(2)
    assert await shop.campaigning.store.last_event() == last
    assert await shop.connection["campaign_terms"].count_documents({}) == 2
    filed = await shop.campaigning.store.create(terms("filed"), "program", "ann", utc_now(), draft=False)
    assert isinstance(filed, CampaignState)
    await shop.campaigning.store.change("a", end, "ann", utc_now())
    await run_campaign(shop, terms("c"))


async def test_those_that_run_are_read_before_drafts(shop: Laurel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MAX_READ", 2)
    for code in ("a", "b", "c"):
        await shop.campaigning.store.create(terms(code), "staff", "ann", utc_now(), draft=True)
    await run_campaign(shop, terms("z"))
    assert [state.code for state in await shop.campaigning.store.current()] == ["a", "z"]
