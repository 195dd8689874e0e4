from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cdnow.importing import shift_to_end_on
from app.cdnow.log import MAX_LINES, BrokenLine, Purchase, read_log
from gamification.activity import Activity, LineItem

TODAY = date(2026, 5, 1)
SAMPLE = Path(__file__).parents[3] / "programs" / "cdnow" / "CDNOW_sample.txt"
COLUMNS_NEEDED = "needed are 4 (customer, date, number of CDs, dollars) or 5 (with a sample number after the customer)"


def read(content: bytes) -> tuple[list[Purchase], list[BrokenLine]]:
    return read_log(content.splitlines(), TODAY)


def fault_of(line: bytes) -> str:
    """What is said about the line between two good ones, which are read all the same."""
    good = b"00004 19970101 2 29.33"
    purchases, broken = read(b"\n".join([good, line, good]))
    assert [purchase.line for purchase in purchases] == [1, 3]
    assert [fault.line for fault in broken] == [2]
    return broken[0].message


def test_both_forms_of_the_log_are_read() -> None:
    purchases, broken = read(b" 00004 0001 19970101  2   29.33\n00004 19971231 14 0\n")
    assert purchases == [
        Purchase(1, "00004", date(1997, 1, 1), 2, 2933),
        Purchase(2, "00004", date(1997, 12, 31), 14, 0),
    ]
    assert broken == []


