"""Explanations: the reason of an effect in words that a member understands, in their language."""

from collections.abc import Mapping

from gamification.program import Program
from gamification.program.texts import Text
from gamification.record import Why

_OWN_WORDS: Mapping[str, Text] = {
    "unlock": Text({"en": "Points became available", "da": "Pointene kan nu bruges"}),
    "expiry": Text({"en": "Points expired", "da": "Pointene er udløbet"}),
    "chain": Text({"en": "Too many consequences at once", "da": "For mange følger på én gang"}),
}
_FALLBACK = "en"


def explain(why: Why, program: Program, language: str) -> str:
    """Why something happened, such as ``A point per dollar: floor(29.33 / 1) x 1 = 29``."""
    cause = _cause(why, program, language)
    return f"{cause}: {why.arithmetic}" if why.arithmetic and why.source != "staff" else cause


def _cause(why: Why, program: Program, language: str) -> str:
    if why.source == "staff":
        return str(why.inputs.get("reason", why.code))
    own = _OWN_WORDS.get("chain" if why.source == "chain" else why.code) if why.source in ("clock", "chain") else None
    if own is not None:
        return own.read(language if language in own.root else _FALLBACK)
    name = _name(why, program)
    return name.read(language) if name else why.code


def _name(why: Why, program: Program) -> Text | None:
    """What the program calls the cause; None for a part that it no longer has."""
    if why.source == "rule" and (rule := program.rule_by_code.get(why.code)):
        return rule.name
    if why.source == "challenge" and (challenge := program.challenge_by_code.get(why.code)):
        return challenge.title
    if why.source == "badge" and (badge := program.badge_by_code.get(why.code)):
        return badge.name
    tier = program.tier(why.code) if why.source == "tier" else None
    return tier.name if tier and tier.code == why.code else None
