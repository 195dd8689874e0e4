"""Members: who plays. The profile, what of it others may see, the loyalty number, and the state of the game."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Literal
from zoneinfo import available_timezones

from stdnum import luhn

from gamification.activity import Problem, text_problems
from gamification.program import Program
from gamification.program.base import MAX_CODE_CHARS
from gamification.state import State

LOYALTY_NUMBER_DIGITS = 12
MAX_NAME_CHARS = 80
MIN_ALIAS_CHARS = 2
"""Characters of an alias that can be seen, at least."""
MAX_ALIAS_CHARS = 30
MAX_URL_CHARS = 500
MAX_SHOWCASE = 6
EARLIEST_BIRTHDAY = date(1900, 1, 1)
_HANDLE = re.compile(r"[a-z0-9][a-z0-9_]{2,29}")
# Unicode's general categories of what leaves no mark of its own, and letters and signs that are blank all the same.
_UNSEEN = frozenset(("Cf", "Me", "Mn", "Zl", "Zp", "Zs"))
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AVATAR_URL = re.compile(r"https://[^\s<>\"'\\]+")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a member says of themself.

    ``handle`` is their unique public name; ``alias`` is what boards call them instead where they want that. An alias is
    not unique: it identifies nobody. ``birthday`` is a full date (ISO 8601), which nobody else sees.
    """

    display_name: str
    handle: str | None = None
    avatar_url: str | None = None
    language: str | None = None
    time_zone: str | None = None
    alias: str | None = None
    birthday: str | None = None


BoardVisibility = Literal["shown", "alias", "friends", "hidden"]
"""How a member appears on boards: as in their profile, under their alias, to friends only, or to nobody else."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """What others may see. Nothing of the profile until ``profile`` is on; the next three choose within it.

    ``board`` is a choice of its own: who is ``shown`` on a board without showing a profile has a place there, but no
    name.
    """

    profile: bool = False
    avatar: bool = True
    tier: bool = True
    badges: bool = True
    board: BoardVisibility = "shown"


@dataclass(frozen=True, slots=True)
class Member:
    """A member: identity, profile, what others may see, up to six showcased badges, and the state of the game.

    ``external_id`` is the shop's own number for the customer, where it gave one. ``profile_revision`` counts the
    changes of profile and visibility. ``may_have_blocks`` is False as long as no block has ever stood between the
    member and anybody, whoever of them blocks. ``due_at`` is when time alone changes something of the state next, None
    for never, by the versions of the program up to ``due_by``; where that is None, it has not been worked out.
    """

    member_id: str
    loyalty_number: str
    enrolled_at: datetime
    profile: Profile
    state: State
    visibility: Visibility = Visibility()
    showcase: tuple[str, ...] = ()
    external_id: str | None = None
    profile_revision: int = 0
    may_have_blocks: bool = True
    due_at: datetime | None = field(default=None, compare=False)
    due_by: int | None = field(default=None, compare=False)

    @property
    def revision(self) -> int:
        """Grows with every record and every change of the profile, so that whatever is derived can tell old from new.

        Both parts lie in one document and never shrink, so two versions of a member never have the same revision.
        """
        return self.state.seq + self.profile_revision

    def stands_at(self, now: datetime, version: int) -> bool:
        """Whether it is known that time has changed nothing by ``now``, ``version`` being the program's newest."""
        return self.due_by == version and (self.due_at is None or now < self.due_at)

    def with_state(self, state: State) -> "Member":
        """The member in another state; when that is due has not been worked out."""
        return replace(self, state=state, due_at=None, due_by=None)


def loyalty_number(serial: int) -> str:
    """The loyalty number of a serial below 10^11: 12 digits, the last a Luhn check digit (ISO/IEC 7812-1, annex B)."""
    body = f"{serial:0{LOYALTY_NUMBER_DIGITS - 1}d}"
    return body + str(luhn.calc_check_digit(body))


def is_loyalty_number(text: str) -> bool:
    """Whether a number has the right length and check digit; it may still be nobody's."""
    return len(text) == LOYALTY_NUMBER_DIGITS and text.isascii() and text.isdigit() and luhn.is_valid(text)


