"""Differences: what a revision changed, told as effects that lead from the state before it to the one after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

from gamification import challenges
from gamification.program import Program
from gamification.record import (
    Account,
    BadgeLost,
    BadgeWon,
    Completed,
    CompletionLost,
    Effect,
    Entry,
    Progressed,
    Scored,
    Settlement,
    Source,
    StreakMoved,
    TierMoved,
    Why,
)
from gamification.state import Score, State
from gamification.windows import local_day

MAX_LOTS_NAMED = 20
_ACCOUNTS = ("available", "pending")


@dataclass(frozen=True, slots=True)
class Cause:
    """What a revision came from: how (``reversed``, ``late``, ``rejudged``), and which activity or version it names."""

    how: str
    name: str


def difference(before: State, after: State, program: Program, cause: Cause) -> tuple[Effect, ...]:
    """Everything that differs between two states of a member as of the same instant, each with its why.

    The entries come to the difference of the balances, account by account.
    """
    told = _Told(before, after, program, cause)
    return (
        *told.entries(),
        *told.tier(),
        *told.challenges(),
        *told.badges(),
        *told.streaks(),
        *told.scores(),
    )


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
    def __init__(self, before: State, after: State, program: Program, cause: Cause) -> None:
        self._before, self._after, self._program, self._cause = before, after, program, cause

    def entries(self) -> Iterator[Effect]:
        lots = self._changed_lots()
        for name, (was, now) in _changes(self._before.subtotals, self._after.subtotals).items():
            account, source, code = name.split(":")
            if account in _ACCOUNTS:
                arithmetic = f"{was} {'+' if now > was else '-'} {abs(now - was)} = {now}"
                why = replace(
                    self._why(source, code, arithmetic),
                    inputs={self._cause.how: self._cause.name, "before": was, "after": now},
                    lots=lots,
                )
                yield Entry(cast("Account", account), now - was, why)

    def tier(self) -> Iterator[Effect]:
        was, now = self._before.standing.tier, self._after.standing.tier
        if was != now and now is not None and self._program.tiers is not None:
            tiers = self._program.tiers
            up = was is None or tiers.position(now) > tiers.position(was)
            yield TierMoved(was, now, up, self._why("tier", now, ""), "revised")

    def challenges(self) -> Iterator[Effect]:
        day = local_day(max(self._before.as_of, self._after.as_of), self._program.time_zone)
        for challenge in self._program.challenges:
            was = self._before.challenges.get(challenge.code, challenges.NOT_BEGUN)
            now = self._after.challenges.get(challenge.code, challenges.NOT_BEGUN)
            if was == now:
                continue
            done = challenges.progress(challenge, was, day), challenges.progress(challenge, now, day)
            if done[0] != done[1]:
                why = self._why("challenge", challenge.code, f"{done[0]} became {done[1]}")
                yield Progressed(challenge.code, *done, challenge.goal, challenge.scale, why)
            times = now.completed - was.completed
            why = self._why("challenge", challenge.code, f"{was.completed} became {now.completed}")
            if times > 0:
                yield Completed(challenge.code, times, why)
            elif times < 0:
                yield CompletionLost(challenge.code, -times, why)

    def badges(self) -> Iterator[Effect]:
        for code in sorted({*self._before.badges, *self._after.badges}):
            was, now = (held.level if (held := state.badges.get(code)) else 0 for state in (self._before, self._after))
            why = self._why("badge", code, f"level {was} became {now}")
            for level in range(was + 1, now + 1):
                yield BadgeWon(code, level, why)
            if now < was:
                yield BadgeLost(code, was, now, why)

    def streaks(self) -> Iterator[Effect]:
        for code in sorted({*self._before.streaks, *self._after.streaks}):
            was, now = (held.length if (held := s.streaks.get(code)) else 0 for s in (self._before, self._after))
            if was != now:
                yield StreakMoved(code, was, now, self._why("streak", code, f"{was} became {now}"))

    def scores(self) -> Iterator[Effect]:
        held = {_place(score): score for score in self._before.scores}
        for score in self._after.scores:
            was = held.pop(_place(score), None)
            if was is None or (was.value, was.columns) != (score.value, score.columns):
                yield self._scored(score, was.value if was else None, score.value)
        for score in held.values():
            yield self._scored(score, score.value, None)

    def _scored(self, score: Score, was: int | None, now: int | None) -> Scored:
        board = self._program.board_by_code.get(score.board)
        scale = board.scale(self._program.money.decimals) if board else 1
        columns = score.columns if now is not None else ()
        why = self._why("board", score.board, "")
        return Scored(score.board, score.period, score.scope, was, now, columns, scale, why)

    def _why(self, source: str, code: str, arithmetic: str) -> Why:
        return Why(cast("Source", source), code, arithmetic, inputs={self._cause.how: self._cause.name})

    def _changed_lots(self) -> tuple[str, ...]:
        was = {lot.lot_id: lot for lot in self._before.lots}
        now = {lot.lot_id: lot for lot in self._after.lots}
        changed = [lot_id for lot_id in {**was, **now} if was.get(lot_id) != now.get(lot_id)]
        return tuple(changed[:MAX_LOTS_NAMED])


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The subtotals that differ, in the order of their names."""
    both = {name: (before.get(name, 0), after.get(name, 0)) for name in sorted({*before, *after})}
    return {name: (was, now) for name, (was, now) in both.items() if was != now}


def _delta(changes: Mapping[str, tuple[int, int]], name: str) -> int:
    was, now = changes.get(name, (0, 0))
    return now - was


def _place(score: Score) -> tuple[str, str, str]:
    return score.board, score.period, score.scope
