"""A CRM on a real HTTP server that misbehaves on request, for the tests and the benchmark of the adapter "http".

with MisbehavingCrm() as crm:
    crm.behave("hang")        # from the next request on; "well" answers with the matches in `crm.customers`
    crm.url                   # http://127.0.0.1:PORT/api/customers?{kind}={value}
    crm.connections, crm.requests
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.loopback import Loopback

MISDEEDS = (
    "hang",  # takes the request and never answers
    "drip headers",  # a byte now and then, each within any socket's time-out
    "drip body",
    "drip chunks",
    "drip 100 Continue",
    "drip 103 Early Hints",
    "drip trailers",
    "flood 100 Continue",  # as fast as it can
    "flood headers",
    "flood trailers",
    "500",
    "html",
    "5 MB",
    "5 MB chunked",
    "drop",  # resets the connection instead of answering
    "drop midway",  # in the middle of the body
    "redirect",
    "401",
    "408",
    "not http",
    "deep",  # JSON nested deeper than Python's stack
    "wrong shape",
    "not UTF-8",
    "NaN",
    "error",  # with status 200
    "elsewhere",  # the list is not where it should be
)
NO_CUSTOMER = ("204", "404", "empty 200", "blank 200")
_DRIP_SECONDS = 0.05
_OK, _CHUNKED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
# What is sent first, and what is then repeated.
_DRIPS = {
    "drip headers": (_OK + b"X-Slow: ", b"a"),
    "drip body": (_OK + b"Content-Length: 10000\r\n\r\n", b" "),
    "drip chunks": (_CHUNKED, b"1\r\n \r\n"),
    "drip 100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "drip 103 Early Hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "drip trailers": (_CHUNKED + b"0\r\n", b"X-Slow: a\r\n"),
}
_FLOODS = {
    "flood 100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "flood headers": (_OK, b"X-Long: a\r\n"),
    "flood trailers": (_CHUNKED + b"0\r\n", b"X-Long: a\r\n"),
}
_BODIES = {
    "deep": b"[" * 200_000,
    "wrong shape": b'{"customers": 7}',
    "not UTF-8": b'{"customers": [{"id": "\xff\xfe"}]}',
    "NaN": b'{"customers": [{"id": NaN}]}',
    "error": b'{"customers": [], "error": {"code": 17}}',
    "elsewhere": b'{"items": []}',
}


class MisbehavingCrm(Loopback):
    """The server; a context manager. Counts the connections made to it and the requests that came."""

    def __init__(self) -> None:
        self.customers: list[dict[str, Any]] = []
        self.finds_all = False  # answer with all customers, as a CRM does that knows other spellings of a number
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self._behaviour = "well"
        self._times: int | None = None
        crm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                crm.connections += 1
                super().setup()

            def do_GET(self) -> None:
                crm.requests.append((self.path, dict(self.headers)))
                crm._answer(self)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = self.origin + "/api/customers?{kind}={value}"

    def behave(self, how: str, times: int | None = None) -> None:
        """Do `how` ("well", or one of MISDEEDS or NO_CUSTOMER) for `times` requests, for ever if None, and then "well"."""
        assert how == "well" or how in MISDEEDS + NO_CUSTOMER
        self._behaviour, self._times = how, times

    def _next(self) -> str:
        how = self._behaviour
        if self._times is not None:
            self._times -= 1
            if self._times == 0:
                self._behaviour, self._times = "well", None
        return how

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        how = self._next()
        asked = parse_qsl(urlsplit(request.path).query)
        found = [one for one in self.customers if self.finds_all or any(one.get(key) == value for key, value in asked)]
        good = json.dumps({"customers": found}).encode()
        if how == "well":
            _send(request, 200, good)
        elif how == "hang":
            self.over.wait()
        elif how in _DRIPS:
            head, drop = _DRIPS[how]
            request.wfile.write(head)
            self._drip(request, drop * 10_000)
        elif how in _FLOODS:
            head, drop = _FLOODS[how]
            request.wfile.write(head)
            while not self.over.is_set():
                request.wfile.write(drop * 1_000)
        elif how in NO_CUSTOMER:
            _send(request, int(how.split()[-1]), b" \r\n" if how == "blank 200" else b"")
        elif how in ("500", "401", "408"):
            _send(request, int(how), b'{"error": "no"}')
        elif how == "html":
            _send(request, 200, b"<!doctype html><title>Down for maintenance</title>", "text/html")
        elif how == "5 MB":
            _send(request, 200, b'{"customers": []}' + b" " * 5_000_000)
        elif how == "5 MB chunked":
            request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(50):
                request.wfile.write(b"186a0\r\n" + b" " * 100_000 + b"\r\n")
            request.wfile.write(b"0\r\n\r\n")
        elif how == "drop":
            _reset(request)
        elif how == "drop midway":
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + good[:5])
            request.wfile.flush()
            request.close_connection = True
        elif how == "redirect":
            request.send_response(302)
            request.send_header("Location", self.origin + "/elsewhere")
            request.send_header("Content-Length", "0")
            request.end_headers()
        elif how == "not http":
            request.wfile.write(b"\x00\xff\x00 hello\r\n\r\n")
            request.close_connection = True
        else:
            _send(request, 200, _BODIES[how])

    def _drip(self, request: BaseHTTPRequestHandler, data: bytes) -> None:
        for byte in data:
            if self.over.wait(_DRIP_SECONDS):
                return
            request.wfile.write(bytes([byte]))
            request.wfile.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        super().__exit__(kind, error, trace)


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "application/json") -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _reset(request: BaseHTTPRequestHandler) -> None:
    # SO_LINGER of 0 makes close() send RST.
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.close_connection = True
    request.connection.close()
