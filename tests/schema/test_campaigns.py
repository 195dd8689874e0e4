"""Campaigns over the API: who sees what, what staff do with them, and what members get of them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.campaigns import book
from schema.ids import to_global_id
from schema.principals import Scope
from schema.types.campaign import CAMPAIGN_ID
from tests.schema.api import ANONYMOUS, NOW, STAFF, TIMEOUT_SECONDS, Api, Json, global_id, purchase, themself
from tests.schema.campaign_documents import CAMPAIGN_AUDIT, CAMPAIGNS, CREATE_CAMPAIGN, ONE_CAMPAIGN, change_campaign
from tests.schema.documents import RECORD_ACTIVITY

POLL_SECONDS = 0.02
WEEKENDS = "app-weekends"
"""The campaign in the record shop's file; May 1, 2026, is a Friday."""


EVERY_TERM: Json = {
    "effect": {"perItem": {"points": 5, "categories": ["cd"], "items": "item.quantity > 1"}},
    "when": "activity.amount > 10.0",
    "recurs": {"rule": "FREQ=WEEKLY;BYDAY=FR", "at": "10:00", "minutes": 60},
    "budget": {"points": 100, "tooLittle": "NONE", "lowPercent": 5},
    "caps": {"member": 20, "memberDay": 5},
    "firstMembers": 3,
    "stacking": "EXCLUSIVE",
    "priority": 3,
    "qualifying": True,
    "lateMinutes": 5,
    "on": ["purchase", "visit"],
    "description": [{"language": "en", "text": "More"}, {"language": "da", "text": "Mere"}],
}
"""Terms with every field but the times."""


def terms(code: str = "double", **parts: Any) -> Json:
    """Terms that double all points from now on, unless they say otherwise."""
    texts = {name: [{"text": f"{code} {name}"}] for name in ("name", "headline")}
    return {"code": code, "startsAt": NOW.isoformat(), "effect": {"multiplier": "2"}, **texts, **parts}


async def create(api: Api, *, start: bool = True, **parts: Any) -> Json:
    result: Json = await api.result(CREATE_CAMPAIGN, input={"terms": terms(**parts), "start": start})
    assert result["__typename"] == "CampaignSuccess", result
    return dict(result["campaign"])


async def change(api: Api, mutation: str, code: str = "double", **more: Any) -> Json:
    return dict(await api.result(change_campaign(mutation), input={"code": code, **more}))


