"""What recordActivity and simulateActivity refuse, with the words for it, and that nothing is written then."""

from typing import Any

import pytest

from gamification.member import Member
from schema.ids import to_global_id
from tests.schema.api import STAFF, Api, Json, global_id
from tests.schema.documents import RECORD_ACTIVITY, SIMULATE

KEY_RULE = "may hold letters, digits, spaces and _ . , : ; / @ + = # ( ) & -, and starts with a word"
NAME_RULE = "is not a name: letters, digits, _ and -, at most 64"
PLAIN_RULE = "must be a text, a number, true or false"
TOO_MUCH = "is too large; at most 1000000000000 minor units are allowed"
NOT_A_DECIMAL = "Decimal must be a number, or a text that holds one."
NOT_A_TIME = "DateTime must be a text such as 2026-05-01T12:00:00Z."
FUTURE = "lies in the future by more than 300 seconds"
FORESEEN = "lies in the future by more than 3660 days"
OPERATOR = '{"$ne":null}'


def lines(*items: Json) -> Json:
    return {"items": list(items)}


BAD: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    "key-empty": ({"key": ""}, [("key", "must not be empty")]),
    "key-blank": ({"key": " \t"}, [("key", "must not be empty")]),
    "key-long": ({"key": "k" * 129}, [("key", "is 129 characters long; at most 128 are allowed")]),
    "key-operator": ({"key": "$gt"}, [("key", KEY_RULE)]),
    "key-json": ({"key": OPERATOR}, [("key", KEY_RULE)]),
    "key-control": ({"key": "a\x00b"}, [("key", KEY_RULE)]),
    "kind-empty": ({"kind": ""}, [("kind", "must not be empty")]),
    "kind-long": ({"kind": "k" * 65}, [("kind", "is 65 characters long; at most 64 are allowed")]),
    "kind-operator": ({"kind": "$gt"}, [("kind", KEY_RULE)]),
    "kind-json": ({"kind": OPERATOR}, [("kind", KEY_RULE)]),
    "kind-adjustment": ({"kind": "adjustment"}, [("kind", "adjustment is recorded by adjustPoints")]),
    "kind-enrolment": ({"kind": "enrolment"}, [("kind", "enrolment is recorded by enrolMember")]),
    "kind-own": (
        {"kind": "points.earned"},
        [("kind", "points.earned is what Laurel itself records; choose another name")],
    ),
    "amount-nan": ({"amount": "NaN"}, [("amount", "must be a number")]),
    "amount-signalling-nan": ({"amount": "sNaN"}, [("amount", "must be a number")]),
    "amount-infinity": ({"amount": "Infinity"}, [("amount", "must be a number")]),
    "amount-minus-infinity": ({"amount": "-Infinity"}, [("amount", "must be a number")]),
    "amount-1e18": ({"amount": "1e18"}, [("amount", TOO_MUCH)]),
    "amount-10^18": ({"amount": 10**18}, [("amount", TOO_MUCH)]),
    "amount-tiny": ({"amount": "1e-9999"}, [("amount", "has more than 2 decimals")]),
    "amount-huge": ({"amount": "1e9999"}, [("amount", TOO_MUCH)]),
    "amount-400-digits": ({"amount": "9" * 400}, [("amount", TOO_MUCH)]),
    "amount-number-of-41-digits": ({"amount": 10**40}, [("amount", TOO_MUCH)]),
    "amount-400-characters": ({"amount": f"0.{'1' * 398}"}, [("amount", "has more than 2 decimals")]),
    "amount-past-bound": (
        {"amount": "10000000000.01"},
        [("amount", "is 1000000000001; from 0 to 1000000000000 minor units are allowed")],
    ),
    "amount-negative": (
        {"amount": "-0.01"},
        [("amount", "is -1; from 0 to 1000000000000 minor units are allowed")],
    ),
    "amount-decimals": ({"amount": "29.333"}, [("amount", "has more than 2 decimals")]),
    "lines-too-much": (
        {"amount": None, **lines({"sku": "a", "amount": "9999999999"}, {"sku": "b", "amount": "2"})},
        [("amount", "is 1000000000100; from 0 to 1000000000000 minor units are allowed")],
    ),
    "line-sku-operator": (lines({"sku": "$gt"}), [("items.0.sku", KEY_RULE)]),
    "line-sku-json": (lines({"sku": "a"}, {"sku": OPERATOR}), [("items.1.sku", KEY_RULE)]),
    "line-sku-empty": (lines({"sku": ""}), [("items.0.sku", "must not be empty")]),
    "line-category-operator": (lines({"sku": "a", "category": "$gt"}), [("items.0.category", KEY_RULE)]),
    "line-category-json": (lines({"sku": "a", "category": OPERATOR}), [("items.0.category", KEY_RULE)]),
    "line-quantity-0": (
        lines({"sku": "a", "quantity": 0}),
        [("items.0.quantity", "is 0; from 1 to 1000000 pieces are allowed")],
    ),
    "line-quantity-10^18": (
        lines({"sku": "a", "quantity": 10**18}),
        [("items.0.quantity", f"is {10**18}; from 1 to 1000000 pieces are allowed")],
    ),
    "line-quantity-number-of-41-digits": (
        lines({"sku": "a", "quantity": 10**40}),
        [("items.0.quantity", "is too large; from 1 to 1000000 pieces are allowed")],
    ),
    "line-quantity-400-digits": (
        lines({"sku": "a", "quantity": "9" * 400}),
        [("items.0.quantity", "is too large; from 1 to 1000000 pieces are allowed")],
    ),
    "line-amount-nan": (lines({"sku": "a", "amount": "NaN"}), [("items.0.amount", "must be a number")]),
    "line-amount-negative": (
        lines({"sku": "a", "amount": -1}),
        [("items.0.amount", "is -100; from 0 to 1000000000000 minor units are allowed")],
    ),
    "line-amount-decimals": (
        lines({"sku": "a", "amount": "0.001"}),
        [("items.0.amount", "has more than 2 decimals")],
    ),
    "lines-501": (lines(*({"sku": "a"} for _ in range(501))), [("items", "has 501 lines; at most 500 are allowed")]),
    "attribute-dotted": ({"attributes": {"a.b": 1}}, [("attributes.a.b", NAME_RULE)]),
    "attribute-dollar": ({"attributes": {"$where": 1}}, [("attributes.$where", NAME_RULE)]),
    "attribute-unnamed": ({"attributes": {"": 1}}, [("attributes.", NAME_RULE)]),
    "attribute-long": ({"attributes": {"a" * 65: 1}}, [(f"attributes.{'a' * 64}", NAME_RULE)]),
    "attribute-operator": (
        {"attributes": {"a": "$gt"}},
        [("attributes.a", "must not hold a database operator such as $gt")],
    ),
    "attribute-json": (
        {"attributes": {"a": OPERATOR}},
        [("attributes.a", "must not hold a database operator such as $gt")],
    ),
    "attribute-object": ({"attributes": {"a": {"$ne": None}}}, [("attributes.a", PLAIN_RULE)]),
    "attribute-list": ({"attributes": {"a": ["b"]}}, [("attributes.a", PLAIN_RULE)]),
    "attribute-null": ({"attributes": {"a": None}}, [("attributes.a", PLAIN_RULE)]),
    "attribute-number": (
        {"attributes": {"a": 10**18}},
        [("attributes.a", "must be a number of at most 9007199254740992")],
    ),
    "attribute-control": (
        {"attributes": {"a": "b\x00"}},
        [("attributes.a", "must not hold control characters or half characters")],
    ),
    "attributes-51": (
        {"attributes": {f"a{number}": 1 for number in range(51)}},
        [("attributes", "has 51 entries; at most 50 are allowed")],
    ),
    "time-naive": (
        {"occurredAt": "2026-05-01T12:00:00"},
        [("occurredAt", "needs a time zone, such as 2026-05-01T12:00:00Z")],
    ),
    "time-day-only": (
        {"occurredAt": "2026-05-01"},
        [("occurredAt", "needs a time zone, such as 2026-05-01T12:00:00Z")],
    ),
    "time-future": ({"occurredAt": "2026-05-01T12:05:00.001Z"}, [("occurredAt", FUTURE)]),
    "time-last": ({"occurredAt": "9999-12-31T23:59:59-23:59"}, [("occurredAt", FUTURE)]),
    "time-first": ({"occurredAt": "0001-01-01T00:00:00+23:59"}, [("occurredAt", "lies before 1970-01-01")]),
    "time-before-1970": ({"occurredAt": "1969-12-31T23:59:59Z"}, [("occurredAt", "lies before 1970-01-01")]),
    "everything-at-once": (
        {"key": "", "kind": "$gt", "amount": -1, "attributes": {"a.b": 1}, **lines({"sku": "", "quantity": 0})},
        [
            ("key", "must not be empty"),
            ("kind", KEY_RULE),
            ("amount", "is -100; from 0 to 1000000000000 minor units are allowed"),
            ("items.0.sku", "must not be empty"),
            ("items.0.quantity", "is 0; from 1 to 1000000 pieces are allowed"),
            ("attributes.a.b", NAME_RULE),
        ],
    ),
    "nobody-named": ({"memberId": None}, [("memberId", "or loyaltyNumber is needed, one of the two")]),
    "named-twice": (
        {"loyaltyNumber": "860341460407"},
        [("memberId", "or loyaltyNumber is needed, one of the two")],
    ),
    "loyalty-number-check-digit": (
        {"memberId": None, "loyaltyNumber": "860341460408"},
        [("loyaltyNumber", "is not a loyalty number: its length or check digit is wrong")],
    ),
    "loyalty-number-short": (
        {"memberId": None, "loyaltyNumber": "18"},
        [("loyaltyNumber", "is not a loyalty number: its length or check digit is wrong")],
    ),
    "loyalty-number-empty": (
        {"memberId": None, "loyaltyNumber": ""},
        [("loyaltyNumber", "is not a loyalty number: its length or check digit is wrong")],
    ),
    "loyalty-number-operator": (
        {"memberId": None, "loyaltyNumber": OPERATOR},
        [("loyaltyNumber", "is not a loyalty number: its length or check digit is wrong")],
    ),
    "two-faults-of-two-kinds": (
        {"memberId": None, "amount": "NaN"},
        [("memberId", "or loyaltyNumber is needed, one of the two"), ("amount", "must be a number")],
    ),
}


