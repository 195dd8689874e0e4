"""The placings that members' documents in MongoDB stand for: what the boards in Redis must show."""

import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime

from app.boards.placing import Placing
from app.stores.codec import MemberScores, Unreadable
from app.stores.members import MongoMembers
from gamification.boards import periods
from gamification.boards.keys import BoardKey
from gamification.boards.listing import LISTED
from gamification.boards.periods import period_named
from gamification.boards.ranking import deciding
from gamification.program import Program
from gamification.program.boards import Board
from gamification.state import Score
from gamification.stores import Programs

STREAM_BATCH_MEMBERS = 1_000
MAX_LOGGED = 1_000
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When whoever has left a board reached a score there."""

log = logging.getLogger(__name__)


def forgotten_at(key: BoardKey, program: Program) -> datetime | None:
    """When a board leaves Redis; None for never, and for one that the program does not know."""
    board = program.board_by_code.get(key.board)
    period = period_named(board, key.period, program.time_zone) if board else None
    return periods.forgotten_at(board, period) if board and period else None


class BoardsShown(dict[BoardKey, Board | None]):
    """The board that a key stands for; None where it is forgotten by now. Worked out once for each key."""

    def __init__(self, program: Program, now: datetime) -> None:
        super().__init__()
        self._program, self._now = program, now

    def __missing__(self, key: BoardKey) -> Board | None:
        board = self._program.board_by_code.get(key.board)
        if board is not None and period_named(board, key.period, self._program.time_zone) is None:
            board = None  # An earlier version of the program had it.
        gone_at = forgotten_at(key, self._program)
        self[key] = board if gone_at is None or gone_at >= self._now else None
        return self[key]


def placings_of(member: MemberScores, shown: BoardsShown) -> Iterator[Placing]:
    """Where a member stands on every board that is not forgotten yet, and which ones they have left.

    Raises:
        ValueError: a score is out of the bounds of a placing.
    """
    present = {BoardKey(score.board, score.period, score.scope): score for score in member.scores}
    for key in (*present, *(key for key in member.left if key not in present)):
        if (board := shown[key]) is not None:
            yield _placing(member, board, key, present.get(key))


def _placing(member: MemberScores, board: Board, key: BoardKey, score: Score | None) -> Placing:
    """Where a member stands with a score; without one, that they have left."""
    return Placing(
        key=key,
        member_id=member.member_id,
        revision=member.revision,
        value=score.value if score else None,
        columns=deciding(board, score) if score else (),
        reached_at=score.reached_at if score else _NEVER,
        listed=member.visibility in LISTED,
    )


def moves_members(before: Program, after: Program) -> bool:
    """Whether a change of the program alone brings members onto a board, takes them off one or orders them otherwise.

    A board that is new may have been there before, and then members have scores on it.
    """
    return layout_of(before) != layout_of(after)


def layout_of(program: Program) -> str:
    """A digest of all in a program that decides which placings members have, in which order and until when."""
    layouts = {board.code: _layout(board) for board in program.boards}
    return hashlib.sha256(repr((program.time_zone.key, sorted(layouts.items()))).encode()).hexdigest()


class MongoPlacings:
    """Reads placings from the members' documents. A document that cannot be read is logged and left out.

    Each method that reads raises ``StoreUnavailable`` where MongoDB does not answer.
    """

    def __init__(self, members: MongoMembers, programs: Programs, now: Callable[[], datetime]) -> None:
        self._members, self._programs, self._now = members, programs, now
        self._program: Program | None = None
        self._layout = (0, "")
        self._unreadable: set[str] = set()

    async def of(self, member_ids: Sequence[str]) -> Sequence[Placing]:
        """All placings of these members as they are now."""
        program = await self._current()
        return self._placings(await self._members.scores_of(member_ids), program)

    async def as_of(self, members: Sequence[MemberScores]) -> Sequence[Placing]:
        """All placings of members of whom this is known already."""
        return self._placings(members, await self._current())

    async def stream(self, progress: Callable[[int], None] | None = None) -> AsyncIterator[Sequence[Placing]]:
        """All placings of all members, in batches; ``progress`` is told how many members more were read."""
        program = await self._current()
        async for members in self._members.stream_scores(STREAM_BATCH_MEMBERS):
            if progress:
                progress(len(members))
            yield self._placings(members, program)

    async def layout(self) -> str:
        """The layout of the boards by the program in force, as `layout_of` has it."""
        version, layout = self._layout
        current = await self._programs.current()
        if version != current.version:
            layout = layout_of(current.program)
            self._layout = current.version, layout
        return layout

    def forgotten_at(self, key: BoardKey) -> datetime | None:
        """When a board leaves Redis, by the program that was last read; None for never, and before one was read."""
        return forgotten_at(key, self._program) if self._program else None

    async def _current(self) -> Program:
        self._program = (await self._programs.current()).program
        return self._program

    def _placings(self, members: Sequence[MemberScores | Unreadable], program: Program) -> Sequence[Placing]:
        shown = BoardsShown(program, self._now())
        placings: list[Placing] = []
        for member in members:
            if isinstance(member, Unreadable):
                self._log_once(member.member_id, member.fault)
                continue
            try:
                placings += placings_of(member, shown)
            except ValueError as fault:
                self._log_once(member.member_id, str(fault))
        return placings

    def _log_once(self, member_id: str, fault: str) -> None:
        if member_id not in self._unreadable and len(self._unreadable) < MAX_LOGGED:
            self._unreadable.add(member_id)
            log.error("the member %s cannot be read and is on no board: %s", member_id, fault)


def _layout(board: Board) -> tuple[object, ...]:
    return board.period, board.ties == "columns", len(board.columns), board.seasons, board.late_minutes
