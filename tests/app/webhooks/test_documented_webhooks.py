"""What docs/webhooks.md says: its receiver runs as it stands there, and its tables are what is done."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from app.outbound import public_pool
from app.webhooks import follower, retrying, sending
from app.webhooks.sending import Sender
from gamification.webhooks import endpoints
from tests.app.webhooks.hooks import LOOPBACK, Hooks, at_work, until
from tests.app.webhooks.receiver import receiving

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
UNITS = {"s": 1, "min": 60, "h": 3_600}
SECRET = "whsec_" + "A" * 43 + "="


@asynccontextmanager
async def example(folder: Path, secret: str) -> AsyncIterator[tuple[asyncio.StreamReader, str]]:
    """The receiver of the page in a process of its own: what it prints, and its address."""
    script = folder / "receiver.py"
    script.write_text(EXAMPLE, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script)),
        env={**os.environ, "WEBHOOK_SECRET": secret, "PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = (await process.stdout.readline()).split()[-1].decode()
        yield process.stdout, f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        await process.wait()


async def test_the_receiver_takes_what_is_signed_once_and_nothing_else(hooks: Hooks, tmp_path: Path) -> None:
    made = await hooks.endpoint("https://shop.example/")
    async with example(tmp_path, made.secrets.current) as (printed, url):
        to_it = {"$set": {"url": url}}
        await hooks.connection["webhook_endpoints"].update_one({"_id": made.endpoint_id}, to_it)
        await hooks.tell("ann", "gold")
        async with at_work(hooks):
            assert await printed.readline() == b"notice.badge_won gold\n"
            await until(lambda: _count(hooks, "sent", 1))
            assert await hooks.deliveries.redeliver(f"{made.endpoint_id}:ann:gold", hooks.now())
            await until(lambda: _count(hooks, "sent", 1))
            await hooks.tell("ann", "silver")
            assert await printed.readline() == b"notice.badge_won silver\n"
            assert (await hooks.deliveries.get(f"{made.endpoint_id}:ann:gold")).status == 200  # type: ignore[union-attr]
        async with httpx.AsyncClient() as client:
            assert (await client.post(url, content=b'{"type":"forged"}')).status_code == 401
        async with public_pool(LOOPBACK, max_connections=1) as pool:
            other = await hooks.endpoint("https://other.example/")
            other.url = url  # type: ignore[misc]
            assert (await Sender(pool, LOOPBACK).send(other, "id", b"{}", hooks.now())).reason == "status_401"


async def _count(hooks: Hooks, state: str, count: int) -> bool:
    return bool(await hooks.connection["webhook_deliveries"].count_documents({"state": state}) == count)


def test_the_pauses_of_its_table_are_those_of_the_worker() -> None:
    [row] = re.findall(r"\| After \|(.*)\|", PAGE)
    told = tuple(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+) (\w+)", row))
    assert told == retrying.PAUSES_SECONDS


def test_the_figures_it_tells_are_those_of_the_code() -> None:
    assert f"up to {endpoints.MAX_ENDPOINTS}." in PAGE
    assert f"Up to {follower.MAX_QUEUED:,} deliveries" in PAGE
    assert f"Up to {follower.MAX_AT_ONCE} requests" in PAGE
    assert f"within {sending.TIMEOUT_SECONDS:.0f} s" in PAGE
    assert f"for {endpoints.OVERLAP_HOURS} h, or `overlapHours` up to {endpoints.MAX_OVERLAP_HOURS}" in PAGE
    assert retrying.FAILING.days == 3


async def test_the_fields_of_its_table_are_those_that_are_sent(hooks: Hooks) -> None:
    table = PAGE.partition("| Field | Holds |")[2].partition("\n\n")[0]
    told = {name for row in re.findall(r"\n\| ([^|]*) \|", table) for name in re.findall(r"`(\w+)`", row)}
    async with receiving() as receiver:
        await hooks.endpoint(receiver.url)
        await hooks.tell("ann", "gold")
        async with at_work(hooks):
            await until(lambda: bool(receiver.received))
    assert told == receiver.received[0].json["data"].keys()
