"""The registered apps and their running instances: which iframe exists for which contact, and which one is seen. Pure.

    apps = Apps(desk, faults, log, frames)
    apps.register(App("Popdesk", "http://localhost:8001/", permissions=[...]))
    apps.open(apps.default, contact_id="c1")     # makes an iframe; its app says hello, is created and started
    apps.sync()                                  # after the agent looked elsewhere: start and stop
    apps.start_services()                        # headless applications, alive as long as the workspace's page

A message of an app may be anything: what cannot be read or done is refused with a reason, and what is counted has a limit.
"""

from model.desk import NotPossible
from model.ids import ACCOUNT, REGION, identifier
from model.log import DOWN, NOTE, UP
from protocol import untrusted_json
from protocol.instance import CREATING, DESTROYING, GONE, GUIDE, HEALTH_CHECK_INTERVAL, LOADING, Instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Protocol

    from model.contact import Contact
    from model.desk import Desk
    from model.faults import Faults
    from model.log import Log

    class Frames(Protocol):
        """What the apps need of their iframes (protocol/frames.py)."""

        def make(self, instance: Instance) -> None:
            """Make an iframe, hidden."""

        def remove(self, instance: Instance) -> None:
            """Remove the iframe."""

        def show(self, instance: Instance, visible: bool) -> None:
            """Show or hide the iframe."""

        def send(self, instance: Instance, message: dict[str, Any]) -> str:
            """Send a message; return it as JSON text."""

        def failed(self, instance: Instance, message: str) -> None:
            """Show that the app ended with a fatal error."""

        def after(self, delay: float, action: Callable[[], Any]) -> None:
            """Call `action` after `delay` ms."""

        def address(self, app: "App", path: str) -> str:
            """Return the address of a path of an app, "" where it leads elsewhere."""


# How long the workspace waits for an app's onDestroy before it removes the iframe, ms.
DESTROY_LIMIT = 3000
# How long an app may take to say hello before its tab shows an error, ms (AppIntegrations' InitializationTimeout).
INITIALIZATION_TIMEOUT = 5000
# How long a guide's view is shown before it is shown again, where the preview server says nothing (ops/flows/definitions.py).
VIEW_SECONDS = 400
# More apps than anybody has open at once: an app that goes on launching is refused.
MOST_INSTANCES = 30
SCOPES = ("PER_CONTACT", "CROSS_CONTACTS")
# What an application's iframe may where nothing else is registered, and in a guide's view whatever is registered
# (docs.aws.amazon.com/connect/latest/adminguide/3p-apps-iframe-permissions.html).
SANDBOX = ("allow-forms", "allow-popups", "allow-same-origin", "allow-scripts")


class App:
    """A registered application as AppIntegrations knows it; `permissions` is a list, changed in place when granted.

    `guide_sandbox` and `guide_allow` are what its iframe gets in a guide's view. A service (ApplicationType SERVICE) is
    headless: its iframe is never shown.
    """

    def __init__(
        self,
        name: str,
        url: str,
        scope: str = "PER_CONTACT",
        sandbox: "Iterable[str]" = SANDBOX,
        allow: "Iterable[str]" = (),
        permissions: "Iterable[str]" = (),
        number: int = 1,
        is_service: bool = False,
    ) -> None:
        self.name = name
        self.url = url
        self.is_service: bool = is_service
        self.scope = scope if scope in SCOPES else SCOPES[0]
        self.sandbox = list(sandbox)
        self.allow = list(allow)
        self.guide_sandbox: list[str] = list(SANDBOX)
        self.guide_allow: list[str] = []
        self.permissions = list(permissions)
        self.requested = list(permissions)
        self.id = identifier(number)
        self.arn = "arn:aws:app-integrations:" + REGION + ":" + ACCOUNT + ":application/" + self.id
        self.namespace = "".join(letter if letter.isalpha() else "-" for letter in name.lower())

    def config(self) -> "dict[str, Any]":
        """Return the SDK's AppConfig, a service's ServiceConfig."""
        config = {
            "arn": self.arn,
            "namespace": self.namespace,
            "id": self.id,
            "name": self.name,
            "description": self.name,
            "accessUrl": self.url,
            "initializationTimeout": INITIALIZATION_TIMEOUT,
            "permissions": list(self.permissions),
            "iframeConfig": {"allow": self.allow, "sandbox": self.sandbox},
        }
        own = (
            {"applyToAgentWorkspace": True}
            if self.is_service
            else {"_type": "iframe", "contactHandling": {"scope": self.scope}}
        )
        config.update(own)
        return config


