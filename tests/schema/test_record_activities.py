"""recordActivities: a result for each activity in its order, whatever becomes of the others."""

from schema.ids import to_global_id
from tests.schema.api import STAFF, Api, Json, global_id
from tests.schema.documents import RECORD_ACTIVITIES


def bought(key: str, amount: object = "10", **more: object) -> Json:
    return {"key": key, "amount": amount, **more}


def in_short(results: list[Json]) -> list[tuple[str, object]]:
    """Each result as its type and what tells it from others."""
    return [(one["__typename"], one["record"]["key"] if "record" in one else one["message"]) for one in results]


async def test_mixed_results_keep_their_order(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    old = bought("old", memberId=global_id(bo))
    await api.result(RECORD_ACTIVITIES, input={"activities": [old]})
    given = [
        bought("a1", memberId=global_id(ada)),
        bought("", memberId=global_id(ada)),
        bought("x", memberId=to_global_id("Member", "nobody")),
        bought("b1", loyaltyNumber=bo.loyalty_number),
        bought("b2"),
        old | {"amount": "11"},
        old,
        bought("a2", "20", loyaltyNumber=ada.loyalty_number),
        bought("b3", "NaN", memberId=global_id(bo)),
    ]
    answer = await api.result(RECORD_ACTIVITIES, input={"activities": given})
    assert in_short(answer["results"]) == [
        ("RecordActivitySuccess", "a1"),
        ("InvalidInput", "key must not be empty"),
        ("MemberNotFound", "There is no such member."),
        ("RecordActivitySuccess", "b1"),
        ("InvalidInput", "memberId or loyaltyNumber is needed, one of the two"),
        ("IdempotencyConflict", "The key old was used before with other input; something new needs a new key."),
        ("RecordActivitySuccess", "old"),
        ("RecordActivitySuccess", "a2"),
        ("InvalidInput", "amount must be a number"),
    ]
    recorded = [one for one in answer["results"] if "record" in one]
    assert [(one["replayed"], one["record"]["seq"]) for one in recorded] == [
        (False, 2), (False, 3), (True, 2), (False, 3),
    ]  # fmt: skip
    assert (await api.stored(ada)).state.balance.available == 30
    assert (await api.stored(bo)).state.balance.available == 20


async def test_each_result_shows_the_member_as_of_then(api: Api) -> None:
    ada = await api.enrol("Ada")
    given = [bought(f"k{number}", memberId=global_id(ada)) for number in range(4)]
    answer = await api.result(RECORD_ACTIVITIES, input={"activities": given})
    balances = [one["member"]["points"]["available"] for one in answer["results"]]
    assert balances == [10, 20, 30 + 25, 40 + 25], "with 25 points for the third purchase within 60 days"


async def test_a_key_that_comes_twice_in_one_call(api: Api) -> None:
    ada = await api.enrol("Ada")
    first = bought("k1", memberId=global_id(ada))
    answer = await api.result(RECORD_ACTIVITIES, input={"activities": [first, first, first | {"amount": "11"}]})
    assert [one["__typename"] for one in answer["results"]] == [
        "RecordActivitySuccess",
        "RecordActivitySuccess",
        "IdempotencyConflict",
    ]
    assert [one["replayed"] for one in answer["results"][:2]] == [False, True]
    assert answer["results"][1]["record"] == answer["results"][0]["record"]
    assert (await api.stored(ada)).state.totals.purchases == 1


async def test_the_call_again_changes_nothing(api: Api) -> None:
    ada, bo = await api.enrol("Ada"), await api.enrol("Bo")
    given = [bought(f"k{number}", memberId=global_id(member)) for number in range(3) for member in (ada, bo)]
    first = await api.result(RECORD_ACTIVITIES, input={"activities": given})
    before = await api.contents()
    again = await api.result(RECORD_ACTIVITIES, input={"activities": given})
    assert await api.contents() == before
    assert [one["record"] for one in again["results"]] == [one["record"] for one in first["results"]]
    assert all(one["replayed"] for one in again["results"])


async def test_more_members_than_one_commit_takes(api: Api) -> None:
    members = [await api.enrol(f"m{number}") for number in range(70)]
    given = [bought("k", str(number), memberId=global_id(member)) for number, member in enumerate(members)]
    answer = await api.result(RECORD_ACTIVITIES, input={"activities": given})
    assert [one["member"]["id"] for one in answer["results"]] == [global_id(member) for member in members]
    assert [one["record"]["points"] for one in answer["results"]] == list(range(70))


async def test_five_hundred_and_no_more(api: Api) -> None:
    ada = await api.enrol("Ada")
    given = [bought(f"k{number}", memberId=global_id(ada)) for number in range(501)]
    assert await api.nothing_written(RECORD_ACTIVITIES, input={"activities": given}) == {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "message": "activities has 501 entries; at most 500 are allowed",
        "problems": [{"path": "activities", "message": "has 501 entries; at most 500 are allowed"}],
    }
    answer = await api.result(RECORD_ACTIVITIES, input={"activities": given[:500]})
    assert [one["record"]["seq"] for one in answer["results"]] == list(range(2, 502))


async def test_none_at_all(api: Api) -> None:
    assert await api.nothing_written(RECORD_ACTIVITIES, input={"activities": []}) == {
        "__typename": "RecordActivitiesSuccess",
        "results": [],
    }


async def test_a_call_whose_shape_is_wrong_records_nothing(api: Api) -> None:
    ada = await api.enrol("Ada")
    given = [bought("k1", memberId=global_id(ada)), bought("k2", {"$gt": 0}, memberId=global_id(ada))]
    assert await api.codes(RECORD_ACTIVITIES, STAFF, input={"activities": given}) == ["BAD_USER_INPUT"]
