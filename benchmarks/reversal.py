"""`python -m benchmarks.reversal [--json] [RECORDS ...]`: what it costs to change the past of a member.

First the compute alone, in the process's own time: what a reversal, or a purchase that comes in late, plays again. Then
reversals through the recorder over the embedded servers, in time on the wall, with all that is read and written.

Without checkpoints all is played from the beginning, wherever the change is: so that is measured at one place.
"""

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bson
import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.embedded import StoreServers, embedded_servers
from app.server import GC_THRESHOLDS
from app.stores.codec import state_document
from gamification.activity import Activity, LineItem, normalised
from gamification.campaigns import Offer, Offers
from gamification.circumstances import Circumstances
from gamification.enrolment import Enrolled, EnrolRequest
from gamification.history import Checkpoint, Past
from gamification.member import Profile
from gamification.member_fold import MemberFold
from gamification.program import Program
from gamification.program.source import read_program
from gamification.recording import MAX_ITEMS_PER_CALL
from gamification.requests import Recorded, RecordRequest, Request, ReverseRequest
from gamification.state import Moment, State
from tests.app.clockwork import Clock, Shop, client_of, opened
from tests.gamification.clerk import MEMBER_ID, Clerk, drive

SIZES = (10, 1_000, 10_000)
ROUNDS, ENOUGH_SECONDS = 5, 3.0
"""What is measured is repeated so often, or until it has taken so long."""
PROGRAMS = ("record-shop", "coffee-bar")
"""The second one uses all that a program can hold."""
FOLDER = Path(__file__).parent.parent / "programs"
LATE_DAYS, ALL_LATE_DAYS = "within_days: 90,", "within_days: 366,"
"""So that what comes in late is put where it belongs in any of these histories."""
BEGUN_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
BETWEEN = timedelta(minutes=50)
"""So that 10,000 purchases lie within one year of 365 days, and all of them count for the tiers of the record shop."""
CONSOLE = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """What one change costs: milliseconds over some rounds, and how many records were read for it."""

    program: str
    records: int
    change: str
    place: str
    checkpoints: bool
    behind: int
    milliseconds: Sequence[float]

    def told(self) -> Mapping[str, object]:
        """All there is to say of it."""
        return {
            "program": self.program,
            "records": self.records,
            "change": self.change,
            "place": self.place,
            "checkpoints": self.checkpoints,
            "records_read": self.behind,
            "ms": {
                "median": statistics.median(self.milliseconds),
                "least": min(self.milliseconds),
                "most": max(self.milliseconds),
            },
        }


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a history takes: bytes of the snapshot and of all its checkpoints as they are stored."""

    program: str
    records: int
    snapshot_bytes: int
    checkpoints: int
    checkpoint_bytes: int

    def told(self) -> Mapping[str, object]:
        """All there is to say of it."""
        return {name: getattr(self, name) for name in self.__slots__}


def definition(name: str) -> str:
    """A program that comes with Laurel, as it is written."""
    return (FOLDER / f"{name}.yaml").read_text("utf-8").replace(LATE_DAYS, ALL_LATE_DAYS)


def bought_at(number: int) -> datetime:
    """When the purchase with a number happens."""
    return BEGUN_AT + (number + 1) * BETWEEN


def purchase(number: int, key: str | None = None) -> Activity:
    """A purchase of two lines, at the bar or of the shop."""
    lines = (LineItem("cd", 1 + number % 2, 1933 + number % 700, "beans"), LineItem("OAT-1", 1, 1000, "drinks"))
    amount_minor = sum(line.amount_minor for line in lines)
    attributes = {"bar": f"bar {number % 7}"}
    key = key or f"p{number:05}"
    return normalised(Activity(key, "purchase", bought_at(number), amount_minor, lines, attributes=attributes))


def places(size: int) -> Sequence[tuple[str, int, bool]]:
    """Where the purchases that are changed stand in the history, their numbers, and whether checkpoints are at hand."""
    return (("latest", size - 1, True), ("middle", size // 2, True), ("first", 0, True), ("latest", size - 1, False))


def is_enough(milliseconds: Sequence[float], rounds: int = ROUNDS) -> bool:
    """Whether a change has been measured often enough, or for long enough."""
    return len(milliseconds) >= rounds or sum(milliseconds) >= ENOUGH_SECONDS * 1000


def measured(figure: Figure) -> Figure:
    """The figure, told at once, so that whoever waits for all of them sees it move."""
    aid = "with" if figure.checkpoints else "without"
    what = f"{figure.program}, {figure.records:,} records: {figure.change} at the {figure.place} {aid} checkpoints"
    CONSOLE.print(f"{what}: {statistics.median(figure.milliseconds):.1f} ms", highlight=False)
    return figure


class Desk:
    """One member's history in memory, and what it takes to change it."""

    def __init__(self, program: Program, size: int) -> None:
        offers = [Offer(terms, 1) for terms in program.campaigns]
        self._offers, self.clerk = Offers(offers), Clerk(program, BEGUN_AT, offers)
        self._size = size
        for number in track(range(size), f"Recording {size:,} purchases under {program.code}", console=CONSOLE):
            now = bought_at(number)
            fold = MemberFold(self.clerk.member, Circumstances(self.clerk.schedule, self._offers.copy(), now))
            assert isinstance(drive(fold.add(RecordRequest(MEMBER_ID, purchase(number)), None)), Recorded)
            self.clerk.keep(fold.commit())
        self._now = bought_at(size)
        self._known = {(MEMBER_ID, each.activity.key): each for each in self.clerk.records if each.activity}

    def reversal(self, number: int) -> tuple[Request, Moment]:
        """A request to take a purchase back, and from where on that changes the member's time."""
        key = purchase(number).key
        return ReverseRequest(MEMBER_ID, key), Moment(bought_at(number), key)

    def late(self, number: int) -> tuple[Request, Moment]:
        """A purchase that comes in now and belongs just before one of the others, for so say their keys."""
        activity = purchase(number, f"late{number:05}")
        return RecordRequest(MEMBER_ID, activity), Moment(activity.occurred_at, activity.key)

    def past(self, moment: Moment, *, checkpoints: bool) -> Past:
        """The history that is read for a change."""
        if checkpoints:
            return self.clerk.past(moment)
        return Past(Checkpoint(State.new(self.clerk.member.enrolled_at), 1), tuple(self.clerk.records))

    def seconds(self, request: Request, past: Past) -> float:
        """The process time of working a change out, from the records that were read to those to be written."""
        circumstances = Circumstances(self.clerk.schedule, self._offers.copy(), self._now)
        begun = time.process_time()
        result = drive(
            MemberFold(self.clerk.member, circumstances, past, self.clerk.terms).answer(request, self._known)
        )
        seconds = time.process_time() - begun
        assert isinstance(result, Recorded), result
        return seconds

    def figures(self) -> Iterator[Figure]:
        """What each kind of change costs at each place, with checkpoints and without."""
        changes: Mapping[str, Callable[[int], tuple[Request, Moment]]] = {
            "reversal": self.reversal,
            "late": self.late,
        }
        code = self.clerk.schedule.editions[0].program.code
        for change, asked in changes.items():
            for place, number, checkpoints in places(self._size):
                request, moment = asked(number)
                past, rounds = self.past(moment, checkpoints=checkpoints), list[float]()
                while not is_enough(rounds):
                    rounds.append(self.seconds(request, past) * 1000)
                yield measured(Figure(code, self._size, change, place, checkpoints, len(past.records), rounds))

    def sizes(self) -> Sizes:
        """What the history takes in the database."""
        code = self.clerk.schedule.editions[0].program.code
        kept = [len(bson.encode(state_document(each.state))) for each in self.clerk.checkpoints]
        return Sizes(code, self._size, len(bson.encode(state_document(self.clerk.state))), len(kept), sum(kept))