def given(member: Member, changes: Json) -> Json:
    return {"key": "k1", "memberId": global_id(member), "amount": "10", **changes}


def refused(problems: list[tuple[str, str]]) -> Json:
    return {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "message": "; ".join(f"{path} {message}" for path, message in problems),
        "problems": [{"path": path, "message": message} for path, message in problems],
    }


@pytest.mark.parametrize(("changes", "problems"), BAD.values(), ids=BAD.keys())
async def test_an_activity_that_breaks_a_rule(api: Api, changes: Json, problems: list[tuple[str, str]]) -> None:
    ada = await api.enrol("Ada")
    assert await api.nothing_written(RECORD_ACTIVITY, input=given(ada, changes)) == refused(problems)


@pytest.mark.parametrize(("changes", "problems"), BAD.values(), ids=BAD.keys())
async def test_a_dry_run_that_breaks_a_rule(api: Api, changes: Json, problems: list[tuple[str, str]]) -> None:
    """A dry run says the same, but for the key, which it does not use, and it may look ten years ahead."""
    ada = await api.enrol("Ada")
    answer = await api.nothing_written(SIMULATE, input=given(ada, changes))
    others = [(path, message) for path, message in problems if path != "key"]
    if ("occurredAt", FUTURE) in others:
        others = [("occurredAt", FORESEEN)] if changes["occurredAt"] > "2037" else []
    if others:
        assert answer == refused(others)
    else:
        assert (answer["__typename"], answer["points"]) == ("SimulateActivitySuccess", 10)
        assert [record["key"] for record in answer["records"]] == ["simulated"]


