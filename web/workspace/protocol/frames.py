"""The apps' iframes: makes and removes them, and carries messages over their ports.

    frames = Frames(js.document.getElementById("stage"))
    frames.listen(Apps(desk, faults, log, frames))

A message comes in as JSON text: the browser's JSON.stringify, called through Promise.try, because an app may send
what JSON cannot hold (a cycle, a BigInt) and MicroPython cannot catch what JavaScript throws. Everything made for
an iframe (port, handlers) is released with it. The only module that knows MessagePort.
"""

import gc
import json

import js
from jsffi import create_proxy

from model.moment import Moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from protocol.apps import App, Apps
    from protocol.instance import Instance

# After so many removed iframes MicroPython's garbage is collected, so that what JavaScript holds for it is released.
_COLLECT_EVERY = 5
_try = getattr(js.Promise, "try")
# Taken through Reflect.get: as an attribute it would be a Python method, and throw inside Python, which cannot catch it.
_stringify = js.Reflect.get(js.JSON, "stringify")
_parse = js.JSON.parse
_is = getattr(js.Object, "is")
_object = js.Object


class Frame:
    """One iframe: its element, and once its app said hello, its port and the handlers JavaScript holds."""

    def __init__(self, element: "Any") -> None:
        self.element = element
        self.port: Any = None
        self.handlers: list[Any] = []


