"""One running app's conversation with the workspace: what is sent, and how each message of the app is answered. Pure.

    instance = Instance("4711", app, contact_id="c1", apps=apps)
    instance.hello({"sdkVersion": "1.0.11", "providerId": "p"})     # acknowledge, then the lifecycle's create
    instance.receive({"type": "request", "command": "agent/getName", ...})
    instance.publish("aws.connect.contact", "contact/connected", "c1", {...})

Messages go out through `apps.send(instance, message)`. A message's times are `{"$date": ms}` and become Dates at the
edge. The rules are those of the SDK's own source (core/proxy, app/lifecycle at 1.0.11): it ignores start and stop
until the create handler is done, reports that with appLifecycleHandlerCompleted (for create and destroy only), and
wants a topic back exactly as it subscribed.
"""

import json

from model.ids import REGION
from model.moment import moment
from model.permissions import USER, allows, needed_for_topic
from protocol import requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from protocol.apps import App, Apps

    Message = dict[str, Any]

LOADING = "loading"  # the iframe is there, its app has not said hello
CREATING = "creating"  # acknowledged; the app's onCreate runs
STOPPED = "stopped"  # created and hidden
RUNNING = "running"  # created and shown
DESTROYING = "destroying"
GONE = "gone"

GUIDE = "guide"  # what launched an app that a guide's view shows
HEALTH_CHECK_INTERVAL = 10000
# More subscriptions than there are events: an app that goes on subscribing is refused.
MOST_SUBSCRIPTIONS = 1000
# Topics below it are published by the workspace alone, the others are between apps.
_WORKSPACES_OWN = "aws.connect."


