"""Who serves behind a supervisor."""

from pathlib import Path

from tests.cli.processes import Running


def workers(supervisor: Running) -> list[int]:
    """Return the process ids of those who serve now."""
    pid = supervisor.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"--slot" in _command(child)]


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return b""
