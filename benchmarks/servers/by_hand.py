"""The ceiling: the home query, and nothing but it, written by hand for speed over the same stores.

A bare ASGI callable; one pipeline and one find for all requests of the same tick; answers as plain dicts, written by
orjson. It knows no GraphQL: it takes the one document that it was written for and refuses any other. It does not ask
whether a block stands between two members.
"""

import asyncio
from datetime import UTC, date, datetime

import jwt
import orjson
from starlette.types import Receive, Scope, Send

from benchmarks.servers.rivals import CAMPAIGNS, value_of
from benchmarks.servers.rules import (
    Bar,
    Document,
    Rules,
    badges_won,
    bring_up_to_date,
    challenge_bars,
    instant_text,
    money_text,
    tier_bar,
)
from benchmarks.servers.stores import Stores, campaign_global_id, member_global_id

TOP = 10
BADGES = 12
MAX_TOGETHER = 100
"""How many requests share a read at most."""
CAMPAIGNS_SECONDS = 0.75
"""How old what is known of the campaigns may be; what is left of them is read every time."""
_STATE_FIELDS = ("balance", "standing.tier", "standing.tally", "challenges", "badges")
_FIELDS = ("loyalty_number", "profile", "visibility", "due_at", *(f"state.{field}" for field in _STATE_FIELDS))

Waiting = tuple[str, "asyncio.Future[bytes]"]


class ByHand:
    """The endpoint."""

    def __init__(self, stores: Stores, query: str) -> None:
        self._stores, self._query = stores, query
        self._waiting: list[Waiting] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._campaigns: list[Document] = []
        self._campaigns_until = 0.0
        self._bodies: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        headers = dict(scope["headers"])
        try:
            member_id = self._stores.tokens.caller(headers[b"authorization"].decode()).subject
        except (KeyError, jwt.PyJWTError):
            await answer(send, 401, b"{}")
            return
        if body not in self._bodies:
            if orjson.loads(body).get("query") != self._query:
                await answer(send, 400, b"{}")
                return
            self._bodies = {body}
        await answer(send, 200, await self._home(member_id))

    async def _home(self, member_id: str) -> bytes:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append((member_id, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._send_off)
        return await future

    def _send_off(self) -> None:
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), MAX_TOGETHER):
            task = asyncio.create_task(self._serve(waiting[first : first + MAX_TOGETHER]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, waiting: list[Waiting]) -> None:
        try:
            answers = await self._read([member_id for member_id, _ in waiting])
        except Exception as error:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    async def _read(self, ids: list[str]) -> list[bytes]:
        stores, now, board = self._stores, datetime.now(UTC), self._stores.keys.board
        campaigns = await self._current_campaigns(now)
        pipeline = stores.redis.pipeline(transaction=False)
        pipeline.zrevrange(board, 0, TOP - 1, withscores=True)
        pipeline.zcard(board)
        pipeline.mget([stores.keys.left(campaign["_id"]) for campaign in campaigns])
        for member_id in ids:
            pipeline.zrevrank(board, member_id)
            pipeline.zscore(board, member_id)
        top, total, left, *places = await pipeline.execute()
        rows = [(member_id.decode(), value_of(score)) for member_id, score in top]
        wanted = list({*ids, *(member_id for member_id, _ in rows)})
        found = stores.database["members"].find({"_id": {"$in": wanted}}, dict.fromkeys(_FIELDS, 1))
        members = {document["_id"]: document for document in await found.to_list(len(wanted))}
        language = stores.rules.language()
        shared = {
            "leaderboard": {"nodes": [_row(rank, row, members) for rank, row in enumerate(rows, 1)]},
            "campaigns": [_campaign(each, points, language) for each, points in zip(campaigns, left, strict=True)],
        }
        today = now.astimezone(stores.rules.zone).date()
        answers = []
        for member_id, place, score in zip(ids, places[::2], places[1::2], strict=True):
            me = _me(stores.rules, bring_up_to_date(members[member_id], now), now, today)
            me["rank"] = {
                "rank": None if place is None else place + 1,
                "score": None if score is None else float(value_of(score)),
                "total": total,
            }
            answers.append(orjson.dumps({"data": {"me": me, **shared}}))
        return answers

    async def _current_campaigns(self, now: datetime) -> list[Document]:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._campaigns_until:
            found = await self._stores.database[CAMPAIGNS].find({"starts_at": {"$lte": now}}).sort("_id").to_list(100)
            self._campaigns = [each for each in found if each["ends_at"] is None or now < each["ends_at"]]
            self._campaigns_until = loop.time() + CAMPAIGNS_SECONDS
        return self._campaigns


def _me(rules: Rules, member: Document, now: datetime, today: date) -> Document:
    state, profile = member["state"], member["profile"]
    language = rules.language(profile["language"])
    position, bar = tier_bar(rules, state, today)
    tier = rules.tiers[position]
    following = rules.tiers[position + 1] if position + 1 < len(rules.tiers) else None
    return {
        "id": member_global_id(member["_id"]),
        "displayName": profile["display_name"],
        "loyaltyNumber": member["loyalty_number"],
        "points": {"available": state["balance"]["available"], "pending": state["balance"]["pending"]},
        "tier": {
            "current": {
                "code": tier.code,
                "name": tier.name[language],
                "benefits": [each[language] for each in tier.benefits],
            },
            "next": {"code": following.code, "name": following.name[language]} if following else None,
            "progress": {
                "current": bar.current / bar.scale,
                "target": bar.target / bar.scale,
                "remaining": bar.remaining,
                "percent": bar.percent,
                "label": f"{money_text(bar.current)} / {money_text(bar.target)} {rules.currency}",
            },
        },
        "challenges": {
            "nodes": [
                {
                    "code": challenge.code,
                    "title": challenge.title[language],
                    "rewardPoints": challenge.reward_points,
                    "endsAt": instant_text(bar.ends_at),
                    "progress": _progress(bar),
                }
                for challenge, bar in challenge_bars(rules, state, now, today)
            ]
        },
        "badges": {
            "nodes": [
                {
                    "code": badge.code,
                    "name": badge.name[language],
                    "iconUrl": badge.icon_url,
                    "rarity": badge.rarity,
                    "level": level,
                    "earnedAt": instant_text(at),
                }
                for badge, level, at in badges_won(rules, state)[:BADGES]
            ]
        },
    }


def _progress(bar: Bar) -> Document:
    return {
        "current": bar.current / bar.scale,
        "target": bar.target / bar.scale,
        "percent": bar.percent,
        "state": bar.state,
    }


def _row(rank: int, row: tuple[str, int], members: dict[str, Document]) -> Document:
    member_id, value = row
    profile, shows = members[member_id]["profile"], members[member_id]["visibility"]
    shown = None
    if shows["profile"] and profile["handle"] is not None:
        shown = {"handle": profile["handle"], "avatarUrl": profile["avatar_url"] if shows["avatar"] else None}
    return {"rank": rank, "score": float(value), "member": shown}


def _campaign(campaign: Document, left: bytes | None, language: str) -> Document:
    budget, points = campaign["budget"], int(left or 0)
    bar = None
    if budget is not None:
        bar = {"current": float(budget - points), "target": float(budget), "remaining": float(points)}
    return {
        "id": campaign_global_id(campaign["_id"]),
        "name": campaign["name"][language],
        "multiplier": campaign["multiplier"],
        "endsAt": instant_text(campaign["ends_at"]),
        "budget": bar,
    }


async def answer(send: Send, status: int, body: bytes) -> None:
    """Answer with JSON that is written already."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