def test_the_whole_sample_is_read() -> None:
    purchases, broken = read(SAMPLE.read_bytes())
    assert len(purchases) == 6919
    assert len({purchase.customer for purchase in purchases}) == 2357
    assert broken == []


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_every_line_ending_is_read_and_empty_lines_keep_their_numbers(ending: bytes) -> None:
    purchases, broken = read(ending.join([b"1 19970101 1 1.00", b"", b"  \t", b"2 19970102 1 2.00", b"three"]))
    assert [(purchase.line, purchase.amount_minor) for purchase in purchases] == [(1, 100), (4, 200)]
    assert broken == [BrokenLine(5, f"has 1 column; {COLUMNS_NEEDED}")]


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \r\n\t\r\n"])
def test_an_empty_log_is_empty(content: bytes) -> None:
    assert read(content) == ([], [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"00004", f"has 1 column; {COLUMNS_NEEDED}"),
        (b"00004 19970101 2", f"has 3 columns; {COLUMNS_NEEDED}"),
        (b"00004 0001 19970101 2 29.33 0", f"has 6 columns; {COLUMNS_NEEDED}"),
        ("00004 19970101 2 29.33€".encode(), "holds a character that is not ASCII"),
        (b"\xff\xfe\x00", "holds a character that is not ASCII"),
        ("٣ 19970101 2 29.33".encode(), "holds a character that is not ASCII"),
        (b"x" * 201, "is 201 bytes long; at most 200 are allowed"),
        (b"\x00\x00", f"has 1 column; {COLUMNS_NEEDED}"),
        (b"4\x00 19970101 2 29.33", r"customer '4\x00' is not a number of at most 20 digits"),
        (b"-4 19970101 2 29.33", "customer '-4' is not a number of at most 20 digits"),
        (b"1" * 21 + b" 19970101 2 1.0", f"customer '{'1' * 21}' is not a number of at most 20 digits"),
        (b"00004 19970230 2 29.33", "date '19970230' is not a day written as YYYYMMDD"),
        (b"00004 1997-01-01 2 29.33", "date '1997-01-01' is not a day written as YYYYMMDD"),
        (b"00004 1997101 2 29.33", "date '1997101' is not a day written as YYYYMMDD"),
        (b"00004 00000101 2 29.33", "date '00000101' is not a day written as YYYYMMDD"),
        (b"00004 20260502 2 29.33", "date '20260502' lies in the future"),
        (b"00004 99991231 2 29.33", "date '99991231' lies in the future"),
        (b"00004 19691231 2 29.33", "date '19691231' lies before 1970-01-01"),
        (b"00004 19970101 0 29.33", "number of CDs '0' is not a whole number from 1 to 1000000"),
        (b"00004 19970101 -1 29.33", "number of CDs '-1' is not a whole number from 1 to 1000000"),
        (b"00004 19970101 1.5 29.33", "number of CDs '1.5' is not a whole number from 1 to 1000000"),
        (b"00004 19970101 1000001 29.33", "number of CDs '1000001' is not a whole number from 1 to 1000000"),
        (b"00004 19970101 1_0 29.33", "number of CDs '1_0' is not a whole number from 1 to 1000000"),
        (b"00004 19970101 2 NaN", "dollars 'NaN' is not an amount such as 29.33"),
        (b"00004 19970101 2 Infinity", "dollars 'Infinity' is not an amount such as 29.33"),
        (b"00004 19970101 2 1e400", "dollars '1e400' is not an amount such as 29.33"),
        (b"00004 19970101 2 1_000", "dollars '1_000' is not an amount such as 29.33"),
        (b"00004 19970101 2 -29.33", "dollars '-29.33' is not an amount such as 29.33"),
        (b"00004 19970101 2 29,33", "dollars '29,33' is not an amount such as 29.33"),
        (b"00004 19970101 2 $29.33", "dollars '$29.33' is not an amount such as 29.33"),
        (b"00004 19970101 2 29.333", "dollars '29.333' has more than 2 decimals"),
        (
            b"00004 19970101 2 10000000000.01",
            "dollars '10000000000.01' is too large; at most 1000000000000 cents are allowed",
        ),
        (
            b"00004 19970101 2 " + b"9" * 170,
            f"dollars '{'9' * 170}' is too large; at most 1000000000000 minor units are allowed",
        ),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_its_number(line: bytes, message: str) -> None:
    assert fault_of(line) == message


def test_the_largest_values_are_read() -> None:
    line = b"9" * 20 + b" 20260501 1000000 10000000000.00"
    assert read(line) == ([Purchase(1, "9" * 20, TODAY, 1_000_000, 10**12)], [])


def test_a_log_of_broken_lines_only_names_them_all() -> None:
    purchases, broken = read(b"a\nb\nc")
    assert purchases == []
    assert [fault.line for fault in broken] == [1, 2, 3]


def test_a_log_without_end_is_read_up_to_a_bound() -> None:
    purchases, broken = read_log((b"" for _ in range(MAX_LINES + 2)), TODAY)
    assert purchases == []
    assert broken == [BrokenLine(MAX_LINES + 1, f"the log has more than {MAX_LINES} lines; the rest was not read")]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_named_line_by_line(content: bytes) -> None:
    lines = content.splitlines()
    purchases, broken = read_log(lines, TODAY)
    told = sorted([*(one.line for one in purchases), *(one.line for one in broken)])
    assert told == [number for number, line in enumerate(lines, 1) if line.strip()]


COLUMN = st.one_of(
    st.text(alphabet="0123456789.eE+-_ \x00\x1fNaNinf", max_size=30),
    st.sampled_from(["4", "19970101", "2", "29.33", "1e-999999999999999999", "sNaN", "9" * 60]),
)


@given(st.lists(COLUMN, min_size=4, max_size=5))
def test_any_columns_make_a_sound_purchase_or_a_broken_line(columns: list[str]) -> None:
    purchases, broken = read_log([" ".join(columns).encode()], TODAY)
    assert len(purchases) + len(broken) <= 1
    for purchase in purchases:
        assert date(1970, 1, 1) <= purchase.day <= TODAY
        assert 1 <= purchase.quantity <= 10**6
        assert 0 <= purchase.amount_minor <= 10**12


def keys_of(*lines: str) -> list[str]:
    """The keys of the sound lines."""
    purchases, _ = read("\n".join(lines).encode())
    return [purchase.key for purchase in purchases]


def test_lines_that_say_the_same_are_counted_and_no_other_line_changes_a_key() -> None:
    said, other = "00004 19970101 2 29.33", "00004 19970101 1 29.33"
    keys = ["cdnow-00004-19970101-2x2933", "cdnow-00004-19970101-2x2933-2", "cdnow-00004-19970101-1x2933"]
    assert keys_of(said, said, other) == keys
    assert keys_of("oops", "", said, "00004 19970230 2 29.33", "00004 0001 19970101 2 29.33", other) == keys
    assert keys_of(other, "00021 19970101 2 29.33", said, "00004 19970102 2 29.33", said) == [
        keys[2],
        "cdnow-00021-19970101-2x2933",
        keys[0],
        "cdnow-00004-19970102-2x2933",
        keys[1],
    ]


def test_the_keys_of_the_sample_are_all_different() -> None:
    purchases, _ = read(SAMPLE.read_bytes())
    assert len({purchase.key for purchase in purchases}) == 6919


def test_a_purchase_becomes_an_activity_at_noon_of_its_day_with_a_key_of_its_own() -> None:
    purchase = Purchase(7, "00004", date(1997, 12, 31), 2, 2933)
    item = LineItem("cd", 2, 2933, "music")
    noon = datetime(1997, 12, 31, 12, tzinfo=UTC)
    key = "cdnow-00004-19971231-2x2933"
    assert purchase.activity(timedelta()) == Activity(key, "purchase", noon, 2933, (item,))
    moved = purchase.activity(timedelta(days=1))
    assert moved == Activity(key, "purchase", datetime(1998, 1, 1, 12, tzinfo=UTC), 2933, (item,))


@pytest.mark.parametrize(
    ("last_day", "days"), [(date(1998, 6, 30), 10166), (date(2026, 4, 30), 0), (date(2026, 5, 1), -1)]
)
def test_a_log_is_moved_so_that_it_ends_yesterday(last_day: date, days: int) -> None:
    shift = shift_to_end_on(last_day, TODAY)
    assert shift == timedelta(days=days)
    assert last_day + shift == date(2026, 4, 30)
