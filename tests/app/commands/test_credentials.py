import re

import httpx
import pytest
from click.testing import CliRunner

from app.cli import main
from tests.system.installation import Ended, Installation, Served, serving

ENROL = """mutation { enrolMember(input: {key: "ann", displayName: "Ann"}) {
    ... on EnrolMemberSuccess { member { loyaltyNumber } } } }"""
RECORD = """mutation ($number: String!) {
    recordActivity(input: {key: "p-1", loyaltyNumber: $number, amount: "9.5"}) { __typename } }"""
ME = "{ me { displayName loyaltyNumber } }"
MEMBER = "query ($number: String!) { member(loyaltyNumber: $number) { displayName } }"


async def printed_by(laurel: Installation, *arguments: str) -> str:
    """The one line that a command prints."""
    ended = await laurel.beside(*arguments)
    assert (ended.code, ended.stderr, ended.stdout.count("\n")) == (0, "", 1), ended
    return ended.stdout.strip()


async def refusal(served: Served, query: str, token: str, **variables: object) -> tuple[int, str]:
    answer = await served.post(query, token, **variables)
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def test_minted_tokens_and_keys_are_taken_by_a_running_laurel_until_revoked(laurel: Installation) -> None:
    async with serving(laurel) as served:
        staff = await printed_by(laurel, "token", "staff", "anna")
        number = (await served.ask(ENROL, staff))["enrolMember"]["member"]["loyaltyNumber"]
        member = await printed_by(laurel, "token", "member", number, "--days", "1")
        assert await served.ask(ME, member) == {"me": {"displayName": "Ann", "loyaltyNumber": number}}
        assert await refusal(served, RECORD, member, number=number) == (httpx.codes.OK, "FORBIDDEN")
        unknown = await laurel.beside("token", "member", "123")
        assert unknown == Ended(1, "", "laurel: there is no member with the loyalty number 123\n")

        till = await printed_by(laurel, "apikey", "create", "till 7", "--scope", "activities:write", "--days", "30")
        spare = await printed_by(
            laurel, "apikey", "create", "spare", "--scope", "members:read", "--scope", "members:write"
        )
        assert await served.ask(RECORD, till, number=number) == {
            "recordActivity": {"__typename": "RecordActivitySuccess"}
        }
        assert await refusal(served, MEMBER, till, number=number) == (httpx.codes.OK, "FORBIDDEN")

        till_id, spare_id = (key.split("_")[1] for key in (till, spare))
        assert re.fullmatch(rf"lk_{till_id}_[\w-]{{43}}", till)
        revoked = await laurel.beside("apikey", "revoke", spare_id)
        assert revoked == Ended(0, f"key {spare_id} (spare) is revoked\n", "")
        assert await refusal(served, MEMBER, spare, number=number) == (httpx.codes.UNAUTHORIZED, "UNAUTHENTICATED")
        listed = await laurel.beside("apikey", "list")
        assert (listed.code, listed.stderr) == (0, "")
        rows = [line for line in listed.stdout.splitlines() if "│" in line]
        assert [row.split()[1] for row in rows if row.split()[1] != "│"] == [spare_id, till_id], "newest first"
        assert till not in listed.stdout
        missing = await laurel.beside("apikey", "revoke", "0123456789abcdef")
        assert missing == Ended(1, "", "laurel: there is no key 0123456789abcdef\n")


def test_arguments_that_cannot_be_are_refused_as_such() -> None:
    for arguments, why in (
        (["token", "service", "anna"], "'service' is not one of 'member', 'staff'"),
        (["token", "staff", "anna", "--days", "0"], "0 is not in the range 1<=x<=30"),
        (["token", "staff", "anna", "--days", "31"], "31 is not in the range 1<=x<=30"),
        (["apikey", "create", "till", "--scope", "everything"], "'everything' is not one of"),
        (["apikey", "create", "till"], "Missing option '--scope'"),
        (["apikey", "create", "till", "--scope", "members:read", "--days", "1000000000"], "is not in the range"),
    ):
        result = CliRunner().invoke(main, arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert why in result.stderr


@pytest.mark.parametrize(
    ("issuer", "why"),
    [
        ({}, "Laurel has no secret to sign with; set LAUREL_JWT_SECRET to the one of your servers"),
        (
            {"LAUREL_JWT_JWKS_URL": "https://issuer.example/keys"},
            "tokens come from the issuer behind LAUREL_JWT_JWKS_URL; Laurel has no secret to sign with",
        ),
    ],
)
def test_without_a_secret_it_is_said_where_tokens_come_from(
    issuer: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAUREL_JWT_SECRET", raising=False)
    stores = {"LAUREL_MONGO_URL": "mongodb://127.0.0.1:1", "LAUREL_REDIS_URL": "redis://127.0.0.1:1"}
    result = CliRunner().invoke(main, ["token", "staff", "anna"], env=stores | issuer)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"laurel: {why}\n")
