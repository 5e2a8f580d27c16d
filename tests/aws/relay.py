"""A real HTTP server between a release and moto, which refuses requests and breaks answers as a test says.

class Odd(Relay):
    def refuse(self, handler): ...                       # (503, b"...") instead of asking moto; None asks it
    def spoil(self, handler, status, content): ...       # what happens to moto's answer; "" for nothing

with Odd(moto_url) as relay:
    open_test_aws(relay.url)
"""

from __future__ import annotations

import http.client
import socket
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.loopback import Loopback

_OUR_OWN = ("content-length", "transfer-encoding", "connection", "date", "server")


class Relay(Loopback):
    """The server, for as long as a `with` block. `url` is its address."""

    def __init__(self, moto_url: str) -> None:
        moto = urlsplit(moto_url).netloc
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                refusal = relay.refuse(self)
                if refusal:
                    self._answer(refusal[0], {}, refusal[1], "")
                    return
                connection = http.client.HTTPConnection(moto)
                connection.request(self.command, self.path, body, {**dict(self.headers), "Host": moto})
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                spoilt = relay.spoil(self, answer.status, content)
                if spoilt == "lost":
                    self.close_connection = True  # without a word
                    return
                self._answer(answer.status, dict(answer.getheaders()), content, spoilt)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on

            def _answer(self, status: int, headers: dict[str, str], content: bytes, spoilt: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in _OUR_OWN:
                        self.send_header(name, value)
                length = headers.get("Content-Length") or str(len(content))
                self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
                self.end_headers()
                if self.command == "HEAD":
                    return
                self.wfile.write(content[: len(content) // 2] if spoilt else content)
                if spoilt:
                    self.wfile.flush()
                    self.close_connection = True
                if spoilt == "resets":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        super().__init__(server)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def refuse(self, _: BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        """Return the status and body to answer a request with before moto is asked; None to ask it."""
        return None

    def spoil(self, _: BaseHTTPRequestHandler, _status: int, _content: bytes) -> str:
        """Return what happens to moto's answer.

        "lost": it is not sent; "ends": half of its body is, then the connection ends; "resets": so, with a reset; "":
        nothing.
        """
        return ""
