"""Whether the parts of a program fit together: codes, references, texts, kinds, thresholds and endless rewards.

The checks read the data as it was written, so that a fault in one part does not hide those in another.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from pydantic import ValidationError

from gamification.activity import ANNIVERSARY, BIRTHDAY, OWN_KINDS, PRIZE, RESERVED_KINDS
from gamification.program.challenges import Challenge
from gamification.program.definition import MAX_DECIMALS, MAX_PARTS, Money
from gamification.program.faults import Finding, Location, shown
from gamification.program.notice_texts import text_findings
from gamification.program.notices import NOTICE_TEXTS, VARIABLES
from gamification.program.texts import ANY_LANGUAGE

CODES = {
    "rule": "rules",
    "tier": "tiers.levels",
    "challenge": "challenges",
    "streak": "streaks",
    "badge": "badges",
    "board": "boards",
    "campaign": "campaigns",
}
"""Where the parts that have a code are."""
REFERENCES = {
    "challenges.*.reward.badge": "badge",
    "challenges.*.requires.tier": "tier",
    "challenges.*.requires.challenges.*": "challenge",
    "challenges.*.requires.badges.*": "badge",
    "badges.*.earned.challenge": "challenge",
    "badges.*.earned.tier": "tier",
    "tiers.levels.*.reward.badge": "badge",
    "streaks.*.milestones.*.reward.badge": "badge",
    "boards.*.prizes.*.badge": "badge",
}
"""Where one part names another by its code."""
TEXTS = (
    "name",
    "points.name",
    "rules.*.name",
    "tiers.levels.*.name",
    "tiers.levels.*.benefits.*",
    "challenges.*.title",
    "challenges.*.description",
    "challenges.*.unit",
    "challenges.*.steps.*.title",
    "streaks.*.name",
    "streaks.*.description",
    "streaks.*.unit",
    "streaks.*.milestones.*.name",
    "badges.*.name",
    "badges.*.description",
    "badges.*.unit",
    "badges.*.levels.*.name",
    "boards.*.name",
    "boards.*.description",
    "boards.*.seasons.*.name",
    "campaigns.*.name",
    "campaigns.*.headline",
    "campaigns.*.description",
    *(f"notices.{kind}.{text}" for kind in VARIABLES for text in NOTICE_TEXTS),
)
"""Where texts are that members read."""
_KINDS = (
    "rules.*.on",
    "challenges.*.on",
    "challenges.*.steps.*.on",
    "streaks.*.conditions.*.on",
    "boards.*.on",
    "campaigns.*.on",
    "notices.redemption_ready.on",
)
_OWN_PREFIXES = tuple(sorted({kind.partition(".")[0] + "." for kind in RESERVED_KINDS}))
_DEFAULT_DECIMALS: int = Money.model_fields["decimals"].default


def inconsistencies(data: Any) -> Iterator[Finding]:
    """Everything in a program's data that does not fit with the rest of it."""
    yield from _codes_twice(data)
    yield from _unknown_references(data)
    yield from _circular_requirements(data)
    yield from _endless_challenges(data)
    yield from _language_gaps(data)
    yield from _unsound_notices(data)
    yield from _kinds_of_our_own(data)
    yield from _uncountable_thresholds(data)


def written(data: Any, path: str) -> Iterator[tuple[Location, Any]]:
    """What stands at a dotted path, where ``*`` is every entry of a list; each with its location."""
    return _written(data, tuple(path.split(".")), ())


def _written(data: Any, steps: tuple[str, ...], location: Location) -> Iterator[tuple[Location, Any]]:
    if not steps:
        yield location, data
    elif steps[0] == "*" and isinstance(data, list):
        for number, entry in enumerate(data[:MAX_PARTS]):
            yield from _written(entry, steps[1:], (*location, number))
    elif isinstance(data, dict) and steps[0] in data:
        yield from _written(data[steps[0]], steps[1:], (*location, steps[0]))


def _codes(data: Any, what: str) -> list[tuple[Location, str]]:
    return [(at, code) for at, code in written(data, f"{CODES[what]}.*.code") if isinstance(code, str)]


def _codes_twice(data: Any) -> Iterator[Finding]:
    for what in CODES:
        seen: set[str] = set()
        for location, code in _codes(data, what):
            if code in seen:
                yield Finding(location, f"another {what} has the code {shown(code)} already")
            seen.add(code)


def _unknown_references(data: Any) -> Iterator[Finding]:
    known = {what: {code for _, code in _codes(data, what)} for what in CODES}
    for path, what in REFERENCES.items():
        for location, code in written(data, path):
            if isinstance(code, str) and code not in known[what]:
                yield Finding(location, f"there is no {what} '{shown(code)}'", code, known[what])


def _circular_requirements(data: Any) -> Iterator[Finding]:
    """A challenge that waits for itself, directly or through others, can never begin."""
    by_place = {location[1]: code for location, code in _codes(data, "challenge")}
    needs: dict[str, dict[str, Location]] = {code: {} for code in by_place.values()}
    for location, needed in written(data, "challenges.*.requires.challenges.*"):
        if location[1] in by_place and isinstance(needed, str) and needed in needs:
            needs[by_place[location[1]]].setdefault(needed, location)
    told: set[str] = set()
    for code in needs:
        circle = _way(code, code, needs.__getitem__)
        if circle and not told & set(circle):
            told.update(circle)
            round_trip = " -> ".join((code, *circle))
            yield Finding(needs[code][circle[0]], f"can never begin, as it requires itself: {round_trip}")


