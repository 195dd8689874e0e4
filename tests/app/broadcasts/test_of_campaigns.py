"""Campaigns are told to those whom they are for, once, and not when they are over."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.broadcasts import teller
from gamification import campaigning
from gamification.campaigning import CampaignState
from gamification.notices.ended import heeding_ends
from gamification.program.campaigns import Campaign
from tests.app.clockwork import BEGUN_AT, DAY, Shop
from tests.gamification.programs import campaign

HOUR = timedelta(hours=1)


async def begin(shop: Shop, code: str = "double", **parts: Any) -> None:
    """A campaign that runs from now on."""
    terms = Campaign.model_validate(campaign(code, starts_at=shop.clock().isoformat(), **parts))
    made = await shop.laurel.campaigning.store.create(terms, "staff", "ann@staff", shop.clock(), draft=False)
    assert isinstance(made, CampaignState)
    await shop.laurel.campaigning.watcher.look()


async def look(shop: Shop, at: datetime | None = None) -> None:
    """Let everything that watches campaigns look at an instant, and all be told."""
    shop.clock.at = at or shop.clock.at
    await shop.laurel.campaigning.watcher.look()
    await shop.laurel.broadcasts.herald.look()
    while await shop.laurel.broadcasts.teller.round():
        pass


async def told(shop: Shop, kind: str | None = None) -> list[str]:
    """Who was told what of campaigns."""
    query = {"kind": kind or {"$regex": "^campaign"}}
    return sorted([document["_id"] async for document in shop.database["notices"].find(query)])


async def test_a_campaign_is_told_when_it_starts_and_once(shop: Shop) -> None:
    ann, bob = await shop.sell("ann", "bob")
    ends_at = BEGUN_AT + 10 * DAY
    await begin(shop, ends_at=ends_at.isoformat())
    for _ in range(2):
        await look(shop)
    assert await told(shop) == sorted([f"{ann}:campaign_started:double", f"{bob}:campaign_started:double"])
    written = await shop.database["notices"].find_one({"member_id": ann, "kind": "campaign_started"})
    assert written is not None
    assert (written["subject"], written["values"]) == ("double", {"campaign": "double", "ends": ends_at.isoformat()})
    assert (written["at"], written["expires_at"]) == (BEGUN_AT, BEGUN_AT + 3 * DAY)


async def test_nothing_is_told_of_one_that_has_not_started_or_is_a_draft(shop: Shop) -> None:
    await shop.sell("ann")
    later = Campaign.model_validate(campaign("later", starts_at=(BEGUN_AT + DAY).isoformat()))
    draft = Campaign.model_validate(campaign("draft", starts_at=BEGUN_AT.isoformat()))
    await shop.laurel.campaigning.store.create(later, "staff", "ann@staff", BEGUN_AT, draft=False)
    await shop.laurel.campaigning.store.create(draft, "staff", "ann@staff", BEGUN_AT, draft=True)
    await look(shop)
    assert await told(shop) == []


async def test_it_is_told_as_it_ends_at_each_lead_time_in_the_place_of_the_one_before(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    ends_at = BEGUN_AT + 10 * DAY
    await begin(shop, ends_at=ends_at.isoformat())
    await look(shop, ends_at - 24 * HOUR - timedelta(seconds=1))
    assert await told(shop, "campaign_ending") == []
    await look(shop, ends_at - 24 * HOUR)
    await look(shop, ends_at - 2 * HOUR)
    first, second = (
        f"{ann}:campaign_ending:double:2026-05-11T00:00:00:24",
        f"{ann}:campaign_ending:double:2026-05-11T00:00:00:2",
    )
    assert await told(shop, "campaign_ending") == sorted([first, second])
    notices = {each["_id"]: each async for each in shop.database["notices"].find({"kind": "campaign_ending"})}
    assert (notices[first]["at"], notices[first]["expires_at"]) == (ends_at - 24 * HOUR, ends_at - 2 * HOUR)
    assert (notices[second]["at"], notices[second]["expires_at"]) == (ends_at - 2 * HOUR, ends_at)


async def test_one_that_is_no_longer_than_a_lead_time_is_told_to_start_alone(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    await begin(shop, ends_at=(BEGUN_AT + 20 * HOUR).isoformat())
    await look(shop)
    await look(shop, BEGUN_AT + 19 * HOUR)
    assert await told(shop) == sorted(
        [f"{ann}:campaign_started:double", f"{ann}:campaign_ending:double:2026-05-01T20:00:00:2"]
    )


async def test_it_is_told_that_a_budget_runs_low_by_what_mongodb_says(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    await begin(shop, effect={"bonus": 3}, budget={"points": 10})
    await shop.buy(ann, key="6 left")
    await look(shop)
    assert await told(shop, "campaign_running_low") == []
    await shop.buy(ann, key="4 left")
    await look(shop)
    assert await told(shop, "campaign_running_low") == [f"{ann}:campaign_running_low:double:10"]
    written = await shop.database["notices"].find_one({"kind": "campaign_running_low"})
    assert written is not None
    assert written["values"]["percent"] == 40


@pytest.mark.parametrize(
    ("parts", "both"),
    [
        ({"when": "member.purchases >= 2"}, False),
        ({"when": "member.purchases >= 2 && activity.amount > 50.0"}, False),
        ({"when": "activity.amount > 50.0 && member.purchases >= 2"}, False),
        ({"when": "activity.amount > 50.0"}, True),
        ({"when": "member.purchases >= 2 || activity.amount > 50.0"}, True),
        ({"when": "member.attributes['city'] == 'Aarhus'"}, True),
        ({}, True),
    ],
)
async def test_it_is_told_to_those_who_may_get_something_of_it(shop: Shop, parts: dict[str, Any], both: bool) -> None:
    ann, bob = await shop.sell("ann", "bob")
    await shop.buy(bob, key="second")
    await begin(shop, **parts)
    await look(shop)
    wanted = [ann, bob] if both else [bob]
    assert await told(shop) == sorted(f"{each}:campaign_started:double" for each in wanted)


async def test_who_has_had_all_of_it_is_not_told_that_it_ends(shop: Shop) -> None:
    ann, bob = await shop.sell("ann", "bob")
    await begin(shop, effect={"bonus": 3}, caps={"member": 3}, ends_at=(BEGUN_AT + 10 * DAY).isoformat())
    await shop.buy(ann, key="all of it")
    await look(shop, BEGUN_AT + 9 * DAY)
    assert await told(shop, "campaign_ending") == [f"{bob}:campaign_ending:double:2026-05-11T00:00:00:24"]


async def test_who_has_no_place_is_not_told_where_none_is_left(shop: Shop) -> None:
    ann, _ = await shop.sell("ann", "bob")
    await begin(shop, first_members=1, ends_at=(BEGUN_AT + 10 * DAY).isoformat())
    await shop.buy(ann, key="the place")
    await look(shop, BEGUN_AT + 9 * DAY)
    assert await told(shop, "campaign_ending") == [f"{ann}:campaign_ending:double:2026-05-11T00:00:00:24"]


async def test_one_that_has_ended_is_told_to_nobody_else(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "PAGE_MEMBERS", 2)
    laurel, ids = shop.laurel, sorted(await shop.sell("ann", "bob", "cid"))
    await begin(shop)
    await laurel.broadcasts.herald.look()
    await laurel.broadcasts.teller.round()
    await laurel.campaigning.store.change("double", campaigning.end, "ann@staff", shop.clock())
    await look(shop)
    assert await told(shop) == sorted(f"{each}:campaign_started:double" for each in ids[:2])
    known = await laurel.broadcasts.store.get("campaign_started:double")
    assert known is not None
    assert (known.status, known.looked_at) == ("done", 2)


async def test_what_was_told_of_it_expires_with_it(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    await begin(shop, "double")
    await begin(shop, "other")
    await look(shop)
    ids = [f"{ann}:campaign_started:{code}" for code in ("double", "other")]
    await shop.laurel.feed.relay.place_once()
    told = [posted.notice for posted in (await shop.laurel.feed.notices.get(ids)).values()]
    ended_at = shop.clock.at = shop.clock.at + HOUR
    await shop.laurel.campaigning.store.change("double", campaigning.end, "ann@staff", ended_at)
    heeded = await heeding_ends(told, shop.laurel.campaigning.store.get)
    ends = {each.subject: each.expires_at for each in heeded}
    assert ends == {"double": BEGUN_AT + HOUR, "other": BEGUN_AT + 3 * DAY}


async def test_one_that_is_paused_waits(shop: Shop) -> None:
    laurel, [ann] = shop.laurel, await shop.sell("ann")
    await begin(shop)
    await laurel.broadcasts.herald.look()
    await laurel.campaigning.store.change("double", campaigning.pause, "ann@staff", shop.clock())
    await look(shop)
    assert await told(shop) == []
    await laurel.campaigning.store.change("double", campaigning.resume, "ann@staff", shop.clock())
    await look(shop)
    assert await told(shop) == [f"{ann}:campaign_started:double"]
