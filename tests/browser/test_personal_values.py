"""Hostile values through forms, actions, routes and tokens: none of them stands in a terminal, a log or a message of the page.

The preview is a process as a person starts it, the API and the look-up are its processes, the page is Chromium's.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, expect

from tests.preview_process import Running
from tests.project import copy_project

pytestmark = [pytest.mark.browser, pytest.mark.thorough]

SETTINGS = """
[tool.popdesk.api]
enabled = true
attributes = ["wrapUp"]
"""
CARDS = """
from popdesk import card


@card("Customer's name")
async def name(desk):
    return (await desk.contact.attributes())["Name"]


@card("Cases", later=True)
async def cases(desk):
    return len((await desk.api.get("customers/{id}/cases", id=await desk.customer.id()))["cases"])


@card("Broken")
async def broken(desk):
    name = (await desk.contact.attributes())["Name"]
    remark = (await desk.contact.attributes()).get("Remark")
    if remark:  # the build's sample desk has none
        raise ValueError(name + remark + '\\n  File "' + name + '", line 1, in ' + remark)
"""
ACTIONS = """
from popdesk import Line, Paragraph, action

FIELDS = [Line("subject", longest=200), Paragraph("note")]


@action("Create", fields=FIELDS)
async def create(desk, subject, note):
    await desk.api.post("customers/{id}/cases", {"subject": subject, "note": note}, id=await desk.customer.id())


@action("Remark", fields=FIELDS)
async def remark(desk, subject, note):
    await desk.api.post("customers/{id}/notes", {"text": subject + note}, id=await desk.customer.id())


@action("Wrap up", fields=FIELDS)
async def wrap_up(desk, subject, note):
    await desk.contact.set_attribute("wrapUp", subject + note)


@action("Break here", fields=FIELDS)
async def break_here(desk, subject, note):
    if "hush" in subject:  # not when the build plays it
        raise KeyError(subject + note)


@action("Break there", fields=FIELDS)
async def break_there(desk, subject, note):
    await desk.api.post("break", {"subject": subject, "note": note})


@action("Refuse", fields=FIELDS)
async def refuse(desk, subject, note):
    await desk.api.post("refuse", {"subject": subject, "note": note})


@action("Elsewhere", fields=FIELDS)
async def elsewhere(desk, subject, note):
    await desk.api.post("customers/{id}/cases/{case}/notes", {"text": note}, id=subject, case=note)


@action("No route", fields=FIELDS)
async def no_route(desk, subject, note):
    await desk.api.get("{subject}/{note}?q={note}", subject=subject, note=note)
