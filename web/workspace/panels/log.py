"""The panel of the log: every message between the apps and the workspace, with a filter and a copy as JSON Lines."""

import asyncio

import js

from model.log import DOWN, UP
from panels.dom import by_id, element, time_of_day
from panels.part import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from model.log import Entry
    from panels.page import Page

# Rows that are in the DOM at once; the filter finds the others.
LOG_ROWS = 300


class LogPanel(Part):
    """The log's rows. What is new is appended; they are drawn anew for another filter, or when the log was cleared."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self.log = page.apps.log
        self.clicks = {"clear-log": self._clear, "copy-log": self._copy}
        self._filter = ""
        self._last = 0
        self._matched = 0
        self._source = ""  # of the row that was drawn last
        self._opened: set[int] = set()

    def set_filter(self, words: str) -> None:
        """Show only the messages that hold these words."""
        self._filter = words
        self.page.changed()

    def state(self) -> "Any":
        """Return what all rows depend on."""
        return self._filter, self.log.cleared

    def draw(self) -> None:
        """Begin anew."""
        by_id("log-rows").replaceChildren()
        self._last = self._matched = 0
        self._source = ""

    def update(self) -> None:
        """Append what is new."""
        log = self.log
        log.on_add = self._on_add
        before = self._drawn
        super().update()
        if self._drawn == before and self._last == log.total:
            return
        entries = log.filter(self._filter, self._last)
        self._last = log.total
        self._matched += len(entries)
        rows = by_id("log-rows")
        at_end = rows.scrollHeight - rows.scrollTop - rows.clientHeight < 40
        for entry in entries[-LOG_ROWS:]:
            rows.append(self._row(entry))
        for _ in range(rows.childElementCount - LOG_ROWS):
            rows.firstElementChild.remove()
        if at_end:
            rows.scrollTop = rows.scrollHeight
        words = str(log.total) + " messages"
        if self._filter:
            words = str(self._matched) + " of " + words
        if self._matched > LOG_ROWS:
            words += ", the last " + str(LOG_ROWS) + " shown"
        by_id("log-count").textContent = words

    def _on_add(self) -> None:
        # Many messages, one drawing; none while the panel is closed.
        if self.page.tools.shows("log"):
            self.page.changed_soon()
        else:
            self.log.on_add = None

    def _row(self, entry: "Entry") -> "Any":
        opened = entry.number in self._opened
        spans = [
            element("span", "log-time", time_of_day(entry.time)),
            element("span", "log-arrow", {UP: "→", DOWN: "←"}.get(entry.direction, "•")),
            element("span", "log-title", entry.title()),
        ]
        if entry.source != self._source:
            # Said once for all rows below it: most of the log is one app's.
            spans.append(element("span", "log-source", entry.source))
            self._source = entry.source
        head = element("button", "log-line", None, spans, type="button", data_row=entry.number, title=entry.source)
        head.setAttribute("aria-expanded", "true" if opened else "false")
        css = "log-row log-" + entry.direction + (" log-bad" if entry.is_error() else "")
        return element("div", css, None, [head, _body(entry)] if opened else [head])

    def toggle_row(self, head: "Any") -> None:
        """Show or hide the whole message of a row."""
        number = int(head.getAttribute("data-row"))
        if number in self._opened:
            self._opened.remove(number)
            head.setAttribute("aria-expanded", "false")
            head.nextElementSibling.remove()
            return
        self._opened.add(number)
        head.setAttribute("aria-expanded", "true")
        for entry in self.log.entries:
            if entry.number == number:
                head.parentElement.append(_body(entry))

    def _clear(self) -> None:
        self.log.clear()
        self.page.changed()

    def _copy(self) -> None:
        asyncio.create_task(self._write_to_clipboard(self.log.json_lines(self.log.filter(self._filter))))

    async def _write_to_clipboard(self, text: str) -> None:
        try:
            await js.navigator.clipboard.writeText(text)
            self.page.say("Copied as JSON Lines. It holds personal data: keep it on this machine.")
        except Exception:
            self.page.say("The browser does not let this page write to the clipboard.")


def _body(entry: "Entry") -> "Any":
    """Return the message as indented JSON."""
    return element("pre", "log-body", js.JSON.stringify(js.JSON.parse(entry.text()), None, 2))
