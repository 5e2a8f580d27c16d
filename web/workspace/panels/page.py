"""The page: puts its parts together, draws what has changed, and turns clicks and forms into commands.

    page = Page(apps)
    page.start(commands.command)      # listens; draws when something changed, once per animation frame

One listener per kind of event serves the whole page (no handler is made per element, so none is left behind).
Elements say what they do in `data-do`, `data-change` and `data-form`; every one of them ends in a command.
"""

import asyncio
import json

import js
from jsffi import create_proxy

from model.desk import NotPossible
from panels.app_tabs import AppTabs
from panels.contact_list import ContactBar, ContactList
from panels.dom import by_id, duration, elements, filled_in, listed, sentence
from panels.header import Banner, Header
from panels.offer import Offer
from panels.tools import Tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from panels.part import Part
    from protocol.apps import Apps
    from protocol.instance import Instance

# How long the messages of apps are gathered before they are drawn, ms.
NEWS_DELAY = 150
TOAST_SECONDS = 6


class Page:
    """The page and its parts."""

    def __init__(self, apps: "Apps") -> None:
        self.apps = apps
        self.banner = Banner(self)
        self.offer = Offer(self)
        self.tabs = AppTabs(self)
        self.tools = Tools(self)
        self._parts: list[Part] = [
            Header(self),
            self.banner,
            ContactList(self),
            ContactBar(self),
            self.tabs,
            self.tools,
        ]
        self._clicks: dict[str, Callable[..., None]] = {}
        self._forms: dict[str, Callable[[dict[str, str]], tuple[str, dict[str, Any]] | None]] = {}
        for part in self._parts + [self.offer] + list(self.tools.panels.values()):
            self._clicks.update(part.clicks)
            self._forms.update(part.forms)
        self._changed = False
        self._news_waits = False
        self._toast_number = 0
        self._draw_proxy = create_proxy(self._draw)
        self._news_proxy = create_proxy(self._draw_news)
        self._tick_proxy = create_proxy(self._tick)
        self._listeners: list[Any] = []

    def start(self, command: "Callable[[str, dict[str, Any]], Awaitable[Any]]") -> None:
        """Listen to the page and draw it; `command` does a command."""
        self._command = command
        listeners = (("click", self._click), ("change", self._change), ("submit", self._submit), ("input", self._input))
        for kind, handler in listeners:
            proxy = create_proxy(handler)
            self._listeners.append(proxy)
            js.document.addEventListener(kind, proxy)
        js.setInterval(self._tick_proxy, 1000)
        self.changed()

    def changed(self) -> None:
        """Draw what has changed at the next animation frame."""
        if not self._changed:
            self._changed = True
            js.requestAnimationFrame(self._draw_proxy)

    def changed_soon(self) -> None:
        """The same for messages of apps: many of them, one drawing, and none while an app waits for its answers."""
        if not self._news_waits:
            self._news_waits = True
            js.setTimeout(self._news_proxy, NEWS_DELAY)

    def _draw_news(self) -> None:
        self._news_waits = False
        self.changed()

    def _draw(self, *_: "Any") -> None:
        self._changed = False
        for part in self._parts:
            part.update()

    def _tick(self, *_: "Any") -> None:
        now = self.apps.desk.clock()
        for timer in elements(".timer"):
            timer.textContent = duration(now - float(timer.getAttribute("data-since")))

    # -- what is shown -------------------------------------------------------------------------------------------------

    def open_panel(self, name: str = "", filter: str | None = None) -> None:
        """Open a panel by name, or close it for ""; `filter` is the log's."""
        self.tools.open(name)
        if filter is not None:
            by_id("log-filter").value = filter
            self.tools.log.set_filter(filter)

    def show_problem(self, subject: str = "", reason: str = "", hint: str = "") -> None:
        """Show a banner, or hide it for ""."""
        self.banner.problem = (subject, reason, hint) if subject else None
        self.changed()

    def show_failure(self, instance: "Instance", message: str) -> None:
        """Show where an app was that it ended with a fatal error."""
        self.tabs.failures[instance.contact_id] = instance.app.name + " closed after a fatal error. " + message
        self.changed()

    def say(self, text: str) -> None:
        """Show a message for some seconds."""
        toast = by_id("toast")
        toast.textContent = text
        toast.hidden = False
        self._toast_number += 1
        asyncio.create_task(self._hide_toast(self._toast_number))

    async def _hide_toast(self, number: int) -> None:
        await asyncio.sleep(TOAST_SECONDS)
        if number == self._toast_number:
            by_id("toast").hidden = True

    # -- what the agent does -------------------------------------------------------------------------------------------

    def do(self, name: str, args: "dict[str, Any]") -> None:
        """Do a command; show why it cannot be done."""
        asyncio.create_task(self._do(name, args))

    async def _do(self, name: str, args: "dict[str, Any]") -> None:
        try:
            await self._command(name, args)
        except NotPossible as error:
            self.say(sentence(error))
        self.changed()

    def _click(self, event: "Any") -> None:
        target = event.target.closest("[data-do],[data-panel],[data-row]")
        if target is None:
            return
        if target.hasAttribute("data-panel"):
            self.open_panel(target.getAttribute("data-panel"))
        elif target.hasAttribute("data-row"):
            self.tools.log.toggle_row(target)
        else:
            name = target.getAttribute("data-do")
            text = target.getAttribute("data-args")
            args = json.loads(text) if text else {}
            if name in self._clicks:
                self._clicks[name](**args)
            else:
                self.do(name, args)

    def _change(self, event: "Any") -> None:
        target = event.target
        if target.id == "offer-customer":
            self.offer.show_fields()
        elif target.hasAttribute("data-permission"):
            permission = target.getAttribute("data-permission")
            self.do("grant" if target.checked else "withdraw", {"permission": permission})
        elif target.hasAttribute("data-change"):
            self.do(target.getAttribute("data-change"), {target.getAttribute("data-arg"): target.value})

    def _input(self, event: "Any") -> None:
        if event.target.id == "log-filter":
            self.tools.log.set_filter(event.target.value)

    def _submit(self, event: "Any") -> None:
        form = event.target
        name = form.getAttribute("data-form")
        if not name:
            return
        event.preventDefault()
        fields = {}
        for field in listed(form.elements):
            if field.name and field.type not in ("submit", "button") and (field.type != "checkbox" or field.checked):
                fields[field.name] = field.value
        if event.submitter is not None and event.submitter.name:
            fields[event.submitter.name] = event.submitter.value
        try:
            asked = self._forms[name](fields) if name in self._forms else (name, filled_in(fields))
        except ValueError:
            self.say("This is no JSON.")
            return
        if asked is not None:
            self.do(*asked)
