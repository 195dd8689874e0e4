"""Whatever a file holds, reading it gives a program or faults with positions inside it, and nothing else."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gamification.program.faults import ProgramFaults, format_fault
from gamification.program.source import read_program
from tests.gamification.program.marked import EXAMPLES

SOURCES = [path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.yaml"))]
SPLINTERS = st.sampled_from(
    [
        *("'", '"', "\\", "\\x", '"\\U00110000"', '"\\ud800"', "&a ", "*a ", "!!int x", "!t ", "? ", "- ", "[", "]"),
        *("{", "}", ": ", " #", "\t", "\n", "\r", " |\n", " >\n", "%YAML 1.9\n", "---\n", "...\n", "null", "~", "\0"),
        *("1e999999999999999999999999", "'1e999999999999999999999999'", "nan", ".inf", "0E+999999", "'0E+99999999'"),
        *("-0", "9" * 50, f"'{'9' * 5000}'", "true", "é", "\u2028", "\x85", "\ud800", "@", "`", "20260501", "<<: "),
        *(f"rolling {'9' * 9} days", "(", "\ufeff", "[" * 40, "1:30", "0x1F", "effect.points", "points.earned", "code"),
    ]
)
ANYTHING = SPLINTERS | st.text(max_size=5)


@st.composite
def broken_examples(draw: st.DrawFn) -> str:
    """An example program with a few pieces cut out, moved about or put in."""
    text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 3, 40])))
        copied = draw(st.integers(0, len(text)))
        piece = draw(ANYTHING | st.just(text[copied : copied + 60]))
        text = text[:start] + piece + text[end:]
    return text


def check(source: str | bytes) -> None:
    try:
        program = read_program(source)
    except ProgramFaults as refused:
        faults = refused.faults
    else:
        assert len(program.tier_thresholds) == (len(program.tiers.levels) if program.tiers else 0)
        return
    assert faults
    assert len(set(faults)) == len(faults)
    assert [(fault.line, fault.column) for fault in faults] == sorted((fault.line, fault.column) for fault in faults)
    text = source if isinstance(source, str) else source.decode("utf-8-sig", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for fault in faults:
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
        assert format_fault("x.yaml", fault).isprintable()
        assert "Input should" not in fault.message
        assert "does not fit here" not in fault.message


@settings(max_examples=150, deadline=None)
@given(broken_examples())
def test_broken_examples(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(SPLINTERS | st.text(), max_size=12).map("".join))
@example("a: &a [*a, *a]\n")
@example("&a a: *a\n")
@example("? [a]\n: b\n")
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(source: bytes) -> None:
    check(source)
