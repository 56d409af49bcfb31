"""Whatever a client sends, in whatever order: no error escapes, no socket stays, and the server goes on."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.desk import Desk, open_desk
from tests.sockets.test_faults import HANDSHAKE, clean, masked, peer
from tests.waiting import until

KINDS = st.sampled_from(["40", "41", "42", "43", "44", "45", "46", "49", "4", "3", "2", "1", "0", "5", "6"])
NAMES = st.sampled_from(("/company", "/conversation", "/", "/nope", ""))
EVENTS = st.sampled_from(
    ("message:send", "conversation:join", "typing:start", "sync", "presence:set", "auth:refresh", "connect", "x")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def packets(draw: Any) -> bytes:
    """Packets that are almost right: the interesting mistakes are near the truth."""
    kind, name = (
        draw(st.sampled_from(["40", "41", "42", "43", "44", "45", "46", "49", "4", "3", "2", "1", "0", "5", "6"])),
        draw(NAMES),
    )
    id = draw(st.sampled_from(("", "1", "00", "9" * 30)))
    event = st.tuples(EVENTS, JSON).map(list)
    body = draw(st.just("") | JSON.map(json.dumps) | event.map(json.dumps))
    text = f"{kind}{name}{',' if name else ''}{id}{body}".encode()
    cut = draw(st.integers(0, 12))
    return masked(text[: len(text) - cut] if cut < 4 else text, draw(st.sampled_from((0x81, 0x81, 0x81, 0x01, 0x82))))


SAID = st.lists(packets() | st.binary(max_size=40), max_size=6)


@given(said=SAID, connected=st.booleans())
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
async def test_whatever_a_client_sends_is_survived(
    fuzzed: tuple[Desk, list[Any]], said: list[bytes], connected: bool
) -> None:
    desk, escaped = fuzzed
    speaker = await peer(desk, connect=connected)
    if connected:
        await speaker.until_ready()
    for each in said:
        speaker.writer.write(each)
    speaker.writer.write_eof()  # what is open still, perhaps with half a frame, ends with its client
    await speaker.until_closed()
    speaker.writer.close()
    await until(lambda: not desk.sockets.engine.connections, within=10)
    await clean(desk)
    assert escaped == []


async def test_a_handshake_that_is_almost_one_is_answered_and_forgotten(mongo_uri: str, tmp_path: Path) -> None:
    async with open_desk(mongo_uri, tmp_path) as desk:
        for place in range(0, len(HANDSHAKE), 7):
            broken = await peer(desk, connect=False)
            broken.writer.write(HANDSHAKE[:place] + b"\x00" + HANDSHAKE[place:])
            broken.reset()
        await clean(desk)
        assert (await desk.ask("GET", "/conversations"))[0] == 200
