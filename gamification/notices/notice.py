"""A notice: one thing that one member is told."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from gamification.values import value

NoticeKind = Literal[
    "points_earned",
    "points_released",
    "points_expiring",
    "tier_reached",
    "tier_at_risk",
    "badge_won",
    "challenge_almost_done",
    "challenge_done",
    "streak_at_risk",
    "rank_gained",
    "rank_lost",
    "board_prize",
    "campaign_started",
    "campaign_ending",
    "campaign_running_low",
    "birthday",
    "redemption_ready",
    "message",
]


@value(frozen=True, slots=True)
class Notice:
    """One thing that one member is told. Immutable once written.

    ``notice_id`` is worked out from what it tells, so that to make it twice makes one. ``subject`` is the code of the
    tier, badge, campaign and so on that it is about, empty for none; ``at`` is when what it tells of happened;
    ``values`` are the numbers and names that its texts need. After ``expires_at`` nobody is told any more. Notices of
    one ``collapse`` may be told as one; an empty one collapses with nothing. ``program_version`` has its texts.
    """

    notice_id: str
    member_id: str
    kind: NoticeKind
    subject: str
    at: datetime
    program_version: int
    values: Mapping[str, str | int] = field(default_factory=dict)
    expires_at: datetime | None = None
    collapse: str = ""
