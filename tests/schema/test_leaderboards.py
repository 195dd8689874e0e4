"""Leaderboards over the wire with live boards: pages, ranks, ties, scopes, friends and periods."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.embedded import StoreServers
from tests.schema.api import ANONYMOUS, STAFF, Database
from tests.schema.arena import MONDAY, PAGE, RANK, WEEK, Arena, opened

NEEDS_SCOPE = "The board stores is kept for each value of something: give a scope."
NO_SCOPES = "The board weekly has no scopes; leave the scope out."
LONG_SCOPE = "The scope is longer than 64 characters, so it has no board."
NO_PERIOD = "The board weekly has no such period: give the code of one of its periods."
MEMBERS_ONLY = "Only members have friends to be ranked among: ask as a member."
SHOWS_ANN, SHOWS_BOB = {"handle": "handle_ann"}, {"handle": "handle_bob"}
NOTHING = {"rank": None, "score": None, "percentile": None, "missing": None, "listed": None}


@pytest.fixture
async def arena(database: Database, servers: StoreServers) -> AsyncIterator[Arena]:
    async with opened(database, servers) as running:
        yield running


async def test_the_first_page_to_the_letter(arena: Arena) -> None:
    await arena.enrol("ann", "bob")
    await arena.enrol("cid", board="alias")
    await arena.enrol("dan", profile=False)
    for name, dollars in {"ann": 10, "bob": 30, "cid": 20, "dan": 5}.items():
        await arena.buy(name, dollars)
    await arena.settled()
    page = await arena.page("weekly", "cid", first=3)
    cursors = [edge.pop("cursor") for edge in page["edges"]]
    assert len(set(cursors)) == 3
    assert page == {
        "state": "LIVE",
        "total": 4,
        "scope": None,
        "period": {"code": WEEK},
        "edges": [{"node": {"rank": 1}}, {"node": {"rank": 2}}, {"node": {"rank": 3}}],
        "nodes": [
            {"rank": 1, "score": 30.0, "columns": [], "name": "handle_bob", "isMe": False, "member": SHOWS_BOB},
            {"rank": 2, "score": 20.0, "columns": [], "name": "The cid", "isMe": True, "member": None},
            {"rank": 3, "score": 10.0, "columns": [], "name": "handle_ann", "isMe": False, "member": SHOWS_ANN},
        ],
        "pageInfo": {
            "hasNextPage": True,
            "hasPreviousPage": False,
            "startCursor": cursors[0],
            "endCursor": cursors[2],
        },
        "me": {
            "state": "LIVE", "rank": 2, "score": 20.0, "total": 4, "percentile": 75, "missing": 11.0, "listed": True,
        },
    }  # fmt: skip
    last = await arena.page("weekly", "cid", first=3, after=cursors[2])
    assert [(row["rank"], row["name"], row["member"]) for row in last["nodes"]] == [(4, None, None)]
    assert last["pageInfo"]["hasNextPage"] is False
    assert last["pageInfo"]["hasPreviousPage"] is True
    beyond = await arena.page("weekly", "cid", after=last["pageInfo"]["endCursor"])
    assert (beyond["nodes"], beyond["pageInfo"]["endCursor"]) == ([], last["pageInfo"]["endCursor"])


async def test_everybody_exactly_once_while_scores_move(arena: Arena) -> None:
    still = [f"still{number}" for number in range(9)]
    await arena.enrol(*still, "mover")
    for number, name in enumerate(still):
        await arena.buy(name, 10 + number // 3)  # three of each score
    await arena.buy("mover", 1)
    await arena.settled()
    seen: list[str] = []
    after = None
    for dollars in (11, 1, 1, 1, 1):
        page = await arena.page("weekly", first=2, after=after)
        seen += [row["name"] for row in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        await arena.buy("mover", dollars)  # past all, from the last place
        await arena.settled()
    assert [name for name in seen if name != "handle_mover"] == [
        f"handle_still{number}" for number in (6, 7, 8, 3, 4, 5, 0, 1, 2)
    ]


async def test_a_page_of_none_tells_whether_there_are_any(arena: Arena) -> None:
    await arena.enrol("ann")
    assert (await arena.page("weekly", first=0))["pageInfo"]["hasNextPage"] is False
    await arena.buy("ann", 10)
    await arena.settled()
    page = await arena.page("weekly", first=0)
    assert (page["nodes"], page["total"], page["pageInfo"]["hasNextPage"]) == ([], 1, True)


async def test_shared_ranks(arena: Arena) -> None:
    await arena.enrol("ann", "bob", "cid", "dan")
    for name, dollars in {"ann": 20, "bob": 20, "cid": 10, "dan": 10}.items():
        await arena.buy(name, dollars)
    await arena.settled()
    ranked = [(1, "handle_ann"), (1, "handle_bob"), (3, "handle_cid"), (3, "handle_dan")]
    assert await arena.names("shared") == ranked
    assert await arena.around("shared", "dan", eachSide=1) == ranked[2:]
    rank = await arena.rank("shared", "dan")
    assert rank == {
        "state": "LIVE", "rank": 3, "score": 10.0, "total": 4, "percentile": 50, "missing": 10.0, "listed": True,
    }  # fmt: skip
    first = await arena.rank("shared", "bob")
    assert (first["rank"], first["percentile"], first["missing"]) == (1, 100, None)


async def test_who_was_first_stays_ahead(arena: Arena) -> None:
    await arena.enrol("ann", "bob", "cid")
    for name, dollars in {"ann": 10, "bob": 20, "cid": 20}.items():
        await arena.buy(name, dollars)
    await arena.settled()
    assert await arena.names("weekly") == [(1, "handle_bob"), (2, "handle_cid"), (3, "handle_ann")]
    assert (await arena.rank("weekly", "cid"))["missing"] == 1.0, "one more than the one who had as much first"
    await arena.buy("ann", 10)
    await arena.settled()
    assert await arena.names("weekly") == [(1, "handle_bob"), (2, "handle_cid"), (3, "handle_ann")], "as the last one"


async def test_columns_decide_between_equals(arena: Arena) -> None:
    await arena.enrol("ann", "bob", "cid")
    for name, dollars in (("ann", 10), ("ann", 10), ("bob", 15), ("bob", 5), ("cid", 99)):
        await arena.buy(name, dollars)
    await arena.settled()
    nodes = (await arena.page("columned"))["nodes"]
    assert [(row["rank"], row["name"], row["score"], row["columns"]) for row in nodes] == [
        (1, "handle_bob", 2.0, [20.0, 15.0]),
        (2, "handle_ann", 2.0, [20.0, 10.0]),
        (3, "handle_cid", 1.0, [99.0, 99.0]),
    ]
    assert [(await arena.rank("columned", name))["missing"] for name in ("bob", "ann", "cid")] == [None, 1.0, 2.0]


async def test_the_best_amount_in_its_unit(arena: Arena) -> None:
    await arena.enrol("ann")
    for dollars in (10, 30, 20):
        await arena.buy("ann", dollars)
    await arena.settled()
    page = await arena.page("ever", "ann")
    assert (page["period"], page["nodes"][0]["score"], page["me"]["score"]) == ({"code": "all"}, 30.0, 30.0)


async def test_around_me(arena: Arena) -> None:
    names = [f"m{number}" for number in range(7)]
    await arena.enrol(*names, "guest")
    for number, name in enumerate(names):
        await arena.buy(name, 100 - number)
    await arena.settled()
    ranked = [(number + 1, f"handle_{name}") for number, name in enumerate(names)]
    assert await arena.around("weekly", "m3", eachSide=2) == ranked[1:6]
    assert await arena.around("weekly", "m0", eachSide=2) == ranked[:3]
    assert await arena.around("weekly", "m6", eachSide=50) == ranked
    assert await arena.around("weekly", "m3", eachSide=0) == ranked[3:4]
    assert await arena.around("weekly", "guest") == []
    assert await arena.around("weekly", None) == []
    assert (await arena.rank("weekly", "guest")) == {"state": "LIVE", "total": 7, **NOTHING}


async def test_one_board_for_every_value(arena: Arena) -> None:
    await arena.enrol("ann", "bob")
    long = "\N{BICYCLE}" * 64
    for name, dollars, store in (
        ("ann", 10, "rome"),
        ("bob", 20, "rome"),
        ("bob", 5, "a/b"),
        ("ann", 1, long),
        ("bob", 2, long),
    ):
        await arena.buy(name, dollars, store=store)
    await arena.settled()
    assert await arena.names("stores", scope="rome") == [(1, "handle_bob"), (2, "handle_ann")]
    assert await arena.names("stores", scope="a/b") == [(1, "handle_bob")]
    nowhere = await arena.page("stores", "ann", scope="nowhere")
    assert (nowhere["state"], nowhere["total"], nowhere["scope"], nowhere["nodes"]) == ("LIVE", 0, "nowhere", [])
    assert nowhere["me"] == {"state": "LIVE", "total": 0, **NOTHING}
    first = await arena.page("stores", scope=long, first=1)
    after = first["pageInfo"]["endCursor"]
    assert await arena.names("stores", scope=long, after=after) == [(2, "handle_ann")], "its cursors are short enough"


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        ({"board": "stores"}, "BAD_USER_INPUT", NEEDS_SCOPE),
        ({"board": "stores", "scope": ""}, "BAD_USER_INPUT", NEEDS_SCOPE),
        ({"board": "stores", "scope": "x" * 65}, "BAD_USER_INPUT", LONG_SCOPE),
        ({"board": "weekly", "scope": "rome"}, "BAD_USER_INPUT", NO_SCOPES),
        ({"board": "weekly", "scope": ""}, "BAD_USER_INPUT", NO_SCOPES),
        ({"board": "weekly", "period": "2091-W54"}, "BAD_USER_INPUT", NO_PERIOD),
        ({"board": "weekly", "period": "2091-05"}, "BAD_USER_INPUT", None),
        ({"board": "weekly", "period": ""}, "BAD_USER_INPUT", None),
        ({"board": "seasonal", "period": "winter"}, "BAD_USER_INPUT", None),
        ({"board": "weekly", "first": 101}, "BAD_USER_INPUT", "first is 101; from 0 to 100 are possible."),
        ({"board": "weekly", "first": -1}, "BAD_USER_INPUT", "first is -1; from 0 to 100 are possible."),
        ({"board": "seasonal", "first": 101}, "BAD_USER_INPUT", "first is 101; from 0 to 100 are possible."),
        ({"board": "weekly", "friends": True}, "UNAUTHENTICATED", MEMBERS_ONLY),
        ({"board": "circle"}, "UNAUTHENTICATED", None),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked(arena: Arena, asked: dict[str, object], code: str, message: str | None) -> None:
    (error,) = await arena.api.errors(PAGE, ANONYMOUS, **asked)
    assert error["extensions"] == {"code": code}
    assert message is None or error["message"] == message


async def test_members_alone_have_friends(arena: Arena) -> None:
    assert await arena.api.codes(PAGE, STAFF, board="circle") == ["FORBIDDEN"]
    around = 'query Q($n: Int!) { leaderboard(board: "weekly") { aroundMe(eachSide: $n) { rank } } }'
    await arena.enrol("ann")
    for each_side in (-1, 51):
        assert await arena.api.codes(around, arena.caller("ann"), n=each_side) == ["BAD_USER_INPUT"]
    assert await arena.api.data(PAGE, board="nowhere") == {"leaderboard": None}
    assert await arena.api.data(RANK, arena.caller("ann"), board="nowhere") == {"me": {"rank": None}}


async def test_among_friends(arena: Arena) -> None:
    await arena.enrol("ann", "bob", "stranger", "poor")
    await arena.enrol("cid", board="friends", profile=False)
    await arena.enrol("dan", board="alias")
    await arena.enrol("eve", "me", board="hidden")
    for friend in ("bob", "cid", "dan", "eve", "poor"):
        await arena.befriend("me", friend)
    await arena.befriend("ann", "cid")
    for name, dollars in {"stranger": 90, "eve": 80, "bob": 50, "cid": 50, "dan": 40, "me": 30, "ann": 1}.items():
        await arena.buy(name, dollars)
    await arena.settled()
    seen = [(1, "handle_bob"), (2, "handle_cid"), (3, "The dan"), (4, "handle_me")]
    for board, friends in (("weekly", True), ("circle", False)):
        page = await arena.page(board, "me", friends=friends)
        assert [(row["rank"], row["name"]) for row in page["nodes"]] == seen
        assert [row["isMe"] for row in page["nodes"]] == [False, False, False, True]
        assert page["total"] == 4
        assert page["me"] == {
            "state": "LIVE", "rank": 4, "score": 30.0, "total": 4, "percentile": 25, "missing": 11.0, "listed": False,
        }  # fmt: skip
        assert await arena.rank(board, "me", friends=friends) == page["me"]
        assert await arena.around(board, "me", friends=friends, eachSide=1) == seen[2:]
    shared = (await arena.page("shared", "me", friends=True))["nodes"]
    assert [row["rank"] for row in shared] == [1, 1, 3, 4]
    walked, after = [], None
    for _ in range(2):
        page = await arena.page("weekly", "me", friends=True, first=2, after=after)
        walked += [(row["rank"], row["name"]) for row in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        await arena.buy("bob", 1)
        await arena.settled()
    assert walked == seen
    assert page["pageInfo"]["hasNextPage"] is False
    assert await arena.names("weekly", "ann", friends=True) == [(1, "handle_cid"), (2, "handle_ann")]
    assert (await arena.page("weekly", "bob"))["total"] == 4, "bob, stranger, ann and dan hold public places"


async def test_between_seasons_and_before_a_period(arena: Arena) -> None:
    await arena.enrol("ann")
    await arena.buy("ann", 10)
    await arena.settled()
    for asked, period in (({}, None), ({"period": "summer"}, {"code": "summer"})):
        page = await arena.page("seasonal", "ann", **asked)
        assert (page["state"], page["period"], page["nodes"], page["total"]) == ("NONE", period, [], 0)
        assert page["me"] == {"state": "NONE", "total": 0, **NOTHING}
        assert await arena.around("seasonal", "ann", **asked) == []
    arena.api.clock.now = MONDAY + timedelta(days=20)
    await arena.buy("ann", 10)
    await arena.settled()
    assert (await arena.page("seasonal", "ann"))["me"]["rank"] == 1


async def test_a_period_from_its_end_to_its_final_standings(arena: Arena) -> None:
    await arena.enrol("ann", "bob", "cid")
    for name, dollars in {"ann": 30, "bob": 20, "cid": 10}.items():
        await arena.buy(name, dollars)
    await arena.settled()
    live = (await arena.page("weekly", first=1))["pageInfo"]["endCursor"]
    arena.api.clock.now = MONDAY + timedelta(days=7, minutes=5)
    await arena.buy("cid", 15, at=MONDAY + timedelta(days=6))  # what arrives late still counts
    await arena.settled()
    page = await arena.page("weekly", "cid", period=WEEK)
    assert [(row["rank"], row["name"]) for row in page["nodes"]] == [
        (1, "handle_ann"),
        (2, "handle_cid"),
        (3, "handle_bob"),
    ]
    assert (page["state"], page["me"]["rank"]) == ("CLOSING", 2)
    assert (await arena.page("weekly"))["nodes"] == []
    arena.api.clock.now = MONDAY + timedelta(days=7, minutes=16)
    await arena.api.laurel.closer.close_due()
    final = await arena.page("weekly", "cid", period=WEEK)
    assert final["state"] == "FINAL"
    assert [row["rank"] for row in final["nodes"]] == [1, 2, 3]
    assert final["me"] == {
        "state": "FINAL", "rank": 2, "score": 25.0, "total": 3, "percentile": 66, "missing": 6.0, "listed": True,
    }  # fmt: skip
    assert await arena.rank("weekly", "cid", period=WEEK) == final["me"]
    assert await arena.around("weekly", "cid", period=WEEK, eachSide=1) == [
        (1, "handle_ann"), (2, "handle_cid"), (3, "handle_bob"),
    ]  # fmt: skip
    await arena.befriend("ann", "bob")
    assert await arena.names("weekly", "ann", period=WEEK, friends=True) == [(1, "handle_ann"), (2, "handle_bob")]
    cursor = (await arena.page("weekly", period=WEEK, first=1))["pageInfo"]["endCursor"]
    assert await arena.names("weekly", period=WEEK, after=cursor) == [(2, "handle_cid"), (3, "handle_bob")]
    for asked in ({"period": WEEK, "after": live}, {"after": live}, {"after": cursor}):
        assert await arena.api.codes(PAGE, ANONYMOUS, board="weekly", **asked) == ["INVALID_CURSOR"]
    await arena.appear("ann", "hidden")
    assert await arena.names("weekly", period=WEEK) == [(2, "handle_cid"), (3, "handle_bob")]


async def test_a_period_that_nobody_closed_is_forgotten(arena: Arena) -> None:
    page = await arena.page("weekly", period="2091-W10")
    assert (page["state"], page["nodes"], page["total"]) == ("NONE", [], 0)


async def test_all_time_has_no_beginning_and_no_end(arena: Arena) -> None:
    boards = (await arena.api.data("{ boards { code period { code startsAt endsAt } } }"))["boards"]
    running = {board["code"]: board["period"] for board in boards}
    assert running["ever"] == {"code": "all", "startsAt": None, "endsAt": None}
    assert running["weekly"]["startsAt"] == "2091-05-14T00:00:00.000Z"
    shown = await arena.api.data('{ leaderboard(board: "ever") { period { code startsAt endsAt } } }')
    assert shown == {"leaderboard": {"period": running["ever"]}}


async def test_the_closed_periods_of_a_board(arena: Arena) -> None:
    query = """query Q($first: Int, $after: String) {
      boards {
        code
        periods(first: $first, after: $after) { nodes { code startsAt endsAt } pageInfo { hasNextPage endCursor } }
      }
    }"""
    await arena.enrol("ann")
    for week in range(3):
        arena.api.clock.now = MONDAY + timedelta(days=7 * week, hours=12)
        await arena.buy("ann", 10)
        arena.api.clock.now = MONDAY + timedelta(days=7 * week + 7, minutes=16)
        await arena.api.laurel.closer.close_due()

    async def periods(first: int, after: str | None = None) -> tuple[list[str], bool, str | None]:
        boards = (await arena.api.data(query, first=first, after=after))["boards"]
        found = next(board["periods"] for board in boards if board["code"] == "weekly")
        info = found["pageInfo"]
        return [node["code"] for node in found["nodes"]], info["hasNextPage"], info["endCursor"]

    codes, more, _ = await periods(100)
    assert codes[:3] == ["2091-W22", "2091-W21", "2091-W20"]
    assert more is False
    codes, more, after = await periods(2)
    assert (codes, more) == (["2091-W22", "2091-W21"], True)
    boards = "query Q($after: String!) { boards { code periods(after: $after) { nodes { code } } } }"
    assert set(await arena.api.codes(boards, after=after)) == {"INVALID_CURSOR"}, "it is of one board"
    assert set(await arena.api.codes(boards, after="MTp4")) == {"INVALID_CURSOR"}
