"""A push worker in a process of its own, whose provider is a double that listens elsewhere.

Usage: worker_process.py MONGO_URL REDIS_URL DATABASE PORT

It logs to standard error, and tells there on SIGUSR1 what each of its tasks is waiting for.
"""

import asyncio
import json
import logging
import signal
import sys
from datetime import UTC
from types import TracebackType
from typing import Any, Self

from motor.motor_asyncio import AsyncIOMotorClient
from redis.asyncio import Redis

from app import leases
from app.push import session
from app.push.providers.provider import Accepted, Device, DeviceKind, Later, Outcome, Push
from app.push.worker import PushWorker
from gamification.stores import StoreUnavailable
from tests.app.push.post import Office, word


class Remote:
    """A provider that asks a double for its answer, one connection for each push."""

    kind: DeviceKind = "fcm"

    def __init__(self, port: int) -> None:
        self._port = port

    async def send(self, push: Push, device: Device) -> Outcome:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            sent = {"id": push.collapse_id or push.notice_id, "token": device.token, "body": push.body}
            writer.write(json.dumps(sent).encode() + b"\n")
            answer = await reader.readline()
        finally:
            writer.close()
        return Accepted("taken") if answer == b"taken\n" else Later(None, "Unavailable")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""


def tell_tasks() -> None:
    """Say where every task stands."""
    for task in asyncio.all_tasks():
        task.print_stack(limit=4, file=sys.stderr)
    sys.stderr.flush()


async def main(mongo_url: str, redis_url: str, database: str, port: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell_tasks)
    leases.LEASE_SECONDS = 2.0
    for name, seconds in (("RENEW_SECONDS", 0.2), ("LOOK_SECONDS", 0.05)):
        setattr(session, name, seconds)
    mongo: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongo_url, tz_aware=True, tzinfo=UTC)
    async with Redis.from_url(redis_url) as redis:
        office = Office(mongo[database], redis)
        worker = PushWorker(await office.stores(), {"fcm": Remote(int(port))}, word, now=office.now)
        logging.info("begun")
        while True:  # As `laurel worker push` does it.
            try:
                await worker.run()
            except StoreUnavailable as error:
                logging.warning("begins again: %s", error)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
