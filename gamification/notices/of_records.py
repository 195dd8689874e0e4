"""What a record gives cause to tell its member: points, a tier, badges, challenges, a prize, what is ready."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice

from gamification.activity import PRIZE, REJUDGEMENT
from gamification.effects import BadgeWon, Completed, Entry, Progressed, TierMoved
from gamification.member import Member
from gamification.notices.notice import Notice, NoticeKind
from gamification.program import Program
from gamification.program.notices import Notices
from gamification.record import REVISING, Record
from gamification.schedule import Edition
from gamification.values import value

MAX_NOTICES_A_RECORD = 50
"""How many notices one record makes; what else it brings stands in the record."""

_UNTOLD = REVISING - {REJUDGEMENT}
"""What takes back, or makes accounts one or two, tells nothing: whoever did it knows, and nothing new was achieved."""
_EARNING = frozenset({"rule", "challenge", "badge", "tier", "streak", "campaign", "board", "staff"})
"""The sources of entries that bring points."""
_RELEASING = frozenset({"unlock", "release"})
"""The codes of the clock's entries that make pending points available."""


@value(frozen=True, slots=True)
class _Fact:
    """Something to tell: its kind, what it is about, and the values of its texts."""

    kind: NoticeKind
    subject: str
    values: Mapping[str, str | int]


@value(frozen=True, slots=True)
class _Points:
    """What a record brings in points: all of it, the part that is pending, and what has become available."""

    earned: int
    pending: int
    released: int


def notices_of(record: Record, member: Member, edition: Edition) -> tuple[Notice, ...]:
    """What the member is told of a record, by the version of the program in force when it was recorded.

    What a late activity or a backfill newly grants is told, for it is news. A reversal, a merge and their like tell
    nothing. What was no longer fresh when it was recorded is not told either, so reading in old history is silent.
    """
    declared = edition.program.notices.declared
    if not declared or (record.activity is not None and record.activity.kind in _UNTOLD):
        return ()
    made = []
    for number, fact in enumerate(islice(_facts(record, member, edition.program), MAX_NOTICES_A_RECORD)):
        at, lasting = record.outcome.at, declared[fact.kind]
        expires_at = at + timedelta(hours=lasting.fresh_hours)
        if expires_at > record.recorded_at:
            made.append(
                Notice(
                    notice_id=f"{record.member_id}:{record.seq}:{number}",
                    member_id=record.member_id,
                    kind=fact.kind,
                    subject=fact.subject,
                    at=at,
                    program_version=edition.version,
                    values=fact.values,
                    expires_at=expires_at,
                    collapse=lasting.collapse or "",
                )
            )
    return tuple(made)


def _facts(record: Record, member: Member, program: Program) -> Iterator[_Fact]:
    """What is to be told of the kinds that are declared, in the order in which it is told."""
    told = program.notices
    tells_prize = told.board_prize is not None and _is_prize(record) and member.visibility.board != "hidden"
    yield from _ready(record, told)
    yield from _of_points(record, told, without="board" if tells_prize else "")
    if told.tier_reached is not None:
        yield from _tier(record, program)
    if tells_prize:
        yield _prize(record)
    if told.badge_won is not None:
        yield from _badges(record)
    if told.challenge_done is not None:
        yield from _challenges_done(record)
    if told.challenge_almost_done is not None:
        yield from _challenges_almost_done(record, told.challenge_almost_done.percent)


def _ready(record: Record, told: Notices) -> Iterator[_Fact]:
    ready, activity = told.redemption_ready, record.activity
    if ready is not None and activity is not None and activity.kind in ready.on:
        values = {name: str(activity.attributes.get(name, "")) for name in ready.attributes}
        yield _Fact("redemption_ready", "", values)


def _of_points(record: Record, told: Notices, without: str) -> Iterator[_Fact]:
    if told.points_earned is None and told.points_released is None:
        return
    points, balance = _points(record, without), record.outcome.balance.available
    if told.points_released is not None and points.released > 0:
        yield _Fact("points_released", "", {"points": points.released, "balance": balance})
    if told.points_earned is not None and points.earned >= told.points_earned.minimum:
        yield _Fact("points_earned", "", {"points": points.earned, "pending": points.pending, "balance": balance})


