"""Throttling and lost answers: each call of a release and a rollback meets one, as HTTP, and botocore tries again.

A real HTTP server stands between the release and moto. It refuses each call's first attempt as AWS does when it
throttles, or does it and keeps the answer back: then the second attempt finds its own work done. The waits are counted
and not slept.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import botocore.endpoint
import pytest

from ops.cloud.releases import rollback
from tests.aws.moto_server import MotoServer
from tests.aws.world import World, open_test_aws, release_build

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_THROTTLED = b'{"__type": "TooManyRequestsException", "message": "Rate exceeded"}'


class Between:
    """The server on the way to moto; `met` names the calls whose first attempts met its trouble."""

    def __init__(self, moto_url: str, trouble: str) -> None:
        self.met: list[str] = []
        between = self
        moto = urlsplit(moto_url).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_call(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                first = re.search(r"attempt=1\b", self.headers.get("amz-sdk-request", "")) is not None
                if first:
                    between.met.append(f"{self.command} {self.path.partition('?')[0]}")
                if first and trouble == "throttled":
                    s3 = "/s3/" in self.headers.get("Authorization", "")
                    self._answer(503 if s3 else 429, {}, _SLOW_DOWN if s3 else _THROTTLED)
                    return
                connection = http.client.HTTPConnection(moto)
                connection.request(self.command, self.path, body, {**dict(self.headers), "Host": moto})
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                if first and trouble == "lost":
                    self.close_connection = True  # without a word
                    return
                self._answer(answer.status, dict(answer.getheaders()), content)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one_call

            def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                length = headers.get("Content-Length") or str(len(content))
                self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the waits before second attempts, in seconds; they are not slept."""
    found: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(time=time.time, sleep=found.append))
    return found


@pytest.fixture(params=["throttled", "lost"])
def between(request: pytest.FixtureRequest, moto_server: MotoServer) -> Iterator[Between]:
    made = Between(moto_server.url, str(request.param))
    yield made
    made.close()


def test_a_release_and_a_rollback_get_through(
    between: Between, moto_server: MotoServer, tmp_path: Path, waits: list[float]
) -> None:
    world = World(moto_server, tmp_path)
    first = world.release("one", lambda_version="1")
    version = world.publish_lambda("second")
    aws = open_test_aws(between.url)
    second = release_build(aws, world.place, world.build("two"), version)
    assert world.whole() == second.id
    assert world.live_lambda() == version
    rollback(aws, world.place, first.id)
    assert world.whole() == first.id
    assert world.live_lambda() == "1"
    assert len(waits) >= len(between.met) > 10, "each call met its trouble once and waited before its second attempt"
    assert world.invalidations() >= 3
