"""Why something came about: the reason of an effect as clients see it."""

from enum import Enum

import strawberry

from gamification import effects, record
from gamification.activity import MERGE, MERGED, UNMERGE, UNMERGED, Activity, own_key
from gamification.explain import explain
from schema.context import Context, Reading
from schema.ids import to_global_id
from schema.reasons import Reached, told_in

RECORD_ID = "Record"
_OTHER_ACCOUNTS = frozenset({MERGE, MERGED, UNMERGE, UNMERGED})
"""Inputs and kinds of activities that name another account by the game's own id, which says nothing to clients."""
_KEYS = frozenset({"reversed", "late"})
"""Inputs that are the key of an activity."""


@strawberry.enum(description="What decided an effect.")
class Source(Enum):
    """What decided an effect."""

    RULE = strawberry.enum_value("rule", description="An earning rule.")
    CHALLENGE = strawberry.enum_value("challenge", description="A challenge, or its reward.")
    BADGE = strawberry.enum_value("badge", description="A badge, or its reward.")
    TIER = strawberry.enum_value("tier", description="The tier ladder, or a tier's reward.")
    STAFF = strawberry.enum_value("staff", description="A member of staff, with a reason.")
    CAMPAIGN = strawberry.enum_value("campaign", description="A bonus-point campaign.")
    CLOCK = strawberry.enum_value("clock", description="Time: points became available or expired, a day came round.")
    BOARD = strawberry.enum_value("board", description="A board, or a prize for a place on it.")
    STREAK = strawberry.enum_value("streak", description="A streak, or the reward of a milestone.")
    REVERSAL = strawberry.enum_value("reversal", description="The program's policy for points that were spent already.")
    REVISION = strawberry.enum_value(
        "revision", description="A change of the past, where no part of the program stands behind it."
    )
    CHAIN = strawberry.enum_value("chain", description="The bound on chains of consequences.")


@strawberry.type(description="What went into the arithmetic, or the reason that staff gave.")
class WhyInput:
    """What went into the arithmetic, or the reason that staff gave."""

    name: str = strawberry.field(
        description='What it is, such as "amount". Where the past was changed: `before` and `after`, and what changed '
        "it, as `reversed` or `late` (an activity's key) or `rejudged` (a version of the program)."
    )
    value: str = strawberry.field(description="The number written out; for an adjustment, the reason in words.")


@strawberry.type(description="Why an effect came about.")
class Why:
    """Why an effect came about."""

    text: str = strawberry.field(description="The reason in words, in the reader's language.")
    source: Source = strawberry.field(description="What kind of thing decided it.")
    rule: str | None = strawberry.field(description="The code of the earning rule; null where none decided it.")
    campaign: str | None = strawberry.field(description="The code of the campaign; null where none decided it.")
    code: str = strawberry.field(description="The code of whatever decided it.")
    arithmetic: str | None = strawberry.field(
        description="How it was worked out; null where there was nothing to work out."
    )
    inputs: list[WhyInput] = strawberry.field(description="The numbers in the arithmetic.")
    lots: list[str] = strawberry.field(description="The lots of points that were made, used or dropped.")
    because: int | None = strawberry.field(
        description="The place, in the record's effects, of the effect that led to this one; null for the activity."
    )
    activity_key: str | None = strawberry.field(
        description="The key of the activity behind it; null where time alone passed."
    )
    record_id: strawberry.ID = strawberry.field(description="The global id of the record that tells it.")


def shown_key(activity: Activity | None) -> str | None:
    """The key of an activity as it was made, whichever account it was made with; None without one."""
    if activity is None:
        return None
    names_other = activity.kind in _OTHER_ACCOUNTS and activity.key.startswith("#")
    return f"#{activity.kind}" if names_other else own_key(activity.key)


def show_why(why: effects.Why, of: record.Record, reading: Reading) -> Why:
    """A reason that stands in the record ``of``, as clients see it."""
    return Why(
        text=explain(why, reading.program, reading.language, reading.campaigns),
        source=Source(why.source),
        rule=why.code if why.source == "rule" else None,
        campaign=why.code if why.source == "campaign" else None,
        code=why.code,
        arithmetic=why.arithmetic or None,
        inputs=[
            WhyInput(name=name, value=own_key(str(value)) if name in _KEYS else str(value))
            for name, value in why.inputs.items()
            if name not in _OTHER_ACCOUNTS
        ],
        lots=[own_key(lot) for lot in why.lots],
        because=why.because,
        activity_key=shown_key(of.activity),
        record_id=to_global_id(RECORD_ID, f"{of.member_id}:{of.seq}"),
    )


async def why_reached(context: Context, reading: Reading, reached: Reached) -> Why | None:
    """Why something was reached, as a dry run foretells or else the journal tells; None where neither does."""
    reason = told_in(reversed(reading.foretold), reached)
    if reason is None and reading.member_id is not None:
        reason = await context.reasons.load((reading.member_id, reached))
    return show_why(reason.why, reason.record, reading) if reason else None
