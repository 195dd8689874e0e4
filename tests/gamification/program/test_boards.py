"""Boards in a program file: what is taken, and each fault at its place."""

from datetime import date

import pytest

from gamification.program.boards import Places
from gamification.program.source import read_program
from tests.gamification.program.marked import HEAD, assert_faults, board

SEASON = "{code: a, name: A, starts_on: 2026-03-01, ends_on: 2026-05-31}"
OF = "'of' says what is measured; give it for 'metric: value' only"
COLUMNS = "columns (1 to 3 of them) and 'ties: columns' belong together"
PLACES = "must be a place such as 1, or places such as 2-10, up to 1000"
DAY = "must be a day from 1970-01-01 to 2999-12-31, such as 2026-05-01"
SEASONS = "seasons and 'period: season' belong together"


def seasonal(seasons: str) -> str:
    return board(f"metric: points, period: season, seasons: [{seasons}]")


def with_prizes(prizes: str) -> str:
    return board(f"metric: points, period: week, prizes: [{prizes}]")


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (board("metric: ‸value, period: week"), "boards.0.metric", OF),
        (board("metric: count, of: ‸activity.lines, period: week"), "boards.0.of", OF),
        (
            board("metric: count, period: week, ties: columns, columns: [{metric: ‸value}]"),
            "boards.0.columns.0.metric",
            OF,
        ),
        (board("metric: count, period: week, ties: ‸columns"), "boards.0.ties", COLUMNS),
        (board("metric: count, period: week, columns: ‸[{metric: amount}]"), "boards.0.columns", COLUMNS),
        (
            board("metric: count, period: week, ties: columns, columns: ‸[" + "{metric: amount}, " * 4 + "]"),
            "boards.0.columns",
            "has 4 entries; at most 3 are allowed",
        ),
        (board("metric: count, period: ‸season"), "boards.0.period", SEASONS),
        (board(f"metric: count, period: week, seasons: ‸[{SEASON}]"), "boards.0.seasons", SEASONS),
        (
            seasonal("{code: a, name: A, starts_on: 2026-03-02, ends_on: ‸2026-03-01}"),
            "boards.0.seasons.0.ends_on",
            "ends_on is the season's last day, and comes before its first",
        ),
        (
            seasonal("{code: b, name: B, starts_on: ‸2026-05-31, ends_on: 2026-06-01}, " + SEASON),
            "boards.0.seasons.0.starts_on",
            "the season begins before a is over",
        ),
        (
            seasonal(SEASON + ", {code: ‸a, name: B, starts_on: 2026-06-01, ends_on: 2026-06-01}"),
            "boards.0.seasons.1.code",
            "another season has the code a already",
        ),
        (seasonal(SEASON.replace("2026-03-01", "‸2026-02-30")), "boards.0.seasons.0.starts_on", DAY),
        (seasonal(SEASON.replace("2026-03-01", "‸20260301")), "boards.0.seasons.0.starts_on", DAY),
        (seasonal(SEASON.replace("2026-05-31", "‸9999-12-31")), "boards.0.seasons.0.ends_on", DAY),
        (with_prizes("{places: ‸0, points: 1}"), "boards.0.prizes.0.places", PLACES),
        (with_prizes("{places: ‸3-2, points: 1}"), "boards.0.prizes.0.places", PLACES),
        (with_prizes("{places: ‸1-1001, points: 1}"), "boards.0.prizes.0.places", PLACES),
        (with_prizes("{places: ‸true, points: 1}"), "boards.0.prizes.0.places", PLACES),
        (with_prizes("{places: ‸1.0, points: 1}"), "boards.0.prizes.0.places", PLACES),
        (with_prizes("‸{places: 1}"), "boards.0.prizes.0", "gives nothing; give points, a badge or both"),
        (
            with_prizes("{places: ‸3-5, points: 1}, {places: 1-3, points: 2}"),
            "boards.0.prizes.0.places",
            "place 3 has a prize already",
        ),
        (
            board("metric: count, period: all_time, prizes: ‸[{places: 1, points: 1}]"),
            "boards.0.prizes",
            "prizes are for the final places of a period, and all_time has no end",
        ),
        (
            board("metric: count, period: week, friends_only: true, prizes: ‸[{places: 1, points: 1}]"),
            "boards.0.prizes",
            "a board among friends has no final places to win prizes for",
        ),
        (
            board("metric: count, period: all_time, late_minutes: ‸5"),
            "boards.0.late_minutes",
            "is how long a period waits after its end, and all_time has none",
        ),
        (with_prizes("{places: 1, badge: ‸gone}"), "boards.0.prizes.0.badge", "there is no badge 'gone'"),
        (
            board("metric: count, period: week, by: ‸activity.amount"),
            "boards.0.by",
            "gives DOUBLE, but a text or a whole number is needed",
        ),
        (
            board("metric: count, period: week, when: ‸activty.amount > 5.0"),
            "boards.0.when",
            "there is no 'activty.amount' here; did you mean 'activity.amount'?",
        ),
        (
            board("metric: value, period: week, of: ‸activity.day"),
            "boards.0.of",
            "gives STRING, but INT or DOUBLE is needed",
        ),
        (
            board("metric: count, period: ‸year"),
            "boards.0.period",
            "'year' is not one of the choices; known here: all_time, day, month, season, week",
        ),
        (
            board("metric: count, period: week").replace("on: purchase", "on: ‸points.earned"),
            "boards.0.on",
            "points.earned is an effect, which challenges can count; a board is for activities",
        ),
        (
            board("metric: count, period: week").replace("on: purchase", "on: ‸prize"),
            "boards.0.on",
            "prize is what Laurel records when a board is won, and nothing counts it",
        ),
    ],
)
def test_a_fault_is_told_at_the_value_to_look_at(text: str, path: str, message: str) -> None:
    assert_faults(text, (path, message))


