"""Calls that go out as one are answered as each would be alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.boards import scripts
from app.boards.calls import MAX_ARGUMENTS, Call, join

CALLS = st.builds(
    Call,
    st.sampled_from([scripts.RANK, scripts.TOP, scripts.READ_CONTROL]),
    st.sampled_from([("weekly",), ("daily",)]),
    st.tuples(st.sampled_from(["ann", "bob", "cid"])),
)


def answered(call: Call) -> Any:
    """What a server would say; a script that joins begins with what all of its arguments have in common."""
    if call.script.joins:
        return [call.keys, *(f"{call.keys} {argument}" for argument in call.arguments)]
    return [call.script.sha, call.keys, call.arguments]


@given(st.lists(CALLS, max_size=40))
def test_each_gets_the_answer_that_it_would_get_alone(calls: list[Call]) -> None:
    joined = join(calls)
    assert joined.answers([answered(call) for call in joined.sent]) == [answered(call) for call in calls]
    ranked = {call.keys for call in calls if call.script is scripts.RANK}
    assert len(joined.sent) == len(ranked) + sum(call.script is not scripts.RANK for call in calls)


def test_a_joined_call_holds_up_others_no_longer_than_its_bound() -> None:
    calls = [Call(scripts.RANK, ("weekly",), (f"member {number}",)) for number in range(2 * MAX_ARGUMENTS + 1)]
    assert [len(call.arguments) for call in join(calls).sent] == [MAX_ARGUMENTS, MAX_ARGUMENTS, 1]


def test_a_fault_may_be_anothers_only_where_calls_were_joined() -> None:
    fault = RuntimeError("torn")
    joined = join([Call(scripts.RANK, ("weekly",), (name,)) for name in ("ann", "bob")] + [Call(scripts.TOP, ("x",))])
    assert joined.answers([fault, fault]) == [fault, fault, fault]
    assert joined.faults_of_any([fault, fault, fault]) == [0, 1]
    assert joined.faults_of_any(["rank", "rank", fault]) == []
