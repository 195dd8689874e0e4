"""Statements: the whole ledger, newest entry first, page by page and without a gap."""

from datetime import timedelta
from typing import Any

import pytest

from gamification.activity import Activity
from gamification.effects import Entry
from gamification.member import Member
from schema import statement
from schema.connections import encode_cursor
from schema.ids import to_global_id
from tests.schema.api import NOW, STAFF, Api, Json, global_id, purchase, themself
from tests.schema.documents import STATEMENT

PURCHASES = 260


async def shopper(api: Api, name: str = "Ada") -> Member:
    """A member with hundreds of entries, some records having several and every tenth none."""
    bought = [
        purchase(f"p{number}", NOW - timedelta(days=PURCHASES - number), 0 if number % 10 == 0 else 100 * number)
        for number in range(PURCHASES)
    ]
    return await api.record(await api.enrol(name, joined_at=NOW - timedelta(days=PURCHASES)), *bought)


async def ledger(api: Api, member: Member) -> list[str]:
    """The ids of all entries of a member, newest first."""
    records = await api.laurel.journal.page(member.member_id, None, 1000)
    return [
        to_global_id("LedgerEntry", f"{member.member_id}:{record.seq}:{place}")
        for record in records
        for place, effect in reversed(list(enumerate(record.outcome.effects)))
        if isinstance(effect, Entry)
    ]


async def page(api: Api, member: Member, first: int | None = None, after: str | None = None) -> Json:
    answer = await api.data(STATEMENT, themself(member), first=first, after=after)
    shown: Json = answer["statement"]
    assert [edge["node"]["id"] for edge in shown["edges"]] == [node["id"] for node in shown["nodes"]]
    cursors = [edge["cursor"] for edge in shown["edges"]]
    info = shown["pageInfo"]
    assert (info["startCursor"], info["endCursor"]) == ((cursors[0], cursors[-1]) if cursors else (None, after))
    assert info["hasPreviousPage"] == (after is not None)
    return shown


def ids(shown: Json) -> list[str]:
    return [node["id"] for node in shown["nodes"]]


@pytest.mark.parametrize("first", [7, 20, 100])
async def test_the_pages_are_the_ledger_without_gap_or_repeat(api: Api, first: int) -> None:
    ada = await shopper(api)
    await shopper(api, "Bo")
    whole = await ledger(api, ada)
    assert len(whole) == 234 + 3, "two purchases of three and three challenges earn something"
    seen: list[str] = []
    after: str | None = None
    while True:
        shown = await page(api, ada, first, after)
        seen += ids(shown)
        assert shown["pageInfo"]["hasNextPage"] == (len(seen) < len(whole))
        if not shown["pageInfo"]["hasNextPage"]:
            break
        assert len(shown["nodes"]) == first
        after = shown["pageInfo"]["endCursor"]
    assert seen == whole


async def test_any_entry_s_cursor_leads_on_from_it(api: Api) -> None:
    ada = await shopper(api)
    whole = await ledger(api, ada)
    for place, edge in enumerate((await page(api, ada, 100))["edges"]):
        if place % 9 == 0:
            assert ids(await page(api, ada, 2, edge["cursor"])) == whole[place + 1 : place + 3]


async def test_entries_added_between_pages_do_not_shift_them(api: Api) -> None:
    ada = await shopper(api)
    whole = await ledger(api, ada)
    first = await page(api, ada, 10)
    await api.record(ada, purchase("later", NOW, 10_000))
    second = await page(api, ada, 10, first["pageInfo"]["endCursor"])
    assert ids(first) + ids(second) == whole[:20]
    assert ids(await page(api, ada, 11))[1:] == whole[:10]


async def test_how_many(api: Api) -> None:
    ada = await shopper(api)
    whole = await ledger(api, ada)
    assert ids(await page(api, ada)) == whole[:20]
    assert ids(await page(api, ada, 1)) == whole[:1]
    assert ids(await page(api, ada, 100)) == whole[:100]
    nothing = await page(api, ada, 0)
    assert (nothing["nodes"], nothing["pageInfo"]["hasNextPage"]) == ([], True)


