"""The one command surface: buttons, the address and scenarios all do what they do through `command(name, args)`. Pure.

    commands = Commands(apps, flow, page)
    await commands.command("offer", {"customer": "C-1001", "channel": "VOICE"})     # -> {"contactId": "..."}
    await commands.command("accept", {})                                            # the selected contact
    from_address("?latency=50&offer=C-1001&accept")                                 # -> [("latency", {...}), ...]

Every command is a method `do_NAME` below; its arguments are its parameters, read by their kind first (`read_argument`): an
address is a link that anybody may have written. A command that cannot be done raises NotPossible with a sentence for
people. Results are plain JSON values.
`flow(contact, typed)` runs the contact flow (async; the answer of POST /api/offer); `page` is told what to show.
"""

import asyncio
import json

import json_text
from apps import SANDBOX, SCOPES, App
from floor import CHANNEL_TYPES, CONNECTED, INCOMING, QUEUED, NotPossible
from log import UP
from permissions import NAMES
from protocol import LOADING, RUNNING

# What may be told of a contact again; cleared and destroy end its apps.
CONTACT_EVENTS = ("contact/incoming", "contact/connected", "contact/missed", "contact/acw")

# Stands for data that was not given: null is a value.
UNDEFINED = object()


class Commands:
    """The commands. `config` is the preview server's /api/config, {} before it is known."""

    def __init__(self, apps, flow, page):
        self.apps = apps
        self.desk = apps.desk
        self.faults = apps.faults
        self.log = apps.log
        self.flow = flow
        self.page = page
        self.config = {}
        self.opened_ms = 0.0

    async def command(self, name, args):
        """Do one command; return its result. Raises NotPossible for an unknown command, argument or state."""
        if not isinstance(name, str) or name not in PARAMETERS:
            raise NotPossible("there is no command " + shortened(name) + "; there are " + ", ".join(sorted(PARAMETERS)))
        if not isinstance(args, dict):
            raise NotPossible(name + " takes an object of arguments, not " + shortened(args))
        given = {}
        for key in args:
            if key not in PARAMETERS[name]:
                takes = ", ".join(PARAMETERS[name]) or "nothing"
                raise NotPossible(name + " takes no " + shortened(key) + "; it takes " + takes)
            given[key] = read_argument(name, key, args[key])
        result = getattr(self, "do_" + name)(**given)
        if hasattr(result, "send") or hasattr(result, "__await__"):
            result = await result
        self.desk.on_change()
        return result

    # -- contacts ------------------------------------------------------------------------------------------------------

    async def do_offer(
        self,
        customer="",
        channel="VOICE",
        address="",
        name="",
        typed="",
        initial="",
        contact="",
        subtype="",
        attributes=None,
        accept=False,
    ):
        """Offer a contact of a sample customer (id or name) or from an address; `initial`: transferred from that."""
        channel = channel.upper()
        if channel not in CHANNEL_TYPES:
            raise NotPossible("the channel is one of " + ", ".join(sorted(CHANNEL_TYPES)))
        if customer:
            known = self._customer(customer)
            name = name or known.get("name", "")
            if not address:
                address = known.get("email" if channel == "EMAIL" else "phone") or ""
        kind = "EMAIL_ADDRESS" if "@" in address else "TELEPHONE_NUMBER"
        made = self.desk.add_contact(channel, address, kind if address else "", name, initial, contact, subtype)
        made.attributes = {key: text for key, text in (attributes or {}).items() if text is not None}
        await self._run_flow(made, typed)
        if accept:
            self.desk.accept(made.id)
        return {"contactId": made.id}

    async def _run_flow(self, contact, typed):
        try:
            result = await self.flow(contact, typed)
        except NotPossible as error:
            result = {
                "error": {"subject": "The contact flow", "reason": str(error), "hint": "Look at the preview server."}
            }
        if contact.state != QUEUED:
            return
        before = self.desk.clock()
        contact.attributes.update(result.get("attributes") or {})
        contact.steps = result.get("steps") or []
        contact.problem = result.get("error")
        queue = result.get("queue")
        if queue:
            self.desk.enqueue(contact.id, self.desk.queue(queue["name"], queue.get("arn", "")))
        self.desk.ring(contact.id)
        self._launch(contact, result.get("app") or {})
        self.opened_ms = self.desk.clock() - before
        self.apps.note(None, {"type": "contact", "event": "offered", "own_ms": self.opened_ms})

    def _launch(self, contact, wanted):
        """Open the app that the flow's guide names, or instead of it the one that the address hosts."""
        problem = None
        app = self.apps.default if self._hosted else self.apps.find_app(wanted.get("name"))
        if app is not None:
            try:
                path = "" if self._hosted else wanted.get("path") or ""
                self.apps.open(app, contact.id, path, launched_by="guide")
                return
            except NotPossible as error:
                problem = (str(error), "Look at the application's address and at the guide's path.")
        elif wanted:
            reason = "it names the application " + str(wanted.get("name")) + ", which is not registered"
            problem = (reason, "The name must be the registered one, to the letter.")
        if problem and not contact.problem:
            contact.problem = {"subject": "The guide's view", "reason": problem[0], "hint": problem[1]}
        self.apps.sync()

    async def outbound(self, contact):
        """Go on with a call that an app made: its flow, then it is connected."""
        await self._run_flow(contact, "")
        self.desk.accept(contact.id)

    @property
    def _hosted(self):
        """Whether the address named another app than the registered one."""
        return self.apps.default is not None and self.apps.default.name != (self.config.get("app") or {}).get("name")

    def _customer(self, wanted):
        for customer in self.config.get("customers") or []:
            if wanted in (customer.get("id"), customer.get("name")):
                return customer
        raise NotPossible("there is no sample customer " + shortened(wanted))

    def do_accept(self, contact=""):
        """Accept the contact."""
        self.desk.accept(contact)

    def do_miss(self, contact=""):
        """Let the contact go unanswered."""
        self.desk.miss(contact)

    def do_end(self, contact=""):
        """End the conversation: after-contact work begins."""
        found = self.desk.contact(contact)
        if found.state == INCOMING:
            self.desk.miss(found.id)
        else:
            self.desk.end(found.id)

    def do_clear(self, contact=""):
        """Clear the contact from the desk; its apps are destroyed."""
        self.desk.clear(contact)
        self.apps.sync()

    async def do_finish(self, contact=""):
        """Bring the contact to its end from whatever state: miss or end, then clear."""
        found = self.desk.contact(contact)
        if found.state == INCOMING:
            self.desk.miss(found.id)
        elif found.state == CONNECTED:
            self.desk.end(found.id)
        self.do_clear(found.id)

    def do_hold(self, contact=""):
        """Put the customer of a call on hold."""
        self.desk.hold(contact, True)

    def do_resume(self, contact=""):
        """Take the customer of a call off hold."""
        self.desk.hold(contact, False)

    def do_select(self, contact=""):
        """Look at another contact; no contact: at the desk itself."""
        self.desk.select(contact)
        self.apps.sync()

    def do_attributes(self, values=None, contact=""):
        """Set contact attributes; a value of null removes one."""
        if values is None:
            raise NotPossible("attributes needs values, an object of names and texts")
        self.desk.set_attributes(contact, values)

    def do_attribute(self, name="", value=None, contact=""):
        """Set one contact attribute; without a value it is removed."""
        self.desk.set_attributes(contact, {name: value})

    # -- the agent -----------------------------------------------------------------------------------------------------

    def do_agent(self, name="", extension="", arn=""):
        """Change the agent's name, extension or ARN."""
        self.desk.set_agent(name, extension, arn)

    def do_state(self, name="", kind=""):
        """Change the agent's state; a new name makes a custom state of that kind."""
        self.desk.set_state(name, kind)

    def do_profile(self, name="", voice=None, chat=None, task=None, email=None):
        """Change the routing profile's name and how many contacts of each channel it allows at once."""
        given = {"VOICE": voice, "CHAT": chat, "TASK": task, "EMAIL": email}
        concurrency = [
            (channel, number if given[channel] is None else given[channel]) for channel, number in self.desk.concurrency
        ]
        self.desk.set_profile(name, concurrency)

    def do_theme(self, mode="auto"):
        """Change the theme: light, dark or auto."""
        self.desk.set_visual_mode(mode)

    def do_language(self, locale="en_US"):
        """Change the agent's language."""
        self.desk.set_language(locale)

    # -- apps ----------------------------------------------------------------------------------------------------------

    def do_app(self, url="", name="", scope="", sandbox="", allow=""):
        """Host another app: its address, and how it is registered (the rest as the registered app has it)."""
        if not (url.startswith("http://") or url.startswith("https://")):
            raise NotPossible("an app's address begins with http:// or https://")
        model = self.apps.default
        app = App(name or _host(url), url, number=len(self.apps.registered) + 1)
        self.apps.check_address(app)
        if model is not None:
            app.scope, app.sandbox, app.allow = model.scope, model.sandbox, model.allow
            app.permissions = list(model.permissions)
        if scope:
            app.scope = _one_of("scope", scope, SCOPES)
        # What Amazon Connect knows (ops/settings.py): another entry would frame the app as no real workspace does.
        known = self.config.get("iframe") or {}
        if sandbox:
            app.sandbox = [_one_of("sandbox", each, known.get("sandbox", SANDBOX)) for each in sandbox.split()]
        if allow:
            app.allow = [_one_of("allow", each, known.get("allow", ())) for each in allow.split()]
        self.apps.register(app, first=True)

    def do_open(self, app="", contact=None, path="", parameters=None, idle=False):
        """Open an app in a tab, with launch parameters; idle: without a contact."""
        found = self.apps.find_app(app) if app else self.apps.default
        if found is None:
            raise NotPossible("there is no app " + shortened(app))
        place = self.desk.selected if contact is None else contact
        if place and self.desk.find(place) is None:
            raise NotPossible("there is no contact " + shortened(place))
        key = "" if not parameters else self.desk.new_id()
        instance = self.apps.open(found, place, path, parameters, launch_key=key, idle=idle)
        if idle and self.desk.selected:
            self.desk.select("")
            self.apps.sync()
        return {"instanceId": instance.id}

    def do_close(self, instance=""):
        """Close an app's tab: destroy, wait, remove."""
        self.apps.end(self._instance(instance))

    def do_tab(self, instance=""):
        """Show another app of the contact."""
        self.apps.select_tab(self._instance(instance))

    def do_reload(self):
        """Make every iframe anew, each for the same contact."""
        self.apps.reload()

    def _instance(self, wanted):
        for instance in self.apps.instances:
            if wanted in (instance.id, instance.label):
                return instance
        active = self.apps.active(self.desk.selected)
        if wanted or active is None:
            raise NotPossible("there is no app instance " + shortened(wanted))
        return active

    # -- permissions and faults ----------------------------------------------------------------------------------------

    def do_permissions(self, only=""):
        """Grant exactly these permissions (names separated by spaces)."""
        self._each_app(lambda app: app.permissions.clear())
        for name in only.split():
            self.do_grant(name)

    def do_grant(self, permission=""):
        """Grant a permission to the apps."""
        if permission not in NAMES and permission != "*":
            raise NotPossible(
                "there is no permission " + shortened(permission) + "; there are " + ", ".join(NAMES) + " and *"
            )
        self._each_app(lambda app: permission in app.permissions or app.permissions.append(permission))

    def do_withdraw(self, permission=""):
        """Withdraw a permission from the apps."""
        self._each_app(lambda app: permission in app.permissions and app.permissions.remove(permission))

    def _each_app(self, change):
        for app in self.apps.registered:
            change(app)

    def do_latency(self, ms=0):
        """Make every answer take so many milliseconds longer."""
        self.faults.latency = float(ms)

    def do_fail(self, request="*", reason=""):
        """Make a request (agent/getName, or * for all) fail, with a reason."""
        self.faults.set(request, "fail", reason)

    def do_hang(self, request="*"):
        """Never answer a request."""
        self.faults.set(request, "hang")

    def do_late(self, request="*", ms=2000):
        """Answer a request so many milliseconds late."""
        self.faults.set(request, "late", ms)

    def do_drop(self, what="acknowledge"):
        """Drop the acknowledgement of every app that says hello from now on."""
        if what not in ("acknowledge", "ack"):
            raise NotPossible("only the acknowledgement (acknowledge) can be dropped")
        self.faults.drop_acknowledge = True

    def do_answer(self, request="", data=UNDEFINED):
        """Answer a request with this, whatever its type; without data with JavaScript's undefined."""
        self.faults.answer(request, [] if data is UNDEFINED else [data])

    def do_heal(self, request=""):
        """Take back the fault of one request, or every fault."""
        self.faults.heal(request)

    # -- for tests, scenarios and bug reports --------------------------------------------------------------------------

    def do_event(self, name="contact/connected", contact="", times=1, attribute=""):
        """Tell an event of a contact once more, or so many times; before each, set an attribute to 1, 2, 3, ..."""
        if name not in CONTACT_EVENTS:
            raise NotPossible("an event of a contact is one of " + ", ".join(CONTACT_EVENTS))
        found = self.desk.contact(contact)
        for number in range(1, times + 1):
            if attribute:
                found.attributes[attribute] = str(number)
            self.desk.on_event("aws.connect.contact", name, found.id, found.event())

    def do_burst(self, count=1000, name="Burst"):
        """Change the agent's state so many times at once, to states named Burst 1, Burst 2, ..."""
        previous = self.desk.state
        for number in range(1, count + 1):
            state = name + " " + str(number)
            data = {"state": state, "previous": {"state": previous}}
            self.desk.on_event("aws.connect.contact", "agent/stateChange", "", data)
            previous = state

    async def do_wait(self, ms=1000):
        """Do nothing for so many milliseconds."""
        await asyncio.sleep(ms / 1000)

    async def do_until(self, app="running", request="", count=1, contact="", timeout=10000):
        """Wait until the contact's app is running, or until it has asked so many times for a request; ms."""
        deadline = self.desk.clock() + timeout
        while self.desk.clock() < deadline:
            if request:
                if self._asked(request) >= count:
                    return {"waited": True}
            elif self._state_of_app(contact) == app:
                return {"waited": True}
            await asyncio.sleep(0.02)
        raise NotPossible("after " + str(timeout) + " ms the app is still not " + (request or app))

    def _asked(self, request):
        found = 0
        for entry in self.log.entries:
            if entry.direction == UP and request in entry.text():
                message = entry.value()
                found += message.get("type") == "request" and message.get("command") == request
        return found

    def _state_of_app(self, contact):
        active = self.apps.active(contact or self.desk.selected)
        return active.state if active is not None else "gone"

    def do_look(self):
        """Return what the desk looks like: the agent, the contacts, the apps and their states."""
        desk = self.desk
        return {
            "agent": {"name": desk.agent_name, "state": desk.state, "profile": desk.profile_name},
            "theme": desk.visual_mode,
            "language": desk.language or None,
            "selected": desk.selected,
            "contacts": [
                {
                    "contactId": contact.id,
                    "initialContactId": contact.initial_id or None,
                    "channel": contact.channel,
                    "state": contact.state,
                    "attributes": dict(contact.attributes),
                    "error": contact.problem,
                }
                for contact in desk.contacts
            ],
            "apps": [
                {
                    "instanceId": instance.id,
                    "name": instance.app.name,
                    "contactId": instance.contact_id,
                    "state": instance.state,
                    "visible": instance.visible,
                    "subscriptions": len(instance.subscriptions()),
                    "requests": instance.requests,
                    "error": instance.error,
                }
                for instance in self.apps.instances
            ],
            "openedMs": self.opened_ms,
            "loading": len([1 for instance in self.apps.instances if instance.state == LOADING]),
            "running": len([1 for instance in self.apps.instances if instance.state == RUNNING]),
            "logged": self.log.total,
        }

    def do_log(self, filter="", last=200):
        """Return the last messages of the log that hold the words of the filter."""
        entries = self.log.filter(filter or "")[-last:] if last else []
        return [
            {"time": entry.time, "direction": entry.direction, "app": entry.source, "message": entry.value()}
            for entry in entries
        ]

    def do_memory(self):
        """Collect garbage and give the bytes that this page's Python uses, the log's messages among them."""
        memory = self.page.memory()
        memory["log"] = self.log.size
        return memory

    def do_panel(self, name="", filter=None):
        """Open a panel: contact, flow, log, faults or desk; no name: close it."""
        self.page.open_panel(name, filter)

    def do_help(self):
        """Return every command and its parameters."""
        return [[name, list(PARAMETERS[name])] for name in sorted(PARAMETERS)]


