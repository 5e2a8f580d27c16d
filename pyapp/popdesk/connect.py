"""The only module that knows the Amazon Connect SDK: it speaks with the workspace and gives plain Python values.

    workspace = connect.open(timeout_ms, on_news)        # sends the hello at once
    workspace.ask_ahead(["agent.name"])                  # for a page that is not ready to take the answer
    workspace.send("agent.name", answered)               # answered(value, None), or answered(None, Unanswered(...))
    workspace.log("info", "App created")

`on_news(what, data)` is called with what the workspace tells, in its order: "contact" and "idle" (created, data the
permissions), "shown", "hidden", "destroyed", "connected", "acw", "missed", "cleared" (data {"contactId", ...}),
"state" (the agent's, by name; None when the event names none), "theme" (light, dark, auto), "outside" (nobody answered),
"error" (a message), "defect" (an exception of this module's own).

A value is a text, number, dict, list or None. The SDK is the global `connectSDK` (ops/site/build.py bundles it). It queues what
is asked before the workspace has answered its hello, so nothing here waits. Facts about the SDK: its packages app, contact,
voice and core at 1.0.11.
"""

import json

import js
from jsffi import to_js

from popdesk.browser import callback, defined, run_tasks
from popdesk.desk import FAILED, NOTHING, REFUSED, TIMED_OUT, UNEXPECTED, Unanswered
from popdesk.questions import QUESTIONS

_USER = "aws.connect.user"
_stringify = js.JSON.stringify
# The function itself, to be called by JavaScript.
_to_json = js.Reflect.get(js.JSON, "stringify")

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
            "onCreate": callback(self._created),
            "onDestroy": callback(self._destroyed),
            "workspace": {"connectionTimeout": timeout_ms},
        }
        self._provider = sdk.AmazonConnectApp.init(to_js(config)).provider
        self._provider.onError(callback(self._error))
        self._sdk = sdk
        self._clients = {}  # the SDK's, by the names of their classes

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
        """Start a request now; `answered(value, problem)` is called once, with the value or with an Unanswered."""
        ahead = self._ahead.pop(name, None)
        if self._idle and name[:8] == "contact.":
            answered(None, Unanswered(NOTHING))
        elif ahead:
            ahead.hand_to(answered)
        else:
            self._request(name, answered)

    def _request(self, name, answered):
        client, method, permission, *arguments = QUESTIONS[name]
        if name[:8] == "contact.":
            arguments.insert(0, self._scope)
        self._settle(getattr(self._client(client), method)(*arguments), permission, answered)

    def ask_theme(self, answered):
        """Ask for the workspace's theme; `answered` as for `send`."""
        user = self._sdk.ConnectClient.new(_USER, self._provider)
        self._settle(user.context.proxy.request("getTheme"), "", answered)

    def _client(self, name):
        if name not in self._clients:
            self._clients[name] = getattr(self._sdk, name).new(self._provider)
        return self._clients[name]

    def _settle(self, promise, permission, answered):
        # Not awaited: a task for each question would cost the start-up some milliseconds.
        def answer(text=None, *_):
            answered(None if text is None else json.loads(text), None)
            run_tasks()

        def refuse(error=None, *_):
            answered(None, _unanswered(error, permission))
            run_tasks()

        # Written as JSON on JavaScript's side: what cannot be (a cycle) rejects there, and would be thrown through Python here.
        promise.then(_to_json).then(answer, refuse)

    def _forget(self, prefix):
        """Forget what was asked ahead under names that begin so: there was news, and those answers may be older."""
        for name in list(self._ahead):
            if name.startswith(prefix):
                del self._ahead[name]

    def log(self, level, message, data=None):
        """Write to the SDK's logger (and so to the workspace); `data` is a dict without personal data."""
        if self._logger is None:
            self._logger = self._client("AgentClient").context.createLogger("popdesk")
        getattr(self._logger, level)(message, to_js(data or {}))

    # -- being told ---------------------------------------------------------------------------------------------------

    def _created(self, event):
        self._safely(self._begin, event)

    def _destroyed(self, event):
        self._safely(self._end, event)

    def _safely(self, do, value):
        # An exception out of create's or destroy's handler would make the workspace remove the iframe.
        try:
            do(value)
        except Exception as error:
            self._news("defect", error)

    def _begin(self, event):
        context = event.context
        scope = _object(_field(context, "scope")) or _object(_field(context, "contactScope"))
        contact = scope.get("contactId") if scope.get("type") == "contact" else ""
        self._idle = not contact
        if contact:
            self.contact_id = self._scope = str(contact)
        permissions = _object(_field(context, "config")).get("permissions")
        self._news("contact" if contact else "idle", permissions if isinstance(permissions, list) else None)
        self._subscribe()

    def _end(self, _):
        for unsubscribe in self._subscribed:
            unsubscribe()
        self._subscribed = []
        self._news("destroyed", None)

    def _subscribe(self):
        if self._subscribed:
            return
        self._provider.onStart(callback(lambda _: self._news("shown", None)))
        self._provider.onStop(callback(lambda _: self._news("hidden", None)))
        self._listen(self._client("AgentClient"), "StateChanged", self._state_changed)
        if self.contact_id:
            for method, what in _EVENTS:
                self._listen(self._client("ContactClient"), method, self._contact_event(what), self.contact_id)
        theme = to_js({"namespace": _USER, "key": "visualModeChange"})
        handler = callback(lambda data: self._news("theme", _object(data).get("visualMode")))
        self._provider.subscribe(theme, handler)
        self._subscribed.append(lambda: self._provider.unsubscribe(theme, handler))

    def _listen(self, client, method, handler, *parameters):
        proxy = callback(handler)
        getattr(client, "on" + method)(proxy, *parameters)
        self._subscribed.append(lambda: getattr(client, "off" + method)(proxy, *parameters))

    def _state_changed(self, data):
        self._forget("agent.state")
        state = _object(data).get("state")
        self._news("state", state if isinstance(state, str) else None)

    def _contact_event(self, what):
        def happened(data):
            self._forget("contact.")
            told = _object(data)
            # What is undefined is not among its fields, and the initial id of a contact that was not transferred is.
            contact = told.get("contactId") or self.contact_id
            self._news(what, {"contactId": contact, "initialContactId": told.get("initialContactId") or contact})

        return happened

    def _error(self, error):
        key = _field(error, "key")
        if key == "workspaceConnectTimeout":
            self._news("outside", None)
        else:
            self._news("error", str(_field(error, "message") or key or "an error without a message"))


