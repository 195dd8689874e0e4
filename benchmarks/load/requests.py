"""What is sent, made beforehand: home queries of random members, and purchases of theirs."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.auth import Role, mint_token
from app.web import HOME_QUERY
from benchmarks.load.connection import WrongAnswer
from benchmarks.shop.members import card, member_id
from schema.ids import to_global_id

MAX_MEMBERS = 100_000
"""How many different members ask; of more members that is a sample."""
SEED = 7
TOKEN_SECONDS = 24 * 3600
SAMPLED = 50
"""Every how many answers one is read and compared, where the right one is known."""
PURCHASE = """mutation Purchase($input: ActivityInput!) {
  recordActivity(input: $input) {
    __typename
    ... on RecordActivitySuccess { replayed record { points } member { points { available } } }
    ... on Error { code message }
  }
}"""
_ERRORS = b'"errors"'
_AMOUNTS = ("12.95", "24.90", "37.85", "19.95", "61.40")


def token(secret: str, role: Role, subject: str) -> str:
    """A token as Laurel mints it."""
    return mint_token(secret, role, subject, TOKEN_SECONDS, issuer="laurel", audience="laurel")


def request(authorization: str, body: bytes) -> bytes:
    """A POST as bytes."""
    return head(authorization, len(body)) + body


def head(authorization: str, length: int) -> bytes:
    """What comes before a body of so many bytes."""
    lines = (
        "POST /graphql HTTP/1.1",
        "host: laurel",
        f"authorization: Bearer {authorization}",
        "content-type: application/json",
        "accept: application/json",
        f"content-length: {length}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def picked(members: int) -> Sequence[int]:
    """The numbers of members in the order in which they ask: always the same for as many members."""
    return random.Random(SEED).sample(range(members), min(members, MAX_MEMBERS))


class HomeQueries:
    """Home queries, each of another member. ``expected`` has the right data for some of their numbers."""

    def __init__(self, secret: str, members: int, expected: Mapping[int, Any]) -> None:
        self.numbers = picked(members)
        self._body = orjson.dumps({"query": HOME_QUERY})
        self._heads = [head(token(secret, Role.MEMBER, member_id(each)), len(self._body)) for each in self.numbers]
        self._cards = [card(each).encode() for each in self.numbers]
        self._expected = expected
        self._answers = 0

    def make(self, number: int) -> bytes:
        """The request of this number, which may be any."""
        return self._heads[number % len(self._heads)] + self._body

    def check(self, number: int, body: bytes) -> None:
        """Check that an answer is about the member who asked, and sometimes every word of it.

        Raises:
            WrongAnswer: it is not.
        """
        place = number % len(self._heads)
        if self._cards[place] not in body:
            raise WrongAnswer(f"an answer for somebody else: {body[:400].decode(errors='replace')}")
        if _ERRORS in body:
            raise WrongAnswer(f"an answer with errors: {body[-400:].decode(errors='replace')}")
        member = self.numbers[place]
        if member in self._expected:
            self._answers += 1
            if self._answers % SAMPLED == 1 and orjson.loads(body) != {"data": self._expected[member]}:
                raise WrongAnswer(f"not what it was before: {body[:400].decode(errors='replace')}")


class Unchecked:
    """The same requests for a server that does not look at them."""

    def __init__(self, requests: HomeQueries) -> None:
        self.make = requests.make

    def check(self, number: int, body: bytes) -> None:
        """Any answer will do."""


class Purchases:
    """Purchases at a till, each of another member. ``half`` is 0 or 1: which half of the members buys."""

    def __init__(self, secret: str, members: int, run: str, half: int) -> None:
        self._ids = [to_global_id("Member", member_id(each)) for each in picked(members)[half::2]]
        self._token = token(secret, Role.STAFF, "till-1")
        self._run = run
        self._head = head(self._token, len(self._body(0)))

    def make(self, number: int) -> bytes:
        """The purchase of this number, which is below a thousand million."""
        return self._head + self._body(number)

    def check(self, number: int, body: bytes) -> None:
        """Check that it was recorded.

        Raises:
            WrongAnswer: it was not.
        """
        if b"RecordActivitySuccess" not in body:
            raise WrongAnswer(f"not recorded: {body[:400].decode(errors='replace')}")

    def _body(self, number: int) -> bytes:
        amount = _AMOUNTS[number % len(_AMOUNTS)]
        line = {"sku": "BOOK", "category": "novels", "quantity": 1 + number % 3, "amount": amount}
        given = {"key": f"{self._run}-{number:09d}", "memberId": self._ids[number % len(self._ids)], "items": [line]}
        return orjson.dumps({"query": PURCHASE, "variables": {"input": given}})
