"""Streaks as members see them: the bar, the state, and what became of every period."""

from gamification.member import Member
from tests.schema.api import Api, Json, purchase, themself
from tests.schema.time_shop import on, visit

STREAKS = """
query Q($language: String) {
  me(language: $language) {
    streaks {
      nodes {
        code name description period state length longest endsAt pausedUntil
        freezes { held max } pauses { firstDay lastDay }
        progress { current target label state endsAt milestones { at label reached } }
        periods { firstDay lastDay fate }
        why { text arithmetic source }
      }
    }
  }
}
"""


async def streaks(api: Api, member: Member, **variables: object) -> list[Json]:
    found: list[Json] = (await api.data(STREAKS, themself(member), **variables))["me"]["streaks"]["nodes"]
    return found


async def daily(api: Api, member: Member) -> Json:
    return (await streaks(api, member))[0]


def fates(streak: Json) -> list[tuple[str, str]]:
    return [(each["firstDay"], each["fate"]) for each in streak["periods"]]


def stands(streak: Json) -> tuple[str, int, int, int]:
    return streak["state"], streak["length"], streak["longest"], streak["freezes"]["held"]


async def test_before_anything_was_done(shop_in_time: Api) -> None:
    ada = await shop_in_time.enrol("Ada")
    first, second = await streaks(shop_in_time, ada, language="da")
    assert first == {
        "code": "daily",
        "name": "Hver dag",
        "description": "Kom forbi hver dag.",
        "period": "DAY",
        "state": "NOT_BEGUN",
        "length": 0,
        "longest": 0,
        "endsAt": "2026-05-02T00:00:00.000Z",
        "pausedUntil": None,
        "freezes": {"held": 0, "max": 2},
        "pauses": [],
        "progress": {
            "current": 0.0,
            "target": 3.0,
            "label": "0 / 3 dage",
            "state": "ACTIVE",
            "endsAt": "2026-05-02T00:00:00.000Z",
            "milestones": [{"at": 3.0, "label": "Tre dage", "reached": False}],
        },
        "periods": [{"firstDay": "2026-05-01", "lastDay": "2026-05-01", "fate": "OPEN"}],
        "why": None,
    }
    assert (second["code"], second["period"], second["freezes"]) == ("weekly", "WEEK", None)
    assert second["periods"] == [{"firstDay": "2026-04-27", "lastDay": "2026-05-03", "fate": "OPEN"}]


