"""What is said within a tick is one write a socket, in the order in which it was said, and a slow reader is let go."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sockets import connection as connections
from app.sockets.closing import SLOW, TRY_LATER
from app.sockets.connection import Connection
from app.sockets.server import SocketServer
from tests.sockets.scripted import Pipe, piped

ROOMS = ("a", "b")


async def joined(server: SocketServer, name: str, *rooms: str, takes: int = 1 << 20) -> tuple[Connection, Pipe]:
    """Return a connection that is in the main namespace, and in these rooms."""
    connection, pipe = piped(server.eio, name, takes)
    sid = await server.manager.pre_connect(name, "/")
    assert sid is not None
    await server.manager.connect(sid, "/")
    for room in rooms:
        server.manager.enter(sid, room)
    return connection, pipe


def sid_of(connection: Connection) -> str:
    return connection.members["/"].sid


async def test_a_burst_to_a_room_is_one_write_of_the_same_bytes_to_each() -> None:
    server = SocketServer()
    pipes = [(await joined(server, str(number), "a"))[1] for number in range(3)]
    for number in range(8):
        server.manager.say("/", "a", b"%d." % number)
    assert [pipe.writes for pipe in pipes] == [[]] * 3
    await asyncio.sleep(0)
    assert [pipe.writes for pipe in pipes] == [[b"0.1.2.3.4.5.6.7."]] * 3
    assert len({id(pipe.writes[0]) for pipe in pipes}) == 1


async def test_who_joins_hears_what_follows_and_who_leaves_what_went_before() -> None:
    server = SocketServer()
    _, stays = await joined(server, "staying", "a")
    leaving, leaves = await joined(server, "leaving", "a")
    coming, comes = await joined(server, "coming")
    server.manager.say("/", "a", b"1.")
    server.manager.leave(sid_of(leaving), "a")
    server.manager.say("/", "a", b"2.")
    server.manager.enter(sid_of(coming), "a")
    server.manager.say("/", "a", b"3.")
    await asyncio.sleep(0)
    assert (stays.written, leaves.written, comes.written) == (b"1.2.3.", b"1.", b"3.")


steps = st.lists(
    st.tuples(st.just("say"), st.sampled_from([*ROOMS, "0"]))
    | st.tuples(st.sampled_from(["push", "close", "abort"]), st.integers(0, 3))
    | st.tuples(st.sampled_from([f"{verb} {room}" for verb in ("enter", "leave") for room in ROOMS]), st.integers(0, 3))
    | st.tuples(st.just("tick"), st.just(0)),
    max_size=40,
)


@given(steps)
def test_each_client_reads_everything_in_the_order_in_which_it_was_said(script: list[tuple[str, str | int]]) -> None:
    asyncio.run(play(script))


async def play(script: list[tuple[str, str | int]]) -> None:
    """Do what the script says to an engine and to a model of it, and compare what clients read."""
    server = SocketServer()
    clients = [await joined(server, str(number)) for number in range(4)]
    sids = [sid_of(connection) for connection, _ in clients]
    inside: dict[str, set[int]] = {room: set() for room in ROOMS}
    owed: list[bytes] = [b""] * 4
    for number, (verb, whom) in enumerate(script):
        said = b"<%d>" % number
        if verb == "tick":
            await asyncio.sleep(0)
        elif verb == "say":
            room = str(whom) if whom in ROOMS else sids[0]
            server.manager.say("/", room, said)
            told = inside[room] if room in ROOMS else {0}
            owed = [
                was + said if each in told and not clients[each][0].closed else was for each, was in enumerate(owed)
            ]
        else:
            assert isinstance(whom, int)
            act(server, clients[whom][0], sids[whom], verb, said)
            if verb == "push" and not clients[whom][0].closed:
                owed[whom] += said
            if " " in verb:
                method, _, room = verb.partition(" ")
                (inside[room].add if method == "enter" else inside[room].discard)(whom)
    await asyncio.sleep(0)
    for (_, pipe), expected in zip(clients, owed, strict=True):
        assert pipe.written.startswith(expected) if pipe.ended == "closed" else expected.startswith(pipe.written)
        assert pipe.ended or pipe.written == expected


def act(server: SocketServer, connection: Connection, sid: str, verb: str, said: bytes) -> None:
    """Do one thing with one client; one that is gone can do nothing."""
    if verb == "push":
        connection.push(said)
    elif verb == "close":
        connection.close(SLOW)
    elif verb == "abort":
        connection.abort("script")
    elif not connection.closed:
        method, _, room = verb.partition(" ")
        (server.manager.enter if method == "enter" else server.manager.leave)(sid, room)


async def test_one_who_reads_too_slowly_is_let_go_and_the_others_hear_everything() -> None:
    server = SocketServer()
    _, before = await joined(server, "before", "a")
    slow, stuck = await joined(server, "slow", "a", takes=100)
    _, after = await joined(server, "after", "a")
    for _ in range(5):
        server.manager.say("/", "a", b"x" * 30)
        await asyncio.sleep(0)
    assert (slow.closed, stuck.ended, server.eio.closed_for) == (True, "aborted", {SLOW.reason: 1})
    assert (len(before.written), len(after.written)) == (150, 150)
    assert [connection.sid for connection in server.manager.inside("/", "a").values()] == ["before", "after"]
    assert "slow" not in server.eio.connections


@pytest.mark.parametrize(("leaves", "ended"), [(True, "closed"), (False, "aborted")])
async def test_who_does_not_take_our_last_words_is_cut(
    monkeypatch: pytest.MonkeyPatch, *, leaves: bool, ended: str
) -> None:
    monkeypatch.setattr(connections, "LAST_WORDS", 0.01)
    connection, pipe = await joined(SocketServer(), "client")
    connection.push(b"said.")
    connection.close(TRY_LATER)
    assert (pipe.writes[0], pipe.ended) == (b"said.", "closed")
    if leaves:
        connection.connection_lost(None)
    await asyncio.sleep(0.05)
    assert pipe.ended == ended
