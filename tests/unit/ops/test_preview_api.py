"""The team's API in preview: the real zip behind /api/ of the app's origin, the faults of the panel, the sample CRM's pages."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from popdesk_api.contract import CONTACT_HEADER, IDEMPOTENCY_HEADER
from token_signing import TokenSigner

from ops.flows.runner import Contact
from ops.preview.http_api import http_api_event, response
from ops.preview.server import Preview
from ops.settings import Settings, load_settings

pytestmark = pytest.mark.slow

CASES = "customers/C-1001/cases"
CONTACT = "b8f2a7c0-0000-4000-8000-000000000001"


def _settings() -> Settings:
    settings = load_settings()
    return settings.model_copy(update={"api": settings.api.model_copy(update={"enabled": True, "cases": "http"})})


class Asking:
    """A preview, and what the page asks of its API."""

    def __init__(self, preview: Preview) -> None:
        self.preview = preview
        with patch.dict(os.environ, preview._builds._tokens):
            signer = TokenSigner("preview")
            signer.fetch_keys(5)
            self.token = signer.sign(CONTACT, ["C-1001"])
        preview.connect.offered(Contact(CONTACT, CONTACT, "VOICE", "", None, {}))

    def __call__(self, method: str, path: str, body: Any = None, key: str = "", **headers: str) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", CONTACT_HEADER: self.token, **headers}
        if key:
            sent[IDEMPOTENCY_HEADER] = key
        return _ask(f"{self.preview.app_url}api/{path}", method, body, sent)

    def crm(self) -> str:
        with urllib.request.urlopen(f"{self.preview.workspace_url}crm/customers/C-1001") as answer:
            return str(answer.read().decode())

    def fault(self, **faults: Any) -> None:
        status, _ = _ask(
            f"{self.preview.workspace_url}api/faults", "POST", faults, {"Content-Type": "application/json"}
        )
        assert status == 204


def _ask(url: str, method: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text.startswith(b"{") else text


def _announced(url: str, length: int) -> int:
    """Return the status for a request that says how long its body is and sends none: where it is refused nothing is read."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.putrequest("POST", f"/api/{CASES}")
    connection.putheader("Content-Length", str(length))
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture(scope="module")
def logged() -> list[str]:
    return []


@pytest.fixture(scope="module")
def asking(logged: list[str]) -> Iterator[Asking]:
    with Preview(_settings, log=logged.append) as preview:
        yield Asking(preview)


@pytest.fixture(autouse=True)
def _well(asking: Asking) -> Iterator[None]:
    yield
    asking.fault()


def test_a_case_that_is_created_is_on_the_customers_page_of_the_crm(asking: Asking) -> None:
    status, made = asking("POST", CASES, {"subject": "A <b>late</b> parcel", "note": "Since Monday"}, "1" * 32)
    assert status == 201
    assert made["url"] == f"{asking.preview.workspace_url}crm/customers/C-1001#case-{made['id']}"
    page = asking.crm()
    assert f'id="case-{made["id"]}"' in page
    assert "A &lt;b&gt;late&lt;/b&gt; parcel" in page
    assert "Since Monday" in page
    status, listed = asking("GET", f"{CASES}?status=open")
    assert made["id"] in [case["id"] for case in listed["cases"]]


def test_twenty_requests_at_once_with_one_key_make_one_case(asking: Asking) -> None:
    def create(_number: int) -> str:
        while True:
            status, answer = asking("POST", CASES, {"subject": "Burst"}, "2" * 32)
            if status == 201:
                return str(answer["id"])
            assert status == 409  # under way: the page asks again

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(create, range(20)))) == 1
    assert asking.crm().count("<td>Burst</td>") == 1


def test_an_answer_that_is_lost_is_there_at_the_next_try(asking: Asking) -> None:
    asking.fault(lost=True)
    assert asking("POST", CASES, {"subject": "Lost"}, "3" * 32)[0] == 504
    asking.fault()
    assert asking("POST", CASES, {"subject": "Lost"}, "3" * 32)[0] == 201
    assert asking.crm().count("<td>Lost</td>") == 1


