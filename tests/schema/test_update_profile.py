"""updateProfile: what is told changes, what is left out stays, whatever else goes on at the same time."""

import asyncio
from datetime import timedelta

import pytest

from gamification.member import Member
from schema.ids import to_global_id
from schema.principals import Scope
from tests.schema.api import NOW, STAFF, Api, Json, global_id, purchase, themself
from tests.schema.documents import UPDATE_PROFILE

AVATAR = "https://images.example/ada.png"
SHOWN: Json = {
    "displayName": "Ada",
    "handle": "ada",
    "alias": None,
    "avatarUrl": AVATAR,
    "language": "da",
    "timeZone": "Europe/Copenhagen",
    "birthday": None,
    "showcase": [],
    "visibility": {"profile": False, "avatar": True, "tier": True, "badges": True, "board": "SHOWN"},
}


async def enrolled(api: Api) -> Member:
    """A member who has told everything."""
    return await api.enrol("Ada", handle="ada", avatar_url=AVATAR, language="da", time_zone="Europe/Copenhagen")


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({}, {}),
        ({"displayName": "Ada King"}, {"displayName": "Ada King"}),
        ({"handle": "ada_king"}, {"handle": "ada_king"}),
        ({"handle": "ada"}, {}),
        ({"handle": None}, {"handle": None}),
        ({"avatarUrl": None}, {"avatarUrl": None}),
        ({"language": None, "timeZone": None}, {"language": None, "timeZone": None}),
        ({"language": "en", "timeZone": "UTC"}, {"language": "en", "timeZone": "UTC"}),
        ({"birthday": "1990-05-17"}, {"birthday": "1990-05-17"}),
        ({"birthday": None}, {}),
        ({"visibility": {}}, {}),
        (
            {"visibility": {"profile": True, "tier": False}},
            {"visibility": {"profile": True, "avatar": True, "tier": False, "badges": True, "board": "SHOWN"}},
        ),
    ],
)
async def test_what_is_told_changes_and_nothing_else(api: Api, given: Json, changed: Json) -> None:
    ada = await enrolled(api)
    expected = {"id": global_id(ada), **SHOWN, **changed}
    result = await api.result(UPDATE_PROFILE, themself(ada), input=given)
    assert result == {"__typename": "ProfileSuccess", "member": expected}
    assert await api.result(UPDATE_PROFILE, themself(ada), input={}) == result, "and so it is stored"


async def test_the_state_of_the_game_stays(api: Api) -> None:
    ada = await api.record(await api.enrol("Ada"), purchase("p1", NOW, 2933))
    await api.result(UPDATE_PROFILE, themself(ada), input={"displayName": "Ada King"})
    stored = await api.stored(ada)
    assert (stored.state, stored.profile.display_name) == (ada.state, "Ada King")


async def particulars(api: Api, member: Member) -> tuple[str, str, list[str | None]]:
    """What the game knows of the profile, and the kinds of the member's records."""
    state = (await api.stored(member)).state
    journal = sorted((await api.contents())["journal"], key=lambda record: record["seq"])
    return state.time_zone, state.birthday, [(record["activity"] or {}).get("kind") for record in journal]


async def test_the_game_learns_the_time_zone_and_the_birthday_at_once(api: Api) -> None:
    ada = await api.enrol("Ada")
    for given, known in (
        ({"birthday": "1990-05-17"}, ("", "1990-05-17")),
        ({"timeZone": "Asia/Tokyo"}, ("Asia/Tokyo", "1990-05-17")),
        ({"birthday": None, "timeZone": "UTC"}, ("UTC", "")),
    ):
        result = await api.result(UPDATE_PROFILE, themself(ada), input=given)
        assert {name: result["member"][name] for name in given} == given
        assert (await particulars(api, ada))[:2] == known
    told = ["enrolment", *["particulars"] * 3]
    assert await particulars(api, ada) == ("UTC", "", told)
    await api.result(UPDATE_PROFILE, themself(ada), input={"timeZone": "UTC", "birthday": None, "handle": "ada"})
    assert await particulars(api, ada) == ("UTC", "", told), "what is known is no news"


