"""Faults between the fields of one part, each sound by itself: exact position, path and words."""

import pytest

from gamification.program.source import read_program
from tests.gamification.program.marked import HEAD, assert_faults, badge, challenge, rule, tiers

NARROWS = "narrows per_amount or per_items, and neither is given; use a condition in 'when' instead"
ONE_MEASURE = "give one of per_amount, per_items and formula, or none for points per activity"
AT_MOST = "the grace ends before the next review; at most "
NO_LOSS = "nothing is ever lost in a lifetime; leave it out, or choose another window"
NO_GRACE = "no tier is ever lost here, so that there is no grace; leave it out"
NOTHING = "says nothing; give points, and per_amount or per_items if they are for each of those"
ONE_WAY = "give exactly one of measure, condition, challenge and tier"
TEXT = "must be text, or one text per language (en: ..., da: ...)"
WINDOW = "a window is 'lifetime', 'calendar day|week|month|quarter|year' or 'rolling N days' (1 to 3660)"
TIER_WINDOW = (
    "a window is 'lifetime', 'calendar day|week|month|quarter|year', 'membership year' or 'rolling N days' (1 to 3660)"
)


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (rule("earn: ‸{per_amount: 1, per_items: 1}"), "rules.0.earn", ONE_MEASURE),
        (
            rule("earn: {formula: 2.5, points: ‸3}"),
            "rules.0.earn.points",
            "a formula gives the points itself; leave points out",
        ),
        (rule("earn: {categories: ‸[tea]}"), "rules.0.earn.categories", NARROWS),
        (rule("earn: ‸{}"), "rules.0.earn", NOTHING),
        (rule("earn: ‸{rounding: ceil}"), "rules.0.earn", NOTHING),
        (
            tiers("    - {code: a, name: A, threshold: ‸5}\n"),
            "tiers.levels.0.threshold",
            "the first tier needs threshold 0",
        ),
        (
            tiers("    - {code: a, name: A, threshold: 0}\n    - {code: b, name: B, threshold: ‸0}\n"),
            "tiers.levels.1.threshold",
            "the thresholds must rise from tier to tier",
        ),
        (
            tiers("    - {code: a, name: A, threshold: 0}\n    - {code: b, name: B, threshold: ‸1.5}\n", "points"),
            "tiers.levels.1.threshold",
            "a threshold in points is a whole number",
        ),
        (
            challenge("on: x, target: 1, starts_at: 2026-05-02T00:00:00Z, ends_at: ‸2026-05-01T00:00:00Z"),
            "challenges.0.ends_at",
            "ends_at must come after starts_at",
        ),
        (
            challenge("on: x, target: 1, repeat: ‸each_window"),
            "challenges.0.repeat",
            "'repeat: each_window' needs a calendar window",
        ),
        (
            challenge("on: x, target: 1, measure: ‸sum"),
            "challenges.0.measure",
            "'of' says what to sum or collect; give it for sum and distinct, not for count",
        ),
        (
            challenge("on: x, target: 1, measure: sum, of: ‸activity.day"),
            "challenges.0.of",
            "'of' gives STRING; a sum needs a number",
        ),
        (
            challenge("on: x, target: 1, measure: distinct, of: ‸activity.amount"),
            "challenges.0.of",
            "'of' gives DOUBLE; distinct values are texts or whole numbers",
        ),
        (
            challenge("on: x, target: ‸1001, measure: distinct, of: activity.day"),
            "challenges.0.target",
            "at most 1000 distinct values can be collected",
        ),
        (challenge("measure: ‸steps"), "challenges.0.measure", "steps and 'measure: steps' belong together"),
        (
            challenge("measure: steps, steps: [{title: S, on: x}], target: ‸2"),
            "challenges.0.target",
            "leave out target: each step says what counts",
        ),
        (
            challenge("on: x").replace("{code: c", "‸{code: c"),
            "challenges.0",
            "needs 'on' (what counts) and 'target' (how much of it)",
        ),
        (badge("earned: {measure: member.items}, levels: [5, ‸5]"), "badges.0.levels.1", "the levels must rise"),
        (badge("levels: ‸[1, 2]"), "badges.0.levels", "levels need a measure to reach them by"),
        (badge("earned: ‸{}"), "badges.0.earned", ONE_WAY),
        (badge("earned: ‸{measure: '1', condition: 'true'}"), "badges.0.earned", ONE_WAY),
    ],
)
def test_a_misfit_is_told_at_the_value_to_look_at(text: str, path: str, message: str) -> None:
    assert_faults(text, (path, message))


