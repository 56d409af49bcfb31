"""Run one peer by hand until Ctrl-C: `python -m bench.peers express --mongodb-uri mongodb://…/name?replicaSet=rs0`."""

import argparse
import asyncio
import contextlib
import json
import sys
from dataclasses import asdict

from bench.peers import Peer, express, socketio_node, socketio_python
from bench.peers.run import installed
from bench.process import BenchError, choose_cores


def main() -> None:
    """Parse, serve, stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("peer", choices=["express", "socketio_node", "socketio_python", "install"])
    parser.add_argument("--mongodb-uri", help="for express: a replica set, with the name of the database to use")
    parser.add_argument("--core", type=int, default=choose_cores().server)
    parser.add_argument("--secret", default="", help="for the socketio peers: demand a token signed with this")
    chosen = parser.parse_args()
    if chosen.peer == "express" and not chosen.mongodb_uri:
        parser.error("express needs --mongodb-uri")
    try:
        asyncio.run(serve(chosen))
    except KeyboardInterrupt:
        sys.exit(130)
    except BenchError as error:
        sys.exit(f"bench.peers: {error}")


async def serve(chosen: argparse.Namespace) -> None:
    """Start the chosen peer and say on one line how to reach it."""
    if chosen.peer == "install":
        print(*(f"{installed(name).name} is installed" for name in ("express", "socketio_node")), sep="\n")
        return
    async with opened(chosen) as peer:
        print(json.dumps({"pid": peer.running.pid, **asdict(peer.door)}), flush=True)
        await peer.running.process.wait()


def opened(chosen: argparse.Namespace) -> contextlib.AbstractAsyncContextManager[Peer]:
    """The block that the chosen peer lives in."""
    if chosen.peer == "express":
        return express(chosen.mongodb_uri, chosen.core)
    start = socketio_node if chosen.peer == "socketio_node" else socketio_python
    return start(chosen.core, chosen.secret)


if __name__ == "__main__":
    main()
