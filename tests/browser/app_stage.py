"""Puts the app into a state and looks at it: what the tests of the app share.

    with previewed(request_timeout_ms=700) as preview:              # a preview with other settings
        workspace = Workspace(preview, page); workspace.open()
        app = AppStates(workspace).several()                        # a Frame, in that state

The workspace, its protocol, the flow, the Lambda and the SDK are the real ones (tests/conftest.py); contact attributes
that no sample customer has are set on the contact, and the app is told to refresh.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import BrowserContext, Frame, Playwright, Route, expect

from ops.preview.scenario import Contact
from ops.preview.server import Preview
from ops.settings import Settings, load_settings
from ops.site.build import Built
from ops.site.headers import response_headers
from ops.site.media_types import media_type
from tests.conftest import Workspace

# What an iframe gets when an application registers nothing of its own
# (docs.aws.amazon.com/connect/latest/adminguide/3p-apps.html).
DEFAULT_SANDBOX = ("allow-forms", "allow-popups", "allow-same-origin", "allow-scripts")
# One that may not open windows.
NO_POPUPS = "allow-forms allow-same-origin allow-scripts"

NUMBER = "+12025550123"
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")


@contextmanager
def previewed(**changed: Any) -> Iterator[Preview]:
    """Run a preview whose settings differ: a table's keys as a dict (`pop={"automatic": "connected"}`)."""
    with Preview(lambda: changed_settings(**changed)) as preview:
        yield preview


def changed_settings(**changed: Any) -> Settings:
    """Return the settings with some of them changed, as `previewed` takes them."""
    given = load_settings()
    update = {
        name: getattr(given, name).model_copy(update=value) if isinstance(value, dict) else value
        for name, value in changed.items()
    }
    return given.model_copy(update=update)


@contextmanager
def storing_browser(
    playwright: Playwright, browser_type_launch_args: dict[str, Any], folder: Path
) -> Iterator[BrowserContext]:
    """A Chromium of its own, with its profile in `folder`, that allows an iframe of another site to store something.

    In the contexts that the other tests' browser makes, as in its private windows, such an iframe's storage is denied.
    """
    profile = folder / "profile" / "Default"
    profile.mkdir(parents=True)
    (profile / "Preferences").write_text(json.dumps({"profile": {"cookie_controls_mode": 0}}))
    context = playwright.chromium.launch_persistent_context(profile.parent, **browser_type_launch_args)
    yield context
    context.close()


def serve_instead(workspace: Workspace, built: Built) -> None:
    """Serve another build in the app's place, with the app's headers. Playwright does, in the test's own thread."""
    headers = response_headers((workspace.preview.workspace_url.rstrip("/"),))

    def serve(route: Route) -> None:
        name = route.request.url.split("/", 3)[3].split("?")[0] or "index.html"
        if name in built.files:
            body = (built.folder / name).read_bytes()
            route.fulfill(status=200, headers={**headers, "Content-Type": media_type(name)}, body=body)
        else:
            route.fulfill(status=404, headers=headers, body="")

    workspace.page.context.route(f"{workspace.preview.app_url}**", serve)


def violations(app: Frame) -> list[str]:
    """Return what axe-core finds in the app, one line for each rule, with the elements."""
    if not app.evaluate("typeof axe === 'object'"):  # half a megabyte
        app.evaluate(_AXE)
    found = app.evaluate("async () => (await axe.run({ resultTypes: ['violations'] })).violations")
    return [
        f"{rule['id']}: {rule['help']}: " + ", ".join(str(node["target"]) for node in rule["nodes"]) for rule in found
    ]


def set_width(states: AppStates, app: Frame, width: int) -> None:
    """Give the app that is shown this width, in pixels."""
    states.workspace.page.locator("iframe:visible").evaluate(
        "(frame, width) => { frame.style.cssText = `width:${width}px;height:1000px;min-width:0;max-width:none` }", width
    )
    app.wait_for_function("width => innerWidth === width", arg=width)


