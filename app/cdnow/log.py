"""Reading a CDNOW purchase log: one purchase a line; what is wrong with a line is told with its number."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from gamification.activity import EARLIEST, MAX_AMOUNT_MINOR, MAX_QUANTITY, PURCHASE, Activity, LineItem, minor_units

MAX_LINE_BYTES = 200
MAX_LINES = 2_000_000
MAX_CUSTOMER_DIGITS = 20
SKU = "cd"
CATEGORY = "music"
_COLUMNS = (4, 5)
_NOON = time(12, tzinfo=UTC)
CENTS_DECIMALS = 2
_DATE = re.compile("[0-9]{8}")
_DOLLARS = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Purchase:
    """A line of the log. ``line`` counts from 1; ``nth`` counts lines that say the same, from 1 too."""

    line: int
    customer: str
    day: date
    quantity: int
    amount_minor: int
    nth: int = 1

    @property
    def key(self) -> str:
        """What makes importing again repeat nothing.

        The log has no numbers of its own, and those of its lines change with every line put in, taken out or mended.
        So the key is what the purchase says, and its place among those that say the same, which are all alike.
        """
        said = f"cdnow-{self.customer}-{self.day:%Y%m%d}-{self.quantity}x{self.amount_minor}"
        return said if self.nth == 1 else f"{said}-{self.nth}"

    def activity(self, shift: timedelta) -> Activity:
        """The purchase as an activity, its day moved by ``shift``."""
        item = LineItem(SKU, self.quantity, self.amount_minor, CATEGORY)
        occurred_at = datetime.combine(self.day, _NOON) + shift
        return Activity(self.key, PURCHASE, occurred_at, self.amount_minor, (item,))


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that cannot be read, by number, and why."""

    line: int
    message: str


def read_log(lines: Iterable[bytes], today: date) -> tuple[list[Purchase], list[BrokenLine]]:
    """All purchases of a log, and the lines that are none. Empty lines are passed over; no day lies after ``today``."""
    purchases: list[Purchase] = []
    broken: list[BrokenLine] = []
    alike: Counter[tuple[str, date, int, int]] = Counter()
    for number, line in enumerate(lines, 1):
        if number > MAX_LINES:
            broken.append(BrokenLine(number, f"the log has more than {MAX_LINES} lines; the rest was not read"))
            break
        if line.strip():
            try:
                said = _said(line, today)
            except ValueError as fault:
                broken.append(BrokenLine(number, str(fault)))
                continue
            alike[said] += 1
            purchases.append(Purchase(number, *said, nth=alike[said]))
    return purchases, broken


def _said(line: bytes, today: date) -> tuple[str, date, int, int]:
    """Customer, day, number of CDs and cents of a line."""
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"is {len(line)} bytes long; at most {MAX_LINE_BYTES} are allowed")
    if not line.isascii():
        raise ValueError("holds a character that is not ASCII")
    columns = line.decode("ascii").split()
    if len(columns) not in _COLUMNS:
        raise ValueError(
            f"has {len(columns)} column{'s' if len(columns) > 1 else ''}; needed are 4 (customer, date, number of CDs, "
            "dollars) or 5 (with a sample number after the customer)"
        )
    customer, day, quantity, dollars = columns[0], *columns[-3:]
    return _customer(customer), _day(day, today), _quantity(quantity), _amount_minor(dollars)


def _customer(text: str) -> str:
    if not text.isdecimal() or len(text) > MAX_CUSTOMER_DIGITS:
        raise ValueError(f"customer {text!r} is not a number of at most {MAX_CUSTOMER_DIGITS} digits")
    return text


def _day(text: str, today: date) -> date:
    try:
        # The form is checked first, because strptime also takes 1997101.
        day = datetime.strptime(text if _DATE.fullmatch(text) else "", "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError(f"date {text!r} is not a day written as YYYYMMDD") from None
    if not EARLIEST.date() <= day <= today:
        raise ValueError(f"date {text!r} lies {'in the future' if day > today else f'before {EARLIEST.date()}'}")
    return day


def _quantity(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_QUANTITY:
        raise ValueError(f"number of CDs {text!r} is not a whole number from 1 to {MAX_QUANTITY}")
    return int(text)


def _amount_minor(text: str) -> int:
    if not _DOLLARS.fullmatch(text):
        raise ValueError(f"dollars {text!r} is not an amount such as 29.33")
    amount = minor_units("dollars", Decimal(text), CENTS_DECIMALS)
    if not isinstance(amount, int):
        raise ValueError(f"dollars {text!r} {amount.message}")
    if amount > MAX_AMOUNT_MINOR:
        raise ValueError(f"dollars {text!r} is too large; at most {MAX_AMOUNT_MINOR} cents are allowed")
    return amount
