"""The contact's token from end to end in preview: the flow, the look-up's zip that signs it, the API's zip that verifies it.

A page's part is played here by requests over sockets; tests/browser has the page itself.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from popdesk_api.contract import CONTACT_HEADER, IDEMPOTENCY_HEADER

from ops.preview.server import Preview
from ops.settings import load_settings
from tests.unit.lambda_.tokens import with_api

pytestmark = pytest.mark.slow

ANA, BOTH, NOBODY = "+12065550100", "+12125550150", "+12065550199"
AGENT = "arn:aws:connect:us-east-1:111122223333:instance/00000000-0000-4000-8000-000000000001/agent/a-7"
KEY = "0123456789abcdef0123456789abcdef"


class Calls:
    """A preview, the calls that come in, and what their pages ask of the API; `lines` is all that was logged."""

    def __init__(self, preview: Preview, lines: list[str]) -> None:
        self.preview = preview
        self.lines = lines
        self.count = 0

    def come_in(self, number: str) -> tuple[str, str]:
        """Let a call come in and be accepted; return its id and its token."""
        self.count += 1
        contact = f"b8f2b8a4-7e0c-4b9a-9a1e-{self.count:012}"
        endpoint = {"address": number, "type": "TELEPHONE_NUMBER"}
        offered = {"contactId": contact, "channel": "VOICE", "customerEndpoint": endpoint, "attributes": {}}
        outcome = self._post("api/offer", {"contact": offered, "typed": ""})
        self.becomes(contact, "connected")
        return contact, str(outcome["attributes"]["popdeskToken"])

    def becomes(self, contact: str, state: str) -> None:
        self._post("api/contacts", {"contactId": contact, "state": state, "agentArn": AGENT})

    def _post(self, path: str, body: Any) -> Any:
        return _ask(self.preview.workspace_url + path, "POST", body, {})[1]

    def ask(self, method: str, path: str, token: str, body: Any = None) -> tuple[int, Any]:
        headers = {CONTACT_HEADER: token, IDEMPOTENCY_HEADER: KEY} if body else {CONTACT_HEADER: token}
        return _ask(f"{self.preview.app_url}api/{path}", method, body, headers)


def _ask(url: str, method: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    lines: list[str] = []
    with Preview(lambda: with_api(load_settings()), tell=lines.append, log=lines.append) as preview:
        yield Calls(preview, lines)


def test_a_call_may_ask_about_its_customer_and_about_no_other(calls: Calls) -> None:
    _, token = calls.come_in(ANA)
    assert calls.ask("GET", "customers/C-1001/cases", token)[0] == 200
    for other in ("C-1002", "C-1026", "-", "c-1001"):
        assert calls.ask("GET", f"customers/{other}/cases", token)[0] == 403
        assert calls.ask("POST", f"customers/{other}/notes", token, {"text": "x"})[0] == 403


def test_a_token_of_a_contact_that_is_over_is_refused(calls: Calls) -> None:
    contact, token = calls.come_in(ANA)
    calls.becomes(contact, "acw")
    assert calls.ask("GET", "customers/C-1001/cases", token)[0] == 200  # cases are written in after-contact work
    over, later = calls.come_in(ANA)
    calls.becomes(over, "acw")
    calls.becomes(over, "cleared")
    status, problem = calls.ask("GET", "customers/C-1001/cases", later)
    assert (status, problem["title"]) == (403, "Contact over")
    assert calls.ask("POST", "customers/C-1001/notes", later, {"text": "x"})[0] == 403


def test_an_altered_token_is_refused(calls: Calls) -> None:
    _, token = calls.come_in(ANA)
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["customers"] = ["C-1002"]
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x","typ":"JWT"}').rstrip(b"=").decode()
    for altered in (f"{header}.{forged}.{signature}", f"{none}.{forged}.", f"{none}.{payload}.{signature}", "-", "x"):
        assert calls.ask("GET", "customers/C-1002/cases", altered)[0] == 401
        assert calls.ask("GET", "contact/customers", altered)[0] == 401


def test_of_several_the_chosen_one_may_be_asked_about(calls: Calls) -> None:
    _, token = calls.come_in(BOTH)
    assert calls.ask("GET", "customers/C-1026/cases", token)[0] == 403
    found = [each["id"] for each in calls.ask("GET", "contact/customers", token)[1]["customers"]]
    assert found == ["C-1026", "C-1027"]
    assert calls.ask("POST", "contact/customers", token, {"id": "C-1001"})[0] == 403
    _, chosen = calls.ask("POST", "contact/customers", token, {"id": "C-1027"})
    again = chosen["attributes"]["popdeskToken"]
    assert calls.ask("GET", "customers/C-1027/cases", again)[0] == 200
    assert calls.ask("GET", "customers/C-1026/cases", again)[0] == 403


def test_an_unknown_caller_has_a_token_that_is_good_for_nobody(calls: Calls) -> None:
    _, token = calls.come_in(NOBODY)
    assert calls.ask("GET", "contact/customers", token) == (200, {"customers": []})
    assert calls.ask("GET", "customers/C-1001/cases", token)[0] == 403


def test_the_log_names_the_agent_and_has_no_token_and_no_key(calls: Calls) -> None:
    contact, token = calls.come_in(ANA)
    assert calls.ask("POST", "customers/C-1001/notes", token, {"text": "Prefers e-mail"})[0] == 201
    written = "\n".join(calls.lines)
    audit = next(line for line in calls.lines if '"audit"' in line and contact in line)
    assert '"agent_id":"a-7"' in audit
    assert token not in written
    assert token.rpartition(".")[2] not in written
    assert "C-1001" not in written
    for key in json.loads(calls.preview._builds._tokens["POPDESK_TOKEN_KEYS"]).values():
        assert key not in written
