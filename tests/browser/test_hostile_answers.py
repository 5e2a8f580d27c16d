"""200 hostile answers of the API and tokens: none runs anything, none sends a request elsewhere, none breaks the page.

The page is the product's, with cards and an action as the shipped ones; the answers come over real sockets (kept_api.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Frame, expect

from ops.settings import load_settings
from tests.browser.app_stage import AppStates, changed_settings
from tests.browser.hosting import OwnCardsServer
from tests.browser.kept_api import KeptApi
from tests.conftest import Workspace

pytestmark = pytest.mark.thorough

CARDS = """
from popdesk import Badge, Link, Since, Table, Timeline, card


@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()


@card("Marker")
async def marker(desk):
    return (await desk.contact.attributes()).get("Marker")


@card("Open cases", personal=True, later=True, wide=True)
async def open_cases(desk):
    answer = await desk.api.get("customers/{id}/cases", id=await desk.customer.id())
    rows = []
    for each in answer["cases"]:
        rows.append([Link(each["id"], each["url"]), each["subject"], Badge(each["priority"]), Since(each["opened"])])
    return Table(["Case", "Subject", "Priority", "Opened"], rows)


@card("Lately", personal=True, later=True, wide=True)
async def lately(desk):
    answer = await desk.api.get("customers/{id}/cases", id=await desk.customer.id())
    return Timeline([(each["opened"], each["subject"], each["note"]) for each in answer["cases"]], shown=3)
"""
ACTIONS = """
from popdesk import Line, Link, action


@action("Create case", fields=[Line("subject", required=True)])
async def create_case(desk, subject):
    made = await desk.api.post("customers/{id}/cases", {"subject": subject}, id=await desk.customer.id())
    return Link(made["id"], made["url"])
