"""Faults within single parts of a program: exact position, path and words."""

import pytest

from gamification.program.faults import Fault, format_fault
from tests.gamification.program.marked import HEAD, assert_faults, badge, challenge, faults_in, rule, tiers

CODE = "must be a code: small letters, digits, - and _, at most 48, and begins with a letter or digit"
KIND = "must be a kind of activity: small letters, digits, _ . and -, at most 64, and begins with a letter"
TIME = "must be a time with its zone, such as 2026-05-01T00:00:00Z"
TIER_WINDOW = (
    "a window is 'lifetime', 'calendar day|week|month|quarter|year', 'membership year' or 'rolling N days' (1 to 3660)"
)
GROUP = "must be a group of fields, each on its own line as 'name: value'"
TEXT = "must be text, or one text per language (en: ..., da: ...)"
ADDRESS = "must be an address that begins with https:// or /, without blanks, at most 500 characters"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (HEAD.replace("code: shop", "code: ‸Shop"), "code", CODE),
        (HEAD.replace("code: shop", "code: ‸2026"), "code", "must be text; put it in quotes"),
        (HEAD.replace("name: Shop", "name: ‸[Shop]"), "name", TEXT),
        (HEAD.replace("name: Shop", "name:‸"), "name", "has no value"),
        (HEAD.replace("name: Shop", "name: {en: ‸'', da: x}"), "name.en", "must not be empty"),
        (
            HEAD.replace("name: Shop", f"name: {{en: ‸{'x' * 2001}, da: x}}"),
            "name.en",
            "is too long; at most 2000 characters are allowed",
        ),
        (HEAD.replace("name: Shop", "name: {en: ‸3, da: x}"), "name.en", "must be text; put it in quotes"),
        (
            HEAD.replace("name: Shop", "name: {en: x, da: x, ‸English: x}"),
            "name.English",
            "'English' is not a language tag such as en or da",
        ),
        (HEAD.replace("[en, da]", "‸en"), "languages", "must be a list"),
        (HEAD.replace("[en, da]", "‸[]"), "languages", "must not be empty"),
        (HEAD.replace("[en, da]", "[en, ‸Danish]"), "languages.1", "must be a language tag such as en, da or pt-BR"),
        (HEAD.replace("[en, da]", "[en, da, ‸en]"), "languages.2", "names the language en twice"),
        (HEAD.replace("UTC", "‸Europe/Kopenhagen"), "time_zone", "must be an IANA time zone such as Europe/Copenhagen"),
        (
            HEAD.replace("USD", "‸dollars"),
            "money.currency",
            "must be a currency code of three capital letters, such as USD",
        ),
        (HEAD.replace("USD}", "USD, decimals: ‸4}"), "money.decimals", "must be at most 3"),
        (HEAD.replace("USD}", "USD, decimals: ‸'2'}"), "money.decimals", "must be a whole number, without quotes"),
        (HEAD.replace("points: {name: points}", "points: ‸points"), "points", GROUP),
        (HEAD.replace("points}", "points, expire_days: ‸0}"), "points.expire_days", "must be at least 1"),
        (HEAD + "rules: ‸{}\n", "rules", "must be a list"),
        (HEAD + "rules:‸\n", "rules", "has no value"),
        (HEAD + "rules:\n  - ‸7\n", "rules.0", GROUP),
        (
            rule("‸earning: {points: 1}").replace("on: purchase", "earn: {points: 1}, on: purchase"),
            "rules.0.earning",
            "unknown field 'earning'; did you mean 'earn'?",
        ),
        (
            rule("earn: {points: 1}, ‸colour: red"),
            "rules.0.colour",
            "unknown field 'colour'; known here: "
            "caps, code, cooldown_minutes, earn, name, on, points, qualifying, when",
        ),
        (rule("earn: {points: ‸1.0}"), "rules.0.earn.points", "must be a whole number"),
        (rule("earn: {points: ‸true}"), "rules.0.earn.points", "must be a whole number"),
        (rule("earn: {points: ‸-1}"), "rules.0.earn.points", "must be at least 0"),
        (rule("earn: {points: ‸1000000001}"), "rules.0.earn.points", "must be at most 1000000000"),
        (rule(f"earn: {{points: ‸{'9' * 41}}}"), "rules.0.earn.points", "has more than 40 digits"),
        (rule("earn: {per_amount: ‸0}"), "rules.0.earn.per_amount", "must be more than 0"),
        (rule("earn: {per_amount: ‸ten}"), "rules.0.earn.per_amount", "must be a number"),
        (rule("earn: {per_amount: ‸.nan}"), "rules.0.earn.per_amount", "must be a number"),
        (rule("earn: {per_amount: ‸nan}"), "rules.0.earn.per_amount", "must be a number"),
        (rule("earn: {per_amount: ‸true}"), "rules.0.earn.per_amount", "must be a number"),
        (
            rule("earn: {per_amount: ‸1.0000000001}"),
            "rules.0.earn.per_amount",
            "has too many digits; at most 9 are allowed",
        ),
        (
            rule("earn: {points: 1, rounding: ‸celi}"),
            "rules.0.earn.rounding",
            "'celi' is not one of the choices; did you mean 'ceil'?",
        ),
        (
            rule("earn: {points: 1, rounding: ‸up}"),
            "rules.0.earn.rounding",
            "'up' is not one of the choices; known here: ceil, floor, half_up",
        ),
        (rule("earn: {points: 1}, qualifying: ‸maybe"), "rules.0.qualifying", "must be true or false"),
        (rule("earn: {points: 1}, caps: {day: ‸-1}"), "rules.0.caps.day", "must be at least 0"),
        (rule("earn: {points: 1}").replace("purchase", "‸Purchase"), "rules.0.on", KIND),
        (rule("earn: {points: 1}").replace("purchase", "[visit, ‸Visit]"), "rules.0.on.1", KIND),
        (rule("earn: {points: 1}").replace("purchase", "‸[]"), "rules.0.on", "must not be empty"),
        (
            rule("earn: {points: 1}").replace("purchase", f"‸[{', '.join(['x'] * 21)}]"),
            "rules.0.on",
            "has 21 entries; at most 20 are allowed",
        ),
        (tiers("    - {code: a, name: A, threshold: 0}\n", window="‸365 days"), "tiers.window", TIER_WINDOW),
        (challenge("on: x, target: 1, starts_at: ‸20260501"), "challenges.0.starts_at", TIME),
        (challenge("on: x, target: 1, starts_at: ‸'20260501'"), "challenges.0.starts_at", TIME),
        (challenge("on: x, target: 1, starts_at: ‸2026-05-01"), "challenges.0.starts_at", TIME),
        (challenge("on: x, target: 1, starts_at: ‸2026-05-01T25:00:00Z"), "challenges.0.starts_at", TIME),
        (badge("icon_url: ‸http://x"), "badges.0.icon_url", ADDRESS),
        (badge("rarity: ‸comon"), "badges.0.rarity", "'comon' is not one of the choices; did you mean 'common'?"),
        (badge("earned: {measure: member.items}, levels: [5, ‸ten]"), "badges.0.levels.1", GROUP),
        (badge("earned: {measure: member.items}, levels: [‸0]"), "badges.0.levels.0", "must be at least 1"),
    ],
)
def test_a_fault_is_told_at_its_place(text: str, path: str, message: str) -> None:
    assert_faults(text, (path, message))


