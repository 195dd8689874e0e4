"""`laurel up`: what a newcomer sees, and what stays when it ends."""

import re
import shutil
import signal
from pathlib import Path
from typing import NamedTuple

import pytest

from app.commands.up import EXAMPLE_MEMBER
from app.ports import free_loopback_port
from app.web import HOME_QUERY
from tests.app.push.post import until
from tests.system.installation import ROOT, SAMPLE, Ended, Installation, Served, sample_lines, serving

CUSTOMER = EXAMPLE_MEMBER.removeprefix("cdnow-")
ME = "{ me { displayName loyaltyNumber points { available } } }"
RECORD = """mutation ($key: String!, $number: String!) {
    recordActivity(input: {key: $key, loyaltyNumber: $number, amount: "100"}) {
        __typename ... on RecordActivitySuccess { replayed } } }"""


REGISTER = """mutation { registerDevice(input: {platform: FCM, token: "any-text-is-a-token-here"}) {
    ... on RegisterDeviceSuccess { device { platform } } } }"""
MESSAGE = """mutation { sendMessage(input: {
    key: "hello", title: [{text: "Hello"}], body: [{text: "This is a push."}]}) { __typename } }"""
COUNTS = "{ deliveryCounts(days: 2) { queued ended { state platform count } } }"


class Banner(NamedTuple):
    """What `laurel up` prints to be pasted."""

    loyalty_number: str
    member_token: str
    staff_token: str
    query: str


def banner_of(printed: str) -> Banner:
    found = re.search(
        rf"Member token \(Customer {CUSTOMER}, (\d+)\):\n(\S+)\n\nStaff token:\n(\S+)\n.*"
        r"The home query, to be sent with the member token:\n\n(.*)",
        printed,
        re.DOTALL,
    )
    assert found, printed
    return Banner(*found.groups())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder to start in, with the example program and a short log; its last customer is the one that is shown."""
    folder = tmp_path / "shop"
    (folder / "programs" / "cdnow").mkdir(parents=True)
    shutil.copy(ROOT / "programs" / "record-shop.yaml", folder / "programs")
    shown = [line for line in SAMPLE.read_text(encoding="ascii").splitlines() if line.split()[0] == CUSTOMER]
    assert shown, "the shown customer is one of the sample"
    lines = [*sample_lines(40), *shown]
    (folder / "programs" / "cdnow" / SAMPLE.name).write_text("\n".join(lines), encoding="ascii")
    return folder


async def sees_a_push(served: Served, banner: Banner) -> None:
    registered = await served.ask(REGISTER, banner.member_token)
    assert registered["registerDevice"] == {"device": {"platform": "FCM"}}
    sent = await served.ask(MESSAGE, banner.staff_token)
    assert sent["sendMessage"] == {"__typename": "BroadcastSuccess"}
    wanted = {"queued": 0, "ended": [{"state": "SENT", "platform": "FCM", "count": 1}]}

    async def is_sent() -> bool:
        return bool((await served.ask(COUNTS, banner.staff_token))["deliveryCounts"] == wanted)

    await until(is_sent)


async def available(served: Served, token: str) -> int:
    points: int = (await served.ask(ME, token))["me"]["points"]["available"]
    return points


async def test_what_up_prints_works_and_what_was_written_outlives_every_end(laurel: Installation, shop: Path) -> None:
    async with serving(laurel, "up", cwd=shop) as served:
        printed = await served.command.until_printed("leaderboard")
        banner = banner_of(printed)
        assert "Applied programs/record-shop.yaml as version 1 of the program\n" in printed
        assert " members, 4" in printed
        assert f"Laurel serves GraphQL at {served.client.base_url}/graphql" in printed
        assert banner.query == HOME_QUERY + "\n"
        home = await served.ask(banner.query, banner.member_token)
        assert home["me"]["displayName"] == f"Customer {CUSTOMER}"
        assert home["me"]["loyaltyNumber"] == banner.loyalty_number
        assert "first-purchase" in [badge["code"] for badge in home["me"]["badges"]["nodes"]]
        page = await served.client.get("/graphql", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")

        before = await available(served, banner.member_token)
        recorded = await served.ask(RECORD, banner.staff_token, key="p-1", number=banner.loyalty_number)
        assert recorded["recordActivity"] == {"__typename": "RecordActivitySuccess", "replayed": False}
        after = await available(served, banner.member_token)
        assert after >= before + 100
        own = await served.post(RECORD, banner.member_token, key="p-2", number=banner.loyalty_number)
        assert own.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        await sees_a_push(served, banner)

        assert (await laurel.run("up", cwd=shop, PORT=str(served.client.base_url.port))) == Ended(
            1, "", f"laurel: port {served.client.base_url.port} is taken; set PORT to another\n"
        )
        beside = await laurel.run("serve", PORT=str(free_loopback_port()))
        assert (beside.code, beside.stdout) == (1, "")
        assert beside.stderr == (
            f"laurel: data folder {laurel.data_dir} is in use by process {served.command.process.pid}; "
            "stop it or set LAUREL_DATA_DIR\n"
        )
        served.command.process.send_signal(signal.SIGTERM)
        ended = await served.command.ended()
        assert ended.code == 0
        assert ended.stderr.count(":message:hello for a device of kind fcm is logged, not sent") == 1
        assert no_child_is_left(laurel)

    async with serving(laurel, "up", cwd=shop) as served:
        printed = await served.command.until_printed("leaderboard")
        assert printed.startswith("\nLaurel serves GraphQL"), "nothing is applied or imported again"
        assert banner_of(printed).loyalty_number == banner.loyalty_number
        assert await available(served, banner.member_token) == after, "a token outlives a restart"
        await served.ask(RECORD, banner.staff_token, key="p-3", number=banner.loyalty_number)
        at_the_kill = await available(served, banner.member_token)
        served.command.process.kill()
        await served.command.ended()
        await laurel.until_servers_are_gone()
        assert no_child_is_left(laurel)

    async with serving(laurel, "up", cwd=shop) as served:
        assert await available(served, banner.member_token) == at_the_kill
        repeated = await served.ask(RECORD, banner.staff_token, key="p-3", number=banner.loyalty_number)
        assert repeated["recordActivity"]["replayed"] is True
        verified = await laurel.beside("verify")
        assert (verified.code, verified.stderr) == (0, "")
        served.command.process.send_signal(signal.SIGINT)
        ended = await served.command.ended()
        assert (ended.code, " ERROR " in ended.stderr, "Traceback" in ended.stderr) == (0, False, False)
        assert no_child_is_left(laurel)


def no_child_is_left(laurel: Installation) -> bool:
    programs = ("guard.py", "secantusd-rs", "valkey-server")
    return laurel.servers_are_gone() and not any(map(laurel.processes, programs))
