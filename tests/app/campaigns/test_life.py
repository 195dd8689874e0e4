"""Campaigns over the real stores: known to other processes within a second, ended on time, and their figures right."""

import asyncio
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from app.campaigns.codec import read_terms, terms_document
from app.campaigns.filing import Filing
from app.clock import utc_now
from app.operator_error import OperatorError
from app.wiring import Laurel
from gamification.campaigning import (
    CodeTaken,
    Left,
    Repeated,
    UnknownCampaign,
    WrongStatus,
    end,
    extend,
    pause,
    resume,
    start,
)
from tests.app.campaigns.arena import (
    EVERY_REDIS,
    PROGRAM,
    Place,
    bonus,
    buy,
    buy_one,
    crowd,
    differences,
    emptied,
    left,
    run_campaign,
    shows,
    terms,
    until_async,
    watched,
)

LIVE_SECONDS = 1.0
EVERYTHING: dict[str, Any] = {
    "name": {"en": "Flash", "de": "Blitz"},
    "when": "activity.amount >= 5.0 && member.tier != 'gold'",
    "effect": {"per_item": {"points": 3, "categories": ["coffee"], "items": "item.amount > 1.0"}},
    "ends_at": utc_now() + timedelta(days=3),
    "recurs": {"rule": "FREQ=WEEKLY;BYDAY=FR,SA", "at": "17:30", "minutes": 90},
    "budget": {"points": 500, "too_little": "none"},
    "caps": {"member": 10},
    "first_members": 7,
}


async def kinds(laurel: Laurel) -> list[str]:
    return [event.kind for event in await laurel.campaigning.store.events(0, 100)]


@pytest.mark.parametrize("fields", [{}, EVERYTHING, {"effect": {"multiplier": "1.5", "rounding": "ceil"}}])
def test_terms_come_back_as_they_were(fields: dict[str, Any]) -> None:
    written = terms(**fields)

    assert terms_document(read_terms(terms_document(written))) == terms_document(written)


async def test_every_change_has_an_event_and_numbers_have_no_gaps(shop: Laurel) -> None:
    campaigns, now = shop.campaigning.store, utc_now()
    await run_campaign(shop, terms(budget={"points": 100}))
    await campaigns.change("flash", pause, "bob", now)
    assert isinstance(await campaigns.change("flash", pause, "bob", now), Repeated)
    assert isinstance(await campaigns.change("flash", start, "bob", now), WrongStatus)
    await campaigns.change("flash", resume, "bob", now)
    await campaigns.change("flash", extend(budget=150), "cy", now)
    await campaigns.change("flash", end, "dee", now)

    events = await campaigns.events(0, 100)

    assert [(event.number, event.kind, event.by) for event in events] == [
        (1, "created", "ann"),
        (2, "paused", "bob"),
        (3, "resumed", "bob"),
        (4, "extended", "cy"),
        (5, "ended", "dee"),
    ]
    assert events[3].details == {"budget_before": 100, "budget_after": 150}
    assert await campaigns.last_event() == 5
    assert await campaigns.events(3, 1) == events[3:4]


async def test_a_code_is_given_once_for_ever(shop: Laurel) -> None:
    await run_campaign(shop, terms())
    await shop.campaigning.store.change("flash", end, "ann", utc_now())

    assert await shop.campaigning.store.create(terms(), "staff", "bob", utc_now(), draft=False) == CodeTaken(
        "flash", "staff"
    )
    assert await shop.campaigning.store.change("other", end, "bob", utc_now()) == UnknownCampaign("other")
    assert await kinds(shop) == ["created", "ended"]


async def test_an_extension_adds_what_it_says(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 10}))
    [member] = await crowd(shop, 1)
    given = [bonus(await buy_one(shop, member, key)) for key in "abc"]

    await shop.campaigning.store.change("flash", extend(budget=20), "ann", utc_now())
    given += [bonus(await buy_one(shop, member, key)) for key in "def"]

    assert given == [7, 3, 0, 7, 3, 0]
    assert await left(shop) == Left(0)
    assert await differences(shop) == []


@pytest.mark.parametrize("hears", [True, False])
async def test_a_change_is_live_in_another_process_within_a_second(shop: Laurel, place: Place, hears: bool) -> None:
    [member] = await crowd(shop, 1)
    async with place.opened() as other:
        # Without its watcher and hub, the other one hears no hint: it is as if Redis were away.
        assert bonus(await buy_one(other, member, "before")) == 0
        if hears:
            async with watched(other):
                await asyncio.sleep(0)
                await _live(shop, other, member)
        else:
            await _live(shop, other, member)


async def _live(shop: Laurel, other: Laurel, member: str) -> None:
    await run_campaign(shop, terms())
    assert await _seconds_until(other, member, 7) < LIVE_SECONDS
    await shop.campaigning.store.change("flash", pause, "ann", utc_now())
    assert await _seconds_until(other, member, 0) < LIVE_SECONDS


async def _seconds_until(laurel: Laurel, member: str, points: int) -> float:
    began = time.monotonic()
    number = 0
    while bonus(await buy_one(laurel, member, f"{began}-{number}")) != points:
        number += 1
        asked_for = time.monotonic() - began
        assert asked_for < 10 * LIVE_SECONDS
    return time.monotonic() - began


