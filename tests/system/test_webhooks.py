"""`laurel worker webhooks` as its users have it: it sends what others have put into the feed, and survives kill -9."""

import os
import signal
from datetime import timedelta
from pathlib import Path

from motor.motor_asyncio import AsyncIOMotorDatabase
from standardwebhooks import Webhook

from app.embedded import StoreServers
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from app.stores.programs import MongoPrograms
from gamification.notices.notice import Notice
from gamification.notices.wording import message_values
from gamification.program.source import read_program
from gamification.program.texts import Text
from tests.app.clockwork import PROGRAM
from tests.app.webhooks.hooks import AT, Document, Hooks, got
from tests.app.webhooks.receiver import receiving
from tests.system.installation import installed, until

TIMEOUT_SECONDS = 10.0
MEMBERS, EACH = 20, 15


async def test_a_worker_that_is_killed_leaves_nothing_out(
    database: AsyncIOMotorDatabase[Document], servers: StoreServers, tmp_path: Path
) -> None:
    connection = Connection(database, TIMEOUT_SECONDS)
    await ensure_indexes(connection)
    hooks = Hooks(connection)
    await MongoPrograms(connection, read_program, hooks.now).apply(PROGRAM, "tests", AT - timedelta(days=1))
    ids = [f"m{number % MEMBERS}:{number}" for number in range(MEMBERS * EACH)]
    async with receiving() as receiver, installed(tmp_path) as installation:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.write([message(notice_id) for notice_id in ids])
        installation.set_variables(
            LAUREL_MONGO_URL=servers.mongo_url,
            LAUREL_REDIS_URL=servers.redis_url,
            LAUREL_DATABASE=database.name,
            LAUREL_OUTBOUND_ALLOW="127.0.0.0/8",
            LAUREL_JWT_SECRET="a secret that no token is made with here",
        )
        receiver.pause_seconds = 0.005
        first = await installation.start("worker", "webhooks")
        await until(lambda: got(receiver, 40)() or not first.is_running)
        os.kill(first.process.pid, signal.SIGKILL)
        assert (await first.ended()).code == -signal.SIGKILL
        assert len(set(receiver.subjects)) < len(ids)
        receiver.pause_seconds = 0.0
        # As if the time were over for which it has its endpoints, and is counted among those alive.
        await database["webhook_leases"].update_many({}, {"$set": {"until": AT}})
        await database["webhook_workers"].delete_many({})
        second = await installation.start("worker", "webhooks")
        await until(lambda: len(set(receiver.subjects)) == len(ids) or not second.is_running)
        os.kill(second.process.pid, signal.SIGTERM)
        ended = await second.ended()
    assert (ended.code, ended.stdout, sorted(set(receiver.subjects))) == (0, "", sorted(ids))
    assert "webhooks are sent" in ended.stderr
    assert len(receiver.received) <= len(ids) + 8
    for received in receiver.received:
        told = Webhook(endpoint.secrets.current).verify(received.body, dict(received.headers))["data"]
        assert told["title"] == f"Hello {told['subject']}"


def message(notice_id: str) -> Notice:
    values = message_values(Text.model_validate({"en": f"Hello {notice_id}"}), Text.model_validate({"en": "There"}))
    member_id = notice_id.partition(":")[0]
    return Notice(notice_id, member_id, "message", notice_id, AT, program_version=1, values=values)
