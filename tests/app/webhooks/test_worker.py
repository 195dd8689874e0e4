"""Webhooks: each endpoint gets all of the feed that it asked for, signed, again where it fails, and no other waits."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from app.webhooks import follower, retrying, sending
from gamification.notices.notice import Notice
from gamification.webhooks.endpoints import MAX_ENDPOINTS, EndpointChange, EndpointCounts, TooManyEndpoints
from schema.ids import to_global_id
from tests.app.webhooks.hooks import AT, Hooks, at_work, got, until
from tests.app.webhooks.receiver import Answer, Received, receiving


def refuse(status: int, *headers: str) -> Callable[[Received], Answer]:
    return lambda _received: (status, headers)


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "JITTER", 0.0)


async def test_what_comes_into_the_feed_is_sent_signed_and_as_documented(hooks: Hooks) -> None:
    await hooks.tell("ann", "before")
    async with receiving() as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.tell("ann", "gold")
        async with at_work(hooks):
            await until(got(receiver, 1))
            await until(lambda: _is_sent(hooks, endpoint))
    (received,) = receiver.received
    assert received.path == "/hooks?token=canary-in-the-address"
    assert received.headers["content-type"] == "application/json"
    assert received.id == to_global_id("Notice", "ann:gold")
    assert Webhook(endpoint.secrets.current).verify(received.body, dict(received.headers)) == {
        "type": "notice.badge_won",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "id": to_global_id("Notice", "ann:gold"),
            "position": 2,
            "member_id": to_global_id("Member", "ann"),
            "kind": "badge_won",
            "subject": "gold",
            "values": {"points": 25, "name": "gold"},
            "expires_at": None,
            "title": "badge_won en",
            "body": "canary-text gold",
            "link": "app://gold",
        },
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secrets.current).verify(received.body + b" ", dict(received.headers))
    (stored,) = await hooks.stored(endpoint)
    assert (stored["_id"], stored["state"], stored["attempts"], stored["status"], stored["due_at"]) == (
        f"{endpoint.endpoint_id}:ann:gold", "sent", 1, 204, None,
    )  # fmt: skip
    assert (await hooks.known(endpoint)).position == 2


async def _is_sent(hooks: Hooks, endpoint: object) -> bool:
    found = await hooks.stored(endpoint)  # type: ignore[arg-type]
    return bool(found) and all(each["state"] == "sent" for each in found)


async def test_only_the_kinds_that_were_asked_for_are_sent(hooks: Hooks) -> None:
    async with receiving() as receiver:
        endpoint = await hooks.endpoint(receiver.url, "tier_reached")
        await hooks.tell("ann", "badge")
        await hooks.tell("ann", "gold", kind="tier_reached")
        await hooks.tell("ann", "later")
        async with at_work(hooks):
            await until(lambda: _is_at(hooks, endpoint, 3))
            await until(got(receiver, 1))
    assert receiver.subjects == ["gold"]


async def _is_at(hooks: Hooks, endpoint: object, position: int) -> bool:
    return (await hooks.known(endpoint)).position == position  # type: ignore[arg-type]


async def test_both_secrets_sign_while_one_takes_over_from_the_other(hooks: Hooks) -> None:
    async with receiving() as receiver:
        first = await hooks.endpoint(receiver.url)
        second = await hooks.endpoints.rotate(first.endpoint_id, timedelta(hours=1), hooks.now())
        assert second is not None
        assert second.secrets.previous == first.secrets.current != second.secrets.current
        await hooks.tell("ann", "one")
        async with at_work(hooks):
            await until(got(receiver, 1))
            ended = await hooks.endpoints.rotate(first.endpoint_id, timedelta(), hooks.now())
            assert ended is not None
            await asyncio.sleep(0)
            await until(lambda: _is_sent(hooks, first))
        await hooks.tell("ann", "two")
        async with at_work(hooks):
            await until(got(receiver, 2))
    one, two = receiver.received
    for secret in (first.secrets.current, second.secrets.current):
        Webhook(secret).verify(one.body, dict(one.headers))
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(two.body, dict(two.headers))
    Webhook(ended.secrets.current).verify(two.body, dict(two.headers))


async def test_one_that_fails_is_tried_again_by_the_schedule_with_the_same_id_and_then_given_up(hooks: Hooks) -> None:
    async with receiving(refuse(500)) as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.tell("ann", "gold")
        waited = []
        async with at_work(hooks):
            for attempt in range(1, retrying.MAX_ATTEMPTS):
                await until(lambda attempt=attempt: _has_attempts(hooks, endpoint, attempt))  # type: ignore[misc]
                (stored,) = await hooks.stored(endpoint)
                left = stored["due_at"] - hooks.now()
                waited.append(round((left.total_seconds()) / 5) * 5)
                assert (stored["state"], stored["status"], stored["reason"]) == ("queued", 500, "status_500")
                hooks.ahead += left
            await until(lambda: _has_attempts(hooks, endpoint, retrying.MAX_ATTEMPTS))
    assert waited == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert await hooks.states(endpoint) == [("failed", 10, "status_500")]
    assert {each.id for each in receiver.received} == {to_global_id("Notice", "ann:gold")}
    assert len({each.body for each in receiver.received}) == 1
    assert len({each.headers["webhook-signature"] for each in receiver.received}) == 10
    assert (await hooks.known(endpoint)).disabled == "failing"


async def test_what_came_to_an_end_is_counted_for_each_endpoint_once_and_reported(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retrying, "MAX_ATTEMPTS", 1)
    caplog.set_level(logging.INFO, "app.webhooks")
    async with receiving() as good, receiving(refuse(500)) as bad:
        works, fails = await hooks.endpoint(good.url), await hooks.endpoint(bad.url)
        idle = await hooks.endpoint(good.url, "tier_reached")
        await hooks.tell("ann", "1", "2")
        async with at_work(hooks):
            await until(lambda: _are_ended(hooks, 4))
    await hooks.tell("ann", "3")
    [third] = await hooks.notices.after(2, 1)
    now = hooks.now()
    assert await hooks.deliveries.take(await hooks.known(works), [third], 3, now)
    ids = [each.endpoint_id for each in (works, fails, idle)]
    assert await hooks.counts.of_endpoints(ids, 2, hooks.now()) == {
        works.endpoint_id: EndpointCounts(1, now, {("sent", ""): 2}),
        fails.endpoint_id: EndpointCounts(0, None, {("failed", "status_500"): 2}),
        idle.endpoint_id: EndpointCounts(0, None, {}),
    }
    long_after = hooks.now() + timedelta(days=2)
    assert (await hooks.counts.of_endpoints(ids, 1, long_after))[works.endpoint_id].ended == {}
    assert (await hooks.counts.of_endpoints(ids, 31, long_after))[works.endpoint_id].ended == {("sent", ""): 2}
    told = sorted(each.getMessage() for each in caplog.records if "webhooks to" in each.getMessage())
    assert told == sorted(
        [
            f"webhooks to endpoint {works.endpoint_id}: sent 2",
            f"webhooks to endpoint {fails.endpoint_id}: failed:status_500 2",
        ]
    )


async def _are_ended(hooks: Hooks, count: int) -> bool:
    return bool(await hooks.connection["webhook_deliveries"].count_documents({"state": {"$ne": "queued"}}) == count)


async def _has_attempts(hooks: Hooks, endpoint: object, attempts: int) -> bool:
    return any(each["attempts"] == attempts for each in await hooks.stored(endpoint))  # type: ignore[arg-type]


async def test_one_that_works_again_gets_everything_and_is_no_longer_counted_as_failing(hooks: Hooks) -> None:
    async with receiving(refuse(500)) as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.tell("ann", "one")
        async with at_work(hooks):
            await until(lambda: _has_attempts(hooks, endpoint, 1))
            await until(lambda: _is_failing(hooks, endpoint))
            receiver.answer = refuse(204)
            hooks.ahead += timedelta(seconds=5)
            await until(lambda: _is_sent(hooks, endpoint))
            await until(lambda: _is_no_longer_failing(hooks, endpoint))


async def _is_failing(hooks: Hooks, endpoint: object) -> bool:
    return (await hooks.known(endpoint)).failing_since is not None  # type: ignore[arg-type]


async def _is_no_longer_failing(hooks: Hooks, endpoint: object) -> bool:
    return not await _is_failing(hooks, endpoint)


@pytest.mark.parametrize("status", [429, 503])
async def test_an_endpoint_is_left_alone_for_as_long_as_it_asks_for(hooks: Hooks, status: int) -> None:
    async with receiving(refuse(status, "retry-after: 600")) as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.tell("ann", "one")
        async with at_work(hooks):
            await until(lambda: _is_paused(hooks, endpoint))
            receiver.answer = refuse(204)
            await hooks.tell("ben", "two")
            await until(lambda: _is_at(hooks, endpoint, 2))
            hooks.ahead += timedelta(seconds=590)
            assert [state for state, *_ in await hooks.states(endpoint)] == ["queued", "queued"]
            assert receiver.subjects == ["one"]
            hooks.ahead += timedelta(seconds=11)
            await until(lambda: _is_sent(hooks, endpoint))
    assert sorted(receiver.subjects) == ["one", "one", "two"]


async def _is_paused(hooks: Hooks, endpoint: object) -> bool:
    return (await hooks.known(endpoint)).paused_until is not None  # type: ignore[arg-type]


async def test_410_disables_an_endpoint_until_staff_enable_it_and_then_nothing_is_missing(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving(refuse(410)) as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.tell("ann", "one")
        async with at_work(hooks):
            await until(lambda: _is_disabled(hooks, endpoint))
            receiver.answer = refuse(204)
            await hooks.tell("ann", "two")
            hooks.ahead += timedelta(days=1)
            changed = await hooks.endpoints.change(endpoint.endpoint_id, EndpointChange(enabled=True), hooks.now())
            assert changed == await hooks.known(endpoint)
            await until(lambda: _are_sent(hooks, endpoint, 2))
    assert sorted(receiver.subjects) == ["one", "one", "two"]
    assert caplog.messages == [f"webhook endpoint {endpoint.endpoint_id} is disabled: gone"]


async def _is_disabled(hooks: Hooks, endpoint: object) -> bool:
    return (await hooks.known(endpoint)).disabled == "gone"  # type: ignore[arg-type]


async def _are_sent(hooks: Hooks, endpoint: object, count: int) -> bool:
    return len(await hooks.stored(endpoint)) == count and await _is_sent(hooks, endpoint)  # type: ignore[arg-type]


async def test_a_slow_one_and_a_dead_one_hold_up_no_other(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 5.0)
    async with receiving() as slow, receiving(lambda _received: None) as dead, receiving() as quick:
        slow.gate.clear()
        endpoints = [await hooks.endpoint(each.url) for each in (slow, dead, quick)]
        await hooks.write([Notice(f"m{n}:x", f"m{n}", "badge_won", f"{n}", AT, 1) for n in range(60)])
        async with at_work(hooks):
            await until(got(quick, 60))
            await until(got(dead, 1))
            assert len(slow.received) == slow.most_at_once == follower.MAX_AT_ONCE
            assert dead.most_at_once <= follower.MAX_AT_ONCE
            slow.gate.set()
            await until(lambda: _are_sent(hooks, endpoints[0], 60))
    assert sorted(map(int, quick.subjects)) == list(range(60))
    assert {reason for _, _, reason in await hooks.states(endpoints[1])} <= {"", "connection_lost"}


async def test_requests_about_one_member_go_one_after_another_in_the_order_of_the_feed(hooks: Hooks) -> None:
    names = [str(number) for number in range(20)]
    async with receiving() as receiver:
        await hooks.endpoint(receiver.url)
        await hooks.tell("ann", *names)
        async with at_work(hooks):
            await until(got(receiver, 20))
    assert (receiver.subjects, receiver.most_at_once) == (names, 1)


async def test_workers_share_endpoints_and_one_that_is_killed_anywhere_loses_nothing(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "PAGE_NOTICES", 7)
    monkeypatch.setattr(follower, "DRAIN_SECONDS", 0.0)
    chance = random.Random(6)
    async with receiving() as one, receiving() as two:
        endpoints = [await hooks.endpoint(each.url) for each in (one, two)]
        for batch in range(8):
            names = range(batch * 10, batch * 10 + 10)
            await hooks.write([Notice(f"m{n % 9}:{n}", f"m{n % 9}", "badge_won", f"{n}", AT, 1) for n in names])
            async with at_work(hooks) as first, at_work(hooks):
                await until(got(one, chance.randrange(batch * 10 + 5)))
                await asyncio.sleep(chance.random() / 50)
                first.cancel()
        async with at_work(hooks):
            for endpoint in endpoints:
                await until(lambda endpoint=endpoint: _are_sent(hooks, endpoint, 80))  # type: ignore[misc]
    for receiver in (one, two):
        assert set(map(int, receiver.subjects)) == set(range(80))
        assert len(receiver.received) < 80 + 8 * 2 * follower.MAX_AT_ONCE


async def test_what_was_given_up_is_sent_once_more_where_staff_say_so(hooks: Hooks) -> None:
    async with receiving() as receiver:
        endpoint = await hooks.endpoint(receiver.url)
        await hooks.tell("ann", "one", "two", "three")
        async with at_work(hooks):
            await until(lambda: _are_sent(hooks, endpoint, 3))
            hour = timedelta(hours=1)
            ended = {"ann:one": hooks.now() - 2 * hour, "ann:two": hooks.now()}
            for notice_id, at in ended.items():
                given_up = {"$set": {"state": "failed", "ended_at": at}}
                await hooks.connection["webhook_deliveries"].update_one({"notice_id": notice_id}, given_up)
            since = hooks.now() - hour
            assert await hooks.deliveries.redeliver_failed(endpoint.endpoint_id, since, hooks.now()) == 1
            await until(got(receiver, 4))
            assert await hooks.deliveries.redeliver(f"{endpoint.endpoint_id}:ann:three", hooks.now()) is True
            await until(got(receiver, 5))
            assert await hooks.deliveries.redeliver(f"{endpoint.endpoint_id}:ann:none", hooks.now()) is False
    assert receiver.subjects == ["one", "two", "three", "two", "three"]
    assert len({each.id for each in receiver.received}) == 3


async def test_one_that_is_removed_gets_nothing_more_and_there_are_only_so_many(hooks: Hooks) -> None:
    async with receiving() as receiver:
        endpoints = [await hooks.endpoint(receiver.url) for _ in range(MAX_ENDPOINTS)]
        assert sorted(each.slot for each in endpoints) == list(range(MAX_ENDPOINTS))
        assert await hooks.endpoints.create("more", receiver.url, (), 0, hooks.now()) == TooManyEndpoints()
        assert await hooks.endpoints.remove(endpoints[3].endpoint_id) is True
        assert await hooks.endpoints.remove(endpoints[3].endpoint_id) is False
        assert (await hooks.endpoint(receiver.url)).slot == 3
        await hooks.tell("ann", "one")
        async with at_work(hooks):
            await until(got(receiver, MAX_ENDPOINTS))
    assert await hooks.stored(endpoints[3]) == []


async def test_nothing_of_members_secrets_or_addresses_is_logged(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiving(refuse(410)) as gone, receiving(refuse(302, "location: http://10.0.0.1/")) as moved:
        endpoints = [await hooks.endpoint(each.url) for each in (gone, moved)]
        await hooks.tell("canary-member", "canary-subject")
        async with at_work(hooks):
            await until(lambda: _is_disabled(hooks, endpoints[0]))
            await until(lambda: _has_attempts(hooks, endpoints[1], 1))
    ours = " ".join(f"{record.getMessage()}" for record in caplog.records if record.name.startswith("app"))
    told = [word for each in endpoints for word in (each.secrets.current[6:], each.url)]
    assert [word for word in (*told, "canary") if word in ours or word in repr(endpoints)] == []