def test_several_faults_of_one_board_are_all_told() -> None:
    assert_faults(
        board("metric: ‸value, period: ‸season, ties: ‸columns"),
        ("boards.0.metric", OF),
        ("boards.0.period", SEASONS),
        ("boards.0.ties", COLUMNS),
    )


def test_codes_are_unique_and_languages_complete() -> None:
    one = "metric: count, on: x, period: day"
    assert_faults(
        HEAD + f"boards:\n  - {{code: a, name: A, {one}}}\n  - {{code: ‸a, name: ‸{{en: A}}, {one}}}\n",
        ("boards.1.code", "another board has the code a already"),
        ("boards.1.name", "has no text in da"),
    )


@pytest.mark.parametrize("kind", ["rules", "challenges"])
def test_nothing_counts_prizes(kind: str) -> None:
    part = "{code: a, name: A, on: ‸prize, earn: {points: 1}}"
    if kind == "challenges":
        part = "{code: a, title: A, on: ‸prize, target: 1}"
    message = "prize is what Laurel records when a board is won, and nothing counts it"
    assert_faults(HEAD + f"{kind}: [{part}]\n", (f"{kind}.0.on", message))


def test_there_are_at_most_fifty_boards() -> None:
    each = "".join(f"  - {{code: b{n}, name: B, on: x, metric: count, period: day}}\n" for n in range(51))
    assert_faults(HEAD + "boards:\n  ‸" + each.lstrip(), ("boards", "has 51 entries; at most 50 are allowed"))


def test_what_is_taken() -> None:
    (taken,) = read_program(
        board(f"metric: amount, period: season, seasons: [{SEASON}], prizes: [{{places: 2-10, points: 3}}]")
    ).boards
    assert (taken.on, taken.operator, taken.ties, taken.late_minutes) == (("purchase",), "sum", "first_to_reach", 15)
    assert (taken.seasons[0].starts_on, taken.seasons[0].ends_on) == (date(2026, 3, 1), date(2026, 5, 31))
    assert taken.prizes[0].places == Places(2, 10)
    assert [taken.scale(decimals) for decimals in (0, 2, 3)] == [1, 100, 1000]
