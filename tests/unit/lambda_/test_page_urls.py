"""The CRM's URLs: whatever the id is, the URL is on the allow-list and has the template's structure, or it is refused."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_urls import RefusedUrl, check_url, page_url

from tests.unit.pyapp.shared_allowed_hosts import ENTRIES, VECTORS

TEMPLATE = "https://crm.example.com/customers/{id}"
HOSTS = ["crm.example.com"]


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


@pytest.mark.parametrize(("url", "allowed"), [(url, allowed) for url, allowed, _ in VECTORS])
def test_the_allow_lists_rule_is_the_pages_and_the_settings(url: str, allowed: bool) -> None:
    if allowed:
        check_url(url, ENTRIES)
    else:
        with pytest.raises(RefusedUrl):
            check_url(url, ENTRIES)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://evil.example\\@crm.example.com/",
        "https:\\\\crm.example.com/",
        "https:/crm.example.com/",
        "https:crm.example.com/",
        " https://crm.example.com/",
        "https://crm.example.com /",
        "https://crm.example.com/a b",
        "https://crm.example.com/\t",
        "https://crm.exa\u200bmple.com/",
        "https://crm.example。com/",
        "https://сrm.example.com/",  # a Cyrillic с
        "https://crm.example.com/a/../b",
        "https://crm.example.com/a/%2E%2e/b",
        "https://[::1/",
        "https://a%2eb.pages.example.org/",
        "https://*.pages.example.org/",
        "https://xn--a.pages.example.org/",  # invalid Punycode: some browsers refuse it
        "http://127.1:8000/",
        "http://2130706433:8000/",
    ],
)
def test_what_only_a_browser_can_read_is_refused(url: str) -> None:
    with pytest.raises(RefusedUrl):
        check_url(url, ENTRIES)


@given(st.text(min_size=1))
def test_any_id_gives_its_own_page_or_none(value: str) -> None:
    try:
        url = page_url(TEMPLATE, "id", value, HOSTS)
    except RefusedUrl:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "crm.example.com", "", "")
    assert parts.path.count("/") == 2
    assert unquote(parts.path.removeprefix("/customers/")) == value