@pytest.mark.parametrize(
    "named",
    [
        {"memberId": to_global_id("Member", "nobody")},
        {"memberId": to_global_id("Member", "$gt")},
        {"memberId": to_global_id("Record", "nobody")},
        {"memberId": "$gt"},
        {"memberId": OPERATOR},
        {"memberId": ""},
        {"memberId": "1"},
        {"memberId": "A" * 401},
        {"memberId": None, "loyaltyNumber": "860341460407"},
    ],
    ids=["unknown", "operator", "other-type", "raw-operator", "json", "empty", "damaged", "long", "unknown-number"],
)
@pytest.mark.parametrize("document", [RECORD_ACTIVITY, SIMULATE], ids=["record", "simulate"])
async def test_a_member_who_is_not_there(api: Api, document: str, named: Json) -> None:
    ada = await api.enrol("Ada")
    assert await api.nothing_written(document, input=given(ada, named)) == {
        "__typename": "MemberNotFound",
        "code": "MEMBER_NOT_FOUND",
        "message": "There is no such member.",
    }


async def test_long_numbers_written_into_the_document(api: Api) -> None:
    ada = await api.enrol("Ada")
    line = f'{{sku: "a", quantity: {"9" * 400}, amount: {"9" * 400}}}'
    dry_run = f'query {{ simulateActivity(input: {{memberId: "{global_id(ada)}", amount: 1.234, items: [{line}]}})'
    dry_run += " { ... on InvalidInput { problems { path message } } } }"
    assert await api.data(dry_run, STAFF) == {
        "simulateActivity": {
            "problems": [
                {"path": "items.0.amount", "message": TOO_MUCH},
                {"path": "amount", "message": "has more than 2 decimals"},
            ]
        }
    }
    errors = await api.errors(dry_run.replace("9" * 400, "9" * 5000), STAFF)
    assert [(error["message"], error["extensions"]) for error in errors] == [
        (f"{scalar} is too long; at most 400 characters are read.", {"code": "GRAPHQL_VALIDATION_FAILED"})
        for scalar in ("BigInt", "Decimal")
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": {"$ne": None}}, "String cannot represent a non string value"),
        ({"key": None}, "Expected value of non-null type 'String!'"),
        ({"memberId": {"$ne": None}}, "ID cannot represent value"),
        ({"kind": {"$gt": ""}}, "String cannot represent a non string value"),
        ({"amount": {"$gt": 0}}, "Decimal must be a number, or a text that holds one."),
        ({"amount": "29,33"}, "Decimal must be a number, or a text that holds one."),
        ({"amount": "1" * 401}, "Decimal is too long; at most 400 characters are read."),
        ({"amount": f"1e{'9' * 30}"}, "Decimal has an exponent that is too long."),
        *(({"amount": text}, NOT_A_DECIMAL) for text in ("1_000", " 5 ", "5\n", "٣", "+5", ".5", "5.", "", "-", "0x1")),
        ({"amount": True}, "Decimal must be a number, or a text that holds one."),
        ({"occurredAt": "yesterday"}, NOT_A_TIME),
        ({"occurredAt": 1777636800}, NOT_A_TIME),
        ({"items": [{"sku": "a", "quantity": 1.5}]}, "BigInt must be a whole number."),
        ({"items": [{"sku": "a", "quantity": "9" * 401}]}, "BigInt is too long; at most 400 characters are read."),
        *(
            ({"items": [{"sku": "a", "quantity": text}]}, "BigInt must be a whole number.")
            for text in ("1_000", " 5 ", "5\n", "٣", "+5", "--5", "")
        ),
        ({"items": [{"sku": "a", "quantity": True}]}, "BigInt must be a whole number."),
        ({"attributes": [1]}, "Attributes must be an object of names and values."),
        ({"points": 5}, "not to include unknown field 'points'"),
    ],
)
async def test_what_is_not_even_of_the_right_type(api: Api, changes: Json, message: str) -> None:
    ada = await api.enrol("Ada")
    (error,) = await api.errors(RECORD_ACTIVITY, STAFF, input=given(ada, changes))
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert message in error["message"]


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "k" * 128},
        {"kind": "k" * 64},
        {"occurredAt": "2026-05-01T12:05:00Z"},
        {"occurredAt": "1970-01-01T00:00:00Z"},
        {"amount": "10000000000"},
        {"amount": 1e3},
        lines({"sku": "a" * 64, "category": "Æbler & pærer", "quantity": 1_000_000}),
        lines(*({"sku": "a"} for _ in range(500))),
        {"attributes": {f"a{number}": 1 for number in range(50)}},
        {"attributes": {"a" * 64: "b" * 256, "_-": -(2**53), "yes": True, "price": "$5"}},
    ],
    ids=[
        *("key", "kind", "future", "past", "amount", "amount-float"),
        *("line", "lines", "attributes", "attribute-values"),
    ],
)
async def test_what_is_just_within_bounds(api: Api, changes: Json) -> None:
    ada = await api.enrol("Ada")
    result: Any = await api.result(RECORD_ACTIVITY, input=given(ada, changes))
    assert (result["__typename"], result["replayed"]) == ("RecordActivitySuccess", False)
