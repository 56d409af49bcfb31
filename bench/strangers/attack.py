"""One attack as a process: python -m bench.strangers.attack NAME PORT [KEY]; says `ready` and waits for `go`."""

import json
import sys
import time
from collections.abc import Awaitable, Callable

import uvloop

from bench.process import allow_many_files
from bench.strangers import bodies, floods, guesses
from bench.strangers.wires import Target, be_modest

SIGN_INS = "sign-ins to one account"
ATTACKS: dict[str, Callable[[Target], Awaitable[None]]] = {
    **bodies.ATTACKS,
    **floods.ATTACKS,
    **guesses.ATTACKS,
    SIGN_INS: guesses.sign_in_flood,
}


async def attack(name: str, target: Target) -> float:
    """Run it, and return how many seconds it took."""
    began = time.monotonic()
    await ATTACKS[name](target)
    return time.monotonic() - began


def main() -> None:
    """Prepare, wait, attack, tell."""
    name, port, *key = sys.argv[1:]
    allow_many_files()
    be_modest()
    for encoding in bodies.ENCODINGS:
        if encoding in name:
            bodies.bomb(encoding)
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    seconds = uvloop.run(attack(name, Target(int(port), *key)))
    print(json.dumps({"seconds": round(seconds, 1)}), flush=True)


if __name__ == "__main__":
    main()