class Ahead:
    """The answer to a question that nobody has asked yet: kept for who will, or handed on as it comes."""

    def __init__(self):
        self._answer = None
        self._answered = None

    def settle(self, value, problem):
        """Take the answer, as `send` gives it."""
        self._answer = (value, problem)
        if self._answered:
            self._answered(value, problem)

    def hand_to(self, answered):
        """Call `answered` with the answer, now or when it comes."""
        self._answered = answered
        if self._answer:
            answered(*self._answer)


def _unanswered(error, permission):
    """Return why from what the SDK rejects with: an object with `errorKey` and `reason`, an Error or not."""
    key, reason = str(_field(error, "errorKey") or ""), str(_field(error, "reason") or "")
    if key == "clientTimeout":
        return Unanswered(TIMED_OUT)
    if key == "noResult":
        return Unanswered(NOTHING)
    # AWS does not document the keys of refusals; the text is its own (sure from its documentation).
    if "permission" in reason:
        return Unanswered(REFUSED, reason, permission)
    text = reason or str(_field(error, "message") or "")
    # Only the workspace's refusals have a key: without one, the SDK could not read the answer (it was null, say).
    return Unanswered(FAILED if key else UNEXPECTED, text)


def _plain(value):
    """Return a JavaScript value as Python: JSON keeps large numbers and turns a Date into ISO 8601 text.

    Through the proxy, integers of 2**31 and more would be cut off.
    """
    if value is None or isinstance(value, (str, bool, float)):
        return value
    text = _stringify(value)
    return json.loads(text) if isinstance(text, str) else None


def _field(owner, name):
    """Return a field of a JavaScript object as it is there, None where there is none or nothing in it."""
    return defined(getattr(owner, name, None))


def _object(value):
    """Return a JavaScript object as a dict; an empty one for anything that is no object."""
    plain = _plain(value)
    return plain if isinstance(plain, dict) else {}
