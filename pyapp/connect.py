"""The only room that knows the Amazon Connect SDK: it speaks with the workspace and gives plain Python values.

    workspace = connect.open(timeout_ms, on_news)        # sends the hello at once
    workspace.ask_ahead(["agent.name"])                  # for a page that is not ready to take the answer
    workspace.send("agent.name", answered)               # answered(value, None), or answered(None, Unanswered(...))
    workspace.log("info", "App created")

`on_news(what, data)` is called with what the workspace tells, in its order: "contact" and "idle" (created, data the
permissions), "shown", "hidden", "destroyed", "connected", "acw", "missed", "cleared" (data {"contactId", ...}),
"state" (the agent's, by name), "theme" (light, dark, auto), "outside" (nobody answered), "error" (a message),
"defect" (an exception of this room's own).

A value is a text, number, dict, list or None. The SDK is the global `connectSDK` (ops/site/build.py bundles it). It queues what
is asked before the workspace has answered its hello, so nothing here waits. Facts about the SDK: its packages app, contact,
voice and core at 1.0.11.
"""

import json
from asyncio import core

import js
from desk import FAILED, NOTHING, REFUSED, TIMED_OUT, Unanswered
from jsffi import create_proxy, to_js

_USER = "aws.connect.user"
_stringify = js.JSON.stringify

# The contact's events: the SDK's method pairs on*/off*, and what they are called here.
_EVENTS = (
    ("Connected", "connected"),
    ("StartingAcw", "acw"),
    ("Missed", "missed"),
    ("Cleared", "cleared"),
)


def open(timeout_ms, on_news):
    """Send the hello and give the workspace; `timeout_ms` is how long its answer may take."""
    return Workspace(js.connectSDK, timeout_ms, on_news)


class Workspace:
    """The agent workspace around this page."""

    def __init__(self, sdk, timeout_ms, on_news):
        self.sdk_version = sdk.sdkVersion
        self.contact_id = ""  # explicit, from the scope; until then the SDK's word for "this iframe's contact"
        self._scope = sdk.AppContactScope.CurrentContactId
        self._idle = False
        self._news = on_news
        self._subscribed = []
        self._logger = None
        self._ahead = {}  # a question's name -> Ahead
        config = {
            "onCreate": self._created,
            "onDestroy": self._destroyed,
            "workspace": {"connectionTimeout": timeout_ms},
        }
        self._provider = sdk.AmazonConnectApp.init(to_js(config)).provider
        self._provider.onError(self._error)
        self._agent = sdk.AgentClient.new(self._provider)
        self._contact = sdk.ContactClient.new(self._provider)
        self._voice = sdk.VoiceClient.new(self._provider)
        self._sdk = sdk

    # -- asking -------------------------------------------------------------------------------------------------------

    def ask_ahead(self, names):
        """Start requests that `send` will be asked for: each answer is kept for the first who asks.

        An empty list forgets what nobody has asked for.
        """
        self._ahead = {}
        for name in names:
            self._ahead[name] = ahead = Ahead()
            self._request(name, ahead.settle)

    def send(self, name, answered):
        """Start a request now; `answered(value, trouble)` is called once, with the value or with an Unanswered."""
        ahead = self._ahead.pop(name, None)
        if self._idle and name[:8] == "contact.":
            answered(None, Unanswered(NOTHING))
        elif ahead:
            ahead.hand_to(answered)
        else:
            self._request(name, answered)

    def _request(self, name, answered):
        if name == "theme":
            user = self._sdk.ConnectClient.new(_USER, self._provider)
            promise = user.context.proxy.request("getTheme")
        elif name in _OF_AGENT:
            promise = getattr(self._agent, _OF_AGENT[name])()
        elif name == "contact.attributes":
            promise = self._contact.getAttributes(self._scope, "*")
        elif name == "contact.phone_number":
            promise = self._voice.getInitialCustomerPhoneNumber(self._scope)
        else:
            promise = getattr(self._contact, _OF_CONTACT[name])(self._scope)

        # Not awaited: a task for each question would cost the start-up some milliseconds.
        def answer(value):
            answered(_plain(value), None)
            run_tasks()

        def refuse(error):
            answered(None, _unanswered(error))
            run_tasks()

        promise.then(answer, refuse)

    def log(self, level, message, data=None):
        """Write to the SDK's logger (and so to the workspace); `data` is a dict without personal data."""
        if self._logger is None:
            self._logger = self._agent.context.createLogger("popdesk")
        getattr(self._logger, level)(message, to_js(data or {}))

    # -- being told ---------------------------------------------------------------------------------------------------

    async def _created(self, event):
        await self._safely(self._begin, event.context)

    async def _destroyed(self, event):
        await self._safely(self._end, None)

    async def _safely(self, do, value):
        # An exception out of create's or destroy's handler would make the workspace remove the iframe.
        try:
            do(value)
        except Exception as error:
            self._news("defect", error)

    def _begin(self, context):
        scope = context.scope or context.contactScope
        contact = str(scope.contactId) if scope and str(scope.type) == "contact" else ""
        self._idle = not contact
        if contact:
            self.contact_id = self._scope = contact
        config = _plain(context.config) or {}
        self._news("contact" if contact else "idle", config.get("permissions"))
        self._subscribe()

    def _end(self, _):
        for unsubscribe in self._subscribed:
            unsubscribe()
        self._subscribed = []
        self._news("destroyed", None)

    def _subscribe(self):
        if self._subscribed:
            return
        self._provider.onStart(create_proxy(self._started))
        self._provider.onStop(create_proxy(self._stopped))
        self._listen(self._agent, "StateChanged", self._state_changed)
        if self.contact_id:
            for method, what in _EVENTS:
                self._listen(self._contact, method, self._contact_event(what), self.contact_id)
        theme = to_js({"namespace": _USER, "key": "visualModeChange"})
        handler = create_proxy(self._theme_changed)
        self._provider.subscribe(theme, handler)
        self._subscribed.append(lambda: self._provider.unsubscribe(theme, handler))

    def _listen(self, client, method, handler, *parameters):
        proxy = create_proxy(handler)
        getattr(client, "on" + method)(proxy, *parameters)
        self._subscribed.append(lambda: getattr(client, "off" + method)(proxy, *parameters))

    async def _started(self, event):
        self._news("shown", None)

    async def _stopped(self, event):
        self._news("hidden", None)

    async def _state_changed(self, data):
        self._news("state", data.state)

    def _contact_event(self, what):
        async def happened(data):
            self._news(what, _plain(data))

        return happened

    async def _theme_changed(self, data):
        self._news("theme", data.visualMode)

    def _error(self, error):
        if str(error.key) == "workspaceConnectTimeout":
            self._news("outside", None)
        else:
            self._news("error", str(error.message))