async def test_time_starts_and_ends_a_campaign_once_though_two_watch(shop: Laurel, place: Place) -> None:
    begins = utc_now() + timedelta(seconds=1)
    ends = begins + timedelta(seconds=1)
    async with place.serving() as other, watched(shop):
        await run_campaign(shop, terms(starts_at=begins, ends_at=ends))
        await until_async(partial(_has, other, "ended"), 5)

    events = await shop.campaigning.store.events(0, 100)
    assert [event.kind for event in events] == ["created", "started", "ended"]
    assert timedelta() <= events[1].at - begins < timedelta(seconds=0.3)
    assert timedelta() <= events[2].at - ends < timedelta(seconds=0.3)
    assert events[2].details == {"ended_by": "time"}
    assert (await shop.campaigning.store.get(["flash"]))["flash"].ended_at == _in_milliseconds(ends)


async def test_a_budget_runs_low_and_ends_the_campaign(shop: Laurel) -> None:
    members = await crowd(shop, 10)
    async with watched(shop):
        await run_campaign(shop, terms(budget={"points": 70, "low_percent": 40}))
        await buy(shop, [(member, "k") for member in members[:7]], callers=4)
        await until_async(partial(_has, shop, "running_low"), 5)
        await buy(shop, [(member, "k") for member in members], callers=4)
        await until_async(partial(_has, shop, "ended"), 5)

    assert await kinds(shop) == ["created", "started", "running_low", "ended"]
    assert (await shop.campaigning.store.get(["flash"]))["flash"].ended_by == "budget"


async def test_who_has_a_place_keeps_it_and_more_places_may_come(shop: Laurel) -> None:
    first, late = await crowd(shop, 2)
    async with watched(shop):
        await run_campaign(shop, terms(first_members=1))
        await buy_one(shop, first, "a")
        await until_async(partial(_has, shop, "full"), 5)
        assert [bonus(await buy_one(shop, member, "b")) for member in (first, late)] == [7, 0]
        await shop.campaigning.store.change("flash", pause, "ann", utc_now())
        await shop.campaigning.store.change("flash", extend(first_members=2), "ann", utc_now())
        await shop.campaigning.store.change("flash", resume, "ann", utc_now())
        assert [bonus(await buy_one(shop, member, "c")) for member in (first, late)] == [7, 7]
        await until_async(partial(_counts, shop, "full", 2), 5)

    assert await kinds(shop) == ["created", "started", "full", "paused", "extended", "resumed", "full"]
    assert (await shop.campaigning.store.get(["flash"]))["flash"].status == "running"
    assert await differences(shop) == []


async def test_the_last_place_ends_one_that_gives_each_a_single_bonus(shop: Laurel) -> None:
    first, late = await crowd(shop, 2)
    async with watched(shop):
        await run_campaign(shop, terms(first_members=1, caps={"member": 7}))
        await buy_one(shop, first, "a")
        await until_async(partial(_has, shop, "ended"), 5)

    assert (await shop.campaigning.store.get(["flash"]))["flash"].ended_by == "places"
    assert [bonus(await buy_one(shop, member, "b")) for member in (first, late)] == [0, 0]
    assert await kinds(shop) == ["created", "started", "ended"]


@EVERY_REDIS
async def test_live_figures_come_back_after_redis_was_emptied(shop: Laurel, place: Place) -> None:
    [member] = await crowd(shop, 1)
    async with watched(shop), place.opened() as other:
        await run_campaign(shop, terms(budget={"points": 1000}, first_members=5))
        await until_async(partial(_shows, shop, place, {b"version": b"1"}), 5)
        await buy_one(shop, member, "a")
        await until_async(partial(shows, other, "flash", Left(993, 4)), 5)
        await emptied(shop)
        assert await other.campaigning.store.live(["flash"]) == {"flash": Left(993, 4)}
        await until_async(partial(_shows, shop, place, {b"version": b"1"}), 5)
        assert await other.campaigning.store.live(["flash"]) == {"flash": Left(993, 4)}


@EVERY_REDIS
async def test_figures_of_another_database_are_thrown_away(shop: Laurel, place: Place) -> None:
    [member] = await crowd(shop, 1)
    await run_campaign(shop, terms(budget={"points": 1000}))
    redis = shop.live.hub._channels.redis
    spent = [text for number in range(16) for text in (f"points:{number}", "99 0")]
    await redis.hset(f"{place.database}:campaign:flash", items=["version", "1", *spent])
    assert await shop.campaigning.store.live(["flash"]) == {"flash": Left(0)}

    async with watched(shop):
        await until_async(partial(shows, shop, "flash", Left(1000)), 5)

    assert bonus(await buy_one(shop, member, "a")) == 7


