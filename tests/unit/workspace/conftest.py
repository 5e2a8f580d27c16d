"""A workspace without a browser: the pure modules, with an edge that keeps what would go out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from model.desk import Desk
from model.faults import Faults
from model.log import Log
from protocol.apps import App, Apps

PERMISSIONS = (
    "User.Details.View",
    "User.Configuration.View",
    "User.Status.View",
    "Contact.Details.View",
    "Contact.CustomerDetails.View",
    "Contact.Attributes.View",
)


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1_763_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Edge:
    """Stands in for protocol.frames.Frames (MessagePorts exist in a browser only): keeps messages, and runs timers when told."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.made: list[Any] = []
        self.removed: list[Any] = []
        self.shown: list[tuple[str, bool]] = []
        self.failures: list[str] = []
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def make(self, instance: Any) -> None:
        self.made.append(instance)

    def remove(self, instance: Any) -> None:
        self.removed.append(instance)

    def show(self, instance: Any, visible: bool) -> None:
        self.shown.append((instance.id, visible))

    def failed(self, _instance: Any, message: str) -> None:
        self.failures.append(message)

    def address(self, app: Any, path: str) -> str:
        # The browser's own URL decides in protocol.frames.Frames: tests/browser/test_workspace.py.
        address = urljoin(app.url, path)
        return address if urlsplit(address)[:2] == urlsplit(app.url)[:2] and urlsplit(address).netloc else ""

    def send(self, instance: Any, message: dict[str, Any]) -> str:
        text = json.dumps(message)
        self.sent.append((instance.id, json.loads(text)))
        return text

    def after(self, delay: float, action: Callable[[], None]) -> None:
        self.timers.append((self.clock.now + delay, action))

    def pass_time(self, milliseconds: float) -> None:
        self.clock.now += milliseconds
        due = [action for time, action in self.timers if time <= self.clock.now]
        self.timers = [(time, action) for time, action in self.timers if time > self.clock.now]
        for action in due:
            action()

    def messages(self, instance: Any, kind: str = "") -> list[dict[str, Any]]:
        return [message for to, message in self.sent if to == instance.id and (not kind or message["type"] == kind)]

    def stages(self, instance: Any) -> list[str]:
        return [message["stage"] for message in self.messages(instance, "appLifecycle")]


class Bench:
    """The parts, wired together, and what an app would do."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.edge = Edge(self.clock)
        self.ids = 0
        self.desk = Desk(self.clock, self.new_id)
        self.faults = Faults()
        self.log = Log()
        self.apps = Apps(self.desk, self.faults, self.log, self.edge)
        self.apps.on_defect = self.defect
        self.app = self.apps.register(App("Popdesk", "http://localhost:8001/", permissions=PERMISSIONS))

    def defect(self, error: Exception) -> None:
        raise error

    def new_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"

    def contact(self, channel: str = "VOICE", address: str = "+12025550123") -> Any:
        """A contact that rings at the agent."""
        contact = self.desk.add_contact(channel, address)
        self.desk.enqueue(contact.id, self.desk.queue("BasicQueue"))
        contact.attributes = {"Name": "Ada", "contactUrlPath": "https://crm.example.com/1"}
        self.desk.ring(contact.id)
        return contact

    def open(self, contact: Any = None) -> Any:
        """An instance that has said hello; its create handler is not done."""
        instance = self.apps.open(self.app, contact.id if contact else "", idle=contact is None)
        self.apps.hello(instance, {"type": "connect-app-host-init", "sdkVersion": "1.0.11", "providerId": "p"})
        return instance

    def running(self, contact: Any = None) -> Any:
        """An instance whose create handler is done."""
        instance = self.open(contact)
        self.completed(instance, "create")
        return instance

    def completed(self, instance: Any, stage: str) -> None:
        self.says(instance, {"type": "appLifecycleHandlerCompleted", "stage": stage, "appInstanceId": instance.id})

    def says(self, instance: Any, message: dict[str, Any]) -> None:
        self.apps.received(instance, json.dumps(message))

    def ask(self, instance: Any, command: str, data: Any = None, namespace: str = "aws.connect.contact") -> Any:
        """Send a request and give its response, None when there is none yet."""
        before = len(self.edge.sent)
        request = {"type": "request", "namespace": namespace, "command": command, "requestId": self.new_id()}
        if data is not None:
            request["data"] = data
        self.says(instance, request)
        for _, message in self.edge.sent[before:]:
            if message["type"] == "response" and message["requestId"] == request["requestId"]:
                return message
        return None

    def subscribe(self, instance: Any, key: str, parameter: str = "", namespace: str = "aws.connect.contact") -> None:
        topic = {"namespace": namespace, "key": key}
        if parameter:
            topic["parameter"] = parameter
        self.says(instance, {"type": "subscribe", "topic": topic, "handlerId": self.new_id()})

    def published(self, instance: Any) -> list[tuple[str, dict[str, Any]]]:
        return [(each["topic"]["key"], each["data"]) for each in self.edge.messages(instance, "publish")]


@pytest.fixture
def bench() -> Bench:
    return Bench()
