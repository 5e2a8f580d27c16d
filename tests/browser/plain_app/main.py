"""A small app that uses the SDK plainly, to be hosted by the local agent workspace in its tests.

It asks every question of `QUESTIONS` and shows each answer as JSON in `li[data-name=...]`, every event in `#events`, and its
lifecycle in `#life`. Its query says what else it does: `?slow=500` takes as many ms for onCreate and onDestroy,
`?deaf` never finishes onDestroy, `?fail` raises in onCreate, `?uncaught` raises at its start, `?brittle` has an empty
page once anything is refused, and `?mute` asks no question, so that few permissions are needed.
"""

import asyncio
import json

import js
from jsffi import create_proxy, to_js

CURRENT = "CURRENT_CONTACT"
QUESTIONS = (
    ("agent", "getARN", ()),
    ("agent", "getName", ()),
    ("agent", "getState", ()),
    ("agent", "getRoutingProfile", ()),
    ("agent", "getChannelConcurrency", ()),
    ("agent", "getExtension", ()),
    ("agent", "getDialableCountries", ()),
    ("agent", "listAvailabilityStates", ()),
    ("agent", "listQuickConnects", ([],)),
    ("contact", "getAttributes", (CURRENT, "*")),
    ("contact", "getAttribute", (CURRENT, "Name")),
    ("contact", "getInitialContactId", (CURRENT,)),
    ("contact", "getType", (CURRENT,)),
    ("contact", "getChannelType", (CURRENT,)),
    ("contact", "getStateDuration", (CURRENT,)),
    ("contact", "getQueue", (CURRENT,)),
    ("contact", "getQueueTimestamp", (CURRENT,)),
    ("contact", "isPreviewMode", (CURRENT,)),
    ("contact", "getContactRegion", (CURRENT,)),
    ("contact", "getInstanceDetails", (CURRENT,)),
    ("contact", "listParticipants", (CURRENT,)),
    ("contact", "getContact", (CURRENT,)),
    ("contact", "listContacts", ()),
    ("voice", "getInitialCustomerPhoneNumber", (CURRENT,)),
    ("voice", "getPhoneNumber", (CURRENT,)),
    ("voice", "listDialableCountries", ()),
    ("voice", "getOutboundCallPermission", ()),
    ("voice", "getVoiceEnhancementMode", ()),
    ("voice", "getVoiceEnhancementPaths", ()),
    ("voice", "isSelfOnHold", (CURRENT,)),
    ("voice", "canResumeSelf", (CURRENT,)),
)
EVENTS = (
    ("agent", "onStateChanged", "state"),
    ("agent", "onRoutingProfileChanged", "profile"),
    ("contact", "onConnected", "connected"),
    ("contact", "onStartingAcw", "acw"),
    ("contact", "onMissed", "missed"),
    ("contact", "onCleared", "cleared"),
    ("contact", "onDestroyed", "destroyed"),
)
_keep = []


def add(place, text, name=""):
    """Append a line to a list of the page."""
    line = js.document.createElement("li")
    line.textContent = text
    if name:
        line.setAttribute("data-name", name)
    js.document.getElementById(place).append(line)


class PlainApp:
    """The app."""

    def __init__(self):
        sdk = js.connectSDK
        self.query = js.URLSearchParams.new(js.location.search)
        config = {"onCreate": self._create, "onDestroy": self._destroy}
        self.provider = sdk.AmazonConnectApp.init(to_js(config)).provider
        self.clients = {
            "agent": sdk.AgentClient.new(self.provider),
            "contact": sdk.ContactClient.new(self.provider),
            "voice": sdk.VoiceClient.new(self.provider),
        }
        self._keep(self.provider.onError, self._error)
        self._keep(self.provider.onStart, self._start)
        self._keep(self.provider.onStop, self._stop)
        for button, action in (("ask", self._ask_clicked), ("close", self._close), ("fatal", self._fatal)):
            handler = create_proxy(action)
            _keep.append(handler)
            js.document.getElementById(button).addEventListener("click", handler)
        for client, method, name in EVENTS:
            self._keep(getattr(self.clients[client], method), self._event(name))
        if self.query.has("uncaught"):
            js.setTimeout(create_proxy(self._raise), 0)

    def _raise(self):
        raise ValueError("nobody catches this")

    def _keep(self, register, handler):
        proxy = create_proxy(handler)
        _keep.append(proxy)
        register(proxy)

    def _event(self, name):
        async def happened(data):
            add("events", name + " " + str(js.JSON.stringify(data)), name)

        return happened

    async def _create(self, event):
        context = event.context
        add("life", "create " + str(js.JSON.stringify(context.scope)))
        js.document.body.setAttribute("data-permissions", str(js.JSON.stringify(context.config.permissions)))
        js.document.body.setAttribute("data-parameters", str(js.JSON.stringify(context.parameters)))
        await self._pause()
        if self.query.has("fail"):
            raise ValueError("told to fail")
        if not self.query.has("mute"):
            asyncio.create_task(self.ask())

    async def _start(self, event):
        add("life", "start")

    async def _stop(self, event):
        add("life", "stop")

    async def _destroy(self, event):
        add("life", "destroy")
        if self.query.has("deaf"):
            await asyncio.sleep(3600)
        await self._pause()

    async def _pause(self):
        await asyncio.sleep(int(self.query.get("slow") or "0") / 1000)

    def _error(self, error):
        add("errors", str(error.message), str(error.key))

    def _ask_clicked(self, event):
        asyncio.create_task(self.ask())

    def _close(self, event):
        self.provider.sendCloseAppRequest("enough")

    def _fatal(self, event):
        self.provider.sendFatalError("broken", None)

    async def ask(self):
        """Ask everything at once."""
        js.document.getElementById("answers").replaceChildren()
        waiting = []
        for client, method, arguments in QUESTIONS:
            # Started here, so that all are under way together.
            promise = getattr(self.clients[client], method)(*[to_js(each) for each in arguments])
            waiting.append(self._show(client + "." + method, promise))
        await asyncio.gather(*waiting)
        add("answers", "done", "done")

    async def _show(self, name, promise):
        try:
            # Awaited by itself, undefined would come as None, as null does.
            (answer,) = await js.Promise.all(to_js([promise]))
            if type(answer).__name__ == "undefined":
                add("answers", "undefined", name)
                return
            text = js.JSON.stringify(to_js([answer]))
            kind = "date " if hasattr(answer, "getTime") else ""
            add("answers", kind + json.dumps(json.loads(text)[0]), name)
        except Exception as error:
            refused = error.args[0] if error.args else error
            reason = getattr(refused, "reason", error)
            if self.query.has("brittle"):
                js.document.body.replaceChildren()
                return
            add("answers", "refused " + str(getattr(refused, "errorKey", "")) + ": " + str(reason), name)


def start():
    """Start the app."""
    _keep.append(PlainApp())
