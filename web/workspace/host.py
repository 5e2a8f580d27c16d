"""The edge to the iframes: makes and removes them, and carries messages over their ports.

    frames = Frames(js.document.getElementById("stage"))
    frames.apps = Apps(desk, faults, log, frames)
    frames.listen()

A message comes in as JSON text: the browser's JSON.stringify, called through Promise.try, because an app may send
what JSON has no word for (a cycle, a BigInt) and MicroPython cannot catch what JavaScript throws. Everything made for
an iframe (port, handlers) is let go with it. The only room that knows MessagePort.
"""

import gc
import json

import js
from jsffi import create_proxy, to_js

# After so many removed iframes MicroPython's garbage is collected, so that what JavaScript holds for it is let go.
_COLLECT_EVERY = 5
_try = getattr(js.Promise, "try")
# Taken through Reflect.get: as an attribute it would be a Python method, and throw inside Python, which cannot catch it.
_stringify = js.Reflect.get(js.JSON, "stringify")
_parse = js.JSON.parse
_is = getattr(js.Object, "is")


class Frame:
    """One iframe: its element, and once its app said hello, its port and the handlers JavaScript holds."""

    def __init__(self, element):
        self.element = element
        self.port = None
        self.handlers = []


class Frames:
    """The iframes by instance id. `apps` is the Apps they belong to."""

    def __init__(self, stage):
        self.apps = None
        self.stage = stage
        self.frames = {}
        self.on_failed = lambda instance, message: None
        self._due = {}
        self._timers = 0
        self._removed = 0
        self._fire_proxy = create_proxy(self._fire)
        self._hello_proxy = create_proxy(self._window_message)

    def listen(self):
        """Hear apps say hello."""
        js.window.addEventListener("message", self._hello_proxy)

    # -- what apps.py asks of its edge ---------------------------------------------------------------------------------

    def make(self, instance):
        """Put an iframe for the instance into the page, hidden until it is shown."""
        element = js.document.createElement("iframe")
        element.className = "app-frame"
        element.title = instance.app.name
        element.setAttribute("data-instance", instance.id)
        element.setAttribute("sandbox", " ".join(instance.app.sandbox))
        if instance.app.allow:
            element.setAttribute("allow", "; ".join(instance.app.allow))
        element.hidden = True
        element.src = address_of(instance)
        self.stage.appendChild(element)
        self.frames[instance.id] = Frame(element)

    def remove(self, instance):
        """Take the iframe away and let go of all that was made for it."""
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

    def show(self, instance, visible):
        """Show or hide the iframe; a hidden one stays alive."""
        frame = self.frames.get(instance.id)
        if frame is not None:
            frame.element.hidden = not visible

    def failed(self, instance, message):
        """An app closed itself with a fatal error."""
        self.on_failed(instance, message)

    def send(self, instance, message):
        """Post a message to the app; gives its JSON text."""
        text = json.dumps(message)
        frame = self.frames.get(instance.id)
        if frame is not None and frame.port is not None:
            made = _parse(text)
            if '"$date"' in text:
                _set_dates(made, message)
            frame.port.postMessage(made)
        return text

    def after(self, delay, action):
        """Do something after `delay` ms. One handler serves all timers, so that none is left behind."""
        self._timers += 1
        self._due[self._timers] = action
        js.setTimeout(self._fire_proxy, delay, self._timers)

    def _fire(self, number):
        action = self._due.pop(number, None)
        if action is not None:
            action()

    # -- messages ------------------------------------------------------------------------------------------------------

    def _window_message(self, event):
        data = event.data
        if data is None or not hasattr(data, "type") or data.type != "connect-app-host-init":
            return
        for instance in list(self.apps.instances):
            frame = self.frames.get(instance.id)
            if frame is not None and _is(frame.element.contentWindow, event.source):
                self._connect(instance, frame, event, data)
                return
        self.apps.note(None, {"type": "hello from a window that is no app", "event": str(event.origin)})

    def _connect(self, instance, frame, event, data):
        if not event.ports.length:
            self.apps.note(instance, {"type": "hello without a port", "event": str(event.origin)})
            return
        if frame.port is not None:
            frame.port.onmessage = None
            frame.port.close()
        frame.port = event.ports[0]
        apps = self.apps

        def on_text(text):
            # What JSON has no text for (undefined) is no message.
            if isinstance(text, str):
                apps.received(instance, json.loads(text), text)

        def on_bad(error):
            apps.note(instance, {"type": "unreadable message", "event": str(error)})

        on_text_proxy = create_proxy(on_text)
        on_bad_proxy = create_proxy(on_bad)

        def on_message(event):
            _try(_stringify, event.data).then(on_text_proxy, on_bad_proxy)

        frame.handlers = [create_proxy(on_message), on_text_proxy, on_bad_proxy]
        frame.port.onmessage = frame.handlers[0]
        hello = {"type": "connect-app-host-init"}
        for key in ("sdkVersion", "providerId"):
            if hasattr(data, key):
                hello[key] = str(getattr(data, key))
        apps.hello(instance, hello)


def address_of(instance):
    """Give the iframe's address: the app's, with the guide's path resolved against its domain."""
    base = js.URL.parse(instance.app.url)
    if base is None or base.protocol not in ("http:", "https:"):
        return "about:blank"
    return js.URL.parse(instance.path, base.href).href if instance.path else base.href


def _set_dates(made, message):
    """Put Dates where the message has {"$date": ms}; `made` is its JavaScript copy."""
    items = list(message.items()) if isinstance(message, dict) else list(enumerate(message))
    for key, value in items:
        if isinstance(value, dict) and "$date" in value:
            js.Reflect.set(made, key, js.Date.new(float(value["$date"])))
        elif isinstance(value, (dict, list, tuple)) and value:
            _set_dates(js.Reflect.get(made, key), value)


def post_json(value):
    """Give the options of a fetch that posts JSON."""
    return to_js({"method": "POST", "headers": {"Content-Type": "application/json"}, "body": json.dumps(value)})