class Frames:
    """The iframes by instance id."""

    def __init__(self, stage: "Any") -> None:
        self.stage = stage
        self.frames: dict[str, Frame] = {}
        self.on_failed: Callable[[Instance, str], None] = lambda instance, message: None
        self._last: Any = None
        self._due: dict[int, Callable[[], Any]] = {}
        self._timers = 0
        self._removed = 0
        self._fire_proxy = create_proxy(self._fire)
        self._hello_proxy = create_proxy(self._window_message)

    def listen(self, apps: "Apps") -> None:
        """Listen to the apps' first messages."""
        self.apps = apps
        js.window.addEventListener("message", self._hello_proxy)

    # -- what protocol/apps.py needs ----------------------------------------------------------------------------------

    def make(self, instance: "Instance") -> None:
        """Add an iframe for the instance to the page, hidden until it is shown."""
        element = js.document.createElement("iframe")
        element.className = "app-frame"
        element.title = instance.app.name
        element.setAttribute("data-instance", instance.id)
        sandbox, allow = instance.iframe_permissions()
        element.setAttribute("sandbox", " ".join(sandbox))
        if allow:
            element.setAttribute("allow", "; ".join(allow))
        element.hidden = True
        element.src = self.address(instance.app, instance.path)
        self.stage.appendChild(element)
        self.frames[instance.id] = Frame(element)

    def remove(self, instance: "Instance") -> None:
        """Remove the iframe and release all that was made for it."""
        frame = self.frames.pop(instance.id, None)
        if frame is None:
            return
        if frame.port is not None:
            frame.port.onmessage = None
            frame.port.close()
        frame.element.remove()
        frame.handlers = []
        self._removed += 1
        if self._removed % _COLLECT_EVERY == 0:
            self.after(0, gc.collect)

    def show(self, instance: "Instance", visible: bool) -> None:
        """Show or hide the iframe; a hidden one stays alive."""
        frame = self.frames.get(instance.id)
        if frame is not None:
            frame.element.hidden = not visible

    def failed(self, instance: "Instance", message: str) -> None:
        """Show that an app closed itself with a fatal error."""
        self.on_failed(instance, message)

    def address(self, app: "App", path: str) -> str:
        """Return the address of a path of an app, as the browser resolves it; "" where it is no address or another site's."""
        base = js.URL.parse(app.url)
        if base is None or base.protocol not in ("http:", "https:"):
            return ""
        found = js.URL.parse(path, base.href) if path else base
        # javascript:, blob: and about: have other origins too.
        return found.href if found is not None and found.origin == base.origin else ""

    def send(self, instance: "Instance", message: "dict[str, Any]") -> str:
        """Post a message to the app; return its JSON text."""
        text = json.dumps(message)
        frame = self.frames.get(instance.id)
        if frame is not None and frame.port is not None:
            made = _parse(text)
            if '"$date"' in text:
                _set_dates(made, message)
            frame.port.postMessage(made)
        return text

    def after(self, delay: float, action: "Callable[[], Any]") -> None:
        """Call `action` after `delay` ms. One handler serves all timers, so that none is left behind."""
        self._timers += 1
        self._due[self._timers] = action
        js.setTimeout(self._fire_proxy, delay, self._timers)

    def _fire(self, number: int) -> None:
        action = self._due.pop(number, None)
        if action is not None:
            action()

    # -- messages ------------------------------------------------------------------------------------------------------

    def _window_message(self, event: "Any") -> None:
        try:
            self._hello(event, event.data)
        except MemoryError:
            self.apps.note(None, {"type": "hello without an end", "event": str(event.origin)})

    def _hello(self, event: "Any", data: "Any") -> None:
        if field(data, "type") != "connect-app-host-init":
            return
        for instance in self.apps.running():
            frame = self.frames.get(instance.id)
            if frame is not None and _is(frame.element.contentWindow, event.source):
                self._connect(instance, frame, event, data)
                return
        self.apps.note(None, {"type": "hello from a window that is no app", "event": str(event.origin)})

    def _connect(self, instance: "Instance", frame: Frame, event: "Any", data: "Any") -> None:
        if not event.ports.length:
            self.apps.note(instance, {"type": "hello without a port", "event": str(event.origin)})
            return
        if frame.port is not None:
            frame.port.onmessage = None
            frame.port.close()
        frame.port = event.ports[0]
        apps = self.apps

        def on_text(text: "Any" = None) -> None:
            # What JSON has no text for is no message: undefined, which calls without an argument.
            if isinstance(text, str):
                try:
                    apps.received(instance, text)
                except ValueError as error:
                    on_bad(error)

        def on_bad(error: "Any" = None) -> None:
            asked, self._last = self._last, None
            # From JavaScript comes its Error, a PythonError where there was no memory for the text.
            why = str(field(error, "message") or error)
            apps.unreadable(instance, _request_id(asked), "there is no memory for it" if "MemoryError" in why else why)

        on_text_proxy = create_proxy(on_text)
        on_bad_proxy = create_proxy(on_bad)

        def on_message(event: "Any") -> None:
            try:
                # Its text comes before the next message does.
                self._last = event.data
                _try(_stringify, self._last).then(on_text_proxy).then(None, on_bad_proxy)
            except MemoryError as error:  # it is a text itself
                on_bad(error)

        frame.handlers = [create_proxy(on_message), on_text_proxy, on_bad_proxy]
        frame.port.onmessage = frame.handlers[0]
        hello = {"type": "connect-app-host-init"}
        for key in ("sdkVersion", "providerId"):
            hello[key] = str(field(data, key))
        apps.hello(instance, hello)


def field(data: "Any", name: str) -> "Any":
    """Return a field of what JavaScript gave, None where it has none.

    Only an object may be asked: JavaScript throws where a BigInt is, and MicroPython cannot catch that.
    """
    return getattr(data, name) if _is(_object(data), data) and hasattr(data, name) else None


def _request_id(data: "Any") -> str:
    """Return the id of the request that a message is, as far as it can be read, "" where it is none."""
    try:
        asked = field(data, "requestId") if field(data, "type") == "request" else None
        return asked if isinstance(asked, str) else ""
    except MemoryError:
        return ""


def _set_dates(made: "Any", message: "Any") -> None:
    """Put Dates where the message has Moments; `made` is its JavaScript copy."""
    items = list(message.items()) if isinstance(message, dict) else list(enumerate(message))
    for key, value in items:
        if isinstance(value, Moment):
            js.Reflect.set(made, key, js.Date.new(float(value["$date"])))
        elif isinstance(value, (dict, list, tuple)) and value:
            _set_dates(js.Reflect.get(made, key), value)
