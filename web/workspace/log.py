"""The log of everything that crosses a port, both ways: kept cheaply, shown and copied on request. Pure.

    log = Log(capacity=5000)
    log.add(1763700000000.5, UP, "Popdesk 1", '{"type": "request", "command": "agent/getName"}')
    [entry.title() for entry in log.filter("getName")]      # -> ["request agent/getName"]
    log.json_lines(log.entries)                             # one JSON object a line

An entry keeps the message as it came (JSON text, or a dict that nobody changes any more): nothing is formatted until somebody looks.
It holds personal data, so it stays in this page: nothing here writes to the console or to a server.
"""

import json

UP = "up"  # from the app to the workspace
DOWN = "down"  # from the workspace to the app
NOTE = "note"  # something the workspace itself did or saw
CAPACITY = 5000


class Entry:
    """One message: `time` in ms since 1970, direction, the app instance's label, and the message."""

    __slots__ = ("direction", "message", "number", "source", "time")

    def __init__(self, number, time, direction, source, message):
        self.number = number
        self.time = time
        self.direction = direction
        self.source = source
        self.message = message

    def text(self):
        """Give the message as JSON text."""
        return self.message if isinstance(self.message, str) else json.dumps(self.message)

    def value(self):
        """Give the message as a dict."""
        return json.loads(self.message) if isinstance(self.message, str) else self.message

    def title(self):
        """Give the message's kind and what it is about, in one line."""
        message = self.value()
        kind = str(message.get("type", "?"))
        for key in ("command", "stage", "key", "message", "event", "metricName"):
            if message.get(key):
                return kind + " " + str(message[key])
        topic = message.get("topic")
        if isinstance(topic, dict):
            return kind + " " + str(topic.get("key"))
        return kind


class Log:
    """The last `capacity` entries, oldest first; `total` counts all there ever were."""

    def __init__(self, capacity=CAPACITY):
        self.capacity = capacity
        self.entries = []
        self.total = 0

    def add(self, time, direction, source, message):
        """Keep one message; the oldest tenth goes when the log is full."""
        self.total += 1
        entries = self.entries
        entries.append(Entry(self.total, time, direction, source, message))
        if len(entries) > self.capacity:
            del entries[: self.capacity // 10 + 1]

    def clear(self):
        """Forget every entry."""
        self.entries = []

    def filter(self, words, directions=(UP, DOWN, NOTE)):
        """Give the entries in which every word occurs (in the message or the instance's label), case ignored."""
        wanted = words.lower().split()
        return [entry for entry in self.entries if entry.direction in directions and _has(entry, wanted)]

    def json_lines(self, entries):
        """Give entries as JSON Lines: time, direction, app and message."""
        return "".join(_line(entry) + "\n" for entry in entries)


def _has(entry, words):
    if not words:
        return True
    text = (entry.source + " " + entry.text()).lower()
    for word in words:
        if word not in text:
            return False
    return True


def _line(entry):
    # The message is JSON already: put in as it is, it need not be read and written again.
    head = json.dumps({"n": entry.number, "time": entry.time, "direction": entry.direction, "app": entry.source})
    return head[:-1] + ', "message": ' + entry.text() + "}"
