"""Ask the team's API in a test, without a server: its real routes, checks and errors, in this process.

    ask_api("GET", "customers/C-1001/orders?most=3").json      # the fixture of plugin.py

An event as API Gateway makes one goes to the function's own code (popdesk_api/serving.py). What is outside of it is a stand-in:
every request has a good token, cases are the sample's, and contact attributes are not set anywhere.
"""

from __future__ import annotations

import importlib
import io
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ops.preview.http_api import http_api_event, response
from ops.settings import Settings, api_settings

AskApi = Callable[..., "Answered"]

_WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Answered:
    """An answer as the page gets it. `error` is what the log says of a failure: the exception's type and place, "" for none."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: str = ""

    @property
    def json(self) -> Any:
        """Return what its JSON says."""
        return json.loads(self.body)


class Context:
    """Lambda's context, as far as it is used."""

    aws_request_id = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:popdesk-prod-api:live"

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still take."""
        return 10_000


@dataclass
class _Admitted:
    """Who asks, and what admits them: whoever it is, they have a good token."""

    customers: tuple[str, ...]
    contact_id: str
    agent_id: str

    def admit(self, token: str) -> _Admitted:  # noqa: ARG002  # as popdesk_api/admission.py takes it
        return self

    def check(self, token: str) -> None:
        pass

    def may_ask_about(self, customer: str) -> bool:
        return customer in self.customers


class _Contacts:
    def set_attributes(self, contact_id: str, attributes: dict[str, str]) -> None:
        pass


def api_of(
    settings: Settings,
    folder: Path,
    customers: tuple[str, ...] = ("C-1001",),
    contact_id: str = "contact-1",
    agent_id: str = "agent-1",
) -> AskApi:
    """Return a function that asks the API: `ask_api(method, path, body=None, key="")`.

    The token is for these `customers`, of this contact and agent. `folder` keeps the sample's cases and the writes that were
    done. The path begins behind /api/ and may have a query; `key` is the Idempotency-Key, a new one for each write without it.
    """
    # Not before a test asks: lambda/api/ is on the path of tests alone.
    from cases_adapters.sample import SampleCases
    from popdesk_api.app import Services
    from popdesk_api.contract import CONTACT_HEADER, IDEMPOTENCY_HEADER, PREFIX
    from popdesk_api.once import SqliteWrites
    from popdesk_api.serving import Api

    for module in ("routes", "popdesk_api.case_routes", "popdesk_api.contact_routes"):
        importlib.import_module(module)  # they add themselves
    admitted, out = _Admitted(customers, contact_id, agent_id), io.StringIO()

    def look_up() -> NoReturn:
        raise NotImplementedError("a test has no look-up")

    api = Api(
        Services(
            {**api_settings(settings), "auth": "contact"},  # a stand-in has no authorizer to sign in with
            lambda: admitted,
            lambda: _Contacts(),
            lambda: SampleCases(str(folder / "cases.sqlite")),
            lambda: SqliteWrites(str(folder / "writes.sqlite")),
            look_up,
            out,
        )
    )

    def ask(method: str, path: str, body: Any = None, key: str = "") -> Answered:
        headers = {"Content-Type": "application/json", CONTACT_HEADER: "token"}
        if method in _WRITES:
            headers[IDEMPOTENCY_HEADER] = key or uuid.uuid4().hex
        sent = b"" if body is None else json.dumps(body).encode()
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        path, _, query = path.partition("?")
        event = http_api_event(method, f"{PREFIX}{path}".encode(), query.encode(), listed, sent)
        answer = response(api(event, Context()))
        logged = [json.loads(line) for line in out.getvalue().splitlines()]
        errors = [line.get("error", "") for line in logged if "Requests" in line]
        return Answered(*answer, errors[-1])

    return ask
