"""Killed without warning, again and again: what was acknowledged stays, what was not is retried, nothing is doubled."""

import asyncio
import json
import os
import random
import re
import signal
from pathlib import Path

import httpx
import pytest
from pymongo.errors import PyMongoError

from tests.system.expected import summary_of
from tests.system.installation import (
    SECRET,
    Command,
    Ended,
    Installation,
    Served,
    installed,
    sample_lines,
    serving,
    staff_token,
    until,
)

VICTIMS = ("parent", "parent and guard", "MongoDB")
WATCH_SECONDS = 0.005
MEMBERS = 8
PURCHASES_EACH = 15
KILLED_AFTER = 40
ENROL = """mutation ($key: String!) { enrolMember(input: {key: $key, displayName: "Ann"}) {
    ... on EnrolMemberSuccess { member { id } } } }"""
RECORD = """mutation ($key: String!, $member: ID!, $amount: Decimal!) {
    recordActivity(input: {key: $key, memberId: $member, amount: $amount}) {
        __typename ... on RecordActivitySuccess { replayed } } }"""


def kill(laurel: Installation, command: Command, victim: str) -> None:
    if victim == "MongoDB":
        (mongo,) = laurel.processes("secantusd-rs")
        os.kill(mongo, signal.SIGKILL)
        return
    if victim == "parent and guard":
        (guard,) = laurel.processes("guard.py")
        os.kill(guard, signal.SIGKILL)
    command.process.kill()


async def journal_grows(laurel: Installation, command: Command, by: int) -> bool:
    """Wait until the journal has grown by so many records; False if the command ended before."""
    await until(lambda: command.has_announced_servers(laurel.data_dir) or not command.is_running)
    try:
        with laurel.database() as database:
            journal = database["journal"]
            before = await journal.count_documents({})
            while command.is_running and await journal.count_documents({}) < before + by:  # noqa: ASYNC110
                await asyncio.sleep(WATCH_SECONDS)
    except (PyMongoError, AssertionError):
        assert not command.is_running
    return command.is_running


async def replay_under_fire(laurel: Installation, log: Path, kills: int, grows_by: int, rng: random.Random) -> Ended:
    """Replay the log, killing it so many times on the way; how the one that was spared ended."""
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(kills)]
    rng.shuffle(victims)
    for victim in victims:
        command = await laurel.start("replay", str(log), "--cdnow", "--json", LAUREL_STORE_TIMEOUT_SECONDS="1")
        assert await journal_grows(laurel, command, by=rng.randint(0, grows_by)), await command.ended()
        kill(laurel, command, victim)
        ended = await command.ended()
        if victim == "MongoDB":
            assert (ended.code, ended.stdout) == (1, "")
            said = (
                f"laurel: the embedded MongoDB server was ended by SIGKILL; {laurel.data_dir}/mongo.log ends with: .*\n"
            )
            assert re.fullmatch(said, ended.stderr), ended.stderr
        else:
            assert ended.code == -signal.SIGKILL
    return await laurel.run("replay", str(log), "--cdnow", "--json")


async def assert_all_is_there(laurel: Installation, ended: Ended, lines: list[str]) -> None:
    assert (ended.code, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == summary_of(lines)
    members = len({line.split()[0] for line in lines})
    assert await laurel.run("verify") == Ended(0, f"{members} members verified, no differences\n", "")


async def test_a_replay_that_is_killed_and_resumed_comes_to_the_same(laurel: Installation, tmp_path: Path) -> None:
    lines = list(sample_lines(1200))
    log = tmp_path / "log.txt"
    log.write_text("\n".join(lines), encoding="ascii")
    ended = await replay_under_fire(laurel, log, kills=3, grows_by=60, rng=random.Random(2))
    await assert_all_is_there(laurel, ended, lines)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
async def test_the_whole_sample_survives_many_kills(laurel: Installation, tmp_path: Path, seed: int) -> None:
    lines = list(sample_lines(6919))
    log = tmp_path / "log.txt"
    log.write_text("\n".join(lines), encoding="ascii")
    (tmp_path / "undisturbed").mkdir()
    async with installed(tmp_path / "undisturbed") as undisturbed:
        reference = await undisturbed.run("replay", str(log), "--cdnow", "--json")
    ended = await replay_under_fire(laurel, log, kills=21, grows_by=5, rng=random.Random(seed))
    assert ended == reference
    await assert_all_is_there(laurel, ended, lines)


async def enrol_members(served: Served) -> list[str]:
    token = staff_token()
    answers = [await served.ask(ENROL, token, key=f"member-{number}") for number in range(MEMBERS)]
    return [answer["enrolMember"]["member"]["id"] for answer in answers]


async def record(served: Served, member: str, number: int) -> bool | None:
    """Whether the purchase was recorded before; None if it was not acknowledged."""
    try:
        answer = await served.post(RECORD, staff_token(), key=f"p-{number}", member=member, amount=f"{number}.5")
    except httpx.TransportError:
        return None
    body = answer.json()
    if "errors" in body:
        assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAVAILABLE"]
        return None
    result = body["data"]["recordActivity"]
    assert result["__typename"] == "RecordActivitySuccess"
    return bool(result["replayed"])


@pytest.mark.parametrize("victim", ["MongoDB", pytest.param("parent", marks=pytest.mark.soak)])
async def test_what_was_acknowledged_survives_a_kill_under_load(laurel: Installation, victim: str) -> None:
    acknowledged: set[tuple[str, int]] = set()
    async with serving(laurel, LAUREL_JWT_SECRET=SECRET, LAUREL_STORE_TIMEOUT_SECONDS="1") as served:
        members = await enrol_members(served)

        async def shop(member: str) -> None:
            for number in range(PURCHASES_EACH):
                if await record(served, member, number) is False:
                    acknowledged.add((member, number))

        shopping = asyncio.gather(*(shop(member) for member in members))
        await until(lambda: len(acknowledged) >= KILLED_AFTER)
        kill(laurel, served.command, victim)
        await shopping
        ended = await served.command.ended()
    assert KILLED_AFTER <= len(acknowledged) < MEMBERS * PURCHASES_EACH
    if victim == "MongoDB":
        assert ended.code == 1
        last = ended.stderr.splitlines()[-1]
        assert last.startswith("laurel: the embedded MongoDB server was ended by SIGKILL; ")
    else:
        assert (ended.code, ended.stderr.count("Traceback")) == (-signal.SIGKILL, 0)

    async with serving(laurel, LAUREL_JWT_SECRET=SECRET) as served:
        for member in members:
            for number in range(PURCHASES_EACH):
                replayed = await record(served, member, number)
                assert replayed is not None
                if (member, number) in acknowledged:
                    assert replayed, "an acknowledged purchase was lost"
        with laurel.database() as database:
            keys = [row["activity"]["key"] async for row in database["journal"].find({"activity.kind": "purchase"})]
            totals = [row["state"]["totals"] async for row in database["members"].find()]
        assert sorted(keys) == sorted(f"p-{number}" for number in range(PURCHASES_EACH) for _ in members)
        assert [total["purchases"] for total in totals] == [PURCHASES_EACH] * MEMBERS
        spend_minor = sum(100 * number + 50 for number in range(PURCHASES_EACH))
        assert [total["spend_minor"] for total in totals] == [spend_minor] * MEMBERS
        verified = await laurel.beside("verify")
    assert verified == Ended(0, f"{MEMBERS} members verified, no differences\n", "")
