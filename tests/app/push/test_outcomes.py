"""What providers answer and what becomes of it: sent, failed with its reason, or tried again in order."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from app.push import outcomes, pausing, retrying, sending
from app.push.providers.provider import (
    Accepted,
    CredentialsWrong,
    Device,
    Gone,
    Later,
    Outcome,
    Push,
    Refused,
    TooLarge,
)
from app.stores.devices import Addressee, MongoDevices
from gamification.delivery.planning import plan as plan_together
from gamification.notices.notice import Notice
from tests.app.push.post import MINUTE, Double, Office, at_work, session_of, until

CANARY = "canary-token"


class Answers:
    """Gives each notice its answers in turn, and then takes it."""

    def __init__(self, **answers: list[Outcome | Exception]) -> None:
        self.answers = answers
        self.taken: list[str] = []

    def __call__(self, push: Push, _device: Device) -> Outcome:
        name = push.notice_id.split(":")[1]
        if waiting := self.answers.get(name):
            answer = waiting.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        self.taken.append(name)
        return Accepted("taken")


async def test_what_a_provider_will_never_take_has_failed_with_its_reason(office: Office) -> None:
    await office.phones("ann")
    double = Double(answer=Answers(a=[TooLarge()], b=[Refused("InvalidTopic")]))
    async with at_work(office, double):
        await office.tell("ann", "a", "b", "c")
        await until(lambda: len(double.sent) == 3)
        await until(lambda: _ended(office, 3))
    assert await office.states() == {"ann:a": "failed too_large", "ann:b": "failed InvalidTopic", "ann:c": "sent"}
    counts = await office.deliveries.counts(1, office.now())
    assert counts.ended == {
        ("failed", "fcm", "too_large"): 1,
        ("failed", "fcm", "InvalidTopic"): 1,
        ("sent", "fcm", ""): 1,
    }
    assert (counts.waiting, counts.queued, counts.dead) == (0, 0, 0)


async def test_what_is_tried_again_stays_before_what_came_after_it(office: Office) -> None:
    await office.phones("ann", "bob")
    answers = Answers(a=[Later(None, "Unavailable")] * 3, b=[Later(0.05, "QuotaExceeded")])
    double = Double(answer=answers)
    async with at_work(office, double):
        await office.tell("ann", "a", "b")
        await until(lambda: len(double.sent) >= 2)
        await office.tell("ann", "c", "d")
        await office.tell("bob", "e")
        await until(lambda: len(answers.taken) == 5)
        await until(lambda: _ended(office, 5))
    assert [name for name in answers.taken if name != "e"] == ["a", "b", "c", "d"]
    attempts = {one["notice_id"]: one["attempts"] for one in await office.stored()}
    assert attempts == {"ann:a": 4, "ann:b": 2, "ann:c": 1, "ann:d": 1, "bob:e": 1}
    assert Counter(double.notices) == Counter(attempts)


def test_a_pause_is_never_shorter_than_the_provider_asks_for_and_grows() -> None:
    assert 120.0 <= retrying.pause_seconds(1, 120.0) <= 180.0
    for attempts, seconds in ((1, 2.0), (2, 4.0), (5, 32.0), (40, retrying.MAX_SECONDS)):
        assert seconds <= retrying.pause_seconds(attempts, None) <= 1.5 * seconds
    assert len({retrying.pause_seconds(3, None) for _ in range(20)}) > 10, "what failed together is not tried together"


async def test_what_was_tried_too_often_is_dead_until_staff_queue_it_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "MAX_ATTEMPTS", 2)
    await office.phones("ann")
    answers = Answers(a=[Later(None, "Unavailable")] * 2)
    double = Double(answer=answers)
    async with at_work(office, double):
        await office.tell("ann", "a", "b")
        await until(lambda: _ended(office, 2))
        assert await office.states() == {"ann:a": "failed Unavailable", "ann:b": "sent"}
        [dead] = await office.deliveries.dead(None, 10)
        assert (dead.notice_id, dead.dead, dead.attempts) == ("ann:a", True, 2)
        assert (await office.deliveries.counts(1, office.now())).dead == 1
        [alive] = await office.stored(state="sent")
        assert await office.deliveries.requeue([dead.delivery_id, alive["_id"], "nothing"], office.now()) == [
            dead.delivery_id
        ]
        await until(lambda: answers.taken == ["b", "a"])
        await until(lambda: _ended(office, 2))
    assert await office.deliveries.dead(None, 10) == []
    assert await office.states() == {"ann:a": "sent", "ann:b": "sent"}


async def test_a_dead_token_is_forgotten_with_all_that_is_on_its_way(office: Office) -> None:
    await office.phones("ann")
    await office.register("ann", "tablet-ann")

    def gone(_push: Push, device: Device) -> Outcome:
        return Gone(None) if device.token == "phone-ann" else Accepted("taken")

    double = Double(answer=gone, pause_seconds=0.02)
    async with at_work(office, double):
        await office.tell("ann", "a", "b", "c")
        await until(lambda: _ended(office, 6))
        assert [device.device_id for device in await office.devices.of_member("ann")] == [
            (await office.register("ann", "tablet-ann")).device_id
        ]
    assert [token for _, token, _ in double.sent].count("phone-ann") == 1
    reasons = sorted(f"{one['state']} {one['reason']}".strip() for one in await office.stored())
    assert reasons == ["dropped device_gone"] * 2 + ["failed token_gone"] + ["sent"] * 3


async def test_a_token_that_was_registered_again_since_it_died_is_kept_and_sent_to(office: Office) -> None:
    await office.phones("ann")
    [before] = await office.devices.of_member("ann")
    answers = Answers(a=[Gone(before.registered_at - MINUTE)])
    double = Double(answer=answers)
    async with at_work(office, double):
        await office.tell("ann", "a")
        await until(lambda: answers.taken == ["a"])
    assert await office.devices.of_member("ann") == [before]

    registered: list[object] = []

    again = Answers(b=[Gone(None)])
    double = Double(answer=again, pause_seconds=0.1)
    async with at_work(office, double):
        await office.tell("ann", "b")
        await until(lambda: double.at_once == 1)
        registered.append(await office.register("ann", "phone-ann", at=office.now() + MINUTE))
        await until(lambda: again.taken == ["b"])
    assert await office.devices.of_member("ann") == registered


async def test_wrong_credentials_stop_one_provider_and_say_so_once(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    await office.phones("ann", "bob")
    await office.register("bob", "iphone-bob", "apns")
    caplog.set_level(logging.INFO)
    wrong = [True]

    def locked(_push: Push, _device: Device) -> Outcome:
        return CredentialsWrong("InvalidProviderToken") if wrong[0] else Accepted("taken")

    apple, google = Double("apns", answer=locked), Double("fcm")
    async with at_work(office, apple, google) as worker:
        await office.tell("bob", "a", "b")
        await until(lambda: len(google.sent) == 2)
        await until(lambda: len(apple.sent) >= 3)  # it is tried again now and then
        await office.tell("ann", "c")
        await until(lambda: len(google.sent) == 3)
        waiting = await office.stored(platform="apns")
        assert [(one["state"], one["attempts"]) for one in waiting] == [("queued", 0)] * 2
        wrong[0] = False
        await until(lambda: _ended(office, 5))
        assert session_of(worker).outcomes.counted == {"sent:fcm:": 3, "sent:apns:": 2}
    assert [notice_id for notice_id in apple.notices if notice_id == "bob:b"] == ["bob:b"]
    told = [
        record.getMessage()
        for record in caplog.records
        if "apns" in record.getMessage() and "provider" in record.getMessage()
    ]
    assert told == [
        "the provider of apns devices does not take our credentials: InvalidProviderToken; its pushes wait",
        "the provider of apns devices takes pushes again",
    ]


async def test_a_provider_that_fails_is_tried_again_and_nothing_of_it_gets_into_the_log(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "app")
    await office.enrol("ann")
    await office.register("ann", CANARY)
    answers = Answers(a=[ValueError(f"cannot send to {CANARY}")] * 2)
    async with at_work(office, Double(answer=answers)) as worker:
        await office.tell("ann", "a")
        await until(lambda: answers.taken == ["a"])
        session_of(worker).report()
    assert caplog.text.count("the provider of fcm devices failed with ValueError") == 1
    assert CANARY not in caplog.text


async def test_what_cannot_be_put_into_words_stops_nobody(
    office: Office, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.phones("ann")
    double = Double()
    async with at_work(office, double) as worker:
        worded = session_of(worker).planner._worder

        def word(notice: object, *_: object) -> object:
            raise KeyError("secret text")

        monkeypatch.setattr(worded, "_word", word)
        await office.tell("ann", "a", "b")
        await until(lambda: _ended(office, 2))
    assert (double.sent, await office.states()) == ([], {"ann:a": "failed unworded", "ann:b": "failed unworded"})
    assert caplog.text.count("notices of kind badge_won in en cannot be put into words: KeyError") == 1
    assert "secret text" not in caplog.text


async def test_what_a_program_calls_count_is_not_how_many_a_notice_tells_of(office: Office) -> None:
    await office.phones("ann")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "a", values={"count": CANARY})
        await until(lambda: _ended(office, 1))
    assert double.sent == [("ann:a", "phone-ann", "a x1")]


async def test_a_notice_that_cannot_be_decided_about_stops_nobody(
    office: Office, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.phones("ann", "bob")
    plan = plan_together

    def poisoned(notices: Sequence[Notice], *others: Any) -> Any:
        if any(notice.subject == "b" for notice in notices):
            raise ValueError(CANARY)
        return plan(notices, *others)

    monkeypatch.setattr("app.push.planning.plan", poisoned)
    double = Double()
    async with at_work(office, double):
        told = [await office.tell(who, *names, stream=False) for who, names in (("ann", "abc"), ("bob", "d"))]
        await office.stream(await office.entries_after(0, len(told) * 2))
        await until(lambda: _ended(office, 4))
    states = {"ann:a": "sent", "ann:b": "failed unplanned", "ann:c": "sent", "bob:d": "sent"}
    assert await office.states() == states
    assert [notice_id for notice_id in double.notices if notice_id != "bob:d"] == ["ann:a", "ann:c"]
    assert caplog.text.count("a notice of kind badge_won could not be decided about: ValueError") == 1
    assert CANARY not in caplog.text


async def test_a_provider_that_asks_for_a_pause_gets_it_for_all_devices(office: Office) -> None:
    await office.phones("ann", "bob")
    await office.register("bob", "iphone-bob", "apns")
    google, apple = Double(answer=Answers(a=[Later(60.0, "QUOTA_EXCEEDED", of_provider=True)])), Double("apns")
    async with at_work(office, google, apple):
        await office.tell("ann", "a")
        await until(lambda: google.notices == ["ann:a"] and google.at_once == 0)
        await office.tell("bob", "b")
        await until(lambda: _ended(office, 1))
    assert (google.notices, apple.notices) == (["ann:a"], ["bob:b"])


async def test_a_provider_that_is_unavailable_is_left_alone_by_all_and_longer_each_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pausing, "FIRST_BACKOFF_SECONDS", 0.2)
    monkeypatch.setattr("random.uniform", lambda _low, _high: 1.0)
    names = [f"m{number}" for number in range(6)]
    await office.phones(*names)
    await office.register("m0", "iphone-m0", "apns")
    clock, asked = asyncio.get_running_loop().time, list[float]()

    def answer(_push: Push, _device: Device) -> Outcome:
        asked.append(clock())
        return Later(None, "UNAVAILABLE", of_provider=True) if clock() < asked[0] + 1.0 else Accepted("taken")

    google, apple = Double(answer=answer, pause_seconds=0.01), Double("apns")
    async with at_work(office, google, apple):
        for name in names:
            await office.tell(name, "a")
        await until(lambda: _ended(office, 7))
    assert apple.notices == ["m0:a"]
    # After 0.2, 0.6 and 1.4 s all six may be asked anew; by their own pauses alone each would be seven times.
    assert len(asked) <= 6 * 4
    assert await office.states() == {f"{name}:a": "sent" for name in names}


async def test_pauses_are_bounded_and_begin_anew_when_something_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(pausing, "_seconds", lambda: now[0])
    pauses = pausing.Pauses()

    def pause() -> float:
        pauses.asked("fcm", None)
        began = now[0]
        while pauses.hold("fcm"):
            now[0] += 0.01
        return now[0] - began

    for least in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        assert least <= pause() <= 1.5 * least + 0.02
    pauses.asked("fcm", None)
    pauses.took("fcm")  # It was with the provider before that said so.
    now[0] += 100.0
    assert pause() >= 60.0
    pauses.took("fcm")
    assert 1.0 <= pause() <= 1.52
    pauses.asked("fcm", 10_000.0)
    now[0] += pausing.MAX_PAUSE_SECONDS - 1.0
    pauses.asked("fcm", 0.5)
    assert pauses.hold("fcm"), "a shorter pause does not end a longer one"
    assert not pauses.hold("apns")
    now[0] += 1.01
    assert not pauses.hold("fcm")


async def test_a_slow_provider_leaves_room_for_the_others(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MAX_HELD", 6)
    monkeypatch.setattr(outcomes, "MAX_HELD", 6)
    monkeypatch.setattr(sending, "MAX_IN_FLIGHT", 2)
    names = [f"m{number}" for number in range(8)]
    await office.phones(*names)
    await office.enrol("bob")
    await office.register("bob", "iphone-bob", "apns")
    google, apple = Double(pause_seconds=60.0), Double("apns")
    async with at_work(office, google, apple):
        for name in names:
            await office.tell(name, "a")
        await until(lambda: _has_rows(office, 8))
        await office.tell("bob", "b")
        await until(lambda: apple.notices == ["bob:b"])
    assert google.most_at_once == 2


async def test_what_comes_for_a_device_that_registers_again_while_it_is_buried_is_sent(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.phones("ann")
    answers = Answers(a=[Gone(None)])
    double, bury = Double(answer=answers), MongoDevices.bury

    async def and_again(devices: MongoDevices, dead: Addressee) -> bool:
        is_buried = await bury(devices, dead)
        row = (await office.stored())[0]
        await office.register("ann", "phone-ann", at=office.now() + MINUTE)
        await office.tell("ann", "b", stream=False)
        again = {"_id": "later", "notice_id": "ann:b", "state": "queued", "position": 2, "fence": row["fence"]}
        now = office.now() + MINUTE / 600
        await office.database["deliveries"].insert_one({**row, **again, "created_at": now, "due_at": now})
        return is_buried

    monkeypatch.setattr(MongoDevices, "bury", and_again)
    async with at_work(office, double):
        await office.tell("ann", "a")
        await until(lambda: _ended(office, 2))
    assert (answers.taken, await office.states()) == (["b"], {"ann:a": "failed token_gone", "ann:b": "sent"})


async def test_an_iphone_is_one_device_in_whatever_case_its_token_is(office: Office) -> None:
    await office.enrol("ann")
    first = await office.register("ann", "AB" * 32, "apns")
    second = await office.register("ann", "ab" * 32, "apns")
    assert first.device_id == second.device_id
    assert [each.device.token for each in await office.devices.of_members(["ann"])] == ["ab" * 32]


async def test_what_is_too_late_is_not_sent(office: Office) -> None:
    await office.phones("ann")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "a", expires_at=office.now() - MINUTE)
        await until(lambda: _ended(office, 1))
    assert (double.sent, await office.states()) == ([], {"ann:a": "dropped expired"})


async def test_what_a_campaign_told_that_has_ended_since_is_not_sent(office: Office) -> None:
    await office.phones("ann")
    office.ended["double"] = office.now() - MINUTE
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "double", kind="campaign_started", expires_at=office.now() + 9 * MINUTE)
        await until(lambda: _ended(office, 1))
    assert (double.sent, await office.states()) == ([], {"ann:double": "dropped expired"})


async def test_no_more_are_with_providers_at_once_than_may_be(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"m{number}" for number in range(30)]
    await office.phones(*names)
    double = Double(pause_seconds=0.01)
    async with at_work(office, double) as worker:
        monkeypatch.setattr(session_of(worker).sender, "_in_flight", {"fcm": asyncio.Semaphore(4)})
        for name in names:
            await office.tell(name, "a")
        await until(lambda: len(double.sent) == 30)
    assert double.most_at_once == 4


async def _ended(office: Office, count: int) -> bool:
    return len(await office.stored(state={"$in": ["sent", "failed", "dropped"]})) == count


async def _has_rows(office: Office, count: int) -> bool:
    return len(await office.stored()) == count


async def test_what_was_sent_last_is_counted_though_nothing_comes_after_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "COUNT_SECONDS", 0.5)
    await office.phones("ann")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await until(lambda: double.notices == ["ann:1"])
        await office.tell("ann", "2")
        await until(lambda: double.notices == ["ann:1", "ann:2"])

        async def all_are_counted() -> bool:
            return (await office.deliveries.counts(1, office.now())).ended == {("sent", "fcm", ""): 2}

        await until(all_are_counted)
