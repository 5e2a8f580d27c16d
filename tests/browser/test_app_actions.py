"""Actions and their forms in the real page, with an API on its origin: done once, nothing lost that was typed, all of it said."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Locator, expect

from ops.preview.server import Preview
from ops.settings import load_settings
from tests.browser.app_stage import AppStates, changed_settings, violations
from tests.browser.hosting import OwnCardsServer
from tests.browser.kept_api import KeptApi
from tests.conftest import BROWSERS, Launch, Workspace

CARDS = """
from popdesk import card, section, Table


@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()


section("Tickets")


@card("Tickets", wide=True, later=True)
async def tickets(desk):
    answer = await desk.api.get("customers/{id}/tickets", id=await desk.customer.id())
    return Table(["Ticket", "Subject"], [[each["id"], each["subject"]] for each in answer["tickets"]])


@card("How many", later=True)
async def count(desk):
    answer = await desk.api.get("customers/{id}/tickets", id=await desk.customer.id())
    return len(answer["tickets"])
"""

ACTIONS = """
from popdesk import (
    Amount, Check, Choice, Choices, Date, Hidden, Line, Link, Number, Paragraph, Text, action
)


async def _tickets(desk):
    answer = await desk.api.get("customers/{id}/tickets", id=await desk.customer.id())
    return [(each["id"], each["subject"]) for each in answer["tickets"]]


async def _name(desk):
    return await desk.agent.name()


@action(
    "Create ticket",
    fields=[Line("subject", required=True, longest=40), Choice("priority", ["low", "high"]), Paragraph("note")],
)
async def create_ticket(desk, subject, priority, note):
    ticket = await desk.api.post("tickets", {"subject": subject, "priority": priority, "note": note})
    return Link("Ticket " + ticket["id"], "https://crm.example.com/tickets/" + ticket["id"])


async def _reopen(desk, ticket):
    await desk.api.patch("tickets/{id}", {"status": "open"}, id=ticket)


@action("Close ticket", fields=[Choice("ticket", _tickets, required=True)], card="tickets", when="customer", undo=_reopen)
async def close_ticket(desk, ticket):
    await desk.api.patch("tickets/{id}", {"status": "closed"}, id=ticket)


@action("Delete all", confirm="Delete every ticket?", when=["acw", "connected"])
async def delete_all(desk):
    await desk.api.delete("tickets")


@action("Call back")
async def call_back(desk):
    await desk.api.post("callbacks")
    return Text("within the hour")


@action(
    "Everything",
    fields=[
        Line("name", default=_name, help="As on the invoice"),
        Number("count", whole=True, least=1, most=9),
        Amount("total", "EUR"),
        Date("due"),
        Choices("topics", [("i", "Invoice"), ("d", "Delivery")]),
        Check("agreed", "The customer agrees", required=True),
        Hidden("source", default="page"),
    ],
)
async def everything(desk, name, count, total, due, topics, agreed, source):
    told = {"name": name, "count": count, "total": total, "due": due}
    told.update({"topics": topics, "agreed": agreed, "source": source})
    await desk.api.post("everything", told)
"""
TICKETS = {"tickets": [{"id": "7", "subject": "Late parcel 😀"}, {"id": "8", "subject": "Invoice"}]}


class Host:
    """The page with these actions in the app's place, and its API."""

    def __init__(self, stack: ExitStack, workspace: Workspace, folder: Path) -> None:
        self.workspace = workspace
        self.api = KeptApi(answers={"GET customers/C-1001/tickets": TICKETS})
        self._stack = stack
        self._folder = folder

    def open(self, actions: str = ACTIONS, cards: str = CARDS, timeout_ms: int = 8000, **changed: Any) -> Frame:
        """Return the page's frame, connected to a customer whose contact carries a token."""
        api = load_settings().api.model_copy(update={"enabled": True, "timeout_ms": timeout_ms})
        settings = changed_settings(**changed).model_copy(update={"api": api})
        server = OwnCardsServer(self._folder, cards, self.workspace.preview.workspace_url, settings, actions, self.api)
        url = self._stack.enter_context(server).url
        self.workspace.desk.command("app", url=url, name="Popdesk")
        self.states = AppStates(self.workspace)
        frame = self.states.offer("C-1001")
        assert self.states.contact
        self.states.contact.accept()
        expect(frame.locator("#life[data-life=connected]")).to_be_visible()
        self.states.change_attributes(frame, {"popdeskToken": "t-1", "customerId": "C-1001"})
        expect(frame.locator("#card-tickets" if cards is CARDS else "#card-agent_name")).not_to_have_text("…")
        expect(frame.locator("#acts button").first).to_be_visible()
        return frame


