"""Opens an app in the local agent workspace, in Chromium, and observes it: the edge of `deploy.py check`.

    result = examine("http://localhost:3000/", Options())
    result.checks           # judged: ops/check/judge.py

Raises UserError where the app cannot be examined at all: no Playwright, no Chromium, an address that does not answer.
"""

from __future__ import annotations

import base64
import re
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from model.permissions import EITHER, EVERYTHING, NAMES
from ops.check.chromium import find_chromium, launched, started_playwright
from ops.check.framing import CSP, X_FRAME_OPTIONS, Framing, judge_framing
from ops.check.judge import FINDING, Check, judge
from ops.check.observed import Observed, Opening, permissions_asked, read_opening
from ops.check.picture import brightness
from ops.errors import UserError
from ops.preview.scenario import CommandFailed
from ops.preview.server import Preview
from ops.settings import Settings
from protocol.apps import DESTROY_LIMIT, INITIALIZATION_TIMEOUT, SANDBOX

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, ElementHandle, Frame, Page, Playwright, Request, Route
    from playwright.sync_api import Error as PageError

# The app is taken to be done asking when for so long nothing crossed its port; one that never is, is not waited for longer.
_QUIET_SECONDS = 1.0
_LONGEST_ASKING_SECONDS = 8.0
_POLL_MS = 50
_PAUSES_OF_QUIET = 5  # between two looks at the workspace: each takes some of the processor's time, from the app too
_COMMAND_SECONDS = 120.0  # a command takes some ten ms; a machine that builds beside it may stand still for long
_ANSWER_MS = 20  # the workspace answers a command in some ten ms
# Screen prints are taken at a tenth of their size: only their mean brightness is asked for.
_SCALE = 0.1
_LONGEST_LINE = 300  # of what the browser says; most of it is objects
_CONNECT_SECONDS = 10.0
_NUMBER = "+12025550123"  # one that is never anybody's: 555-01XX


@dataclass(frozen=True)
class Options:
    """How an app is opened. `sandbox`: its iframe's flags, () for what an app gets that registers none.

    `timeout` is how long it may take to say hello (AppIntegrations' InitializationTimeout), and to do each later step, s.
    """

    idle: bool = False
    timeout: float = INITIALIZATION_TIMEOUT / 1000
    sandbox: tuple[str, ...] = SANDBOX
    attributes: Mapping[str, str] = field(default_factory=dict)
    headed: bool = False