async def recorded(shop: Shop, size: int) -> str:
    """The id of a new member with a history in the database."""
    shop.clock.at = BEGUN_AT
    name = f"member {size}"
    [enrolled] = await shop.laurel.game.enroller.enrol([EnrolRequest(name, Profile(name), BEGUN_AT)])
    assert isinstance(enrolled, Enrolled)
    member_id = enrolled.member.member_id
    shop.clock.at = bought_at(size)
    for first in track(range(0, size, MAX_ITEMS_PER_CALL), f"Writing {size:,} purchases", console=CONSOLE):
        numbers = range(first, min(first + MAX_ITEMS_PER_CALL, size))
        requests = [RecordRequest(member_id, purchase(each), arrived_at=bought_at(each)) for each in numbers]
        assert all(isinstance(each, Recorded) for each in await shop.laurel.game.recorder.record(requests))
    return member_id


async def wall(shop: Shop, size: int) -> Sequence[Figure]:
    """Milliseconds of reversals by the recorder; each round takes another purchase back."""
    member_id, figures = await recorded(shop, size), []
    left = set(range(size))
    for place, near, checkpoints in places(size):
        milliseconds: list[float] = []
        while not is_enough(milliseconds, max(1, min(ROUNDS, size // 10))):
            number = min(left, key=lambda each: (abs(each - near), each))
            left.remove(number)
            key = purchase(number).key
            if not checkpoints:
                await shop.database["checkpoints"].delete_many({"member_id": member_id})
            behind = len((await shop.laurel.journal.past(member_id, Moment(bought_at(number), key))).records)
            begun = time.perf_counter()
            result = await shop.laurel.game.recorder.reverse(ReverseRequest(member_id, key))
            milliseconds.append((time.perf_counter() - begun) * 1000)
            assert isinstance(result, Recorded), result
        figures.append(measured(Figure("record-shop", size, "reversal", place, checkpoints, behind, milliseconds)))
    return figures


async def walls(servers: StoreServers, sizes: Sequence[int]) -> Sequence[Figure]:
    """The same for histories of all sizes, in one database."""
    client = client_of(servers)
    figures: list[Figure] = []
    async with opened(client["bench_reversal"], servers, Clock(BEGUN_AT)) as shop:
        await shop.laurel.programs.apply(definition("record-shop"), "benchmark", BEGUN_AT)
        for size in sizes:
            figures += await wall(shop, size)
    client.close()
    return figures


async def main(sizes: Sequence[int], *, as_json: bool) -> None:
    """Measure and print."""
    gc.set_threshold(*GC_THRESHOLDS)  # as a serving process does
    compute: list[Figure] = []
    stored: list[Sizes] = []
    for name in PROGRAMS:
        for size in sizes:
            desk = Desk(read_program(definition(name)), size)
            compute += desk.figures()
            stored.append(desk.sizes())
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_servers(Path(folder)) as servers:
            end_to_end = await walls(servers, sizes)
    if as_json:
        content = {
            "compute": [each.told() for each in compute],
            "end_to_end": [each.told() for each in end_to_end],
            "sizes": [each.told() for each in stored],
        }
        Console(soft_wrap=True, highlight=False).print(json.dumps(content))
        return
    Console().print(_table("Compute, process time", compute))
    Console().print(_table("Recorder over the embedded servers, time on the wall", end_to_end))
    Console().print(_stored(stored))


def _table(title: str, figures: Sequence[Figure]) -> Table:
    heads = ("Program", "Records", "Change", "Place", "Checkpoints", "Read", "Median ms", "Least", "Most")
    table = Table(*heads, title=title)
    for each in figures:
        spread = (statistics.median(each.milliseconds), min(each.milliseconds), max(each.milliseconds))
        table.add_row(
            each.program,
            f"{each.records:,}",
            each.change,
            each.place,
            "yes" if each.checkpoints else "no",
            f"{each.behind:,}",
            *(f"{milliseconds:.1f}" for milliseconds in spread),
        )
    return table


def _stored(sizes: Sequence[Sizes]) -> Table:
    table = Table("Program", "Records", "Snapshot bytes", "Checkpoints", "Bytes of those", title="As it is stored")
    for each in sizes:
        numbers = (each.records, each.snapshot_bytes, each.checkpoints, each.checkpoint_bytes)
        table.add_row(each.program, *(f"{number:,}" for number in numbers))
    return table


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    uvloop.run(main([int(argument) for argument in arguments] or SIZES, as_json="--json" in sys.argv))