def overflows(app: Frame) -> bool:
    """Return whether the app has to be scrolled sideways."""
    return bool(app.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


class AppStates:
    """The states the app can be in; each method makes one and gives the app's frame."""

    ALL = (
        "connecting",
        "connected",
        "after_contact_work",
        "missed",
        "idle",
        "outside",
        "unknown_caller",
        "several",
        "refused_url",
        "missing_permissions",
        "no_answer",
        "failed",
        "folds_open",
        "blocked_pop",
        "opened_pop",
        "error",
    )

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.desk = workspace.desk
        self.contact: Contact | None = None

    def frame(self) -> Frame:
        """Return the frame of the app that is shown."""
        element = self.workspace.page.locator("iframe:visible").element_handle()
        assert element is not None
        frame = element.content_frame()
        assert frame is not None
        return frame

    def offer(self, customer: str = "", **arguments: Any) -> Frame:
        """Offer a contact and wait until its app runs and shows the customer."""
        known = {"customer": customer} if customer else {"address": NUMBER}
        self.contact = self.desk.offer(**{**known, **arguments})
        self.contact.wait_until_running()
        frame = self.frame()
        expect(frame.locator("#hero")).not_to_have_attribute("data-kind", "wait")
        return frame

    def with_attributes(self, values: dict[str, str | None]) -> Frame:
        """Offer a contact that carries these attributes, whatever the look-up said."""
        frame = self.offer()
        self.change_attributes(frame, values)
        return frame

    def change_attributes(self, frame: Frame, values: dict[str, str | None]) -> None:
        """Set attributes and let the agent refresh."""
        assert self.contact is not None
        self.contact.set_attributes(**values)
        frame.locator("[data-do=refresh]").click()

    def settle(self, frame: Frame) -> None:
        """Refresh twice: what the app had to draw and to send before is drawn and logged then, for messages keep their order."""
        for name in ("Settled once", "Settled twice"):
            self.change_attributes(frame, {"Name": name})
            expect(frame.get_by_role("heading", name=name)).to_be_visible()

    # -- the states ---------------------------------------------------------------------------------------------------

    def connecting(self) -> Frame:
        frame = self.offer("C-1001")
        expect(frame.locator("#life[data-life=connecting]")).to_be_visible()
        return frame

    def connected(self) -> Frame:
        frame = self.connecting()
        assert self.contact is not None
        self.contact.accept()
        expect(frame.get_by_role("status").filter(has_text="Contact connected")).to_be_visible()
        return frame

    def connected_to_nobody(self) -> Frame:
        """Connect a contact whose app may never show a customer."""
        self.contact = self.desk.offer(address=NUMBER)
        self.contact.wait_until_running()
        self.contact.accept()
        frame = self.frame()
        expect(frame.get_by_role("status").filter(has_text="Contact connected")).to_be_visible()
        return frame

    def after_contact_work(self) -> Frame:
        frame = self.connected()
        assert self.contact is not None
        self.contact.end()
        expect(frame.get_by_role("status").filter(has_text="After-contact work")).to_be_visible()
        return frame

    def missed(self) -> Frame:
        frame = self.connecting()
        assert self.contact is not None
        self.contact.miss()
        expect(frame.get_by_role("status").filter(has_text="Contact missed")).to_be_visible()
        return frame

    def idle(self) -> Frame:
        self.desk.command("open", idle=True)
        self.workspace.page.locator("iframe:visible").wait_for()
        frame = self.frame()
        expect(frame.get_by_role("heading", name="No contact")).to_be_visible()
        return frame

    def outside(self) -> Frame:
        self.desk.command("drop")
        self.desk.offer(address=NUMBER)
        self.workspace.page.locator("iframe:visible").wait_for()
        frame = self.frame()
        expect(frame.get_by_role("heading", name="Not in an agent workspace")).to_be_visible()
        return frame

    def unknown_caller(self) -> Frame:
        frame = self.offer()
        expect(frame.get_by_role("heading", name="No customer found")).to_be_visible()
        return frame

    def several(self) -> Frame:
        search = f"{self.workspace.preview.workspace_url}crm/search?q=555"
        frame = self.with_attributes({"contactMatches": "3", "contactUrlPath": "", "contactSearchUrl": search})
        expect(frame.get_by_role("heading", name="3 customers match")).to_be_visible()
        return frame

    def refused_url(self) -> Frame:
        frame = self.with_attributes({"contactMatches": "1", "Name": "Ana", "contactUrlPath": "javascript:alert(1)"})
        expect(frame.get_by_text("its address is not https")).to_be_visible()
        return frame

    def missing_permissions(self) -> Frame:
        for permission in ("User.Details.View", "Contact.Attributes.View"):
            self.desk.withdraw(permission)
        frame = self.offer("C-1001")
        expect(frame.locator("#card-agent_name")).to_contain_text("Needs User.Details.View")
        return frame

    def no_answer(self) -> Frame:
        self.desk.command("hang", request="agent/getName")
        frame = self.offer("C-1001")
        expect(frame.locator("#card-agent_name")).to_contain_text("No answer in time")
        return frame

    def failed(self) -> Frame:
        self.desk.command("fail", request="contact/getQueue", reason="The backend is away")
        frame = self.offer("C-1001")
        expect(frame.locator("#card-queue")).to_contain_text("Failed")
        return frame

    def folds_open(self) -> Frame:
        frame = self.connected()
        self.change_attributes(frame, {"Note": "x" * 900})
        frame.locator("#doctor summary").click()
        frame.locator("#attributes > summary").click()
        expect(frame.get_by_text("ContactPhoneNumberOrEmail")).to_be_visible()
        expect(frame.get_by_text("Contact.CustomerDetails.View")).to_be_visible()
        return frame

    def blocked_pop(self) -> Frame:
        self.desk.command("app", url=self.workspace.preview.app_url, name="Popdesk", sandbox=NO_POPUPS)
        frame = self.offer("C-1001")
        frame.locator("#pop").click()
        expect(frame.get_by_text("The workspace does not let this page open windows")).to_be_visible()
        return frame

    def opened_pop(self) -> Frame:
        frame = self.offer("C-1001")
        with self.workspace.page.context.expect_page() as opened:
            frame.locator("#pop").click()
        opened.value.close()
        expect(frame.locator("#pop-note")).to_have_text("Opened in the CRM window")
        return frame

    def error(self) -> Frame:
        frame = self.offer("C-1001")
        frame.evaluate("void Promise.reject(new Error('a defect'))")
        expect(frame.get_by_role("heading", name="Something in this page failed")).to_be_visible()
        return frame
