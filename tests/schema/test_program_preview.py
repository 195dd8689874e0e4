"""previewProgram: what a changed program would do to members, over the real journal, and nothing written."""

from datetime import datetime, timedelta

import pytest

from gamification import program_preview
from gamification.activity import EARLIEST
from gamification.member import Member
from gamification.program.source import read_program
from gamification.program_preview import Bounds, Change, ProgramPreviewer
from gamification.schedule import Schedule
from schema.principals import Scope
from schema.program_preview import MAX_SOURCE_CHARS
from tests.schema.api import ANONYMOUS, NOW, RECORD_SHOP, STAFF, Api, Json, global_id, purchase, themself
from tests.schema.test_merge_members import MERGE, UNMERGE

DAY = timedelta(days=1)
TWICE = RECORD_SHOP.replace("earn: {points: 1, per_amount: 1,", "earn: {points: 2, per_amount: 1,")
STEEPER = RECORD_SHOP.replace("threshold: 100", "threshold: 130")
PREVIEW = """
query Q($source: String!, $from: DateTime) {
  previewProgram(source: $source, from: $from) {
    __typename
    ... on Error { code message }
    ... on InvalidProgram { faults { line column path message } }
    ... on InvalidInput { problems { path message } }
    ... on ProgramPreview {
      backfills judgedAt membersRead membersChanged recordsRead isSample
      available { gained lost } pending { gained lost } owing { gained lost }
      tiers { before after members } badges { code gained lost } challenges { code gained lost }
      winners { ...Prospect } losers { ...Prospect }
    }
  }
}
fragment Prospect on MemberProspect {
  memberId pointsBefore pointsAfter tierBefore tierAfter badgesWon badgesLost
}
"""
NONE = {"gained": 0, "lost": 0}


async def previewed(api: Api, source: str, from_at: datetime | None = None) -> Json:
    return await api.nothing_written(
        PREVIEW, STAFF, source=source, **{"from": from_at.isoformat() if from_at else None}
    )


async def shop(api: Api) -> dict[str, Member]:
    """Ann bought for 120 in January and is silver, Ben for 40 and 30 in April; Cat has only joined."""
    members = {name: await api.enrol(name) for name in ("Ann", "Ben", "Cat")}
    for name, days, amount in (("Ann", 100, 12_000), ("Ben", 30, 4_000), ("Ben", 3, 3_000)):
        bought = purchase(f"{name}{days}", NOW - days * DAY, amount)
        api.clock.now = bought.occurred_at
        await api.record(members[name], bought)
    api.clock.now = NOW
    return members


def prospect(member: Member, points: tuple[int, int], tiers: tuple[str, str]) -> Json:
    return {
        "memberId": global_id(member),
        "pointsBefore": points[0],
        "pointsAfter": points[1],
        "tierBefore": tiers[0],
        "tierAfter": tiers[1],
        "badgesWon": [],
        "badgesLost": [],
    }


async def test_what_all_of_history_comes_to(api: Api) -> None:
    members = await shop(api)
    assert await previewed(api, TWICE) == {
        "__typename": "ProgramPreview",
        "backfills": True,
        "judgedAt": "2026-05-01T12:00:00.000Z",
        "membersRead": 3,
        "membersChanged": 2,
        "recordsRead": 6,
        "isSample": False,
        "available": {"gained": 190, "lost": 0},
        "pending": NONE,
        "owing": NONE,
        "tiers": [
            {"before": "bronze", "after": "bronze", "members": 2},
            {"before": "silver", "after": "silver", "members": 1},
        ],
        "badges": [],
        "challenges": [],
        "winners": [
            prospect(members["Ann"], (120, 240), ("silver", "silver")),
            prospect(members["Ben"], (70, 140), ("bronze", "bronze")),
        ],
        "losers": [],
    }
    since = await previewed(api, TWICE, NOW - 10 * DAY)
    assert (since["available"], since["membersChanged"]) == ({"gained": 30, "lost": 0}, 1)