"""
ROUTES = '''
"""Routes that go wrong with what they were given in their exceptions."""

from popdesk_api.app import app, write
from pydantic import BaseModel, field_validator


class Given(BaseModel):
    subject: str
    note: str


class Picky(Given):
    @field_validator("subject", "note")
    @classmethod
    def refuse(cls, text: str) -> str:
        raise ValueError("not " + text)


@app.post("/api/break")
def break_there(given: Given) -> None:
    write()
    raise LookupError(given.subject + given.note)


@app.post("/api/refuse")
def refuse(given: Picky) -> None:
    write()
'''
# Each with a mark of its own, by which it is looked for beside the whole of it: ____ stands for that.
SHAPES = (
    "<img src=x onerror=alert('____')>",
    "'; drop table ____; --",
    '", "level": "ERROR", "x": "____',
    "\x1b[31m____\x1b[0m",
    "%s%n{0.__class__}____",
    "${jndi:ldap://____.example}",
    "../../____?q=____#____",
    "Zoë ____ 😀",
    "\u202e____",
    '  File "____", line 1, in ____',
    '{"ERROR": "____"}',
    "x" * 150 + "____",
)
ANA = ("Ana Carolina Silva", "12065550100", "ana.silva@example.com")
REMARK = "remark-hush0"


class Values:
    """Hostile values, each made once and kept to be looked for."""

    def __init__(self) -> None:
        self.marks: list[str] = []

    def __call__(self, shape: str) -> str:
        self.marks.append(f"hush{len(self.marks) + 1:04}q")
        return shape.replace("____", self.marks[-1])

    def found_in(self, text: str) -> list[str]:
        return [mark for mark in self.marks if mark in text]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    project = copy_project(tmp_path_factory.mktemp("personal") / "project")
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text("utf-8") + SETTINGS, "utf-8")
    for path, content in (("pyapp/cards.py", CARDS), ("pyapp/actions.py", ACTIONS), ("lambda/api/routes.py", ROUTES)):
        (project / path).write_text(content, "utf-8")
    made = Running(project)
    yield made
    made.close()


def _app(page: Page, running: Running) -> Frame:
    expect(page.frame_locator("iframe:visible").locator("#acts button").first).to_be_visible()
    return next(frame for frame in page.frames if frame.url.startswith(running.app))


def _open(page: Page, running: Running, **attributes: str) -> Frame:
    commands = [
        ["offer", {"customer": "C-1001", "attributes": {"Remark": REMARK, **attributes}, "accept": True}],
        ["until", {"app": "running"}],
        ["panel", {"name": "log"}],
    ]
    page.goto(f"{running.workspace}?do={quote(json.dumps(commands))}")
    return _app(page, running)


def _send(app: Frame, action: str, subject: str, note: str) -> None:
    """Fill a form in, send it, and wait until it has come to something."""
    button = app.locator(f"button[data-do=act][data-about={action}]")
    button.click()
    form = app.locator(f"#form-{action}")
    form.get_by_label("Subject").fill(subject)
    form.get_by_label("Note").fill(note)
    form.locator("[type=submit]:visible").click()
    said = app.locator(f"#form-{action} + .outcome > [role=status]")
    expect(said).not_to_have_text("")
    expect(said).not_to_have_text("Working…")
    if (discard := form.get_by_role("button", name="Discard", exact=True)).is_visible():
        discard.click()
    elif form.is_visible():
        button.click()


def test_nothing_of_what_was_typed_or_looked_up_is_in_a_terminal_or_a_log(
    running: Running, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    typed, page, console, tokens = Values(), context.new_page(), [], set()
    page.on("console", lambda message: console.append(message.text))
    page.on("request", lambda request: tokens.add(request.headers.get("x-popdesk-contact", "")))
    app = _open(page, running)
    expect(app.locator("#card-name")).to_have_text(ANA[0])
    expect(app.get_by_role("heading", name="Something in this page failed")).to_be_visible()
    shapes = iter(SHAPES * 2)
    for action in ("create", "remark", "wrap_up", "break_here", "break_there", "refuse", "elsewhere", "no_route"):
        subject, note = typed(next(shapes)), "\n".join(typed(next(shapes)) for _ in range(2))
        _send(app, action, subject, note)
    set_as_attribute = typed.marks[6:9]  # those of "Wrap up": the contact has them now
    tokens.discard("")
    (token,) = tokens
    assert len(token) > 100
    # Tokens that the API refuses, as hostile: each is sent, and the page goes on.
    forged = [typed("____.e30."), typed("eyJhbGciOiJub25lIn0.____."), typed("<b>____</b>"), typed("a" * 5000 + "____")]
    for each in forged:
        page.evaluate("1")
        status = app.evaluate(
            """async (token) => (await fetch("/api/customers/C-1001/cases", {method: "POST", body: '{"subject": "x"}',
              headers: {"X-Popdesk-Contact": token, "Content-Type": "application/json"}})).status""",
            each,
        )
        assert status == 401
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied as JSON Lines.")).to_be_visible()
    entries = [json.loads(line) for line in page.evaluate("navigator.clipboard.readText()").splitlines()]
    running.printed(r'"status":401')
    rest = running.end(signal.SIGINT)
    terminal = "\n".join(running.lines) + rest

    # The search can find something: each function has said what it did, and the page's error is there with its line.
    for said in ("customer look-up", '"API request"', '"audit"', 'File "pyapp/cards.py"', "KeyError", "LookupError"):
        assert said in terminal, said
    up = "\n".join(json.dumps(each["message"], ensure_ascii=False) for each in entries if each["direction"] == "up")
    log = "\n".join(json.dumps(each["message"], ensure_ascii=False) for each in entries)
    assert '"App error"' in up
    for where, text in (("terminal", terminal), ("the page's messages", up), ("the console", "\n".join(console))):
        assert typed.found_in(text) == [], where
        assert [value for value in (*ANA, REMARK, token, token.rpartition(".")[2]) if value in text] == [], where
    # What the workspace tells the page is in its log, as are the contact's attributes: of the rest nothing.
    assert set(typed.found_in(log)) <= set(set_as_attribute)
    assert token not in log
    assert token.rpartition(".")[2] not in log
    assert "C-1001" not in terminal.replace("C-1001/", "")