"""

TEXTS = [
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    "<svg onload=window.ran=1>",
    "<iframe srcdoc='<script>parent.ran=1</script>'>",
    "<a href=javascript:window.ran=1>x</a>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css'</style>",
    "<form action=https://evil.example><button>",
    "</td></tr></table><script>window.ran=1</script>",
    "'\"><script>window.ran=1</script>",
    "javascript:window.ran=1",
    "JaVaScRiPt:window.ran=1",
    " javascript:window.ran=1",
    "java\nscript:window.ran=1",
    "\x01javascript:window.ran=1",
    "data:text/html,<script>opener.ran=1</script>",
    "data:text/html;base64,PHNjcmlwdD5vcGVuZXIucmFuPTE8L3NjcmlwdD4=",
    "vbscript:msgbox(1)",
    "blob:https://crm.example.com/x",
    "https://evil.example/",
    "//evil.example/",
    "https://crm.example.com@evil.example/",
    "https://crm.example.com.evil.example/",
    "https:\\\\evil.example\\",
    "http://crm.example.com/",
    "https://user:password@crm.example.com/",
    '=HYPERLINK("https://evil.example")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "{{constructor.constructor('window.ran=1')()}}",
    "${window.ran=1}",
    "%s%n{0.__class__}",
    "__proto__",
    "\u202egnp.exe\u2066x\u2069",
    "\u0000",
    "a\u0000b",
    "\ufeff\ufffe\uffff",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 20,
    "Z\u0351\u036b\u0343" * 300,
    "x" * 100_000,
    "\n" * 500,
    "007",
    "1e309",
    "NaN",
    "null",
    " ",
    "../../etc/passwd",
    "; drop table cases; --",
]

_JSON = {"Content-Type": "application/json"}
_PROBLEM = {"Content-Type": "application/problem+json"}
_HTML = {"Content-Type": "text/html"}
_PAGE = b"<!doctype html><script>top.ran=1;parent.ran=1;window.ran=1</script><img src=https://evil.example/x>"


def _values() -> list[bytes]:
    """Return JSON that is not what a card takes it for."""
    values: list[Any] = [None, True, 0, -1.5, "text", [], {}, [[]], [None], {"cases": None}, {"cases": 7}]
    values += [{"cases": "abc"}, {"cases": {}}, {"cases": [None]}, {"cases": [1]}, {"cases": [[]]}, {"cases": [{}]}]
    for wrong in (None, True, 12345678901234567890, [], {}, ["x"], {"__proto__": {"ran": 1}}):
        values.append({"cases": [dict.fromkeys(("id", "url", "subject", "priority", "opened", "note"), wrong)]})
    return [json.dumps(value).encode() for value in values]


_DEEP = 100_000
RAW: list[tuple[int, bytes, dict[str, str]]] = [
    *[(200, value, _JSON) for value in _values()],
    (200, b"", _JSON),
    (200, b" ", _JSON),
    (200, b"{", _JSON),
    (200, b'{"cases": [}', _JSON),
    (200, b"{'cases': []}", _JSON),
    (200, b'{"cases": []}{"cases": []}', _JSON),
    (200, b"\xff\xfe{}", _JSON),
    (200, b"\xef\xbb\xbf{}", _JSON),
    (200, b'"\\ud800"', _JSON),
    (200, b'{"cases": [], "cases": 1}', _JSON),
    (200, b'{"cases": [1e999, -1e999, NaN, Infinity]}', _JSON),
    (200, b"9" * 5000, _JSON),
    (200, b"[" * _DEEP, _JSON),
    (200, b"[" * _DEEP + b"]" * _DEEP, _JSON),
    (200, b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, _JSON),
    (200, b'{"cases": [' + b"[" * _DEEP + b"]" * _DEEP + b"]}", _JSON),
    (200, json.dumps({"cases": [], "more": "x" * 3_000_000}).encode(), _JSON),
    (200, b'{"cases": []}', _HTML),
    (200, b'{"cases": []}', {"Content-Type": "text/javascript"}),
    (200, b'{"cases": []}', {"Content-Type": ""}),
    (200, b'{"cases": []}', {"Content-Type": "application/json; charset=utf-16"}),
    (200, b'{"cases": []}', {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
    (200, b'{"cases": []}', {"Content-Type": "application/json", "Content-Length": "100000"}),
    (200, _PAGE, _HTML),
    (200, _PAGE, _JSON),
    (200, b'{"cases": []}', {**_JSON, "Refresh": "0; url=https://evil.example/"}),
    (200, b'{"cases": []}', {**_JSON, "Link": "<https://evil.example/x.js>; rel=preload; as=script"}),
    (200, b'{"cases": []}', {**_JSON, "Set-Cookie": "a=b", "Clear-Site-Data": '"storage"'}),
    (200, b'{"cases": []}', {**_JSON, "Content-Disposition": "attachment; filename=x.exe"}),
    (201, b"", {}),
    (202, b"<html>", _HTML),
    *[(status, _PAGE, {**_HTML, "Location": "https://evil.example/"}) for status in (301, 302, 303, 307, 308)],
    (302, b"", {"Location": "javascript:window.ran=1"}),
    (302, b"", {"Location": "data:application/json,{}"}),
    (302, b"", {"Location": "/api/elsewhere"}),
    *[(status, _PAGE, _HTML) for status in (400, 401, 403, 404, 407, 413, 429, 500, 511)],
    *[(422, json.dumps({"title": "No", "detail": text}).encode(), _PROBLEM) for text in TEXTS[:20]],
    (422, b'{"detail": 7, "title": [], "errors": {}}', _PROBLEM),
    (422, b'{"detail": null, "errors": [null, 1, "x", [], {"field": 1}, {"field": "x"}]}', _PROBLEM),
    (
        422,
        b'{"detail": "No", "errors": [{"field": "subject", "detail": "<img src=x onerror=window.ran=1>"}]}',
        _PROBLEM,
    ),
    (422, b'{"detail": "No", "errors": [{"field": "__proto__", "detail": {"x": 1}}]}', _PROBLEM),
    (422, b"[" * _DEEP, _PROBLEM),
    (409, b"{}", {**_PROBLEM, "Retry-After": "-1"}),
    (409, b"{}", {**_PROBLEM, "Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}),
    (409, b"{}", {**_PROBLEM, "Retry-After": "99999999999999999999"}),
    (500, b"{", _PROBLEM),
    (501, b"", {}),
]

# What a contact's attribute may have in the place of the token; all are sent as they are, or not at all.
TOKENS = [
    "x",
    "a\r\nX-Evil: 1",
    "a\nb",
    "\u0000",
    "\U0001f600",
    "\u00e9",
    "\u0416",
    " ",
    "\t",
    "null",
    "undefined",
    "Bearer x",
    "a" * 20_000,
    "eyJhbGciOiJub25lIn0.e30.",
    "<script>window.ran=1</script>",
    "..",
    "{}",
    "%0d%0aX-Evil: 1",
    ",",
    ";",
]


def test_there_are_two_hundred() -> None:
    assert len(TEXTS) + len(RAW) + len(TOKENS) >= 170  # and tests/unit/api/test_hostile.py has those of the function


class Attacked:
    """The page, and an API that is hostile to it."""

    def __init__(self, workspace: Workspace, app: Frame, states: AppStates, api: KeptApi, origin: str) -> None:
        self.workspace, self.app, self.states, self.api = workspace, app, states, api
        self._origins = {origin, workspace.preview.workspace_url.rstrip("/")}
        self._number = 0
        self.elsewhere: list[str] = []
        workspace.page.context.on("request", self._requested)

    def _requested(self, request: Any) -> None:
        url = urlsplit(request.url)
        if f"{url.scheme}://{url.netloc}" not in self._origins:
            self.elsewhere.append(request.url)

    def ask_again(self, **attributes: str) -> None:
        """Let the page ask everything again, and wait until the cards have come to something."""
        self._number += 1
        marker = f"round {self._number}"
        before = len(self.api.requests)
        self.states.change_attributes(self.app, {"Marker": marker, **attributes})
        expect(self.app.locator("#card-marker")).to_have_text(marker)
        if "popdeskToken" not in attributes:
            self.workspace.wait_until(lambda: len(self.api.requests) > before, "a request to the API")
        self.app.wait_for_function(
            "() => [...document.querySelectorAll('#card-open_cases, #card-lately')]"
            ".every(card => card.textContent !== '\u2026')"
        )

    def check(self, what: object) -> None:
        """Look that nothing ran and nothing leads elsewhere."""
        found = self.app.evaluate(_LOOK)
        assert found["ran"] is False, repr(what)[:200]
        assert found["foreign"] == 0, repr(what)[:200]
        for link in found["links"]:
            url = urlsplit(link)
            assert (url.scheme, url.hostname, url.username) == ("https", "crm.example.com", None), (link, what)
        assert self.elsewhere == [], repr(what)[:200]
        assert len(self.workspace.page.context.pages) == 1


_LOOK = """() => ({
  ran: window.ran !== undefined,
  foreign: document.querySelectorAll("img,iframe,object,embed,base,meta[http-equiv=refresh],body script").length,
  links: [...document.querySelectorAll("#card-open_cases a, #card-lately a, .outcome a")].map(link => link.href),
})"""


@pytest.fixture
def attacked(workspace: Workspace, tmp_path: Path) -> Iterator[Attacked]:
    api = KeptApi(answers={"GET customers/C-1001/cases": {"cases": []}})
    settings = changed_settings()
    settings = settings.model_copy(
        update={"api": load_settings().api.model_copy(update={"enabled": True, "timeout_ms": 3000})}
    )
    with ExitStack() as stack:
        origin = workspace.preview.workspace_url
        server = stack.enter_context(OwnCardsServer(tmp_path, CARDS, origin, settings, ACTIONS, api))
        workspace.desk.command("app", url=server.url, name="Popdesk")
        states = AppStates(workspace)
        app = states.offer("C-1001")
        assert states.contact
        states.contact.accept()
        states.change_attributes(app, {"popdeskToken": "t-1", "customerId": "C-1001"})
        expect(app.locator("#acts button").first).to_be_visible()
        yield Attacked(workspace, app, states, api, server.url.rstrip("/"))


def _case(text: str) -> dict[str, Any]:
    return {"cases": [dict.fromkeys(("id", "url", "subject", "priority", "opened", "note"), text)] * 2}


def test_no_text_of_an_answer_runs_or_leads_elsewhere(attacked: Attacked) -> None:
    for text in TEXTS:
        attacked.api.answers["GET customers/C-1001/cases"] = _case(text)
        attacked.ask_again()
        attacked.check(text)
    _is_well(attacked)


def test_no_answer_breaks_the_page(attacked: Attacked) -> None:
    for raw in RAW:
        attacked.api.raw = raw
        attacked.ask_again()
        attacked.check(raw)
    attacked.api.raw = None
    _is_well(attacked)


def test_no_answer_to_a_form_runs_or_is_taken_for_done(attacked: Attacked) -> None:
    app, page = attacked.app, attacked.workspace.page
    button = app.get_by_role("button", name="Create case", exact=True).first
    send = app.locator("#form-create_case [type=submit]:visible")
    status = app.locator("#form-create_case + .outcome > [role=status]")
    answers: list[tuple[int, bytes, dict[str, str]]] = [
        (201, json.dumps(_case(text)["cases"][0]).encode(), _JSON) for text in TEXTS
    ]
    for raw in [*RAW, *answers]:
        attacked.api.raw = raw
        button.click()
        app.get_by_label("Subject").fill("Late parcel")
        send.click()
        app.wait_for_function(
            "() => { const said = document.querySelector('#form-create_case + .outcome > [role=status]').textContent;"
            " return said !== '' && !said.startsWith('Working'); }"
        )
        attacked.check(raw)
        if status.inner_text().startswith("Create case: done."):
            assert raw in answers, raw[:2]
            page.wait_for_timeout(750)  # what follows is no second click any more: forms.py, _DOUBLE_CLICK
        elif (discard := app.get_by_role("button", name="Discard", exact=True)).is_visible():
            discard.click()
        else:
            app.get_by_role("button", name="Not now", exact=True).click()
    attacked.api.raw = None
    _is_well(attacked)


def test_no_token_breaks_the_page(attacked: Attacked) -> None:
    sent = {"t-1"}
    for token in TOKENS:
        sent |= {token, token.strip()}
        attacked.ask_again(popdeskToken=token)
        attacked.check(token)
    assert {asked.token for asked in attacked.api.requests} <= sent  # as it is, or not at all
    attacked.ask_again(popdeskToken="t-1")
    _is_well(attacked)


def _is_well(attacked: Attacked) -> None:
    """Look that the page goes on as if nothing had been."""
    url = "https://crm.example.com/cases/1"
    case = {"id": "K-1", "url": url, "subject": "Late parcel", "priority": "low", "opened": "2026-11-26T10:00:00Z"}
    attacked.api.answers["GET customers/C-1001/cases"] = {"cases": [{**case, "note": ""}]}
    attacked.ask_again()
    expect(attacked.app.get_by_role("link", name="K-1")).to_have_attribute("href", url)
    expect(attacked.app.locator("#card-agent_name")).to_have_text("Alex Rivera")