@dataclass(frozen=True)
class Result:
    """What `deploy.py check` says of an app."""

    url: str
    checks: list[Check]
    observed: Observed

    @property
    def findings(self) -> int:
        """How many checks are findings."""
        return sum(check.state == FINDING for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON: {"url", "findings", "checks": [...], "permissions": [...], "times": {...}}; times in ms."""
        main = self.observed.main
        states = {check.name: check.state for check in self.checks}
        return {
            "url": self.url,
            "findings": self.findings,
            "checks": [
                {"name": check.name, "state": check.state, "detail": check.detail, "hint": check.hint}
                for check in self.checks
            ],
            "permissions": [
                {
                    "permission": permission,
                    "requests": [asked.name for asked in needs if asked.kind == "request"],
                    "topics": [asked.name for asked in needs if asked.kind == "topic"],
                    "refusal": states[f"without {permission}"],
                }
                for permission, needs in permissions_asked(main).items()
            ],
            "times": self.times(),
        }

    def times(self) -> dict[str, float | None]:
        """Return the times of the opening with all permissions, ms; None for what did not come."""
        main = self.observed.main
        found = {
            "hello": main.hello_ms,
            "first_paint": main.paint_ms,
            "create": main.create_ms,
            "destroy": main.destroy_ms,
        }
        return {name: None if value is None else round(value) for name, value in found.items()}


def check_url(url: str) -> None:
    """Raise ValueError where the local workspace may not frame this address: https, or http on this machine."""
    parts = urlsplit(url)  # raises ValueError itself
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it begins with neither http:// nor https://")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1"):
        raise ValueError("Amazon Connect frames https only, and here http only from localhost and 127.0.0.1")


def examine(url: str, options: Options, settings: Callable[[], Settings], tell: Callable[[str], None]) -> Result:
    """Return what is found of the app at `url`, or for "" of this project's page. `tell` gets each step, in words.

    Raises UserError where it cannot be examined.
    """
    if url:
        _look_for_server(url)
    with started_playwright() as playwright:
        chromium = find_chromium(playwright)
        if url:
            address, headers = _fetch(playwright, url, options)
        tell("Building the local workspace ...")
        with Preview(settings, tell=tell) as preview:
            if not url:
                url = preview.app_url
                address, headers = _fetch(playwright, url, options)
            framing = judge_framing(headers, address, preview.workspace_url)
            # Playwright hands over what was asked for first, and no redirect's answer.
            opened = url if framing.here else address
            with launched(playwright, chromium, options.headed) as browser:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                with ThreadPoolExecutor(1) as threads:
                    observed = _Examination(preview, page, opened, framing, options, tell, threads).run()
    return Result(url, judge(framing, observed, options.timeout * 1000), observed)


def _look_for_server(url: str) -> None:
    """Raise UserError where nothing answers at the address: known before Playwright is started.

    Behind a proxy it is the proxy that is asked, by `_fetch`.
    """
    parts = urlsplit(url)
    if getproxies():
        return
    try:
        socket.create_connection(
            (parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443)), _CONNECT_SECONDS
        ).close()
    except OSError as error:
        raise UserError(
            url, f"it cannot be reached ({error.strerror or error})", "start the app, and look at the address"
        ) from None


def _fetch(playwright: Playwright, url: str, options: Options) -> tuple[str, list[tuple[str, str]]]:
    """Return the page's address after redirects, and its response's headers. Raises UserError where there is no page."""
    from playwright.sync_api import Error

    request = playwright.request.new_context()
    try:
        # As a browser asks: some servers answer their page to nobody else.
        answer = request.get(url, headers={"Accept": "text/html"}, timeout=max(options.timeout, 10) * 1000)
        kind = answer.headers.get("content-type", "")
        headers = [(header["name"], header["value"]) for header in answer.headers_array]
    except Error as error:
        why = error.message.split("\n")[0].removeprefix("APIRequestContext.get: ")
        raise UserError(url, f"it cannot be reached ({why})", "start the app, and look at the address") from None
    finally:
        request.dispose()
    if not answer.ok:
        raise UserError(url, f"it answers with status {answer.status}", "give the address of the app's page")
    if "html" not in kind:
        raise UserError(
            url, f"it is not a page: its Content-Type is {kind or 'not there'}", "give the address of the app's page"
        )
    return answer.url, headers


class _Examination:
    """One examination: the workspace in a page of Chromium, and the app that is opened in it again and again."""

    def __init__(
        self,
        preview: Preview,
        page: Page,
        url: str,
        framing: Framing,
        options: Options,
        tell: Callable[[str], None],
        threads: Executor,
    ) -> None:
        self._preview = preview
        self._threads = threads
        self._page = page
        self._url = url
        self._framing = framing
        self._options = options
        self._tell = tell
        self._defects: list[str] = []  # of the workspace itself
        self._errors: list[str] = []
        self._console: list[str] = []
        page.on("pageerror", self._on_error)
        page.on("console", self._on_console)

    def run(self) -> Observed:
        """Return what is observed: with all permissions, then without each that the app asked for."""
        if not self._framing.here:
            # Examined all the same, as it were allowed: one finding must not hide the others.
            # A pattern, which Playwright's own process compares: the workspace's requests do not wait for this thread.
            others = re.compile(f"^(?!{re.escape(self._preview.workspace_url)})")
            self._page.route(others, self._without_framing_headers)
        with self._page.expect_response("**/api/events"):
            self._page.goto(self._preview.workspace_url)
        self._page.locator("html[data-ready=true]").wait_for()
        self._host()
        try:
            observed = self._observe()
        except CommandFailed as error:
            raise UserError("The local workspace", str(error), "this is a bug in Popdesk: please report it") from None
        observed.workspace = self._defects
        return observed

    def _observe(self) -> Observed:
        self._command("theme", mode="light")
        self._tell("Opening the app ...")
        observed = Observed(main=Opening())
        observed.main = self._open((*NAMES, EVERYTHING), observed)
        if observed.main.was_running:
            for permission in permissions_asked(observed.main):
                self._tell(f"Opening it without {permission} ...")
                granted = tuple(name for name in NAMES if name not in permission.split(EITHER))
                observed.refused[permission] = self._open(granted)
        return observed

    def _host(self) -> None:
        try:
            self._command("app", url=self._url, scope="PER_CONTACT", sandbox=" ".join(self._options.sandbox))
        except CommandFailed as error:
            raise UserError(self._url, str(error), "look at the address and at --sandbox") from None

    def _open(self, granted: tuple[str, ...], observed: Observed | None = None) -> Opening:
        """Open the app with these permissions and see it to its end; with `observed` look at theme and accessibility too."""
        self._errors, self._console = [], []
        self._command("permissions", only=" ".join(granted))
        logged = self._command("look")["logged"]
        contact = "" if self._options.idle else self._offer()
        instance = self._instance_of(contact) if contact else self._command("open", idle=True)["instanceId"]
        if self._wait(lambda: self._state(instance) != "loading"):
            self._wait(lambda: self._state(instance) != "creating")
        running = self._state(instance) == "running"
        self._step(contact, "incoming", "accept")
        self._wait_until_quiet()
        text, paint = self._look_at(instance, observed)
        if contact:
            self._step(contact, "connected", "end")
            self._wait_until_quiet()
        elif self._state(instance) != "gone":
            self._command("close", instance=instance)
        for left in self._command("look")["contacts"]:  # and those that the app made
            self._step(left["contactId"], "", "finish")
        self._wait(lambda: self._state(instance) == "gone", DESTROY_LIMIT / 1000)
        self._pause()  # the browser's last words
        total = self._command("look")["logged"]
        opening = read_opening(self._command("log", last=total - logged))
        opening.was_running = running
        opening.errors, opening.console = self._errors, self._console
        opening.text, opening.paint_ms = text or "", paint
        opening.responds = text is not None
        return opening

    def _step(self, contact: str, state: str, command: str) -> None:
        """Do what an agent does with a contact in this state ("" for any), unless the app was quicker."""
        for each in self._command("look")["contacts"]:
            if each["contactId"] == contact and state in ("", each["state"]):
                with suppress(CommandFailed):
                    self._command(command, contact=contact)

    def _offer(self) -> str:
        customers = self._preview.customers
        who: dict[str, Any] = {"customer": customers[0]["id"]} if customers else {"address": _NUMBER}
        offered = self._command("offer", attributes=dict(self._options.attributes), **who)
        return str(offered["contactId"])

    def _instance_of(self, contact: str) -> str:
        for app in self._command("look")["apps"]:
            if app["contactId"] == contact:
                return str(app["instanceId"])
        raise UserError(self._url, "the local workspace did not open it", "look at the address")

    def _state(self, instance: str) -> str:
        for app in self._command("look")["apps"]:
            if app["instanceId"] == instance:
                return str(app["state"])
        return "gone"

    def _command(self, name: str, **arguments: Any) -> Any:
        """Let the workspace do a command; return its result.

        In a thread, while this one goes on reading what Playwright says: where it does not, Playwright's process waits as soon
        as the pipe is full, and with it each request that it intercepts, the workspace's answer among them.
        """
        answer = self._threads.submit(self._preview.command, name, seconds=_COMMAND_SECONDS, **arguments)
        while not answer.done():
            self._page.wait_for_timeout(_ANSWER_MS)
        return answer.result()

    # -- waiting -------------------------------------------------------------------------------------------------------

    def _pause(self) -> None:
        # Not time.sleep: what Playwright hears from the browser is handled while it waits.
        self._page.wait_for_timeout(_POLL_MS)

    def _wait(self, condition: Callable[[], bool], more: float = 0) -> bool:
        """Wait until the condition holds, for as long as the app may take; return whether it does."""
        deadline = time.monotonic() + self._options.timeout + more
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._pause()
        return True

    def _wait_until_quiet(self) -> None:
        begun = changed = time.monotonic()
        logged = -1
        while time.monotonic() - changed < _QUIET_SECONDS and time.monotonic() - begun < _LONGEST_ASKING_SECONDS:
            now = self._command("look")["logged"]
            if now != logged:
                logged, changed = now, time.monotonic()
            for _ in range(_PAUSES_OF_QUIET):
                self._pause()

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look_at(self, instance: str, observed: Observed | None) -> tuple[str | None, float | None]:
        """Return the app's text (None where its page does not respond) and its first paint.

        With `observed` look at accessibility and at both themes.
        """
        from playwright.sync_api import Error

        element = self._page.query_selector(f'iframe[data-instance="{instance}"]')
        frame = element.content_frame() if element is not None else None
        if element is None or frame is None:
            return "", None
        try:
            # First: what follows has no time-out of its own, and a page in an endless loop answers nothing.
            text = frame.locator("body").inner_text(timeout=max(self._options.timeout, 10) * 1000).strip()
        except Error:
            return ("" if self._state(instance) == "gone" else None), None
        try:
            paint = frame.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
            if observed is not None:
                self._look_closely(element, frame, observed)
        except Error:
            if self._state(instance) != "gone":
                raise
            paint = None
        return text, paint

    def _look_closely(self, element: ElementHandle, frame: Frame, observed: Observed) -> None:
        found = _axe(frame, "light")
        observed.light = self._brightness(element)
        self._command("theme", mode="dark")
        self._wait_until_quiet()
        observed.dark = self._brightness(element)
        # What is found in both is named once.
        known = {line.split(" (", 1)[0] for line in found}
        found += [line for line in _axe(frame, "dark") if line.split(" (", 1)[0] not in known]
        observed.axe = found
        self._command("theme", mode="light")

    def _brightness(self, element: ElementHandle) -> float | None:
        # Behind an app that paints no background is white, as behind any page, and not the workspace's own colour.
        element.evaluate("element => { element.style.background = 'white' }")
        box = element.bounding_box()
        if box is None or not box["width"] or not box["height"]:
            return None
        session = self._page.context.new_cdp_session(self._page)
        answer = session.send("Page.captureScreenshot", {"clip": {**box, "scale": _SCALE}})
        session.detach()
        return brightness(base64.b64decode(answer["data"]))

    # -- what the browser says -----------------------------------------------------------------------------------------

    def _on_error(self, error: PageError) -> None:
        if self._preview.workspace_url in (error.stack or ""):
            self._defects.append(error.message)
        else:
            self._errors.append(_line(error.message))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].startswith(self._preview.workspace_url):
            self._console.append(_line(message.text))

    def _without_framing_headers(self, route: Route, request: Request) -> None:
        if not request.is_navigation_request():
            route.continue_()
            return
        answer = route.fetch()
        without = (X_FRAME_OPTIONS, "content-encoding", "content-length")  # the body is decoded
        headers = {name: value for name, value in answer.headers.items() if name not in without}
        if CSP in headers:
            policies = headers[CSP].replace(",", ";").split(";")
            kept = [each for each in policies if not each.strip().lower().startswith("frame-ancestors")]
            headers[CSP] = ";".join(kept)
        route.fulfill(response=answer, headers=headers)


def _line(text: str) -> str:
    """Return an error's words in one line: the first one, or of Python's traceback the last."""
    lines = text.strip().split("\n")
    return lines[-1 if lines[0].startswith("Traceback") else 0][:_LONGEST_LINE] or "an error without words"


def _axe(frame: Frame, theme: str) -> list[str]:
    """Return what axe-core finds in the frame, a line for each rule: its name, what it says, where, in which theme."""
    import axe_playwright_python

    source = Path(axe_playwright_python.__file__).parent / "axe.min.js"
    frame.evaluate(source.read_text("utf-8"))
    rules = frame.evaluate("async () => (await axe.run()).violations")
    return [f"{rule['id']}: {rule['help']} (in the {theme} theme {_counted(rule['nodes'])})" for rule in rules]


def _counted(nodes: list[dict[str, Any]]) -> str:
    return f"{len(nodes)} element{'s'[: len(nodes) > 1]}, the first is {nodes[0]['target'][0]}"
