"""An agent of the rehearsal: a real browser with the local workspace in it, which opens what was deployed.

    with Agent(settings, aws, runner) as agent:         # raises UserError where there is no browser to look with
        agent.take_call("+12065550100")                 # -> what is wrong with what the agent sees; "" for nothing
    with Agent(settings, aws, runner, pilot=True):      # one of the pilot's

The workspace is served over TLS at an address of Amazon Connect's, which this browser alone takes for this machine's. So the page
is framed by somebody whom its Content-Security-Policy allows, as in production; and it comes from the rehearsed CloudFront, from
where the application was registered. No other name resolves in this browser: nothing outside this machine is asked.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ops.check.chromium import find_chromium, launched, started_playwright
from ops.errors import UserError
from ops.flows.runner import Runner
from ops.preview.builds import Builds
from ops.preview.local_api import LocalApi
from ops.preview.local_connect import LocalConnect
from ops.preview.open_pages import OpenPages
from ops.preview.routes import workspace_site
from ops.preview.scenario import CommandFailed, Desk
from ops.preview.serving import Serving
from ops.preview.sockets import listen, port_of
from ops.rehearse.certificate import Certificate
from ops.rehearse.connect import ALIAS
from ops.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page, Response

    from ops.rehearse.local_aws import LocalAws

HOST = f"{ALIAS}.my.connect.aws"
_SECONDS = 30.0  # for whatever is waited for
_LONGEST = 300  # characters of what the page's console says


class Deployed(Builds):
    """What the workspace is given: its own page, and flows that were deployed. Of the application nothing is built."""

    def __init__(self, settings: Settings, runner: Runner, origin: str, folder: Path, pages: OpenPages) -> None:
        super().__init__(
            lambda: settings, origin, folder, tell=lambda _: None, log=lambda _: None, publish=pages.publish
        )
        self.settings, self.runner, self.customers = settings, runner, []

    def build_all(self) -> None:
        """Build the workspace's page."""
        self._build("workspace")


class Agent:
    """The browser, as long as a `with` block. `runner` runs the deployed flows; the one that a call begins with is MAIN_FLOW.

    It opens the application that is registered for all agents, or with `pilot` the pilot's.
    """

    def __init__(self, settings: Settings, aws: LocalAws, runner: Runner, pilot: bool = False) -> None:
        self._settings, self._aws, self._runner = settings, aws, runner
        _, self._namespace = settings.pilot_application if pilot else (settings.name, settings.namespace)
        _, self._service = settings.pilot_service if pilot else settings.service
        self._stack = ExitStack()
        self._complaints: list[str] = []

    def __enter__(self) -> Agent:
        with self._stack as stack:
            playwright = stack.enter_context(started_playwright())
            chromium = find_chromium(playwright)
            certificate = Certificate(HOST)
            port = self._serve(certificate)
            flags = (
                f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{port}, MAP * ~NOTFOUND, EXCLUDE localhost",
                f"--ignore-certificate-errors-spki-list={certificate.spki},{self._aws.cloudfront.spki}",
            )
            browser = stack.enter_context(launched(playwright, chromium, flags=flags))
            self._page = page = browser.new_page()
            page.set_default_timeout(_SECONDS * 1000)
            page.on("console", lambda said: self._complain(said.text) if said.type == "error" else None)
            page.context.on("weberror", lambda error: self._complain(str(error.error)))
            page.on("response", self._note)
            with page.expect_response("**/api/events"):
                page.goto(f"https://{HOST}/")
            page.locator("html[data-ready=true]").wait_for()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _serve(self, certificate: Certificate) -> int:
        """Serve the workspace; return its port."""
        aws, settings = self._aws, self._settings
        applications = {each["Namespace"]: each for each in aws.apps.applications.values()}
        registered = applications[self._namespace]
        self._app_url = _url(registered)
        service = applications.get(self._service)
        serving, origin = Serving(), f"https://{HOST}"
        pages = OpenPages(serving.loop, origin)
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="popdesk-rehearsal-"))
        as_registered = settings.model_copy(
            update={"name": registered["Name"], "permissions": tuple(registered["Permissions"])}
        )
        builds = Deployed(as_registered, self._runner, origin, Path(folder), pages)
        builds.build_all()
        connect = LocalConnect(
            lambda contact, values: pages.publish("attributes", {"contactId": contact, "attributes": values})
        )
        aws.connect.contacts = connect
        self._stack.callback(setattr, aws.connect, "contacts", None)
        bound = listen("127.0.0.1", 0, "--port")
        ending = _url(service).removeprefix(self._app_url) if service else ""
        site = workspace_site(builds, pages, connect, LocalApi(lambda: None), origin, self._app_url, ending)
        serving.add(site, [bound], certificate.tls())
        self._stack.callback(serving.stop)
        self._stack.callback(pages.stop)
        serving.start()
        self._desk = Desk(lambda name, /, **arguments: pages.command(name, arguments, _SECONDS + 5), pace=0)
        return port_of(bound)

    def _complain(self, text: str) -> None:
        self._complaints.append(text[:_LONGEST])

    def _note(self, response: Response) -> None:
        """Keep what a file or the API of the application did not answer as it should."""
        if response.url.startswith(self._app_url) and response.status >= 400:
            path = urlsplit(response.url).path
            self._complain(f"{response.request.method} {path} was answered with {response.status}")

    def take_call(self, number: str, name: str = "", release: str = "") -> str:
        """Take a call from a number; return what is wrong with what the agent sees.

        `name`: of whom the page has to show. `release`: the id of the release that the page has to be of; "" for any.
        """
        from playwright.sync_api import Error

        self._complaints.clear()
        logged = len(self._aws.functions.log)
        try:
            contact = self._desk.offer(address=number)
            contact.accept()
            contact.wait_until_running(_SECONDS)
            wrong = self._look_at(_frame(self._page), name, release)
            contact.end()
            contact.clear()
        except (CommandFailed, UserError, Error) as error:
            wrong = str(error).strip().splitlines()[0]
            self._page.wait_for_timeout(200)  # what the browser has said meanwhile is heard now
        reasons = self._logged_reasons(logged) if self._complaints else []
        return "; ".join(dict.fromkeys([*([wrong] if wrong else []), *self._complaints, *reasons]))

    def _logged_reasons(self, start: int) -> list[str]:
        """Return why the API has not done what it was asked, as its log says from line `start` on."""
        lines = [json.loads(line) for line in self._aws.functions.log[start:] if line.startswith("{")]
        requests = [line for line in lines if line.get("message") == "API request" and line.get("error")]
        return [f"the API's log says of {line['method']} {line['route']}: {line['error']}" for line in requests]

    def _look_at(self, frame: Frame, name: str, release: str) -> str:
        if not frame.url.startswith(self._app_url):
            return f"the workspace opened {frame.url}, and {self._app_url} is registered"
        frame.locator("#hero:not([data-kind=wait])").wait_for()
        told = str(frame.evaluate("document.lastChild.data"))  # ops/cloud/bucket.py: mark
        if release not in told:
            return f"the page is of {told.strip()!r}, not of release {release}"
        shown = frame.locator("#customer-name").inner_text()
        return "" if name in shown else f"the page shows {shown!r}, not {name!r}"


def _url(application: Mapping[str, Any]) -> str:
    return str(application["ApplicationSourceConfig"]["ExternalUrlConfig"]["AccessUrl"])


def _frame(page: Page) -> Frame:
    found = page.locator("iframe:visible").element_handle()
    frame = found.content_frame() if found else None
    if frame is None:
        raise UserError("The workspace", "it opened no page for the call", "look at the flow that was deployed")
    return frame