class Apps:
    """All apps and instances. `on_change()` is called when what the agent sees may have changed.

    `on_news()` is called instead when an app's message did it: to be drawn when its next messages have been answered.
    """

    def __init__(self, desk: "Desk", faults: "Faults", log: "Log", frames: "Frames") -> None:
        self.desk = desk
        self.faults = faults
        self.log = log
        self.frames = frames
        self.registered: list[App] = []
        self.instances: list[Instance] = []
        self.services: list[Instance] = []
        self.on_change: Callable[[], None] = lambda: None
        self.on_news: Callable[[], None] = lambda: None
        self.on_outbound: Callable[[Contact], None] = lambda contact: None
        self.on_transfer: Callable[[Contact, dict[str, Any]], None] = lambda contact, to: None
        self.on_defect: Callable[[Exception], None] = lambda error: None
        self.on_print: Callable[[str], None] = lambda text: None
        self.health_check_interval = HEALTH_CHECK_INTERVAL
        self.view_seconds: float = VIEW_SECONDS
        self.secrets: list[str] = []  # names of attributes that no log has
        self.made = 0
        self._tabs: dict[str, str] = {}
        desk.on_event = self.publish

    # -- registered apps -----------------------------------------------------------------------------------------------

    @property
    def default(self) -> App | None:
        """The app that a contact opens: the first one registered that is no service, or None."""
        return next((app for app in self.registered if not app.is_service), None)

    def register(self, app: App, first: bool = False) -> App:
        """Add an app, or replace the one of the same name."""
        kept = [each for each in self.registered if each.name != app.name]
        self.registered = [app] + kept if first else kept + [app]
        self.changed()
        return app

    def configure(self, app: App) -> None:
        """Take the registration of the preview server's app; its instances keep running where it is known already."""
        known = self.find_app(app.name)
        if known is None:
            self.register(app)
            return
        if known.requested != app.requested:
            known.permissions[:] = app.permissions
        known.requested = app.requested
        known.url, known.scope, known.sandbox, known.allow = app.url, app.scope, app.sandbox, app.allow
        known.is_service = app.is_service

    def find_app(self, arn_or_name: str | None) -> App | None:
        """Return the app with this ARN or name, or None."""
        return next((app for app in self.registered if arn_or_name in (app.arn, app.name)), None)

    def check_address(self, app: App, path: str = "") -> str:
        """Return the address of an app, or of a path of it. Raises NotPossible where it is none, or not the app's own."""
        address = self.frames.address(app, path)
        if not address:
            why = "the path " + path + " leads away from " if path else "this is no address of a page: "
            raise NotPossible(why + app.url)
        return address

    # -- instances -----------------------------------------------------------------------------------------------------

    def open(
        self,
        app: App,
        contact_id: str = "",
        path: str = "",
        parameters: "dict[str, Any] | None" = None,
        launched_by: str = "",
        launch_key: str = "",
        focus: bool = True,
        idle: bool = False,
        scoped: bool = False,
    ) -> Instance:
        """Open an app for a contact (or idle), or show the instance there is; return the instance.

        A CROSS_CONTACTS app has one instance for all contacts, whichever opens it first, unless it is launched with a scope
        of its own (`scoped`): "The launch-time scope always takes precedence"
        (docs.aws.amazon.com/agentworkspace/latest/devguide/getting-started-application-contact-scope.html). `idle`: without a
        contact. An app that runs with the same launch key is shown, whatever else is asked.

        Raises NotPossible where the path leads elsewhere, too many apps are open, or the app is a service.
        """
        if app.is_service:
            raise NotPossible(app.name + " is a service: it has run since the workspace was opened, and is not shown")
        self.check_address(app, path)
        if idle or (app.scope == "CROSS_CONTACTS" and not scoped):
            contact_id = ""
        for instance in self.instances:
            if launch_key:
                same = instance.launch_key == launch_key
            else:
                same = instance.app is app and instance.contact_id == contact_id and instance.path == path
            if same and not instance.ending:
                return self._focused(instance, focus)
        if len(self.instances) >= MOST_INSTANCES:
            raise NotPossible("at most " + str(MOST_INSTANCES) + " apps may be open: close one first")
        instance = Instance(self.desk.new_id(), app, contact_id, self, parameters, launched_by, launch_key, path)
        return self._begin(instance, focus)

    def _begin(self, instance: Instance, focus: bool) -> Instance:
        self.made += 1
        instance.number = self.made
        instance.label = instance.app.name + " " + str(self.made)
        self.instances.append(instance)
        self._load(instance)
        if instance.launched_by == GUIDE:
            self.frames.after(self.view_seconds * 1000, lambda: self.show_view_again(instance))
        return self._focused(instance, focus)

    def _load(self, instance: Instance) -> None:
        self.frames.make(instance)
        self.frames.after(INITIALIZATION_TIMEOUT, lambda: self._check_hello(instance))

    def show_view_again(self, instance: Instance) -> None:
        """Make the iframe of a guide's view anew: its time is up, and the guide's flow shows it again."""
        if instance in self.instances and not instance.ending:
            self.note(instance, {"type": "guide", "event": "its view's time is up: it is shown again"})
            self.end(instance, restarted=True)

    # -- services ------------------------------------------------------------------------------------------------------

    def start_services(self) -> None:
        """Start the registered services that do not run: each once, for as long as the workspace's page is open."""
        running = [instance.app.name for instance in self.services]
        for app in self.registered:
            if app.is_service and app.name not in running:
                self._start_service(app)

    def _start_service(self, app: App) -> None:
        instance = Instance(self.desk.new_id(), app, "", self)
        self.made += 1
        instance.number = self.made
        self.services.append(instance)
        self._load(instance)

    def services_begin(self) -> bool:
        """Return whether a service is still to say hello: a real workspace lets no agent in before
        (docs.aws.amazon.com/agentworkspace/latest/devguide/building-3P-services-startup-process.html)."""
        return any(each.state == LOADING and not each.error for each in self.services)

    def service_failed(self, instance: Instance, message: str) -> None:
        """Keep that a service said that it failed."""
        instance.error = message or "The service failed without a message."
        self.note(instance, {"type": "service failed", "event": message})
        self.changed()

    def _focused(self, instance: Instance, focus: bool) -> Instance:
        if focus or not self._tabs.get(self.desk.selected):
            self._tabs[self._place(instance)] = instance.id
        self.sync()
        return instance

    def _place(self, instance: Instance) -> str:
        return self.desk.selected if instance.serves_all else instance.contact_id

    def _check_hello(self, instance: Instance) -> None:
        if instance.state == LOADING and instance in self.running():
            service = instance.app.is_service
            instance.error = (
                ("The service " if service else "The app ")
                + "did not say hello within "
                + str(INITIALIZATION_TIMEOUT // 1000)
                + " s. Is it served at "
                + instance.app.url
                + ", may it be framed here, and does it call "
                + ("AmazonConnectService" if service else "AmazonConnectApp")
                + ".init?"
            )
            self.note(instance, {"type": "initialization timeout", "event": instance.app.url})
            self.changed()

    def running(self) -> list[Instance]:
        """Return all instances, those of services too."""
        return self.services + self.instances

    def tabs(self, contact_id: str) -> list[Instance]:
        """Return the instances that belong to a contact's tabs ("": no contact), in the order they were made."""
        return [
            each for each in self.instances if (each.serves_all or each.contact_id == contact_id) and not each.ending
        ]

    def active(self, contact_id: str) -> Instance | None:
        """Return the instance shown for a contact, or None."""
        tabs = self.tabs(contact_id)
        for instance in tabs:
            if instance.id == self._tabs.get(contact_id):
                return instance
        return tabs[-1] if tabs else None

    def select_tab(self, instance: Instance) -> None:
        """Show this instance where it belongs."""
        self._focused(instance, True)

    def sync(self) -> None:
        """Show the one instance the agent looks at and hide the others: start and stop."""
        seen = self.active(self.desk.selected)
        for instance in self.instances:
            if instance.ending:
                continue
            visible = instance is seen
            if visible != instance.visible:
                self.frames.show(instance, visible)
                instance.show(visible)
        self.changed()

    def end(self, instance: Instance, restarted: bool = False) -> None:
        """Destroy an instance: wait for the app's onDestroy, then remove its iframe; `restarted`: make a new one."""
        if instance.ending:
            return
        instance.restarted = restarted
        self.frames.show(instance, restarted and instance.visible)
        if instance.destroy():
            self.frames.after(DESTROY_LIMIT, lambda: self._give_up(instance))
        else:
            self.remove(instance)
        if not restarted:
            self.sync()

    def _give_up(self, instance: Instance) -> None:
        if instance.state in (CREATING, DESTROYING) and instance.ending:
            self.note(instance, {"type": "destroy", "event": "the app did not complete in time"})
            self.remove(instance)

    def remove(self, instance: Instance) -> None:
        """Remove the iframe."""
        if instance.state == GONE:
            return
        instance.state = GONE
        self.frames.remove(instance)
        place = self.instances.index(instance)
        del self.instances[place]
        if instance.restarted and (not instance.contact_id or self.desk.find(instance.contact_id)):
            again = Instance(
                self.desk.new_id(),
                instance.app,
                instance.contact_id,
                self,
                instance.parameters,
                instance.launched_by,
                instance.launch_key,
                instance.path,
            )
            shown = self._tabs.get(self._place(instance)) == instance.id
            self._begin(again, shown)
            self.instances.remove(again)
            self.instances.insert(place, again)
        self.sync()

    def reload(self) -> None:
        """Make every iframe anew, each after its app was destroyed (the app's files changed); a service gets no destroy."""
        for instance in list(self.instances):
            self.end(instance, restarted=True)
        for instance in self.services:
            instance.state = GONE
            self.frames.remove(instance)
        self.services = []
        self.start_services()

    def end_contact(self, contact_id: str) -> None:
        """End the apps of a contact that is gone."""
        self._tabs.pop(contact_id, None)
        for instance in list(self.instances):
            if instance.contact_id == contact_id:
                self.end(instance)

    def closed_by_app(self, instance: Instance, fatal: bool, message: str) -> None:
        """Close an app that asked for it; after a fatal error its iframe is removed at once."""
        self.note(instance, {"type": "closed by the app", "event": ("fatal: " if fatal else "") + message})
        if fatal:
            instance.ending = True
            self.frames.failed(instance, message)
            self.remove(instance)
        else:
            self.end(instance)

    # -- messages ------------------------------------------------------------------------------------------------------

    def hello(self, instance: Instance, message: "dict[str, Any]") -> None:
        """Answer an app's page that sent connect-app-host-init."""
        self.log.add(self.desk.clock(), UP, instance.label, message)
        instance.hello(message)
        self.on_news()

    def send(self, instance: Instance, message: "dict[str, Any]", about: str = "") -> None:
        """Send a message to an app; `about` is the request that it answers."""
        text = self.frames.send(instance, message)
        self.log.add(self.desk.clock(), DOWN, instance.label, self._logged(text), about)

    def _logged(self, text: str) -> str:
        """Return what the log has of a message: not the secrets, since logs are copied into bug reports."""
        for name in self.secrets:
            if name in text:
                for contact in self.desk.contacts:
                    value = contact.attributes.get(name, "")
                    if len(value) > 1:  # "-" stands for none
                        text = text.replace(value, "(not shown)")
        return text

    def received(self, instance: Instance, text: str) -> None:
        """Handle a message of an app, as JSON text. Raises ValueError, with a reason, where it cannot be read."""
        message = untrusted_json.read(text)
        self.log.add(self.desk.clock(), UP, instance.label, text)
        if not isinstance(message, dict):
            self.note(instance, {"type": "unknown message", "event": text})
        elif instance.state != GONE:
            try:
                instance.receive(message)
            except Exception as error:
                # A defect here: the app gets its answer all the same, and the page shows it.
                self.note(instance, {"type": "defect", "event": str(error)})
                if message.get("type") == "request":
                    instance.refuse(message.get("requestId"), "internalServerError", "The local workspace failed")
                self.on_defect(error)

    def unreadable(self, instance: Instance, request_id: str, why: str) -> None:
        """Log a message that cannot be read; where it was a request (its id is known), refuse it."""
        self.note(instance, {"type": "unreadable message", "event": why})
        if request_id and instance.state != GONE:
            instance.refuse(request_id, "invalidRequest", "The request cannot be read: " + why)

    def note(self, instance: Instance | None, message: "dict[str, Any]") -> None:
        """Log something that the workspace did or saw."""
        self.log.add(self.desk.clock(), NOTE, instance.label if instance else "", message)

    def publish(self, namespace: str, key: str, about: str, data: "Any") -> None:
        """Publish an event to every app; a cleared contact's apps end after that."""
        for instance in self.running():
            instance.publish(namespace, key, about, data)
        if key == "contact/destroy":
            self.end_contact(about)

    def relay(self, sender: Instance, topic: "dict[str, Any]", data: "Any") -> None:
        """Pass on what an app published to the other apps."""
        for instance in self.running():
            if instance is not sender:
                instance.publish(topic["namespace"], topic["key"], topic.get("parameter") or "", data)

    def after(self, delay: float, action: "Callable[[], Any]") -> None:
        """Call `action` after `delay` ms."""
        self.frames.after(delay, action)

    def changed(self) -> None:
        """Draw what the agent sees again: it may have changed."""
        self.on_change()
