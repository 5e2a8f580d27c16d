"""The browser around the page where it is neither the Connect SDK nor the DOM: URLs, storage, frame, callbacks, tasks.

parse_url("https://crm.example.com/7")      # -> {"host": "crm.example.com", ...}, None for what is no URL
element.addEventListener("click", callback(clicked))
"""

import asyncio
import json
import time
from asyncio import core  # type: ignore[attr-defined]  # MicroPython's

import js
from jsffi import create_proxy

if False:
    from collections.abc import Callable
    from typing import Any


def callback(function: "Callable[[Any], Any]") -> "Any":
    """Return `function`, which takes one value, as JavaScript may call it: with any number of values.

    MicroPython leaves out what is undefined at the end of a call, so that a function may get fewer than it was called with:
    it is given None then. It must not raise: JavaScript would get the exception.
    """

    def call(value: "Any" = None, *_: "Any") -> "Any":
        return function(defined(value))

    return create_proxy(call)


def defined(value: "Any") -> "Any":
    """Return the value, None for JavaScript's undefined: that has a type of its own in MicroPython, and is true."""
    return None if type(value).__name__ == "undefined" else value


def run_tasks() -> None:
    """Run the tasks that are due, now: what waits for an answer is drawn with it.

    By itself, asyncio runs them from a timer that browsers hold back by 4 ms, and that every further answer puts off.
    Nothing is done where a task is running, which would never go on: an answer comes in the middle of one when the
    browser's event loop goes on inside a call (Firefox's does while it opens a window). It is run after that task.
    """
    if core.cur_task is core._top_level_task:
        core._run_iter()


async def next_task() -> None:
    """Let the browser paint and send what it has, and go on in its next task.

    asyncio.sleep() does not do that where the processor is slow: its time has come when asyncio looks, and it goes on at once.
    """
    turn = asyncio.Event()

    def go_on(_: "Any") -> None:
        turn.set()
        run_tasks()

    js.setTimeout(callback(go_on), 0)
    await turn.wait()


def parse_url(url: str) -> "dict[str, str] | None":
    """Return an absolute URL's parts as the browser reads them (screenpop.py's `parse`), or None."""
    parsed = js.URL.parse(url)
    if not parsed:
        return None
    parts = ("protocol", "host", "origin", "username", "password", "href")
    return {part: str(getattr(parsed, part)) for part in parts}


async def fetch_json(url: str, seconds: float) -> "Any":
    """Return what a JSON file of the page's own holds. Raises an exception where it does not come in that time."""

    async def text() -> str:
        return str(await (await js.fetch(url)).text())

    return json.loads(await asyncio.wait_for(text(), seconds))


def language() -> str:
    """Return the browser's language, "en-US"."""
    return str(js.navigator.language)


def locale(language: str) -> str:
    """Return the locale to write numbers and times in: the browser's where it is one of the page's language ("es-MX" for "es").

    Made from its language and region alone, so that Intl takes it: it throws for what is no language tag (BCP 47), which
    browsers have had here ("en-US@posix").
    """
    parts = str(js.navigator.language).split("@")[0].split("-")
    region = parts[-1].upper()
    known = parts[0].lower() == language and len(parts) > 1 and len(region) == 2
    return language + "-" + region if known and all("A" <= letter <= "Z" for letter in region) else language


def soon(do: "Callable[[], None]") -> None:
    """Call `do()` in a moment, outside all asyncio tasks."""
    js.setTimeout(callback(lambda _: do()), 0)


def is_visible() -> bool:
    """Return whether the browser shows this page's tab: agents keep theirs in the background too."""
    return str(js.document.visibilityState) == "visible"


PILOT_SERVICE = "?service=pilot"  # where the service is the pilot's (ops/cloud/template_pilot.yaml)


def is_service() -> bool:
    """Return whether this page was opened as the workspace's service (ops/cloud/template_service.yaml)."""
    return str(js.location.search) in ("?service", PILOT_SERVICE)


def now() -> float:
    """Return the time in ms since 1970. JavaScript's own number would be cut off on its way."""
    return time.time() * 1000


def elapsed() -> float:
    """Return the ms since the page was asked for."""
    return float(js.performance.now())


def is_top_level() -> bool:
    """Return whether this page is in no frame: opened by itself, outside any workspace."""
    return bool(getattr(js.Object, "is")(js.window.parent, js.window))


# What is kept in this tab, a list each: a reload of the workspace makes the page anew, not the contact.
_MOST = 50


async def load_kept(name: str) -> "list[Any]":
    """Return the list that `save_kept` has kept in this tab; an empty one where the browser denies a frame its storage."""
    try:
        kept = json.loads((await _storage()).getItem("popdesk." + name) or "[]")
        return kept if isinstance(kept, list) else []
    except Exception:
        return []  # denied, or not ours: then a reload may pop once more


async def save_kept(name: str, values: "list[Any]") -> None:
    """Keep the last 50 of a list for this tab's life."""
    try:
        (await _storage()).setItem("popdesk." + name, json.dumps(values[-_MOST:]))
    except Exception:
        return  # denied: see load_kept()


def _storage() -> "Any":
    # A denied storage throws at the mere look at it, which Python cannot catch; a promise's rejection it can.
    return getattr(js.Promise, "try")(js.Reflect.get(js.Reflect, "get"), js.window, "sessionStorage")
