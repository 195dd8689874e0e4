"""Stores that are gone or do not answer: bounded answers, nothing half-done, and on it goes when they are back."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from app.embedded import embedded_servers
from app.ports import free_loopback_port
from tests.system.installation import SECRET, Ended, Installation, serving, staff_token

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


@pytest.mark.parametrize(("program", "name"), [("valkey-server", "Redis"), ("guard.py", None)])
async def test_a_process_whose_embedded_servers_end_says_so_in_one_line(
    laurel: Installation, program: str, name: str | None
) -> None:
    async with serving(laurel) as served:
        (pid,) = laurel.processes(program)
        os.kill(pid, signal.SIGKILL)
        ended = await served.command.ended()
    assert (ended.code, ended.stdout) == (1, "")
    said = (
        f"laurel: the embedded {name} server was ended by SIGKILL; {laurel.data_dir}/redis.log ends with: "
        if name
        else "laurel: the guard of the embedded servers was stopped, and the servers with it; start Laurel again"
    )
    serving_line, *rest = ended.stderr.splitlines()
    assert "Serving GraphQL at http://127.0.0.1:" in serving_line
    assert [line[: len(said)] for line in rest] == [said]
    assert laurel.processes("secantusd-rs") == []
