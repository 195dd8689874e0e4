"""What time gives cause to tell a member: points about to expire, a tier or a streak at risk, a birthday.

Nothing of it is written anywhere before it is told, so points that were spent meanwhile are not warned of.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gamification.fold import advance, advance_once, next_due_at
from gamification.member import Member
from gamification.notices.foretold import Foretold, follows_state, foretells, foretold
from gamification.notices.notice import Notice
from gamification.program import Program
from gamification.schedule import Edition, Schedule
from gamification.state import State
from gamification.windows import earliest

LOOK_BACK = timedelta(days=3)
"""How much earlier than where the last question ended the next one should begin.

A member who flies, a program that changes and points that are given back can move what is to be told to before that.
What has been told already has the same id, and what is of no use any more has expired.
"""
_TICK = timedelta(microseconds=1)
_YEARS_AHEAD = timedelta(days=2 * 366)
"""Whatever comes round every year does so within these."""


def due_notices(member: Member, edition: Edition, after: datetime, until: datetime) -> tuple[Notice, ...]:
    """What is to be told after an instant and up to another, oldest first, by this version of the program.

    How often it is asked makes no difference: the answers for the parts of a time are together that for the whole, and
    a notice has the same id whenever it is worked out. What is told of a moment is what the member's account, as it is
    given, comes to by then if nothing more happens; of a moment before its last record, what it is now.
    """
    found = sorted(_due(member.state, edition.program, after, until), key=lambda each: (each.at, each.kind, each.name))
    return tuple(_notice(each, member.member_id, edition) for each in found)


def next_notice_at(member: Member, edition: Edition, after: datetime) -> datetime | None:
    """When to ask next: nothing is to be told after ``after`` and before this instant. None if nothing ever will be.

    It may be the next instant at which time changes the account, and then there may be nothing to tell yet.
    """
    program = edition.program
    if member.state.merged_into is not None or not program.notices.declared:
        return None
    state, _ = advance(member.state, after, program)
    changes_at = next_due_at(state, program) if follows_state(program) else None
    told_at = min((each.at for each in foretold(state, program, after, after + _YEARS_AHEAD)), default=None)
    return earliest(changes_at, told_at)


def look_at(state: State, schedule: Schedule, now: datetime, changes_at: datetime | None) -> datetime | None:
    """When to ask first for a member whose account has just come to ``state``, if nothing more happens before.

    It may lie up to `LOOK_BACK` before ``now``, where what is to be told has been moved there. ``changes_at`` is when
    time changes the account next. Quick, for every commit asks; None if nothing will ever be told.
    """
    if state.merged_into is not None:
        return None
    program, following, after = schedule.at(now).program, _changes_at(schedule, now), now - LOOK_BACK
    if not foretells(program):
        return following
    if changes_at is not None and changes_at <= after:
        return changes_at  # As in old history that is read in: what comes of it is looked at then.
    told_at = min((each.at for each in foretold(state, program, after, after + _YEARS_AHEAD)), default=None)
    return earliest(told_at, changes_at if follows_state(program) else None, following)


def look_again_at(member: Member, schedule: Schedule, now: datetime) -> datetime | None:
    """When to ask next for a member who has been told all up to ``now``; None if nothing ever will be to be told."""
    if member.state.merged_into is not None:
        return None
    return earliest(next_notice_at(member, schedule.at(now), now), _changes_at(schedule, now))


def _changes_at(schedule: Schedule, now: datetime) -> datetime | None:
    """When another version comes into force by which there is something to foretell."""
    changes_at = schedule.changes_after(now)
    return changes_at if changes_at is not None and foretells(schedule.at(changes_at).program) else None


def _due(state: State, program: Program, after: datetime, until: datetime) -> Iterator[Foretold]:
    """Go from one change of the account to the next, and tell of each stretch between them by the state in it."""
    if state.merged_into is not None or not program.notices.declared:
        return  # Whoever has taken this account in is told instead.
    begins = after
    while begins < until:
        changes_at = next_due_at(state, program)
        ends = until if changes_at is None or changes_at > until else max(changes_at, begins)
        for each in foretold(state, program, begins, ends):
            if changes_at is None or each.at < changes_at:
                yield each
        passed = advance_once(state, until, program)
        if passed is None:
            return
        state = passed[0]
        begins = max(after, state.as_of - _TICK)


def _notice(told: Foretold, member_id: str, edition: Edition) -> Notice:
    lasting = edition.program.notices.declared[told.kind]
    return Notice(
        notice_id=f"{member_id}:{told.kind}:{told.name}",
        member_id=member_id,
        kind=told.kind,
        subject=told.subject,
        at=told.at,
        program_version=edition.version,
        values=told.values,
        expires_at=min(told.at + timedelta(hours=lasting.fresh_hours), told.ends_at),
        collapse=lasting.collapse or "",
    )
