"""Ask the API as an HTTP API does, in this process: its real routes, its sample adapter, its store of writes.

    asks = Asks(tmp_path)
    asks("GET", "customers/C-1001/cases").json      # -> {"cases": [...]}

What admits requests stands in for Amazon Connect and the token: every request is of contact c-1, customers C-1001 and `C/9?`.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import popdesk_api.case_routes
import popdesk_api.contact_routes  # noqa: F401  # they add themselves
from cases_adapters.sample import SampleCases
from popdesk_api.app import LookUp, Services
from popdesk_api.candidates import LookUpAgain
from popdesk_api.cases import Cases
from popdesk_api.contract import CONTACT_HEADER, IDEMPOTENCY_HEADER, PREFIX
from popdesk_api.once import SqliteWrites
from popdesk_api.serving import Api
from token_signing import TokenSigner

from ops.preview.http_api import http_api_event, response
from ops.settings import api_settings, lambda_settings, load_settings
from ops.testing.api import Answered, Context
from tests.unit.lambda_.tokens import with_api

KEY = "0123456789abcdef0123456789abcdef"


class Refusal(Exception):
    """As popdesk_api/admission.py refuses."""

    status, title, detail, why = 401, "Token refused", "Ask for this contact again.", "another issuer"


class Admitted:
    """Contact c-1 of two customers, with agent a-7."""

    contact_id = "c-1"
    agent_id = "a-7"

    def admit(self, token: str) -> Admitted:
        if token != "good":
            raise Refusal
        return self

    def check(self, token: str) -> None:
        self.admit(token)

    def may_ask_about(self, customer: str) -> bool:
        return customer in ("C-1001", "C/9?")


class Attributes:
    """Notes what is written to contacts."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, str]]] = []
        self.address = "+12125550150"
        self.attributes: dict[str, str] = {}

    def describe(self, contact_id: str) -> dict[str, Any]:
        """Return a call from a number that two sample customers share."""
        endpoint = {"Type": "TELEPHONE_NUMBER", "Address": self.address}
        return {"Id": contact_id, "Channel": "VOICE", "CustomerEndpoint": endpoint, "Attributes": self.attributes}

    def set_attributes(self, contact_id: str, attributes: dict[str, str]) -> None:
        self.written.append((contact_id, attributes))


class Asks:
    """Asks the API; `log` has its lines."""

    def __init__(self, folder: Path, cases: Cases | None = None, **settings: Any) -> None:
        self.cases = cases or SampleCases(str(folder / "cases"))
        self.contacts = Attributes()
        settings_of_lookup = lambda_settings(with_api(load_settings()))
        signer = TokenSigner("popdesk-test")
        self.look_up: LookUp = LookUpAgain(settings_of_lookup, self.contacts, signer)
        self.out = io.StringIO()
        self._log: list[dict[str, Any]] = []
        self._read = 0  # how much of `out` is in `_log`
        services = Services(
            {**api_settings(load_settings()), "attributes": ["wrapUp"], **settings},
            Admitted,
            lambda: self.contacts,
            lambda: self.cases,
            lambda: SqliteWrites(str(folder / "writes")),
            lambda: self.look_up,
            self.out,
        )
        self.api = Api(services)
        self.subject = ""  # who has signed in, as the authorizer says

    def __call__(
        self, method: str, path: str, body: Any = None, key: str = "", token: str = "good", query: str = ""
    ) -> Answered:
        headers = {"Content-Type": "application/json", CONTACT_HEADER: token}
        if key:
            headers[IDEMPOTENCY_HEADER] = key
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        event = http_api_event(method, (PREFIX + path).encode(), query.encode(), listed, content)
        if self.subject:
            event["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": self.subject}, "scopes": None}}
        return Answered(*response(self.api(event, Context())))

    @property
    def log(self) -> list[dict[str, Any]]:
        self.out.seek(self._read)
        self._log += [json.loads(line) for line in self.out]
        self._read = self.out.tell()  # the end: what is written next comes after it
        return self._log[:]
