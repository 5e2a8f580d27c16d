"""The registered apps and their running instances: which iframe exists for which contact, and which one is seen. Pure.

    apps = Apps(desk, faults, log, frames)
    apps.register(App("Popdesk", "http://localhost:8001/", permissions=[...]))
    apps.open(apps.default, contact_id="c1")     # makes an iframe; its app says hello, is created and started
    apps.sync()                                  # after the agent looked elsewhere: start and stop

`frames` is the edge: make(instance), remove(instance), show(instance, visible), send(instance, message),
failed(instance, message), after(ms, function), address(app, path).

What an app says may be anything: what cannot be read or done is refused in words, and counted things have a most.
"""

import json_text
from floor import ACCOUNT, REGION, NotPossible, identifier
from log import DOWN, NOTE, UP
from protocol import CREATING, DESTROYING, GONE, HEALTH_CHECK_INTERVAL, LOADING, Instance
from replies import Refused

# How long the workspace waits for an app's onDestroy before it removes the iframe, ms.
DESTROY_LIMIT = 3000
# How long an app may take to say hello before its tab shows an error, ms (AppIntegrations' InitializationTimeout).
INITIALIZATION_TIMEOUT = 5000
# More apps than anybody has open at once: an app that goes on launching is refused.
MOST_INSTANCES = 30
SCOPES = ("PER_CONTACT", "CROSS_CONTACTS")
SANDBOX = ("allow-forms", "allow-popups", "allow-same-origin", "allow-scripts")


class App:
    """A registered application as AppIntegrations knows it; `permissions` is a list, changed in place when granted."""

    def __init__(self, name, url, scope="PER_CONTACT", sandbox=SANDBOX, allow=(), permissions=(), number=1):
        self.name = name
        self.url = url
        self.scope = scope if scope in SCOPES else SCOPES[0]
        self.sandbox = list(sandbox)
        self.allow = list(allow)
        self.permissions = list(permissions)
        self.requested = list(permissions)
        self.id = identifier(number)
        self.arn = "arn:aws:app-integrations:" + REGION + ":" + ACCOUNT + ":application/" + self.id
        self.namespace = "".join(letter if letter.isalpha() else "-" for letter in name.lower())

    def config(self):
        """Return the SDK's AppConfig."""
        return {
            "_type": "iframe",
            "arn": self.arn,
            "namespace": self.namespace,
            "id": self.id,
            "name": self.name,
            "description": self.name,
            "accessUrl": self.url,
            "initializationTimeout": INITIALIZATION_TIMEOUT,
            "contactHandling": {"scope": self.scope},
            "permissions": list(self.permissions),
            "iframeConfig": {"allow": self.allow, "sandbox": self.sandbox},
        }


