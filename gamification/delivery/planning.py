"""Several notices of one member at one moment: what is told together, and what of it fits into the day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gamification.delivery.deciding import Decision, Drop, SendNow, Told, decide
from gamification.delivery.preferences import Wishes
from gamification.notices.notice import Notice

COUNT = "laurel:count"
"""Among the values of a notice that is worded for a device: how many it tells of, itself included.

No attribute of a program can be named so.
"""
MEMORY_HOURS = 50
"""How far back pushes are remembered: the longest day of anybody, whatever zone they were in and come to."""


def plan(
    notices: Sequence[Notice], wishes: Wishes, told: Sequence[Told], now: datetime
) -> Sequence[tuple[Notice, Decision]]:
    """What is to be done about each of these notices of one member, which come in their order.

    Of those that collapse, the last is sent for all, and counts once towards what may be sent a day. It comes back with
    how many it stands for among its values, as `counting` puts it; the others are dropped.
    """
    decided: list[tuple[Notice, Decision]] = [(notice, decide(notice, wishes, (), now)) for notice in notices]
    groups: dict[str, list[int]] = {}
    for place, (notice, decision) in enumerate(decided):
        if isinstance(decision, SendNow):
            groups.setdefault(f"collapse:{notice.collapse}" if notice.collapse else notice.notice_id, []).append(place)
    had = list(told)
    for places in sorted(groups.values(), key=lambda group: group[-1]):
        *others, last = places
        notice = decided[last][0]
        verdict = decide(notice, wishes, had, now)
        decided[last] = (counting(notice, len(places)), verdict)
        for place in others:
            decided[place] = (decided[place][0], Drop("collapsed") if isinstance(verdict, SendNow) else verdict)
        if isinstance(verdict, SendNow):
            had.append(Told(notice.kind, now))
    return decided


def count_of(notice: Notice) -> int:
    """How many a notice says that it tells of; one where it says nothing of it."""
    count = notice.values.get(COUNT, 1)
    return count if isinstance(count, int) else 1


def counting(notice: Notice, count: int) -> Notice:
    """A notice that says that it tells of so many."""
    return replace(notice, values={**notice.values, COUNT: count})
