"""The adapter "http": keeps cases in a CRM with a REST API; `[tool.popdesk.api.http]` says where (docs/api.md).

Every request has a connection of its own, so that no answer is taken for another's, and an end after `timeout_ms`. Redirects
are not followed: the token is sent to the configured host alone. A write sends an Idempotency-Key; where the CRM makes one of two
requests with the same key (`idempotent`), a write whose answer was lost is tried again, otherwise the agent is told to look.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from adapters.http_connection import Connection
from adapters.rest import MISSING, parse_answer, pluck, read_token, text_of
from customers import LookupFailed
from popdesk_api.cases import (
    MOST_CASES,
    MOST_EVENTS,
    Case,
    CaseChange,
    Cases,
    CasesFailed,
    Event,
    NewCase,
    NotFound,
    OutcomeUnknown,
    Write,
)
from popdesk_api.contract import IDEMPOTENCY_HEADER

_TOKEN_SECONDS = 2.0
_LOOPBACK = ("127.0.0.1", "localhost")


class HttpCases(Cases):
    """Keeps cases in the CRM; `settings` is [tool.popdesk.api.http] as a dict."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._token = ""
        self._tls = ssl.create_default_context()

    def open_cases(self, customer: str) -> list[Case]:
        """Return the customer's open cases, the last updated first."""
        records = self._list(self._url("open_cases", customer), self._settings["cases_path"])
        cases = [case for record in records if (case := self._case(record)).status == "open"]
        return sorted(cases, key=lambda case: case.updated, reverse=True)[:MOST_CASES]

    def history(self, customer: str) -> list[Event]:
        """Return what happened lately, newest first."""
        fields = self._settings["event_fields"]
        events = []
        for record in self._list(self._url("history", customer), self._settings["events_path"]):
            texts = {name: text_of(pluck(record, path)) for name, path in fields.items()}
            if texts["title"]:
                events.append(Event(time=_time(texts["time"]), title=texts["title"], note=texts.get("note", "")))
        return sorted(events, key=lambda event: event.time, reverse=True)[:MOST_EVENTS]

    def create_case(self, customer: str, new: NewCase, write: Write) -> Case:
        """Create an open case."""
        fields, body = self._settings["case_fields"], dict[str, Any]()
        for name, value in (("subject", new.subject), ("priority", new.priority)):
            if value and name in fields:
                _put(body, fields[name], value)
        if new.note:
            _put(body, self._settings["note_field"], new.note)
        status, content = self._write("POST", self._url("create_case", customer), body, write)
        if status == 404:
            raise CasesFailed("the CRM does not know the customer")
        made = self._read_case(content)
        if made is None:  # it is made, and nobody knows which it is
            raise OutcomeUnknown("the CRM's answer has no case", self._settings["idempotent"])
        return made

    def update_case(self, customer: str, case: str, change: CaseChange, write: Write) -> Case:
        """Change the case."""
        url = self._url("update_case", customer, case)
        fields, body = self._settings["case_fields"], dict[str, Any]()
        for name, value in change.changes():
            if name in fields:
                _put(body, fields[name], self._settings["statuses"][value] if name == "status" else value)
        status, content = self._write(self._settings["update_method"], url, body, write)
        if status == 404:
            raise NotFound
        changed = self._read_case(content)
        if changed is None:  # not every CRM answers with the case
            status, content = self._request("GET", url, None, "")
            changed = self._read_case(content) if status == 200 else None
        if changed is None or changed.id != case:
            raise OutcomeUnknown("the CRM's answer has another case, or none", self._settings["idempotent"])
        return changed

    def add_note(self, customer: str, case: str, text: str, write: Write) -> None:
        """Add a note to the case, or to the customer where `case` is ""."""
        body: dict[str, Any] = {}
        _put(body, self._settings["note_field"], text)
        url = self._url("case_note", customer, case) if case else self._url("customer_note", customer)
        status, _ = self._write("POST", url, body, write)
        if status == 404:
            raise NotFound if case else CasesFailed("the CRM does not know the customer")

    # -- requests --------------------------------------------------------------------------------------------------------

    def _url(self, key: str, customer: str, case: str | None = None) -> str:
        """Return a URL of the settings about a customer and a case.

        Raises NotFound for a case's id, CasesFailed for a customer's, that would lead to another address.
        """
        url = str(self._settings[key])
        for name, value in (("customer", customer), ("case", case)):
            if value is None:
                continue
            # Servers resolve dot segments: with the id ".." another customer's page would be asked.
            if value in ("", ".", ".."):
                raise NotFound if name == "case" else CasesFailed("the customer's id is no part of an address")
            url = url.replace(f"{{{name}}}", quote(value, safe=""))
        return url

    def _list(self, url: str, path: str) -> list[Any]:
        status, body = self._request("GET", url, None, "")
        if status in (204, 404) or (status == 200 and not body.strip()):
            return []
        if status != 200:
            raise CasesFailed(f"the CRM answered {status}")
        records = pluck(_parsed(body), path)
        if records is None:
            return []
        if isinstance(records, dict):
            records = [records]
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise CasesFailed("the CRM's answer has no list where the settings say that it is")
        return records

    def _write(self, method: str, url: str, body: dict[str, Any], write: Write) -> tuple[int, bytes]:
        """Return the answer to a write, which is 2xx or 404. Raises CasesFailed, or OutcomeUnknown if it may be done."""
        key = hashlib.sha256(write.key.encode()).hexdigest()[:32]
        status, content = self._request(method, url, body, key)
        if status >= 500:
            raise OutcomeUnknown(f"the CRM answered {status}", self._settings["idempotent"])
        if not (200 <= status < 300 or status == 404):
            raise CasesFailed(f"the CRM answered {status}")
        return status, content

    def _request(self, method: str, url: str, body: dict[str, Any] | None, key: str) -> tuple[int, bytes]:
        deadline = time.monotonic() + self._settings["timeout_ms"] / 1000
        headers = {"Accept": "application/json", "User-Agent": "popdesk"}
        if body is not None:
            headers |= {"Content-Type": "application/json", IDEMPOTENCY_HEADER: key}
        sent = json.dumps(body, ensure_ascii=True).encode() if body is not None else b""
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not loopback and parts.scheme != "https":
            raise CasesFailed("api.http has a URL that is not https")
        try:
            if token := self._read_token():
                headers["Authorization"] = f"Bearer {token}"
            connection = Connection(url, None if loopback else self._tls, deadline)
        except TimeoutError:
            raise CasesFailed("the CRM could not be reached in time") from None
        except LookupFailed as error:
            raise CasesFailed(str(error)) from error
        except OSError as error:
            raise CasesFailed(f"the CRM could not be reached: {type(error).__name__}") from error
        try:
            status, content = connection.request(method, target, headers, sent, deadline)
        except (OSError, http.client.HTTPException, LookupFailed) as error:
            said = str(error) if isinstance(error, LookupFailed) else type(error).__name__
            if body is None:
                raise CasesFailed(f"the CRM did not answer: {said}") from error
            raise OutcomeUnknown(f"the CRM's answer was lost: {said}", self._settings["idempotent"]) from error
        finally:
            connection.close()
        if status in (401, 403):
            self._token = ""  # it may have been rotated: the next request reads it again
        return status, content

    def _read_token(self) -> str:
        if self._settings["token_secret"] and not self._token:
            self._token = read_token(self._settings["token_secret"], time.monotonic() + _TOKEN_SECONDS)
        return self._token

    # -- the CRM's JSON --------------------------------------------------------------------------------------------------

    def _read_case(self, body: bytes) -> Case | None:
        """Return the case that an answer to a write has, None if it has none."""
        if not body.strip():
            return None
        try:
            record = pluck(parse_answer(body), self._settings["case_path"])
        except LookupFailed:
            return None
        if not isinstance(record, dict) or not text_of(pluck(record, self._settings["case_fields"]["id"])):
            return None
        return self._case(record)

    def _case(self, record: Any) -> Case:
        found = {name: pluck(record, path) for name, path in self._settings["case_fields"].items()}
        texts = {name: text_of(value) for name, value in found.items() if value is not MISSING}
        if not texts.get("id"):
            raise CasesFailed("a case in the CRM's answer has no id")
        # The CRM may have more words for a case that is not closed: new, pending.
        closed = texts.get("status") == self._settings["statuses"]["closed"]
        return Case(
            id=texts["id"],
            subject=texts.get("subject", ""),
            status="closed" if closed else "open",
            priority=texts.get("priority", ""),
            opened=_time(texts.get("opened", "")),
            updated=_time(texts.get("updated", "")),
            url=texts.get("url", ""),
        )


def _parsed(body: bytes) -> Any:
    try:
        return parse_answer(body)
    except LookupFailed as error:
        raise CasesFailed(str(error)) from None


def _put(body: dict[str, Any], path: str, value: str) -> None:
    """Set the value at a path of keys, separated by dots."""
    *before, last = path.split(".")
    for key in before:
        body = body.setdefault(key, {})
    body[last] = value


def _time(text: str) -> str:
    """Return a time with its offset as ISO 8601 in UTC, "" for anything else: without one nobody knows when it was."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if time.tzinfo is None:
        return ""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def create(settings: dict[str, Any]) -> HttpCases:
    """Return the adapter. It reads the token with the first request."""
    return HttpCases(settings["http"])
