"""The proxy that production has before its servers, with its own configuration, where nginx is installed."""

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from app.outside.mongod_process import free_port
from tests.waiting import until

GIVEN = Path(__file__).parents[2] / "deploy" / "nginx.conf"


def program() -> str | None:
    """Return nginx, None where it is not installed."""
    return shutil.which("nginx")


def adapted(folder: Path, listen: str, ports: Sequence[int] = (4000, 4000), *, given: str | None = None) -> Path:
    """Write deploy/nginx.conf, or what was made of it, as it runs here: other addresses, every file in this folder."""
    text = given or GIVEN.read_text()
    for number, port in enumerate(ports, 1):
        text = text.replace(f"server{number}:4000", f"127.0.0.1:{port}")
    text = re.sub(r"listen 80;", f"listen {listen};", text).replace("/run/", f"{folder}/")
    text = text.replace("/dev/stdout", f"{folder}/access.log").replace("/dev/stderr", f"{folder}/error.log")
    folders = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {each}_temp_path {folder}/{each};\n" for each in folders)
    written = folder / "nginx.conf"
    written.write_text(text.replace("http {\n", "http {\n" + temporary))
    return written


@asynccontextmanager
async def proxied(folder: Path, ports: Sequence[int]) -> AsyncIterator[str]:
    """Run nginx before these servers; gives its address."""
    port = free_port(None)
    adapted(folder, f"127.0.0.1:{port}", ports)
    process = await asyncio.create_subprocess_exec(
        *(program() or "nginx", "-p", str(folder), "-c", "nginx.conf", "-e", f"{folder}/error.log"),
        *("-g", "daemon off;"),
    )
    try:
        await until(lambda: _listens(port), within=20)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 20)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
