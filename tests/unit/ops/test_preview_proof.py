"""The contact's token from end to end in preview: the flow, the look-up's zip that signs it, the API's zip that verifies it.

A page's part is played here by requests over sockets; tests/browser has the page itself.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from popdesk_api.contract import CONTACT_HEADER, IDEMPOTENCY_HEADER

from ops.preview.server import Preview
from ops.settings import load_settings
from tests.unit.lambda_.tokens import claims, forge, with_api

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

    def ask(self, method: str, path: str, token: str, body: Any = None, key: str = KEY) -> tuple[int, Any]:
        headers = {CONTACT_HEADER: token, IDEMPOTENCY_HEADER: key} if body else {CONTACT_HEADER: token}
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
    settings = with_api(load_settings())
    settings = settings.model_copy(update={"api": settings.api.model_copy(update={"attributes": ("wrapUp",)})})
    with Preview(lambda: settings, tell=lines.append, log=lines.append) as preview:
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


# Whatever writes, about Ana; with a good token each is done.
WRITES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("POST", "customers/C-1001/cases", {"subject": "Never"}),
    ("PATCH", "customers/C-1001/cases/1001", {"status": "closed"}),
    ("POST", "customers/C-1001/cases/1001/notes", {"text": "Never"}),
    ("POST", "customers/C-1001/notes", {"text": "Never"}),
    ("PUT", "contact/attributes/wrapUp", {"value": "Never"}),
)


def _written(calls: Calls, *contacts: str) -> list[Any]:
    """Return all that a write could change: the cases, the store of writes, the contacts' attributes."""
    files = [calls.preview._folder / name for name in ("cases.sqlite", "writes.sqlite")]
    content = []
    for file in files:
        with closing(sqlite3.connect(file)) as database:
            content.append(list(database.iterdump()))
    return [*content, *(dict((calls.preview.connect.describe(each) or {})["Attributes"]) for each in contacts)]


def _refused_tokens(calls: Calls, contact: str, token: str) -> Iterator[tuple[str, str]]:
    """Yield tokens that are good for nothing, or not for Ana: what they are, and the token."""
    ((kid, key),) = json.loads(calls.preview._builds._tokens["POPDESK_TOKEN_KEYS"]).items()
    now = int(time.time())
    good = claims(aud="preview", sub=contact, iat=now - 10, exp=now + 3600)
    header = {"alg": "HS256", "kid": kid, "typ": "JWT"}
    yield "forged: another key", forge(good, header, b"x" * 64)
    yield "forged: altered", token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    yield "alg none", forge(good, {**header, "alg": "none"}).rpartition(".")[0] + "."
    yield "alg none, signed", forge(good, {**header, "alg": "none"}, key.encode())
    yield "expired", forge({**good, "iat": now - 50_000, "exp": now - 1}, header, key.encode())
    yield "not yet valid", forge({**good, "iat": now + 3600, "exp": now + 7200}, header, key.encode())
    yield "another stack's", forge({**good, "aud": "prod"}, header, key.encode())
    yield "a contact's that never was", forge({**good, "sub": "b8f2b8a4-0000-4b9a-9a1e-0"}, header, key.encode())
    _, others = calls.come_in("+12065550101")
    yield "another contact's", others
    over, later = calls.come_in(ANA)
    calls.becomes(over, "acw")
    calls.becomes(over, "cleared")
    yield "replayed after the contact's end", later


def test_a_refused_token_writes_nothing(calls: Calls) -> None:
    contact, token = calls.come_in(ANA)
    for what, refused in list(_refused_tokens(calls, contact, token)):
        before = _written(calls, contact)
        for number, (method, path, body) in enumerate(WRITES):
            if what == "another contact's" and path.startswith("contact/"):
                continue  # its own contact's, which it may write
            status, _ = calls.ask(method, path, refused, body, f"{number:032x}")
            assert status in (401, 403), (what, method, path)
        assert _written(calls, contact) == before, what
    before = _written(calls, contact)
    for number, (method, path, body) in enumerate(WRITES):  # the same requests, with the good one
        status, _ = calls.ask(method, path, token, body, f"{number:032x}")
        assert status in (200, 201, 204), (method, path)
        after = _written(calls, contact)
        assert after != before, (method, path)
        before = after


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
