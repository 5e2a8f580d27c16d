"""A CRM on a real socket that sends exactly the bytes of the test: responses that come twice, too late, or unasked.

def answer(request: Request) -> None:
    request.send(ok([customer]) * 2)          # two answers to one request

with ScriptedCrm(answer) as crm:
    crm.url, crm.connections, crm.requests
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from socketserver import StreamRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ops.rehearse.certificate import Certificate
from tests.loopback import Loopback


def ok(customers: list[dict[str, Any]], headers: str = "") -> bytes:
    """Return a whole answer with status 200."""
    body = json.dumps({"customers": customers}).encode()
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Request:
    """One request: `value` is the number or address asked for, `connection` and `number` count from 1, `send` sends bytes."""

    def __init__(self, sock: socket.socket, target: str, connection: int, number: int) -> None:
        self._socket = sock
        self.value = dict(parse_qsl(urlsplit(target).query)).get("value", "")
        self.connection = connection
        self.number = number

    def send(self, data: bytes) -> None:
        """Send at once; a client that has hung up is what some tests are about."""
        try:
            self._socket.sendall(data)
        except OSError:
            return

    def hang_up(self) -> None:
        """End the connection, in both directions."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


class ScriptedCrm(Loopback):
    """The server; a context manager. `answer` is called in a thread of the connection's, once for each request.

    With a `certificate` it speaks https.
    """

    def __init__(self, answer: Callable[[Request], None], certificate: Certificate | None = None) -> None:
        self.connections = 0
        self.requests: list[str] = []
        crm = self

        class Handler(StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                crm.connections += 1
                connection, number = crm.connections, 0
                while line := self._line():
                    while self._line().strip():
                        pass
                    number += 1
                    request = Request(self.connection, line.split()[1].decode(), connection, number)
                    crm.requests.append(request.value)
                    answer(request)

            def _line(self) -> bytes:
                try:
                    return self.rfile.readline()
                except OSError:
                    return b""

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        scheme = "http"
        if certificate:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            listening = self._server.socket
            # The handshake is the connection's own thread's: the first thing that it reads.
            self._server.socket = context.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server.block_on_close = False
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/customers?kind={{kind}}&value={{value}}"
