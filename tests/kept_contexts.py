"""Browser contexts that one test hands on to the next, as clean as a new one: to make another takes a third of a test's time.

    kept = KeptContexts()
    with kept.lend(browser, {"locale": "es"}) as context: ...

A context is handed on without pages, cookies and storage, where its test called nothing that lasts; else it is closed. What
Chromium has fetched and compiled is kept, as it is for an agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error

# What changes a context for the pages that come later.
_LASTING = (
    *(
        "add_init_script",
        "clear_permissions",
        "close",
        "expose_binding",
        "expose_function",
        "grant_permissions",
        "on",
        "once",
    ),
    *("route", "route_from_har", "route_web_socket", "set_default_navigation_timeout", "set_default_timeout"),
    *("set_extra_http_headers", "set_geolocation", "set_offline", "unroute", "unroute_all"),
)


class KeptContexts:
    """Lends each context to one test at a time."""

    def __init__(self) -> None:
        self._idle: dict[str, BrowserContext] = {}  # by browser and options
        self._changed: set[BrowserContext] = set()

    @contextmanager
    def lend(self, browser: Browser, options: dict[str, Any]) -> Iterator[BrowserContext]:
        """Return a clean context of the browser, made with these options of `Browser.new_context`."""
        name = f"{id(browser)} {sorted(options.items())!r}"
        context = self._idle.pop(name, None) or self._new(browser, options)
        try:
            yield context
        finally:
            if context not in self._changed and _cleaned(context):
                self._idle[name] = context
            else:
                context.close()
                self._changed.discard(context)

    def _new(self, browser: Browser, options: dict[str, Any]) -> BrowserContext:
        context = browser.new_context(**options)
        for name in _LASTING:
            setattr(context, name, self._noting(context, getattr(context, name)))
        return context

    def _noting(self, context: BrowserContext, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **named: Any) -> Any:
            self._changed.add(context)
            return call(*arguments, **named)

        return noted


def _cleaned(context: BrowserContext) -> bool:
    """Close the context's pages, remove what they stored; return False where the browser does not do it."""
    try:
        pages = context.pages or [context.new_page()]
        context.new_cdp_session(pages[0]).send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
        for page in pages:
            page.close()
        context.clear_cookies()
    except Error:
        return False
    return True
