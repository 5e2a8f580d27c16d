"""The only module that knows the Amazon Connect SDK: it speaks with the workspace and gives plain Python values.

    workspace = connect.open(timeout_ms)            # sends the hello at once
    workspace.send("agent.name", answered)          # answered(value, None), or answered(None, Unanswered(...))
    workspace.listen(on_news)
    workspace.log("info", "App created")

`on_news(what, data)` is called with what the workspace tells, in its order: "contact" and "idle" (created, data
{"contactId", "permissions", "parameters"}, permissions None where they are not told), "shown", "hidden", "destroyed",
"connected", "acw", "missed", "cleared" (data {"contactId", "initialContactId"}), "state" (the agent's, by name; None when
the event names none), "theme" (light, dark, auto), "outside" (nobody answered), "error" (a message), "defect" (an exception
of this module's own).

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

if False:
    from collections.abc import Callable
    from typing import Any

    Answered = Callable[[Any, Exception | None], None]


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


def open(timeout_ms: int) -> "Workspace":
    """Send the hello and return the workspace; `timeout_ms` is how long its answer may take."""
    return Workspace(js.connectSDK, timeout_ms)


class Workspace:
    """The agent workspace around this page."""

    def __init__(self, sdk: "Any", timeout_ms: int) -> None:
        self.sdk_version = sdk.sdkVersion
        self._contact_id = ""  # explicit, from the scope; until then the SDK's word for "this iframe's contact"
        self._scope = sdk.AppContactScope.CurrentContactId
        self._idle = False
        self._earlier: "list[tuple[str, Any]]" = []  # news that nobody listened to
        self._news: "Callable[[str, Any], None]" = lambda what, data: self._earlier.append((what, data))
        self._subscribed: "list[Callable[[], Any]]" = []
        self._logger: "Any" = None
        config = {
            "onCreate": callback(self._created),
            "onDestroy": callback(self._destroyed),
            "workspace": {"connectionTimeout": timeout_ms},
        }
        self._provider = sdk.AmazonConnectApp.init(to_js(config)).provider
        self._provider.onError(callback(self._error))
        self._sdk = sdk
        self._clients: "dict[str, Any]" = {}  # the SDK's, by the names of their classes

    # -- asking -------------------------------------------------------------------------------------------------------

    def send(self, name: str, answered: "Answered") -> None:
        """Start a request now; `answered(value, problem)` is called once, with the value or with an Unanswered."""
        about_contact = name[:8] == "contact."
        if self._idle and about_contact:
            answered(None, Unanswered(NOTHING))
            return
        client, method, permission, *arguments = QUESTIONS[name]
        if about_contact:
            arguments.insert(0, self._scope)
        self._settle(getattr(self._client(client), method)(*arguments), permission, answered)

    def call(self, client: str, method: str, permission: str, arguments: "list[Any]", answered: "Answered") -> None:
        """Send what is none of the questions (handling.py, recall.py); `answered` as for `send`.

        ContactClient's get the contact first, but for what is asked of a participant.
        """
        given = [to_js(each) for each in arguments]
        if client == "ContactClient" and method != "getParticipantState":
            if self._idle:
                answered(None, Unanswered(NOTHING))
                return
            given.insert(0, self._scope)
        self._settle(getattr(self._client(client), method)(*given), permission, answered)

    def ask_theme(self, answered: "Answered") -> None:
        """Ask for the workspace's theme; `answered` as for `send`."""
        user = self._sdk.ConnectClient.new(_USER, self._provider)
        self._settle(user.context.proxy.request("getTheme"), "", answered)

    def _client(self, name: str) -> "Any":
        if name not in self._clients:
            self._clients[name] = getattr(self._sdk, name).new(self._provider)
        return self._clients[name]

    def _settle(self, promise: "Any", permission: str, answered: "Answered") -> None:
        # Not awaited: a task for each question would cost the start-up some milliseconds.
        def answer(text: "str | None" = None, *_: "Any") -> None:
            answered(None if text is None else json.loads(text), None)
            run_tasks()

        def refuse(error: "Any" = None, *_: "Any") -> None:
            answered(None, _unanswered(error, permission))
            run_tasks()

        # Written as JSON on JavaScript's side: what cannot be (a cycle) rejects there, and would be thrown through Python here.
        promise.then(_to_json).then(answer, refuse)

    def log(self, level: str, message: str, data: "dict[str, str] | None" = None) -> None:
        """Write to the SDK's logger (and so to the workspace); `data` is a dict without personal data."""
        if self._logger is None:
            self._logger = self._client("AgentClient").context.createLogger("popdesk")
        getattr(self._logger, level)(message, to_js(data or {}))

    # -- news -------------------------------------------------------------------------------------------------------

    def listen(self, on_news: "Callable[[str, Any], None]") -> None:
        """Call on_news(what, data) for all news from the first on; it must not raise."""
        self._news = on_news
        for what, data in self._earlier:
            on_news(what, data)
        self._earlier = []

    def _created(self, event: "Any") -> None:
        self._safely(self._begin, event)

    def _destroyed(self, event: "Any") -> None:
        self._safely(self._end, event)

    def _safely(self, do: "Callable[[Any], None]", value: "Any") -> None:
        # An exception out of create's or destroy's handler would make the workspace remove the iframe.
        try:
            do(value)
        except Exception as error:
            self._news("defect", error)

    def _begin(self, event: "Any") -> None:
        context = event.context
        scope = _object(_field(context, "scope")) or _object(_field(context, "contactScope"))
        contact = scope.get("contactId") if scope.get("type") == "contact" else ""
        self._idle = not contact
        if contact:
            self._contact_id = self._scope = str(contact)
        permissions = _object(_field(context, "config")).get("permissions")
        known = {
            "contactId": self._contact_id,
            "permissions": permissions if isinstance(permissions, list) else None,
            "parameters": _object(_field(context, "parameters")),
        }
        self._news("contact" if contact else "idle", known)
        self._subscribe()

    def _end(self, _: "Any") -> None:
        for unsubscribe in self._subscribed:
            unsubscribe()
        self._subscribed = []
        self._news("destroyed", None)

    def _subscribe(self) -> None:
        if self._subscribed:
            return
        self._provider.onStart(callback(lambda _: self._news("shown", None)))
        self._provider.onStop(callback(lambda _: self._news("hidden", None)))
        self._listen(self._client("AgentClient"), "StateChanged", self._state_changed)
        if self._contact_id:
            for method, what in _EVENTS:
                self._listen(self._client("ContactClient"), method, self._contact_event(what), self._contact_id)
        theme = to_js({"namespace": _USER, "key": "visualModeChange"})
        handler = callback(lambda data: self._news("theme", _object(data).get("visualMode")))
        self._provider.subscribe(theme, handler)
        self._subscribed.append(lambda: self._provider.unsubscribe(theme, handler))

    def _listen(self, client: "Any", method: str, handler: "Callable[[Any], None]", *parameters: "Any") -> None:
        proxy = callback(handler)
        getattr(client, "on" + method)(proxy, *parameters)
        self._subscribed.append(lambda: getattr(client, "off" + method)(proxy, *parameters))

    def _state_changed(self, data: "Any") -> None:
        state = _object(data).get("state")
        self._news("state", state if isinstance(state, str) else None)

    def _contact_event(self, what: str) -> "Callable[[Any], None]":
        def happened(data: "Any") -> None:
            told = _object(data)
            # What is undefined is not among its fields, and the initial id of a contact that was not transferred is.
            contact = told.get("contactId") or self._contact_id
            self._news(what, {"contactId": contact, "initialContactId": told.get("initialContactId") or contact})

        return happened

    def _error(self, error: "Any") -> None:
        key = _field(error, "key")
        if key == "workspaceConnectTimeout":
            self._news("outside", None)
        else:
            self._news("error", str(_field(error, "message") or key or "an error without a message"))


def _unanswered(error: "Any", permission: str) -> Unanswered:
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


def _plain(value: "Any") -> "Any":
    """Return a JavaScript value as Python: JSON keeps large numbers and turns a Date into ISO 8601 text.

    Through the proxy, integers of 2**31 and more would be cut off.
    """
    if value is None or isinstance(value, (str, bool, float)):
        return value
    text = _stringify(value)
    return json.loads(text) if isinstance(text, str) else None


def _field(owner: "Any", name: str) -> "Any":
    """Return a field of a JavaScript object as it is there, None where there is none or nothing in it."""
    return defined(getattr(owner, name, None))


def _object(value: "Any") -> "dict[str, Any]":
    """Return a JavaScript object as a dict; an empty one for anything that is no object."""
    plain = _plain(value)
    return plain if isinstance(plain, dict) else {}