@pytest.fixture
def host(request: pytest.FixtureRequest, launch: Launch, preview: Preview, tmp_path: Path) -> Iterator[Host]:
    """In Chromium; in Firefox too where a test is marked `in_any_browser`."""
    name = getattr(request, "param", "chromium")
    with ExitStack() as stack:
        if name == "chromium":
            yield Host(stack, request.getfixturevalue("workspace"), tmp_path)
            return
        context = launch(name).new_context()
        stack.callback(context.close)
        workspace = Workspace(preview, context.new_page())
        workspace.open()
        yield Host(stack, workspace, tmp_path)
        assert workspace.errors == []


in_any_browser = pytest.mark.parametrize("host", BROWSERS, indirect=True)
thorough_in_the_second = pytest.mark.parametrize(
    "host", [BROWSERS[0], *(pytest.param(name, marks=pytest.mark.thorough) for name in BROWSERS[1:])], indirect=True
)


def button(app: Frame, name: str) -> Locator:
    return app.get_by_role("button", name=name, exact=True)


def _submit(app: Frame, action: str) -> Locator:
    return app.locator(f"#form-{action} [type=submit]:visible")


def _said(app: Frame, text: str) -> Locator:
    return app.locator(".outcome [role=status]").filter(has_text=text)


@thorough_in_the_second
def test_a_ticket_is_created_once_and_the_cards_ask_again(host: Host) -> None:
    app = host.open()
    before = len([asked for asked in host.api.requests if asked.method == "GET"])
    button(app, "Create ticket").click()
    expect(app.get_by_label("Subject")).to_be_focused()
    host.workspace.page.keyboard.type("Late parcel")
    app.get_by_label("Priority").select_option("high")
    _submit(app, "create_ticket").click()
    expect(_said(app, "Create ticket: done. Ticket 1")).to_be_visible()
    assert host.api.made == [("POST", "tickets", {"subject": "Late parcel", "priority": "high", "note": ""})]
    (asked,) = host.api.writes()
    assert len(asked.key) == 32
    assert asked.token == "t-1"
    expect(app.get_by_role("link", name="Ticket 1")).to_have_attribute("href", "https://crm.example.com/tickets/1")
    expect(button(app, "Create ticket")).to_be_focused()
    expect(app.locator("#card-count")).to_have_text("2")
    again = [asked for asked in host.api.requests if asked.method == "GET"][before:]
    assert [asked.path for asked in again] == ["customers/C-1001/tickets"]  # once for both cards


@thorough_in_the_second
def test_nothing_is_done_twice_however_often_it_is_clicked(host: Host) -> None:
    app = host.open()
    for number in range(1, 4):
        button(app, "Create ticket").click()
        app.get_by_label("Subject").fill(f"Ticket {number}")
        # Three clicks and two Enters in one turn of the browser's: faster than any agent.
        app.evaluate(
            """() => { const form = document.getElementById("form-create_ticket");
              const submit = form.querySelector("[type=submit]");
              for (let n = 0; n < 3; n++) submit.click();
              form.requestSubmit(); form.requestSubmit(); }"""
        )
        expect(_said(app, f"Create ticket: done. Ticket {number}")).to_be_visible()
        app.locator("#form-create_ticket").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")
        host.workspace.page.wait_for_timeout(750)  # what follows is no second click any more: forms.py, _DOUBLE_CLICK
    assert [path for _, path, _ in host.api.made] == ["tickets"] * 3
    assert len({asked.key for asked in host.api.writes()}) == len(host.api.writes()) == 3


