"""The folder of an embedded MongoDB: its data, its log, its locks, and where it listens."""

import json
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from app.outside.files import write_atomically
from app.outside.lockfile import LockFile
from app.outside.mongod_binary import MongodError

# A clean stop takes about 1 s.
TERMINATE_WAIT = 15.0
KILL_WAIT = 5.0


@dataclass(frozen=True)
class State:
    """Where mongod listens, or listened last. `pid` is set while a server lends its mongod to commands."""

    port: int | None = None
    pid: int | None = None
    version: str | None = None


@dataclass(frozen=True)
class Home:
    """A folder that one mongod at a time lives in."""

    folder: Path

    @property
    def data(self) -> Path:
        """mongod's own folder."""
        return self.folder / "mongo"

    @property
    def log(self) -> Path:
        """What mongod said since its last start."""
        return self.folder / "mongod.log"

    @property
    def log_before(self) -> Path:
        """The log of the run before, which may say why that one ended."""
        return self.folder / "mongod.log.1"

    @property
    def server_lock(self) -> Path:
        """Held by the one server of this folder."""
        return self.folder / "server.lock"

    @property
    def mongod_lock(self) -> Path:
        """Held by who runs mongod here: the server or, without one, a command."""
        return self.folder / "mongod.lock"

    def state(self) -> State:
        """Read where mongod listens; of a file that is missing or damaged only the port is lost."""
        with suppress(OSError, ValueError, TypeError):
            return State(**json.loads(self._state_file.read_bytes()))
        return State()

    def remember(self, state: State) -> None:
        """Tell commands, and the next start, where mongod listens."""
        write_atomically(self._state_file, json.dumps(asdict(state)).encode())

    async def emptied(self) -> None:
        """Wait for a mongod whose server was killed to leave the data, and send it away where it was not told to.

        To be called by who holds `mongod_lock`: then nobody is served by it any more.
        """
        lock = self.data / "mongod.lock"  # mongod's own: it holds its pid, and a flock while it runs
        for number, wait in ((signal.SIGTERM, TERMINATE_WAIT), (signal.SIGKILL, KILL_WAIT)):
            if not lock.exists() or await _free(lock, within=0.0):
                return
            with suppress(ValueError, ProcessLookupError):
                os.kill(int(lock.read_text()), number)
            if await _free(lock, wait):
                return
        raise MongodError(f"Another mongod does not leave {self.data}; see {lock} for its process id.")

    @property
    def _state_file(self) -> Path:
        return self.folder / "mongod.json"


async def _free(lock: Path, within: float) -> bool:
    try:
        (await LockFile.turn(lock, within)).release()
    except TimeoutError:
        return False
    return True
