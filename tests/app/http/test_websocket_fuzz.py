"""Frames that no client would send: the connection is closed with a code of the protocol, and the server goes on."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from tests.app.http.live import Live, Socket

LAST = {"last": "of all"}
CODES = {1007, 1009, 4400, 4401, 4403, 4409, 4429}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
types = st.sampled_from(
    [
        "connection_init",
        "connection_ack",
        "subscribe",
        "next",
        "error",
        "complete",
        "ping",
        "pong",
        "start",
        "",
        None,
        1,
    ]
)
queries = st.sampled_from(
    ["{ who }", "{", "subscription { count(upTo: 3) }", "subscription { news { number } }", "mutation { nothing }", ""]
)
payloads = json_values | st.fixed_dictionaries(
    {"query": queries | json_values},
    optional={"variables": json_values, "operationName": json_values, "extensions": json_values},
)
messages = st.fixed_dictionaries(
    {}, optional={"type": types, "id": st.sampled_from(["1", "2"]) | json_values, "payload": payloads}
)
frames = st.one_of(
    messages.map(json.dumps),
    json_values.map(json.dumps),
    st.text(max_size=40),
    st.binary(max_size=40),
    st.integers(1, 3000).map(lambda depth: '{"type":"ping","payload":' + '{"a":' * depth + "1" + "}" * (depth + 1)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(initialise=st.booleans(), sent=st.lists(frames, min_size=1, max_size=6))
async def test_any_frames_end_in_an_answer_or_a_code(live: Live, initialise: bool, sent: list[str | bytes]) -> None:
    async with live.ready() if initialise else live.socket() as socket:
        end = await exchanged(socket, sent)
    assert end is None or end in CODES
    await live.idle()
    async with live.ready() as next_one:
        await next_one.is_alive()


async def exchanged(socket: Socket, sent: list[str | bytes]) -> int | None:
    """Send the frames and a ping, and read; the code with which the server closed, or None when it answered all."""
    try:
        for frame in sent:
            await socket.send(frame)
        await socket.send({"type": "ping", "payload": LAST})
        message = await socket.receive()
        while message != {"type": "pong", "payload": LAST}:
            assert message["type"] in {"connection_ack", "next", "error", "complete", "pong"}
            message = await socket.receive()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 1006
    return None
