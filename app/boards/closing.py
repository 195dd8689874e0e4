"""Closes the periods of boards that are over: draws up the final standings, and pays the prizes, each exactly once.

Any number of processes may do so at once, and any of them may be killed at any moment:

1. One takes the period's lease, deletes what an earlier run has left, and writes a run of its own.
2. One conditional update chooses that run for good, if no other has been begun since.
3. The prizes that the chosen run owes become records in their winners' journals, under a key that is the same whoever
   writes them; then the period is paid.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NoReturn

from app.boards.archive import MongoRuns, OwedPrize
from app.boards.periods import LEASE_SECONDS, Counts, Leased, MongoBoardPeriods, period_id
from app.boards.sorting import ContenderSort
from app.stores.codec import MemberScores, Unreadable
from app.stores.members import MongoMembers
from app.stores.programs import MongoPrograms
from gamification.activity import to_milliseconds
from gamification.boards.closing import (
    Contender,
    Due,
    FinalStandings,
    abandoned_periods,
    due_periods,
    is_due,
    past_periods,
    prize_won,
)
from gamification.boards.keys import BoardKey
from gamification.boards.listing import LISTED, Row
from gamification.boards.prizes import prize_activity
from gamification.boards.ranking import deciding
from gamification.contention import Contended, is_outage
from gamification.program.boards import Board, Places, Prize
from gamification.recording import Recorder
from gamification.requests import Recorded, RecordRequest, RecordResult
from gamification.stores import AppliedProgram, StoreUnavailable

CLOSE_EVERY_SECONDS = 5.0
"""How often is looked whether a period is due."""
RENEW_SECONDS = LEASE_SECONDS / 6
"""A lease is renewed this early, so that no write that was begun under it lasts beyond it."""
READ_BATCH = 1_000
WRITE_BATCH = 1_000
PAY_BATCH = 64
"""Members whose prizes are recorded together: as many as one commit takes."""
MAX_UNPAID_PERIODS = 100
"""How many older periods whose prizes are not all paid yet are looked after in one round."""
RUN_BYTES = 12
MAX_LOGGED = 1_000
"""How many prizes that could not be paid a process keeps in mind, to log each of them once."""

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another process has taken over this period. What this one has written of it does not count."""


class PrizesUnpaid(Exception):
    """Some prizes of a period could not be recorded. They stay owed and are tried again; all others are paid."""


