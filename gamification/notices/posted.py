"""Notices at their place in the feed, as those who follow it see them, and the inboxes in which they stand."""

from datetime import datetime

from gamification.notices.notice import Notice, NoticeKind
from gamification.values import value


@value(frozen=True, slots=True)
class Posted:
    """A notice with its place in the total order of all, from 1, and when the member read it."""

    notice: Notice
    position: int
    read_at: datetime | None = None


@value(frozen=True, slots=True)
class Mailbox:
    """Whose notices stand in an inbox: those of the accounts that go on as one, but for kinds ``unwanted`` there."""

    member_ids: tuple[str, ...]
    unwanted: tuple[NoticeKind, ...] = ()
