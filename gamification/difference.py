"""Differences: what a revision changed, told as effects that lead from the state before it to the one after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import cast

from gamification import challenges
from gamification.activity import TIER_GRANT
from gamification.draft import MAX_EFFECTS
from gamification.effects import (
    Account,
    AttributeChanged,
    BadgeLost,
    BadgeWon,
    Completed,
    CompletionLost,
    Effect,
    Entry,
    LotMoved,
    PauseDropped,
    PausePlanned,
    Progressed,
    Redated,
    Scored,
    Source,
    StreakMoved,
    TierGranted,
    TierMoved,
    TierProgress,
    TierProgressed,
    TotalsMoved,
    Truncated,
    Why,
)
from gamification.lot_differences import LotDifferences
from gamification.lot_times import LotCalendar
from gamification.program import Program
from gamification.progress import keep_progress, tier_progress
from gamification.record import Settlement
from gamification.state import Score, State
from gamification.streak_pauses import told as paused
from gamification.streaks import NOT_BEGUN
from gamification.windows import local_day

_ACCOUNTS = ("available", "pending")


@dataclass(frozen=True, slots=True)
class Cause:
    """What a revision came from: how (``reversed``, ``late``, ``rejudged``), and which activity or version it names."""

    how: str
    name: str


def difference(before: State, after: State, at: datetime, program: Program, cause: Cause) -> tuple[Effect, ...]:
    """Everything that differs between two states of a member as of one instant, each with its why.

    The entries come to the difference of the balances, account by account. With them there are at most ``MAX_EFFECTS``;
    the last one then says how many there is no room for.
    """
    told = _Told(before, after, at, program, cause)
    entries = told.entries()
    others: tuple[Effect, ...] = (
        *told.tier(),
        *told.challenges(),
        *told.badges(),
        *told.streaks(),
        *told.scores(),
        *told.attributes(),
        *told.totals(),
        *told.lots(),
    )
    room = max(MAX_EFFECTS - len(entries), 1)
    return (*entries, *(others if len(others) <= room else (*others[: room - 1], told.rest(len(others) - room + 1))))


def settled(before: State, after: State) -> tuple[Settlement, ...]:
    """What a revision takes of limited campaigns, or gives back."""
    changes = _changes(before.subtotals, after.subtotals)
    campaigns = sorted({name.split(":")[2] for name in changes if name.startswith(("budget:", "places:"))})
    return tuple(
        Settlement(
            code,
            points=_delta(changes, f"budget:campaign:{code}"),
            places=_delta(changes, f"places:campaign:{code}"),
        )
        for code in campaigns
    )


class _Told:
    def __init__(self, before: State, after: State, at: datetime, program: Program, cause: Cause) -> None:
        self._before, self._after, self._now, self._program, self._cause = before, after, at, program, cause
        calendars = (LotCalendar(program.time_zone, state.active_on) for state in (before, after))
        self._lots = LotDifferences.between(before, after, *calendars)

    def entries(self) -> tuple[Effect, ...]:
        return tuple(self._entries())

    def _entries(self) -> Iterator[Entry]:
        for name, (was, now) in _changes(self._before.subtotals, self._after.subtotals).items():
            account, source, code = name.split(":")
            if account in _ACCOUNTS:
                arithmetic = f"{was} {'+' if now > was else '-'} {abs(now - was)} = {now}"
                why = replace(
                    self._why(source, code, arithmetic),
                    inputs={self._cause.how: self._cause.name, "before": was, "after": now},
                    lots=self._lots.of_entry(account, source, code),
                )
                yield Entry(cast("Account", account), now - was, why)

    def tier(self) -> Iterator[Effect]:
        tiers, was, now = self._program.tiers, self._before.standing, self._after.standing
        if tiers is None:
            return
        tier = now.tier or tiers.levels[0].code  # Whose whole history is given away stands where everybody begins.
        if was.tier != tier and (was.tier or now.tier):
            up = was.tier is None or tiers.position(tier) > tiers.position(was.tier)
            yield TierMoved(was.tier, tier, up, self._why("tier", tier), "revised")
        if (was.granted, was.granted_until) != (now.granted, now.granted_until):
            yield TierGranted(now.granted, now.granted_until, self._why("staff", TIER_GRANT, now.granted or ""))
        scale = _tier_scale(self._program)
        before, after = (self._tier_progress(state, scale) for state in (self._before, self._after))
        if before != after:
            why = self._why("tier", tier, _became(before.counted, after.counted))
            yield TierProgressed(tier, before, after, scale, why)

    def _tier_progress(self, state: State, scale: int) -> TierProgress:
        standing = state.standing
        ahead = tier_progress(state, self._program, self._now)
        kept = keep_progress(state, self._program, self._now)
        return TierProgress(
            counted=int(ahead.current * scale) if ahead else 0,
            since=standing.since,
            kept=int(kept.current * scale) if kept else None,
            keep_until=kept.ends_at if kept else None,
            grace_until=standing.grace_until,
        )

    def challenges(self) -> Iterator[Effect]:
        day = local_day(self._now, self._program.time_zone)
        for challenge in self._program.challenges:
            was = self._before.challenges.get(challenge.code, challenges.NOT_BEGUN)
            now = self._after.challenges.get(challenge.code, challenges.NOT_BEGUN)
            if was == now:
                continue
            done = challenges.progress(challenge, was, day), challenges.progress(challenge, now, day)
            if done[0] != done[1]:
                why = self._why("challenge", challenge.code, _became(*done))
                yield Progressed(challenge.code, *done, challenge.goal, challenge.scale, why)
            times = now.completed - was.completed
            why = self._why("challenge", challenge.code, _became(was.completed, now.completed))
            if times > 0:
                yield Completed(challenge.code, times, why)
            elif times < 0:
                yield CompletionLost(challenge.code, -times, why)
            if was.completed_at != now.completed_at:
                why = self._why("challenge", challenge.code)
                yield Redated("challenge", challenge.code, was.completed_at, now.completed_at, why)

    def badges(self) -> Iterator[Effect]:
        for code in sorted({*self._before.badges, *self._after.badges}):
            was, now = (held.levels_at if (held := s.badges.get(code)) else () for s in (self._before, self._after))
            why = self._why("badge", code, f"level {len(was)} became {len(now)}")
            for level in range(len(was) + 1, len(now) + 1):
                yield BadgeWon(code, level, why)
            if len(now) < len(was):
                yield BadgeLost(code, len(was), len(now), why)
            for level, (then, at) in enumerate(zip_longest(was[: len(now)], now), 1):
                if then != at:
                    yield Redated("badge", code, then, at, self._why("badge", code, f"level {level}"), level)

    def streaks(self) -> Iterator[Effect]:
        for code in sorted({*self._before.streaks, *self._after.streaks}):
            was, now = (state.streaks.get(code, NOT_BEGUN) for state in (self._before, self._after))
            fates, then = dict(now.periods), dict(was.periods)
            # In the order of time, so that the last one that is decided stays the last.
            periods = tuple((day, fates.get(day)) for day in sorted({*fates, *then}) if fates.get(day) != then.get(day))
            numbers = [(each.length, each.freezes, each.longest) for each in (was, now)]
            if periods or numbers[0] != numbers[1]:
                changes = zip(("", "freezes ", "longest "), *numbers, strict=True)
                told = "; ".join(name + _became(*pair) for name, *pair in changes if pair[0] != pair[1])
                why = self._why("streak", code, told)
                yield StreakMoved(code, was.length, now.length, why, 0, now.freezes, now.longest, periods)
            for first, last in sorted({*was.pauses} ^ {*now.pauses}):
                why = self._why("streak", code, paused(first, last))
                yield (PausePlanned if (first, last) in now.pauses else PauseDropped)(code, first, last, why)

    def scores(self) -> Iterator[Effect]:
        held = {_place(score): score for score in self._before.scores}
        for score in self._after.scores:
            was = held.pop(_place(score), None)
            if was is None or _shown(was) != _shown(score):
                yield self._scored(score, was.value if was else None, score.value)
        for score in held.values():
            yield self._scored(score, score.value, None)

    def _scored(self, score: Score, was: int | None, now: int | None) -> Scored:
        board = self._program.board_by_code.get(score.board)
        scale = board.scale(self._program.money.decimals) if board else 1
        columns = score.columns if now is not None else ()
        reached_at = score.reached_at if now is not None else None
        return Scored(*_place(score), was, now, columns, scale, self._why("board", score.board), reached_at)

    def attributes(self) -> Iterator[Effect]:
        was, now = self._before.attributes, self._after.attributes
        for name in sorted(name for name in {*was, *now} if was.get(name) != now.get(name)):
            yield AttributeChanged(name, was.get(name), now.get(name), self._why("revision", name))

    def totals(self) -> Iterator[Effect]:
        was, now = self._before.totals, self._after.totals
        if was != now:
            yield TotalsMoved(was, now, self._why("revision", "totals"))

    def lots(self) -> Iterator[Effect]:
        for each, before, after in self._lots.seen():
            source, _, code = (each.origin or "revision:lots").partition(":")
            told = f"{self._lots.was_by.told(before)} became {self._lots.now_by.told(after)}"
            yield LotMoved(each.lot_id, before, after, replace(self._why(source, code, told), lots=(each.lot_id,)))

    def rest(self, left_out: int) -> Effect:
        """That so many effects are left out."""
        return Truncated(left_out, self._why("revision", "effects", f"{left_out}"))

    def _why(self, source: str, code: str, arithmetic: str = "") -> Why:
        return Why(cast("Source", source), code, arithmetic, inputs={self._cause.how: self._cause.name})


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The subtotals that differ, in the order of their names."""
    both = {name: (before.get(name, 0), after.get(name, 0)) for name in sorted({*before, *after})}
    return {name: (was, now) for name, (was, now) in both.items() if was != now}


def _delta(changes: Mapping[str, tuple[int, int]], name: str) -> int:
    was, now = changes.get(name, (0, 0))
    return now - was


def _place(score: Score) -> tuple[str, str, str]:
    return score.board, score.period, score.scope


def _shown(score: Score) -> tuple[int, tuple[int, ...], datetime]:
    """What of a score decides a place on its board."""
    return score.value, score.columns, score.reached_at


def _became(was: int, now: int) -> str:
    return f"{was} became {now}" if was != now else ""


def _tier_scale(program: Program) -> int:
    """By how much tiers count finer than their unit."""
    spend = program.tiers is not None and program.tiers.metric == "spend"
    return 10**program.money.decimals if spend else 1
