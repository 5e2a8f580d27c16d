"""Opens windows and copies links: what JavaScript may throw at, which Python cannot catch.

open_window(url, window, features, lambda came: ...)      # "opened", "blocked" or "barred"
copy_text(url, lambda came: ...)                          # "copied" or "uncopied"
"""

import js
from jsffi import to_js

from popdesk.screenpop import engine_of

if False:
    from collections.abc import Callable, Generator
    from typing import Any

    from popdesk.screenpop import Window


def screen() -> "tuple[int, int, int, int]":
    """Return what the screen has free: (left, top, width, height) in pixels."""
    free = js.screen
    left, top = getattr(free, "availLeft", 0), getattr(free, "availTop", 0)
    return int(left), int(top), int(free.availWidth), int(free.availHeight)


def engine() -> str:
    """Return the browser's engine, as screenpop.py calls it."""
    navigator = js.navigator
    return engine_of(str(navigator.userAgent), bool(js.Reflect.has(navigator, "userAgentData")))


def workspace_site() -> str:
    """Return the site of the outermost page, whose pop-ups the browser allows or blocks; "" where it is not known."""
    above = getattr(js.location, "ancestorOrigins", None)
    if above and above.length:
        return str(above[above.length - 1])
    referrer = js.URL.parse(str(js.document.referrer))
    return str(referrer.origin) if referrer else ""


def open_window(url: str, window: "Window", features: str, done: "Callable[[str], None]") -> None:
    """Open a checked URL in a screenpop.Window and call `done` with the result.

    It is "opened", "blocked" (by the browser's pop-up blocker) or "barred" (by the frame's sandbox).

    Not to be called in an asyncio task: Firefox goes on with its event loop while it opens a window, so that answers of
    the workspace arrive meanwhile, and with them other tasks run.
    """
    _drive(_opening(url, window, features, done))


def _opening(url: str, window: "Window", features: str, done: "Callable[[str], None]") -> "Generator[Any, Any, None]":
    """Open the window blank, send it to the URL and cut it off, all before the browser begins to load.

    With `noopener` among its features the browser would give no window back, and a blocked one could not be told from
    an opened one. Cut off before it is sent, a window that inherits this frame's sandbox cannot be sent any more.
    """
    # Whether the agent has just clicked: then no blocker is in the way, only a sandbox without allow-popups. Chromium
    # gives no window in either case, Firefox throws in the second.
    clicked = js.navigator.userActivation.isActive
    target = yield js.window, "open", ("", window.name, features)
    if target is _THREW or not target:
        came = "barred" if clicked or target is _THREW else "blocked"
    else:
        set_to = yield js.Reflect, "set", (target, "location", url)
        if set_to is True and window.cut_off:
            set_to = yield js.Reflect, "set", (target, "opener", None)
        came = "opened" if set_to is True else "barred"
        if came == "barred":
            target.close()
        elif not window.cut_off:
            target.focus()  # it may have been there before, behind others
    done(came)


def copy_text(text: str, done: "Callable[[str], None]") -> None:
    """Copy a text and call `done` with "copied" or "uncopied": denied by the browser or the frame."""
    _drive(_copying(text, done))


def _copying(text: str, done: "Callable[[str], None]") -> "Generator[Any, Any, None]":
    clipboard = js.navigator.clipboard
    written = yield js.Reflect, "apply", (js.Reflect.get(clipboard, "writeText"), clipboard, to_js([text]))
    done("uncopied" if written is _THREW else "copied")


# The result of a step of `_drive` that threw.
_THREW = object()


def _drive(steps: "Generator[Any, Any, None]") -> None:
    """Run a generator in which every `yield owner, method, values` is a call in JavaScript that may throw.

    The yield gives what the call returned, awaited if it was a promise, or _THREW: Python could not catch what JavaScript
    throws into it. The steps follow each other without a task of the browser between them, where none awaits one; asyncio
    would put a timer there.
    """

    def go_on(value: "Any" = None, *_: "Any") -> None:
        try:
            owner, method, values = steps.send(value)
        except StopIteration:
            return
        # Through Reflect.get: as an attribute the method would be a Python one, and throw inside Python.
        getattr(js.Promise, "try")(js.Reflect.get(owner, method), *values).then(go_on, threw)

    def threw(error: "Any" = None, *_: "Any") -> None:
        go_on(_THREW)

    go_on()
