"""The terms of a campaign as those who run campaigns read them back: each field as in the input that gives it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import strawberry

from gamification.program import Text
from gamification.program.campaigns import Campaign as Terms
from gamification.program.campaigns import CampaignEffect as Effect
from gamification.program.texts import ANY_LANGUAGE
from schema.campaign_terms import Rounding, Stacking, TooLittle
from schema.scalars import BigInt


@strawberry.type(description="A text in one language.")
class CampaignText:
    """A text in one language."""

    language: str | None = strawberry.field(description="The language; null where the words serve for all.")
    text: str = strawberry.field(description="The words.")


@strawberry.type(description="The days and hours in which a campaign is open, in the program's time zone.")
class CampaignHours:
    """The days and hours in which a campaign is open."""

    rule: str = strawberry.field(description="Days as a recurrence rule (RFC 5545).")
    at: str = strawberry.field(description='When it opens, such as "17:00".')
    minutes: int = strawberry.field(description="For how long.")


@strawberry.type(description="Points for every piece on some lines of a receipt.")
class CampaignPerItem:
    """Points for every piece on some lines of a receipt."""

    points: BigInt = strawberry.field(description="The points for a piece.")
    categories: list[str] = strawberry.field(description="The categories that count; empty where all do.")
    items: str | None = strawberry.field(description="The condition (CEL) on each line; null where there is none.")


@strawberry.type(description="What a campaign adds: one of `multiplier`, `bonus` and `perItem`.")
class CampaignEffect:
    """What a campaign adds."""

    multiplier: Decimal | None = strawberry.field(description="What the rules' points become.")
    rounding: Rounding | None = strawberry.field(description="Of a multiplier's points; null where there is none.")
    bonus: BigInt | None = strawberry.field(description="So many points.")
    per_item: CampaignPerItem | None = strawberry.field(description="Points for every piece.")


@strawberry.type(description="The most points that a campaign gives out.")
class CampaignBudget:
    """The most points that a campaign gives out."""

    points: BigInt = strawberry.field(description="How many.")
    too_little: TooLittle = strawberry.field(description="What a bonus gets that finds too little left.")
    low_percent: int = strawberry.field(description="When so much or less is left, it is said to run low.")


@strawberry.type(description="The most points that a campaign gives one member.")
class CampaignCaps:
    """The most points that a campaign gives one member."""

    member: BigInt | None = strawberry.field(description="Altogether; null without limit.")
    member_day: BigInt | None = strawberry.field(description="On one day; null without limit.")


@strawberry.type(description="The terms of a campaign, with what was left out of them as it was understood.")
class CampaignTerms:
    """The terms of a campaign."""

    code: str = strawberry.field(description="Unique for ever.")
    name: list[CampaignText] = strawberry.field(description="What it is called.")
    headline: list[CampaignText] = strawberry.field(description="A line for the phone.")
    description: list[CampaignText] | None = strawberry.field(description="More about it.")
    on: list[str] = strawberry.field(description="The kinds of activity.")
    when: str | None = strawberry.field(description="The condition (CEL) over activity and member; null for all.")
    starts_at: datetime = strawberry.field(description="From when on it runs.")
    ends_at: datetime | None = strawberry.field(description="When it is over; null for never.")
    recurs: CampaignHours | None = strawberry.field(description="Its hours; null for all.")
    effect: CampaignEffect = strawberry.field(description="What it adds.")
    qualifying: bool = strawberry.field(description="Whether its points count towards tiers.")
    stacking: Stacking = strawberry.field(description="How it goes with others on the same purchase.")
    priority: int = strawberry.field(description="Between exclusive ones, the highest counts.")
    budget: CampaignBudget | None = strawberry.field(description="Null without limit.")
    caps: CampaignCaps = strawberry.field(description="What one member may have.")
    first_members: BigInt | None = strawberry.field(description="Only so many members, the first ones; null for all.")
    late_minutes: int = strawberry.field(description="How long past its end what happened before may still arrive.")


def show_terms(terms: Terms) -> CampaignTerms:
    """All terms of a campaign."""
    recurs, budget, caps = terms.recurs, terms.budget, terms.caps
    return CampaignTerms(
        code=terms.code,
        name=_texts(terms.name),
        headline=_texts(terms.headline),
        description=_texts(terms.description) if terms.description else None,
        on=list(terms.on),
        when=terms.when.source if terms.when else None,
        starts_at=terms.starts_at,
        ends_at=terms.ends_at,
        recurs=CampaignHours(rule=recurs.rule, at=recurs.at.isoformat("minutes"), minutes=recurs.minutes)
        if recurs
        else None,
        effect=_effect(terms.effect),
        qualifying=terms.qualifying,
        stacking=Stacking(terms.stacking),
        priority=terms.priority,
        budget=CampaignBudget(
            points=BigInt(budget.points), too_little=TooLittle(budget.too_little), low_percent=budget.low_percent
        )
        if budget
        else None,
        caps=CampaignCaps(member=_number(caps.member), member_day=_number(caps.member_day)),
        first_members=_number(terms.first_members),
        late_minutes=terms.late_minutes,
    )


def _effect(effect: Effect) -> CampaignEffect:
    per_item = effect.per_item
    return CampaignEffect(
        multiplier=effect.multiplier,
        rounding=Rounding(effect.rounding) if effect.multiplier is not None else None,
        bonus=_number(effect.bonus),
        per_item=CampaignPerItem(
            points=BigInt(per_item.points),
            categories=list(per_item.categories),
            items=per_item.items.source if per_item.items else None,
        )
        if per_item
        else None,
    )


def _texts(text: Text) -> list[CampaignText]:
    words: Mapping[str, str] = text.root
    return [
        CampaignText(language=None if language == ANY_LANGUAGE else language, text=each)
        for language, each in words.items()
    ]


def _number(value: int | None) -> BigInt | None:
    return None if value is None else BigInt(value)