# -- arguments ---------------------------------------------------------------------------------------------------------

# The longest that a command waits, or makes an answer wait, ms.
LONGEST = 60000
# What a parameter is where it is no text, by its name, which means the same in every command: the most for a number.
_WHOLE = {"count": 10000, "times": 10000, "last": 1000000, "voice": 100, "chat": 100, "task": 100, "email": 100}
_MILLISECONDS = ("ms", "timeout")
_FLAGS = ("accept", "idle")
_TEXTS = ("attributes", "values")  # {name: text}; a name whose text is None is removed
_OBJECTS = ("parameters",)
_ANYTHING = "data"
# What null means something for: nothing given, or to be removed.
_MAY_BE_NONE = ("value", "filter", "contact", "attributes", "values", "parameters", "voice", "chat", "task", "email")
_YES = ("true", "yes", "1")
_NO = ("false", "no", "0", "")


def read_argument(command, name, value):
    """Return an argument as its command takes it: a text, number, flag, object or any value. Raises NotPossible otherwise.

    Numbers and flags may come as texts, as the address and the forms have them.
    """
    what = name + " of " + command
    if name == _ANYTHING:
        return value
    if value is None and name in _MAY_BE_NONE:
        return None
    if name in _WHOLE:
        return _number(what, value, _WHOLE[name], True)
    if name in _MILLISECONDS:
        return _number(what, value, LONGEST, False)
    if name in _FLAGS:
        text = str(value).lower() if isinstance(value, (bool, int, str)) else "?"
        if text not in _YES + _NO:
            raise NotPossible(what + " is true or false, not " + shortened(value))
        return text in _YES
    if name in _TEXTS or name in _OBJECTS:
        if not isinstance(value, dict):
            raise NotPossible(what + " is an object, not " + shortened(value))
        return value if name in _OBJECTS else {key: _text_or_none(what, value[key]) for key in value}
    if not isinstance(value, str):
        raise NotPossible(what + " is a text, not " + shortened(value))
    return value