async def test_a_refused_birthday_is_not_learnt(api: Api) -> None:
    ada = await api.enrol("Ada", birthday="1990-05-17")
    refused = await api.nothing_written(UPDATE_PROFILE, themself(ada), input={"birthday": "1990-02-30"})
    assert refused["__typename"] == "InvalidInput"
    assert await particulars(api, ada) == ("", "1990-05-17", ["enrolment"])


async def test_a_handle_goes_to_whoever_takes_it_first(api: Api) -> None:
    ada, bo = await api.enrol("Ada", handle="ada"), await api.enrol("Bo", handle="bo_1")
    assert await api.nothing_written(UPDATE_PROFILE, themself(bo), input={"handle": "ada", "displayName": "B"}) == {
        "__typename": "AlreadyTaken",
        "code": "ALREADY_TAKEN",
        "message": "Another member has this handle.",
        "field": "handle",
    }
    await api.result(UPDATE_PROFILE, themself(ada), input={"handle": "ada_king"})
    freed = await api.result(UPDATE_PROFILE, themself(bo), input={"handle": "ada"})
    assert freed["member"]["handle"] == "ada"
    back = await api.nothing_written(UPDATE_PROFILE, themself(ada), input={"handle": "ada"})
    assert back["__typename"] == "AlreadyTaken"


async def test_of_many_who_want_one_handle_at_once_one_gets_it(api: Api) -> None:
    members = [await api.enrol(f"m{number}") for number in range(6)]
    results = await asyncio.gather(
        *(api.result(UPDATE_PROFILE, themself(one), input={"handle": "ada"}) for one in members)
    )
    assert sorted(one["__typename"] for one in results) == ["AlreadyTaken"] * 5 + ["ProfileSuccess"]
    handles = [document["profile"]["handle"] for document in (await api.contents())["members"]]
    assert sorted(handles, key=str) == [None] * 5 + ["ada"]


async def test_updates_of_different_fields_at_once_all_survive(api: Api) -> None:
    ada = await api.enrol("Ada")
    changes: list[Json] = [
        {"displayName": "Ada King"},
        {"handle": "ada"},
        {"avatarUrl": AVATAR},
        {"language": "da"},
        {"timeZone": "Europe/Copenhagen"},
        {"visibility": {"profile": True}},
        {"visibility": {"badges": False}},
    ]
    results = await asyncio.gather(*(api.result(UPDATE_PROFILE, themself(ada), input=one) for one in changes))
    assert {one["__typename"] for one in results} == {"ProfileSuccess"}
    assert (await api.result(UPDATE_PROFILE, themself(ada), input={}))["member"] == {
        "id": global_id(ada),
        **SHOWN,
        "displayName": "Ada King",
        "visibility": {"profile": True, "avatar": True, "tier": True, "badges": False, "board": "SHOWN"},
    }


