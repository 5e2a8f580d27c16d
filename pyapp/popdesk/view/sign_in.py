"""The agent's sign-in in the browser: its button, the pop-up, the callback page's message, and our other frames.

edges = Edges(session.arrived, session.heard)        # what session.py calls the browser
SignInView(say).draw(session)
hand_over()                                          # on the callback page

The callback page is this page itself, at its own address: opened by the pop-up, outside any frame, it hands {state, code} to its
opener at exactly this origin and closes. The pop-up keeps its opener, so nothing here may send a Cross-Origin-Opener-Policy.
"""

import asyncio
import json

import js
from jsffi import to_js

from popdesk.browser import defined
from popdesk.sign_in import handed_over
from popdesk.view.dom import by_id, element, listen, write

if False:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from popdesk.session import Session

# The name of the channel between our frames, and how the callback page's message begins.
_NAME = "popdesk-sign-in"
_SIZE = "popup,width=480,height=680"
_SECONDS = 15  # for an answer of the provider


class Edges:
    """The browser, for session.py: `arrived(given)` gets what the callback page hands over, `heard(message)` our frames' news."""

    def __init__(self, arrived: "Callable[[dict[str, Any]], None]", heard: "Callable[[Any], None]") -> None:
        self.redirect_uri = str(js.location.origin) + "/"
        self._arrived = arrived
        self._heard = heard
        self._channel: "Any" = None
        self._popup: "Any" = None
        listen(js.window, "message", self._message)

    async def listen(self) -> None:
        """Listen to our other frames, where the browser lets frames speak to each other."""
        try:
            # It throws where storage is denied, which Python cannot catch; a promise's rejection it can.
            make = getattr(js.Promise, "try")
            self._channel = await make(js.Reflect.get(js.Reflect, "construct"), js.BroadcastChannel, to_js([_NAME]))
        except Exception:
            return  # then each contact has its own button
        listen(self._channel, "message", lambda event: self._heard(_json(event.data)))

    def tell(self, message: "dict[str, Any]") -> None:
        """Say something to our other frames."""
        if self._channel:
            self._channel.postMessage(json.dumps(message))

    def _message(self, event: "Any") -> None:
        """Take the callback page's message: from our own origin, and from the pop-up that was opened last."""
        text = event.data
        if str(event.origin) != str(js.location.origin) or not isinstance(text, str) or text[: len(_NAME)] != _NAME:
            return
        if self._popup and getattr(js.Object, "is")(event.source, self._popup):
            given = _json(text[len(_NAME) :])
            if isinstance(given, dict):
                self._arrived(given)

    def random(self) -> bytes:
        """Return 32 bytes that nobody can guess."""
        made = js.Uint8Array.new(32)
        js.crypto.getRandomValues(made)
        return bytes([int(made[index]) for index in range(32)])

    def open(self, url: str) -> "Awaitable[Any]":
        """Open the pop-up, now; return what is awaited for it: None where the browser or the frame's sandbox keeps it back."""
        self._popup = None
        # Promise.try calls it in this very task, so that it counts as the agent's click; Firefox throws in a sandbox.
        opened = getattr(js.Promise, "try")(js.Reflect.get(js.window, "open"), url, _NAME, _SIZE)
        return self._opened(opened)

    async def _opened(self, opened: "Any") -> "Any":
        try:
            self._popup = defined(await opened)
        except Exception:
            self._popup = None
        return self._popup

    def is_closed(self, popup: "Any") -> bool:
        """Return whether the pop-up is closed, or cut off from us."""
        return bool(popup.closed)

    def close(self, popup: "Any") -> None:
        """Close the pop-up."""
        if popup:
            popup.close()

    async def post(self, url: str, body: str) -> "tuple[int, str]":
        """Return status and text of the token endpoint's answer. Raises an exception where there is none in time."""
        options = {
            "method": "POST",
            "headers": {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            "body": body,
            "credentials": "omit",
            "cache": "no-store",
            "redirect": "error",
            "signal": js.AbortSignal.timeout(_SECONDS * 1000),
        }
        response = await js.fetch(url, to_js(options))
        return int(response.status), str(await response.text())

    def now(self) -> float:
        """Return this page's clock, in seconds; nobody sets it."""
        return float(js.performance.now()) / 1000

    def today(self) -> float:
        """Return the machine's time in seconds since 1970."""
        # As text: MicroPython truncates JavaScript's whole numbers of 2**31 and more.
        return float(json.loads(str(js.JSON.stringify(js.performance)))["timeOrigin"]) / 1000 + self.now()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class SignInView:
    """Draws the line with the button, above the cards, while the agent is not signed in."""

    def __init__(self, say: "Callable[..., str]") -> None:
        self._say = say
        self._text = element("p", "", role="status")
        self._button = element("button", say("sign.in"), type="button", className="quiet-button")
        self._button.setAttribute("data-do", "sign-in")
        self._section = element("section", "", id="sign-in", className="note", hidden=True)
        self._section.append(self._text, self._button)
        by_id("hero").after(self._section)

    def draw(self, session: "Session") -> None:
        """Draw what the session is."""
        say = self._say
        self._section.hidden = session.state == "in"
        key = "sign.busy" if session.state == "busy" else "sign." + (session.reason or "needed")
        self._section.dataset.tone = "warning" if session.reason else "info"
        self._button.disabled = session.state == "busy"
        write(self._text, say(key))


def hand_over() -> bool:
    """Hand what the provider has sent to the page that opened this one, and close; return whether this is such a page."""
    opener = defined(js.window.opener)
    given = js.URLSearchParams.new(js.location.search)
    found = {name: str(given.get(name)) for name in ("state", "code", "error") if given.has(name)}
    if not opener or "state" not in found:
        return False
    js.history.replaceState(None, "", "/")  # the code stands in the address no longer than it must
    opener.postMessage(_NAME + json.dumps(handed_over(found)), js.location.origin)
    js.window.close()
    return True


def _json(text: "Any") -> "Any":
    try:
        return json.loads(str(text))
    except ValueError:
        return None
