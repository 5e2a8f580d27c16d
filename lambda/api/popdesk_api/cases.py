"""The interface of an adapter for cases, and the values that it takes and returns.

    cases = open_cases({"cases": "sample", ...})        # the zip's settings.json
    cases.open_cases("C-1001")                          # -> [Case(id="2041", subject="Late parcel", ...)]
    cases.create_case("C-1001", NewCase(subject="Late parcel"), by)

The adapter NAME is the module cases_adapters/NAME.py, which is imported only when it is configured: sample, dynamodb, http.
docs/api.md shows how to write another one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Status = Literal["open", "closed"]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
MaybeText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000)]
Priority = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]

MOST_EVENTS = 50  # of a history
MOST_CASES = 100  # open ones; an agent could not choose among more


class Case(BaseModel):
    """A case. Times are ISO 8601 in UTC, "" where unknown; `url` is its page in the CRM, "" for the customer's."""

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


class NewNote(_Input):
    """A note on a case or on a customer."""

    text: Text


class NotFound(Exception):
    """The customer has no such case."""


class CasesFailed(Exception):
    """The cases could not be read or written. The message is logged and shown: nothing about a customer may be in it."""


class Cases:
    """The base class of adapters. One object is created per Lambda container and serves one request at a time.

    A method raises NotFound for a case that this customer does not have, CasesFailed or TimeoutError if the CRM fails.
    A write is called once for each idempotency key (docs/api.md): the adapter does not look for repetitions.
    `agent` is the id of the agent who writes, "" where it is unknown.
    """

    def open_cases(self, customer: str) -> list[Case]:
        """Return the customer's open cases, the last updated first, at most MOST_CASES."""
        raise NotImplementedError

    def history(self, customer: str) -> list[Event]:
        """Return what happened lately, newest first, at most MOST_EVENTS."""
        raise NotImplementedError

    def create_case(self, customer: str, new: NewCase, agent: str) -> Case:
        """Create an open case and return it."""
        raise NotImplementedError

    def update_case(self, customer: str, case: str, change: CaseChange, agent: str) -> Case:
        """Change the case with the id `case` and return it as it is now."""
        raise NotImplementedError

    def add_note(self, customer: str, case: str, text: str, agent: str) -> None:
        """Add a note to the case, or to the customer where `case` is ""."""
        raise NotImplementedError


def open_adapter(settings: dict[str, Any]) -> Cases:
    """Return the adapter that `settings["cases"]` names; `settings` are the zip's."""
    adapter: Cases = import_module(f"cases_adapters.{settings['cases']}").create(settings)
    return adapter