def test_a_double_click_on_an_action_without_a_form_does_it_once(host: Host) -> None:
    app = host.open()
    button(app, "Call back").dblclick()
    expect(_said(app, "Call back: done. within the hour")).to_be_visible()
    assert len(host.api.made) == 1
    host.workspace.page.wait_for_timeout(750)  # what follows is no second click any more: forms.py, _DOUBLE_CLICK
    app.evaluate(
        """async () => { const button = document.querySelector("[data-about=call_back]");
          const said = () => button.closest(".acts").textContent;
          button.click();
          while (!said().includes("Working")) await new Promise((resolve) => setTimeout(resolve, 1));
          while (said().includes("Working")) await new Promise((resolve) => setTimeout(resolve, 1));
          button.click(); button.click(); }"""
    )
    expect(_said(app, "Call back: done. within the hour")).to_be_visible()
    host.workspace.page.wait_for_timeout(750)
    assert len(host.api.made) == 2
    button(app, "Call back").focus()
    for _ in range(6):
        host.workspace.page.keyboard.down("Enter")  # as a key that is held down
        host.workspace.page.wait_for_timeout(200)
    host.workspace.page.keyboard.up("Enter")
    assert len(host.api.made) == 3


def test_clicks_while_it_is_under_way_are_no_second_one(host: Host) -> None:
    app = host.open()
    host.api.waits = threading.Event()
    button(app, "Create ticket").click()
    app.get_by_label("Subject").fill("Late parcel")
    app.get_by_label("Subject").press("Enter")
    expect(_said(app, "Working…")).to_be_visible()
    app.get_by_label("Subject").press("Enter")
    for clicked in (_submit(app, "create_ticket"), button(app, "Create ticket").first, button(app, "Not now")):
        clicked.click(force=True)  # Playwright itself waits for what says that it cannot be clicked
    expect(app.get_by_label("Subject")).to_have_value("Late parcel")
    host.api.waits.set()
    expect(_said(app, "Create ticket: done. Ticket 1")).to_be_visible()
    assert len(host.api.writes()) == 1


def test_an_answer_that_is_lost_is_asked_for_with_the_same_key(host: Host) -> None:
    app = host.open()
    host.api.lose = 1
    button(app, "Create ticket").click()
    app.get_by_label("Subject").fill("Late parcel")
    _submit(app, "create_ticket").click()
    expect(_said(app, "Create ticket: done. Ticket 1")).to_be_visible()  # the page asked once more by itself
    assert len(host.api.made) == 1
    assert len({asked.key for asked in host.api.writes()}) == 1
    assert len(host.api.writes()) == 2


