"""Prizes: what the final places of a period win, as an activity that only Laurel itself records."""

from datetime import datetime

from gamification import badges
from gamification.activity import PRIZE, Activity
from gamification.boards.keys import BoardKey
from gamification.draft import Draft
from gamification.program.boards import Board, Prize

PRIZE_KEY = "#prize:"
"""How the key of a prize's record begins; no caller's key does. The board key's text follows."""


def prize_for(board: Board, rank: int) -> Prize | None:
    """What a rank wins; members who share a rank all win that rank's prize."""
    return next((prize for prize in board.prizes if rank in prize.places), None)


def prize_activity(key: BoardKey, rank: int, prize: Prize, at: datetime) -> Activity:
    """What a member's journal records of a prize. Its key makes it one prize a board, period and scope, for good."""
    named: dict[str, str | int | float | bool] = {"board": key.board, "period": key.period, "place": rank}
    if key.scope:
        named["scope"] = key.scope
    if prize.badge:
        named["badge"] = prize.badge
    return Activity(PRIZE_KEY + key.text, PRIZE, at, attributes=named, points=prize.points)


def give(draft: Draft, activity: Activity) -> None:
    """Credit a prize's points, which do not count towards the tiers, and award its badge if the program has it."""
    named = activity.attributes
    inputs = {name: named[name] for name in ("place", "period", "scope") if name in named}
    why = draft.why("board", str(named.get("board", "")), f"place {named.get('place', '')}", inputs=inputs)
    draft.credit(activity.points, why, qualifying=False)
    badge = str(named.get("badge", ""))
    if badge in draft.program.badge_by_code:
        badges.award(draft, badge)