async def test_what_is_due_at_once_where_only_the_future_changes(api: Api) -> None:
    members = await shop(api)
    found = await previewed(api, STEEPER, NOW)
    assert (found["backfills"], found["recordsRead"]) == (False, 0)
    assert found["losers"] == [prospect(members["Ann"], (120, 120), ("silver", "bronze"))]
    assert {"before": "silver", "after": "bronze", "members": 1} in found["tiers"]
    assert (await previewed(api, TWICE, NOW))["membersChanged"] == 0
    later = await previewed(api, STEEPER, NOW + 30 * DAY)
    assert (later["judgedAt"], later["losers"]) == ("2026-05-31T12:00:00.000Z", found["losers"])


async def test_badges_and_challenges(api: Api) -> None:
    await shop(api)
    source = RECORD_SHOP.replace("target: 3\n    window: rolling 60 days", "target: 2\n    window: rolling 60 days")
    found = await previewed(api, source.replace("levels: [100, 500, 1000]", "levels: [200, 500, 1000]"))
    assert found["badges"] == [{"code": "big-spender", "gained": 0, "lost": 1}]
    assert found["challenges"] == [{"code": "third-purchase", "gained": 1, "lost": 0}]
    assert found["available"] == {"gained": 25, "lost": 0}


@pytest.mark.parametrize(("source", "from_at"), [(TWICE, None), (TWICE, NOW - 10 * DAY), (STEEPER, NOW)])
async def test_applying_it_does_what_was_shown(api: Api, source: str, from_at: datetime | None) -> None:
    members = await shop(api)

    async def standing() -> dict[str, tuple[int, str | None]]:
        stored = {global_id(one): (await api.stored(one)).state for one in members.values()}
        return {who: (state.balance.available, state.standing.tier) for who, state in stored.items()}

    found, foretold = await previewed(api, source, from_at), await standing()
    for each in (*found["winners"], *found["losers"]):
        foretold[each["memberId"]] = (each["pointsAfter"], each["tierAfter"])
    assert foretold != await standing()
    await api.laurel.programs.apply(source, "tests", NOW, from_at=from_at, backfill=from_at != NOW)
    await api.laurel.game.recorder.pass_time([one.member_id for one in members.values()])
    assert await standing() == foretold


async def test_merged_accounts_count_once(api: Api) -> None:
    members = await shop(api)
    accounts = {
        "from": {"loyaltyNumber": members["Ben"].loyalty_number},
        "into": {"loyaltyNumber": members["Ann"].loyalty_number},
    }
    assert (await api.result(MERGE, input=accounts))["__typename"] == "MergeMembersSuccess"
    found = await previewed(api, TWICE)
    assert (found["membersRead"], found["membersChanged"], found["recordsRead"]) == (2, 1, 3 + 4 + 1)
    assert found["available"] == {"gained": 190, "lost": 0}
    assert found["winners"] == [prospect(members["Ann"], (190, 380), ("silver", "silver"))]
    change = Change(read_program(TWICE), EARLIEST, NOW)
    cut = await ProgramPreviewer(api.laurel.game.stores, Bounds(100, 6)).preview(change)
    assert (cut.prospects.available.gained, cut.is_sample) == (0, True), "the records of both would be too many"
    assert cut.records_read <= 6

    assert (await api.result(UNMERGE, input=accounts))["__typename"] == "UnmergeMembersSuccess"
    apart = await previewed(api, TWICE)
    assert (apart["membersRead"], apart["membersChanged"]) == (3, 2)
    assert apart["winners"] == [
        prospect(members["Ann"], (120, 240), ("silver", "silver")),
        prospect(members["Ben"], (70, 140), ("bronze", "bronze")),
    ]


async def test_faults_are_told_with_their_places(api: Api) -> None:
    refused = await previewed(api, RECORD_SHOP.replace("rounding: floor", "rounding: flor"))
    line = next(n for n, text in enumerate(RECORD_SHOP.splitlines(), 1) if "rounding: floor" in text)
    (fault,) = refused["faults"]
    assert (refused["__typename"], refused["code"]) == ("InvalidProgram", "INVALID_PROGRAM")
    assert (fault["line"], fault["path"]) == (line, "rules.0.earn.rounding")
    assert refused["message"] == f"source:{line}:{fault['column']}: {fault['path']}: {fault['message']}"
    assert (await previewed(api, "code: [")).get("faults")


