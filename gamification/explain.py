"""Explanations: the reason of an effect in words that a member understands, in their language."""

from collections.abc import Mapping
from types import MappingProxyType

from gamification.activity import own_key
from gamification.effects import Why
from gamification.program import Program
from gamification.program.texts import Text

_OWN_WORDS: Mapping[tuple[str, str], Text] = {
    ("clock", "unlock"): Text({"en": "Points became available", "da": "Pointene kan nu bruges"}),
    ("clock", "release"): Text({"en": "Points became available", "da": "Pointene kan nu bruges"}),
    ("clock", "cancelled"): Text({"en": "Pending points were cancelled", "da": "Ventende point blev annulleret"}),
    ("clock", "expiry"): Text({"en": "Points expired", "da": "Pointene er udløbet"}),
    ("clock", "birthday"): Text({"en": "Birthday", "da": "Fødselsdag"}),
    ("clock", "anniversary"): Text({"en": "Anniversary of joining", "da": "Årsdag for indmeldelsen"}),
    ("clock", "tier.grant"): Text({"en": "The granted tier came to its end", "da": "Det tildelte niveau udløb"}),
    ("staff", "adjustment"): Text({"en": "Adjusted by staff", "da": "Reguleret af personalet"}),
    ("staff", "tier.grant"): Text({"en": "Granted by staff", "da": "Tildelt af personalet"}),
    ("staff", "extension"): Text({"en": "Extended by staff", "da": "Forlænget af personalet"}),
    ("reversal", "forgiven"): Text({"en": "What was owed is let off", "da": "Det skyldige er eftergivet"}),
    ("reversal", "kept"): Text({"en": "Points that may stay", "da": "Point, der kan beholdes"}),
    ("revision", "lots"): Text({"en": "Points", "da": "Point"}),
    ("revision", "totals"): Text({"en": "Sums of all time", "da": "Summer for hele tiden"}),
    ("revision", "effects"): Text({"en": "More changes than are listed", "da": "Flere ændringer end der er plads til"}),
}
_CHAIN_CUT = Text({"en": "Too many consequences at once", "da": "For mange følger på én gang"})
_REVISIONS: Mapping[str, Text] = {
    "reversed": Text({"en": "Taken back ({})", "da": "Taget tilbage ({})"}),
    "late": Text({"en": "Came in late ({})", "da": "Kom sent ind ({})"}),
    "rejudged": Text({"en": "Judged again by version {} of the program", "da": "Bedømt igen efter programversion {}"}),
    "merge": Text({"en": "Accounts joined", "da": "Konti lagt sammen"}),
    "merged": Text({"en": "Accounts joined", "da": "Konti lagt sammen"}),
    "unmerge": Text({"en": "Accounts separated", "da": "Konti skilt ad"}),
    "unmerged": Text({"en": "Accounts separated", "da": "Konti skilt ad"}),
}
"""What a revision did to an effect, by the name under which the effect's inputs say what it came from."""
_FALLBACK = "en"
NO_NAMES: Mapping[str, Text] = MappingProxyType({})


def explain(why: Why, program: Program, language: str, campaigns: Mapping[str, Text] = NO_NAMES) -> str:
    """Why something happened, such as ``A point per dollar: floor(29.33 / 1) x 1 = 29``.

    What a revision changed says so first: ``Taken back (order-17): A point per dollar: 200 - 40 = 160``. ``campaigns``
    are the names of campaigns by code, as far as the program's file does not tell them.
    """
    cause, revision = _cause(why, program, language, campaigns), _revision(why, language)
    # Staff give a reason in words, which says more than the points once more.
    arithmetic = why.arithmetic if why.source != "staff" or revision else ""
    return ": ".join(part for part in (revision, cause, arithmetic) if part)


def _revision(why: Why, language: str) -> str:
    """What changed the past; empty where nothing did."""
    for how, words in _REVISIONS.items():
        if isinstance(name := why.inputs.get(how), str):
            return _read(words, language).format(own_key(name))
    return ""


def _cause(why: Why, program: Program, language: str, campaigns: Mapping[str, Text]) -> str:
    if why.source == "staff" and (reason := why.inputs.get("reason")):
        return str(reason)
    own = _CHAIN_CUT if why.source == "chain" else _OWN_WORDS.get((why.source, why.code))
    if own is not None:
        return _read(own, language)
    name = campaigns.get(why.code) if why.source == "campaign" else None
    name = name or _name(why, program)
    return name.read(language) if name else why.code


def _read(words: Text, language: str) -> str:
    return words.read(language if language in words.root else _FALLBACK)


def _name(why: Why, program: Program) -> Text | None:
    """What the program calls the cause; None for a part that it no longer has."""
    match why.source:
        case "rule" if rule := program.rule_by_code.get(why.code):
            return rule.name
        case "challenge" if challenge := program.challenge_by_code.get(why.code):
            return challenge.title
        case "badge" if badge := program.badge_by_code.get(why.code):
            return badge.name
        case "streak" if streak := program.streak_by_code.get(why.code):
            return streak.name
        case "campaign" if campaign := program.campaign_by_code.get(why.code):
            return campaign.name
        case "board" if board := program.board_by_code.get(why.code):
            return board.name
        case "tier" if (tier := program.tier(why.code)) and tier.code == why.code:
            return tier.name
    return None
