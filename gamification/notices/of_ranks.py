"""What boards give cause to tell: a member has come among the first of one, or has been overtaken and left them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from gamification.boards.keys import BoardKey
from gamification.boards.listing import LISTED, Row
from gamification.member import Member
from gamification.notices.notice import Notice, NoticeKind
from gamification.program.boards import Board
from gamification.program.notices import Notices
from gamification.schedule import Edition
from gamification.values import value
from gamification.windows import earliest


@value(frozen=True, slots=True)
class Tops:
    """Who is among the first of a board: as many as each kind says, and none for a kind that is not declared.

    ``is_crowded`` says that there are others besides, so that to be among the first means something.
    """

    gaining: frozenset[str]
    losing: frozenset[str]
    is_crowded: bool = False


@value(frozen=True, slots=True)
class Ranked:
    """A board at a moment: its key and definition, when its period is over, and how often this was noted before."""

    key: BoardKey
    board: Board
    ends_at: datetime | None
    edition: Edition
    now: datetime
    number: int


def tops_wanted(told: Notices) -> int:
    """How many of the first of a board are to be known; 0 where nothing is told of ranks."""
    return max(_top(told, "rank_gained"), _top(told, "rank_lost"))


def tops_of(rows: Sequence[Row], total: int, told: Notices) -> Tops:
    """Who is among the first, by the first rows of a board on which so many are listed in all."""
    gaining, losing = _top(told, "rank_gained"), _top(told, "rank_lost")
    first = [row.member_id for row in rows]
    return Tops(frozenset(first[:gaining]), frozenset(first[:losing]), is_crowded=total > gaining)


def moved(before: Tops, after: Tops) -> tuple[Collection[str], Collection[str]]:
    """Who may be told that they have come among the first, and who that they have left them."""
    came = after.gaining - before.gaining if after.is_crowded else frozenset[str]()
    return came, before.losing - after.losing


def rank_notices(
    kind: NoticeKind, rows: Mapping[str, Row], members: Mapping[str, Member], ranked: Ranked
) -> Iterator[Notice]:
    """What those of the members are told who are on the board, by their rows, and show themselves there.

    Whoever has hidden, was merged into another account, or had taken back what had brought them there is told nothing.
    """
    lasting = ranked.edition.program.notices.declared[kind]
    for member_id, row in sorted(rows.items()):
        member = members.get(member_id)
        if member is None or member.visibility.board not in LISTED or member.state.merged_into is not None:
            continue
        rank = row.shared_rank if ranked.board.ties == "shared" else row.position
        yield Notice(
            notice_id=f"{member_id}:{kind}:{ranked.number}:{ranked.key.text}",
            member_id=member_id,
            kind=kind,
            subject=ranked.key.board,
            at=ranked.now,
            program_version=ranked.edition.version,
            values={
                "board": ranked.key.board,
                "rank": rank,
                "top": _top(ranked.edition.program.notices, kind),
            },
            expires_at=earliest(ranked.now + timedelta(hours=lasting.fresh_hours), ranked.ends_at),
            collapse=lasting.collapse or "",
        )


def _top(told: Notices, kind: NoticeKind) -> int:
    declared = told.rank_gained if kind == "rank_gained" else told.rank_lost
    return declared.top if declared is not None else 0
