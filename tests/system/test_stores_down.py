"""Stores that are gone or do not answer: bounded answers, nothing half-done, and on it goes when they are back."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from app.embedded import embedded_servers
from app.ports import free_loopback_port
from tests.system.installation import POLL_SECONDS, SECRET, Ended, Installation, serving, staff_token, until

ENROL = """mutation { enrolMember(input: {key: "ann", displayName: "Ann"}) {
    ... on EnrolMemberSuccess { member { id loyaltyNumber } } } }"""
RECORD = """mutation ($key: String!, $member: ID!) {
    recordActivity(input: {key: $key, memberId: $member, amount: "9.5"}) {
        ... on RecordActivitySuccess { replayed member { points { available } } } } }"""
MEMBER = "query ($number: String!) { member(loyaltyNumber: $number) { points { available } } }"
TIMEOUT_SECONDS = 1
ANSWER_SECONDS = 10.0
"""By when a request is answered whose store does not; a retry after a broken connection takes another timeout."""


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that is there but does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_without_redis_purchases_go_on_and_a_frozen_mongodb_gets_a_bounded_answer(laurel: Installation) -> None:
    no_redis = f"redis://127.0.0.1:{free_loopback_port()}/0"
    async with embedded_servers(laurel.data_dir, redis_url=no_redis) as stores:
        laurel.set_variables(
            LAUREL_MONGO_URL=stores.mongo_url,
            LAUREL_REDIS_URL=no_redis,
            LAUREL_JWT_SECRET=SECRET,
            LAUREL_STORE_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS),
        )
        async with serving(laurel) as served:
            token = staff_token()
            health = await served.client.get("/health")
            assert (health.status_code, health.json()) == (
                200,
                {"status": "degraded", "stores": {"mongodb": "ok", "redis": "unavailable"}},
            )
            ann = (await served.ask(ENROL, token))["enrolMember"]["member"]
            first = await served.ask(RECORD, token, key="p-1", member=ann["id"])
            assert first["recordActivity"] == {"replayed": False, "member": {"points": {"available": 9}}}

            (mongo,) = laurel.processes("secantusd-rs")
            with frozen(mongo):
                for query, values in (
                    (RECORD, {"key": "p-2", "member": ann["id"]}),
                    (MEMBER, {"number": ann["loyaltyNumber"]}),
                ):
                    began = time.monotonic()
                    body = (await served.post(query, token, **values)).json()
                    assert time.monotonic() - began < ANSWER_SECONDS
                    (error,) = body["errors"]
                    assert error["extensions"]["code"] == "UNAVAILABLE"
                    assert error["extensions"]["requestId"] in error["message"]
                    assert "127.0.0.1" not in str(body)
                assert (await served.client.get("/health")).status_code == httpx.codes.SERVICE_UNAVAILABLE

            again = await served.ask(RECORD, token, key="p-2", member=ann["id"])
            assert again["recordActivity"]["member"] == {"points": {"available": 18}}
            repeated = await served.ask(RECORD, token, key="p-2", member=ann["id"])
            assert repeated["recordActivity"] == {"replayed": True, "member": {"points": {"available": 18}}}
            assert await laurel.run("verify") == Ended(0, "1 member verified, no differences\n", "")
            served.command.process.send_signal(signal.SIGTERM)
            assert (await served.command.ended()).code == 0


async def test_purchases_go_on_while_the_embedded_redis_is_started_again_and_all_ends_with_the_guard(
    laurel: Installation,
) -> None:
    async with serving(laurel, LAUREL_JWT_SECRET=SECRET) as served:
        (redis,) = laurel.processes("valkey-server")
        os.kill(redis, signal.SIGKILL)
        await until(lambda: "the embedded Redis server" in served.command.complained)
        ann = (await served.ask(ENROL, staff_token()))["enrolMember"]["member"]
        recorded = await served.ask(RECORD, staff_token(), key="p-1", member=ann["id"])
        assert recorded["recordActivity"] == {"replayed": False, "member": {"points": {"available": 9}}}
        async with asyncio.timeout(ANSWER_SECONDS):
            while (await served.client.get("/health")).json()["status"] != "ok":  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(POLL_SECONDS)
        assert len(laurel.processes("valkey-server")) == 1
        (guard,) = laurel.processes("guard.py")
        os.kill(guard, signal.SIGKILL)
        ended = await served.command.ended()
    assert (ended.code, ended.stdout) == (1, "")
    *lines, last = ended.stderr.splitlines()
    said = f"the embedded Redis server was ended by SIGKILL; {laurel.data_dir}/redis.log ends with: "
    assert [f" ERROR app.embedded.lifecycle: {said}" in line for line in lines if " ERROR " in line] == [True]
    assert ended.stderr.count("Serving GraphQL at http://127.0.0.1:") == 1
    assert "Traceback" not in ended.stderr
    assert last == "laurel: the guard of the embedded servers was stopped, and the servers with it; start Laurel again"
    assert laurel.processes("secantusd-rs") == []


async def test_a_mongodb_that_cannot_be_reached_is_named_at_once_and_its_password_is_not(laurel: Installation) -> None:
    port = free_loopback_port()
    began = time.monotonic()
    ended = await laurel.run(
        "verify",
        LAUREL_MONGO_URL=f"mongodb://anna:geheim@127.0.0.1:{port}/?authSource=admin",
        LAUREL_STORE_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS),
    )
    assert time.monotonic() - began < ANSWER_SECONDS
    assert ended == Ended(
        1, "", f"laurel: LAUREL_MONGO_URL: MongoDB at 127.0.0.1:{port} did not answer within 1 seconds\n"
    )