def test_what_was_lost_again_is_tried_by_the_agent_and_done_once(host: Host) -> None:
    app = host.open()
    button(app, "Create ticket").click()
    app.get_by_label("Subject").fill("Late parcel")
    original = host.api.answer
    host.api.answer = lambda asked: (original(asked), None)[1]  # type: ignore[method-assign]  # every answer is lost
    _submit(app, "create_ticket").click()
    expect(_said(app, "It may have been done. Trying again will not do it twice.")).to_be_visible()
    expect(app.get_by_text("It failed.")).to_have_count(0)  # nobody knows that it did
    expect(app.get_by_label("Subject")).to_have_value("Late parcel")
    expect(app.get_by_label("Subject")).not_to_be_editable()
    expect(app.get_by_label("Priority")).to_be_disabled()  # and looks so, without losing the focus
    app.get_by_label("Priority").evaluate(
        "(list) => { list.value = 'high'; list.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    expect(app.get_by_label("Priority")).to_have_value("")
    button(app, "Not now").click()
    button(app, "Create ticket").click()
    expect(_said(app, "It may have been done. Trying again will not do it twice.")).to_be_visible()
    host.api.answer = original  # type: ignore[method-assign]
    button(app, "Try again").click()
    expect(_said(app, "Create ticket: done. Ticket 1")).to_be_visible()
    assert len(host.api.made) == 1
    assert len({asked.key for asked in host.api.writes()}) == 1


def test_a_click_after_a_time_out_does_it_once(host: Host) -> None:
    app = host.open(timeout_ms=1500)
    host.api.waits = threading.Event()
    button(app, "Create ticket").click()
    app.get_by_label("Subject").fill("Late parcel")
    _submit(app, "create_ticket").click()
    expect(_said(app, "No answer in time.")).to_be_visible()
    button(app, "Try again").click()
    expect(_said(app, "Working…")).to_be_visible()  # the server has the first one still under way
    host.api.waits.set()
    expect(_said(app, "Create ticket: done. Ticket 1")).to_be_visible()
    assert len(host.api.made) == 1


def test_what_was_typed_survives_refresh_hiding_events_and_a_failed_try(host: Host) -> None:
    app = host.open()
    button(app, "Create ticket").click()
    app.get_by_label("Subject").fill("Late parcel")
    app.get_by_label("Note").fill("two\nlines")
    app.get_by_label("Note").evaluate("(note) => note.setSelectionRange(3, 3)")
    contact, desk = host.states.contact, host.workspace.desk
    assert contact
    button(app, "Refresh").click()
    desk.set_state("Lunch")
    other = desk.offer(address="+12025550124")  # hides the page
    other.wait_until_running()
    contact.select()
    host.api.problem = (409, {"title": "No", "detail": "Not in this state"})
    contact.end()
    app.locator("#form-create_ticket [type=submit]:visible").evaluate("(submit) => submit.click()")
    expect(app.locator(".outcome [role=status]").filter(has_text="Not in this state")).to_have_count(1)
    assert app.get_by_label("Subject").input_value() == "Late parcel"
    assert app.get_by_label("Note").input_value() == "two\nlines"
    assert app.get_by_label("Note").evaluate("(note) => note.selectionStart") == 3


def test_a_refusal_has_the_words_of_the_api_beside_its_field(host: Host) -> None:
    app = host.open()
    errors = [{"field": "subject", "detail": "Too vague <b>"}]
    host.api.problem = (422, {"title": "Wrong", "detail": "The CRM takes no such ticket.", "errors": errors})
    button(app, "Create ticket").click()
    app.get_by_label("Subject").fill("x")
    _submit(app, "create_ticket").click()
    expect(_said(app, "The CRM takes no such ticket.")).to_be_visible()
    expect(app.get_by_label("Subject")).to_be_focused()
    expect(app.get_by_label("Subject")).to_have_accessible_description("Too vague <b>")
    expect(app.get_by_label("Subject")).to_have_attribute("aria-invalid", "true")
    host.api.problem = None
    app.get_by_label("Subject").fill("Late parcel")
    _submit(app, "create_ticket").click()
    expect(_said(app, "Create ticket: done. Ticket 1")).to_be_visible()


def test_the_keyboard_alone_is_enough_and_goes_where_it_is_expected(host: Host) -> None:
    app, keyboard = host.open(), host.workspace.page.keyboard
    button(app, "Create ticket").focus()
    keyboard.press("Enter")
    expect(app.get_by_label("Subject")).to_be_focused()
    expect(button(app, "Create ticket").first).to_have_attribute("aria-expanded", "true")
    keyboard.press("Enter")
    expect(app.get_by_label("Subject")).to_have_accessible_description("Fill this in.")
    expect(app.get_by_label("Subject")).to_be_focused()
    keyboard.type("Late parcel")
    keyboard.press("Tab")
    keyboard.type("h")
    keyboard.press("Tab")
    keyboard.type("two")
    keyboard.press("Enter")
    keyboard.type("lines")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(_said(app, "Create ticket: done. Ticket 1")).to_be_visible()
    expect(button(app, "Create ticket")).to_be_focused()
    assert host.api.made == [("POST", "tickets", {"subject": "Late parcel", "priority": "high", "note": "two\nlines"})]


def test_what_cannot_be_undone_is_confirmed_and_a_double_click_is_no_answer(host: Host) -> None:
    app = host.open()
    button(app, "Delete all").dblclick()
    expect(button(app, "Delete all")).to_be_visible()
    assert host.api.writes() == []
    if not app.get_by_text("Delete every ticket?").is_visible():
        button(app, "Delete all").click()
    expect(button(app, "Back")).to_be_focused()
    expect(button(app, "Back")).to_have_accessible_description("Delete every ticket?")
    button(app, "Back").click()
    expect(app.get_by_text("Delete every ticket?")).to_be_hidden()
    button(app, "Delete all").click()
    button(app, "Yes, Delete all").click()
    expect(_said(app, ": done.")).to_be_visible()
    assert host.api.made == [("DELETE", "tickets", None)]


def test_what_was_done_is_undone_once(host: Host) -> None:
    app = host.open()
    button(app, "Close ticket").click()
    ticket = app.get_by_label("Ticket", exact=True)
    expect(ticket.locator("option")).to_have_text(["Choose…", "Late parcel 😀", "Invoice"])
    ticket.select_option("8")
    _submit(app, "close_ticket").click()
    expect(_said(app, ": done.")).to_be_visible()
    host.workspace.page.wait_for_timeout(750)  # no second click any more
    host.api.lose = 1
    app.get_by_role("button", name="Undo Close ticket").dblclick()
    expect(_said(app, "Close ticket: undone.")).to_be_visible()
    assert host.api.made == [("PATCH", "tickets/8", {"status": "closed"}), ("PATCH", "tickets/8", {"status": "open"})]


@in_any_browser
def test_every_kind_of_field_reads_what_the_agent_means(host: Host) -> None:
    app = host.open()
    button(app, "Everything").click()
    expect(app.get_by_label("Name")).to_have_value("Alex Rivera")
    app.get_by_label("Count").fill("12")
    app.get_by_label("Total").fill("1,234")
    _submit(app, "everything").click()
    expect(app.get_by_label("Count")).to_have_accessible_description("At most 9.")
    expect(app.get_by_label("Count")).to_be_focused()
    expect(app.get_by_label("Total")).to_have_accessible_description(
        "Write an amount like 19.90, without thousands separators."
    )
    expect(app.get_by_label("The customer agrees")).to_have_accessible_description("Fill this in.")
    app.get_by_label("Count").fill("3")
    app.get_by_label("Total").fill("19,90")
    app.get_by_label("Due").fill("2026-12-24")
    app.get_by_label("Delivery").check()
    app.get_by_label("The customer agrees").check()
    assert violations(app) == []
    _submit(app, "everything").click()
    expect(_said(app, ": done.")).to_be_visible()
    assert host.api.made[0][2] == {
        "name": "Alex Rivera",
        "count": 3,
        "total": "19.90",
        "due": "2026-12-24",
        "topics": ["d"],
        "agreed": True,
        "source": "page",
    }


def test_what_makes_no_sense_now_is_hidden(host: Host) -> None:
    app = host.open()
    expect(button(app, "Close ticket")).to_be_visible()
    assert host.states.contact
    host.states.change_attributes(app, {"customerId": "-"})
    expect(button(app, "Close ticket")).to_be_hidden()
    host.states.contact.end()
    expect(button(app, "Delete all")).to_be_visible()  # in after-contact work too


def test_a_card_has_the_words_of_the_api_and_asks_again(host: Host) -> None:
    host.api.answers = {}
    app = host.open()
    expect(app.locator("#card-tickets")).to_contain_text("No customers/C-1001/tickets")
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    host.api.answers = {"GET customers/C-1001/tickets": TICKETS}
    app.get_by_role("button", name="Retry Tickets").click()
    expect(app.locator("#card-tickets")).to_contain_text("Late parcel 😀")


def test_with_the_api_down_the_page_is_what_it_is_without(host: Host) -> None:
    host.api.down = True
    app = host.open()
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    expect(app.locator("#card-tickets")).to_contain_text("The API is down")
    button(app, "Call back").click()
    expect(_said(app, "Call back: The API is down. It may have been done.")).to_be_visible()
    assert host.api.made == []


HOSTILE: tuple[Any, ...] = (
    7,
    {"tickets": [{"id": {"a": []}, "subject": None}]},
    {"tickets": [{"id": "</dd><script>hacked = 1</script>", "subject": "<img src=x onerror='hacked = 1'>"}]},
    {"tickets": [{"id": "javascript:hacked=1", "subject": "\u0000\ud83d"}] * 100},
)
MORE_HOSTILE: tuple[Any, ...] = (
    "x",
    [],
    {"tickets": None},
    {"tickets": {"id": 1}},
    {"tickets": [{"id": "\u202e", "subject": "y" * 100_000}]},
    {"__proto__": {"tickets": []}, "constructor": 1},
)


@pytest.mark.parametrize(
    "answers", [HOSTILE, pytest.param(MORE_HOSTILE, marks=pytest.mark.thorough)], ids=["hostile", "more"]
)
def test_no_answer_of_the_api_runs_or_breaks_the_page(host: Host, answers: tuple[Any, ...]) -> None:
    app = host.open()
    for number, answer in enumerate(answers):
        host.api.answers["GET customers/C-1001/tickets"] = answer
        app.get_by_role("button", name="Refresh").click()
        app.locator("button[data-about=close_ticket]").first.click()  # its options are the same answer
        app.locator("button[data-about=close_ticket]").first.click()
        host.api.problem = (400, {"title": answer, "detail": f"<b>{number}</b>" * 500, "errors": answer})
        app.locator("button[data-about=call_back]").click()
        expect(_said(app, f"<b>{number}</b>")).to_be_visible()
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    assert app.evaluate("typeof hacked") == "undefined"
    assert host.api.made == []


def test_no_token_reaches_what_the_page_shows(host: Host) -> None:
    app = host.open()
    app.locator("#attributes > summary").click()
    expect(app.locator("#attributes-list")).to_contain_text("customerId")
    assert "popdeskToken" not in (app.locator("body").text_content() or "")
    assert "t-1" not in (app.locator("body").text_content() or "")


@pytest.mark.parametrize(
    ("width", "language", "theme"), [(300, "es", "dark"), pytest.param(760, "en", "light", marks=pytest.mark.thorough)]
)
def test_axe_finds_nothing_and_nothing_is_cut(host: Host, width: int, language: str, theme: str) -> None:
    host.workspace.desk.set_theme(theme)
    app = host.open(language=language)
    app.locator(f":root[data-mode={theme}]").wait_for()
    host.workspace.page.locator("iframe:visible").evaluate(
        "(frame, width) => { frame.style.width = width + 'px'; }", width
    )
    assert violations(app) == []
    note, buttons = app.locator("#pop-note").bounding_box(), app.locator("#hero .acts .buttons").bounding_box()
    assert note is not None
    assert buttons is not None
    assert buttons["y"] - note["y"] - note["height"] >= 4  # what is said of the CRM's window does not touch them
    for action in ("create_ticket", "everything", "close_ticket", "delete_all"):
        app.locator(f"button[data-do=act][data-about={action}]").click()
        expect(app.locator(f"#form-{action}")).to_be_visible()
        if action != "delete_all":
            app.locator(f"#form-{action} [type=submit]:visible").click()
        assert violations(app) == [], action
        assert app.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    host.api.problem = (403, {"title": "No"})
    app.locator("button[data-do=act][data-about=call_back]").click()
    expect(app.locator(".outcome [role=status][data-tone=error]")).to_contain_text(": No")
    assert violations(app) == []
    if language == "es":
        assert "Fill this in." not in (app.locator("body").text_content() or "")
        expect(app.locator("#form-create_ticket .wrong").first).to_have_text("")