async def test_every_day_of_a_streak_is_explained(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    await api.record(ada, visit(on(5, 1)))
    assert stands(await daily(api, ada)) == ("DONE", 1, 1, 1)

    api.clock.now = on(5, 2)
    waiting = await daily(api, ada)
    assert (stands(waiting), waiting["endsAt"]) == (("AT_RISK", 1, 1, 1), "2026-05-03T00:00:00.000Z")

    api.clock.now = on(5, 3)
    saved = await daily(api, ada)
    assert (stands(saved), fates(saved)) == (
        ("AT_RISK", 1, 1, 0),
        [("2026-05-01", "DONE"), ("2026-05-02", "FROZEN"), ("2026-05-03", "OPEN")],
    )
    await api.record(ada, visit(on(5, 3)))
    api.clock.now = on(5, 4)
    await api.record(ada, visit(on(5, 4)))
    third = await daily(api, ada)
    assert third["progress"] == {
        "current": 3.0,
        "target": 5.0,
        "label": "3 / 5 days",
        "state": "ACTIVE",
        "endsAt": "2026-05-06T00:00:00.000Z",
        "milestones": [
            {"at": 3.0, "label": "Three days", "reached": True},
            {"at": 5.0, "label": None, "reached": False},
        ],
    }
    assert third["why"] == {
        "text": "Every day: day 2026-05-04 counts: 2 + 1 = 3",
        "arithmetic": "day 2026-05-04 counts: 2 + 1 = 3",
        "source": "STREAK",
    }

    api.clock.now = on(5, 6)
    broken = await daily(api, ada)
    assert (stands(broken), fates(broken)[-2:]) == (
        ("BROKEN", 0, 3, 0),
        [("2026-05-05", "MISSED"), ("2026-05-06", "OPEN")],
    )


async def test_a_week_with_all_of_its_conditions(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    await api.record(ada, purchase("p1", on(5, 1), 100), visit(on(5, 1)))
    assert (await streaks(api, ada))[1]["length"] == 0
    await api.record(ada, purchase("p2", on(5, 1), 100))
    weekly = (await streaks(api, ada))[1]
    assert (weekly["state"], weekly["length"], weekly["endsAt"]) == ("DONE", 1, "2026-05-11T00:00:00.000Z")
    assert weekly["progress"]["label"] == "1 / 1"


async def test_streaks_in_pages(shop_in_time: Api) -> None:
    ada = await shop_in_time.enrol("Ada")
    query = """
    query Q($after: String) {
      me { streaks(first: 1, after: $after) { nodes { code } pageInfo { hasNextPage endCursor } } }
    }
    """
    page = (await shop_in_time.data(query, themself(ada)))["me"]["streaks"]
    assert (page["nodes"], page["pageInfo"]["hasNextPage"]) == ([{"code": "daily"}], True)
    rest = (await shop_in_time.data(query, themself(ada), after=page["pageInfo"]["endCursor"]))["me"]["streaks"]
    assert (rest["nodes"], rest["pageInfo"]["hasNextPage"]) == ([{"code": "weekly"}], False)


async def test_the_latest_periods(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    api.clock.now = on(5, 20)
    await api.record(ada, *(visit(on(5, day)) for day in range(1, 21)))
    assert [day for day, _ in fates(await daily(api, ada))] == [f"2026-05-{day:02}" for day in range(7, 21)]
    query = "{ me { streaks(first: 1) { nodes { length periods(last: %d) { firstDay } } } } }"
    told = (await api.data(query % 2, themself(ada)))["me"]["streaks"]["nodes"]
    assert told == [{"length": 20, "periods": [{"firstDay": "2026-05-19"}, {"firstDay": "2026-05-20"}]}]
    for last in (0, 61):
        assert await api.codes(query % last, themself(ada)) == ["BAD_USER_INPUT"]


async def test_the_streaks_of_the_program(shop_in_time: Api) -> None:
    query = """
    {
      program(language: "da") {
        streaks {
          code name description period unit mode conditions { kinds times } freezes { start every max }
          memberPauses { maxDays perYear } milestones { length every name rewardPoints rewardBadge }
        }
      }
    }
    """
    assert (await shop_in_time.data(query))["program"]["streaks"] == [
        {
            "code": "daily",
            "name": "Hver dag",
            "description": "Kom forbi hver dag.",
            "period": "DAY",
            "unit": "dage",
            "mode": "ALL",
            "conditions": [{"kinds": ["visit"], "times": 1}],
            "freezes": {"start": 1, "every": 7, "max": 2},
            "memberPauses": {"maxDays": 3, "perYear": 1},
            "milestones": [
                {"length": 3, "every": None, "name": "Tre dage", "rewardPoints": 10, "rewardBadge": None},
                {"length": None, "every": 5, "name": None, "rewardPoints": 20, "rewardBadge": None},
            ],
        },
        {
            "code": "weekly",
            "name": "Hver uge",
            "description": None,
            "period": "WEEK",
            "unit": None,
            "mode": "ALL",
            "conditions": [{"kinds": ["purchase"], "times": 2}, {"kinds": ["visit", "review"], "times": 1}],
            "freezes": None,
            "memberPauses": None,
            "milestones": [],
        },
    ]


async def test_a_dry_run_tells_the_streak_that_would_be(shop_in_time: Api) -> None:
    api = shop_in_time
    ada = await api.enrol("Ada")
    await api.record(ada, visit(on(5, 1)))
    query = """
    query Q($input: SimulateActivityInput!) {
      simulateActivity(input: $input) {
        ... on SimulateActivitySuccess { before { ...One } after { ...One } }
      }
    }
    fragment One on MemberStanding {
      streaks(first: 1) { nodes { state length periods(last: 2) { firstDay fate } why { arithmetic } } }
    }
    """
    tomorrow = {"kind": "visit", "occurredAt": "2026-05-02T12:00:00Z"}
    told = (await api.data(query, themself(ada), input=tomorrow))["simulateActivity"]
    day = {"firstDay": "2026-05-01", "fate": "DONE"}
    assert told["before"]["streaks"]["nodes"] == [
        {
            "state": "DONE",
            "length": 1,
            "periods": [day],
            "why": {"arithmetic": "day 2026-05-01 counts: 0 + 1 = 1"},
        }
    ]
    assert told["after"]["streaks"]["nodes"] == [
        {
            "state": "DONE",
            "length": 2,
            "periods": [day, {"firstDay": "2026-05-02", "fate": "DONE"}],
            "why": {"arithmetic": "day 2026-05-02 counts: 1 + 1 = 2"},
        }
    ]
