"""Activities: what happened, as a till, a booking system or a member of staff reports it."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

PURCHASE = "purchase"
ADJUSTMENT = "adjustment"
ENROLMENT = "enrolment"
PRIZE = "prize"
"""What Laurel records when a place on a board has won something; never reported from outside, and never counted."""
ATTRIBUTES = "attributes"
PARTICULARS = "particulars"
"""What Laurel records when the game learns a member's time zone or birthday from the profile."""
REVERSAL = "reversal"
"""What takes back an activity, or a part of it."""
REJUDGEMENT = "rejudgement"
"""What Laurel records when a version of the program judges a member's history again."""
STREAK_PAUSE = "streak.pause"
"""What Laurel records when a member plans to pause a ``streak``, or all of them, ``from`` a day ``until`` another."""
MERGE, UNMERGE = "merge", "unmerge"
"""What Laurel records of a member into whom another account of the same person is merged, and when that is undone."""
MERGED, UNMERGED = "merged", "unmerged"
"""What it records of that other account."""
BIRTHDAY, ANNIVERSARY = "birthday", "anniversary"
"""What happens to a member once a year by itself. Rules may give points for it; nobody reports it."""
Occasion = Literal["birthday", "anniversary"]
OCCASIONS: tuple[Occasion, ...] = ("birthday", "anniversary")
TIER_GRANT = "tier.grant"
"""What staff put a member on a tier by: attributes ``tier`` (empty to withdraw it) and ``until``, and a reason."""
EXTENSION = "extension"
"""What Laurel records when staff puts off the expiry of points, of one lot or of all; see ``extensions``."""
OWN_KINDS = frozenset(
    {
        PRIZE,
        EXTENSION,
        PARTICULARS,
        REVERSAL,
        REJUDGEMENT,
        MERGE,
        UNMERGE,
        MERGED,
        UNMERGED,
        BIRTHDAY,
        ANNIVERSARY,
        TIER_GRANT,
        STREAK_PAUSE,
    }
)
"""Kinds that Laurel alone records."""
RESERVED_KINDS = frozenset({"points.earned", "tier.reached", "badge.won", "challenge.completed", "streak.reached"})
"""What happens inside a record and may count towards a challenge; no activity from outside is of these kinds."""

MAX_KEY_CHARS = 128
MAX_CODE_CHARS = 64
MAX_TEXT_CHARS = 256
MAX_LINES = 500
MAX_QUANTITY = 1_000_000
MAX_AMOUNT_MINOR = 10**12
MAX_ADJUSTMENT_POINTS = 10**12
MAX_ATTRIBUTES = 50
MAX_ATTRIBUTE_NUMBER = 2**53
MAX_SHOWN_NUMBER = 10**20
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

# Identifiers are words with inner punctuation; quotes, braces and the dollar sign have no business in one.
_IDENTIFIER = re.compile(r"\w[\w .,:;/@+=#()&-]*")
_ACCOUNT = re.compile(r"[^|:#]*\|")
# Attribute names become document keys and rule identifiers: no dots, no operators.
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# "$5 off" and "A$AP" are fine texts; "$where" and '{"$gt": ""}' hold database operators.
_OPERATOR = re.compile(r"(?<!\w)\$[a-z]")

# Control characters and lone surrogates (Unicode's general categories) do not survive every store and phone.
_UNFIT = ("Cc", "Cs")
# Marks that turn the direction of what follows can make a text read as another.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of a receipt: ``quantity`` pieces of ``sku`` for ``amount_minor`` (minor units) together."""

    sku: str
    quantity: int = 1
    amount_minor: int = 0
    category: str | None = None


@dataclass(frozen=True, slots=True)
class ReversedLine:
    """What is taken back of a receipt's line, the one at place ``line`` from 0."""

    line: int
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Reversal:
    """What is taken back of the activity with this key: the whole, some ``lines``, or an amount (minor units).

    The whole is what neither lines nor an amount narrow. ``kept`` are points that stay with the member nevertheless.
    """

    key: str
    lines: tuple[ReversedLine, ...] = ()
    amount_minor: int = 0
    kept: int = 0

    @property
    def whole(self) -> bool:
        """Whether all that is left of the activity is taken back."""
        return not self.lines and not self.amount_minor


