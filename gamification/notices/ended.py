"""Campaigns that have ended since they were told of: what a notice says of its end is from when it was made."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from gamification.campaigning import CampaignState
from gamification.notices.notice import Notice, NoticeKind
from gamification.windows import earliest

CAMPAIGN_KINDS: tuple[NoticeKind, ...] = ("campaign_started", "campaign_ending", "campaign_running_low")

CampaignsByCode = Callable[[Sequence[str]], Awaitable[Mapping[str, CampaignState]]]


async def heeding_ends(notices: Sequence[Notice], campaigns: CampaignsByCode) -> Sequence[Notice]:
    """These notices, in their order; those of a campaign that has ended expire no later than it did."""
    codes = list(dict.fromkeys(each.subject for each in notices if each.kind in CAMPAIGN_KINDS))
    if not codes:
        return notices
    states = await campaigns(codes)
    return [_heeding(each, states.get(each.subject)) if each.kind in CAMPAIGN_KINDS else each for each in notices]


def _heeding(notice: Notice, state: CampaignState | None) -> Notice:
    if state is None or state.status != "ended":
        return notice
    return replace(notice, expires_at=earliest(notice.expires_at, state.ended_at or state.changed_at))
