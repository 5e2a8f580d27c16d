"""The log of everything that crosses a port, both ways: kept cheaply, shown and copied on request. Pure.

    log = Log()
    log.add(1763700000000.5, UP, "Popdesk 1", '{"type": "request", "command": "agent/getName"}')
    [entry.title() for entry in log.filter("getName")]      # -> ["request agent/getName"]
    log.json_lines(log.entries)                             # one JSON object a line

An entry keeps the message as it came (JSON text, or a dict that nobody changes any more): nothing is formatted until
somebody looks. It holds personal data, so it stays in this page: nothing here writes to the console or to a server.
"""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

UP = "up"  # from the app to the workspace
DOWN = "down"  # from the workspace to the app
NOTE = "note"  # something the workspace itself did or saw
# How many characters of messages are kept: some two thousand messages.
CAPACITY = 1000000
MOST_ENTRIES = 20000  # however short they are


class Entry:
    """One message: `time` in ms since 1970, direction, the app instance's label, and the message."""

    __slots__ = ("about", "direction", "message", "number", "source", "time")

    def __init__(
        self, number: int, time: float, direction: str, source: str, message: "str | dict[str, Any]", about: str
    ) -> None:
        self.number = number
        self.time = time
        self.direction = direction
        self.source = source
        self.message = message
        self.about = about

    def text(self) -> str:
        """Return the message as JSON text."""
        return self.message if isinstance(self.message, str) else json.dumps(self.message)

    def value(self) -> "dict[str, Any]":
        """Return the message as a dict; what is no dict stands in one as "value"."""
        value = json.loads(self.message) if isinstance(self.message, str) else self.message
        return value if isinstance(value, dict) else {"type": "no message", "value": value}

    def is_error(self) -> bool:
        """Return whether it is an answer or a message that something is wrong."""
        message = self.value()
        return (
            bool(message.get("isError"))
            or message.get("type") == "error"
            or message.get("isFatalError") is True
            or (message.get("type") == "log" and message.get("level") == 5)
        )

    def title(self) -> str:
        """Return the message's kind and what it is about, in one line."""
        message = self.value()
        kind = str(message.get("type", "?"))
        if kind == "error" or message.get("isError"):
            kind = "refused"
        if self.about:
            return kind + " " + self.about
        for key in ("command", "stage", "key", "message", "event", "metricName"):
            if message.get(key):
                return kind + " " + str(message[key])
        topic = message.get("topic")
        if isinstance(topic, dict):
            return kind + " " + str(topic.get("key"))
        return kind


class Log:
    """The last entries, oldest first, `capacity` characters of them; `total` counts all there ever were.

    `on_add()`, where it is set, is called for each new one.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.entries: list[Entry] = []
        self.size = 0
        self.total = 0
        self.cleared = 0
        self.on_add: Callable[[], None] | None = None

    def add(self, time: float, direction: str, source: str, message: "str | dict[str, Any]", about: str = "") -> None:
        """Keep one message; `about` is a request's name for its answer. When the log is full, the oldest tenth goes."""
        self.total += 1
        self.entries.append(Entry(self.total, time, direction, source, message, about))
        self.size += len(message)
        if self.size > self.capacity or len(self.entries) > MOST_ENTRIES:
            self._forget_oldest(len(self.entries) // 10 + 1)
        if self.on_add is not None:
            self.on_add()

    def _forget_oldest(self, count: int) -> None:
        for entry in self.entries[:count]:
            self.size -= len(entry.message)
        del self.entries[:count]

    def clear(self) -> None:
        """Forget every entry."""
        self.cleared += 1
        self.size = 0
        self.entries = []

    def filter(self, words: str, after: int = 0) -> list[Entry]:
        """Return the entries numbered above `after` in which every word occurs (message or label), case ignored."""
        wanted = words.lower().split()
        first = len(self.entries) - (self.total - after)
        entries = self.entries[max(0, first) :] if after else self.entries
        return [entry for entry in entries if _has(entry, wanted)]

    def json_lines(self, entries: list[Entry]) -> str:
        """Return entries as JSON Lines: time, direction, app and message."""
        return "".join(_line(entry) + "\n" for entry in entries)


def _has(entry: Entry, words: list[str]) -> bool:
    if not words:
        return True
    text = (entry.source + " " + entry.about + " " + entry.text()).lower()
    return all(word in text for word in words)


def _line(entry: Entry) -> str:
    # The message is JSON already: put in as it is, it need not be read and written again.
    head = json.dumps({"n": entry.number, "time": entry.time, "direction": entry.direction, "app": entry.source})
    return head[:-1] + ', "message": ' + entry.text() + "}"
