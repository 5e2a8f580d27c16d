"""Browser contexts that one test hands on to the next, as clean as a new one: to make another takes a third of a test's time.

    kept = KeptContexts()
    with kept.lend(browser, {"locale": "es"}) as context: ...

A context is handed on without pages, cookies, storage, routes and listeners, where its test called nothing else that lasts;
else it is closed, as Firefox's always is. What Chromium has fetched and compiled is kept, as it is for an agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error

# What changes a context for the pages that come later, and is not undone.
_LASTING = (
    *(
        "add_init_script",
        "clear_permissions",
        "close",
        "expose_binding",
        "expose_function",
        "grant_permissions",
        "once",
    ),
    *("route_from_har", "route_web_socket", "set_default_navigation_timeout", "set_default_timeout"),
    *("set_extra_http_headers", "set_geolocation", "set_offline"),
)


class KeptContexts:
    """Lends each context to one test at a time."""

    def __init__(self) -> None:
        self._idle: dict[str, BrowserContext] = {}  # by browser and options
        self._changed: set[BrowserContext] = set()
        self._listeners: dict[BrowserContext, list[tuple[Any, Any]]] = {}

    @contextmanager
    def lend(self, browser: Browser, options: dict[str, Any]) -> Iterator[BrowserContext]:
        """Return a clean context of the browser, made with these options of `Browser.new_context`."""
        name = f"{id(browser)} {sorted(options.items())!r}"
        context = self._idle.pop(name, None) or self._new(browser, options)
        try:
            yield context
        finally:
            if context not in self._changed and self._clean(context):
                self._idle[name] = context
            else:
                context.close()
                self._changed.discard(context)
                del self._listeners[context]

    def _new(self, browser: Browser, options: dict[str, Any]) -> BrowserContext:
        context = browser.new_context(**options)
        listeners = self._listeners[context] = []
        for name in _LASTING:
            setattr(context, name, _noting(getattr(context, name), lambda *_, **__: self._changed.add(context)))
        on = _noting(context.on, lambda event, listener: listeners.append((event, listener)))
        setattr(context, "on", on)  # noqa: B010  (what mypy lets nobody assign)
        return context

    def _clean(self, context: BrowserContext) -> bool:
        """Close the context's pages, remove what they stored; return False where the browser does not do it."""
        try:
            for event, listener in self._listeners[context]:
                context.remove_listener(event, listener)
            self._listeners[context].clear()
            context.unroute_all()
            pages = context.pages or [context.new_page()]
            context.new_cdp_session(pages[0]).send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
            for page in pages:
                page.close()
            context.clear_cookies()
        except Error:
            return False
        return True


def _noting(call: Callable[..., Any], note: Callable[..., object]) -> Callable[..., Any]:
    """Return the method, which `note` is told of with its arguments as well."""

    def noted(*arguments: Any, **named: Any) -> Any:
        note(*arguments, **named)
        return call(*arguments, **named)

    return noted
