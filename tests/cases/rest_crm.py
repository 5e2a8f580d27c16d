"""A CRM with a REST API on a real socket of this machine, which keeps its cases in SQLite: the shape of the shipped settings.

    with RestCrm(folder) as crm:
        crm.url            # "http://127.0.0.1:PORT"
        crm.fails = True   # 500 for every request; `loses`: it does a write and closes without a word

It looks at Idempotency-Key (`keeps_keys`), as some CRMs do. `asked` has (method, path, headers, body) of each request.
"""

from __future__ import annotations

import itertools
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cases_adapters.sample import SampleCases
from popdesk_api.cases import CaseChange, NewCase, NotFound, Write

from tests.loopback import Loopback


class RestCrm(Loopback):
    """The CRM, for as long as a `with` block."""

    def __init__(self, folder: Path) -> None:
        beginning = folder / "none.json"
        beginning.write_text("[]", "utf-8")
        self.cases = SampleCases(str(folder / "crm"), str(beginning))
        self.fails = self.loses = False
        self.keeps_keys = True
        self.answers: list[tuple[int, dict[str, str], bytes]] = []  # the next ones, in place of its own
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self._unique = itertools.count()
        crm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                headers = {name.lower(): value for name, value in self.headers.items()}
                crm.asked.append((self.command, self.path, headers, body))
                if crm.answers:
                    self._send(*crm.answers.pop(0))
                elif crm.fails:
                    self._send(500, {}, b"out of order")
                else:
                    status, answer = crm.do(self.command, self.path, headers, body)
                    if crm.loses and self.command != "GET":
                        self.close_connection = True
                        return
                    self._send(status, {"Content-Type": "application/json"}, json.dumps(answer).encode())

            do_GET = do_POST = do_PATCH = answer

            def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = _Server(("127.0.0.1", 0), Handler)
        super().__init__(server)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def do(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        """Do what is asked; return status and answer."""
        parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
        key = headers.get("idempotency-key", "") if self.keeps_keys else str(next(self._unique))
        customer, write = parts[2], Write("", key)
        try:
            match [method, *parts[3:]]:
                case ["GET", "cases"]:
                    return 200, {"cases": [case.model_dump() for case in self.cases.open_cases(customer)]}
                case ["GET", "history"]:
                    return 200, {"events": [event.model_dump() for event in self.cases.history(customer)]}
                case ["POST", "cases"]:
                    new = NewCase(subject=body["subject"], priority=body.get("priority", ""), note=body.get("text", ""))
                    return 201, self.cases.create_case(customer, new, write).model_dump()
                case ["PATCH", "cases", case]:
                    return 200, self.cases.update_case(customer, case, CaseChange(**body), write).model_dump()
                case ["POST", "cases", case, "notes"]:
                    self.cases.add_note(customer, case, body["text"], write)
                    return 201, None
                case ["POST", "notes"]:
                    self.cases.add_note(customer, "", body["text"], write)
                    return 201, None
        except NotFound:
            pass
        return 404, {"message": "there is none"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
        # else: who asked did not wait for the end, as when an answer is too long
