"""Notices at their place in the feed, as those who follow it and members' inboxes see them."""

from datetime import datetime

from gamification.notices.notice import Notice
from gamification.values import value


@value(frozen=True, slots=True)
class Posted:
    """A notice with its place in the total order of all, from 1, and when the member read it."""

    notice: Notice
    position: int
    read_at: datetime | None = None
