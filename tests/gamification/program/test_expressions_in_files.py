"""Faults in expressions are told where they stand in the file, however YAML lets one write them."""

import pytest

from tests.gamification.program.marked import HEAD, assert_faults

RULE = HEAD + "rules:\n  - code: r\n    name: R\n    on: x\n    earn: {points: 1}\n    when: "
UNKNOWN = "there is no 'member.tire' here; did you mean 'member.tier'?"


@pytest.mark.parametrize(
    "written",
    [
        "‸member.tire == 'gold'",
        "member.points > 1 && ‸member.tire == 'gold'",
        "member.points > 1\n      &&   ‸member.tire == 'gold'",
        "\"‸member.tire == 'gold'\"",
        '"\\"\\u0067\\x6f\\U0000006cd\\\\n\\\\\\"\\" != \'\' && ‸member.tire == \'gold\'"',
        "\"member.points > 1 \\\n      && ‸member.tire == 'gold'\"",
        "\"member.points > 1\\n\\t&& ‸member.tire == 'gold'\"",
        "'''gold'' != ''æøå'' && ‸member.tire == ''gold'''",
        "'member.points > 1\n\n      && ‸member.tire == ''gold'''",
        "|\n      ‸member.tire == 'gold'",
        "|-  # why\n      member.points > 1\n        && ‸member.tire == 'gold'",
        "|\n        member.points > 1 &&\n        ‸member.tire == 'gold'",
        "|2\n        member.points > 1 &&\n      ‸member.tire == 'gold'",
        ">\n      member.points > 1\n      && ‸member.tire == 'gold'",
        ">-\n\n      member.points > 1 &&\n\n      ‸member.tire == 'gold'\n",
    ],
)
def test_in_every_style(written: str) -> None:
    assert_faults(RULE + written + "\n", ("rules.0.when", UNKNOWN))


def test_every_unknown_name_of_an_expression_is_told() -> None:
    assert_faults(
        RULE + "‸activity.amout > 1.0 && ‸member.bages.size() > 0 && ‸sizes('a') == 1\n",
        ("rules.0.when", "there is no 'activity.amout' here; did you mean 'activity.amount'?"),
        ("rules.0.when", "there is no 'member.bages' here; did you mean 'member.badges'?"),
        ("rules.0.when", "there is no 'sizes' here"),
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("activity.kind ‸== 1", "'==' does not work on (string, int)"),
        ("‸activity.amount", "gives DOUBLE, but BOOL is needed"),
        ("member.tier ‸= 'gold'", "a single '=' does not compare; write '=='"),
        ("member.points >‸", "ends too early: something is missing, or a bracket is not closed"),
        ("(member.points > 1‸", "ends too early: something is missing, or a bracket is not closed"),
        ("member.points > ‸#1", "does not understand '#'; texts stand in quotes"),
        ("1 > ‸) 2", "did not expect ')' here"),
        ("‸" + "(" * 60 + "1 > 2" + ")" * 60, "is nested too deeply; split it up"),
        ("‸" + "1 + " * 600 + "1 > 2", "is longer than 2000 characters"),
        ("‸effect.points > 1", "there is no 'effect.points' here; did you mean 'member.points'?"),
    ],
)
def test_in_plain_words(written: str, message: str) -> None:
    assert_faults(f'{RULE}"{written}"\n', ("rules.0.when", message))


def test_amounts_and_counts_are_told_apart() -> None:
    hint = "write 100.0 to compare with an amount, 100 with a count"
    assert_faults(RULE + "activity.amount ‸> 1\n", ("rules.0.when", f"'>' does not work on (double, int); {hint}"))


@pytest.mark.parametrize(
    ("operation", "hint"),
    [
        *((compares, "write 100.0 to compare with an amount, 100 with a count") for compares in ("==", "!=", "<=")),
        *((reckons, "use double(x) or int(x)") for reckons in ("+", "-", "*", "/")),
    ],
)
def test_a_hint_for_what_is_done_with_a_count_and_an_amount(operation: str, hint: str) -> None:
    whole = "true" if "=" in operation else "1.0"
    assert_faults(
        f"{RULE}(activity.quantity ‸{operation} 1.0) == {whole}\n",
        ("rules.0.when", f"'{operation}' does not work on (int, double); {hint}"),
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("‸[true]", "must be an expression, written as text"),
        ("‸''", "ends too early: something is missing, or a bracket is not closed"),
        ("‸1.5", "gives DOUBLE, but BOOL is needed"),
    ],
)
def test_what_is_no_expression(written: str, message: str) -> None:
    assert_faults(f"{RULE}{written}\n", ("rules.0.when", message))
