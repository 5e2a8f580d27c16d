"""npm without its registry: said in a sentence, within seconds. The real npm, against closed and silent loopback ports."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.site import npm
from tests.loopback import Loopback

pytestmark = pytest.mark.slow


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder like web/, whose packages are neither installed nor in npm's cache."""
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_bytes((npm.WEB / name).read_bytes())
    monkeypatch.setattr(npm, "WEB", tmp_path)
    monkeypatch.setattr(npm, "MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(npm, "_STAMP", tmp_path / "node_modules" / ".popdesk-lock")
    return tmp_path


def _registry(web: Path, port: int) -> None:
    (web / ".npmrc").write_text(f"registry=http://127.0.0.1:{port}/\ncache={web / 'cache'}\n", "utf-8")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Yield a port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_registry_that_is_not_there_is_said_soon_and_by_its_address(web: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    _registry(web, port)
    started = time.monotonic()
    with pytest.raises(UserError) as caught:
        npm.install_packages()
    assert f"127.0.0.1:{port}" in caught.value.reason
    assert "ECONNREFUSED" in caught.value.reason
    assert "network" in caught.value.hint
    assert "debug" not in str(caught.value)  # npm's last lines name its log file, and nothing that helps
    assert time.monotonic() - started < 60  # npm's own retries alone took 72 s on an idle machine
    assert not npm._STAMP.exists()


def test_a_registry_that_never_answers_is_said_too(web: Path, silent_port: int) -> None:
    _registry(web, silent_port)
    with pytest.raises(UserError) as caught:
        npm.install_packages()
    assert f"network timeout at: http://127.0.0.1:{silent_port}/" in caught.value.reason


def test_a_registry_without_a_ping_counts_as_reached(web: Path) -> None:
    """A mirror that knows no ping and lacks a package: what it lacks is named, not the network."""

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    with Loopback(server):
        _registry(web, server.server_address[1])
        assert npm._registry_error() == ""
        with pytest.raises(UserError) as caught:
            npm.install_packages()
    assert "Not Found" in caught.value.reason