def _points(record: Record, without: str) -> _Points:
    """What a record brings, but for what comes from the source ``without``.

    A revision is told as the difference that it makes: what it gives and takes is netted, and what it both earns and
    releases has been earned.
    """
    revises, earned, pending, released = record.revised_from is not None, 0, 0, 0
    for effect in record.outcome.effects:
        if not isinstance(effect, Entry) or (effect.points < 0 and not revises):
            continue
        source = effect.why.source
        if source in _EARNING and source != without:
            earned += effect.points
            pending += effect.points if effect.account == "pending" else 0
        elif source == "clock" and effect.why.code in _RELEASING and effect.account == "available":
            released += effect.points
    if revises:
        pending, released = max(pending - max(released, 0), 0), max(released - max(pending, 0), 0)
    return _Points(earned, min(pending, earned), released)


def _tier(record: Record, program: Program) -> Iterator[_Fact]:
    """The highest tier that was reached. Everybody begins on the lowest, and is not told so."""
    moves = [effect for effect in record.outcome.effects if isinstance(effect, TierMoved)]
    if not moves or program.tiers is None:
        return
    before, after = (program.tiers.position(code) for code in (moves[0].before, moves[-1].after))
    if after > before:
        yield _Fact("tier_reached", moves[-1].after, {"tier": moves[-1].after})


def _badges(record: Record) -> Iterator[_Fact]:
    """Each badge that was won, at the highest of its levels."""
    levels: dict[str, int] = {}
    for effect in record.outcome.effects:
        if isinstance(effect, BadgeWon):
            levels[effect.code] = max(effect.level, levels.get(effect.code, 0))
    for code, level in levels.items():
        yield _Fact("badge_won", code, {"badge": code, "level": level})


def _challenges_done(record: Record) -> Iterator[_Fact]:
    for code, times in _completed(record).items():
        yield _Fact("challenge_done", code, {"challenge": code, "times": times})


def _challenges_almost_done(record: Record, percent: int) -> Iterator[_Fact]:
    """Each challenge that came to so many percent and was not done."""
    completed = _completed(record)
    moved: dict[str, tuple[int, Progressed]] = {}
    for effect in record.outcome.effects:
        if isinstance(effect, Progressed) and effect.code not in completed:
            moved[effect.code] = (moved[effect.code][0] if effect.code in moved else effect.before, effect)
    for code, (before, now) in moved.items():
        threshold = percent * now.goal
        if before * 100 < threshold <= now.after * 100 < 100 * now.goal:
            yield _Fact("challenge_almost_done", code, _progress(now))


def _progress(now: Progressed) -> Mapping[str, str | int]:
    return {
        "challenge": now.code,
        "done": _in_units(now.after, now.scale),
        "target": _in_units(now.goal, now.scale),
        "missing": _in_units(now.goal - now.after, now.scale),
        "percent": now.after * 100 // now.goal,
    }


def _completed(record: Record) -> Mapping[str, int]:
    """How many times each challenge was completed."""
    times: dict[str, int] = {}
    for effect in record.outcome.effects:
        if isinstance(effect, Completed):
            times[effect.code] = times.get(effect.code, 0) + effect.times
    return times


def _is_prize(record: Record) -> bool:
    return record.activity is not None and record.activity.kind == PRIZE


def _prize(record: Record) -> _Fact:
    assert record.activity is not None, "a prize is an activity"
    named = record.activity.attributes
    board, place = str(named.get("board", "")), int(named.get("place", 0))
    badge = str(named.get("badge", ""))
    values: dict[str, str | int] = {"board": board, "place": place, "points": record.activity.points, "badge": badge}
    return _Fact("board_prize", board, values)


def _in_units(amount: int, scale: int) -> int | str:
    """An amount in its own unit: a whole number, or a decimal as text."""
    whole, fraction = divmod(amount, scale)
    return f"{whole}.{fraction:0{len(str(scale)) - 1}}".rstrip("0") if fraction else whole