class Ahead:
    """The answer to a question that nobody has asked yet: kept for who will, or handed on as it comes."""

    def __init__(self):
        self._answer = None
        self._answered = None

    def settle(self, value, trouble):
        """Take the answer, as `send` gives it."""
        self._answer = (value, trouble)
        if self._answered:
            self._answered(value, trouble)

    def hand_to(self, answered):
        """Call `answered` with the answer, now or when it comes."""
        self._answered = answered
        if self._answer:
            answered(*self._answer)


# A question's name -> the client's method that asks it.
_OF_AGENT = {
    "agent.arn": "getARN",
    "agent.name": "getName",
    "agent.state": "getState",
    "agent.routing_profile": "getRoutingProfile",
    "agent.channel_concurrency": "getChannelConcurrency",
}
_OF_CONTACT = {
    "contact.channel": "getChannelType",
    "contact.queue": "getQueue",
    "contact.queue_timestamp": "getQueueTimestamp",
    "contact.state_duration": "getStateDuration",
    "contact.initial_id": "getInitialContactId",
}


def _unanswered(error):
    """Say why from what the SDK rejects with: an object with `errorKey` and `reason`, an Error or not."""
    key, reason = str(getattr(error, "errorKey", "")), str(getattr(error, "reason", ""))
    if key == "clientTimeout":
        return Unanswered(TIMED_OUT)
    if key == "noResult":
        return Unanswered(NOTHING)
    # AWS does not document the keys of refusals; the text is its own (sure from its documentation).
    if "permission" in reason:
        return Unanswered(REFUSED, reason)
    return Unanswered(FAILED, reason or str(getattr(error, "message", "")))


def _plain(value):
    """Give a JavaScript value as Python: JSON keeps large numbers and turns a Date into ISO 8601 text.

    Through the proxy, integers of 2**31 and more would be cut off.
    """
    if value is None or isinstance(value, (str, bool, float)):
        return value
    text = _stringify(value)
    return json.loads(text) if isinstance(text, str) else None


def parse_url(url):
    """Give an absolute URL's parts as the browser reads them (screenpop.py's `parse`), or None."""
    parsed = js.URL.parse(url)
    if not parsed:
        return None
    return {
        "protocol": str(parsed.protocol),
        "host": str(parsed.host),
        "origin": str(parsed.origin),
        "username": str(parsed.username),
        "password": str(parsed.password),
        "href": str(parsed.href),
    }


def run_tasks():
    """Run the tasks that are due, now: what waits for an answer is drawn with it.

    By itself, asyncio runs them from a timer that browsers hold back by 4 ms, and that every further answer puts off.
    Not to be called in a task.
    """
    core._run_iter()


def alone():
    """Say whether this page is nobody's frame: opened by itself, outside any workspace."""
    return bool(getattr(js.Object, "is")(js.window.parent, js.window))


# What has been popped in this tab, by contact: a reload of the workspace makes the page anew, not the contact.
_MEMORY = "popdesk.popped"
_REMEMBERED = 50


async def remembered():
    """Give the contacts' ids that `remember` has kept in this tab; none where the browser denies a frame its storage."""
    try:
        storage = await _storage()
        return json.loads(storage.getItem(_MEMORY) or "[]")
    except Exception:
        return []  # denied, or not ours: then a reload may pop once more


async def remember(contact_ids):
    """Keep contacts' ids for this tab's life."""
    try:
        (await _storage()).setItem(_MEMORY, json.dumps(contact_ids[-_REMEMBERED:]))
    except Exception:
        return  # denied: see remembered()


def _storage():
    # A denied storage throws at the mere look at it, which Python cannot catch; a promise's rejection it can.
    return getattr(js.Promise, "try")(js.Reflect.get(js.Reflect, "get"), js.window, "sessionStorage")