class Apps:
    """All apps and instances. `on_change()` is called when what the agent sees may have changed.

    `on_news()` is called instead when an app's message did it: to be drawn when its next messages have been answered.
    """

    def __init__(self, desk, faults, log, frames):
        self.desk = desk
        self.faults = faults
        self.log = log
        self.frames = frames
        self.registered = []
        self.instances = []
        self.on_change = lambda: None
        self.on_news = lambda: None
        self.on_outbound = lambda contact: None
        self.on_defect = lambda error: None
        self.health_check_interval = HEALTH_CHECK_INTERVAL
        self.made = 0
        self._tabs = {}
        desk.on_event = self.publish

    # -- registered apps -----------------------------------------------------------------------------------------------

    @property
    def default(self):
        """The app that a contact opens: the first one registered, or None."""
        return self.registered[0] if self.registered else None

    def register(self, app, first=False):
        """Add an app, or replace the one of the same name."""
        kept = [each for each in self.registered if each.name != app.name]
        self.registered = [app] + kept if first else kept + [app]
        self.changed()
        return app

    def configure(self, app):
        """Take the registration of the server's own app; when it is known already, its instances keep running under it."""
        known = self.find_app(app.name)
        if known is None:
            self.register(app)
            return
        if known.requested != app.requested:
            known.permissions[:] = app.permissions
        known.requested = app.requested
        known.url, known.scope, known.sandbox, known.allow = app.url, app.scope, app.sandbox, app.allow

    def find_app(self, arn_or_name):
        """Return the app with this ARN or name, or None."""
        for app in self.registered:
            if arn_or_name in (app.arn, app.name):
                return app
        return None

    def check_address(self, app, path=""):
        """Return the address of an app, or of a path of it. Raises NotPossible where it is none, or not the app's own."""
        address = self.frames.address(app, path)
        if not address:
            why = "the path " + path + " leads away from " if path else "this is no address of a page: "
            raise NotPossible(why + app.url)
        return address

    # -- instances -----------------------------------------------------------------------------------------------------

    def open(self, app, contact_id="", path="", parameters=None, launched_by="", launch_key="", focus=True, idle=False):
        """Open an app for a contact (or idle), or show the instance there is; return the instance.

        A CROSS_CONTACTS app has one instance for all contacts, whichever opens it first. `idle`: without a contact.
        Raises NotPossible where the path leads elsewhere, or too many apps are open.
        """
        self.check_address(app, path)
        if app.scope == "CROSS_CONTACTS":
            contact_id = ""
        if idle:
            contact_id = ""
        for instance in self.instances:
            same = instance.launch_key == launch_key if launch_key else instance.app is app
            if same and instance.contact_id == contact_id and not instance.ending and instance.path == path:
                return self._focused(instance, focus)
        if len(self.instances) >= MOST_INSTANCES:
            raise NotPossible("at most " + str(MOST_INSTANCES) + " apps may be open: close one first")
        instance = Instance(self.desk.new_id(), app, contact_id, self, parameters, launched_by, launch_key, path)
        return self._begin(instance, focus)

    def _begin(self, instance, focus):
        self.made += 1
        instance.number = self.made
        instance.label = instance.app.name + " " + str(self.made)
        self.instances.append(instance)
        self.frames.make(instance)
        self.frames.after(INITIALIZATION_TIMEOUT, lambda: self._check_hello(instance))
        return self._focused(instance, focus)

    def _focused(self, instance, focus):
        if focus or not self._tabs.get(self.desk.selected):
            self._tabs[self._place(instance)] = instance.id
        self.sync()
        return instance

    def _place(self, instance):
        return self.desk.selected if instance.serves_all else instance.contact_id

    def _check_hello(self, instance):
        if instance.state == LOADING and instance in self.instances:
            instance.error = (
                "The app did not say hello within "
                + str(INITIALIZATION_TIMEOUT // 1000)
                + " s. Is it served at "
                + instance.app.url
                + ", may it be framed here, and does it call AmazonConnectApp.init?"
            )
            self.note(instance, {"type": "initialization timeout", "event": instance.app.url})
            self.changed()

    def tabs(self, contact_id):
        """Return the instances that belong to a contact's tabs ("": no contact), in the order they were made."""
        return [
            each for each in self.instances if (each.serves_all or each.contact_id == contact_id) and not each.ending
        ]

    def active(self, contact_id):
        """Return the instance shown for a contact, or None."""
        tabs = self.tabs(contact_id)
        for instance in tabs:
            if instance.id == self._tabs.get(contact_id):
                return instance
        return tabs[-1] if tabs else None

    def select_tab(self, instance):
        """Show this instance where it belongs."""
        self._focused(instance, True)

    def sync(self):
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

    def end(self, instance, reborn=False):
        """Destroy an instance: the app is told and waited for, then its iframe goes; `reborn`: a new one comes."""
        if instance.ending:
            return
        instance.reborn = reborn
        self.frames.show(instance, reborn and instance.visible)
        if instance.destroy():
            self.frames.after(DESTROY_LIMIT, lambda: self._give_up(instance))
        else:
            self.remove(instance)
        if not reborn:
            self.sync()

    def _give_up(self, instance):
        if instance.state in (CREATING, DESTROYING) and instance.ending:
            self.note(instance, {"type": "destroy", "event": "the app did not complete in time"})
            self.remove(instance)

    def remove(self, instance):
        """Take the iframe away."""
        if instance.state == GONE:
            return
        instance.state = GONE
        self.frames.remove(instance)
        place = self.instances.index(instance)
        del self.instances[place]
        if instance.reborn and (not instance.contact_id or self.desk.find(instance.contact_id)):
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

    def reload(self):
        """Make every iframe anew, each after its app was told (the app's files changed)."""
        for instance in list(self.instances):
            self.end(instance, reborn=True)

    def end_contact(self, contact_id):
        """The contact is gone: so are its apps."""
        self._tabs.pop(contact_id, None)
        for instance in list(self.instances):
            if instance.contact_id == contact_id:
                self.end(instance)

    def closed_by_app(self, instance, fatal, message):
        """The app asked to be closed; after a fatal error its iframe goes at once."""
        self.note(instance, {"type": "closed by the app", "event": ("fatal: " if fatal else "") + message})
        if fatal:
            instance.ending = True
            self.frames.failed(instance, message)
            self.remove(instance)
        else:
            self.end(instance)

    # -- messages ------------------------------------------------------------------------------------------------------

    def hello(self, instance, message):
        """An app's page said connect-app-host-init."""
        self.log.add(self.desk.clock(), UP, instance.label, message)
        instance.hello(message)
        self.on_news()

    def send(self, instance, message, about=""):
        """Send a message to an app; `about` is the request that it answers."""
        text = self.frames.send(instance, message)
        self.log.add(self.desk.clock(), DOWN, instance.label, text, about)

    def received(self, instance, text):
        """A message of an app came in, as JSON text. Raises ValueError, with words, where it cannot be read."""
        message = json_text.read(text)
        self.log.add(self.desk.clock(), UP, instance.label, text)
        if not isinstance(message, dict):
            self.note(instance, {"type": "unknown message", "event": text})
        elif instance.state != GONE:
            try:
                instance.receive(message)
            except Exception as error:
                # A defect here: the app has its answer all the same, and the agent is told.
                self.note(instance, {"type": "defect", "event": str(error)})
                if message.get("type") == "request":
                    instance.refuse(message.get("requestId"), "internalServerError", "The local workspace failed")
                self.on_defect(error)

    def unreadable(self, instance, request_id, why):
        """A message came in that cannot be read. Where it was a request, its id is given, and it is refused."""
        self.note(instance, {"type": "unreadable message", "event": why})
        if request_id and instance.state != GONE:
            instance.refuse(request_id, "invalidRequest", "The request cannot be read: " + why)

    def note(self, instance, message):
        """Put something the workspace did or saw into the log."""
        self.log.add(self.desk.clock(), NOTE, instance.label if instance else "", message)

    def publish(self, namespace, key, about, data):
        """Tell every app of an event; a cleared contact's apps end after they were told."""
        for instance in list(self.instances):
            instance.publish(namespace, key, about, data)
        if key == "contact/destroy":
            self.end_contact(about)

    def relay(self, sender, topic, data):
        """Pass on what an app published to the other apps."""
        for instance in list(self.instances):
            if instance is not sender:
                instance.publish(topic.get("namespace"), topic.get("key"), topic.get("parameter") or "", data)

    def after(self, delay, action):
        """Do something after `delay` ms."""
        self.frames.after(delay, action)

    def changed(self):
        """What the agent sees may have changed."""
        self.on_change()

    # -- the application controller's requests -------------------------------------------------------------------------

    def catalog(self):
        """Return every registered app's AppConfig."""
        return [app.config() for app in self.registered]

    def config_of(self, arn_or_name):
        """Return one app's AppConfig. Raises Refused."""
        return self._app(arn_or_name).config()

    def launch(self, arn_or_name, options):
        """Launch an app for an app; return its AppInfo. Raises Refused, or NotPossible."""
        app = self._app(arn_or_name)
        options = _table(options, "options")
        scope = _table(options.get("scope"), "the scope")
        _table(options.get("parameters"), "the parameters")
        for name in (scope.get("contactId"), options.get("launchKey")):
            if name is not None and not isinstance(name, str):
                raise Refused("invalidRequest", "A contact's id and a launch key are texts")
        contact_id = scope.get("contactId") or ("" if scope.get("type") == "idle" else self.desk.selected)
        if contact_id and self.desk.find(contact_id) is None:
            raise Refused("invalidRequest", "The scope's contact is not active")
        instance = self.open(
            app,
            contact_id,
            parameters=options.get("parameters"),
            launched_by="app",
            launch_key=options.get("launchKey") or self.desk.new_id(),
            focus=not options.get("openInBackground"),
            idle=scope.get("type") == "idle",
        )
        return instance.info()

    def info(self, instance_id):
        """Return one instance's AppInfo. Raises Refused."""
        return self._instance(instance_id).info()

    def infos(self):
        """Return every instance's AppInfo."""
        return [instance.info() for instance in self.instances]

    def focus(self, instance_id):
        """Show an instance's tab. Raises Refused."""
        instance = self._instance(instance_id)
        if not instance.serves_all:
            self.desk.selected = instance.contact_id
        self.select_tab(instance)
        return {"instanceId": instance_id, "result": "completed"}

    def close(self, instance_id, asking):
        """Close an instance once the one that asks has its answer. Raises Refused."""
        instance = self._instance(instance_id)
        asking.after_answer(lambda: self.end(instance))

    def outbound(self, contact):
        """An app called somebody: the workspace goes on with it."""
        self.on_outbound(contact)

    def _app(self, arn_or_name):
        app = self.find_app(arn_or_name)
        if app is None:
            raise Refused("invalidRequest", "There is no app " + arn_or_name)
        return app

    def _instance(self, instance_id):
        for instance in self.instances:
            if instance.id == instance_id:
                return instance
        raise Refused("invalidRequest", "There is no app instance " + instance_id)


def _table(value, what):
    if value is not None and not isinstance(value, dict):
        raise Refused("invalidRequest", "The launch is no launch: " + what + " is no object")
    return value or {}