def _way(start: str, goal: str, onward: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """The shortest way of at least one step from ``start`` to ``goal``, without ``start``; empty if there is none."""
    ways: dict[str, tuple[str, ...]] = {}
    front: list[tuple[str, tuple[str, ...]]] = [(start, ())]
    while front and goal not in ways:
        reached = [(step, (*way, step)) for place, way in front for step in onward(place) if step not in ways]
        front = list(dict(reached).items())
        ways.update(front)
    return ways.get(goal, ())


def _endless_challenges(data: Any) -> Iterator[Finding]:
    """Repeating challenges whose rewards fill themselves, or each other, as fast as they are given.

    A challenge with a condition may leave its own rewards out; what it does is only seen in play, where the chain
    within a record has a bound.
    """
    loops: dict[str, list[tuple[Location, Challenge, Fraction]]] = {}
    for location, challenge in _repeating(data):
        for loop, share in _feeds(challenge):
            loops.setdefault(loop, []).append((location, challenge, share))
    for fed in loops.values():
        if sum(share for *_, share in fed) < 1:
            continue
        selves = [each for each in fed if each[2] >= 1]
        for location, *_ in selves or fed[-1:]:
            others = [] if selves else [other.code for _, other, _ in fed[:-1]]
            end = f"together with {', '.join(others)}" if others else "by itself"
            yield Finding((*location, "target"), f"would be reached again and again, {end}; raise the target")


def _repeating(data: Any) -> Iterator[tuple[Location, Challenge]]:
    for location, definition in written(data, "challenges.*"):
        if not isinstance(definition, dict) or definition.get("repeat") != "always":
            continue
        try:
            challenge = Challenge.model_validate(definition)
        except ValidationError:
            continue  # told by the reader already
        if challenge.when is None:
            yield location, challenge


def _feeds(challenge: Challenge) -> Iterator[tuple[str, Fraction]]:
    """Through which kinds its completion counts towards such challenges, and what share of a completion it is."""
    counts = challenge.measure == "count"
    if "points.earned" in challenge.kinds and challenge.reward.points:
        if challenge.measure == "sum" and challenge.of and challenge.of.source.strip() == "effect.points":
            yield "points.earned as a sum", Fraction(challenge.reward.points * challenge.scale, challenge.goal)
        elif counts:
            yield "points.earned", Fraction(1, challenge.goal)
    if "challenge.completed" in challenge.kinds and counts:
        yield "challenge.completed", Fraction(1, challenge.goal)


def _language_gaps(data: Any) -> Iterator[Finding]:
    languages = data.get("languages") if isinstance(data, dict) else None
    if not isinstance(languages, list) or not all(isinstance(language, str) for language in languages):
        return
    for path in TEXTS:
        for location, text in written(data, path):
            if isinstance(text, dict):
                yield from _gaps(location, text, languages)


def _unsound_notices(data: Any) -> Iterator[Finding]:
    if isinstance(data, dict) and "notices" in data:
        spoken = [each for each in _listed(data.get("languages")) if isinstance(each, str)]
        codes = {what: {code for _, code in _codes(data, what)} for what in CODES}
        yield from text_findings(data["notices"], tuple(spoken), codes)


def _listed(entries: Any) -> list[Any]:
    return entries[:MAX_PARTS] if isinstance(entries, list) else []


def _gaps(location: Location, text: Mapping[str, Any], languages: list[str]) -> Iterator[Finding]:
    missing = [language for language in languages if language not in text]
    if missing and ANY_LANGUAGE not in text:
        yield Finding(location, f"has no text in {', '.join(shown(language) for language in missing)}")
    for language in text:
        if language not in (*languages, ANY_LANGUAGE):
            message = f"'{shown(language)}' is not among the program's languages"
            yield Finding((*location, language), message, language, languages, on_key=True)


def _kinds_of_our_own(data: Any) -> Iterator[Finding]:
    for path in _KINDS:
        for location, kind in (*written(data, path), *written(data, f"{path}.*")):
            if not isinstance(kind, str):
                continue
            if kind == PRIZE:
                yield Finding(location, f"{kind} is what Laurel records when a board is won, and nothing counts it")
            elif kind in (BIRTHDAY, ANNIVERSARY):
                if not path.startswith(("rules", "challenges")):
                    what = f"a {path.partition('s.')[0]}"
                    message = f"{kind} comes round by itself, for rules and challenges; {what} is for what is reported"
                    yield Finding(location, message)
            elif kind in OWN_KINDS:
                yield Finding(location, f"{kind} is what Laurel records for itself, and nothing counts it")
            elif kind in RESERVED_KINDS and not path.startswith("challenges"):
                what = f"a {path.partition('s.')[0]}"
                yield Finding(location, f"{kind} is an effect, which challenges can count; {what} is for activities")
            elif kind.startswith(_OWN_PREFIXES) and kind not in RESERVED_KINDS:
                message = f"there is no effect '{shown(kind)}', and no activity's kind begins that way"
                yield Finding(location, message, kind, RESERVED_KINDS)


def _uncountable_thresholds(data: Any) -> Iterator[Finding]:
    metrics = Counter(metric for _, metric in written(data, "tiers.metric") if isinstance(metric, str))
    decimals = next((given for _, given in written(data, "money.decimals")), _DEFAULT_DECIMALS)
    if not metrics["spend"] or type(decimals) is not int or not 0 <= decimals <= MAX_DECIMALS:
        return  # decimals that cannot be are told by the reader already
    for location, threshold in written(data, "tiers.levels.*.threshold"):
        if _decimals(threshold) > decimals:
            yield Finding(location, f"has more decimals than the money, which has {decimals}")


def _decimals(threshold: Any) -> int:
    """How many decimals an amount has; 0 for what is no amount."""
    try:
        exponent = Decimal(str(threshold)).normalize().as_tuple().exponent
    except InvalidOperation:
        return 0
    return max(0, -exponent) if isinstance(exponent, int) else 0
