"""An HTTP/1.1 connection whose requests end at a deadline, whatever the server does. For the adapters "http" and "dynamodb".

    connection = Connection("https://crm.example.com", ssl.create_default_context(), deadline)
    connection.get("/customers?phone=...", {"Accept": "application/json"}, deadline)    # -> (200, b"[...]")
    connection.is_reusable()   # -> True: the next request can use it too

A deadline is a time of time.monotonic(), in seconds.

`http.client` parses the response. By itself it might never return, because a socket's time-out starts again with every byte:
a server can send byte by byte, or `100 Continue` or trailers without end. So each read here gets only the time that remains
until the deadline, and the number of bytes is limited. Bytes that follow a response are kept and noticed before the
connection is used again. Otherwise they would be read as the response to the next request, which is another caller's
(RFC 9112, 9.3.2: responses are matched to requests by their order alone).
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from customers import LookupFailed

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

LONGEST_RESPONSE = 1_000_000  # bytes, including headers, interim responses and trailers
_CHUNK = 65_536


class Connection:
    """A connection to the server of `url`, over TLS if `tls` is given.

    Raises TimeoutError at the `deadline`, or another OSError if it cannot be established.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None, deadline: float) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        self._host = parts.netloc
        self._socket = _connect(host, parts.port or (443 if tls else 80), deadline)
        if tls:
            try:
                # Limits the handshake as a whole: here the time-out does not start again with every byte.
                self._socket.settimeout(_remaining(deadline))
                self._socket = tls.wrap_socket(self._socket, server_hostname=host)
            except BaseException:
                self._socket.close()
                raise
        self._received = _Received(self._socket)
        self._reader = _Reader(self._received)
        self._reusable = True

    def get(self, target: str, headers: dict[str, str], deadline: float) -> tuple[int, bytes]:
        """Return the status and body of the response to a GET request. Raises as `request` does."""
        return self.request("GET", target, headers, b"", deadline)

    def request(
        self, method: str, target: str, headers: dict[str, str], body: bytes, deadline: float
    ) -> tuple[int, bytes]:
        """Return the response's status and body. Raises OSError, http.client.HTTPException or LookupFailed."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", "Accept-Encoding: identity"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self._received.begin(deadline)
        self._reusable = False
        self._socket.settimeout(_remaining(deadline))
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        response = self._begin(method)
        while 100 < response.status < 200:  # RFC 9110, 15.2: any number of interim responses may come first
            response = self._begin(method)
        received = bytearray()
        while chunk := response.read1(_CHUNK):
            received += chunk
        if response.length:
            raise http.client.IncompleteRead(bytes(received), response.length)
        self._reusable = not response.will_close
        return response.status, bytes(received)

    def _begin(self, method: str) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(self, method=method)  # type: ignore[arg-type]  # it needs makefile() only
        response.begin()
        return response

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return what `http.client` reads from: the same buffer for every response, so that no byte in between is lost."""
        return self._reader

    def is_reusable(self) -> bool:
        """Return whether the last response was read to its end, and the server has neither sent more nor closed since."""
        if not self._reusable:
            return False
        self._received.begin(None)
        if self._reader.peek(1):
            return False
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):  # the latter after messages of TLS, e.g. session tickets
            return True
        except OSError:
            return False
        return False

    def interrupt(self) -> None:
        """Shut the connection down, which wakes a thread that is waiting for it."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    def close(self) -> None:
        """Close the connection. It may be closed already."""
        self._reusable = False
        self._socket.close()


class _Received(io.RawIOBase):
    """Reads from a socket, until a deadline and up to LONGEST_RESPONSE bytes per request."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._socket = sock
        self.begin(None)

    def begin(self, deadline: float | None) -> None:
        """Start the limits of a request. Without a deadline, reads do not wait."""
        self._deadline = deadline
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is None:
            return None
        self._socket.settimeout(_remaining(self._deadline))
        count = self._socket.recv_into(buffer)
        self._count += count
        if self._count > LONGEST_RESPONSE:
            raise LookupFailed("the answer is over 1 MB")
        return count


class _Reader(io.BufferedReader):
    """A buffer that `http.client` cannot close after a response, since bytes that follow it would be lost."""

    def close(self) -> None:
        """Do nothing."""


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    failure = OSError("the host has no address")
    addresses = _resolve(host, port, deadline)
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            # If this address does not answer, the time left is enough to try the next ones.
            sock.settimeout(_remaining(deadline) / (len(addresses) - place))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def _resolve(host: str, port: int, deadline: float) -> list[tuple[Any, ...]]:
    """Return the host's addresses. They are resolved in a thread, since getaddrinfo() has no time-out of its own."""
    answers: list[list[Any] | OSError] = []

    def ask() -> None:
        try:
            answers.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answers.append(error)
        except UnicodeError:
            answers.append(OSError("the host name is invalid"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_remaining(deadline))
    if not answers:
        raise TimeoutError
    if isinstance(answers[0], OSError):
        raise answers[0]
    return answers[0]


def _remaining(deadline: float) -> float:
    """Return the seconds until `deadline`. Raises TimeoutError if it has passed."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining
