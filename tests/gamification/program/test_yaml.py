"""How YAML is read: version 1.2, without its traps, within bounds, and with the position of every fault."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gamification.program.faults import Fault
from gamification.program.source import read_program
from gamification.program.syntax import MAX_PROGRAM_BYTES
from tests.gamification.program.marked import HEAD, assert_faults, challenge, faults_in, rule, tiers

UNFIT = "must not hold control characters or half characters"


def test_on_is_a_field_and_not_true() -> None:
    program = read_program(HEAD + "rules:\n  - code: r\n    name: R\n    on: purchase\n    earn: {points: 1}\n")
    assert program.rules[0].on == ("purchase",)


def test_no_is_a_language_and_words_are_texts() -> None:
    program = read_program(HEAD.replace("[en, da]", "[en, no]").replace("name: Shop", "name: {en: Yes, no: Off}"))
    assert program.languages == ("en", "no")
    assert program.name.read("en") == "Yes"
    assert program.name.read("no") == "Off"


@pytest.mark.parametrize("word", ["12:30:45", "2026-05-01", "1_000", "0x1F", "0o17", "=", "<<", ".inf", "N", "y"])
def test_what_only_looks_like_another_type_is_text(word: str) -> None:
    assert read_program(HEAD.replace("name: Shop", f"name: {word}")).name.read("en") == word


def test_a_leading_zero_is_not_octal() -> None:
    assert read_program(rule("earn: {points: 010}")).rules[0].earn.points == 10


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("False", False), ("TRUE", True)])
def test_true_and_false(word: str, meant: bool) -> None:
    assert read_program(rule(f"earn: {{points: 1}}, qualifying: {word}")).rules[0].qualifying is meant


@pytest.mark.parametrize("written", ["0.1", "12345.6789", "'0.1'", "1e-2", "2"])
def test_amounts_are_exact(written: str) -> None:
    per_amount = read_program(rule(f"earn: {{per_amount: {written}}}")).rules[0].earn.per_amount
    assert per_amount == Decimal(written.strip("'"))


def test_thresholds_are_exact_in_minor_units() -> None:
    ladder = tiers("    - {code: a, name: A, threshold: 0}\n    - {code: b, name: B, threshold: 1234567.10}\n")
    assert read_program(ladder).tier_thresholds == (0, 123456710)


@pytest.mark.parametrize(
    "written", ["2026-05-01T00:00:00Z", "'2026-05-01T02:00:00+02:00'", "2026-05-01 00:00:00Z", "2026-05-01T00:00Z"]
)
def test_times_have_a_zone(written: str) -> None:
    program = read_program(challenge(f"on: x, target: 1, starts_at: {written}"))
    assert program.challenges[0].starts_at == datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_bytes_with_any_line_break_and_a_byte_order_mark(line_break: str) -> None:
    source = HEAD.replace("\n", line_break)
    assert read_program(b"\xef\xbb\xbf" + source.encode()).code == "shop"
    assert read_program("\ufeff" + source).code == "shop"
    faults = faults_in(b"\xef\xbb\xbf" + (source + f"rules:{line_break}- 7{line_break}").encode())
    assert [(fault.line, fault.column) for fault in faults] == [(8, 3)]


def test_a_field_twice() -> None:
    assert_faults(
        HEAD + "rules: []\n‸name: Again\n‸rules: []\n‸'name': Once more\n",
        ("name", "'name' stands here twice; keep one of them"),
        ("rules", "'rules' stands here twice; keep one of them"),
        ("name", "'name' stands here twice; keep one of them"),
    )


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (
            HEAD.replace("Shop", "&shop Shop") + "badges: [{code: b, name: ‸*shop}]\n",
            "badges.0.name",
            "'*shop' is an alias; write the value out, or use quotes",
        ),
        (
            HEAD + "rules:\n- code: r\n  name: R\n  on: x\n  earn: {points: 1}\n  when: ‸!has(activity.attributes.x)\n",
            "rules.0.when",
            "'!has(activity.attributes.x)' is a YAML tag; put the text in quotes",
        ),
        (
            HEAD.replace("name: Shop", "name: ‸!!python/object:os.system {}"),
            "name",
            "'tag:yaml.org,2002:python/object:os.system' is a YAML tag; put the text in quotes",
        ),
        (HEAD.replace("name: Shop", "name: ‸!!int shop"), "name", "is not a number"),
        (HEAD.replace("name: Shop", 'name: ‸"\\ud800"'), "name", UNFIT),
        (HEAD.replace("name: Shop", 'name: ‸"a\\0b"'), "name", UNFIT),
        (HEAD.replace("name: Shop", 'name: {en: a, da: b, ‸"\\ud800": c}'), "name", f"a field name {UNFIT}"),
        (HEAD + "‸[a, b]: c\n", "", "a field name must be text"),
        (HEAD + "‸*a : c\n", "", "a field name must be text"),
        ("‸- code: shop\n", "", "must be a group of fields, each on its own line as 'name: value'"),
        ("‸shop\n", "", "must be a group of fields, each on its own line as 'name: value'"),
    ],
)
def test_what_a_program_does_not_use_of_yaml(text: str, path: str, message: str) -> None:
    assert_faults(text, (path, message))


def test_an_alias_does_not_hide_other_faults() -> None:
    assert_faults(
        HEAD.replace("Shop", "‸*shop") + "rules: [‸7]\n",
        ("name", "'*shop' is an alias; write the value out, or use quotes"),
        ("rules.0", "must be a group of fields, each on its own line as 'name: value'"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("‸", "is empty; a program begins with its code and name"),
        ("‸# nothing yet\n", "is empty; a program begins with its code and name"),
        ("name: A‸: B\n", "has a ': ' too many: put the text in quotes, or mend the indentation"),
        ("name: ‸'Shop\ncode: shop\n", "opens a quote that is never closed"),
        ("points:\n‸\tname: points\n", "is a tab; indent with spaces"),
        (
            "points:\n    name: points\n  ‸expire_days: 3\n",
            "is indented differently from the lines that it belongs with",
        ),
        ("languages: [en, da\ncode‸: shop\n", "stands where a ',' or a closing bracket is needed"),
        ("languages: [en, da‸}\n", "stands where a ',' or a closing bracket is needed"),
        ("name: ‸@shop\n", "cannot begin a text; put the text in quotes"),
        ("name: {en: ‸!has(x)}\n", "begins with a sign that YAML reads otherwise; put the text in quotes"),
        ("name: ‸**Shop**\n", "begins with a sign that YAML reads otherwise; put the text in quotes"),
        ("name: ‸& Sons\n", "begins with a sign that YAML reads otherwise; put the text in quotes"),
        ('name: "C:\\‸Shop"\n', "is not an escape; write \\\\ for a backslash, or use single quotes"),
        ("name: Shop\n‸---\nname: Shop\n", "begins a second document; a program is a single one"),
        ("name: 'Shop' ‸and more\n", "does not belong here; put the text in quotes, or mend the indentation"),
        ("name: a\n‸code\n", "is a field name without a ':' after it, or a quote is missing"),
        ("name: a‸\x01\n", "is a control character or half a character; remove it"),
        ("name: a‸\ud800\n", "is a control character or half a character; remove it"),
        ("name: " + "[" * 29 + "‸" + "[" * 10**6, "is nested too deeply; at most 30 levels are allowed"),
    ],
)
def test_what_is_not_yaml(text: str, message: str) -> None:
    assert_faults(text, ("", message))


@pytest.mark.parametrize("text", ['name: "\\U00110000"\n', "%YAML 1." + "9" * 5000 + "\n---\nname: a\n"])
def test_escapes_and_directives_out_of_range(text: str) -> None:
    (fault,) = faults_in(text)
    assert (fault.line, fault.message) == (1, "is an escape or a directive that is out of range")


def test_what_is_not_utf8() -> None:
    latin = "code: shop\nname: Café\n".encode("latin-1")
    assert faults_in(latin) == (Fault(2, 10, "", "is not UTF-8; save the file as UTF-8"),)


def test_a_file_has_a_bound() -> None:
    padded = HEAD + "#" * (MAX_PROGRAM_BYTES - len(HEAD))
    assert read_program(padded).code == "shop"
    message = f"has {MAX_PROGRAM_BYTES + 1} bytes; at most {MAX_PROGRAM_BYTES} are allowed"
    assert faults_in(padded + "#") == (Fault(1, 1, "", message),)
    assert faults_in((padded + "#").encode()) == (Fault(1, 1, "", message),)