class Instance:
    """One app in one iframe. `contact_id` is "" for an idle instance and for one that serves all contacts.

    A service (docs.aws.amazon.com/agentworkspace/latest/devguide/building-3P-services.html) hears every contact's events,
    is on no contact itself, and gets create alone: neither start and stop nor destroy.
    """

    def __init__(
        self,
        instance_id: str,
        app: "App",
        contact_id: str,
        apps: "Apps",
        parameters: "dict[str, Any] | None" = None,
        launched_by: str = "",
        launch_key: str = "",
        path: str = "",
    ) -> None:
        self.id = instance_id
        self.app = app
        self.contact_id = contact_id
        self.apps = apps
        self.parameters = parameters
        self.launched_by = launched_by
        self.launch_key = launch_key
        self.path = path
        self.number = 0
        self.label = app.name
        self.serves_all = app.scope == "CROSS_CONTACTS" and not contact_id and not app.is_service
        self.state = LOADING
        self.visible = False
        self.error = ""
        self.sdk_version = ""
        self.connection_id = ""
        self.started = apps.desk.clock()
        self.restarted = False
        self.ending = False
        self.requests = 0
        self._health = 0
        self._topics: dict[tuple[str, str], dict[str, Message]] = {}
        self._after: list[Callable[[], Any]] = []

    # -- the workspace's side ------------------------------------------------------------------------------------------

    def hello(self, message: "Message") -> None:
        """The app said connect-app-host-init (again, if its page was loaded anew): acknowledge and create it."""
        if self.ending:
            return
        self.sdk_version = str(message.get("sdkVersion", ""))
        self._topics = {}
        if self.apps.faults.drop_acknowledge:
            self.apps.note(self, {"type": "fault", "event": "acknowledge dropped"})
            return
        self.connection_id = self.apps.desk.new_id()
        self.error = ""
        self.state = CREATING
        self._send(
            {
                "type": "acknowledge",
                "connectionId": self.connection_id,
                "status": {"initialized": True, "startTime": moment(self.started)},
                "healthCheckInterval": self.apps.health_check_interval,
            }
        )
        self._lifecycle("create")

    def show(self, visible: bool) -> None:
        """Start the app that the agent sees now, stop one that is hidden."""
        self.visible = visible
        if visible and self.state == STOPPED:
            self.state = RUNNING
            self._lifecycle("start")
        elif not visible and self.state == RUNNING:
            self.state = STOPPED
            self._lifecycle("stop")

    def destroy(self) -> bool:
        """Begin the end; return whether the app is to be waited for."""
        self.ending = True
        if self.state in (STOPPED, RUNNING):
            self.state = DESTROYING
            self._lifecycle("destroy")
        return self.state in (CREATING, DESTROYING)

    def publish(self, namespace: str, key: str, about: str, data: "Any") -> None:
        """Send an event to the app for each subscription it fits; `about`: a contact's or participant's id, or ""."""
        topics = self._topics.get((namespace, key))
        if not topics:
            return
        for parameter in topics:
            if self._fits(parameter, about, data):
                self._send({"type": "publish", "topic": topics[parameter], "data": data})

    def _fits(self, parameter: str, about: str, data: "Any") -> bool:
        if not about:
            return True
        if parameter and parameter != requests.CURRENT_CONTACT:
            return parameter == about
        if (self.serves_all or self.app.is_service) and not parameter:
            return True
        # What one app publishes to the others (`relay`) may be anything.
        said = data.get("contactId") if isinstance(data, dict) else None
        # "If no contact ID is provided, then it uses the context of the current contact that the app was opened on"
        # (AWS's page of every contact event).
        return requests.resolve_contact(self.apps.desk, self, "") == (said or about)

    def subscriptions(self) -> "list[Message]":
        """Return the topics the app is subscribed to, as it named them."""
        return [topic for topics in self._topics.values() for topic in topics.values()]

    def info(self) -> "Message":
        """Return the SDK's AppInfo."""
        config = self.app.config()
        info = {
            "instanceId": self.id,
            "config": {key: config[key] for key in ("arn", "namespace", "id", "name", "description")},
            "startTime": moment(self.started),
            "state": {LOADING: "starting", CREATING: "starting", DESTROYING: "closing"}.get(self.state, "active"),
            "appCreateOrder": self.number,
            "appManagerId": "workspace",
            "launchedBy": self._launch_source(),
            "scope": self.scope(),
        }
        if self.error:
            info["state"] = "error"
        if self.parameters:
            info["parameters"] = self.parameters
        if self.launch_key:
            info["launchKey"] = self.launch_key
        return info

    def iframe_permissions(self) -> "tuple[list[str], list[str]]":
        """Return (sandbox, allow) of the iframe: as registered, but in a guide's view, which does not support that."""
        app = self.app
        return (app.guide_sandbox, app.guide_allow) if self.launched_by == GUIDE else (app.sandbox, app.allow)

    def scope(self) -> dict[str, str]:
        """Return the SDK's AppScope."""
        return {"type": "contact", "contactId": self.contact_id} if self.contact_id else {"type": "idle"}

    def after_answer(self, action: "Callable[[], Any]") -> None:
        """Do something once the answer to the present request is on its way."""
        self._after.append(action)

    def _launch_source(self) -> dict[str, str]:
        return {"type": "internal", "name": self.launched_by} if self.launched_by else {"type": "internal"}

    def _lifecycle(self, stage: str) -> None:
        config = self.app.config()
        message = {
            "type": "appLifecycle",
            "stage": stage,
            "instanceId": self.id,
            "appInstanceId": self.id,
            "config": config,
            "appConfig": config,
            "region": REGION,
        }
        if not self.app.is_service:
            message["scope"] = self.scope()
            message["launchedBy"] = self._launch_source()
        if self.contact_id:
            message["contactScope"] = message["scope"]
        if self.parameters:
            message["parameters"] = self.parameters
        self._send(message)

    def _send(self, message: "Message", about: str = "") -> None:
        self.apps.send(self, message, about)

    # -- the app's messages --------------------------------------------------------------------------------------------

    def receive(self, message: "Message") -> None:
        """Handle a message of the app. What asks for nothing (log, metric) is only logged."""
        kind = message.get("type")
        if kind == "request":
            self._request(message)
        elif kind in ("subscribe", "unsubscribe", "appPublish"):
            self._about_a_topic(kind, message)
        elif kind == "healthCheck":
            self._health += 1
            self._send({"type": "healthCheckResponse", "time": self.apps.desk.clock(), "counter": self._health})
        elif kind == "appLifecycleHandlerCompleted":
            self._completed(message.get("stage"))
        elif kind == "serviceError" and self.app.is_service:
            self.apps.service_failed(self, str(message.get("message") or ""))
        elif kind == "closeApp" and not self.app.is_service:
            self.apps.closed_by_app(self, bool(message.get("isFatalError")), str(message.get("message") or ""))
        elif kind == "log":
            data = message.get("data")
            if message.get("message") == "print" and isinstance(data, dict):
                self.apps.on_print(str(data.get("text")))
        elif kind not in ("metric", "serviceError", "closeChannel", "childUpstream"):
            self.apps.note(self, {"type": "unknown message", "event": str(kind)})

    def _completed(self, stage: "Any") -> None:
        if stage == "create" and self.state == CREATING:
            self.state = RUNNING if self.app.is_service else STOPPED
            if self.app.is_service:
                self.apps.on_news()
            elif self.ending:
                self.destroy()
            else:
                self.show(self.visible)
                self.apps.on_news()
        elif stage == "destroy" and self.state == DESTROYING:
            self.apps.remove(self)

    def _request(self, message: "Message") -> None:
        namespace = str(message.get("namespace"))
        command = str(message.get("command"))
        self.requests += 1
        plan = self.apps.faults.plan(command)
        if plan is None:
            self._send(self._response(namespace, command, message), command)
        elif plan.hang:
            self.apps.note(self, {"type": "fault", "event": "never answered: " + command})
        elif plan.answer is not None:
            data = plan.answer
            self._answer_later(plan.delay, command, lambda: self._with_data(namespace, message, data))
        elif plan.fail:
            self._answer_later(plan.delay, command, lambda: self._error(message, "internalServerError", plan.fail))
        else:
            self._answer_later(plan.delay, command, lambda: self._response(namespace, command, message))
        if self._after and not (plan and plan.delay):
            self._run_after()

    def _answer_later(self, delay: float, command: str, make: "Callable[[], Message]") -> None:
        # The answer is made when it goes out: it says how things are then.
        def answer_now() -> None:
            if self.state != GONE:
                self._send(make(), command)
                self._run_after()

        if delay:
            self.apps.after(delay, answer_now)
        else:
            answer_now()

    def _run_after(self) -> None:
        actions, self._after = self._after, []
        for action in actions:
            action()

    def _response(self, namespace: str, command: str, message: "Message") -> "Message":
        request = requests.Request(self.apps.desk, self, self.apps, message.get("data"))
        try:
            data = requests.answer(request, namespace, command, self.app.permissions)
        except requests.Refused as refused:
            return self._error(message, refused.key, refused.reason)
        return self._with_data(namespace, message, [] if data is None else [data])

    def _with_data(self, namespace: str, message: "Message", data: "list[Any]") -> "Message":
        """Return a response with what `data` holds; with nothing in it the app gets undefined."""
        response = {
            "type": "response",
            "namespace": namespace,
            "requestId": message.get("requestId"),
            "isError": False,
        }
        if data:
            response["data"] = data[0]
        return response

    def _error(self, message: "Message", key: str, reason: str) -> "Message":
        return {
            "type": "response",
            "namespace": message.get("namespace"),
            "requestId": message.get("requestId"),
            "isError": True,
            "errorKey": key,
            "reason": reason,
            "details": {"command": message.get("command"), "requestData": message.get("data")},
        }

    def refuse(self, request_id: "Any", key: str, reason: str) -> None:
        """Answer a request that cannot be done, whatever else it says."""
        self._send({"type": "response", "requestId": request_id, "isError": True, "errorKey": key, "reason": reason})

    def _about_a_topic(self, kind: str, message: "Message") -> None:
        topic: Any = message.get("topic")
        if not _is_topic(topic):
            self._refuse_topic(topic, "invalidTopic", "App named a topic that is none - Topic ")
        elif kind == "subscribe":
            self._subscribe(topic, message.get("handlerId"))
        elif kind == "unsubscribe":
            self._topics.get(_key(topic), {}).pop(topic.get("parameter") or "", None)
        elif topic["namespace"].startswith(_WORKSPACES_OWN):
            words = "App attempted to publish a topic of the workspace - Topic "
            self._refuse_topic(topic, "publishWithoutPermission", words)
        else:
            self.apps.relay(self, topic, message.get("data"))

    def _subscribe(self, topic: "Message", handler_id: "Any") -> None:
        if len(self.subscriptions()) >= MOST_SUBSCRIPTIONS:
            words = "App has " + str(MOST_SUBSCRIPTIONS) + " subscriptions, which is the most - Topic "
            self._refuse_topic(topic, "tooManySubscriptions", words)
        elif allows(self.app.permissions, needed_for_topic(topic["namespace"], topic["key"])):
            self._topics.setdefault(_key(topic), {})[topic.get("parameter") or ""] = topic
            if _key(topic) == (USER, "visualModeChange"):
                # The SDK's applyConnectTheme learns the present mode from this topic alone.
                data = {"visualMode": self.apps.desk.visual_mode, "previous": {"visualMode": None}}
                self._send({"type": "publish", "topic": topic, "data": data, "handlerId": handler_id})
        else:
            words = "App attempted to subscribe to topic without permission - Topic "
            self._refuse_topic(topic, "subscribeWithoutPermission", words)

    def _refuse_topic(self, topic: "Any", key: str, words: str) -> None:
        self._send(
            {
                "type": "error",
                "message": words + json.dumps(topic),
                "key": key,
                "isFatal": False,
                "status": {"initialized": True, "startTime": moment(self.started)},
                "details": {"topic": topic},
            }
        )


def _is_topic(topic: "Any") -> bool:
    """Return whether it is the SDK's SubscriptionTopic: {"namespace", "key", "parameter"?}, texts all."""
    if not isinstance(topic, dict) or not isinstance(topic.get("parameter", ""), (str, type(None))):
        return False
    return isinstance(topic.get("namespace"), str) and isinstance(topic.get("key"), str)


def _key(topic: "Message") -> tuple[str, str]:
    return topic["namespace"], topic["key"]
