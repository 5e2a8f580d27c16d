"""The start-up benchmark's observer counts a value when an agent could see it, not when it stands in the document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.bench.instrument import CHANGED, REPORT, observed

pytestmark = pytest.mark.browser

ADDRESS = "http://observed.test/"
WANTED = ["Ada Byron", "+12065550173"]
PAGE = """<!doctype html><title>page</title><body><p>Ready</p><div id="rest" hidden><p id="name"></p><p id="number"></p></div>"""
POLICY = {"Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'"}


@pytest.fixture
def reports(page: Page) -> list[dict[str, Any]]:
    """An app whose values come into a part of the page that is hidden; gives what its observer tells."""
    files, headers = observed({"index.html": PAGE.encode()}, POLICY, WANTED)
    told: list[dict[str, Any]] = []

    def serve(route: Route) -> None:
        if route.request.method == "POST":
            assert route.request.url.endswith(REPORT)
            told.append(json.loads(route.request.post_data or ""))
            route.fulfill(status=204)
        else:
            route.fulfill(status=200, content_type="text/html", headers=headers, body=files["index.html"].decode())

    page.route(f"{ADDRESS}**", serve)
    page.goto(ADDRESS)
    return told


def test_a_value_counts_when_it_is_visible(page: Page, reports: list[dict[str, Any]]) -> None:
    page.evaluate("document.getElementById('name').textContent = 'Ada Byron'")
    page.evaluate("document.getElementById('number').textContent = '+1 206 555 0173'")
    expect(page.locator("#number")).to_have_text("+1 206 555 0173")
    assert reports == []
    with page.expect_response(f"**{REPORT}"):
        shown = page.evaluate("rest.hidden = false, performance.timeOrigin + performance.now()")
    assert sorted(reports[0]["seen"]) == sorted(WANTED)
    # The clock of a page that is not isolated ticks in steps of 0.1 ms.
    assert all(when >= shown - 0.2 for when in reports[0]["seen"].values())
    assert reports[0]["paint"] > 0
    assert "adabyron" in reports[0]["shown"]


def test_it_tells_a_change_afterwards(page: Page, reports: list[dict[str, Any]]) -> None:
    with page.expect_response(f"**{REPORT}"):
        page.evaluate("rest.hidden = false; rest.textContent = 'Ada Byron +12065550173'")
    assert len(reports) == 1
    with page.expect_response(f"**{REPORT}"):
        page.evaluate(f"rest.textContent = '{CHANGED} to lunch'")
    assert list(reports[1]["seen"]) == [CHANGED]


def test_what_stands_there_from_the_first_counts(page: Page) -> None:
    files, _ = observed({"index.html": b"<!doctype html><body><p>Ada Byron, +12065550173</p>"}, {}, WANTED)
    page.route(f"{ADDRESS}**", lambda route: route.fulfill(content_type="text/html", body=files["index.html"].decode()))
    with page.expect_request(f"**{REPORT}") as told:
        page.goto(ADDRESS)
    assert sorted(json.loads(told.value.post_data or "")["seen"]) == sorted(WANTED)
