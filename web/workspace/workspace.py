"""The local agent workspace: wires the parts, does what the page's address says, and listens to the preview server.

The address may hold commands (commands/address.py): they are done in their order once the server's configuration is known.
The server's events (GET /api/events) are commands of scenarios, changed files, and builds that failed.
"""

import asyncio
import json
import sys

import js
from jsffi import create_proxy

from commands import contacts
from commands.address import from_address
from commands.runner import Commands
from model.contact import INCOMING, PENDING
from model.desk import Desk, NotPossible
from model.faults import Faults
from model.log import Log
from panels.dom import by_id, sentence
from panels.page import Page
from preview_api import fetch_json, post, run_flow, set_api_faults
from protocol.apps import App, Apps
from protocol.frames import Frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from model.contact import Contact

# As text: MicroPython truncates JavaScript's whole numbers of 2**31 and more, and one in ten time origins is whole.
_performance = js.performance
_started = float(json.loads(js.JSON.stringify(_performance))["timeOrigin"])
_keep: "list[Any]" = []  # what JavaScript calls must not be collected


def clock() -> float:
    """Return the time in ms since 1970."""
    now: float = _performance.now()
    return _started + now


def new_id() -> str:
    """Return a new UUID."""
    return str(js.crypto.randomUUID())


class Workspace:
    """The parts, wired together."""

    def __init__(self) -> None:
        self._news: list[dict[str, str]] = []
        frames = Frames(by_id("stage"))
        desk = Desk(clock, new_id)
        self.apps = Apps(desk, Faults(), Log(), frames)
        self.page = Page(self.apps)
        self.commands = Commands(self.apps, run_flow, self.page)
        self.commands.send_api_faults = set_api_faults
        frames.on_failed = self.page.show_failure
        desk.on_change = self.page.changed
        desk.on_state = self._tell
        self.apps.on_change = self.page.changed
        self.apps.on_news = self.page.changed_soon
        self.apps.on_outbound = self._outbound
        self.apps.on_transfer = self._transferred
        self.apps.on_defect = self.show_defect
        self.apps.on_print = self._printed
        frames.listen(self.apps)
        self.page.start(self.commands.command)

    def _outbound(self, contact: "Contact") -> None:
        asyncio.create_task(contacts.outbound(self.commands, contact))

    def _transferred(self, contact: "Contact", to: "dict[str, Any]") -> None:
        asyncio.create_task(contacts.transferred(self.commands, contact, to))

    async def run(self) -> None:
        """Read the configuration and the address, then listen to the server."""
        try:
            self.configure(await fetch_json("/api/config"))
        except NotPossible as error:
            hint = "Start it with: uv run python deploy.py preview"
            self.page.show_problem("No preview server", sentence(error), hint)
        self._listen()
        await self._start_services()
        try:
            for name, args in from_address(str(js.location.search)):
                await self.commands.command(name, args)
        except NotPossible as error:
            self.page.show_problem("The address", sentence(error), "See docs/workspace.md for what it may hold.")
        except Exception as error:
            self.show_defect(error)
        self.page.changed()
        js.document.documentElement.setAttribute("data-ready", "true")

    async def _start_services(self) -> None:
        """Start the services, and let nobody in before they have said hello, or an error stands for that."""
        self.apps.start_services()
        while self.apps.services_begin():
            await asyncio.sleep(0.02)
        for service in self.apps.services:
            if service.error:
                hint = "A real workspace lets no agent in then."
                self.page.show_problem("The service " + service.app.name, service.error, hint)

    def show_defect(self, error: Exception) -> None:
        """Show an error that is a defect of the workspace; the console has the traceback."""
        sys.print_exception(error)  # type: ignore[attr-defined]  # MicroPython's
        self.page.show_problem("The workspace itself", sentence(error), "This is a defect: the console has more.")

    def _tell(self, contact: "Contact") -> None:
        """Tell the server of a contact's state: there, it stands in for Amazon Connect's API (ops/preview/local_connect.py)."""
        if self.commands.config.get("tell_contacts") and contact.state not in (INCOMING, PENDING):
            news = {"contactId": contact.id, "state": contact.state, "agentArn": self.apps.desk.agent_arn}
            self._news.append(news)
            if len(self._news) == 1:
                asyncio.create_task(self._send_news())

    async def _send_news(self) -> None:
        while self._news:  # one after the other: they must arrive in their order
            await self._post("/api/contacts", self._news[0])
            del self._news[0]

    def _printed(self, text: str) -> None:
        """Show in preview's terminal what an app's Python has printed; the log has it too."""
        asyncio.create_task(self._post("/api/prints", {"text": text[:10_000]}))

    async def _post(self, path: str, body: "dict[str, Any]") -> None:
        try:
            await post(path, body)
        except Exception as error:
            sys.print_exception(error)  # type: ignore[attr-defined]  # MicroPython's

    def configure(self, config: "dict[str, Any]") -> None:
        """Take the preview server's configuration."""
        self.commands.config = config
        self.apps.secrets = config.get("secrets") or []
        known = config.get("app") or {}
        if known.get("url"):
            names = ("name", "url", "scope", "sandbox", "allow", "permissions")
            self.apps.configure(App(*[known[name] for name in names]))
        service = config.get("service")
        if service:
            self.apps.configure(
                App(service["name"], service["url"], permissions=service["permissions"], number=2, is_service=True)
            )
        self.apps.view_seconds = config.get("view_seconds") or self.apps.view_seconds
        self.page.offer.fill_customers(config.get("customers") or [])
        self.apps.faults.api = config.get("api_faults") or self.apps.faults.api

    # -- the server's events -------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        source = js.EventSource.new("/api/events")
        _keep.append(source)
        for kind in ("reload", "problem", "fixed", "command", "attributes", "record"):
            handler = create_proxy(getattr(self, "_on_" + kind))
            _keep.append(handler)
            source.addEventListener(kind, handler)

    def _on_reload(self, event: "Any") -> None:
        what = json.loads(event.data or "{}").get("what")
        if what == "workspace":
            js.location.reload()
        elif what == "app":
            asyncio.create_task(self._reload_apps())

    async def _reload_apps(self) -> None:
        # The settings may have changed with the app: how it is framed, what it asks for.
        self.configure(await fetch_json("/api/config"))
        self.apps.reload()

    def _on_problem(self, event: "Any") -> None:
        problem = json.loads(event.data)
        self.page.show_problem(problem.get("subject", ""), problem.get("reason", ""), problem.get("hint", ""))

    def _on_fixed(self, _event: "Any") -> None:
        self.page.show_problem()

    def _on_attributes(self, event: "Any") -> None:
        """Set what the API has set, of a contact that may be another page's: nothing tells the apps of it."""
        told = json.loads(event.data)
        if self.apps.desk.find(told["contactId"]):
            self.apps.desk.set_attributes(told["contactId"], told["attributes"])

    def _on_record(self, event: "Any") -> None:
        """Show what a page has told of itself, at the end of its contact."""
        self.page.tools.pages.add(json.loads(event.data))

    def _on_command(self, event: "Any") -> None:
        asyncio.create_task(self._command(json.loads(event.data)))

    async def _command(self, asked: "dict[str, Any]") -> None:
        answer = {"id": asked["id"]}
        try:
            answer["result"] = await self.commands.command(asked["name"], asked.get("args") or {})
        except NotPossible as error:
            answer["error"] = str(error)
        except Exception as error:
            answer["error"] = "the workspace itself failed, which is a defect: " + repr(error)
            self.show_defect(error)
        await post("/api/answers", answer)


def start() -> None:
    """Start the workspace."""
    workspace = Workspace()
    _keep.append(workspace)

    def unexpected(_loop: "Any", context: "dict[str, Any]") -> None:
        workspace.show_defect(context["exception"])

    asyncio.get_event_loop().set_exception_handler(unexpected)
    asyncio.create_task(workspace.run())
