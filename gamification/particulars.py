"""What the game itself must know of a member's profile: their time zone and birthday, from when on."""

from collections.abc import Mapping

from gamification import occasions, streaks
from gamification.activity import Activity
from gamification.draft import Draft
from gamification.member import Member, Profile

_TIME_ZONE, _BIRTHDAY = "time_zone", "birthday"
TAUGHT = frozenset({_TIME_ZONE, _BIRTHDAY})
"""The fields of a profile that the game goes by."""


def told(profile: Profile) -> Mapping[str, str]:
    """What a profile tells the game, as attributes of an enrolment; what it does not say is left out."""
    return {name: value for name, value in _said(profile).items() if value}


def news(member: Member) -> Mapping[str, str]:
    """What the profile says and the game does not know yet, as attributes of a record of particulars; empty for none.

    An empty text takes away what was known. Whoever has no record yet has no news: their enrolment tells it all.
    """
    if member.state.seq == 0:
        return {}
    known = {_TIME_ZONE: member.state.time_zone, _BIRTHDAY: member.state.birthday}
    return {name: value for name, value in _said(member.profile).items() if value != known[name]}


def learn(draft: Draft, activity: Activity) -> None:
    """Take in the time zone and birthday that an enrolment or a record of particulars carries."""
    if _TIME_ZONE in activity.attributes:
        before = draft.member_zone
        draft.time_zone = str(activity.attributes[_TIME_ZONE])
        after = draft.member_zone
        if after.key != before.key:
            occasions.zone_changed(draft, after)
            streaks.zone_changed(draft, before, after)
    if _BIRTHDAY in activity.attributes:
        occasions.set_birthday(draft, str(activity.attributes[_BIRTHDAY]))


def _said(profile: Profile) -> Mapping[str, str]:
    return {_TIME_ZONE: profile.time_zone or "", _BIRTHDAY: profile.birthday or ""}
