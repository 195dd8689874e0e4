"""Whether the parts of a program fit together."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from gamification.program.base import Definition
from gamification.program.consistency import TEXTS
from gamification.program.definition import Program
from gamification.program.source import read_program
from gamification.program.texts import Text
from tests.gamification.program.marked import HEAD, assert_faults, challenge, rule

LADDER = "tiers:\n  metric: spend\n  window: lifetime\n  levels:\n    - {code: low, name: Low, threshold: 0}\n"


def challenges(*each: str) -> str:
    return HEAD + "challenges:\n" + "".join(f"  - {{title: C, on: visit, target: 3, {fields}}}\n" for fields in each)


def test_codes_are_unique_among_their_kind() -> None:
    both = "{code: a, name: A, on: x, earn: {points: 1}}"
    assert_faults(
        HEAD
        + f"rules:\n  - {both}\n  - {both.replace('code: a', 'code: ‸a')}\n"
        + LADDER
        + "    - {code: ‸low, name: A, threshold: 1}\n    - {code: a, name: A, threshold: 2}\n"
        + "challenges: [{code: a, title: A, on: x, target: 1}, {code: ‸a, title: A, on: x, target: 1}]\n"
        + "badges: [{code: a, name: A}, {code: ‸a, name: A}, {code: ‸a, name: A}]\n",
        ("rules.1.code", "another rule has the code a already"),
        ("tiers.levels.1.code", "another tier has the code low already"),
        ("challenges.1.code", "another challenge has the code a already"),
        ("badges.1.code", "another badge has the code a already"),
        ("badges.2.code", "another badge has the code a already"),
    )


def test_references_lead_to_parts_that_exist() -> None:
    assert_faults(
        HEAD
        + LADDER.replace("threshold: 0", "threshold: 0, reward: {badge: ‸nope}")
        + "challenges:\n"
        + "  - {code: c, title: C, on: x, target: 1, reward: {badge: ‸colector},\n"
        + "     requires: {tier: ‸high, challenges: [c2, ‸c3], badges: [‸nope, collector]}}\n"
        + "  - {code: c2, title: C, on: x, target: 1, reward: {badge: collector}, requires: {tier: low}}\n"
        + "badges:\n"
        + "  - {code: collector, name: A, earned: {challenge: ‸nope}}\n"
        + "  - {code: b, name: B, earned: {tier: ‸lower}}\n",
        ("tiers.levels.0.reward.badge", "there is no badge 'nope'; known here: b, collector"),
        ("challenges.0.reward.badge", "there is no badge 'colector'; did you mean 'collector'?"),
        ("challenges.0.requires.tier", "there is no tier 'high'; known here: low"),
        ("challenges.0.requires.challenges.1", "there is no challenge 'c3'; did you mean 'c'?"),
        ("challenges.0.requires.badges.0", "there is no badge 'nope'; known here: b, collector"),
        ("badges.0.earned.challenge", "there is no challenge 'nope'; known here: c, c2"),
        ("badges.1.earned.tier", "there is no tier 'lower'; did you mean 'low'?"),
    )


def test_a_reference_where_there_are_no_such_parts() -> None:
    assert_faults(
        challenges("code: c, requires: {tier: ‸gold}"), ("challenges.0.requires.tier", "there is no tier 'gold'")
    )


def test_a_faulty_part_hides_nothing_elsewhere_and_can_be_referred_to() -> None:
    assert_faults(
        HEAD
        + "rules:\n  - {code: r, name: R, on: x, earn: {points: ‸many}}\n  - ‸broken\n"
        + "challenges:\n"
        + "  - {code: c, title: C, on: x, target: ‸0, reward: {badge: b}, requires: {badges: [‸gone]}}\n"
        + "  - {code: d, title: {en: ‸3, ‸de: D, da: C}, on: x, target: 1, requires: {challenges: [c]}}\n"
        + "badges: [{code: b, name: B, ‸levle: 3}]\n",
        ("rules.0.earn.points", "must be a whole number"),
        ("rules.1", "must be a group of fields, each on its own line as 'name: value'"),
        ("challenges.0.target", "must be at least 1"),
        ("challenges.0.requires.badges.0", "there is no badge 'gone'; known here: b"),
        ("challenges.1.title.en", "must be text; put it in quotes"),
        ("challenges.1.title.de", "'de' is not among the program's languages; known here: da, en"),
        ("badges.0.levle", "unknown field 'levle'; did you mean 'levels'?"),
    )


def test_a_malformed_reference_is_told_once() -> None:
    assert_faults(
        challenges("code: c, reward: {badge: ‸Gold Badge}"),
        (
            "challenges.0.reward.badge",
            "must be a code: small letters, digits, - and _, at most 48, and begins with a letter or digit",
        ),
    )


def test_requirements_that_go_in_a_circle() -> None:
    assert_faults(
        challenges(
            "code: a, requires: {challenges: [‸a]}",
            "code: b, requires: {challenges: [a, ‸c]}",
            "code: c, requires: {challenges: [d]}",
            "code: d, requires: {challenges: [b, a]}",
            "code: e, requires: {challenges: [b, c, d]}",
        ),
        ("challenges.0.requires.challenges.0", "can never begin, as it requires itself: a -> a"),
        ("challenges.1.requires.challenges.1", "can never begin, as it requires itself: b -> c -> d -> b"),
    )


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        ("on: points.earned, measure: sum, of: effect.points, target: ‸100, reward: {points: 100}", None),
        ("on: [visit, points.earned], target: ‸1, reward: {points: 1}", None),
        ("on: challenge.completed, target: ‸1", None),
        ("on: points.earned, measure: sum, of: effect.points, target: ‸100, reward: {points: 60}", "twin"),
        ("on: points.earned, target: ‸2, reward: {points: 5}", "twin"),
    ],
)
def test_challenges_that_fill_themselves(fields: str, others: str | None) -> None:
    each = f"{{title: C, repeat: always, {fields}, code: "
    twin = f"  - {each.replace('‸', '')}twin}}\n" if others else ""
    end = f"together with {others}" if others else "by itself"
    place = "challenges.1.target" if others else "challenges.0.target"
    assert_faults(
        HEAD + f"challenges:\n{twin}  - {each}own}}\n",
        (place, f"would be reached again and again, {end}; raise the target"),
    )


def test_a_challenge_is_not_told_for_one_that_fills_itself_alone() -> None:
    each = "title: C, repeat: always, on: points.earned, measure: sum, of: effect.points"
    assert_faults(
        HEAD
        + f"challenges:\n  - {{code: own, {each}, target: ‸5, reward: {{points: 5}}}}\n"
        + f"  - {{code: fine, {each}, target: 100, reward: {{points: 1}}}}\n",
        ("challenges.0.target", "would be reached again and again, by itself; raise the target"),
    )


@pytest.mark.parametrize(
    "fields",
    [
        "on: points.earned, measure: sum, of: effect.points, target: 100, reward: {points: 99}, repeat: always",
        "on: points.earned, measure: sum, of: effect.points, target: 100, reward: {points: 500}",
        "on: points.earned, target: 2, reward: {points: 500}, repeat: always",
        "on: points.earned, target: 1, repeat: always",
        "on: points.earned, target: 1, when: effect.code != 'c', reward: {points: 5}, repeat: always",
        "on: visit, target: 1, reward: {points: 5}, repeat: always",
    ],
)
def test_challenges_that_do_not(fields: str) -> None:
    assert read_program(challenge(fields)).challenges[0].code == "c"


def test_every_text_is_there_in_every_language_and_in_no_other() -> None:
    assert_faults(
        HEAD.replace("name: Shop", "name: ‸{en: Shop}").replace("name: points", "name: {en: a, da: b, ‸dk: c}")
        + "badges:\n  - {code: b, name: {en: B, da: B}, unit: ‸{‸de: x}, description: {'*': x, en: y}}\n",
        ("name", "has no text in da"),
        ("points.name.dk", "'dk' is not among the program's languages; known here: da, en"),
        ("badges.0.unit", "has no text in en, da"),
        ("badges.0.unit.de", "'de' is not among the program's languages; known here: da, en"),
    )


def test_the_texts_that_are_looked_at_are_all_there_are() -> None:
    assert sorted(TEXTS) == sorted(_texts_within(Program, ""))


def _texts_within(annotation: Any, path: str) -> Iterator[str]:
    if annotation is Text:
        yield path
    elif isinstance(annotation, type) and issubclass(annotation, Definition):
        for name, field in annotation.model_fields.items():
            yield from _texts_within(field.annotation, f"{path}.{name}".lstrip("."))
    else:
        inner = f"{path}.*" if getattr(annotation, "__origin__", None) is tuple else path
        for argument in get_args(annotation):
            yield from _texts_within(argument, inner)


def test_kinds_that_are_not_for_activities() -> None:
    own = "is an effect, which challenges can count; a rule is for activities"
    assert_faults(
        rule("earn: {points: 1}").replace("on: purchase", "on: [purchase, ‸points.earned, ‸tier.reachd]"),
        ("rules.0.on.1", f"points.earned {own}"),
        (
            "rules.0.on.2",
            "there is no effect 'tier.reachd', and no activity's kind begins that way; did you mean 'tier.reached'?",
        ),
    )
    assert_faults(rule("earn: {points: 1}").replace("purchase", "‸badge.won"), ("rules.0.on", f"badge.won {own}"))
    assert_faults(
        challenge("measure: steps, steps: [{title: S, on: ‸badge.one}]"),
        (
            "challenges.0.steps.0.on",
            "there is no effect 'badge.one', and no activity's kind begins that way; did you mean 'badge.won'?",
        ),
    )


@pytest.mark.parametrize(("threshold", "sound"), [("10.50", True), ("10.500", True), ("1e1", True), ("10.505", False)])
def test_thresholds_fit_the_money(threshold: str, sound: bool) -> None:
    text = HEAD + LADDER + f"    - {{code: high, name: H, threshold: ‸{threshold}}}\n"
    if sound:
        assert read_program(text.replace("‸", "")).tiers is not None
    else:
        assert_faults(text, ("tiers.levels.1.threshold", "has more decimals than the money, which has 2"))


def test_thresholds_in_quotes_and_in_money_without_decimals() -> None:
    assert_faults(
        HEAD.replace("USD}", "JPY, decimals: 0}") + LADDER + "    - {code: high, name: H, threshold: ‸'10.5'}\n",
        ("tiers.levels.1.threshold", "has more decimals than the money, which has 0"),
    )


@pytest.mark.parametrize(
    ("decimals", "message"),
    [
        ("-1", "must be at least 0"),
        ("4", "must be at most 3"),
        ("true", "must be a whole number"),
        ("two", "must be a whole number"),
    ],
)
def test_thresholds_are_not_held_against_decimals_that_cannot_be(decimals: str, message: str) -> None:
    assert_faults(
        HEAD.replace("USD}", f"USD, decimals: ‸{decimals}}}")
        + LADDER
        + "    - {code: high, name: H, threshold: 10.50505}\n",
        ("money.decimals", message),
    )


@pytest.mark.parametrize("kind", ["birthday", "anniversary"])
def test_what_comes_round_by_itself_is_for_rules_and_challenges(kind: str) -> None:
    give = "earn: {points: 1}"
    steps = f"measure: steps, steps: [{{title: S, on: {kind}}}]"
    assert read_program(rule(give).replace("on: purchase", f"on: [purchase, {kind}]")).rules[0].on == ("purchase", kind)
    assert read_program(challenge(f"on: {kind}, target: 1")).challenges[0].on == (kind,)
    assert read_program(challenge(steps)).challenges[0].steps[0].on == (kind,)
    not_for = f"{kind} comes round by itself, for rules and challenges; a %s is for what is reported"
    assert_faults(
        HEAD + f"boards: [{{code: a, name: A, metric: count, on: ‸{kind}, period: day}}]\n",
        ("boards.0.on", not_for % "board"),
    )
    campaign = "{code: a, name: A, headline: A, starts_at: 2026-05-01T00:00:00Z, effect: {multiplier: 2}, on: %s}"
    assert_faults(
        HEAD + f"campaigns: [{campaign % f'[purchase, ‸{kind}]'}]\n", ("campaigns.0.on.1", not_for % "campaign")
    )


@pytest.mark.parametrize("kind", ["particulars", "reversal", "rejudgement"])
def test_what_laurel_records_for_itself_counts_for_nothing(kind: str) -> None:
    message = f"{kind} is what Laurel records for itself, and nothing counts it"
    assert_faults(rule("earn: {points: 1}").replace("purchase", f"‸{kind}"), ("rules.0.on", message))
    assert_faults(challenge(f"on: ‸{kind}, target: 1"), ("challenges.0.on", message))
