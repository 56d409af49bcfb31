"""Files that are whole or absent, and folders that only their owner can read."""

import os
import tempfile
from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make the folder where it is missing, and give back its full name."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.resolve()


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a reader, or a power cut, finds the old content or the new, never half of it.

    Only its owner can read it (mode 0600, which is how `mkstemp` makes it).
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
