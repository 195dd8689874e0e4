"""The worker: what comes in the feed is sent to every device in order, at once, and what becomes of it is written."""

from tests.app.push.post import Double, Office, at_work, session_of, until


async def test_what_comes_is_sent_to_every_device_and_acknowledged(office: Office) -> None:
    await office.phones("ann", "bob")
    await office.register("ann", "tablet-ann", language="da")
    double = Double()
    async with at_work(office, double) as worker:
        await office.tell("ann", "1")
        await office.tell("bob", "2")
        await until(lambda: len(double.sent) == 3)
        assert sorted(double.sent) == [
            ("ann:1", "phone-ann", "1 x1"),
            ("ann:1", "tablet-ann", "1 x1"),
            ("bob:2", "phone-bob", "2 x1"),
        ]

        async def is_written() -> bool:
            return {one["state"] for one in await office.stored()} == {"sent"} and await office.pending() == 0

        await until(is_written)
        assert session_of(worker).outcomes.counted == {"sent:fcm:": 3}
        assert session_of(worker).outcomes.known == set()
