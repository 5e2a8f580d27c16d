"""What goes wrong on purpose: slow, failing, hanging, late and odd answers, an acknowledgement that never comes. Pure.

    faults = Faults()
    faults.latency = 50.0
    faults.set("agent/getName", "fail", "The service is not available")
    faults.plan("agent/getName")      # -> Plan(delay=50.0, fail="The service is not available", hang=False)
    faults.answer("agent/getName", [{"name": None}])      # answers with this; [] stands for JavaScript's undefined

A rule's command is a request's, such as `agent/getName`, or `*` for every request. Delays are milliseconds.
"""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KINDS = ("fail", "hang", "late")
API_KINDS = ("late", "down", "lost")
DEFAULT_REASON = "The workspace was told to fail this request"
DEFAULT_LATE = 2000.0
# What POST /api/faults of the preview server takes (ops/preview/local_api.py).
_API_WELL = {"latency_ms": 0, "down": False, "lost": False}


class Plan:
    """How one request is answered: wait `delay` ms, then answer, fail with a reason, or never answer.

    `answer` is None for the answer that there is; otherwise a list with the data to send instead, empty for none.
    """

    def __init__(self, delay: float, fail: str = "", hang: bool = False, answer: "list[Any] | None" = None) -> None:
        self.delay = delay
        self.fail = fail
        self.hang = hang
        self.answer = answer


class Faults:
    """The faults now in force; `rules` maps a command to (kind, reason or milliseconds)."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.drop_acknowledge = False
        self.rules: dict[str, tuple[str, Any]] = {}
        self.api: dict[str, Any] = dict(_API_WELL)

    def set_api(self, kind: str, ms: float | None = None) -> None:
        """Make the team's API late by `ms`, down, or its answers lost; "" makes it well again. Raises ValueError."""
        if kind and kind not in API_KINDS:
            raise ValueError("a fault of the API is one of " + ", ".join(API_KINDS))
        if not kind:
            self.api = dict(_API_WELL)
        elif kind == "late":
            self.api = dict(self.api, latency_ms=DEFAULT_LATE if ms is None else float(ms))
        else:
            self.api = dict(self.api, **{kind: True})

    def set(self, command: str, kind: str, value: float | str | None = None) -> None:
        """Make requests of `command` fail (value: the reason), hang, or be late (value: ms). Raises ValueError."""
        if kind not in KINDS:
            raise ValueError("a fault is one of " + ", ".join(KINDS))
        if kind == "late":
            value = float(value or DEFAULT_LATE)
        self.rules[command] = (kind, value or DEFAULT_REASON)

    def answer(self, command: str, data: "list[Any]") -> None:
        """Make requests of `command` be answered with another value: a list that holds it, or for undefined nothing."""
        self.rules[command] = ("answer", data)

    def heal(self, command: str = "") -> None:
        """Take back the rule of one command, or for "" every fault."""
        if command:
            self.rules.pop(command, None)
            return
        self.rules.clear()
        self.latency = 0.0
        self.drop_acknowledge = False
        self.set_api("")

    def plan(self, command: str) -> Plan | None:
        """Return the Plan for a request, or None when nothing is wrong."""
        rule = self.rules.get(command) or self.rules.get("*") if self.rules else None
        if rule is None:
            return Plan(self.latency) if self.latency else None
        kind, value = rule
        if kind == "late":
            return Plan(self.latency + value)
        if kind == "answer":
            return Plan(self.latency, answer=value)
        return Plan(self.latency, value if kind == "fail" else "", kind == "hang")

    def describe(self) -> list[str]:
        """Return the faults in force as lines for people."""
        lines = ["every answer takes " + str(int(self.latency)) + " ms longer"] if self.latency else []
        if self.drop_acknowledge:
            lines.append("the acknowledgement is dropped")
        if self.api["latency_ms"]:
            lines.append("the API answers " + str(int(self.api["latency_ms"])) + " ms later")
        if self.api["down"]:
            lines.append("the API is down")
        if self.api["lost"]:
            lines.append("the API's answers are lost: it does what it is asked")
        for command in sorted(self.rules):
            kind, value = self.rules[command]
            if kind == "answer":
                words = "is answered with " + (json.dumps(value[0]) if value else "undefined")
            elif kind == "late":
                words = "is late by " + str(value) + " ms"
            else:
                words = "is never answered" if kind == "hang" else "fails: " + value
            lines.append(command + " " + words)
        return lines