@dataclass(frozen=True, slots=True)
class Activity:
    """Something a member did, or that was done to their account, at ``occurred_at``.

    ``key`` is made by the caller and names this activity for good: the same key with the same content is a retry.
    ``amount_minor`` is in minor units of the program's money. ``points`` belong to adjustments
    and prizes, ``reason`` to adjustments and reversals, ``reversal`` to those alone.
    """

    key: str
    kind: str
    occurred_at: datetime
    amount_minor: int = 0
    items: tuple[LineItem, ...] = ()
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    points: int = 0
    reason: str | None = None
    reversal: Reversal | None = None

    @property
    def quantity(self) -> int:
        """Number of pieces over all lines."""
        return sum([item.quantity for item in self.items])


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: where (a dotted path into it) and what to do about it."""

    path: str
    message: str


def minor_units(path: str, amount: Decimal, decimals: int) -> int | Problem:
    """An amount of money as whole minor units, exactly, or what is wrong with it."""
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        return Problem(path, "must be a number")
    significant = "".join(map(str, digits)).strip("0")
    if not significant:
        return 0
    # In whole numbers: a Decimal's own arithmetic rounds, and would write an exponent such as 1E+999999 out.
    exponent += decimals + len(digits) - len("".join(map(str, digits)).rstrip("0"))
    if exponent < 0:
        return Problem(path, f"has more than {decimals} decimals")
    if len(significant) + exponent > len(str(MAX_AMOUNT_MINOR)):
        return Problem(path, f"is too large; at most {MAX_AMOUNT_MINOR} minor units are allowed")
    minor = int(significant + "0" * exponent)
    return -minor if sign else minor


def to_milliseconds(at: datetime) -> datetime:
    """The instant in UTC, cut to the milliseconds that the journal keeps."""
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def normalised(activity: Activity) -> Activity:
    """A sound activity as the journal keeps it: in UTC, cut to milliseconds, and 1.0 as 1, which clients mix up."""
    attributes = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in activity.attributes.items()
    }
    return replace(activity, occurred_at=to_milliseconds(activity.occurred_at), attributes=attributes)


def problems_of(activity: Activity, now: datetime, future_tolerance: timedelta) -> tuple[Problem, ...]:
    """Everything that forbids recording this activity; empty when it is sound."""
    return (
        *identifier_problems("key", activity.key, MAX_KEY_CHARS),
        *_kind_problems(activity.kind),
        *time_problems(activity.occurred_at, now, future_tolerance),
        *_number_problems("amount", activity.amount_minor, MAX_AMOUNT_MINOR, "minor units"),
        *_line_problems(activity),
        *_attribute_problems(activity.attributes),
        *_adjustment_problems(activity),
    )


def identifier_problems(path: str, text: str, max_chars: int) -> Iterator[Problem]:
    """What is wrong with an identifier such as a key, a kind or a sku."""
    if not text.strip():
        yield Problem(path, "must not be empty")
    elif len(text) > max_chars:
        yield Problem(path, f"is {len(text)} characters long; at most {max_chars} are allowed")
    elif not _IDENTIFIER.fullmatch(text):
        yield Problem(path, "may hold letters, digits, spaces and _ . , : ; / @ + = # ( ) & -, and starts with a word")


def own_key(key: str) -> str:
    """A key, or the name of a lot, as the account had it that it comes from: without what merging put before it.

    That is the account's id and a bar, which no caller's key holds; Laurel's own key of a reversal has it inside.
    """
    return _ACCOUNT.sub("", key)


def beside(key: str, name: str) -> str:
    """A name as it is known where ``key`` is: with what merging put before that one, if anything."""
    account = _ACCOUNT.match(key)
    return f"{account.group()}{name}" if account else name


def text_problems(path: str, text: str, max_chars: int = MAX_TEXT_CHARS) -> Iterator[Problem]:
    """What is wrong with a free text: its length, control characters, or a database operator in it."""
    if len(text) > max_chars:
        yield Problem(path, f"is {len(text)} characters long; at most {max_chars} are allowed")
    elif any(unicodedata.category(char) in _UNFIT or char in _BIDI for char in text):
        yield Problem(path, "must not hold control characters or half characters")
    elif _OPERATOR.search(text):
        yield Problem(path, "must not hold a database operator such as $gt")


def _kind_problems(kind: str) -> Iterator[Problem]:
    yield from identifier_problems("kind", kind, MAX_CODE_CHARS)
    if kind in RESERVED_KINDS or kind in OWN_KINDS:
        yield Problem("kind", f"{kind} is what Laurel itself records; choose another name")


def time_problems(occurred_at: datetime, now: datetime, tolerance: timedelta) -> Iterator[Problem]:
    """What is wrong with when something happened: no zone, too far ahead, or too long ago."""
    if occurred_at.tzinfo is None:
        yield Problem("occurredAt", "needs a time zone, such as 2026-05-01T12:00:00Z")
    elif occurred_at > now + tolerance:
        yield Problem("occurredAt", f"lies in the future by more than {_in_words(tolerance)}")
    elif occurred_at < EARLIEST:
        yield Problem("occurredAt", f"lies before {EARLIEST.date()}")


def _in_words(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{int(span.total_seconds())} seconds"


def _number_problems(path: str, value: int, maximum: int, unit: str, minimum: int = 0) -> Iterator[Problem]:
    if not minimum <= value <= maximum:
        shown = str(value) if abs(value) < MAX_SHOWN_NUMBER else "too large" if value > 0 else "too small"
        yield Problem(path, f"is {shown}; from {minimum} to {maximum} {unit} are allowed")


def _line_problems(activity: Activity) -> Iterator[Problem]:
    if len(activity.items) > MAX_LINES:
        yield Problem("items", f"has {len(activity.items)} lines; at most {MAX_LINES} are allowed")
        return
    for number, item in enumerate(activity.items):
        path = f"items.{number}"
        yield from identifier_problems(f"{path}.sku", item.sku, MAX_CODE_CHARS)
        if item.category is not None:
            yield from identifier_problems(f"{path}.category", item.category, MAX_CODE_CHARS)
        yield from _number_problems(f"{path}.quantity", item.quantity, MAX_QUANTITY, "pieces", minimum=1)
        yield from _number_problems(f"{path}.amount", item.amount_minor, MAX_AMOUNT_MINOR, "minor units")


def _attribute_problems(attributes: Mapping[str, Scalar]) -> Iterator[Problem]:
    if len(attributes) > MAX_ATTRIBUTES:
        yield Problem("attributes", f"has {len(attributes)} entries; at most {MAX_ATTRIBUTES} are allowed")
        return
    for name, value in attributes.items():
        path = f"attributes.{name[:MAX_CODE_CHARS]}"
        if len(name) > MAX_CODE_CHARS or not _ATTRIBUTE_NAME.fullmatch(name):
            yield Problem(path, f"is not a name: letters, digits, _ and -, at most {MAX_CODE_CHARS}")
        if isinstance(value, str):
            yield from text_problems(path, value)
        elif not abs(value) <= MAX_ATTRIBUTE_NUMBER:  # so that NaN, too, is refused
            yield Problem(path, f"must be a number of at most {MAX_ATTRIBUTE_NUMBER}")


def _adjustment_problems(activity: Activity) -> Iterator[Problem]:
    if activity.kind != ADJUSTMENT:
        if activity.points or activity.reason is not None:
            yield Problem("points", "and a reason belong to adjustments only")
        return
    if activity.points == 0:
        yield Problem("points", "must not be zero")
    yield from _number_problems(
        "points", activity.points, MAX_ADJUSTMENT_POINTS, "points", minimum=-MAX_ADJUSTMENT_POINTS
    )
    if not (activity.reason or "").strip():
        yield Problem("reason", "must say why the points are adjusted")
    yield from text_problems("reason", activity.reason or "")
