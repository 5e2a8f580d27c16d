"""One HTTP/1.1 connection for GETs, each of which ends at a deadline whatever the server does.

    connection = Connection("https://crm.example.com", ssl.create_default_context(), deadline)
    connection.get("/customers?phone=...", {"Accept": "application/json"}, deadline)    # -> (200, b"[...]")
    connection.is_quiet()      # may it be asked again?

A deadline is in time.monotonic()'s seconds.

`http.client` reads the answer, but a socket's time-out starts anew with every byte, and so it has no end against a drip,
endless `100 Continue` or endless trailers. Here each read gets what is left of the one deadline, and an exchange has a
number of bytes. What was read beyond an answer is kept, so that it is seen before the connection is used again: it would
be taken for the next caller's answer (RFC 9112, 9.3.2: answers are matched to requests by their order alone).
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

LONGEST_ANSWER = 1_000_000  # bytes, its headers and all that comes before them among them
_CHUNK = 65_536


class Connection:
    """A connection to the server of `url`, with TLS where there is a `tls`, made before `deadline`.

    Raises TimeoutError, or another OSError where it cannot be made.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None, deadline: float) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        self._host = parts.netloc
        self._socket = _connect(host, parts.port or (443 if tls else 80), deadline)
        if tls:
            try:
                # The handshake as a whole gets what is left: a TLS socket's time-out does not start anew.
                self._socket.settimeout(_left(deadline))
                self._socket = tls.wrap_socket(self._socket, server_hostname=host)
            except BaseException:
                self._socket.close()
                raise
        self._received = _Received(self._socket)
        self._reader = _Reader(self._received)
        self._reusable = True

    def get(self, target: str, headers: dict[str, str], deadline: float) -> tuple[int, bytes]:
        """Return the status and the body. Raises an OSError, http.client.HTTPException or LookupFailed."""
        lines = [f"GET {target} HTTP/1.1", f"Host: {self._host}", "Accept-Encoding: identity"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._received.begin(deadline)
        self._reusable = False
        self._socket.settimeout(_left(deadline))
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        response = self._begin()
        while 100 < response.status < 200:  # RFC 9110, 15.2: any number of them may come first
            response = self._begin()
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
        if response.length:
            raise http.client.IncompleteRead(bytes(body), response.length)
        self._reusable = not response.will_close
        return response.status, bytes(body)

    def _begin(self) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(self, method="GET")  # type: ignore[arg-type]  # it asks us for makefile()
        response.begin()
        return response

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return what `http.client` reads answers from: the same for every one, so that no byte is lost between two."""
        return self._reader

    def is_quiet(self) -> bool:
        """Return whether the last answer was read to its end, and nothing has come since: no other answer, no hanging up."""
        if not self._reusable:
            return False
        self._received.begin(None)
        if self._reader.peek(1):
            return False
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):  # the latter after TLS's own messages, session tickets mostly
            return True
        except OSError:
            return False
        return False

    def interrupt(self) -> None:
        """Wake another thread that waits for this connection: it finds it closed."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already, which is what was wanted

    def close(self) -> None:
        """Close it; it may be closed already."""
        self._reusable = False
        self._socket.close()


class _Received(io.RawIOBase):
    """What comes over a socket, until the exchange's deadline and up to its number of bytes."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._socket = sock
        self.begin(None)

    def begin(self, deadline: float | None) -> None:
        """Begin an exchange; without a deadline nothing is waited for."""
        self._deadline = deadline
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is None:
            return None
        self._socket.settimeout(_left(self._deadline))
        count = self._socket.recv_into(buffer)
        self._count += count
        if self._count > LONGEST_ANSWER:
            raise LookupFailed("the CRM's answer is over 1 MB")
        return count


class _Reader(io.BufferedReader):
    """Buffers what comes; `http.client` closes it after each answer, which would lose what was read beyond."""

    def close(self) -> None:
        """Stay open."""


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    failure = OSError("the host has no address")
    addresses = _resolve(host, port, deadline)
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            # An address that does not answer leaves the ones after it their share of the time.
            sock.settimeout(_left(deadline) / (len(addresses) - place))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def _resolve(host: str, port: int, deadline: float) -> list[tuple[Any, ...]]:
    """Return the host's addresses. In a thread that is left behind at the deadline: a slow name server has no time-out."""
    answers: list[list[Any] | OSError] = []

    def ask() -> None:
        try:
            answers.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answers.append(error)
        except UnicodeError:
            answers.append(OSError("the host's name is none"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_left(deadline))
    if not answers:
        raise TimeoutError
    if isinstance(answers[0], OSError):
        raise answers[0]
    return answers[0]


def _left(deadline: float) -> float:
    """Return the seconds to `deadline`. Raises TimeoutError where there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