@pytest.mark.parametrize(
    ("window", "downgrade", "field", "message"),
    [
        ("lifetime", "to: ‸one_level", "to", NO_LOSS),
        ("lifetime", "grace_days: ‸1", "grace_days", NO_GRACE),
        ("calendar year", "to: never, grace_days: ‸1", "grace_days", NO_GRACE),
        ("calendar day", "grace_days: ‸1", "grace_days", AT_MOST + "0 days"),
        ("calendar week", "grace_days: ‸7", "grace_days", AT_MOST + "6 days"),
        ("calendar month", "grace_days: ‸28", "grace_days", AT_MOST + "27 days"),
        ("calendar quarter", "grace_days: ‸90", "grace_days", AT_MOST + "89 days"),
        ("calendar year", "grace_days: ‸365", "grace_days", AT_MOST + "364 days"),
        ("membership year", "grace_days: ‸365", "grace_days", AT_MOST + "364 days"),
        ("rolling 7 days", "grace_days: ‸367", "grace_days", "must be at most 366"),
        ("calendar year", "grace_days: ‸-1", "grace_days", "must be at least 0"),
        ("calendar year", "to: ‸two_levels", "to",
         "'two_levels' is not one of the choices; did you mean 'one_level'?"),
        ("calendar year", "‸grace: 1", "grace", "unknown field 'grace'; did you mean 'grace_days'?"),
    ],
)  # fmt: skip
def test_a_downgrade_fits_its_window(window: str, downgrade: str, field: str, message: str) -> None:
    text = tiers("    - {code: a, name: A, threshold: 0}\n", window=window) + f"  downgrade: {{{downgrade}}}\n"
    assert_faults(text, (f"tiers.downgrade.{field}", message))


@pytest.mark.parametrize(
    ("window", "downgrade"),
    [
        ("lifetime", "to: never"),
        ("rolling 7 days", "to: one_level, grace_days: 366"),
        ("calendar month", "grace_days: 27"),
        ("membership year", "to: one_level, grace_days: 364"),
    ],
)
def test_downgrades_up_to_the_bounds(window: str, downgrade: str) -> None:
    text = tiers("    - {code: a, name: A, threshold: 0}\n", window=window) + f"  downgrade: {{{downgrade}}}\n"
    ladder = read_program(text).tiers
    assert ladder is not None
    assert str(ladder.window) == window


def test_only_tiers_know_the_years_of_a_membership() -> None:
    assert_faults(challenge("on: x, target: 1, window: ‸membership year"), ("challenges.0.window", WINDOW))


def test_a_fault_within_a_field_does_not_hide_one_between_fields() -> None:
    assert_faults(
        HEAD
        + "tiers:\n  metric: spend\n  window: ‸lifelong\n  levels:\n"
        + "    - {code: a, name: A, threshold: 0, ‸color: red}\n"
        + "    - {code: b, name: ‸3, threshold: 9}\n"
        + "    - {code: c, nmae: C, threshold: ‸5}\n".replace("nmae", "‸nmae"),
        ("tiers.window", TIER_WINDOW),
        ("tiers.levels.0.color", "unknown field 'color'; known here: benefits, code, name, points, reward, threshold"),
        ("tiers.levels.1.name", TEXT),
        ("tiers.levels.2.nmae", "unknown field 'nmae'; did you mean 'name'?"),
        ("tiers.levels.2.threshold", "the thresholds must rise from tier to tier"),
    )


@pytest.mark.parametrize("earn", ["per_amount: 2", "per_items: 2"])
def test_points_per_amount_or_per_items_are_one_unless_told(earn: str) -> None:
    assert read_program(rule(f"earn: {{{earn}}}")).rules[0].earn.points == 1


def test_a_ladder_s_thresholds_are_all_told() -> None:
    begins, falls = "the first tier needs threshold 0", "the thresholds must rise from tier to tier"
    assert_faults(
        tiers(
            "    - {code: a, name: A, threshold: ‸100}\n"
            "    - {code: b, name: B, threshold: ‸50}\n"
            "    - {code: c, name: C, threshold: ‸60.5}\n"
            "    - {code: d, name: D, threshold: ‸60}\n",
            "points",
        ),
        ("tiers.levels.0.threshold", begins),
        ("tiers.levels.1.threshold", falls),
        ("tiers.levels.2.threshold", "a threshold in points is a whole number"),
        ("tiers.levels.3.threshold", falls),
    )
