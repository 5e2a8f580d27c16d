"""The CRM's URLs: whatever an id holds, the page is on the allow-list and inside the template's place, or it is refused."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_urls import RefusedUrl, check_url, page_url

TEMPLATE = "https://crm.example.com/customers/{id}"
HOSTS = ["crm.example.com", "*.crm.example.net", "http://127.0.0.1:8000"]


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("C-1001", "C-1001"),
        ("a/b", "a%2Fb"),
        ("../admin", "..%2Fadmin"),
        ("a?b#c&d=e", "a%3Fb%23c%26d%3De"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("\\", "%5C"),
        ("Zoë", "Zo%C3%AB"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("\r\nSet-Cookie: a", "%0D%0ASet-Cookie%3A%20a"),
    ],
)
def test_values_are_percent_encoded(value: str, end: str) -> None:
    assert page_url(TEMPLATE, "id", value, HOSTS) == f"https://crm.example.com/customers/{end}"


@pytest.mark.parametrize("value", ["", ".", "..", "\ud800", "x" * 5_000])
def test_a_value_that_would_lead_elsewhere_is_refused(value: str) -> None:
    with pytest.raises(RefusedUrl):
        page_url(TEMPLATE, "id", value, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com",
        "https://CRM.example.com/a",
        "https://crm.example.com:8443/a",
        "https://eu.crm.example.net/",
        "https://a.b.crm.example.net/",
        "http://127.0.0.1:8000/crm/customers/C-1",
    ],
)
def test_urls_on_the_list_pass(url: str) -> None:
    check_url(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com/",
        "ftp://crm.example.com/",
        "javascript:alert(1)//crm.example.com",
        "//crm.example.com/",
        "/customers/1",
        "",
        "https://crm.example.com.evil.example/",
        "https://evilcrm.example.com/",
        "https://crm.example.net/",  # *.suffix means hosts below it
        "https://evilcrm.example.net/",
        "https://user@crm.example.com/",
        "https://crm.example.com@evil.example/",
        "https://crm.example.com:pass@evil.example/",
        "https://evil.example\\@crm.example.com/",
        "https://evil.example\\.crm.example.net/",
        "https://crm.example.com./",
        "https://crm.example.com:port/",
        "https://crm.example.com /",
        "https://crm.example.com/a b",
        "https://crm.exa\u200bmple.com/",
        "https://crm.example。com/",
        "https://сrm.example.com/",  # a Cyrillic с
        "https://[::1/",
        "https:///crm.example.com/",
        "https://crm.example.com/a/../b",
        "https://crm.example.com/a/%2E%2e/b",
        "http://127.0.0.1:8001/",
        "http://127.0.0.1/",
        "http://localhost:8000/",
        "http://127.0.0.1:8000@evil.example/",
        "https://127.0.0.1:8000/",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(RefusedUrl):
        check_url(url, HOSTS)


@given(st.text(min_size=1))
def test_any_id_gives_a_page_of_its_own_below_the_template_or_none(value: str) -> None:
    try:
        url = page_url(TEMPLATE, "id", value, HOSTS)
    except RefusedUrl:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "crm.example.com", "", "")
    assert parts.path.count("/") == 2
    assert unquote(parts.path.removeprefix("/customers/")) == value
