"""Reading a CDNOW purchase log: one purchase a line; what is wrong with a line is told with its number."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from gamification.activity import MAX_QUANTITY, PURCHASE, Activity, LineItem, Problem, minor_units

MAX_LINE_BYTES = 200
MAX_LINES = 2_000_000
SKU = "cd"
CATEGORY = "music"
_COLUMNS = {4: "customer, date, number and dollars", 5: "customer, sample number, date, number and dollars"}
_NOON = time(12, tzinfo=UTC)
_CENTS_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Purchase:
    """A line of the log. ``line`` counts from 1 and makes its key, so that importing again repeats nothing."""

    line: int
    customer: str
    day: date
    quantity: int
    amount_minor: int

    def activity(self, shift: timedelta) -> Activity:
        """The purchase as an activity, its day moved by ``shift``."""
        item = LineItem(SKU, self.quantity, self.amount_minor, CATEGORY)
        occurred_at = datetime.combine(self.day, _NOON) + shift
        return Activity(f"cdnow-{self.line}", PURCHASE, occurred_at, self.amount_minor, (item,))


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that cannot be read, by number, and why."""

    line: int
    message: str


def read_log(lines: Iterable[bytes]) -> tuple[list[Purchase], list[BrokenLine]]:
    """All purchases of a log, and the lines that are none. Empty lines are passed over."""
    purchases: list[Purchase] = []
    broken: list[BrokenLine] = []
    for number, line in enumerate(lines, 1):
        if number > MAX_LINES:
            broken.append(BrokenLine(number, f"the log has more than {MAX_LINES} lines; the rest was not read"))
            break
        if line.strip():
            read = _read_line(number, line)
            (purchases if isinstance(read, Purchase) else broken).append(read)  # type: ignore[arg-type]
    return purchases, broken


def _read_line(number: int, line: bytes) -> Purchase | BrokenLine:
    if len(line) > MAX_LINE_BYTES:
        return BrokenLine(number, f"is {len(line)} bytes long; at most {MAX_LINE_BYTES} are allowed")
    try:
        columns = line.decode("ascii").split()
    except UnicodeDecodeError:
        return BrokenLine(number, "holds a character that is not ASCII")
    if len(columns) not in _COLUMNS:
        return BrokenLine(number, f"has {len(columns)} columns; needed are {' or '.join(_COLUMNS.values())}")
    customer, day, quantity, dollars = columns[0], *columns[-3:]
    try:
        return _purchase(number, customer, day, quantity, dollars)
    except ValueError as error:
        return BrokenLine(number, str(error))


def _purchase(line: int, customer: str, day: str, quantity: str, dollars: str) -> Purchase:
    if not customer.isdecimal():
        raise ValueError(f"customer {customer!r} is not a number")
    if not quantity.isdecimal() or not 1 <= int(quantity) <= MAX_QUANTITY:
        raise ValueError(f"number of CDs {quantity!r} is not a whole number from 1 to {MAX_QUANTITY}")
    try:
        bought_on = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError(f"date {day!r} is not a day written as YYYYMMDD") from None
    try:
        amount = minor_units("dollars", Decimal(dollars), _CENTS_DECIMALS)
    except InvalidOperation:
        raise ValueError(f"dollars {dollars!r} is not a number") from None
    if isinstance(amount, Problem):
        raise ValueError(f"dollars {dollars!r} {amount.message}")
    if amount < 0:
        raise ValueError(f"dollars {dollars!r} is negative")
    return Purchase(line, customer, bought_on, int(quantity), amount)