async def test_what_is_too_much_is_refused(api: Api) -> None:
    assert await api.codes(PREVIEW, STAFF, source="#" * (MAX_SOURCE_CHARS + 1)) == ["BAD_USER_INPUT"]
    assert (await previewed(api, TWICE, EARLIEST - DAY))["backfills"] is True


@pytest.mark.parametrize(
    ("from_text", "message"),
    [
        ("2026-12-01T00:00:00", "needs a time zone, such as 2026-05-01T12:00:00Z"),
        ("2037-01-01T00:00:00Z", "lies more than 3660 days ahead"),
    ],
)
async def test_a_moment_that_cannot_be_is_refused(api: Api, from_text: str, message: str) -> None:
    refused = await api.nothing_written(PREVIEW, STAFF, source=TWICE, **{"from": from_text})
    assert (refused["__typename"], refused["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert refused["problems"] == [{"path": "from", "message": message}]


async def test_only_staff_may_look(api: Api) -> None:
    ann = await api.enrol("Ann")
    assert await api.codes(PREVIEW, ANONYMOUS, source=TWICE) == ["UNAUTHENTICATED"]
    assert await api.codes(PREVIEW, themself(ann), source=TWICE) == ["FORBIDDEN"]
    assert await api.codes(PREVIEW, await api.service(*Scope), source=TWICE) == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("bounds", "members", "is_sample"),
    [
        (Bounds(3, 6), 3, False),
        (Bounds(2, 100), 2, True),
        (Bounds(100, 5), 2, True),
        (Bounds(100, 0), 0, True),
        (Bounds(0, 100), 0, True),
    ],
)
async def test_it_reads_no_more_than_its_bounds(api: Api, bounds: Bounds, members: int, *, is_sample: bool) -> None:
    await shop(api)
    heard: list[int] = []
    previewer = ProgramPreviewer(api.laurel.game.stores, bounds)
    found = await previewer.preview(Change(read_program(TWICE), EARLIEST, NOW), heard.append)
    assert (found.prospects.members, sum(heard), found.is_sample) == (members, members, is_sample)
    assert found.records_read <= bounds.records


async def test_it_goes_through_all_pages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop(api)
    change = Change(read_program(TWICE), EARLIEST, NOW)
    whole = await ProgramPreviewer(api.laurel.game.stores).preview(change)
    monkeypatch.setattr(program_preview, "_MEMBERS_PER_READ", 2)
    assert await ProgramPreviewer(api.laurel.game.stores).preview(change) == whole
    monkeypatch.setattr(program_preview, "_RECORDS_PER_READ", 3)
    assert await ProgramPreviewer(api.laurel.game.stores).preview(change) == whole


async def test_a_member_with_too_many_records_is_left_out(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop(api)
    monkeypatch.setattr(program_preview, "_RECORDS_PER_READ", 2)
    found = await ProgramPreviewer(api.laurel.game.stores).preview(Change(read_program(TWICE), EARLIEST, NOW))
    assert (found.prospects.members, found.prospects.available.gained, found.is_sample) == (2, 120, True)


async def test_a_version_that_is_applied_meanwhile(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    members = await shop(api)
    known = await api.laurel.programs.schedule()
    await api.laurel.programs.apply(TWICE, "tests", NOW, backfill=True)
    await api.laurel.game.recorder.pass_time([one.member_id for one in members.values()])
    again = await previewed(api, RECORD_SHOP)
    assert again["available"] == {"gained": 0, "lost": 190}

    async def stale() -> Schedule:
        return known

    monkeypatch.setattr(api.laurel.programs, "schedule", stale)
    assert await api.codes(PREVIEW, STAFF, source=RECORD_SHOP) == ["UNAVAILABLE"]
