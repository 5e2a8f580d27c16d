"""A team's API for tests of the page: it answers HTTP on the app's own origin, and does each write once for its idempotency key.

    api = KeptApi()
    api.answers["GET customers/C-1001/cases"] = {"cases": []}
    api.made                          # -> [("POST", "tickets", {"subject": "Invoice"})]: what was done, in its order
    api.requests                      # -> all that came in, repetitions too
    api.lose = 1                      # the next write is done, and its answer lost: the connection is closed
    api.problem = (422, {...})        # what every write is answered then
    api.raw = (200, b"<html>", {"Content-Type": "text/html"})     # what every request is answered then, as it is

It stands in for the function of lambda/api, whose own tests are elsewhere; headers and problem details are the contract's
(lambda/api/popdesk_api/contract.py).
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from typing import Any

from popdesk_api import contract


@dataclass
class Asked:
    """A request that came in; `key` is its idempotency key, `body` its JSON."""

    method: str
    path: str
    key: str
    token: str
    body: Any


@dataclass
class KeptApi:
    """The API's state. A lock makes its answers those of one server to many requests at once."""

    answers: dict[str, Any] = field(default_factory=dict)  # "GET orders" -> its JSON
    requests: list[Asked] = field(default_factory=list)
    records: list[Asked] = field(
        default_factory=list
    )  # what pages tell of themselves: no request of a card or an action
    made: list[tuple[str, str, Any]] = field(default_factory=list)
    problem: tuple[int, dict[str, Any]] | None = None
    lose: int = 0  # so many answers of writes
    seconds: float = 0.0  # each answer takes so long
    waits: threading.Event | None = None  # what each answer to a write waits for
    down: bool = False
    raw: tuple[int, bytes, dict[str, str]] | None = None
    _kept: dict[str, Any] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def writes(self) -> list[Asked]:
        """Return the requests that would change something."""
        return [asked for asked in self.requests if asked.method != "GET"]

    def answer(self, asked: Asked) -> tuple[int, Any, dict[str, str]] | None:
        """Return status, JSON and headers; None for an answer that is lost."""
        with self._lock:
            if (asked.method, contract.PREFIX + asked.path) == ("POST", contract.EVENTS):
                self.records.append(asked)
                return 204, b"", {}
            self.requests.append(asked)
            if self.raw:
                return self.raw
            if self.down:
                return 503, {"title": "The API is down"}, {}
            if asked.method == "GET":
                value = self.answers.get(f"GET {asked.path}")
                found = value is not None
            elif asked.key in self._under_way:
                return 409, {"title": "Under way"}, {"Retry-After": "0"}
            elif asked.key in self._kept:
                return 201, self._kept[asked.key], {}
            elif self.problem:
                return *self.problem, {}
            else:
                self._under_way.add(asked.key)
        time.sleep(self.seconds)
        if asked.method == "GET":
            return (200, value, {}) if found else (404, {"title": "No such thing", "detail": f"No {asked.path}"}, {})
        if self.waits:
            self.waits.wait(30)
        with self._lock:
            self.made.append((asked.method, asked.path, asked.body))
            answer = self.answers.get(f"{asked.method} {asked.path}", {"id": str(len(self.made))})
            self._kept[asked.key] = answer
            self._under_way.discard(asked.key)
            if self.lose:
                self.lose -= 1
                return None
            return 201, answer, {}


class ApiFiles(SimpleHTTPRequestHandler):
    """Serves files, and an API below its prefix; a subclass names it."""

    api: KeptApi | None = None

    def do_GET(self) -> None:
        """Answer the API's, or a file."""
        if self.api and self.path.startswith(contract.PREFIX):
            self._answer()
        else:
            super().do_GET()

    def _answer(self) -> None:
        assert self.api
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        asked = Asked(
            self.command,
            self.path.removeprefix(contract.PREFIX),
            self.headers.get(contract.IDEMPOTENCY_HEADER) or "",
            self.headers.get(contract.CONTACT_HEADER) or "",
            body,
        )
        answered = self.api.answer(asked)
        if answered is None:
            self.close_connection = True
            self.connection.shutdown(2)
            return
        status, value, headers = answered
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        kind = "application/json" if status < 400 else contract.PROBLEM
        headers = {"Content-Type": kind, "Content-Length": str(len(content)), **headers}
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_DELETE = _answer
