"""Wording: what a notice says to its member, with names, days and numbers as their language writes them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from babel import Locale
from babel.dates import format_date
from fluent.runtime.types import FluentType, fluent_date, fluent_number

from gamification.notices.notice import Notice
from gamification.program import Badge, Program
from gamification.program.boards import Board
from gamification.program.campaigns import Campaign
from gamification.program.notices import Form
from gamification.program.streaks import Streak
from gamification.program.texts import Text
from gamification.values import value

NO_NAMES: Mapping[str, Text] = {}
_TEXTS = ("title", "body", "link")


@value(frozen=True, slots=True)
class Wording:
    """What is shown of a notice. ``link`` is where a tap leads; empty for nowhere in particular."""

    title: str
    body: str
    link: str = ""


class _Name(FluentType):
    """The name of a part of the program. A pattern shows the name, and chooses by the code."""

    def __init__(self, code: str, name: str) -> None:
        self._code, self._name = code, name

    def __eq__(self, other: object) -> bool:
        return self._code == other

    def __hash__(self) -> int:
        return hash(self._code)

    def format(self, locale: Locale) -> str:
        return self._name


def worded(notice: Notice, program: Program, language: str, names: Mapping[str, Text] = NO_NAMES) -> Wording:
    """What a notice says. ``program`` is of the notice's version, and ``language`` one that it speaks, or its default.

    ``names`` are those of campaigns that stand in no program's file, by their codes.

    Raises:
        KeyError: the program declares no such kind.
    """
    language = language if language in program.languages else program.default_language
    if notice.kind == "message":
        return _message(notice, program, language)
    if notice.kind not in program.notices.declared:
        raise KeyError(notice.kind)
    patterns = program.notice_patterns(language)
    shown = _shown(notice, program, language, names)
    link = f"{notice.kind}-link"
    return Wording(
        title=_on_one_line(patterns.say(f"{notice.kind}-title", shown)),
        body=patterns.say(f"{notice.kind}-body", shown),
        link=_on_one_line(patterns.say(link, _plain(notice))) if link in patterns else "",
    )


def worded_together(notices: Sequence[Notice], program: Program, language: str) -> Wording | None:
    """What stands for several notices that are told as one, in the words of the last one's kind, without a link.

    None where that kind has no words for several.
    """
    language = language if language in program.languages else program.default_language
    kind, patterns = notices[-1].kind, program.notice_patterns(language)
    if f"{kind}-several-title" not in patterns:
        return None
    shown = {"count": len(notices)}
    title = _on_one_line(patterns.say(f"{kind}-several-title", shown))
    return Wording(title, patterns.say(f"{kind}-several-body", shown))


def message_values(title: Text, body: Text, link: Text | None = None) -> Mapping[str, str]:
    """The values of a ``message``, which brings its own texts: each text in each of its languages, as it stands."""
    texts = {"title": title, "body": body, **({} if link is None else {"link": link})}
    return {f"{name}:{language}": words for name, text in texts.items() for language, words in text.root.items()}


def _message(notice: Notice, program: Program, language: str) -> Wording:
    said = {}
    for name in _TEXTS:
        found = (str(notice.values.get(f"{name}:{each}", "")) for each in (language, "*", program.default_language))
        said[name] = next(filter(None, found), "")
    return Wording(_on_one_line(said["title"]), said["body"], _on_one_line(said["link"]))


def _shown(notice: Notice, program: Program, language: str, names: Mapping[str, Text]) -> Mapping[str, Any]:
    """The values of a notice as its patterns take them."""
    shown: dict[str, Any] = {}
    for name, form in program.notices.variables_of(notice.kind).items():
        match form:
            case "weekday":
                shown[name] = _weekday(notice.values.get("on"), program.notice_patterns(language).locale)
            case "unit":
                shown[name] = _unit(notice, program, language)
            case "headline":
                shown[name] = _headline(notice.subject, program, language, names)
            case _ if name in notice.values:
                shown[name] = _valued(form, notice.values[name], program, language, names)
    return shown


def _headline(code: str, program: Program, language: str, names: Mapping[str, Text]) -> str:
    """A campaign's headline; the name of one that stands in no file, for there is always something to say."""
    campaign = program.campaign_by_code.get(code)
    found = campaign.headline if campaign else names.get(code)
    return found.read(language) if found else code


def _valued(form: Form, given: str | int, program: Program, language: str, names: Mapping[str, Text]) -> Any:
    match form:
        case "number":
            return _number(given)
        case "amount":
            return _amount(given, program)
        case "day" | "time" if given:
            return _dated(form, str(given))
        case "tier" | "badge" | "challenge" | "streak" | "board" | "campaign":
            found = _named(form, str(given), program, names)
            return _Name(str(given), found.read(language) if found else str(given))
    return str(given)


def _number(given: str | int) -> Any:
    return given if isinstance(given, int) else fluent_number(Decimal(given))


def _amount(given: str | int, program: Program) -> Any:
    """An amount in what tiers count: points, or minor units of money."""
    if program.tier_metric != "spend" or not isinstance(given, int):
        return _number(given)
    return fluent_number(program.money.to_major(given), style="currency", currency=program.money.currency)


def _dated(form: Form, given: str) -> Any:
    if form == "time":
        return fluent_date(datetime.fromisoformat(given))
    return fluent_date(date.fromisoformat(given), dateStyle="long")


def _weekday(on: object, locale: Locale) -> str:
    return format_date(date.fromisoformat(str(on)), "EEEE", locale=locale) if on else ""


def _unit(notice: Notice, program: Program, language: str) -> str:
    """What a challenge or a streak is counted in."""
    part = program.challenge_by_code.get(notice.subject) or program.streak_by_code.get(notice.subject)
    if notice.kind == "streak_at_risk":
        part = program.streak_by_code.get(notice.subject)
    return part.unit.read(language) if part and part.unit else ""


def _named(form: Form, code: str, program: Program, names: Mapping[str, Text]) -> Text | None:
    """The name of a part of the program; None where it has no such part any more."""
    if form == "tier":
        known = program.tiers is not None and code in program.tiers.positions
        tier = program.tier(code) if known else None
        return tier.name if tier else None
    if form == "challenge":
        challenge = program.challenge_by_code.get(code)
        return challenge.title if challenge else None
    parts: Mapping[str, Mapping[str, Badge | Streak | Board | Campaign]] = {
        "badge": program.badge_by_code,
        "streak": program.streak_by_code,
        "board": program.board_by_code,
        "campaign": program.campaign_by_code,
    }
    part = parts[form].get(code)
    return part.name if part else names.get(code) if form == "campaign" else None


def _plain(notice: Notice) -> Mapping[str, Any]:
    """The values of a notice as an address takes them: numbers in digits, codes and texts percent-encoded."""
    return {
        name: fluent_number(each, useGrouping=False) if isinstance(each, int) else quote(each, safe="")
        for name, each in notice.values.items()
    }


def _on_one_line(text: str) -> str:
    return text.replace("\n", " ")