def profile_problems(profile: Profile, now: datetime) -> Iterator[Problem]:
    """Everything that forbids keeping this profile, as of ``now``."""
    if not profile.display_name.strip():
        yield Problem("displayName", "must not be empty")
    elif not _seen(profile.display_name):
        yield Problem("displayName", "needs a character that can be seen")
    yield from text_problems("displayName", profile.display_name, MAX_NAME_CHARS)
    if profile.handle is not None and not _HANDLE.fullmatch(profile.handle):
        yield Problem("handle", "has 3 to 30 of a-z, 0-9 and _, and begins with a letter or digit")
    if profile.avatar_url is not None and not _fits(_AVATAR_URL, profile.avatar_url):
        yield Problem("avatarUrl", f"must be an https address of at most {MAX_URL_CHARS} characters")
    yield from zone_problems(profile.time_zone)
    if profile.alias is not None:
        yield from _alias_problems(profile.alias)
    if profile.birthday is not None:
        yield from _birthday_problems(profile.birthday, now)


def zone_problems(time_zone: str | None) -> Iterator[Problem]:
    """What is wrong with the time zone that somebody says they are in."""
    if time_zone is not None and time_zone not in _time_zones():
        yield Problem("timeZone", "must be an IANA time zone such as Europe/Copenhagen")


def board_problems(profile: Profile, visibility: Visibility) -> Iterator[Problem]:
    """What forbids appearing on boards in this way."""
    if visibility.board == "alias" and profile.alias is None:
        yield Problem("alias", "is needed where boards show the alias")


def language_problems(language: str | None, program: Program) -> Iterator[Problem]:
    """What is wrong with the language a member wants to be spoken to in."""
    if language is not None and language not in program.languages:
        yield Problem("language", f"must be one of {', '.join(program.languages)}")


def showcase_problems(showcase: tuple[str, ...], state: State) -> Iterator[Problem]:
    """What is wrong with a choice of badges to show: too many, one twice, or one not won."""
    if len(showcase) > MAX_SHOWCASE:
        yield Problem("badges", f"names {len(showcase)} badges; at most {MAX_SHOWCASE} can be shown")
        return
    for place, code in enumerate(showcase):
        if len(code) > MAX_CODE_CHARS:
            yield Problem(f"badges.{place}", f"is longer than the code of a badge can be, {MAX_CODE_CHARS} characters")
        elif code in showcase[:place]:
            yield Problem(f"badges.{place}", f"names {code} twice")
        elif code not in state.badges:
            yield Problem(f"badges.{place}", f"{code} is not a badge that the member has won")


def _alias_problems(alias: str) -> Iterator[Problem]:
    seen = _seen(alias)
    if len(seen) < MIN_ALIAS_CHARS:
        yield Problem("alias", f"needs {MIN_ALIAS_CHARS} characters that can be seen")
    elif unicodedata.normalize("NFKC", seen).startswith("@"):
        yield Problem("alias", "must not begin with @, as if it were a handle")
    yield from text_problems("alias", alias, MAX_ALIAS_CHARS)


def _birthday_problems(birthday: str, now: datetime) -> Iterator[Problem]:
    day = None
    if _DATE.fullmatch(birthday):
        with suppress(ValueError):  # such as 30 February
            day = date.fromisoformat(birthday)
    if day is None:
        yield Problem("birthday", "must be a day of the calendar such as 1990-05-17")
    elif day < EARLIEST_BIRTHDAY:
        yield Problem("birthday", f"lies before {EARLIEST_BIRTHDAY}")
    elif day > now.astimezone(UTC).date():
        yield Problem("birthday", "lies in the future")


def _seen(text: str) -> str:
    """The characters of a text that leave a mark of their own."""
    return "".join(char for char in text if unicodedata.category(char) not in _UNSEEN and char not in _BLANKS)


@cache
def _time_zones() -> frozenset[str]:
    # Listing them reads the whole time zone database.
    return frozenset(available_timezones())


def _fits(pattern: re.Pattern[str], text: str) -> bool:
    return len(text) <= MAX_URL_CHARS and pattern.fullmatch(text) is not None