def test_a_missing_field_is_told_where_its_part_begins() -> None:
    assert_faults(
        HEAD + "rules:\n  - ‸code: a\n    name: A\n    on: x\n",
        ("rules.0.earn", "is required"),
    )


def test_a_misspelt_field_is_not_told_as_missing_too() -> None:
    assert_faults(
        HEAD + "rules:\n  - code: a\n    ‸nmae: A\n    on: x\n    earn: {points: 1}\n",
        ("rules.0.nmae", "unknown field 'nmae'; did you mean 'name'?"),
    )


def test_faults_are_told_up_to_a_bound() -> None:
    faults = faults_in(HEAD + "".join(f"x{number}: 1\n" for number in range(150)))
    assert len(faults) == 101
    assert (faults[99].line, faults[99].path) == (106, "x99")
    assert faults[100] == Fault(107, 1, "", "and 50 more from here on; mend these first")


def test_a_fault_is_written_as_one_line() -> None:
    fault = faults_in(HEAD + "rules:\n- {code: r, name: R, on: x, earn: {points: -1}}\n")[0]
    assert format_fault("programs/shop.yaml", fault) == (
        "programs/shop.yaml:8:44: rules.0.earn.points: must be at least 0"
    )
    assert format_fault("shop.yaml", Fault(3, 1, "", "is a tab")) == "shop.yaml:3:1: is a tab"


def test_what_a_file_holds_cannot_steer_a_terminal() -> None:
    fault = faults_in(HEAD + '"\\u202ex\\u2028y": 1\n')[0]
    assert format_fault("x", fault).isprintable()
