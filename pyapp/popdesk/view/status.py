"""Draws what the page says of itself: the contact's state, the doctor line, missing permissions, theme and language.

status = Status(settings, say, language)
status.draw(state)      # page_state.PageState
"""

import js
from words import title

from popdesk.view.dom import by_id, element, rows, write

if False:
    from collections.abc import Callable
    from typing import Any

    from popdesk.page_state import PageState


class Status:
    """The lines above the customer, and the alerts at the end."""

    def __init__(self, settings: "dict[str, Any]", say: "Callable[..., str]", language: str) -> None:
        self._say = say
        self._asked: "list[str]" = settings["permissions"]
        self._facts: "list[tuple[str, str]]" = []  # what the doctor line's fold will show
        self._alerts: "list[tuple[str, str]]" = []
        js.document.documentElement.lang = language
        if language != "en":
            marked = js.document.querySelectorAll("[data-say]")
            for index in range(marked.length):
                marked[index].textContent = say(str(marked[index].dataset.say))
            by_id("cards").ariaLabel = say("cards")
        home = by_id("home")
        if settings["crm_home"]:
            home.href = settings["crm_home"]
        else:
            home.remove()
        by_id("late").remove()

    def draw(self, state: "PageState") -> None:
        """Draw what differs from what stands there."""
        say, now = self._say, state.contact.now
        text = say("life." + now)
        write(by_id("life-text"), say("life.hidden", life=text) if state.contact.hidden else text)
        by_id("life").dataset.life = now
        self._draw_theme(state.theme)
        self._draw_doctor(state)
        self._draw_alerts(state)

    def _draw_theme(self, theme: "str | None") -> None:
        """Follow the workspace's theme: "light", "dark", and for anything else the system's."""
        root = js.document.documentElement
        if theme in ("light", "dark"):
            root.dataset.mode = theme
        else:
            root.removeAttribute("data-mode")

    def _draw_doctor(self, state: "PageState") -> None:
        """Sum up what stands between the page and its data."""
        say, now, missing = self._say, state.contact.now, state.missing
        how = "outside" if now == "outside" else "waiting" if now == "starting" else "connected"
        parts = [say("doctor." + how)]
        if missing:
            parts.append(say("doctor.missing", names=", ".join(missing)))
        elif missing is not None:
            parts.append(say("doctor.permissions", granted=len(self._asked), asked=len(self._asked)))
        elif how == "connected":
            parts.append(say("doctor.unknown"))
        parts.append(say("doctor.sdk", version=state.sdk_version))
        line = by_id("doctor-line")
        write(line, " · ".join(parts))
        line.title = line.textContent
        by_id("doctor").dataset.tone = "warning" if missing or how == "outside" else ""
        none = say("doctor.none")
        granted = [name for name in self._asked if missing is not None and name not in missing]
        self._facts = [
            (say("doctor.granted"), ", ".join(granted) or none),
            (say("doctor.lacking"), ", ".join(missing or []) or none),
        ]
        if state.contact_id:
            self._facts.append((say("doctor.contact"), state.contact_id))
        self._facts.extend([(say("doctor.said"), text) for text in state.messages])
        if by_id("doctor").open:
            self.list_facts()

    def list_facts(self) -> None:
        """Fill the doctor line's fold, when it is opened."""
        by_id("doctor-facts").replaceChildren(*rows(self._facts))

    def _draw_alerts(self, state: "PageState") -> None:
        say, alerts = self._say, []
        for permission in state.missing or []:
            titles = [title(say, name) for name in state.titles_refused_for(permission)]
            alerts.append((permission, ", ".join(titles) or say("doctor.none")))
        if alerts == self._alerts:
            return
        self._alerts = alerts
        items = []
        for permission, cards in alerts:
            item = element("li")
            item.append(element("strong", say("alert.missing", permission=permission)))
            item.append(" " + say("alert.how", cards=cards))
            items.append(item)
        by_id("alerts-list").replaceChildren(*items)
        by_id("alerts").hidden = not items