async def test_an_update_while_purchases_come_in_survives_and_so_do_they(api: Api) -> None:
    ada = await api.enrol("Ada")
    bought = [purchase(f"p{number}", NOW - timedelta(days=number), 1000) for number in range(8)]
    named = [{"displayName": f"Ada {number}", "handle": f"ada_{number}"} for number in range(8)]
    await asyncio.gather(
        *(api.record(ada, one) for one in bought),
        *(api.result(UPDATE_PROFILE, themself(ada), input=one) for one in named),
    )
    await api.result(UPDATE_PROFILE, themself(ada), input={"displayName": "Ada King"})
    stored = await api.stored(ada)
    assert (stored.state.seq, stored.state.totals.purchases) == (9, 8)
    assert stored.profile.display_name == "Ada King"
    claimed = [
        document["_id"] for document in (await api.contents())["claims"] if document["_id"].startswith("handle:")
    ]
    assert claimed == [f"handle:{stored.profile.handle}"], "the handles in between are free again"


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"displayName": None}, [("displayName", "cannot be cleared")]),
        ({"displayName": " "}, [("displayName", "must not be empty")]),
        ({"displayName": "$gt"}, [("displayName", "must not hold a database operator such as $gt")]),
        ({"handle": "$gt"}, [("handle", "has 3 to 30 of a-z, 0-9 and _, and begins with a letter or digit")]),
        ({"avatarUrl": "$gt"}, [("avatarUrl", "must be an https address of at most 500 characters")]),
        ({"language": "$gt"}, [("language", "must be one of en, da")]),
        ({"timeZone": "$gt"}, [("timeZone", "must be an IANA time zone such as Europe/Copenhagen")]),
        ({"birthday": "$gt"}, [("birthday", "must be a day of the calendar such as 1990-05-17")]),
        ({"birthday": "2026-05-02"}, [("birthday", "lies in the future")]),
        ({"visibility": None}, [("visibility", "cannot be cleared")]),
        ({"visibility": {"profile": None}}, [("visibility.profile", "cannot be cleared")]),
        (
            {"displayName": None, "visibility": {"badges": None}},
            [("displayName", "cannot be cleared"), ("visibility.badges", "cannot be cleared")],
        ),
        (
            {"displayName": "", "language": "fr"},
            [("displayName", "must not be empty"), ("language", "must be one of en, da")],
        ),
    ],
)
async def test_an_update_that_breaks_a_rule(api: Api, given: Json, problems: list[tuple[str, str]]) -> None:
    ada = await enrolled(api)
    refused = await api.nothing_written(UPDATE_PROFILE, themself(ada), input={"handle": "ada_king", **given})
    assert refused["__typename"] == "InvalidInput"
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_a_language_that_the_program_has_dropped_does_not_hinder_other_changes(api: Api) -> None:
    ada = await api.enrol("Ada", language="da")
    await api.database["members"].update_one({"_id": ada.member_id}, {"$set": {"profile.language": "sv"}})
    result = await api.result(UPDATE_PROFILE, themself(ada), input={"handle": "ada"})
    assert (result["__typename"], result["member"]["language"]) == ("ProfileSuccess", "sv")


async def test_staff_and_services_change_whom_they_name(api: Api) -> None:
    ada = await api.enrol("Ada")
    given = {"memberId": global_id(ada), "displayName": "Ada King"}
    for caller in (STAFF, await api.service(Scope.MEMBERS_WRITE)):
        result = await api.result(UPDATE_PROFILE, caller, input=given)
        assert (result["member"]["id"], result["member"]["displayName"]) == (global_id(ada), "Ada King")
    nobody = {"memberId": to_global_id("Member", "nobody"), "displayName": "X"}
    assert (await api.nothing_written(UPDATE_PROFILE, STAFF, input=nobody))["__typename"] == "MemberNotFound"
    unnamed = await api.nothing_written(UPDATE_PROFILE, STAFF, input={"displayName": "X"})
    assert unnamed["problems"] == [{"path": "memberId", "message": "is needed: whose profile is it?"}]


async def test_a_member_who_is_gone(api: Api) -> None:
    ada = await api.enrol("Ada")
    await api.database["members"].delete_one({"_id": ada.member_id})
    refused = await api.nothing_written(UPDATE_PROFILE, themself(ada), input={"displayName": "X"})
    assert refused["__typename"] == "MemberNotFound"


async def board(api: Api, member: Member, given: Json) -> tuple[str | None, str]:
    """The alias and the way on boards after a change that goes through."""
    result = await api.result(UPDATE_PROFILE, themself(member), input=given)
    assert result["__typename"] == "ProfileSuccess", result
    return result["member"]["alias"], result["member"]["visibility"]["board"]


