"""Draws numbers on cards that can be called, and what becomes of a call: of pages alone that have such numbers.

made = number_button(say, "+12065550100", "+1 206 555 0100")
let_dial(True)                                  # the permission is granted
dialed = Dialed(button, say)
if dialed.may_begin():
    await dialed.done(handling.do("dial", [number, True, ""], dialed.key))
"""

import js

from popdesk.desk import Unanswered
from popdesk.view.dom import element

if False:
    from collections.abc import Awaitable, Callable
    from typing import Any

# Milliseconds in which the second click of two that were meant as one calls nobody.
_DOUBLE_CLICK = 700


_granted = [False]  # whether a number may be called


def let_dial(may: bool) -> None:
    """Let the numbers on cards be called, or have them read alone."""
    if _granted[0] != may:
        _granted[0] = may
        found = js.document.querySelectorAll("[data-do=dial]")
        for index in range(found.length):
            found[index].disabled = not may


def number_button(say: "Callable[..., str]", number: str, text: str) -> "Any":
    """Return a button that calls a number: dom.on_click hears it as `dial`. Where none may be called it is no more than text."""
    made = element("button", text, type="button", className="number", disabled=not _granted[0])
    made.dataset.do = "dial"
    made.dataset.about = number
    made.ariaLabel = say("dial.call", number=text)
    return made


class Dialed:
    """One number's button, clicked: what came of it stands behind it."""

    def __init__(self, target: "Any", say: "Callable[..., str]") -> None:
        self._button = target.closest("button")
        self._say = say
        self.key = ""

    def may_begin(self) -> bool:
        """Return whether to call now: not while it is under way, nor for a double click. What is tried again has its key."""
        button = self._button
        now = js.performance.now()
        if button.ariaBusy == "true" or now < float(button.getAttribute("data-until") or 0):
            return False
        # After an answer that did not come, trying again must not call twice (handling.py).
        self.key = str(button.getAttribute("data-key") or "") or "dial-" + str(now)
        button.dataset.key = self.key
        button.ariaBusy = "true"
        said = button.nextSibling
        if not said:
            said = element("small", role="status")
            button.after(said)
        self._said = said
        said.textContent = " " + self._say("dial.busy")
        return True

    async def done(self, call: "Awaitable[Any]") -> None:
        """Wait for the call, and say what came of it."""
        text = ""
        try:
            await call
            self._button.dataset.key = ""
        except Unanswered as error:
            text = error.reason if error.kind == "failed" else ""
            if error.kind == "refused" and error.permission:
                text = self._say("card.refused", permission=error.permission)
            text = text or self._say("card." + error.kind)
        finally:
            self._button.ariaBusy = "false"
            self._button.dataset.until = str(js.performance.now() + _DOUBLE_CLICK)
        self._said.textContent = " " + (text or self._say("dial.done"))
