"""The interface of an adapter for cases, and the values that it takes and returns.

    cases = open_adapter({"cases": "sample", ...})      # the zip's settings.json
    cases.open_cases("C-1001")                          # -> [Case(id="2041", subject="Late parcel", ...)]
    cases.create_case("C-1001", NewCase(subject="Late parcel"), Write("agent-1", "2f6c..."))

The adapter NAME is the module cases_adapters/NAME.py, which is imported only when it is configured: sample, dynamodb, http.
docs/api.md says how to write another one; sample.py is the shortest to read.
"""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, StringConstraints

Status = Literal["open", "closed"]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
MaybeText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000)]
Priority = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]

MOST_EVENTS = 50  # of a history
MOST_CASES = 100  # open ones; an agent could not choose among more


class Case(BaseModel):
    """A case. Times are ISO 8601 in UTC with a Z ("2026-01-31T12:00:00Z"), "" where unknown.

    `url` is its page in the CRM, "" for the customer's.
    """

    id: str
    subject: str
    status: Status
    priority: str = ""
    opened: str = ""
    updated: str = ""
    url: str = ""


class Event(BaseModel):
    """What happened: an entry of a customer's history."""

    time: str
    title: str
    note: str = ""


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewCase(_Input):
    """What the agent says of a new case."""

    subject: Line
    priority: Priority = ""
    note: MaybeText = ""


class CaseChange(_Input):
    """What changes in a case; what is None stays."""

    subject: Line | None = None
    priority: Priority | None = None
    status: Status | None = None

    def changes(self) -> list[tuple[str, str]]:
        """Return what changes: [("status", "closed")]."""
        return list(self.model_dump(exclude_none=True).items())

    def title(self, case: str, before: Case) -> str:
        """Return what the history says of the change of the case that was as `before`."""
        changed = self.status if self.status != before.status else None
        words = {"open": "reopened", "closed": "closed", None: "changed"}
        return f"Case {case} {words[changed]}"


class NewNote(_Input):
    """A note on a case or on a customer."""

    text: Text


class Write(NamedTuple):
    """Who writes, and the key of the write: the same one again is the same write, whose answer was lost.

    `agent` is the agent's id in Amazon Connect, "" where no agent has the contact. `key` is never empty.
    """

    agent: str
    key: str


class NotFound(Exception):
    """The customer has no such case."""


class CasesFailed(Exception):
    """The cases could not be read or written, and nothing was. The message is logged: it has nothing about a customer."""


class OutcomeUnknown(CasesFailed):
    """The write was sent and its answer was lost: it may have been done.

    It is tried again with the same key only where the adapter makes one of both (`repeatable`).
    """

    def __init__(self, text: str, repeatable: bool = False) -> None:
        super().__init__(text)
        self.repeatable = repeatable


class Cases:
    """The base class of adapters. One object is created per Lambda container and serves one request at a time.

    A method raises NotFound for a case that this customer does not have, CasesFailed if the CRM fails, OutcomeUnknown if it
    may have written. The API asks for a write once and keeps its answer (popdesk_api/once.py); where its function ended in
    the middle, it asks again with the same `write.key`, and the adapter then makes no second one, as far as its CRM lets it.
    """

    def open_cases(self, customer: str) -> list[Case]:
        """Return the customer's open cases, the last updated first, at most MOST_CASES."""
        raise NotImplementedError

    def history(self, customer: str) -> list[Event]:
        """Return what happened lately, newest first, at most MOST_EVENTS."""
        raise NotImplementedError

    def create_case(self, customer: str, new: NewCase, write: Write) -> Case:
        """Create an open case and return it."""
        raise NotImplementedError

    def update_case(self, customer: str, case: str, change: CaseChange, write: Write) -> Case:
        """Change the case with the id `case` and return it as it is now."""
        raise NotImplementedError

    def add_note(self, customer: str, case: str, text: str, write: Write) -> None:
        """Add a note to the case, or to the customer where `case` is ""."""
        raise NotImplementedError


def open_adapter(settings: dict[str, Any]) -> Cases:
    """Return the adapter that `settings["cases"]` names; `settings` are the zip's."""
    adapter: Cases = import_module(f"cases_adapters.{settings['cases']}").create(settings)
    return adapter
