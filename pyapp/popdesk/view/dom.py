"""The DOM's small helpers: elements found, made, filled and listened to."""

import asyncio

import js

from popdesk.browser import callback
from popdesk.values import LONGEST, shorten

if False:
    from collections.abc import Callable, Sequence
    from typing import Any

by_id = js.document.getElementById
_new = js.document.createElement
_listening: "list[tuple[Any, str, Any]]" = []  # what close() ends


def element(name: str, text: str = "", **properties: "Any") -> "Any":
    """Return a new element with this text and these properties."""
    made = _new(name)
    if text:
        made.textContent = text
    for key in properties:
        setattr(made, key, properties[key])
    return made


def rows(pairs: "Sequence[tuple[str, str]]") -> "list[Any]":
    """Return the rows of a <dl>: a name and a value each."""
    made = []
    for name, value in pairs:
        row = element("div")
        row.append(element("dt", name), element("dd", value))
        made.append(row)
    return made


def put(target: "Any", text: str) -> None:
    """Put a text in, cut where it is very long and whole in the tooltip."""
    target.textContent = shorten(text, LONGEST)
    target.title = text if len(text) > 24 else ""


def write(target: "Any", text: str) -> None:
    """Put a text in unless it stands there: said again, a screen reader would read it again."""
    if target.textContent != text:
        target.textContent = text


async def parsed() -> None:
    """Wait until the page's HTML is all there: its Python may be quicker where the network is slow and the cache full."""
    if str(js.document.readyState) == "loading":
        whole = asyncio.Event()
        js.document.addEventListener("DOMContentLoaded", callback(lambda _: whole.set()))
        await whole.wait()


def reveal() -> None:
    """Show the whole page: the first frame had its status line alone (web/first.css)."""
    by_id("page").removeAttribute("data-wait")


def listen(target: "Any", event: str, handler: "Callable[[Any], Any]") -> None:
    """Call `handler` with each such event, until close()."""
    proxy = callback(handler)
    _listening.append((target, event, proxy))
    target.addEventListener(event, proxy)


def on_click(handlers: "dict[str, Callable[[Any, Any], Any]]") -> None:
    """Call handlers[what](event, about) for a click in an element marked `data-do=what data-about=about`."""

    def clicked(event: "Any") -> None:
        target = event.target.closest("[data-do]")
        if target:
            handlers[target.getAttribute("data-do")](event, target.getAttribute("data-about"))

    listen(js.document, "click", clicked)


def on_error(failed: "Callable[[str, object], None]") -> None:
    """Call failed(where, error) for errors in callbacks, which only the browser's window hears of."""
    listen(js.window, "error", lambda event: failed("page", event.error or str(event.message)))
    listen(js.window, "unhandledrejection", lambda event: failed("page", event.reason or "rejection"))


def close() -> None:
    """End all listening."""
    for target, event, proxy in _listening:
        target.removeEventListener(event, proxy)
    _listening.clear()