def _number(what, value, most, whole):
    try:
        number = float("nan" if isinstance(value, bool) or not isinstance(value, (int, float, str)) else value)
    except (ValueError, OverflowError):
        number = -1.0
    # Not the other way round: NaN is neither less nor more.
    if not (0 <= number <= most) or (whole and number != int(number)):
        raise NotPossible(what + " is a number from 0 to " + str(most) + ", not " + shortened(value))
    return int(number) if number == int(number) else number


def _text_or_none(what, value):
    if isinstance(value, bool) or not (value is None or isinstance(value, (str, int, float))):
        raise NotPossible(what + " are texts, not " + shortened(value))
    return value if value is None or isinstance(value, str) else str(value)


def _one_of(what, value, known):
    if value not in known:
        raise NotPossible("an app's " + what + " is one of " + ", ".join(known) + ", not " + shortened(value))
    return value


def shortened(value):
    """Return a value as it is shown in a refusal, its beginning at most."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else text[:80] + "..."


def _host(url):
    return url.split("//", 1)[1].split("/", 1)[0]


# -- the address -------------------------------------------------------------------------------------------------------
#
#   ?latency=50&fail=agent/getName&offer=C-1001,channel:CHAT&accept
#
# Each parameter is a command, done in the order they stand. Its value is the command's first argument, then NAME:VALUE
# pairs after commas where NAME is one of the command's. Several as JSON: do=[["offer", {"channel": "CHAT"}], ...].

MOST_COMMANDS = 100  # in one address


def from_address(query):
    """Read commands from an address's query string: [(name, args), ...]. Raises NotPossible for what is no command.

    The arguments are those of the address; `Commands.command` reads their kinds.
    """
    found = []
    for part in query.lstrip("?").split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = decode(name)
        if name == "do":
            found += _several(value)
        else:
            found.append((name, _arguments(name, value)))
    if len(found) > MOST_COMMANDS:
        raise NotPossible("it holds " + str(len(found)) + " commands; at most " + str(MOST_COMMANDS) + " are done")
    return found


def _several(value):
    text = decode(value)
    listed = _json(text)
    if not isinstance(listed, list):
        raise NotPossible("do= holds no list of [name, {arguments}]: " + shortened(text))
    for each in listed:
        if not (isinstance(each, list) and len(each) == 2 and isinstance(each[0], str) and isinstance(each[1], dict)):
            raise NotPossible("do= holds what is no [name, {arguments}]: " + shortened(each))
    return [(name, args) for name, args in listed]


def _arguments(name, value):
    if name not in PARAMETERS:
        raise NotPossible("there is no command " + shortened(name) + "; there are " + ", ".join(sorted(PARAMETERS)))
    names = PARAMETERS[name]
    if not value:
        return {}
    if not names:
        raise NotPossible(name + " takes nothing")
    if decode(value).startswith("{"):
        return _json(decode(value))
    args = {}
    last = names[0]
    for piece in value.split(","):
        key, colon, text = piece.partition(":")
        if colon and key in names:
            last = key
            args[key] = text
        elif last in args:
            args[last] += "," + piece  # the comma was the value's own
        else:
            args[last] = piece
    return {key: _value(key, args[key]) for key in args}


def _value(name, text):
    text = decode(text)
    return _json(text) if name in _TEXTS or name in _OBJECTS or name == _ANYTHING else text


def _json(text):
    try:
        return json_text.read(text)
    except ValueError as error:
        raise NotPossible("this cannot be read, " + str(error) + ": " + shortened(text))


def decode(text):
    """Percent-decode a part of an address; a + stays a + (telephone numbers begin with one). Raises NotPossible."""
    if "%" not in text:
        return text
    pieces = text.split("%")
    out = bytearray(pieces[0].encode())
    for piece in pieces[1:]:
        try:
            out.append(int(piece[:2], 16))
            out.extend(piece[2:].encode())
        except ValueError:
            out.extend(b"%" + piece.encode())
    try:
        return out.decode()
    except UnicodeError:
        raise NotPossible("this is not UTF-8: " + shortened(text))


# Command -> its parameters' names. MicroPython does not keep a function's signature, so they stand here once more; a
# test compares them with the methods.
PARAMETERS = {
    "offer": (
        "customer",
        "channel",
        "address",
        "name",
        "typed",
        "initial",
        "contact",
        "subtype",
        "attributes",
        "accept",
    ),
    "accept": ("contact",),
    "miss": ("contact",),
    "end": ("contact",),
    "clear": ("contact",),
    "finish": ("contact",),
    "hold": ("contact",),
    "resume": ("contact",),
    "select": ("contact",),
    "attributes": ("values", "contact"),
    "attribute": ("name", "value", "contact"),
    "agent": ("name", "extension", "arn"),
    "state": ("name", "kind"),
    "profile": ("name", "voice", "chat", "task", "email"),
    "theme": ("mode",),
    "language": ("locale",),
    "app": ("url", "name", "scope", "sandbox", "allow"),
    "open": ("app", "contact", "path", "parameters", "idle"),
    "close": ("instance",),
    "tab": ("instance",),
    "reload": (),
    "permissions": ("only",),
    "grant": ("permission",),
    "withdraw": ("permission",),
    "latency": ("ms",),
    "fail": ("request", "reason"),
    "hang": ("request",),
    "late": ("request", "ms"),
    "drop": ("what",),
    "answer": ("request", "data"),
    "heal": ("request",),
    "event": ("name", "contact", "times", "attribute"),
    "burst": ("count", "name"),
    "wait": ("ms",),
    "until": ("app", "request", "count", "contact", "timeout"),
    "look": (),
    "log": ("filter", "last"),
    "memory": (),
    "panel": ("name", "filter"),
    "help": (),
}
