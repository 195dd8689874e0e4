"""Now, later or never: never in quiet hours, never too late, never too often, whatever the clocks and the member do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.delivery.deciding import STALE_AFTER, Decision, Defer, Drop, SendNow, Told, decide
from gamification.delivery.hours import QuietHours
from gamification.delivery.planning import COUNT, MEMORY_HOURS, plan
from gamification.delivery.preferences import Changes, Choice, Preferences, Wishes
from gamification.notices.notice import Notice, NoticeKind
from gamification.program.delivery import Delivery
from gamification.windows import local_day
from tests.gamification.delivery.test_hours import clock_times, instants, quiet_hours, zones

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KINDS: tuple[NoticeKind, ...] = ("points_earned", "badge_won", "campaign_started")
NEW_YORK, TOKYO, LONDON = (ZoneInfo(name) for name in ("America/New_York", "Asia/Tokyo", "Europe/London"))


def delivery(**given: Any) -> Delivery:
    return Delivery.model_validate(given)


def notice(number: int = 1, kind: NoticeKind = "badge_won", at: datetime = NOON, **more: Any) -> Notice:
    return Notice(f"ann:{number}:0", "ann", kind, "", at, 1, **more)


def wishes(preferences: Preferences | None = None, zone: ZoneInfo = LONDON, **program: Any) -> Wishes:
    return Wishes(preferences or Preferences(), zone, delivery(**program))


def chosen(*choices: Choice, quiet: QuietHours | None = None, best_time: time | None = None) -> Preferences:
    return Preferences().changed(Changes(choices, quiet, best_time))


NIGHT = {"from": "22:00", "to": "08:00"}
EVENING = datetime(2026, 5, 1, 21, 30, tzinfo=UTC)
"""22:30 in London."""
MORNING = datetime(2026, 5, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "how", "now", "decision"),
    [
        (notice(), wishes(), NOON, SendNow()),
        (notice(expires_at=NOON + HOUR), wishes(), NOON + HOUR, Drop("expired")),
        (notice(expires_at=NOON + HOUR), wishes(), NOON + HOUR - timedelta(seconds=1), SendNow()),
        (notice(), wishes(), NOON + 7 * 24 * HOUR, Drop("stale")),
        (notice(), wishes(kinds={"badge_won": {"push": False}}), NOON, Drop("unwanted")),
        (notice(), wishes(chosen(Choice("push", "badge_won", on=False))), NOON, Drop("unwanted")),
        (notice(), wishes(chosen(Choice("push", None, on=False))), NOON, Drop("unwanted")),
        (notice(), wishes(chosen(Choice("inbox", "badge_won", on=False))), NOON, SendNow()),
        (
            notice(),
            wishes(chosen(Choice("push", "badge_won", on=True)), kinds={"badge_won": {"push": False}}),
            NOON,
            SendNow(),
        ),
        (notice(), wishes(quiet=NIGHT), EVENING, Defer(MORNING, "quiet_hours")),
        (notice(), wishes(quiet=NIGHT), MORNING, SendNow()),
        (notice(), wishes(chosen(), quiet=NIGHT), EVENING, SendNow()),  # who chose to have none
        (notice(expires_at=MORNING), wishes(quiet=NIGHT), EVENING, Drop("expired")),
        (notice(expires_at=MORNING + HOUR), wishes(quiet=NIGHT), EVENING, Defer(MORNING, "quiet_hours")),
        (notice(), wishes(quiet=NIGHT), EVENING + 6 * 24 * HOUR, Defer(MORNING + 6 * 24 * HOUR, "quiet_hours")),
        (notice(at=MORNING - 7 * 24 * HOUR), wishes(quiet=NIGHT), EVENING, Drop("stale")),
    ],
)
def test_the_decision(given: Notice, how: Wishes, now: datetime, decision: Decision) -> None:
    assert decide(given, how, (), now) == decision


def test_a_best_time_is_waited_for_only_by_what_may_wait() -> None:
    likes = chosen(best_time=time(18))
    assert decide(notice(), wishes(likes), (), NOON) == SendNow()
    patient = wishes(likes, kinds={"badge_won": {"at_best_time": True}})
    six = NOON + 5 * HOUR
    assert decide(notice(), patient, (), NOON) == Defer(six, "best_time")
    assert decide(notice(), patient, (), six) == SendNow()
    assert decide(notice(), patient, (), six + 3 * HOUR) == SendNow()
    assert decide(notice(expires_at=six), patient, (), NOON) == SendNow()


def test_a_best_time_in_quiet_hours_waits_for_their_end() -> None:
    likes = chosen(quiet=QuietHours(time(22), time(8)), best_time=time(23))
    patient = wishes(likes, kinds={"badge_won": {"at_best_time": True}})
    eleven = EVENING + HOUR / 2
    assert decide(notice(), patient, (), NOON) == Defer(eleven, "best_time")
    assert decide(notice(), patient, (), eleven) == Defer(MORNING, "quiet_hours")
    assert decide(notice(), patient, (), MORNING) == SendNow()
    assert decide(notice(expires_at=MORNING), patient, (), NOON) == SendNow()


def test_caps_count_by_kind_and_altogether_on_the_day_where_the_member_is() -> None:
    how = delivery(per_day=3, kinds={"badge_won": {"per_day": 2}})
    badges = [Told("badge_won", NOON - HOUR), Told("badge_won", NOON - 2 * HOUR)]
    assert decide(notice(), Wishes(Preferences(), LONDON, how), badges, NOON) == Drop("cap")
    assert decide(notice(kind="birthday"), Wishes(Preferences(), LONDON, how), badges, NOON) == SendNow()
    assert decide(notice(kind="birthday"), Wishes(Preferences(), LONDON, how), [*badges, badges[0]], NOON) == Drop(
        "cap"
    )
    # At 12:00 UTC it is 21:00 in Tokyo: what was 20 hours before is of the same day there, what was 22 is not.
    yesterday = [Told("badge_won", NOON - 22 * HOUR)] * 3
    assert decide(notice(), Wishes(Preferences(), TOKYO, how), yesterday, NOON) == SendNow()
    assert decide(notice(), Wishes(Preferences(), TOKYO, how), [Told("badge_won", NOON - 20 * HOUR)] * 3, NOON) == Drop(
        "cap"
    )


def test_who_flies_is_told_by_the_clock_where_they_land() -> None:
    at = datetime(2026, 5, 2, 3, tzinfo=UTC)  # 23:00 in New York, noon in Tokyo
    in_new_york, in_tokyo = (wishes(zone=zone, quiet=NIGHT) for zone in (NEW_YORK, TOKYO))
    morning = datetime(2026, 5, 2, 12, tzinfo=UTC)
    assert decide(notice(), in_new_york, (), at) == Defer(morning, "quiet_hours")
    # Landed meanwhile: eight in New York is 21:00 in Tokyo, and two hours later the night begins there.
    assert decide(notice(), in_tokyo, (), morning) == SendNow()
    assert decide(notice(), in_tokyo, (), morning + 2 * HOUR) == Defer(
        datetime(2026, 5, 2, 23, tzinfo=UTC), "quiet_hours"
    )


def test_what_was_switched_off_stays_off_until_it_is_switched_on() -> None:
    off = chosen(Choice("push", "badge_won", on=False))
    whole = off.changed(Changes((Choice("push", None, on=False),)))
    assert not whole.allow("birthday", "push", delivery())
    again = whole.changed(Changes((Choice("push", None, on=True),)))
    assert [again.allow(kind, "push", delivery()) for kind in KINDS] == [True, False, True]
    assert again.changed(Changes((Choice("push", "badge_won", on=True),))).allow("badge_won", "push", delivery())


def test_quiet_hours_are_the_programs_until_a_member_chooses_and_again_when_they_give_them_back() -> None:
    program = delivery(quiet=NIGHT)
    own = QuietHours(time(20), time(9))
    chose = Preferences().changed(Changes(quiet=own))
    assert Preferences().quiet_hours(program) == QuietHours(time(22), time(8))
    assert chose.quiet_hours(program) == own
    assert chose.changed(Changes()).quiet_hours(program) == own
    assert chose.changed(Changes(quiet=None)).quiet_hours(program) is None
    assert chose.changed(Changes(quiet="program")).quiet_hours(program) == QuietHours(time(22), time(8))


def test_merged_accounts_are_told_as_the_one_that_goes_on_chose_and_else_as_the_other_did() -> None:
    program, own, others = delivery(quiet=NIGHT), QuietHours(time(20), time(9)), QuietHours(time(19), time(10))
    one = Preferences().changed(Changes((Choice("push", "badge_won", True), Choice("inbox", "birthday", False))))
    off = Changes((Choice("push", "badge_won", False), Choice("push", "birthday", False)), others, time(18))
    other = Preferences().changed(off)
    third = Preferences().changed(Changes((Choice("push", "birthday", True), Choice("push", None, False)), own, None))

    both = one.with_those_of([other])
    allowed = [both.allow(kind, "push", program) for kind in ("badge_won", "birthday", "message")]
    assert allowed == [True, False, True]
    assert not both.allow("birthday", "inbox", program)
    assert (both.quiet_hours(program), both.best_time) == (others, time(18))

    for accounts in ([other, third], [third, other]):
        whole = Preferences().with_those_of(accounts)
        assert whole.choices == {("push", "badge_won"): False, ("push", "birthday"): False, ("push", None): False}
    assert Preferences().with_those_of([third, other]).quiet_hours(program) == own
    assert Preferences().with_those_of([third, other]).best_time is None

    kept = one.changed(Changes(quiet="program", best_time=None)).with_those_of([other])
    assert (kept.quiet_hours(program), kept.best_time) == (QuietHours(time(22), time(8)), None)
    assert one.with_those_of([]) == one


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        (Changes(quiet=QuietHours(time(8), time(8))), ["quietHours.to"]),
        (Changes((Choice("push", None, on=True), Choice("push", None, on=False))), ["choices"]),
        (Changes((Choice("push", None, on=True), Choice("inbox", None, on=False))), []),
    ],
)
def test_what_cannot_be_chosen(changes: Changes, paths: list[str]) -> None:
    assert [problem.path for problem in changes.problems()] == paths


def test_those_that_collapse_are_told_by_the_last_of_them_and_count_once() -> None:
    badges = [notice(number, collapse="badge_won") for number in (1, 2, 3)]
    alone = notice(4, "birthday")
    decided = plan([badges[0], alone, *badges[1:]], wishes(per_day=2), (), NOON)
    assert [decision for _, decision in decided] == [Drop("collapsed"), SendNow(), Drop("collapsed"), SendNow()]
    assert (decided[3][0].notice_id, decided[3][0].values[COUNT]) == ("ann:3:0", 3)
    assert decided[1][0].values[COUNT] == 1


def test_those_that_collapse_are_all_dropped_where_the_day_is_full() -> None:
    badges = [notice(number, collapse="badge_won") for number in (1, 2)]
    decided = plan([notice(3, "birthday"), *badges], wishes(per_day=1), (), NOON)
    assert [decision for _, decision in decided] == [SendNow(), Drop("cap"), Drop("cap")]


def test_what_is_unwanted_or_waits_is_not_among_those_that_collapse() -> None:
    kinds: tuple[NoticeKind, ...] = ("points_earned", "badge_won", "badge_won")
    together = [notice(number, kind, collapse="news") for number, kind in enumerate(kinds)]
    decided = plan(together, wishes(kinds={"points_earned": {"push": False}}), (), NOON)
    assert [decision for _, decision in decided] == [Drop("unwanted"), Drop("collapsed"), SendNow()]
    assert decided[2][0].values[COUNT] == 2


kinds_of_program = st.fixed_dictionaries(
    {
        "per_day": st.integers(1, 3),
        "at_best_time": st.booleans(),
        "push": st.sampled_from((True, True, False)),
    }
)
programs = st.builds(
    lambda per_day, kinds: delivery(per_day=per_day, kinds=kinds),
    st.integers(1, 4),
    st.dictionaries(st.sampled_from(KINDS), kinds_of_program),
)
preferences = st.builds(
    lambda quiet, best, off: chosen(*(Choice("push", kind, on=False) for kind in off), quiet=quiet, best_time=best),
    st.none() | quiet_hours,
    st.none() | clock_times,
    st.sets(st.sampled_from(KINDS), max_size=1),
)
notices = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 1500), st.none() | st.integers(1, 3000), st.booleans()), max_size=8
)


@given(
    start=instants,
    program=programs,
    given=preferences,
    told_of=notices,
    zone=zones,
    flight=st.tuples(st.integers(0, 3000), zones),
)
def test_whatever_comes_nothing_is_sent_when_it_must_not_be(  # noqa: PLR0917 - hypothesis gives them
    start: datetime,
    program: Delivery,
    given: Preferences,
    told_of: list[tuple[NoticeKind, int, int | None, bool]],
    zone: ZoneInfo,
    flight: tuple[int, ZoneInfo],
) -> None:
    """A member's days, in which they fly somewhere: every notice is put off until it is sent or dropped."""
    waiting: dict[datetime, list[Notice]] = {}
    for number, (kind, minutes, life, collapses) in enumerate(told_of):
        at = start + timedelta(minutes=minutes)
        expires_at = None if life is None else at + timedelta(minutes=life)
        made = notice(number, kind, at, expires_at=expires_at, collapse=kind if collapses else "")
        waiting.setdefault(at, []).append(made)
    lands_at = start + timedelta(minutes=flight[0])
    told: list[Told] = []
    ended: list[str] = []
    while waiting:
        now = min(waiting)
        how = Wishes(given, flight[1] if now >= lands_at else zone, program)
        recent = [each for each in told if each.at > now - timedelta(hours=MEMORY_HOURS)]
        for made, decision in plan(waiting.pop(now), how, recent, now):
            if isinstance(decision, Defer):
                assert now < decision.until < (made.expires_at or made.at + STALE_AFTER)
                waiting.setdefault(decision.until, []).append(made)
                continue
            ended.append(made.notice_id)
            if isinstance(decision, SendNow):
                told.append(Told(made.kind, now))
                _assert_may_be_sent(made, how, told, now)
    assert sorted(ended) == sorted(f"ann:{number}:0" for number in range(len(told_of))), "each is sent or dropped, once"


def _assert_may_be_sent(made: Notice, how: Wishes, told: Sequence[Told], now: datetime) -> None:
    kind, quiet = how.delivery.kind(made.kind), how.preferences.quiet_hours(how.delivery)
    assert quiet is None or not quiet.cover(now.astimezone(how.zone).time())
    assert made.expires_at is None or now < made.expires_at
    assert now < made.at + STALE_AFTER
    assert how.preferences.allow(made.kind, "push", how.delivery)
    today = [each.kind for each in told if local_day(each.at, how.zone) == local_day(now, how.zone)]
    assert len(today) <= how.delivery.per_day
    assert kind.per_day is None or today.count(made.kind) <= kind.per_day


def test_a_program_without_a_word_of_delivery_tells_all_at_any_time() -> None:
    assert decide(replace(notice(), at=NOON), wishes(), (), EVENING) == SendNow()