async def shown_when(api: Api, holds: Callable[..., bool]) -> Json:
    """The campaign once it is shown in a way; figures are told a moment later."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            shown: Json = (await api.data(ONE_CAMPAIGN, code="double"))["campaign"]
            if holds(shown):
                return shown
            await asyncio.sleep(POLL_SECONDS)


async def codes(api: Api, live: bool, caller: Any = ANONYMOUS) -> list[tuple[str, str]]:
    found = await api.data(CAMPAIGNS, caller, live=live)
    return [(each["code"], each["phase"]) for each in found["campaigns"]]


async def test_the_program_s_campaign_is_shown_between_its_openings_too(api: Api) -> None:
    (shown,) = (await api.data(CAMPAIGNS, live=True, language="da"))["campaigns"]
    assert shown == {
        "id": to_global_id(CAMPAIGN_ID, WEEKENDS),
        "code": WEEKENDS,
        "name": "Weekender i appen",
        "headline": "Dobbelt point hele weekenden i appen",
        "description": "Hver dollar, du bruger i appen lørdag eller søndag, giver to point, så længe puljen rækker.",
        "phase": "IDLE",
        "multiplier": 2.0,
        "bonus": None,
        "pointsPerItem": None,
        "itemCategories": [],
        "startsAt": "2026-01-01T05:00:00.000Z",
        "endsAt": None,
        "opensAt": "2026-05-02T04:00:00.000Z",
        "closesAt": "2026-05-03T04:00:00.000Z",
        "budget": {"current": 0.0, "target": 100000.0, "remaining": 100000.0, "state": "ACTIVE", "endsAt": None},
        "placesLeft": None,
        "runningLow": False,
        "endedBy": None,
    }
    api.clock.now = NOW + timedelta(days=1)
    (shown,) = (await api.data(CAMPAIGNS, live=True, language=None))["campaigns"]
    assert (shown["phase"], shown["opensAt"], shown["closesAt"]) == ("LIVE", None, "2026-05-03T04:00:00.000Z")


async def test_a_started_campaign_gives_points_at_once_and_says_why(api: Api) -> None:
    ann = await api.enrol("Ann")
    shown = await create(api, budget={"points": 25})
    assert (shown["phase"], shown["budget"]["remaining"]) == ("LIVE", 25.0)
    given = {"memberId": global_id(ann), "key": "k1", "amount": "20.00", "occurredAt": NOW.isoformat()}
    recorded = await api.result(RECORD_ACTIVITY, input=given)
    entry = recorded["record"]["effects"][1]
    assert (entry["__typename"], entry["points"]) == ("LedgerEntry", 20)
    assert entry["why"] == {
        "text": "double name: floor(20 x 1) = 20",
        "source": "CAMPAIGN",
        "rule": None,
        "campaign": "double",
        "code": "double",
        "arithmetic": "floor(20 x 1) = 20",
        "inputs": [{"name": "points", "value": "20"}, {"name": "multiplier", "value": "2"}],
        "lots": entry["why"]["lots"],
        "because": None,
    }
    recorded = await api.result(RECORD_ACTIVITY, input=given | {"key": "k2"})
    (withheld,) = [e for e in recorded["record"]["effects"] if e["__typename"] == "BonusWithheld"]
    assert {name: withheld[name] for name in ("campaign", "name", "wanted", "granted", "limit")} == {
        "campaign": "double",
        "name": "double name",
        "wanted": 20,
        "granted": 5,
        "limit": "BUDGET",
    }
    spent = await shown_when(api, lambda campaign: campaign["budget"]["current"] == 25.0)
    assert (spent["budget"]["remaining"], spent["budget"]["state"]) == (0.0, "COMPLETED")


async def test_a_draft_is_there_for_staff_only(api: Api) -> None:
    ann = await api.enrol("Ann")
    draft = await create(api, start=False)
    assert draft["phase"] == "DRAFT"
    writer, reader = await api.service(Scope.CAMPAIGNS_WRITE), await api.service(Scope.MEMBERS_READ)
    node = "query Q($id: ID!) { node(id: $id) { ... on Campaign { code } } }"
    for caller in (STAFF, writer):
        assert ("double", "DRAFT") in await codes(api, live=False, caller=caller)
        assert (await api.data(ONE_CAMPAIGN, caller, code="double"))["campaign"] == draft
    assert (await api.data(node, STAFF, id=draft["id"]))["node"] == {"code": "double"}
    for caller in (ANONYMOUS, themself(ann), reader):
        for live in (True, False):
            assert await codes(api, live=live, caller=caller) == [(WEEKENDS, "IDLE")]
        assert (await api.data(ONE_CAMPAIGN, caller, code="double"))["campaign"] is None
    assert (await api.data(node, themself(ann), id=draft["id"]))["node"] is None
    # Nor once it has ended without ever having begun.
    assert (await change(api, "endCampaign"))["campaign"]["phase"] == "ENDED"
    assert (await api.data(ONE_CAMPAIGN, themself(ann), code="double"))["campaign"] is None
    await api.record(ann, purchase("k", NOW, 1000))
    assert (await api.stored(ann)).state.balance.available == 10


async def test_beyond_the_most_there_may_be_none_is_made(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MAX_CURRENT", 1)
    await create(api, start=False)
    refused = await api.result(CREATE_CAMPAIGN, input={"terms": terms("more"), "start": True})
    assert refused["__typename"] == "InvalidInput"
    assert "there are 1 campaigns that have not ended; end one first" in str(refused)
    assert await codes(api, live=False, caller=STAFF) == [(WEEKENDS, "IDLE"), ("double", "DRAFT")]
    again = await api.result(CREATE_CAMPAIGN, input={"terms": terms(), "start": False})
    assert (again["__typename"], again["replayed"]) == ("CampaignSuccess", True)
    await change(api, "endCampaign")
    assert (await create(api, code="more"))["phase"] == "LIVE"


async def test_one_to_come_is_told_but_is_not_live(api: Api) -> None:
    begins = NOW + timedelta(days=2)
    shown = await create(api, startsAt=begins.isoformat(), endsAt=(begins + timedelta(days=1)).isoformat())
    assert (shown["phase"], shown["opensAt"], shown["closesAt"]) == (
        "SCHEDULED",
        "2026-05-03T12:00:00.000Z",
        "2026-05-04T12:00:00.000Z",
    )
    assert await codes(api, live=True) == [(WEEKENDS, "IDLE")]
    assert await codes(api, live=False) == [(WEEKENDS, "IDLE"), ("double", "SCHEDULED")]


async def test_from_draft_to_end_with_everything_in_the_audit(api: Api) -> None:
    ann = await api.enrol("Ann")
    service = await api.service(Scope.CAMPAIGNS_WRITE)
    await create(api, start=False, budget={"points": 100})
    await change(api, "startCampaign")
    member = await api.record(ann, purchase("k1", NOW, 1000))
    assert member.state.balance.available == 20
    paused = await api.result(change_campaign("pauseCampaign"), service, input={"code": "double"})
    assert paused["campaign"]["phase"] == "PAUSED"
    assert (await api.record(ann, purchase("k2", NOW, 1000))).state.balance.available == 30
    assert await codes(api, live=False) == [(WEEKENDS, "IDLE")]
    assert (await change(api, "resumeCampaign"))["campaign"]["phase"] == "LIVE"
    extended = await change(api, "extendCampaign", budgetPoints=500)
    assert extended["campaign"]["budget"]["remaining"] == 490.0
    ended = (await change(api, "endCampaign"))["campaign"]
    assert (ended["phase"], ended["endedBy"], ended["budget"]["state"]) == ("ENDED", "STAFF", "ENDED")
    assert (await api.record(ann, purchase("k3", NOW, 1000))).state.balance.available == 40 + 25  # a challenge
    trail = (await api.data(CAMPAIGN_AUDIT, STAFF, code="double"))["campaignAudit"]["nodes"]
    done = [(each["kind"], each["by"]) for each in trail if each["by"] in ("staff-1", "till")]
    assert done == [
        ("created", "staff-1"),
        ("scheduled", "staff-1"),
        ("paused", "till"),
        ("resumed", "staff-1"),
        ("extended", "staff-1"),
        ("ended", "staff-1"),
    ]
    assert trail[-1]["at"] == "2026-05-01T12:00:00.000Z"
    extension = next(each for each in trail if each["kind"] == "extended")
    assert extension["details"] == [
        {"name": "budget_before", "value": "100"},
        {"name": "budget_after", "value": "500"},
    ]
    first = (await api.data(CAMPAIGN_AUDIT, STAFF, code="double", first=2))["campaignAudit"]
    assert (first["nodes"], first["pageInfo"]["hasNextPage"]) == (trail[:2], True)
    after = first["pageInfo"]["endCursor"]
    rest = (await api.data(CAMPAIGN_AUDIT, STAFF, code="double", first=100, after=after))["campaignAudit"]
    assert (rest["nodes"], rest["pageInfo"]["hasNextPage"]) == (trail[2:], False)
    assert (await api.data(CAMPAIGN_AUDIT, STAFF, code="nobody"))["campaignAudit"] is None
    assert await api.codes(CAMPAIGN_AUDIT, STAFF, code=WEEKENDS, after=after) == ["INVALID_CURSOR"]
    # A member's statement still calls it by its name.
    (line,) = [
        each["why"]["text"]
        for each in (await api.data("{ statement(first: 50) { nodes { why { text source } } } }", themself(ann)))[
            "statement"
        ]["nodes"]
        if each["why"]["source"] == "CAMPAIGN"
    ]
    assert line == "double name: floor(10 x 1) = 10"


async def test_creating_it_again_is_a_retry_and_other_terms_are_refused(api: Api) -> None:
    more: Json = {
        **EVERY_TERM,
        "endsAt": (NOW + timedelta(days=9)).isoformat(),
    }
    made = await create(api, **more)
    assert (made["pointsPerItem"], made["itemCategories"], made["placesLeft"]) == (5, ["cd"], 3)
    again = await api.nothing_written(CREATE_CAMPAIGN, input={"terms": terms(**more), "start": True})
    assert (again["__typename"], again["replayed"], again["campaign"]) == ("CampaignSuccess", True, made)
    for other in (more | {"priority": 4}, more | {"when": "activity.amount > 11.0"}):
        refused = await api.nothing_written(CREATE_CAMPAIGN, input={"terms": terms(**other), "start": True})
        assert (refused["__typename"], refused["code"], refused["field"]) == ("AlreadyTaken", "ALREADY_TAKEN", "code")
    refused = await api.nothing_written(CREATE_CAMPAIGN, input={"terms": terms(WEEKENDS)})
    assert refused["__typename"] == "AlreadyTaken"


@pytest.mark.parametrize(
    ("parts", "problems"),
    [
        ({"effect": {}}, [("terms.effect", "give one of multiplier, bonus and perItem")]),
        ({"effect": {"bonus": 0}}, [("terms.effect.bonus", "must be at least 1")]),
        ({"effect": {"perItem": {"points": 0}}}, [("terms.effect.perItem.points", "must be at least 1")]),
        ({"code": "No!"}, [("terms.code", "must be a code: ")]),
        ({"name": []}, [("terms.name", "must not be empty")]),
        ({"name": [{"language": "en", "text": "Only"}]}, [("terms.name", "has no text in da")]),
        (
            {"headline": [{"text": "All"}, {"language": "fr", "text": "Tout"}]},
            [("terms.headline", "'fr' is not among the program's languages")],
        ),
        ({"name": [{"text": "One"}, {"text": "Two"}]}, [("terms.name", "has two texts in one language")]),
        ({"when": "activity.ammount > 1.0"}, [("terms.when", "there is no 'activity.ammount' here; did you mean")]),
        ({"on": ["tier.reached"]}, [("terms.on.0", "tier.reached is an effect, which challenges can count")]),
        ({"recurs": {"rule": "daily"}}, [("terms.recurs.rule", "must be a recurrence rule (RFC 5545) such as")]),
        ({"endsAt": "2026-05-01T11:00:00Z"}, [("terms.endsAt", "endsAt must come after startsAt")]),
        (
            {"startsAt": "2026-04-01T00:00:00Z", "endsAt": "2026-05-01T11:00:00Z", "priority": 1001},
            [("terms.priority", "must be at most 1000"), ("terms.endsAt", "must lie in the future")],
        ),
        (
            {"recurs": {"rule": "FREQ=DAILY", "at": "5pm"}},
            [("terms.recurs.at", "must be a time of day, such as '17:30'")],
        ),
        (
            {"recurs": {"rule": "FREQ=DAILY", "at": "17:00"}},
            [("terms.recurs.at", "opens at this time, so give minutes too: for how long")],
        ),
        (
            {"effect": {"perItem": {"points": 1, "categories": []}}},
            [("terms.effect.perItem.categories", "must not be")],
        ),
        ({"when": "starts_at > ends_at"}, [("terms.when", "there is no 'starts_at' here")]),
        (
            {"startsAt": "2026-04-01T00:00:00Z", "endsAt": "2026-05-01T11:00:00Z"},
            [("terms.endsAt", "must lie in the future")],
        ),
        ({"startsAt": "2026-05-01T00:00:00"}, [("terms.startsAt", "must be a time with its zone")]),
        (
            {"budget": {"points": 0}, "caps": {"memberDay": -1}, "firstMembers": 0},
            [
                ("terms.budget.points", "must be at least 1"),
                ("terms.caps.memberDay", "must be at least 0"),
                ("terms.firstMembers", "must be at least 1"),
            ],
        ),
    ],
)
async def test_every_fault_is_told_with_its_place_in_the_input(
    api: Api, parts: Json, problems: list[tuple[str, str]]
) -> None:
    refused = await api.nothing_written(CREATE_CAMPAIGN, input={"terms": terms() | parts, "start": True})
    assert refused["__typename"] == "InvalidInput"
    assert [each["path"] for each in refused["problems"]] == [path for path, _ in problems]
    for each, (_, message) in zip(refused["problems"], problems, strict=True):
        assert each["message"].startswith(message)


@pytest.mark.parametrize("mutation", ["startCampaign", "pauseCampaign", "resumeCampaign", "endCampaign"])
async def test_there_is_no_such_campaign(api: Api, mutation: str) -> None:
    for code in ("nobody", "x" * 5000, '{"$gt": ""}'):
        refused = await api.nothing_written(change_campaign(mutation), input={"code": code})
        assert (refused["__typename"], refused["code"]) == ("CampaignNotFound", "CAMPAIGN_NOT_FOUND")


async def test_a_step_from_the_wrong_status_changes_nothing(api: Api) -> None:
    await create(api)
    for mutation, needed in (("startCampaign", "DRAFT"), ("resumeCampaign", "PAUSED")):
        refused = await api.nothing_written(change_campaign(mutation), input={"code": "double"})
        assert (refused["__typename"], refused["phase"]) == ("WrongCampaignStatus", "LIVE")
        assert refused["message"] == f"The campaign double is LIVE; this needs one that is {needed}."
    await change(api, "endCampaign")
    for mutation in ("pauseCampaign", "resumeCampaign", "extendCampaign"):
        more = {"budgetPoints": 5} if mutation == "extendCampaign" else {}
        refused = await api.nothing_written(change_campaign(mutation), input={"code": "double", **more})
        assert (refused["code"], refused["phase"]) == ("WRONG_CAMPAIGN_STATUS", "ENDED")
        assert refused["message"].startswith("The campaign double is ENDED; this needs one that is ")


async def test_a_step_that_was_taken_already_is_a_retry(api: Api) -> None:
    await create(api, start=False)
    for mutation in ("startCampaign", "pauseCampaign", "resumeCampaign", "endCampaign"):
        done = await change(api, mutation)
        assert (done["__typename"], done["replayed"]) == ("CampaignSuccess", False)
        again = await api.nothing_written(change_campaign(mutation), input={"code": "double"})
        assert again == done | {"replayed": True}


async def test_an_extension_must_extend(api: Api) -> None:
    await create(api, budget={"points": 100}, endsAt=(NOW + timedelta(days=1)).isoformat())
    end = "must be later than 2026-05-02T12:00:00+00:00 and in the future"
    members = "this campaign has no limit of members, and one cannot be added"
    for more, problems in (
        ({"budgetPoints": 100}, {"budgetPoints": "must be more than 100 and at most 1000000000000"}),
        ({"endsAt": (NOW + timedelta(hours=1)).isoformat()}, {"endsAt": end}),
        ({"endsAt": "2026-06-01T00:00:00"}, {"endsAt": "needs a time zone, such as 2026-05-01T12:00:00Z"}),
        ({"endsAt": NOW.isoformat(), "firstMembers": 5}, {"endsAt": end, "firstMembers": members}),
        ({}, {"endsAt": "give a later end, a larger budget or more places"}),
    ):
        refused = await api.nothing_written(change_campaign("extendCampaign"), input={"code": "double", **more})
        assert {each["path"]: each["message"] for each in refused["problems"]} == problems


TERMS = """
query Q($code: String!) { campaign(code: $code) { terms {
  code name { language text } headline { language text } description { language text } on when startsAt endsAt
  recurs { rule at minutes } effect { multiplier rounding bonus perItem { points categories items } }
  qualifying stacking priority budget { points tooLittle lowPercent } caps { member memberDay } firstMembers lateMinutes
} } }
"""


async def test_those_who_run_campaigns_read_the_terms_back(api: Api) -> None:
    ann = await api.enrol("Ann")
    given: Json = {
        **EVERY_TERM,
        "startsAt": "2026-05-01T12:00:00.000Z",
        "endsAt": "2026-05-09T12:00:00.000Z",
    }
    await create(api, start=False, **given)
    for caller in (STAFF, await api.service(Scope.CAMPAIGNS_WRITE)):
        read = (await api.data(TERMS, caller, code="double"))["campaign"]["terms"]
        texts = {name: [{"language": None, "text": f"double {name}"}] for name in ("name", "headline")}
        effect = {"multiplier": None, "rounding": None, "bonus": None, "perItem": given["effect"]["perItem"]}
        assert read == given | {"code": "double", "effect": effect, **texts}
    await change(api, "startCampaign")
    for caller in (ANONYMOUS, themself(ann), await api.service(Scope.MEMBERS_READ)):
        assert await api.data(TERMS, caller, code="double") == {"campaign": {"terms": None}}
    weekends = (await api.data(TERMS, STAFF, code=WEEKENDS))["campaign"]["terms"]
    assert (weekends["effect"]["multiplier"], weekends["effect"]["rounding"]) == ("2", "FLOOR")
    assert (weekends["caps"], weekends["firstMembers"]) == ({"member": None, "memberDay": 500}, None)


async def test_neither_members_nor_other_services_run_campaigns(api: Api) -> None:
    ann = await api.enrol("Ann")
    await create(api)
    others = await api.service(*(scope for scope in Scope if scope is not Scope.CAMPAIGNS_WRITE))
    for caller, code in ((ANONYMOUS, "UNAUTHENTICATED"), (themself(ann), "FORBIDDEN"), (others, "FORBIDDEN")):
        assert await api.codes(CREATE_CAMPAIGN, caller, input={"terms": terms("other")}) == [code]
        assert await api.codes(CAMPAIGN_AUDIT, caller, code="double") == [code]
        for mutation in ("startCampaign", "pauseCampaign", "resumeCampaign", "endCampaign", "extendCampaign"):
            assert await api.codes(change_campaign(mutation), caller, input={"code": "double"}) == [code]


async def test_first_members_are_counted_down(api: Api) -> None:
    await create(api, effect={"bonus": 30}, firstMembers=2)
    for number, left, given in ((1, 1, 30), (2, 0, 30), (3, 0, 0)):
        member = await api.record(await api.enrol(f"M{number}"), purchase(f"k{number}", NOW, 100))
        assert member.state.balance.available == 1 + given
        await shown_when(api, lambda campaign, left=left: campaign["placesLeft"] == left)
