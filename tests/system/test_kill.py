"""Killed without warning, again and again: what was acknowledged stays, what was not is retried, nothing is doubled."""

import asyncio
import json
import os
import random
import re
import signal
from pathlib import Path

import pytest
from pymongo.errors import PyMongoError

from tests.system.expected import summary_of
from tests.system.installation import (
    SECRET,
    WAIT_SECONDS,
    Command,
    Ended,
    Installation,
    installed,
    sample_lines,
    serving,
    until,
)
from tests.system.shopping import MEMBERS, PURCHASES_EACH, Shopping, assert_nothing_was_lost, enrol_members

VICTIMS = ("parent", "parent and guard", "MongoDB")
WATCH_SECONDS = 0.005
KILLED_AFTER = 40
IMPATIENCE = "2"


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


@pytest.mark.parametrize("victim", ["MongoDB", pytest.param("parent", marks=pytest.mark.soak)])
async def test_what_was_acknowledged_survives_a_kill_under_load(laurel: Installation, victim: str) -> None:
    shopping = Shopping(KILLED_AFTER)
    async with (
        serving(laurel, LAUREL_JWT_SECRET=SECRET, LAUREL_STORE_TIMEOUT_SECONDS=IMPATIENCE) as served,
        asyncio.TaskGroup() as tasks,
    ):
        members = await enrol_members(served)
        tasks.create_task(shopping.of(served, members))
        async with asyncio.timeout(WAIT_SECONDS):
            await shopping.enough.wait()
        kill(laurel, served.command, victim)
        ended = await served.command.ended()
    acknowledged = shopping.acknowledged
    assert KILLED_AFTER <= len(acknowledged) < MEMBERS * PURCHASES_EACH
    if victim == "MongoDB":
        assert ended.code == 1
        last = ended.stderr.splitlines()[-1]
        assert last.startswith("laurel: the embedded MongoDB server was ended by SIGKILL; ")
    else:
        assert (ended.code, ended.stderr.count("Traceback")) == (-signal.SIGKILL, 0)

    async with serving(laurel, LAUREL_JWT_SECRET=SECRET) as served:
        await assert_nothing_was_lost(laurel, served, members, acknowledged)
