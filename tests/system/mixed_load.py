"""Clients of all manners for a Laurel whose stores come and go: each holds every answer against what it knows."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import httpx

from tests.system.installation import Json

RETRY_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
"""How long one purchase may be tried again; the stores are away for a second or two."""
RECORD = """mutation ($key: String!, $member: ID!, $amount: Decimal!) {
    recordActivity(input: {key: $key, memberId: $member, amount: $amount}) {
        __typename ... on RecordActivitySuccess { member { loyaltyNumber points { available } } }
        ... on Error { code message } } }"""
PASSING = frozenset({"UNAVAILABLE", "TIMEOUT"})
"""What an answer may say while a store is away."""


@dataclass(slots=True)
class Shopper:
    """A member with a card and a phone. ``points`` are those of acknowledged purchases, ``asked`` those of all."""

    global_id: str
    name: str
    loyalty_number: str
    token: str
    points: int = 0
    asked: int = 0
    purchases: int = 0


@dataclass(slots=True)
class Load:
    """All clients of one address. ``seen`` counts what came of what they did."""

    client: httpx.AsyncClient
    home: str
    staff: str
    shoppers: list[Shopper]
    chance: random.Random
    seen: Counter[str] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def shop(self, shopper: Shopper) -> None:
        """Buy, and look at the phone after each purchase, one thing at a time: so points are known exactly."""
        while not self.over.is_set():
            await self._buy(shopper)
            me = await self._look(shopper)
            if me is not None:
                assert me["points"]["available"] == shopper.points, (shopper, me)

    async def watch(self) -> None:
        """Look at anybody's phone, whatever is under way for them."""
        while not self.over.is_set():
            shopper = self.chance.choice(self.shoppers)
            at_least = shopper.points
            me = await self._look(shopper)
            if me is not None:
                assert at_least <= me["points"]["available"] <= shopper.asked, (shopper, me)

    async def quit(self) -> None:
        """Ask, and go away in the middle of it."""
        while not self.over.is_set():
            request = self._request(self.chance.choice(self.shoppers))
            reader, writer = await self._connect()
            writer.write(request[: self.chance.choice((len(request), len(request) // 2))])
            await asyncio.sleep(self.chance.random() * 0.02)
            writer.transport.abort()
            self.seen["gone"] += 1
            del reader

    async def dawdle(self) -> None:
        """Ask in small pieces, and read the answer in small pieces."""
        while not self.over.is_set():
            shopper = self.chance.choice(self.shoppers)
            at_least, request = shopper.points, self._request(shopper)
            reader, writer = await self._connect()
            for begin in range(0, len(request), 400):
                writer.write(request[begin : begin + 400])
                await asyncio.sleep(self.chance.random() * 0.02)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            body = b""
            while len(body) < length:
                body += await reader.readexactly(min(200, length - len(body)))
                await asyncio.sleep(0.001)
            writer.transport.abort()
            me = self._checked(shopper, json.loads(body))
            if me is not None:
                assert at_least <= me["points"]["available"] <= shopper.asked, (shopper, me)
                self.seen["slow"] += 1

    async def _buy(self, shopper: Shopper) -> None:
        amount = self.chance.randint(1, 50)
        shopper.purchases += 1
        shopper.asked += amount
        key = f"{shopper.loyalty_number}-{shopper.purchases}"
        variables = {"key": key, "member": shopper.global_id, "amount": str(amount)}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (recorded := await self._post(RECORD, self.staff, variables)) is None:  # noqa: ASYNC110
                await asyncio.sleep(RETRY_SECONDS)
        shopper.points += amount
        assert recorded["recordActivity"] == {
            "__typename": "RecordActivitySuccess",
            "member": {"loyaltyNumber": shopper.loyalty_number, "points": {"available": shopper.points}},
        }
        self.seen["bought"] += 1

    async def _look(self, shopper: Shopper) -> Json | None:
        try:
            answer = await self.client.post(
                "/graphql", json={"query": self.home}, headers={"Authorization": f"Bearer {shopper.token}"}
            )
        except httpx.TransportError:
            self.seen["broken"] += 1
            return None
        me = self._checked(shopper, answer.json())
        self.seen["looked" if me else "unavailable"] += 1
        return me

    def _checked(self, shopper: Shopper, body: Json) -> Json | None:
        """The member of an answer, who must be the one that asked; None where a store was away."""
        self._check_errors(body)
        data = body.get("data")
        if not isinstance(data, dict) or data["me"] is None:
            assert body.get("errors"), body
            return None
        me: Json = data["me"]
        assert (me["displayName"], me["loyaltyNumber"]) == (shopper.name, shopper.loyalty_number)
        rows = data["leaderboard"]["nodes"] if data["leaderboard"] else []
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
        return me

    async def _post(self, query: str, token: str, variables: dict[str, str]) -> Json | None:
        try:
            answer = await self.client.post(
                "/graphql",
                json={"query": query, "variables": variables},
                headers={"Authorization": f"Bearer {token}"},
            )
        except httpx.TransportError:
            self.seen["broken"] += 1
            return None
        body = answer.json()
        self._check_errors(body)
        return None if "errors" in body else dict(body["data"])

    def _check_errors(self, body: Json) -> None:
        codes = {error["extensions"]["code"] for error in body.get("errors", [])}
        assert codes <= PASSING, body

    def _request(self, shopper: Shopper) -> bytes:
        body = json.dumps({"query": self.home}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: laurel\r\nAuthorization: Bearer {shopper.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        url = self.client.base_url
        return await asyncio.open_connection(url.host, url.port)

    async def run(self, seconds: float, disturb: Callable[[], Coroutine[None, None, None]]) -> None:
        """All of them at once for a while; the coroutine of ``disturb`` makes their life hard until it is over."""
        async with asyncio.TaskGroup() as group:
            for shopper in self.shoppers:
                group.create_task(self.shop(shopper))
            for client in (self.watch, self.watch, self.watch, self.watch, self.quit, self.quit, self.dawdle):
                group.create_task(client())
            group.create_task(disturb())
            await asyncio.sleep(seconds)
            self.over.set()
