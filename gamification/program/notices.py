"""Notices as a program declares them: which kinds members are told, in which words, how long ahead, from when on."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from gamification.program.base import Code, Definition, Kinds, Points, misfit
from gamification.program.texts import Text

MAX_FRESH_HOURS = 366 * 24
MAX_LEADS = 5
"""How often one thing that lies ahead may be told."""
MAX_LEAD_DAYS = 366
MAX_LEAD_HOURS = 30 * 24
MAX_TOP = 1000
MAX_NAMED_ATTRIBUTES = 10

Form = Literal[
    "number",
    "amount",
    "day",
    "weekday",
    "time",
    "unit",
    "text",
    "tier",
    "badge",
    "challenge",
    "streak",
    "board",
    "campaign",
    "headline",
]
"""What a variable of a text stands for: a number, a day, the name of a part of the program, and so on.

An ``amount`` is in what tiers count: points, or money, which is kept in minor units.
"""

_NUMBER: Form = "number"
_AHEAD: Mapping[str, Form] = {"days": "number", "on": "day", "weekday": "weekday"}
_RANKED: Mapping[str, Form] = {"board": "board", "rank": "number", "top": "number"}
_CAMPAIGN: Mapping[str, Form] = {"campaign": "campaign", "headline": "headline", "ends": "time"}
VARIABLES: Mapping[str, Mapping[str, Form]] = MappingProxyType(
    {
        "points_earned": {"points": _NUMBER, "pending": _NUMBER, "balance": _NUMBER},
        "points_released": {"points": _NUMBER, "balance": _NUMBER},
        "points_expiring": {"points": _NUMBER, **_AHEAD},
        "tier_reached": {"tier": "tier"},
        "tier_at_risk": {"tier": "tier", "missing": "amount", **_AHEAD},
        "badge_won": {"badge": "badge", "level": _NUMBER},
        "challenge_almost_done": {
            "challenge": "challenge",
            "done": _NUMBER,
            "target": _NUMBER,
            "missing": _NUMBER,
            "percent": _NUMBER,
            "unit": "unit",
        },
        "challenge_done": {"challenge": "challenge", "times": _NUMBER},
        "streak_at_risk": {"streak": "streak", "length": _NUMBER, "freezes": _NUMBER, "unit": "unit"},
        "rank_gained": _RANKED,
        "rank_lost": _RANKED,
        "board_prize": {"board": "board", "place": _NUMBER, "points": _NUMBER, "badge": "badge"},
        "campaign_started": _CAMPAIGN,
        "campaign_ending": _CAMPAIGN,
        "campaign_running_low": {**_CAMPAIGN, "percent": _NUMBER},
        "birthday": {"years": _NUMBER},
        "redemption_ready": {},
    }
)
"""What the texts of each kind may name. ``redemption_ready`` names the attributes that it declares."""
NOTICE_TEXTS = ("title", "body", "link", "several.title", "several.body")
"""Where the texts of a kind stand in its declaration."""
SEVERAL_VARIABLES: Mapping[str, Form] = MappingProxyType({"count": "number"})
"""What the texts may name that stand for several notices at once."""

_Hour = Annotated[int, Field(strict=True, ge=0, le=23)]
_Percent = Annotated[int, Field(strict=True, ge=1, le=99)]
_Attribute = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class Lasting(Definition):
    """How long a notice is worth telling after what it tells of, and what it ``collapse``s with; None for nothing."""

    fresh_hours: Annotated[int, Field(strict=True, ge=1, le=MAX_FRESH_HOURS)] = 72
    collapse: Code | None = None


class Several(Definition):
    """What stands for several notices that are told as one."""

    title: Text
    body: Text


class Telling(Lasting):
    """A kind of notices and its texts, which are patterns of Project Fluent. ``link`` is where a tap leads."""

    title: Text
    body: Text
    link: Text | None = None
    several: Several | None = None


class PointsEarned(Telling):
    """What a record brings in points, if it is at least the ``minimum``."""

    minimum: Annotated[Points, Field(ge=1)] = 1


class OnDay(Telling):
    """A kind that is told on some day at an ``hour`` of the member's own clock."""

    hour: _Hour = 9


