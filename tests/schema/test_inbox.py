"""A member's inbox: their own notices, in their language, read by them alone."""

from datetime import timedelta

import pytest

from gamification.delivery.preferences import Changes, Choice
from gamification.member import Member
from gamification.merging import Merged
from gamification.notices.notice import Notice
from gamification.notices.posted import Mailbox, Posted
from gamification.requests import MergeRequest
from schema.ids import to_global_id
from schema.principals import Scope
from tests.schema.api import NOW, STAFF, Api, Json, global_id, purchase, themself

INBOX = """
query Q($first: Int, $after: String, $language: String) {
  me(language: $language) {
    inbox(first: $first, after: $after) {
      unreadCount
      nodes { id kind subject at expiresAt readAt title body link member { id } values { name value } }
      pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }
}
"""
NODE = "query Q($id: ID!) { node(id: $id) { id ... on Notice { title } } }"
MARK_READ = """
mutation M($input: MarkReadInput!) { markRead(input: $input) {
  __typename
  ... on MarkReadSuccess { notices { id readAt } unreadCount }
  ... on InvalidInput { problems { path message } }
} }
"""
MARK_ALL_READ = """
mutation M($input: MarkAllReadInput!) { markAllRead(input: $input) {
  __typename
  ... on MarkAllReadSuccess { markedCount unreadCount }
  ... on InvalidInput { problems { path message } }
} }
"""
NOT_YOURS = "is the id of no notice of yours"


def message(member: Member, name: str, **changes: object) -> Notice:
    """A message of staff in two languages."""
    values = {"title:en": f"Title {name}", "body:en": "Hello", "title:da": f"Titel {name}", "body:da": "Hej"}
    plain: dict[str, object] = {"kind": "message", "subject": "", "at": NOW, "program_version": 1, "values": values}
    return Notice(notice_id=f"{member.member_id}:{name}", member_id=member.member_id, **{**plain, **changes})  # type: ignore[arg-type]


async def tell(api: Api, *notices: Notice) -> None:
    """Put notices in the feed, in this order."""
    for notice in notices:
        await api.laurel.feed.notices.add([notice])
        await api.laurel.feed.relay.place_once()


def notice_id(member: Member, name: str) -> str:
    return to_global_id("Notice", f"{member.member_id}:{name}")


async def unread(api: Api, member: Member) -> list[Posted]:
    found = await api.laurel.feed.notices.inbox(Mailbox((member.member_id,)), None, 100)
    return [posted for posted in found if posted.read_at is None]


async def inbox(api: Api, member: Member, **variables: object) -> Json:
    answer: Json = (await api.data(INBOX, themself(member), **variables))["me"]["inbox"]
    return answer


async def test_what_a_purchase_tells_is_in_the_members_language(coffee: Api) -> None:
    ada = await coffee.enrol("Ada", language="da")
    await coffee.record(ada, purchase("p1", NOW, 25_000))
    assert (await inbox(coffee, ada))["nodes"] == [], "they have no place yet"
    while await coffee.laurel.feed.relay.place_once():
        pass

    page = await inbox(coffee, ada)

    earned = next(node for node in page["nodes"] if node["kind"] == "POINTS_EARNED")
    assert earned["title"].endswith("bønner optjent")
    assert earned["member"] == {"id": global_id(ada)}
    assert earned["link"] == "coffeebar://beans"
    assert (earned["readAt"], earned["at"]) == (None, "2026-05-01T12:00:00.000Z")
    assert page["unreadCount"] == len(page["nodes"])
    in_english = await inbox(coffee, ada, language="en")
    assert any(node["title"].endswith("beans earned") for node in in_english["nodes"])