def test_the_api_may_be_down_and_late(asking: Asking) -> None:
    asking.fault(down=True)
    assert asking("POST", CASES, {"subject": "Down"}, "4" * 32) == (503, {"message": "Service Unavailable"})
    assert "<td>Down</td>" not in asking.crm()
    asking.fault(latency_ms=400)
    begun = time.monotonic()
    assert asking("GET", CASES)[0] == 200
    assert time.monotonic() - begun > 0.4


def test_what_api_gateway_refuses_is_refused(asking: Asking) -> None:
    assert asking("POST", CASES, b"x" * 20_000, "5" * 32)[0] == 413  # the function
    assert _announced(asking.preview.app_url, 1_000_001) == 413  # in front of it
    assert asking("GET", CASES, **{"X-Long": "x" * 11_000})[0] == 431
    assert asking("GET", "customers/C-1001/nothing")[0] == 404
    assert asking("OPTIONS", CASES)[0] == 404  # no CORS: another origin's page gets nowhere


def test_without_the_token_and_after_the_contact_it_is_refused(asking: Asking) -> None:
    assert asking("GET", CASES, **{CONTACT_HEADER: ""})[0] == 401
    assert asking("GET", CASES, **{CONTACT_HEADER: asking.token + "x"})[0] == 401
    assert asking("GET", "customers/C-1002/cases")[0] == 403


def test_another_sites_page_sets_no_faults(asking: Asking) -> None:
    url = f"{asking.preview.workspace_url}api/faults"
    assert _ask(url, "POST", {"down": True}, {"Origin": "https://elsewhere.example"})[0] == 403
    assert _ask(url, "POST", {"down": "often"}, {})[0] == 400
    assert _ask(url, "POST", {"typo": 1}, {})[0] == 400
    assert asking("GET", CASES)[0] == 200


def test_the_log_has_a_line_for_each_request_and_no_customer(asking: Asking, logged: list[str]) -> None:
    del logged[:]
    asking("GET", CASES)
    deadline = time.monotonic() + 10
    while not logged:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    line = json.loads(logged[0])
    assert (line["route"], line["contact_id"]) == ("/api/customers/<customer>/cases", CONTACT)
    assert "C-1001" not in logged[0]


def test_without_the_api_there_is_no_function_and_the_address_names_nothing() -> None:
    with Preview(load_settings) as preview:
        assert preview._builds.api is None
        assert _ask(f"{preview.app_url}api/{CASES}", "GET", None, {}) == (404, {"message": "Not Found"})


def test_the_event_is_an_http_apis() -> None:
    """As in the example of http-api-develop-integrations-lambda.html: names in lower case, what comes twice joined by commas."""
    headers = [(b"Header1", b"a"), (b"header1", b"b"), (b"Cookie", b"c=1; d=2"), (b"User-Agent", b"agent")]
    event = http_api_event("POST", b"/api/a%2Fb%3Fc", b"p=1&p=2&q=%20", headers, b'{"x": "\xc3\xa9"}')
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/api/a/b"  # decoded, and cut at the "?"
    assert event["rawQueryString"] == "p=1&p=2&q=%20"
    assert event["queryStringParameters"] == {"p": "1,2", "q": " "}
    assert (event["headers"]["header1"], event["cookies"]) == ("a,b", ["c=1", "d=2"])
    assert "cookie" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"x": "é"}', False)
    assert http_api_event("POST", b"/api/", b"", [], b"\xff")["isBase64Encoded"] is True


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ({"statusCode": 201, "body": "x", "headers": {"A": 1}}, 201, b"x"),
        ({"statusCode": 200, "body": "eA==", "isBase64Encoded": True}, 200, b"x"),
        ({"statusCode": 204}, 204, b""),
        ({"a": 1}, 200, b'{"a": 1}'),
        ({"statusCode": "many"}, 500, b'{"message": "Internal Server Error"}'),
        ({"statusCode": 200, "body": "?", "isBase64Encoded": True}, 500, b'{"message": "Internal Server Error"}'),
    ],
)
def test_a_functions_answer_is_taken_as_api_gateway_takes_it(answer: Any, status: int, body: bytes) -> None:
    made = response(answer)
    assert (made[0], made[2]) == (status, body)
