"""Starts the local agent workspace: wires the parts, reads the address, listens to the preview server.

Loaded by boot.py. The page's address may hold commands (commands.py, `from_address`): they are done in their order
once the server's configuration is known. The preview server is asked over /api/config, /api/offer, /api/events and
/api/answers.
"""

import asyncio
import json
import sys

import js
from apps import App, Apps
from commands import Commands, from_address
from faults import Faults
from floor import Desk, NotPossible
from host import Frames, post_json
from jsffi import create_proxy
from log import Log
from page import Page, by_id, sentence

# As text: MicroPython truncates JavaScript's whole numbers of 2**31 and more, and one in ten time origins is whole.
_performance = js.performance
_started = float(json.loads(js.JSON.stringify(_performance))["timeOrigin"])
_keep = []


def clock():
    """Return the time in ms since 1970."""
    return _started + _performance.now()


def new_id():
    """Return a new UUID."""
    return js.crypto.randomUUID()


async def run_flow(contact, typed):
    """Let the preview server run the contact flow for a contact; return its answer. Raises NotPossible without one."""
    endpoint = {"address": contact.address, "type": contact.address_type} if contact.address else None
    body = {
        "contact": {
            "contactId": contact.id,
            "initialContactId": contact.initial_id or None,
            "channel": contact.channel,
            "subtype": contact.subtype,
            "customerEndpoint": endpoint,
            "attributes": contact.attributes,
        },
        "typed": typed,
    }
    return await ask("/api/offer", post_json(body))


async def ask(path, options=None):
    """Fetch JSON from the preview server. Raises NotPossible with what went wrong."""
    try:
        answer = await (js.fetch(path, options) if options is not None else js.fetch(path))
        text = await answer.text()
    except Exception as error:
        raise NotPossible("the preview server does not answer " + path + " (" + str(error) + ")")
    if not answer.ok:
        raise NotPossible("the preview server answered " + path + " with status " + str(answer.status))
    return json.loads(text)


class Workspace:
    """The parts, wired together."""

    def __init__(self):
        self.page = Page()
        frames = Frames(by_id("stage"))
        desk = Desk(clock, new_id)
        self.apps = Apps(desk, Faults(), Log(), frames)
        frames.apps = self.apps
        frames.on_failed = self.page.failed
        self.commands = Commands(self.apps, run_flow, self.page)
        self.page.commands = self.commands
        desk.on_change = self.page.changed
        self.apps.on_change = self.page.changed
        self.apps.on_news = self.page.changed_soon
        self.apps.on_outbound = self._outbound
        self.apps.on_defect = self.defect
        frames.listen()
        self.page.start()

    def _outbound(self, contact):
        asyncio.create_task(self.commands.outbound(contact))

    async def run(self):
        """Read the configuration and the address, then listen to the server."""
        try:
            self.configure(await ask("/api/config"))
        except NotPossible as error:
            self.page.show_problem(
                "No preview server", sentence(error), "Start it with: uv run python deploy.py preview"
            )
        self._listen()
        try:
            for name, args in from_address(str(js.location.search)):
                await self.commands.command(name, args)
        except NotPossible as error:
            self.page.show_problem("The address", sentence(error), "See docs/workspace.md for what it may hold.")
        except Exception as error:
            self.defect(error)
        self.page.changed()
        js.document.documentElement.setAttribute("data-ready", "true")

    def defect(self, error):
        """Say that something here failed that must not; the console has the traceback."""
        sys.print_exception(error)
        self.page.show_problem("The workspace itself", sentence(error), "This is a defect: the console has more.")

    def configure(self, config):
        """Take the preview server's configuration."""
        self.commands.config = config
        known = config.get("app") or {}
        if known.get("url"):
            names = ("name", "url", "scope", "sandbox", "allow", "permissions")
            self.apps.configure(App(*[known[name] for name in names]))
        self.page.fill_customers(config.get("customers") or [])

    # -- the server's events -------------------------------------------------------------------------------------------

    def _listen(self):
        source = js.EventSource.new("/api/events")
        _keep.append(source)
        for kind in ("reload", "problem", "fixed", "command"):
            handler = create_proxy(getattr(self, "_on_" + kind))
            _keep.append(handler)
            source.addEventListener(kind, handler)

    def _on_reload(self, event):
        what = json.loads(event.data or "{}").get("what")
        if what == "workspace":
            js.location.reload()
        elif what == "app":
            asyncio.create_task(self._reload_apps())

    async def _reload_apps(self):
        # The settings may have changed with the app: how it is framed, what it asks for.
        self.configure(await ask("/api/config"))
        self.apps.reload()

    def _on_problem(self, event):
        problem = json.loads(event.data)
        self.page.show_problem(problem.get("subject", ""), problem.get("reason", ""), problem.get("hint", ""))

    def _on_fixed(self, event):
        self.page.show_problem()

    def _on_command(self, event):
        asyncio.create_task(self._command(json.loads(event.data)))

    async def _command(self, asked):
        answer = {"id": asked["id"]}
        try:
            answer["result"] = await self.commands.command(asked["name"], asked.get("args") or {})
        except NotPossible as error:
            answer["error"] = str(error)
        except Exception as error:
            answer["error"] = "the workspace itself failed, which is a defect: " + repr(error)
            self.defect(error)
        await js.fetch("/api/answers", post_json(answer))


def start():
    """Start the workspace."""
    workspace = Workspace()
    _keep.append(workspace)

    def unexpected(loop, context):
        workspace.defect(context["exception"])

    asyncio.get_event_loop().set_exception_handler(unexpected)
    asyncio.create_task(workspace.run())