async def test_pages_go_back_from_the_newest(coffee: Api) -> None:
    ada, bo = await coffee.enrol("Ada"), await coffee.enrol("Bo")
    await tell(coffee, *(message(who, str(number)) for number in range(5) for who in (ada, bo)))
    await tell(coffee, message(ada, "last", expires_at=NOW + timedelta(days=1), values={"title:en": "Bye"}))

    page = await inbox(coffee, ada, first=4)

    assert [node["title"] for node in page["nodes"]] == ["Bye", "Title 4", "Title 3", "Title 2"]
    assert page["nodes"][0] == {
        "id": notice_id(ada, "last"),
        "kind": "MESSAGE",
        "subject": "",
        "at": "2026-05-01T12:00:00.000Z",
        "expiresAt": "2026-05-02T12:00:00.000Z",
        "readAt": None,
        "title": "Bye",
        "body": "",
        "link": None,
        "member": {"id": global_id(ada)},
        "values": [{"name": "title:en", "value": "Bye"}],
    }
    assert page["unreadCount"] == 6
    assert page["pageInfo"]["hasNextPage"]
    rest = await inbox(coffee, ada, first=4, after=page["pageInfo"]["endCursor"])
    assert [node["title"] for node in rest["nodes"]] == ["Title 1", "Title 0"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert await coffee.codes(INBOX, themself(bo), after=page["pageInfo"]["endCursor"]) == ["INVALID_CURSOR"]
    assert await coffee.codes(INBOX, themself(ada), after="forged") == ["INVALID_CURSOR"]


async def test_nobody_else_sees_an_inbox(coffee: Api) -> None:
    ada, bo = await coffee.enrol("Ada"), await coffee.enrol("Bo")
    await tell(coffee, message(ada, "one"))
    query = "query Q($id: ID!) { node(id: $id) { ... on Member { inbox { nodes { id } } } } }"
    for caller in (STAFF, await coffee.service(*Scope)):
        assert await coffee.codes(query, caller, id=global_id(ada)) == ["FORBIDDEN"]
    one = notice_id(ada, "one")
    assert await coffee.data(NODE, themself(ada), id=one) == {"node": {"id": one, "title": "Title one"}}
    assert await coffee.data(NODE, themself(bo), id=one) == {"node": None}
    assert await coffee.data(NODE, themself(ada), id=notice_id(ada, "two")) == {"node": None}


async def test_reading_marks_and_counts(coffee: Api) -> None:
    ada = await coffee.enrol("Ada")
    await tell(coffee, *(message(ada, name) for name in ("one", "two", "three")))
    ids = [notice_id(ada, name) for name in ("two", "one", "two")]

    done = await coffee.result(MARK_READ, themself(ada), input={"ids": ids})

    at = "2026-05-01T12:00:00.000Z"
    assert done == {
        "__typename": "MarkReadSuccess",
        "notices": [{"id": each, "readAt": at} for each in ids[:2]],
        "unreadCount": 1,
    }
    coffee.clock.now += timedelta(hours=1)
    assert await coffee.nothing_written(MARK_READ, themself(ada), input={"ids": ids}) == done


async def test_ids_of_others_and_of_nothing_mark_nothing(coffee: Api) -> None:
    ada, bo = await coffee.enrol("Ada"), await coffee.enrol("Bo")
    await tell(coffee, message(ada, "one"), message(bo, "one"))
    ids = [notice_id(ada, "one"), notice_id(bo, "one"), notice_id(ada, "none"), "forged"]
    refused = await coffee.nothing_written(MARK_READ, themself(ada), input={"ids": ids})
    problems = [{"path": f"ids.{place}", "message": NOT_YOURS} for place in (1, 2, 3)]
    assert refused == {"__typename": "InvalidInput", "problems": problems}
    for wrong in ([], [notice_id(ada, "one")] * 101):
        refused = await coffee.nothing_written(MARK_READ, themself(ada), input={"ids": wrong})
        assert refused["problems"] == [{"path": "ids", "message": "must be from 1 to 100"}]
    refused = await coffee.nothing_written(MARK_ALL_READ, themself(ada), input={"upTo": notice_id(bo, "one")})
    assert refused["problems"] == [{"path": "upTo", "message": NOT_YOURS}]


@pytest.mark.parametrize(("up_to", "marked", "left"), [("two", 2, ["three"]), (None, 3, [])])
async def test_all_is_read_up_to_one(coffee: Api, up_to: str | None, marked: int, left: list[str]) -> None:
    ada, bo = await coffee.enrol("Ada"), await coffee.enrol("Bo")
    await tell(coffee, *(message(who, name) for name in ("one", "two", "three") for who in (ada, bo)))
    given = {} if up_to is None else {"upTo": notice_id(ada, up_to)}

    done = await coffee.result(MARK_ALL_READ, themself(ada), input=given)

    assert done == {"__typename": "MarkAllReadSuccess", "markedCount": marked, "unreadCount": len(left)}
    assert [each.notice.notice_id for each in await unread(coffee, ada)] == [f"{ada.member_id}:{name}" for name in left]
    assert len(await unread(coffee, bo)) == 3


async def test_what_is_not_wanted_in_the_inbox_is_not_there_until_it_is(coffee: Api) -> None:
    ada = await coffee.enrol("Ada")
    await tell(coffee, message(ada, "one"), message(ada, "two", kind="birthday", values={"years": 30}))
    await tell(coffee, message(ada, "three", kind="campaign_started", subject="x", values={"ends": ""}))

    async def seen() -> tuple[list[str], int]:
        page = await inbox(coffee, ada)
        return [node["kind"] for node in page["nodes"]], page["unreadCount"]

    assert await seen() == (["BIRTHDAY", "MESSAGE"], 2), "the program keeps campaigns out of inboxes"
    await coffee.laurel.game.telling.preferences.change(
        ada.member_id, Changes((Choice("inbox", "birthday", False), Choice("inbox", "campaign_started", True)))
    )
    assert await seen() == (["CAMPAIGN_STARTED", "MESSAGE"], 2)
    done = await coffee.result(MARK_ALL_READ, themself(ada), input={})
    assert done == {"__typename": "MarkAllReadSuccess", "markedCount": 2, "unreadCount": 0}
    await coffee.laurel.game.telling.preferences.change(
        ada.member_id, Changes((Choice("inbox", "birthday", True), Choice("inbox", None, False)))
    )
    assert await seen() == ([], 0)
    await coffee.laurel.game.telling.preferences.change(ada.member_id, Changes((Choice("inbox", None, True),)))
    assert await seen() == (["CAMPAIGN_STARTED", "BIRTHDAY", "MESSAGE"], 1)


async def test_accounts_that_go_on_as_one_have_one_inbox(coffee: Api) -> None:
    ada, bo = await coffee.enrol("Ada"), await coffee.enrol("Bo")
    await tell(coffee, *(message(who, f"{number}") for number in range(2) for who in (ada, bo)))
    merged = await coffee.laurel.game.merger.change(MergeRequest(ada.member_id, bo.member_id, by="staff-1"))
    assert isinstance(merged, Merged), merged

    page = await inbox(coffee, bo, first=3)
    assert [node["id"] for node in page["nodes"]] == [
        notice_id(bo, "1"),
        notice_id(ada, "1"),
        notice_id(bo, "0"),
    ]
    assert page["unreadCount"] == 4
    rest = await inbox(coffee, ada, after=page["pageInfo"]["endCursor"])
    assert [node["id"] for node in rest["nodes"]] == [notice_id(ada, "0")]
    done = await coffee.result(MARK_READ, themself(bo), input={"ids": [notice_id(ada, "0"), notice_id(bo, "0")]})
    assert (done["__typename"], done["unreadCount"]) == ("MarkReadSuccess", 2)
    done = await coffee.result(MARK_ALL_READ, themself(bo), input={"upTo": notice_id(ada, "1")})
    assert (done["markedCount"], done["unreadCount"]) == (1, 1)

    undone = await coffee.laurel.game.merger.change(MergeRequest(ada.member_id, bo.member_id, by="x", undoes=True))
    assert isinstance(undone, Merged), undone
    assert [node["id"] for node in (await inbox(coffee, bo))["nodes"]] == [notice_id(bo, "1"), notice_id(bo, "0")]
    page = await inbox(coffee, ada)
    assert [(node["id"], node["readAt"] is None) for node in page["nodes"]] == [
        (notice_id(ada, "1"), False),
        (notice_id(ada, "0"), False),
    ]
