"""A test finds nothing in its browser context that another one left there (tests/kept_contexts.py)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext

from ops.preview.server import Preview
from tests.kept_contexts import KeptContexts

pytestmark = pytest.mark.browser

_STORE = """async () => {
  localStorage.kept = sessionStorage.kept = document.cookie = "kept=1";
  await caches.open("kept");
  await new Promise((done, failed) => Object.assign(indexedDB.open("kept"), { onsuccess: done, onerror: failed }));
}"""
_STORED = """async () => [
  localStorage.length, sessionStorage.length, document.cookie, await caches.keys(),
  (await indexedDB.databases()).map((each) => each.name), window.name, window.left,
]"""


def test_a_context_that_is_handed_on_is_empty(browser: Browser, preview: Preview) -> None:
    kept, asked = KeptContexts(), list[str]()
    with kept.lend(browser, {}) as first:
        first.on("request", lambda request: asked.append(request.url))
        first.route("**/*.nothing", lambda route: route.fulfill(status=200))
        page = first.new_page()
        page.goto(preview.workspace_url)
        empty = page.evaluate(_STORED)
        page.evaluate(_STORE)
        assert page.evaluate(_STORED) != empty
        first.new_page()
    assert asked
    asked.clear()
    with kept.lend(browser, {}) as second:
        assert second is first
        assert second.pages == []
        page = second.new_page()
        page.goto(preview.workspace_url)
        assert page.evaluate(_STORED) == empty
        assert page.evaluate("async () => (await fetch('a.nothing')).status") == 404
        assert asked == []
        with kept.lend(browser, {}) as beside:
            assert beside is not second
    with kept.lend(browser, {"locale": "es"}) as other:
        assert other is not first


@pytest.mark.parametrize(
    "change",
    [
        lambda context: context.add_init_script("window.left = 1"),
        lambda context: context.grant_permissions(["clipboard-read"]),
        lambda context: context.set_extra_http_headers({"X-Left": "1"}),
        lambda context: context.set_offline(True),
        lambda context: context.close(),
    ],
    ids=["script", "permission", "headers", "offline", "closed"],
)
def test_a_context_that_was_changed_is_not_handed_on(
    browser: Browser, change: Callable[[BrowserContext], None]
) -> None:
    kept = KeptContexts()
    with kept.lend(browser, {}) as first:
        change(first)
    with kept.lend(browser, {}) as second:
        assert second is not first
        second.new_page().goto("data:text/html,<p>here")