class PeriodCloser:
    """Closes periods and pays their prizes, as one of any number of processes."""

    def __init__(
        self,
        periods: MongoBoardPeriods,
        runs: MongoRuns,
        members: MongoMembers,
        programs: MongoPrograms,
        recorder: Recorder,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._periods, self._runs = periods, runs
        self._members, self._programs, self._recorder, self._now = members, programs, recorder, now
        self._holder = secrets.token_hex(RUN_BYTES)
        self._since: tuple[int, dict[str, datetime]] = (0, {})
        self._abandoned: list[tuple[Due, int]] = []
        self._past: set[str] = set()
        self._logged: set[tuple[str, OwedPrize]] = set()

    async def run(self) -> NoReturn:
        """Close what is due, again and again.

        Raises:
            StoreUnavailable: a store did not answer in time. Running it again goes on from there.
        """
        while True:
            await self.close_due()
            await asyncio.sleep(CLOSE_EVERY_SECONDS)

    async def close_due(self) -> None:
        """Close every period that is due and that no other process is at, and pay what is owed.

        Raises:
            StoreUnavailable: a store did not answer in time. Calling it again goes on from there.
            ExceptionGroup: some periods could not be closed for other reasons; all others were.
        """
        applied = await self._programs.current()
        since = await self._in_force_since(applied)
        due = due_periods(applied.program, since, self._now())
        await self._give_up(
            past_periods(applied.program, since, self._now()), "no process was there to close it in time"
        )
        for each, version in self._abandoned:
            if is_due(each, self._now()):  # Until then, a further version may bring the board back.
                await self._give_up([each], f"version {version} of the program has changed the board")
        due_ids = {_id(each) for each in due}
        paid = await self._periods.paid(list(due_ids))
        faults: list[Exception] = []
        for each in due:
            if _id(each) not in paid:
                await self._periods.note(each, self._now())
                await self._guarded(self._work_on(each.board.code, each.period.code, each, applied.version), faults)
        for board, period in await self._periods.unpaid(MAX_UNPAID_PERIODS):
            if period_id(board, period) not in due_ids:
                await self._guarded(self._work_on(board, period, None, applied.version), faults)
        if faults:
            raise ExceptionGroup("board periods could not be closed", faults)

    async def _guarded(self, work: Coroutine[None, None, None], faults: list[Exception]) -> None:
        """Let a fault with one period be no other's. An outage is everybody's."""
        try:
            await work
        except StoreUnavailable:
            raise
        except Exception as error:
            faults.append(error)

    async def _in_force_since(self, applied: AppliedProgram) -> dict[str, datetime]:
        """When each board came into force: with the first version that has its code."""
        if self._since[0] != applied.version:
            since: dict[str, datetime] = {}
            abandoned: list[tuple[Due, int]] = []
            versions, schedule = await self._programs.all_versions(), await self._programs.schedule()
            from_at = {edition.version: edition.from_at for edition in schedule.editions}
            in_force = {each.version: max(each.applied_at, from_at[each.version]) for each in versions}
            for version in versions:
                for board in version.program.boards:
                    since.setdefault(board.code, in_force[version.version])
            for old, new in pairwise(versions):
                lost = abandoned_periods(old.program, applied.program, in_force[new.version])
                abandoned += [(each, new.version) for each in lost if since[each.board.code] < each.ends_at]
            self._since, self._abandoned = (applied.version, since), abandoned
        return self._since[1]

    async def _give_up(self, periods: Sequence[Due], why: str) -> None:
        """Tell once and for all, and not in every process, which periods are never closed."""
        for each in periods:
            if _id(each) in self._past:
                continue
            if await self._periods.give_up(each, self._now()):
                log.error("%s has no final standings and pays no prizes: %s", _id(each), why)
            if len(self._past) >= MAX_LOGGED:
                self._past.clear()
            self._past.add(_id(each))

    async def _work_on(self, board: str, period: str, due: Due | None, version: int) -> None:
        leased = await self._periods.lease(board, period, self._holder, self._now())
        if leased is None:
            return
        hold = _Hold(self._periods, leased, self._now)
        try:
            closed_at = leased.closed_at
            run = leased.run
            if closed_at is None and due is not None:
                run, closed_at = await self._draw_up(hold, due, version)
            if run is not None and closed_at is not None:
                await self._pay(hold, run, closed_at)
        except LeaseLost:
            log.info("another process has taken over closing %s", leased.period_id)
        finally:
            await self._periods.release(leased, self._now())

    async def _draw_up(self, hold: "_Hold", due: Due, version: int) -> tuple[str, datetime]:
        """Write a run and choose it; the run, and when that was."""
        if hold.leased.run is not None:  # Whoever began it has ended, or has lost the lease.
            await self._delete(hold, hold.leased.run)
        run = secrets.token_hex(RUN_BYTES)
        if not await self._periods.begin(hold.leased, run, self._now()):
            raise LeaseLost
        try:
            counts = await self._write(hold, due, run)
            closed_at = to_milliseconds(self._now())
            if not await self._periods.close(hold.leased, run, version, counts, closed_at):
                raise LeaseLost
        except LeaseLost:
            # Who has taken over deletes what they find; what was written after they looked is deleted here. But never
            # what has been chosen, if all that was lost is the answer that it was.
            if await self._periods.last_run(hold.leased) != run:
                await self._delete(None, run)
            raise
        log.info("closed %s: %s", hold.leased.period_id, counts)
        return run, closed_at

    async def _write(self, hold: "_Hold", due: Due, run: str) -> Counts:
        standings, prizes = FinalStandings(), 0
        async with ContenderSort() as sort:
            async for members in self._members.stream_scores(READ_BATCH):
                await hold.keep()
                await sort.add([one for member in members for one in _contenders(member, due)])
            async for batch in sort.in_order(WRITE_BATCH):
                await hold.keep()
                rows = [(one.scope, standings.place(one)) for one in batch]
                owed = [prize for scope, row in rows if (prize := _owed(due.board, scope, row))]
                await self._runs.write(run, rows, owed, standings.take_totals())
                prizes += len(owed)
        await self._runs.write(run, (), (), standings.take_totals(over=True))
        return Counts(standings.listed, standings.unlisted, standings.scopes, prizes)

    async def _pay(self, hold: "_Hold", run: str, closed_at: datetime) -> None:
        after: OwedPrize | None = None
        unpaid = 0
        while owed := await self._runs.owed(run, PAY_BATCH, after):
            await hold.keep()
            unpaid += len(owed) - await self._pay_some(hold, run, owed, closed_at)
            after = owed[-1]
        if unpaid:
            raise PrizesUnpaid(f"{unpaid} prizes of {hold.leased.period_id} could not be paid and stay owed")
        await self._periods.settle(hold.leased, self._now())

    async def _pay_some(self, hold: "_Hold", run: str, owed: Sequence[OwedPrize], closed_at: datetime) -> int:
        """Record these prizes; with how many of them nothing is left to do."""
        requests = [_prize_request(hold.leased, prize, closed_at) for prize in owed]
        results = await self._record(hold, owed, requests)
        await self._runs.settled(run, [prize for prize, result in results if isinstance(result, Recorded)])
        for prize, result in results:
            if not isinstance(result, Recorded):
                # It would be refused time and again. It is kept for somebody to look at.
                self._log_once(hold, prize, str(result))
                await self._runs.refused(run, prize, str(result))
        return len(results)

    async def _record(
        self, hold: "_Hold", owed: Sequence[OwedPrize], requests: Sequence[RecordRequest]
    ) -> list[tuple[OwedPrize, RecordResult]]:
        """What became of each prize, together or, where that fails, one by one: a fault with one is no other's."""
        try:
            return list(zip(owed, await self._recorder.record_own(requests), strict=True))
        except Exception as error:
            if is_outage(error):
                raise
        results: list[tuple[OwedPrize, RecordResult]] = []
        for prize, request in zip(owed, requests, strict=True):
            await hold.keep()
            try:
                [result] = await self._recorder.record_own([request])
            except Exception as error:
                if is_outage(error):
                    raise
                if not isinstance(error, Contended):  # The next try may well go through.
                    self._log_once(hold, prize, repr(error))
            else:
                results.append((prize, result))
        return results

    def _log_once(self, hold: "_Hold", prize: OwedPrize, why: str) -> None:
        mark = (hold.leased.period_id, prize)
        if mark not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(mark)
            log.error("no prize for %s of %s: %s", prize.member_id, hold.leased.period_id, why)

    async def _delete(self, hold: "_Hold | None", run: str) -> None:
        async for _ in self._runs.delete(run):
            if hold is not None:
                await hold.keep()


class _Hold:
    """A lease that is renewed in time, or found to be lost."""

    def __init__(self, periods: MongoBoardPeriods, leased: Leased, now: Callable[[], datetime]) -> None:
        self.leased = leased
        self._periods, self._now = periods, now
        self._renewed_at = now()

    async def keep(self) -> None:
        """Renew the lease where that is due.

        Raises:
            LeaseLost: another process has it.
        """
        now = self._now()
        if now - self._renewed_at < timedelta(seconds=RENEW_SECONDS):
            return
        if not await self._periods.renew(self.leased, now):
            raise LeaseLost
        self._renewed_at = now


def _id(due: Due) -> str:
    return period_id(due.board.code, due.period.code)


def _contenders(member: MemberScores | Unreadable, due: Due) -> Iterator[Contender]:
    if isinstance(member, Unreadable):
        log.error("the member %s cannot be read and has no final standing: %s", member.member_id, member.fault)
        return
    for score in member.scores:
        if (score.board, score.period) == (due.board.code, due.period.code):
            columns, listed = deciding(due.board, score), member.visibility in LISTED
            yield Contender(score.scope, member.member_id, score.value, columns, score.reached_at, listed)


def _owed(board: Board, scope: str, row: Row) -> OwedPrize | None:
    won = prize_won(board, row)
    if won is None:
        return None
    rank, prize = won
    return OwedPrize(row.member_id, scope, rank, prize.points, prize.badge)


def _prize_request(leased: Leased, owed: OwedPrize, closed_at: datetime) -> RecordRequest:
    """The record of a prize: the same to the letter, whichever process pays it and whenever."""
    key = BoardKey(leased.board, leased.period, owed.scope)
    prize = Prize(places=Places(owed.rank, owed.rank), points=owed.points, badge=owed.badge)
    return RecordRequest(owed.member_id, prize_activity(key, owed.rank, prize, closed_at))