class Ahead(OnDay):
    """A kind that is told so many days before it happens, once for each of ``lead_days``."""

    lead_days: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=1, le=MAX_LEAD_DAYS)], ...],
        Field(min_length=1, max_length=MAX_LEADS),
    ]

    @field_validator("lead_days")
    @classmethod
    def _each_once(cls, leads: tuple[int, ...]) -> tuple[int, ...]:
        return _each_once(leads)


class StreakAtRisk(Telling):
    """A streak that ends tonight if nothing is done, told at an ``hour`` of the last evening."""

    hour: _Hour = 19


class AlmostDone(Telling):
    """A challenge of which ``percent`` are reached."""

    percent: _Percent = 80


class RankMoved(Telling):
    """A member who has come among the ``top`` of a board, or left them."""

    top: Annotated[int, Field(strict=True, ge=1, le=MAX_TOP)] = 10


class CampaignEnding(Telling):
    """A campaign that ends in so many hours, once for each of ``lead_hours``."""

    lead_hours: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=1, le=MAX_LEAD_HOURS)], ...],
        Field(min_length=1, max_length=MAX_LEADS),
    ]

    @field_validator("lead_hours")
    @classmethod
    def _each_once(cls, leads: tuple[int, ...]) -> tuple[int, ...]:
        return _each_once(leads)


class RunningLow(Telling):
    """A campaign of whose budget no more than ``percent`` are left."""

    percent: _Percent = 20


class Ready(Telling):
    """Something that is ready for the member, when an activity of a kind ``on`` says so.

    Texts may name its ``attributes``.
    """

    on: Kinds
    attributes: Annotated[tuple[_Attribute, ...], Field(max_length=MAX_NAMED_ATTRIBUTES)] = ()


class Notices(Definition):
    """The kinds of notices that members are told. One that is not declared is never made.

    A ``message`` brings its own texts.
    """

    points_earned: PointsEarned | None = None
    points_released: Telling | None = None
    points_expiring: Ahead | None = None
    tier_reached: Telling | None = None
    tier_at_risk: Ahead | None = None
    badge_won: Telling | None = None
    challenge_almost_done: AlmostDone | None = None
    challenge_done: Telling | None = None
    streak_at_risk: StreakAtRisk | None = None
    rank_gained: RankMoved | None = None
    rank_lost: RankMoved | None = None
    board_prize: Telling | None = None
    campaign_started: Telling | None = None
    campaign_ending: CampaignEnding | None = None
    campaign_running_low: RunningLow | None = None
    birthday: OnDay | None = None
    redemption_ready: Ready | None = None
    message: Lasting | None = None

    @cached_property
    def declared(self) -> Mapping[str, Lasting]:
        """The kinds that are declared, by their names."""
        found = ((kind, getattr(self, kind)) for kind in type(self).model_fields)
        return {kind: each for kind, each in found if each is not None}

    def texts(self) -> Iterator[tuple[str, str, Text]]:
        """The texts of all kinds that are declared: the kind, which of its texts it is, and the text."""
        for kind, declared in self.declared.items():
            if isinstance(declared, Telling):
                yield kind, "title", declared.title
                yield kind, "body", declared.body
                if declared.link is not None:
                    yield kind, "link", declared.link
                if declared.several is not None:
                    yield kind, "several-title", declared.several.title
                    yield kind, "several-body", declared.several.body

    def variables_of(self, kind: str) -> Mapping[str, Form]:
        """What the texts of a kind may name, and the form of each."""
        if kind == "redemption_ready" and self.redemption_ready is not None:
            return dict.fromkeys(self.redemption_ready.attributes, "text")
        return VARIABLES.get(kind, {})


def _each_once(leads: tuple[int, ...]) -> tuple[int, ...]:
    for number, lead in enumerate(leads):
        if lead in leads[:number]:
            raise misfit(f"names {lead} twice", number)
    return leads
