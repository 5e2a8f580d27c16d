"""What was observed of an app: one opening of it, read from the workspace's log. Pure.

opening = read_opening(entries)         # of the workspace's command `log`, for one instance of the app
opening.hello_ms                        # -> 412.0; None where it never said hello
[asked.name for asked in opening.asked]  # -> ["agent/getName", "contact/connected"]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from model.permissions import EITHER, EVERYTHING, NAMES, needed_for_request, needed_for_topic


@dataclass(frozen=True)
class Asked:
    """A request or a subscription ("request" or "topic"), and the permission that it needs ("" for none)."""

    kind: str
    namespace: str
    name: str
    permission: str


@dataclass
class Opening:
    """One opening of the app, from its iframe to its end. Times are in ms; None is for what did not come."""

    hello_ms: float | None = None  # from the iframe's making to the app's hello
    create_ms: float | None = None  # from the lifecycle's create to its handler's end
    destroy_ms: float | None = None  # from the lifecycle's destroy to its handler's end
    destroy_sent: bool = False
    fatal: str | None = None  # what it said when it ended itself with a fatal error
    fatal_in_destroy: bool = False
    closed: bool = False  # it asked to be closed
    asked: list[Asked] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # requests that the SDK's clients at 1.0.11 do not make
    unreadable: list[str] = field(default_factory=list)
    # What the browser saw.
    paint_ms: float | None = None  # from the iframe's navigation to its first contentful paint
    errors: list[str] = field(default_factory=list)  # uncaught exceptions and unhandled rejections
    console: list[str] = field(default_factory=list)  # console errors, failed loads among them
    text: str = ""  # what is seen once it is done asking
    responds: bool = True  # False: its page is there and answers nothing, as in an endless loop
    was_running: bool = False


@dataclass
class Observed:
    """All that was observed of an app. `light` and `dark` are its brightness, 0 to 1, None where it was not there."""

    main: Opening
    light: float | None = None
    dark: float | None = None
    axe: list[str] | None = None  # None: it could not be run
    refused: dict[str, Opening] = field(default_factory=dict)  # permission -> the opening without it
    workspace: list[str] = field(default_factory=list)  # errors of the local workspace itself


def read_opening(entries: Iterable[dict[str, Any]]) -> Opening:
    """Return an opening from its log: [{"time": ms, "direction": "up", "app": label, "message": {...}}, ...]."""
    opening = Opening()
    hello = created = destroyed = None
    requests: dict[Any, Asked] = {}
    for entry in entries:
        message, time = entry["message"], entry["time"]
        kind, stage = message.get("type"), message.get("stage")
        up, down = entry["direction"] == "up", entry["direction"] == "down"
        if up and kind == "connect-app-host-init":
            hello = time
        elif down and kind == "acknowledge" and hello is not None and opening.hello_ms is None:
            opening.hello_ms = hello - message["status"]["startTime"]["$date"]
        elif down and kind == "appLifecycle" and stage == "create":
            created = time
        elif down and kind == "appLifecycle" and stage == "destroy":
            destroyed, opening.destroy_sent = time, True
        elif up and kind == "appLifecycleHandlerCompleted" and stage == "create" and created is not None:
            opening.create_ms = time - created
        elif up and kind == "appLifecycleHandlerCompleted" and stage == "destroy" and destroyed is not None:
            opening.destroy_ms = time - destroyed
        elif up and kind == "closeApp":
            opening.closed = True
            if message.get("isFatalError"):
                opening.fatal = str(message.get("message") or "no message")
                opening.fatal_in_destroy = opening.destroy_sent
        elif up and kind == "request":
            asked = _request(message)
            requests[message.get("requestId")] = asked
            _add(opening.asked, asked)
        elif up and kind == "subscribe" and isinstance(message.get("topic"), dict):
            _add(opening.asked, _topic(message["topic"]))
        elif down and kind == "response" and message.get("errorKey") == "handlerNotFound":
            if found := requests.get(message.get("requestId")):
                _add(opening.unknown, f"{found.namespace} {found.name}")
        elif entry["direction"] == "note" and kind in ("unknown message", "unreadable message"):
            _add(opening.unreadable, str(message.get("event")))
    # What has no answer needs no permission to be refused.
    opening.asked = [asked for asked in opening.asked if f"{asked.namespace} {asked.name}" not in opening.unknown]
    return opening


def _request(message: dict[str, Any]) -> Asked:
    namespace, name = str(message.get("namespace")), str(message.get("command"))
    return Asked("request", namespace, name, needed_for_request(namespace, name))


def _topic(topic: dict[str, Any]) -> Asked:
    namespace, name = str(topic.get("namespace")), str(topic.get("key"))
    return Asked("topic", namespace, name, needed_for_topic(namespace, name))


def _add(found: list[Any], one: Any) -> None:
    if one not in found:
        found.append(one)


def permissions_asked(opening: Opening) -> dict[str, list[Asked]]:
    """Return {permission: what the app asked for that needs it}, in the order of AWS's table, `*` last."""
    by_name: dict[str, list[Asked]] = {}
    for asked in opening.asked:
        by_name.setdefault(asked.permission, []).append(asked)
    either = sorted(name for name in by_name if EITHER in name)
    return {name: by_name[name] for name in (*NAMES, *either, EVERYTHING) if name in by_name}
