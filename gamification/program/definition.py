"""The program as a whole."""

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PlainValidator, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from gamification.activity import OCCASIONS, RESERVED_KINDS, Occasion
from gamification.program.badges import Badge
from gamification.program.base import Code, Definition, misfit
from gamification.program.boards import MAX_BOARDS, Board
from gamification.program.campaigns import Campaign
from gamification.program.challenges import Challenge
from gamification.program.delivery import Delivery
from gamification.program.notices import Notices
from gamification.program.patterns import Patterns
from gamification.program.points import LotTerms, Terms
from gamification.program.rules import Rule
from gamification.program.streaks import Streak
from gamification.program.texts import Language, Text
from gamification.program.tiers import Tier, Tiers

MAX_PARTS = 200
MAX_LATE_DAYS = 3660
MAX_DECIMALS = 3


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str) or value not in available_timezones():
        raise PydanticCustomError("time_zone", "must be an IANA time zone such as Europe/Copenhagen")
    return ZoneInfo(value)


class Money(Definition):
    """The money that amounts are in: ISO 4217 code, and how many decimals its minor unit has."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    decimals: Annotated[int, Field(strict=True, ge=0, le=MAX_DECIMALS)] = 2

    def to_minor(self, amount: Decimal) -> int:
        """An amount in major units as minor units. The caller has made sure that nothing is left over."""
        return int(amount.scaleb(self.decimals))

    def to_major(self, amount_minor: int) -> Decimal:
        """Minor units as a decimal in major units."""
        return Decimal(amount_minor).scaleb(-self.decimals)


class Currency(Terms):
    """The points: their name, and when they can be spent and expire unless a rule or a tier says otherwise."""

    name: Text


class Late(Definition):
    """What becomes of activities that come in late.

    Those that happened within the last ``within_days`` are put where they belong in the member's time. Older ones take
    effect ``at_arrival``, or are refused.
    """

    within_days: Annotated[int, Field(strict=True, ge=0, le=MAX_LATE_DAYS)] = 366
    beyond: Literal["at_arrival", "refuse"] = "at_arrival"


class Reversals(Definition):
    """What becomes of points that were spent before a reversal takes them back.

    ``allow_debt``: the member owes them, and what they earn next pays. ``within_balance``: they are let off what is
    missing. ``only_pending``: what has become available stays with them.
    """

    policy: Literal["allow_debt", "within_balance", "only_pending"] = "allow_debt"


class Program(Definition):
    """A loyalty program. Immutable; conditions are compiled."""

    code: Code
    name: Text
    languages: Annotated[tuple[Language, ...], Field(min_length=1, max_length=50)]
    time_zone: Annotated[ZoneInfo, PlainValidator(_zone)]
    money: Money
    points: Currency
    rules: Annotated[tuple[Rule, ...], Field(max_length=MAX_PARTS)] = ()
    late: Late = Late()
    reversals: Reversals = Reversals()
    delivery: Delivery = Delivery()
    tiers: Tiers | None = None
    streaks: Annotated[tuple[Streak, ...], Field(max_length=MAX_PARTS)] = ()
    challenges: Annotated[tuple[Challenge, ...], Field(max_length=MAX_PARTS)] = ()
    badges: Annotated[tuple[Badge, ...], Field(max_length=MAX_PARTS)] = ()
    boards: Annotated[tuple[Board, ...], Field(max_length=MAX_BOARDS)] = ()
    campaigns: Annotated[tuple[Campaign, ...], Field(max_length=MAX_PARTS)] = ()
    notices: Notices = Notices()

    @field_validator("languages")
    @classmethod
    def _no_language_twice(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for number, language in enumerate(languages):
            if language in languages[:number]:
                raise misfit(f"names the language {language} twice", number)
        return languages

    @property
    def default_language(self) -> str:
        """The language for those who ask for none that the program speaks."""
        return self.languages[0]

    @cached_property
    def badge_by_code(self) -> dict[str, Badge]:
        """Every badge by its code."""
        return {badge.code: badge for badge in self.badges}

    @cached_property
    def challenge_by_code(self) -> dict[str, Challenge]:
        """Every challenge by its code."""
        return {challenge.code: challenge for challenge in self.challenges}

    @cached_property
    def rule_by_code(self) -> dict[str, Rule]:
        """Every rule by its code."""
        return {rule.code: rule for rule in self.rules}

    @cached_property
    def streak_by_code(self) -> dict[str, Streak]:
        """Every streak by its code."""
        return {streak.code: streak for streak in self.streaks}

    @cached_property
    def streaks_by_kind(self) -> dict[str, tuple[Streak, ...]]:
        """The streaks that each kind of activity may count towards, in the program's order."""
        kinds = {kind for streak in self.streaks for kind in streak.kinds}
        return {kind: tuple(streak for streak in self.streaks if kind in streak.kinds) for kind in kinds}

    @cached_property
    def board_by_code(self) -> dict[str, Board]:
        """Every board by its code."""
        return {board.code: board for board in self.boards}

    @cached_property
    def campaign_by_code(self) -> dict[str, Campaign]:
        """Every campaign of the program's file by its code."""
        return {campaign.code: campaign for campaign in self.campaigns}

    @cached_property
    def boards_by_kind(self) -> dict[str, tuple[Board, ...]]:
        """The boards on which each kind of activity counts, in the program's order."""
        kinds = {kind for board in self.boards for kind in board.on}
        return {kind: tuple(board for board in self.boards if kind in board.on) for kind in kinds}

    @cached_property
    def tier_thresholds(self) -> tuple[int, ...]:
        """The ladder's thresholds as they are counted: points, or minor units of money."""
        if self.tiers is None:
            return ()
        spend = self.tiers.metric == "spend"
        return tuple(self.money.to_minor(t.threshold) if spend else int(t.threshold) for t in self.tiers.levels)

    @cached_property
    def tier_metric(self) -> Literal["spend", "points"] | None:
        """What the ladder counts; None without tiers."""
        return self.tiers.metric if self.tiers else None

    @cached_property
    def judged_badges(self) -> dict[str, Badge]:
        """The badges that a measure or a condition decides, which every change of a member may earn, by their codes."""
        return {b.code: b for b in self.badges if b.earned and (b.earned.measure or b.earned.condition)}

    @cached_property
    def rules_by_kind(self) -> dict[str, tuple[Rule, ...]]:
        """The rules for each kind of activity that has any, in the program's order."""
        kinds = {kind for rule in self.rules for kind in rule.on}
        return {kind: tuple(rule for rule in self.rules if kind in rule.on) for kind in kinds}

    @cached_property
    def occasions(self) -> tuple[Occasion, ...]:
        """The occasions that the program gives anything for."""
        return tuple(each for each in OCCASIONS if each in self.rules_by_kind or each in self.challenges_by_kind)

    @cached_property
    def challenges_by_kind(self) -> dict[str, tuple[Challenge, ...]]:
        """The challenges that each kind of activity or effect may count towards."""
        kinds = {kind for challenge in self.challenges for kind in challenge.kinds}
        return {kind: tuple(c for c in self.challenges if kind in c.kinds) for kind in kinds}

    @cached_property
    def counts_effects(self) -> bool:
        """Whether any challenge counts what happens inside a record."""
        return not RESERVED_KINDS.isdisjoint(self.challenges_by_kind)

    def badges_for(self, *, challenge: str | None = None, tier: str | None = None) -> tuple[Badge, ...]:
        """The badges that completing a challenge, or reaching a tier, earns."""
        return tuple(b for b in self.badges if b.earned and (b.earned.challenge, b.earned.tier) == (challenge, tier))

    def lot_terms(self, rule: str | None, tier: str | None) -> LotTerms:
        """The terms of lots that come from a rule (or none) to a member on a tier: the rule's, the tier's, its own."""
        terms = self._lot_terms.get((rule, tier))
        if terms is None:  # kept, since every lot asks
            earning, rung = self.rule_by_code.get(rule or ""), self.tier(tier)
            levels = (earning.points if earning else None, rung.points if rung else None, self.points)
            terms = LotTerms.of([each for each in levels if each is not None])
            self._lot_terms[rule, tier] = terms
        return terms

    @cached_property
    def _lot_terms(self) -> dict[tuple[str | None, str | None], LotTerms]:
        return {}

    def notice_patterns(self, language: str) -> Patterns:
        """The texts of all notices in one of the program's languages, by ``kind-text``, such as ``birthday-title``."""
        patterns = self._notice_patterns.get(language)
        if patterns is None:  # kept, since compiling them takes as long as saying thousands
            texts = {f"{kind}-{name}": text.read(language) for kind, name, text in self.notices.texts()}
            patterns = self._notice_patterns[language] = Patterns(texts, language)
        return patterns

    @cached_property
    def _notice_patterns(self) -> dict[str, Patterns]:
        return {}

    def zone_of(self, told: str) -> ZoneInfo:
        """The time zone of a member who has told this one; the program's where they have told none."""
        return ZoneInfo(told) if told else self.time_zone

    def tier(self, code: str | None) -> Tier | None:
        """The tier with this code, or the lowest where the code is none of today's; None without tiers."""
        return self.tiers.levels[self.tiers.position(code)] if self.tiers else None
