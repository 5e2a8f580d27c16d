"""The API's application, which routes are added to, and the request that is being answered.

    from popdesk_api.app import app, asking

    @app.get("/api/customers/<customer>/orders")
    def orders(customer: str) -> list[Order]: ...      # answered as JSON; asking().contact_id, asking().agent_id

What a route takes and answers is checked by its annotations (Powertools). A route with `<customer>` in its path is called for the
customers of the contact's token alone. serving.py has what happens around the routes, docs/api.md shows the rest.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from customers import Customer

from popdesk_api.cases import Cases, Write
from popdesk_api.contract import IDEMPOTENCY_HEADER
from popdesk_api.problems import Problem

app = APIGatewayHttpResolver(enable_validation=True, response_validation_error_http_code=500)


class Asking(Protocol):
    """Who asks, as the contact's token and Amazon Connect say; popdesk_api/admission.py has the real one."""

    @property
    def contact_id(self) -> str:
        """The contact's id."""

    @property
    def agent_id(self) -> str:
        """The id of the agent who has the contact, "" while none has."""

    def may_ask_about(self, customer: str) -> bool:
        """Return whether the contact's token is good for the customer."""


class Admission(Protocol):
    """What admits requests: popdesk_api/admission.py."""

    def admit(self, token: str) -> Asking:
        """Return who asks. Raises an error with `status`, `title` and `detail` for the page, and `why` for the log."""

    def check(self, token: str) -> None:
        """Raise such an error for a token that is not good, whatever has become of its contact."""


class Contacts(Protocol):
    """What writes a contact's attributes: popdesk_api/contacts.py."""

    def set_attributes(self, contact_id: str, attributes: dict[str, str]) -> None:
        """Set attributes of the contact."""


class LookUp(Protocol):
    """What asks the look-up again: popdesk_api/candidates.py."""

    def candidates(self, contact_id: str) -> list[Customer]:
        """Return whom the look-up finds for the contact."""

    def choose(self, contact_id: str, customer_id: str) -> dict[str, str]:
        """Return its answer for the one whom the agent chose."""


@dataclass
class Services:
    """What requests need, each opened when it is first needed: `settings` are the zip's settings.json."""

    settings: dict[str, Any]
    open_admission: Callable[[], Admission]
    open_contacts: Callable[[], Contacts]
    open_cases: Callable[[], Cases]
    open_writes: Callable[[], BasePersistenceLayer]
    open_look_up: Callable[[], LookUp]
    out: TextIO = sys.stdout
    _admission: Admission | None = None
    _contacts: Contacts | None = None
    _cases: Cases | None = None
    _writes: BasePersistenceLayer | None = None
    _look_up: LookUp | None = None

    def admission(self) -> Admission:
        """Return what admits requests."""
        self._admission = self._admission or self.open_admission()
        return self._admission

    def contacts(self) -> Contacts:
        """Return what writes a contact's attributes."""
        self._contacts = self._contacts or self.open_contacts()
        return self._contacts

    def cases(self) -> Cases:
        """Return the adapter for cases. Raises CasesFailed if it cannot be opened."""
        self._cases = self._cases or self.open_cases()
        return self._cases

    def writes(self) -> BasePersistenceLayer:
        """Return the store of the answers to writes."""
        self._writes = self._writes or self.open_writes()
        return self._writes

    def look_up(self) -> LookUp:
        """Return what asks the look-up again. Raises LookupFailed if its adapter cannot be opened."""
        self._look_up = self._look_up or self.open_look_up()
        return self._look_up


class Request:
    """The request that is being answered, as far as the log and the routes need it. A function answers one at a time."""

    def __init__(self, services: Services, event: dict[str, Any], context: Any) -> None:
        http = event["requestContext"]["http"]
        self.services = services
        self.context = context
        self.method = str(http["method"])
        self.path = str(event["rawPath"])
        self.query = str(event.get("rawQueryString", ""))
        self.headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        self.body = _body(event)
        self.subject = _subject(event)  # who has signed in, by the authorizer; "" where agents do not
        self.asking: Asking | None = None
        self.route = ""  # the template, once it is known
        self.error = ""  # what failed and where, for the log
        self.repeated = False  # the answer is an earlier one

    def names(self) -> list[str]:
        """Return the names of the path's parameters, by the route's template."""
        return re.findall(r"<(\w+)>", self.route)

    @property
    def contact_id(self) -> str:
        """The contact's id, "" before the request is admitted."""
        return self.asking.contact_id if self.asking else ""

    @property
    def agent_id(self) -> str:
        """The agent's id, "" where it is not known."""
        return self.asking.agent_id if self.asking else ""


_current: list[Request] = []


def request() -> Request:
    """Return the request that is being answered."""
    if not _current:
        raise RuntimeError("no request is being answered")
    return _current[-1]


@contextlib.contextmanager
def answering(asked: Request) -> Iterator[None]:
    """Make this the request that is being answered."""
    _current.append(asked)
    try:
        yield
    finally:
        _current.pop()


def asking() -> Asking:
    """Return who asks: the contact and the agent. For routes, which are called for admitted requests alone."""
    who = request().asking
    assert who is not None
    return who


def write() -> Write:
    """Return who writes and the write's key. Raises Problem 400 if the request has none: it could be done twice."""
    key = request().headers.get(IDEMPOTENCY_HEADER.lower(), "")
    if not key:
        raise Problem(400, f"The request has no {IDEMPOTENCY_HEADER}.")
    return Write(asking().agent_id, f"{asking().contact_id}#{key}")


def _subject(event: dict[str, Any]) -> str:
    """Return the `sub` of the agent's access token, which the HTTP API's authorizer has checked."""
    try:
        return str(event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"])
    except (KeyError, TypeError):
        return ""


def _body(event: dict[str, Any]) -> bytes:
    body = str(event.get("body") or "")
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return b""
