"""previewCampaign: what terms would have given in the past days, over the real journal, and nothing written."""

from datetime import timedelta

import pytest

from gamification import preview
from gamification.activity import ATTRIBUTES, Activity
from tests.schema.api import NOW, STAFF, Api, Json, global_id, purchase, themself
from tests.schema.campaign_documents import PREVIEW_CAMPAIGN
from tests.schema.test_campaigns import create, terms
from tests.schema.test_merge_members import MERGE, UNMERGE

DAY = timedelta(days=1)


async def previewed(api: Api, days: int = 7, **parts: object) -> Json:
    return await api.nothing_written(PREVIEW_CAMPAIGN, input={"terms": terms("new", **parts), "days": days})


async def shop(api: Api) -> dict[str, str]:
    """Ann bought for 10 a month ago and for 20 three days ago, Ben for 30 two days ago; Cat nothing of late."""
    ids = {}
    for name, purchases in (("Ann", [(30, 1000), (3, 2000)]), ("Ben", [(2, 3000)]), ("Cat", [(20, 500)])):
        member = await api.enrol(name)
        bought = [purchase(f"{name}{days}", NOW - days * DAY, amount) for days, amount in purchases]
        for one in bought:
            api.clock.now = one.occurred_at
            await api.record(member, one)
        ids[name] = global_id(member)
    api.clock.now = NOW
    return ids


async def test_what_terms_would_have_given(api: Api) -> None:
    ids = await shop(api)
    assert await previewed(api) == {
        "__typename": "CampaignPreview",
        "members": 2,
        "activities": 2,
        "points": 50,
        "netPoints": 50,
        "reduced": [],
        "exhaustedAt": None,
        "examples": [
            {"memberId": ids["Ben"], "points": 30, "activities": 1},
            {"memberId": ids["Ann"], "points": 20, "activities": 1},
        ],
        "membersRead": 2,
        "recordsRead": 5,
        "isSample": False,
    }
    cut = await previewed(api, budget={"points": 35})
    assert (cut["points"], cut["reduced"]) == (35, [{"limit": "BUDGET", "count": 1}])
    assert cut["exhaustedAt"] == "2026-04-29T12:00:00.000Z"
    assert (await previewed(api, days=90))["points"] == 65


async def test_campaigns_that_ran_are_taken_into_account(api: Api) -> None:
    await create(api, startsAt=(NOW - 5 * DAY).isoformat(), stacking="BEST", budget={"points": 1000})
    await shop(api)
    again = await previewed(api, stacking="BEST", effect={"multiplier": "3"})
    assert (again["points"], again["netPoints"]) == (100, 50)


async def test_an_audience_by_what_is_known_of_members(api: Api) -> None:
    ids = await shop(api)
    assert (await previewed(api, when="member.attributes.segment == 'vip'"))["members"] == 0
    eve = await api.enrol("Eve")
    await api.record(eve, Activity("a", ATTRIBUTES, NOW, attributes={"segment": "vip"}), purchase("p", NOW, 700))
    found = await previewed(api, when="member.attributes.segment == 'vip'")
    assert found["examples"] == [{"memberId": global_id(eve), "points": 7, "activities": 1}]
    assert global_id(eve) not in ids.values()


async def test_merged_accounts_count_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await shop(api)
    accounts = {"from": {"memberId": ids["Ben"]}, "into": {"memberId": ids["Ann"]}}
    assert (await api.result(MERGE, input=accounts))["__typename"] == "MergeMembersSuccess"
    found = await previewed(api)
    assert found["examples"] == [{"memberId": ids["Ann"], "points": 50, "activities": 2}]
    assert (found["membersRead"], found["netPoints"], found["recordsRead"]) == (1, 50, 4)
    monkeypatch.setattr(preview, "MAX_PREVIEW_RECORDS", 6)
    cut = await previewed(api)
    assert (cut["membersRead"], cut["isSample"]) == (0, True), "the records of both would be too many"
    monkeypatch.undo()

    assert (await api.result(UNMERGE, input=accounts))["__typename"] == "UnmergeMembersSuccess"
    found = await previewed(api)
    assert found["examples"] == [
        {"memberId": ids["Ben"], "points": 30, "activities": 1},
        {"memberId": ids["Ann"], "points": 20, "activities": 1},
    ]
    assert (found["membersRead"], found["netPoints"]) == (2, 50)


@pytest.mark.parametrize(("name", "value"), [("MAX_PREVIEW_MEMBERS", 1), ("MAX_PREVIEW_RECORDS", 4)])
async def test_it_says_where_it_is_a_sample(api: Api, monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    monkeypatch.setattr(preview, name, value)
    monkeypatch.setattr(preview, "_MEMBERS_PER_READ", 1)
    await shop(api)
    cut = await previewed(api)
    assert (cut["membersRead"], cut["isSample"]) == (1, True)


async def test_what_is_wrong_is_told(api: Api) -> None:
    refused = await previewed(api, days=0, effect={})
    assert [each["path"] for each in refused["problems"]] == ["terms.effect", "days"]
    assert (await previewed(api, days=93))["problems"][0]["path"] == "days"


async def test_members_preview_nothing(api: Api) -> None:
    ann = await api.enrol("Ann")
    assert await api.codes(PREVIEW_CAMPAIGN, themself(ann), input={"terms": terms(), "days": 1}) == ["FORBIDDEN"]
    assert (await api.nothing_written(PREVIEW_CAMPAIGN, STAFF, input={"terms": terms()}))["points"] == 0
