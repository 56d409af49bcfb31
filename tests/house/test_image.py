"""The image holds the server alone, as nobody in particular, and its health check tells life from death."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.house import deployment as d


def test_the_image_holds_the_server_and_what_it_imports() -> None:
    installs = [rest for name, rest in d.dockerfile() if name == "RUN" and "pip" in rest and "install" in rest]
    assert installs
    assert all("--require-hashes" in each and each.endswith("-r requirements.txt") for each in installs)
    copies = [rest for name, rest in d.dockerfile() if name == "COPY" and "--from" not in rest]
    copied = {word for rest in copies for word in rest.split()[:-1]}
    assert copied == {"app", "requirements.txt", "LICENSE"}
    first, *others = [line for line in d.text(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert first == "*"
    assert {line.removeprefix("!") for line in others if line.startswith("!")} == copied


def test_the_image_starts_the_server_itself_without_a_shell() -> None:
    assert json.loads(d.instructions("CMD")[0]) == ["python", "-m", "app", "serve"]
    assert not d.instructions("ENTRYPOINT")


class Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path in d.probed() else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("status", "is_well"), [(200, True), (503, False)])
def test_the_health_check_tells_a_server_that_lives(
    answering: HTTPServer, monkeypatch: pytest.MonkeyPatch, status: int, is_well: bool
) -> None:
    monkeypatch.setattr(Answering, "status", status)
    (check,) = d.instructions("HEALTHCHECK")
    _, *command = json.loads(check.partition("CMD ")[2])
    environment = {"PORT": str(answering.server_port), "HTTP_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, timeout=20)
    assert (done.returncode == 0) is is_well, done.stderr