async def test_an_empty_page_ends_where_it_began(api: Api) -> None:
    ada = await shopper(api)
    whole = await ledger(api, ada)
    tenth = (await page(api, ada, 10))["pageInfo"]["endCursor"]
    nothing = await page(api, ada, 0, tenth)
    expected = {"hasNextPage": True, "hasPreviousPage": True, "startCursor": None, "endCursor": tenth}
    assert (nothing["nodes"], nothing["pageInfo"]) == ([], expected)
    assert ids(await page(api, ada, 2, nothing["pageInfo"]["endCursor"])) == whole[10:12]
    last = encode_cursor(f"statement:{ada.member_id}", "1.0")
    over = await page(api, ada, 5, last)
    expected = {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": last}
    assert (over["nodes"], over["pageInfo"]) == ([], expected)


@pytest.mark.parametrize("first", [-1, 101, 2_000_000_000])
async def test_too_many_or_fewer_than_none(api: Api, first: int) -> None:
    ada = await api.enrol("Ada")
    (error,) = await api.errors(STATEMENT, themself(ada), first=first)
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"] == f"first is {first}; from 0 to 100 are possible."


async def test_cursors_that_lead_nowhere(api: Api) -> None:
    ada, bo = await shopper(api), await shopper(api, "Bo")
    own = (await page(api, ada, 1))["pageInfo"]["endCursor"]
    listed = f"statement:{ada.member_id}"
    bad = [
        (await page(api, bo, 1))["pageInfo"]["endCursor"],
        (await api.data("{ me { badges { pageInfo { endCursor } } } }", themself(ada)))["me"]["badges"]["pageInfo"][
            "endCursor"
        ],
        own[:-4],
        own[1:],
        own + "A",
        own * 9,
        "",
        "garbage",
        "%%%",
        "é",
        "A" * 401,
        ada.member_id,
        encode_cursor(listed, "1"),
        encode_cursor(listed, "1.x"),
        encode_cursor(listed, "1.-1"),
        encode_cursor(listed, "1.0.0"),
        encode_cursor(listed, "01.0"),
        encode_cursor(listed, "٣.0"),
        encode_cursor(listed, f"{2**63}.0"),
        encode_cursor(listed, f"{'9' * 200}.0"),
        encode_cursor(listed, f"1.{'9' * 200}"),
    ]
    for after in bad:
        (error,) = await api.errors(STATEMENT, themself(ada), after=after)
        assert error["extensions"] == {"code": "INVALID_CURSOR"}, after
        assert error["message"] == "The cursor does not belong to this list, or its place is gone; begin anew."


async def test_a_long_time_without_entries_can_be_paged_over(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement, "RECORDS_PER_READ", 3)
    monkeypatch.setattr(statement, "MAX_READS", 2)
    ada = await api.enrol("Ada")
    visits = [Activity(f"v{number}", "visit", NOW) for number in range(20)]
    await api.record(ada, purchase("p1", NOW, 500), *visits)
    seen: list[str] = []
    after: str | None = None
    for _ in range(10):
        answer = await api.data(STATEMENT, themself(ada), first=5, after=after)
        seen += ids(answer["statement"])
        info = answer["statement"]["pageInfo"]
        if not info["hasNextPage"]:
            break
        assert info["endCursor"] is not None, "there is more, and no way to get there"
        after = info["endCursor"]
    assert seen == await ledger(api, ada)
    assert len(seen) == 1


async def test_whose_statement(api: Api) -> None:
    ada = await shopper(api)
    own = ids(await page(api, ada, 3))
    me = "{ me { statement(first: 3) { nodes { id } } } }"
    assert ids((await api.data(me, themself(ada)))["me"]["statement"]) == own
    for caller in (STAFF, themself(ada)):
        assert ids((await api.data(STATEMENT, caller, id=global_id(ada), first=3))["statement"]) == own
    nobody: Any = await api.data(STATEMENT, STAFF, id=to_global_id("Member", "nobody"))
    assert nobody == {"statement": None}
    (error,) = await api.errors(STATEMENT, STAFF)
    assert (error["message"], error["extensions"]) == (
        "memberId is needed: whose statement is asked for?",
        {"code": "BAD_USER_INPUT"},
    )
