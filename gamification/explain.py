"""Explanations: the reason of an effect in words that a member understands, in their language."""

from collections.abc import Mapping
from types import MappingProxyType

from gamification.program import Program
from gamification.program.texts import Text
from gamification.record import Why

_OWN_WORDS: Mapping[str, Text] = {
    "unlock": Text({"en": "Points became available", "da": "Pointene kan nu bruges"}),
    "expiry": Text({"en": "Points expired", "da": "Pointene er udløbet"}),
    "chain": Text({"en": "Too many consequences at once", "da": "For mange følger på én gang"}),
}
_FALLBACK = "en"
NO_NAMES: Mapping[str, Text] = MappingProxyType({})


def explain(why: Why, program: Program, language: str, campaigns: Mapping[str, Text] = NO_NAMES) -> str:
    """Why something happened, such as ``A point per dollar: floor(29.33 / 1) x 1 = 29``.

    ``campaigns`` are the names of campaigns by code, as far as the program's file does not tell them.
    """
    cause = _cause(why, program, language, campaigns)
    return f"{cause}: {why.arithmetic}" if why.arithmetic and why.source != "staff" else cause


def _cause(why: Why, program: Program, language: str, campaigns: Mapping[str, Text]) -> str:
    if why.source == "staff":
        return str(why.inputs.get("reason", why.code))
    own = _OWN_WORDS.get("chain" if why.source == "chain" else why.code) if why.source in ("clock", "chain") else None
    if own is not None:
        return own.read(language if language in own.root else _FALLBACK)
    name = campaigns.get(why.code) if why.source == "campaign" else None
    name = name or _name(why, program)
    return name.read(language) if name else why.code


def _name(why: Why, program: Program) -> Text | None:
    """What the program calls the cause; None for a part that it no longer has."""
    if why.source == "rule" and (rule := program.rule_by_code.get(why.code)):
        return rule.name
    if why.source == "challenge" and (challenge := program.challenge_by_code.get(why.code)):
        return challenge.title
    if why.source == "badge" and (badge := program.badge_by_code.get(why.code)):
        return badge.name
    if why.source == "campaign" and (campaign := program.campaign_by_code.get(why.code)):
        return campaign.name
    if why.source == "board" and (board := program.board_by_code.get(why.code)):
        return board.name
    tier = program.tier(why.code) if why.source == "tier" else None
    return tier.name if tier and tier.code == why.code else None
