"""The feed of all notices, for services that have the scope: in one order, without a gap, from a cursor on."""

from typing import Any

from app.stores.notices import COLLECTION
from schema.principals import Scope
from tests.schema.api import Api, Caller, global_id
from tests.schema.test_inbox import message, notice_id, tell

FEED = """
query Q($first: Int, $after: String, $position: BigInt, $language: String) {
  noticeFeed(first: $first, after: $after, afterPosition: $position, language: $language) {
    nodes { id title member { id } }
    edges { cursor node { id } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def feed(api: Api, caller: Caller, **variables: Any) -> Any:
    return (await api.data(FEED, caller, **variables))["noticeFeed"]


async def test_all_are_told_in_their_order_each_in_the_members_language(coffee: Api) -> None:
    worker = await coffee.service(Scope.NOTICES_READ)
    ada, bo = await coffee.enrol("Ada", language="da"), await coffee.enrol("Bo")
    await tell(coffee, *(message(who, str(number)) for number in range(3) for who in (ada, bo)))

    told: list[str] = []
    after = None
    while True:
        page = await feed(coffee, worker, first=4, after=after)
        told += [node["id"] for node in page["nodes"]]
        assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert told == [notice_id(who, str(number)) for number in range(3) for who in (ada, bo)]
    assert (await feed(coffee, worker, after=after))["pageInfo"] == {"hasNextPage": False, "endCursor": after}
    await tell(coffee, message(ada, "new"))
    [new] = (await feed(coffee, worker, after=after))["nodes"]
    assert new == {"id": notice_id(ada, "new"), "title": "Titel new", "member": {"id": global_id(ada)}}
    [in_english] = (await feed(coffee, worker, after=after, language="en"))["nodes"]
    assert in_english["title"] == "Title new"


async def test_none_without_a_cursor_leads_to_the_end(coffee: Api) -> None:
    worker = await coffee.service(Scope.NOTICES_READ)
    ada = await coffee.enrol("Ada")
    empty = (await feed(coffee, worker, first=0))["pageInfo"]["endCursor"]
    await tell(coffee, message(ada, "one"))
    end = await feed(coffee, worker, first=0)
    assert (end["nodes"], end["pageInfo"]["hasNextPage"]) == ([], False)
    await tell(coffee, message(ada, "two"))
    assert [node["title"] for node in (await feed(coffee, worker, after=empty))["nodes"]] == ["Title one", "Title two"]
    after = end["pageInfo"]["endCursor"]
    assert [node["title"] for node in (await feed(coffee, worker, after=after))["nodes"]] == ["Title two"]
    # None from a place on: it stays there, and knows that there is more.
    assert (await feed(coffee, worker, first=0, after=after))["pageInfo"] == {"hasNextPage": True, "endCursor": after}


async def test_a_worker_on_a_stream_goes_on_behind_a_position(coffee: Api) -> None:
    worker = await coffee.service(Scope.NOTICES_READ)
    ada = await coffee.enrol("Ada")
    await tell(coffee, *(message(ada, name) for name in ("one", "two", "three")))

    page = await feed(coffee, worker, first=1, position=1)
    assert [node["title"] for node in page["nodes"]] == ["Title two"]
    rest = await feed(coffee, worker, after=page["pageInfo"]["endCursor"])
    assert [node["title"] for node in rest["nodes"]] == ["Title three"]
    none = await feed(coffee, worker, first=0, position=1)
    assert (none["nodes"], none["pageInfo"]["hasNextPage"]) == ([], True)
    again = await feed(coffee, worker, after=none["pageInfo"]["endCursor"])
    assert [node["title"] for node in again["nodes"]] == ["Title two", "Title three"]
    assert (await feed(coffee, worker, position=3))["nodes"] == []
    assert await coffee.codes(FEED, worker, position=4) == ["INVALID_CURSOR"]
    both = {"after": page["pageInfo"]["endCursor"], "position": 1}
    assert await coffee.codes(FEED, worker, **both) == ["BAD_USER_INPUT"]


async def test_a_cursor_from_a_future_that_was_taken_back_is_stale(coffee: Api) -> None:
    worker = await coffee.service(Scope.NOTICES_READ)
    ada = await coffee.enrol("Ada")
    await tell(coffee, message(ada, "one"), message(ada, "two"))
    after = (await feed(coffee, worker))["pageInfo"]["endCursor"]
    await coffee.database["counters"].update_one({"_id": COLLECTION}, {"$set": {"last": 1}})
    assert await coffee.codes(FEED, worker, after=after) == ["INVALID_CURSOR"]
    assert await coffee.codes(FEED, worker, after="forged") == ["INVALID_CURSOR"]


async def test_the_scope_leads_to_nothing_else_of_a_member(coffee: Api) -> None:
    worker = await coffee.service(Scope.NOTICES_READ)
    ada = await coffee.enrol("Ada")
    await tell(coffee, message(ada, "one"))
    [told] = (await feed(coffee, worker))["nodes"]
    query = "query Q($id: ID!) { node(id: $id) { id } }"
    assert await coffee.codes(query, worker, id=told["member"]["id"]) == ["FORBIDDEN"]
    assert await coffee.codes(FEED, await coffee.service(Scope.MEMBERS_READ)) == ["FORBIDDEN"]
