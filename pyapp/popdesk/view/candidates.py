"""Draws the customers among whom the agent chooses, in the customer's box, where the look-up found several.

candidates = Candidates(say, masked)
candidates.draw([{"id": "C-1", "name": "Ana"}], "")         # a button for each; a click is `data-do=choose data-about=id`
candidates.draw(None, "The customers cannot be looked up now.")
"""

import js

from popdesk.values import LONGEST, shorten
from popdesk.view.dom import by_id, element, write

if False:
    from collections.abc import Callable
    from typing import Any


class Candidates:
    """The list. With `masked` it has the customers' ids alone, as the setting mask_personal_data wants."""

    def __init__(self, say: "Callable[..., str]", masked: bool) -> None:
        self._say = say
        self._masked = masked
        self._list = element("ul", "", className="candidates")
        self._note = element("p", "", role="status")
        self._again = element("button", say("choose.again"), type="button", className="quiet-button", hidden=True)
        self._again.setAttribute("data-do", "choose")
        self._again.setAttribute("data-about", "")
        self._section = element("div", "", id="candidates", hidden=True)
        self._section.append(self._note, self._list, self._again)
        by_id("customer-note").after(self._section)
        self._drawn: "Any" = None

    def draw(self, found: "list[dict[str, str]] | None", text: str, chosen: bool = False) -> None:
        """Draw who may be chosen, None for nobody, and what is to be said; `chosen`: somebody is, and may be changed."""
        if (found, text, chosen) == self._drawn:
            return
        self._drawn = (found, text, chosen)
        made = []
        for customer in found or []:
            name = "" if self._masked else customer["name"]
            label = name + " (" + customer["id"] + ")" if name else customer["id"]
            button = element("button", shorten(label, LONGEST), type="button", className="quiet-button")
            button.setAttribute("data-do", "choose")
            button.setAttribute("data-about", customer["id"])
            row = element("li")
            row.append(button)
            made.append(row)
        had_focus = bool(self._section.contains(js.document.activeElement))
        self._section.hidden = not (made or text or chosen)
        self._again.hidden = not chosen
        self._list.replaceChildren(*made)
        self._list.ariaLabel = self._say("choose")
        write(self._note, text)
        if had_focus:
            # The button that was pressed is gone: the keyboard goes on where the choice is now.
            first = self._section.querySelector("button:not([hidden])")
            if first:
                first.focus()

    def busy(self, is_busy: bool) -> None:
        """Say that a choice is under way; a button that was disabled would lose the focus."""
        self._section.ariaBusy = "true" if is_busy else "false"
        buttons = self._list.querySelectorAll("button")
        for index in range(buttons.length):
            buttons[index].ariaDisabled = "true" if is_busy else "false"