async def test_a_program_makes_changes_and_ends_its_campaigns(shop: Laurel) -> None:
    def program(**campaign: Any) -> str:
        fields = {"code": "filed", "name": "Filed", "headline": "Filed", "starts_at": "2026-01-01T00:00:00Z"}
        return f"{PROGRAM}\ncampaigns: [{ {**fields, 'effect': {'bonus': 7}, **campaign} }]"

    [member] = await crowd(shop, 1)
    await shop.programs.apply(program(budget={"points": 30}), "ann", utc_now())
    await buy_one(shop, member, "a")
    await shop.programs.apply(program(budget={"points": 30}), "ann", utc_now())
    await shop.campaigning.store.change("filed", extend(budget=40), "bob", utc_now())
    await shop.programs.apply(program(budget={"points": 30}) + "\n# the same", "ann", utc_now())
    assert await left(shop, "filed") == Left(33)
    with pytest.raises(OperatorError, match="campaign filed: budget would be 5, but 7 points are given already"):
        await shop.programs.apply(program(budget={"points": 5}), "ann", utc_now())
    assert await left(shop, "filed") == Left(33)
    await shop.programs.apply(program(budget={"points": 7}), "ann", utc_now())
    assert await left(shop, "filed") == Left(0)
    await shop.programs.apply(program(budget={"points": 20}), "ann", utc_now())
    assert await left(shop, "filed") == Left(13)
    with pytest.raises(OperatorError, match="campaign filed: has begun, so whether it has budget is settled"):
        await shop.programs.apply(program(), "ann", utc_now())
    await shop.programs.apply(PROGRAM + "\n# without", "ann", utc_now())
    with pytest.raises(OperatorError, match="campaign filed: has ended, as a program left it out"):
        await shop.programs.apply(program(budget={"points": 20}), "ann", utc_now())

    events = await shop.campaigning.store.events(0, 100)
    assert [(event.kind, event.details.get("program_version")) for event in events] == [
        ("created", 2),
        ("extended", None),
        ("changed", 4),
        ("changed", 5),
        ("ended", 6),
    ]
    assert (await shop.campaigning.store.get(["filed"]))["filed"].ended_by == "program"
    assert await differences(shop) == []


async def test_a_limit_that_is_passed_while_a_program_is_applied_stays(shop: Laurel) -> None:
    def program(places: int) -> str:
        fields = "code: filed, name: A, headline: A, starts_at: '2026-01-01T00:00:00Z', effect: {bonus: 7}"
        return f"{PROGRAM}\ncampaigns: [{{{fields}, first_members: {places}}}]"

    await shop.programs.apply(program(9), "ann", utc_now())
    for member in await crowd(shop, 3):
        await buy_one(shop, member, "a")
    below = shop.campaigning.store.below_given

    async def as_before(_: object) -> None:
        return None

    shop.campaigning.store.below_given = as_before  # type: ignore[method-assign, assignment]
    with pytest.raises(OperatorError) as refused:
        await shop.programs.apply(program(2), "ann", utc_now())
    shop.campaigning.store.below_given = below  # type: ignore[method-assign]
    assert str(refused.value) == (
        "version 3 is in force, but these campaigns keep their terms\n"
        "campaign filed: first_members would be 2, but 3 places are given already; let it be 3 or more, or end the"
        " campaign"
    )
    assert await left(shop, "filed") == Left(None, 6)
    with pytest.raises(OperatorError, match="nothing was applied"):
        await shop.programs.apply(program(1), "ann", utc_now())
    await shop.programs.apply(program(3), "ann", utc_now())
    assert await left(shop, "filed") == Left(None, 0)


async def test_campaigns_of_a_program_that_are_over_are_known(shop: Laurel) -> None:
    fields = "name: A, headline: A, starts_at: '2026-01-01T00:00:00Z', effect: {bonus: 7}"
    source = f"{PROGRAM}\ncampaigns: [{{code: a, {fields}}}, {{code: b, {fields}}}]"
    applied = await shop.programs.apply(source, "ann", utc_now())
    assert await Filing(shop.campaigning.store).over(applied.program) == []
    await shop.campaigning.store.change("a", end, "ann", utc_now())

    again = await shop.programs.apply(source + "\n# again", "ann", utc_now())

    assert [(state.code, state.ended_by) for state in await Filing(shop.campaigning.store).over(again.program)] == [
        ("a", "staff")
    ]


async def test_a_program_does_not_take_a_campaign_of_staff(shop: Laurel) -> None:
    await run_campaign(shop, terms())
    fields = "{code: flash, name: A, headline: A, starts_at: '2026-01-01T00:00:00Z', effect: {bonus: 1}}"

    with pytest.raises(OperatorError, match="campaign flash: staff have made one with this code"):
        await shop.programs.apply(f"{PROGRAM}\ncampaigns: [{fields}]", "ann", utc_now())

    assert len(await shop.programs.all_versions()) == 1
    assert await kinds(shop) == ["created"]


async def _has(laurel: Laurel, kind: str) -> bool:
    return kind in await kinds(laurel)


async def _counts(laurel: Laurel, kind: str, count: int) -> bool:
    return (await kinds(laurel)).count(kind) == count


async def _shows(laurel: Laurel, place: Place, fields: dict[bytes, bytes]) -> bool:
    held = await laurel.live.hub._channels.redis.hgetall(f"{place.database}:campaign:flash")
    return fields.items() <= held.items()


def _in_milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