async def test_each_way_to_appear_on_boards_can_be_chosen_and_left(api: Api) -> None:
    ada = await enrolled(api)
    assert await board(api, ada, {"visibility": {"board": "HIDDEN"}}) == (None, "HIDDEN")
    assert await board(api, ada, {"alias": "Vinyl Fox"}) == ("Vinyl Fox", "HIDDEN")
    assert await board(api, ada, {"visibility": {"board": "ALIAS"}}) == ("Vinyl Fox", "ALIAS")
    assert await board(api, ada, {"alias": "Fox"}) == ("Fox", "ALIAS")
    assert await board(api, ada, {"alias": None, "visibility": {"board": "FRIENDS"}}) == (None, "FRIENDS")
    assert await board(api, ada, {"alias": "Owl", "visibility": {"board": "ALIAS"}}) == ("Owl", "ALIAS")
    stored = await api.stored(ada)
    assert (stored.visibility.board, stored.profile.alias, stored.profile_revision) == ("alias", "Owl", 6)


async def test_two_members_may_have_one_alias_and_that_of_a_handle(api: Api) -> None:
    ada, bo = await enrolled(api), await api.enrol("Bo")
    for member in (ada, bo):
        assert await board(api, member, {"alias": "ada", "visibility": {"board": "ALIAS"}}) == ("ada", "ALIAS")


@pytest.mark.parametrize("alias", ["ab", "a" * 30, "Åse Ø", "🦊🦊", "a @ b", "$5 off"])
async def test_aliases_that_are_fine(api: Api, alias: str) -> None:
    assert await board(api, await enrolled(api), {"alias": alias}) == (alias, "SHOWN")


NEEDED = "needs 2 characters that can be seen"
NO_HANDLE = "must not begin with @, as if it were a handle"


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"visibility": {"board": "ALIAS"}}, [("alias", "is needed where boards show the alias")]),
        ({"visibility": {"board": None}}, [("visibility.board", "cannot be cleared")]),
        ({"alias": ""}, [("alias", NEEDED)]),
        ({"alias": "a"}, [("alias", NEEDED)]),
        ({"alias": " a "}, [("alias", NEEDED)]),
        ({"alias": "a\u200b\u3164\u0301"}, [("alias", NEEDED)]),
        ({"alias": "@ada"}, [("alias", NO_HANDLE)]),
        ({"alias": " @ada"}, [("alias", NO_HANDLE)]),
        ({"alias": "\u200b@ada"}, [("alias", NO_HANDLE)]),
        ({"alias": "\uff20ada"}, [("alias", NO_HANDLE)]),
        ({"alias": "a" * 31}, [("alias", "is 31 characters long; at most 30 are allowed")]),
        ({"alias": "ada\u202eadb"}, [("alias", "must not hold control characters or half characters")]),
        ({"alias": "a\nb"}, [("alias", "must not hold control characters or half characters")]),
        ({"alias": "a $gt"}, [("alias", "must not hold a database operator such as $gt")]),
    ],
)
async def test_an_appearance_on_boards_that_breaks_a_rule(
    api: Api, given: Json, problems: list[tuple[str, str]]
) -> None:
    ada = await enrolled(api)
    refused = await api.nothing_written(UPDATE_PROFILE, themself(ada), input={"handle": "ada_king", **given})
    assert refused["__typename"] == "InvalidInput"
    assert [(one["path"], one["message"]) for one in refused["problems"]] == problems


async def test_an_alias_in_use_cannot_be_cleared(api: Api) -> None:
    ada = await enrolled(api)
    await board(api, ada, {"alias": "Owl", "visibility": {"board": "ALIAS"}})
    refused = await api.nothing_written(UPDATE_PROFILE, themself(ada), input={"alias": None})
    assert refused["problems"] == [{"path": "alias", "message": "is needed where boards show the alias"}]
