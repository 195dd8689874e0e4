"""What the game alone costs: one purchase of the CDNOW log through the fold."""

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.cdnow.log import Purchase, read_log
from benchmarks.figures import Spread
from benchmarks.replaying import LOG
from gamification.fold import Applied, advance, apply
from gamification.program import Program
from gamification.program.source import read_program
from gamification.state import State

ROUNDS = 5
PROGRAM = Path("programs/record-shop.yaml")


def fold_microseconds() -> Spread:
    """Microseconds a purchase, time passing included."""
    purchases, _ = read_log(LOG.read_bytes().splitlines(), datetime.now(UTC).date())
    program = read_program(PROGRAM.read_text(encoding="utf-8"))
    return Spread.of([_once(purchases, program) for _ in range(ROUNDS)])


def _once(purchases: list[Purchase], program: Program) -> float:
    histories: dict[str, list[Purchase]] = defaultdict(list)
    for purchase in purchases:
        histories[purchase.customer].append(purchase)
    begun = time.perf_counter()
    for history in histories.values():
        activities = [purchase.activity(timedelta(0)) for purchase in history]
        state = State.new(activities[0].occurred_at)
        for activity in activities:
            state, _ = advance(state, activity.occurred_at, program)
            applied = apply(state, activity, program)
            assert isinstance(applied, Applied)
            state = applied.state
    return (time.perf_counter() - begun) / len(purchases) * 1e6
