"""Values with a shape of their own (pyapp/popdesk/rich.py) in the real page: what stands there, and who can reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Locator, expect

from ops.preview.server import Preview
from tests.browser.app_stage import AppStates, changed_settings, violations
from tests.browser.hosting import OwnCardsServer
from tests.conftest import Workspace

Host = Callable[..., AppStates]

HEAD = """
import js
from popdesk import (
    Badge, Duration, Group, Link, Moment, Money, Note, Pairs, Progress, Since, Table, Text, Timeline, card, section
)

ROWS = [
    ["A-%d" % (1000 + n), Moment("2026-01-31T12:00:00Z"), Badge("Sent", tone="success"), n, Money(str(n) + ".90", "EUR")]
    for n in range(1, 51)
]
COLUMNS = ["Order", "Placed", "State", "Items", "Total"]


@card("Tier")
async def tier(desk):
    return Badge("Gold", tone="warning")


@card("Balance")
async def balance(desk):
    return Money("1234567.5", "EUR")


@card("Customer since")
async def since(desk):
    return Since("2019-03-01T12:00:00Z")


@card("Quota")
async def quota(desk):
    return Progress("72")


@card("Steps")
async def steps(desk):
    return Progress(3, of=5)


@card("PIN")
async def pin(desk):
    return Note("Ask for the PIN first.", tone="warning")


@card("Account")
async def account(desk):
    return Group([Badge("Premium", tone="info"), Money(-120, "USD"), Text("overdue", tone="error"), Duration(61000)])


section("Orders")


@card("All orders", wide=True)
async def orders(desk):
    return Table(COLUMNS, ROWS, caption="Orders of two years")


@card("History")
async def history(desk):
    return Timeline([("2026-01-0%dT12:00:00Z" % n, "Call %d" % n, "About an invoice") for n in range(1, 10)])


section("Hostile")


@card("Long")
async def long(desk):
    return Table(["x" * 80, "b"], [["y" * 500, Badge("z" * 400)], ["<b>bold</b>", Link("w" * 200, "https://elsewhere.example.net/")]])


@card("Many")
async def many(desk):
    return Group([Badge("v" * 200), Note("u" * 900), Progress(7, of=5, text="t" * 100), Pairs({"a": "s" * 300})])
"""


@pytest.fixture
def host(workspace: Workspace, tmp_path: Path) -> Iterator[Host]:
    """Return a function that puts a page with these cards into the app's place, with some settings changed."""
    with ExitStack() as stack:

        def put(cards: str = HEAD, **changed: Any) -> AppStates:
            return _hosted(stack, workspace, tmp_path, cards, **changed)

        yield put


def _hosted(stack: ExitStack, workspace: Workspace, folder: Path, cards: str, **changed: Any) -> AppStates:
    settings = changed_settings(**changed)
    server = stack.enter_context(OwnCardsServer(folder, cards, workspace.preview.workspace_url, settings))
    workspace.desk.command("app", url=server.url, name="Popdesk")
    return AppStates(workspace)


def slot(app: Frame, title: str) -> Locator:
    """Return the value's element under a card's title."""
    return app.locator(".cards > div").filter(has=app.get_by_text(title, exact=True)).locator("> dd")


def _resize(states: AppStates, width: int) -> Frame:
    app = states.frame()
    states.workspace.page.locator("iframe:visible").evaluate(
        "(frame, width) => { frame.style.cssText = `width:${width}px;height:1000px;min-width:0;max-width:none` }", width
    )
    app.wait_for_function("width => innerWidth === width", arg=width)
    # What watches sizes has spoken by the second frame from here.
    app.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return app


def test_each_value_stands_there_in_elements_of_its_meaning(host: Host) -> None:
    states = host()
    app = states.offer("C-1001")
    expect(slot(app, "Tier")).to_have_text("Gold")
    expect(slot(app, "Balance")).to_have_text("€1,234,567.50")
    expect(slot(app, "Customer since").locator("time")).to_have_text("7 years ago")
    expect(slot(app, "Customer since").locator("time")).to_have_attribute("datetime", "2019-03-01T12:00:00Z")
    expect(slot(app, "Quota")).to_have_text("72%")
    bar = app.get_by_role("progressbar", name="Quota")
    assert bar.evaluate("bar => [bar.value, bar.max]") == [72, 100]
    expect(slot(app, "Steps")).to_have_text("3 / 5")
    expect(slot(app, "PIN").get_by_role("note")).to_have_text("Warning: Ask for the PIN first.")
    expect(slot(app, "Account")).to_contain_text("Premium-$120.00overdue1:0")
    table = app.get_by_role("table", name="Orders of two years")
    expect(table.get_by_role("columnheader")).to_have_text(["Order", "Placed", "State", "Items", "Total"])
    expect(table.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(
        ["A-1001", table.get_by_role("row").nth(1).locator("time").text_content() or "", "Sent", "1", "€1.90"]
    )
    expect(table.locator("time").first).to_contain_text("Jan 31, 2026")
    assert table.locator("tr").nth(1).locator("td").evaluate_all(
        "cells => cells.map(cell => getComputedStyle(cell).textAlign)"
    ) == ["start", "start", "start", "end", "end"]
    listed = slot(app, "History").get_by_role("list").first.get_by_role("listitem")
    expect(listed).to_have_count(5)
    expect(listed.first.locator("strong")).to_have_text("Call 9")
    expect(listed.first.locator("time")).to_contain_text("Jan 9, 2026")
    headings = app.locator("#sections").get_by_role("heading")
    expect(headings).to_have_text(["Orders", "Hostile"])
    expect(app.locator("#sections > dl")).to_have_count(3)
    # Text, never markup; and a host that is not allowed is no link.
    expect(slot(app, "Long")).to_contain_text("<b>bold</b>")
    expect(slot(app, "Long").get_by_role("link")).to_have_count(0)
    expect(app.locator(".page-error")).to_have_count(0)


def test_the_fold_is_reached_and_opened_with_the_keyboard(host: Host) -> None:
    app = host().offer("C-1001")
    table, fold = app.get_by_role("table", name="Orders of two years"), slot(app, "All orders").locator("details")
    expect(table.locator("tr:visible")).to_have_count(11)
    expect(fold.locator("summary")).to_have_text("and 40 moreShow fewer")
    expect(fold.get_by_text("and 40 more")).to_be_visible()
    expect(fold.get_by_text("Show fewer")).to_be_hidden()
    # Nothing of the table is a stop on the way where all of it is seen.
    reached = ""
    app.get_by_role("button", name="Refresh").focus()
    for _ in range(30):
        app.page.keyboard.press("Tab")
        reached = str(app.evaluate("document.activeElement.innerText"))
        if "more" in reached:
            break
    assert reached == "and 40 more"
    app.page.keyboard.press("Enter")
    expect(table.locator("tr:visible")).to_have_count(51)
    expect(table.get_by_text("A-1050")).to_be_visible()
    expect(fold.get_by_text("Show fewer")).to_be_visible()
    app.page.keyboard.press("Enter")
    expect(table.locator("tr:visible")).to_have_count(11)
    slot(app, "History").locator("summary").press("Enter")
    expect(slot(app, "History").get_by_role("listitem")).to_have_count(9)


CHANGING = (
    HEAD.partition("@card(")[0]
    + """
turns = []


@card("Changing")
async def changing(desk):
    turns.append(1)
    rows = [["turn", None, None, len(turns), None]] + ROWS
    return Group([Duration(1000), Table(COLUMNS, rows, caption="Changing"), Timeline([("a", str(n)) for n in range(20)])])


@card("Same")
async def same(desk):
    return Table(COLUMNS, ROWS, caption="Same")
"""
)


def test_a_refresh_closes_no_open_fold_and_takes_no_focus(host: Host) -> None:
    app = host(CHANGING).offer("C-1001")
    folds = {
        "table": slot(app, "Changing").locator("details").first,
        "same": slot(app, "Same").locator("details"),
    }
    for fold in folds.values():
        fold.locator("summary").press("Enter")
    folds["table"].locator("summary").focus()
    row = app.get_by_role("table", name="Changing").get_by_role("row").nth(1).get_by_role("cell").nth(3)
    turn = int(row.text_content() or "")
    for _ in range(3):
        app.locator("[data-do=refresh]").evaluate("button => button.click()")
        expect(row).not_to_have_text(str(turn))
        turn = int(row.text_content() or "")
        for fold in folds.values():
            expect(fold).to_have_attribute("open", "")
        expect(slot(app, "Changing").locator("details").last).not_to_have_attribute("open", "")
        expect(app.get_by_role("table", name="Changing").locator("tr:visible")).to_have_count(52)
        expect(app.get_by_role("table", name="Same").locator("tr:visible")).to_have_count(51)
        expect(folds["table"].locator("summary")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_no_width_scrolls_the_page_sideways_and_axe_finds_nothing(host: Host, theme: str) -> None:
    states = host()
    states.desk.command("theme", mode=theme)
    app = states.offer("C-1001")
    app.locator(f":root[data-mode={theme}]").wait_for()
    expect(slot(app, "Balance")).to_have_text("€1,234,567.50")
    for fold in app.locator("details.more").all():
        fold.locator("summary").click()
    for width in (300, 700, 1200):
        _resize(states, width)
        assert not app.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), width
        # Nothing sticks out of its card, but what can be scrolled to.
        assert (
            app.evaluate(
                """() => [...document.querySelectorAll(".cards > div")].filter(card => {
                    const edge = card.getBoundingClientRect().right + 1;
                    return [...card.querySelectorAll("dd :not(.scroller *, .unseen)")].some(
                        each => each.getBoundingClientRect().right > edge);
                }).map(card => card.firstChild.textContent)"""
            )
            == []
        ), width
        assert violations(app) == [], width
    wide = app.locator("#card-orders").evaluate("card => card.parentElement.getBoundingClientRect().width")
    assert wide == app.locator("#cards").evaluate("list => list.getBoundingClientRect().width")


def test_each_browser_draws_them_in_both_themes(any_browser: Browser, tmp_path: Path, preview: Preview) -> None:
    """What only the browser writes: amounts, distances, dates, folds, and a table that is moved sideways."""
    context = any_browser.new_context()
    workspace = Workspace(preview, context.new_page())
    workspace.open()
    with ExitStack() as stack:
        stack.callback(context.close)
        states = _hosted(stack, workspace, tmp_path, HEAD)
        states.offer("C-1001")
        app = _resize(states, 300)
        for theme in ("light", "dark"):
            workspace.desk.command("theme", mode=theme)
            app.locator(f":root[data-mode={theme}]").wait_for()
            for title, shown in (("Balance", "€1,234,567.50"), ("Quota", "72%"), ("Customer since", "7 years ago")):
                expect(slot(app, title)).to_have_text(shown)
            expect(app.get_by_role("group", name="Orders of two years")).to_have_attribute("tabindex", "0")
            assert violations(app) == [], theme
        rows, more = app.locator("#card-orders tr:visible"), app.locator("#card-orders summary")
        expect(rows).to_have_count(11)
        more.click()
        expect(rows).to_have_count(51)
        expect(more.get_by_text("Show fewer")).to_be_visible()
        place = app.get_by_role("group", name="Orders of two years")
        assert place.evaluate("place => { place.scrollLeft = 40; return place.scrollLeft; }") == 40
        height = app.locator("#card-orders tbody tr").first.evaluate("row => row.getBoundingClientRect().height")
        assert height < 40  # a date stands on one line
        assert workspace.errors == []


def test_a_table_wider_than_its_place_is_moved_with_the_keyboard(host: Host) -> None:
    states = host()
    states.offer("C-1001")
    app = _resize(states, 300)
    place = app.get_by_role("group", name="Orders of two years")
    expect(place).to_have_attribute("tabindex", "0")
    place.focus()
    app.page.keyboard.press("ArrowRight")
    app.wait_for_function("place => place.scrollLeft > 0", arg=place.element_handle())
    _resize(states, 1200)
    expect(place).to_have_count(0)


def test_a_table_that_changes_stays_where_it_was_moved_to(host: Host) -> None:
    states = host(HEAD.replace("    return Table(COLUMNS", '    ROWS[0][0] += "+"\n    return Table(COLUMNS'))
    states.offer("C-1001")
    app = _resize(states, 300)
    place, first = app.get_by_role("group", name="Orders of two years"), app.locator("#card-orders td").first
    place.evaluate("place => { place.scrollLeft = 40; }")
    before = first.inner_text()
    app.get_by_role("button", name="Refresh").click()
    expect(first).not_to_have_text(before)
    expect(place).to_have_js_property("scrollLeft", 40)


def test_masked_personal_data_hides_every_value(host: Host) -> None:
    states = host(
        HEAD.replace('")\nasync', '", personal=True)\nasync').replace("wide=True", "wide=True, personal=True"),
        mask_personal_data=True,
    )
    app = states.offer("C-1001")
    expect(slot(app, "Tier")).to_contain_text("••••••")
    slots = app.locator(".cards dd")
    for index in range(slots.count()):
        expect(slots.nth(index)).to_have_text("•••••• Show")
        assert slots.nth(index).get_attribute("title") in (None, "")
    app.get_by_role("button", name="Show All orders").click()
    expect(app.get_by_role("table", name="Orders of two years")).to_contain_text("€10.90")
    app.get_by_role("button", name="Show Balance").click()
    expect(slot(app, "Balance")).to_have_text("€1,234,567.50")


LOCALES = [
    ("auto", "es-ES", "1.234.567,50 €", "hace 7 años", "72 %", "y 40 más"),
    ("es", "en-US", "1.234.567,50 €", "hace 7 años", "72 %", "y 40 más"),
    pytest.param("auto", "en-GB", "€1,234,567.50", "7 years ago", "72%", "and 40 more", marks=pytest.mark.thorough),
    ("auto", "de-CH", "€1,234,567.50", "7 years ago", "72%", "and 40 more"),  # no such language: all of it in English
]


@pytest.mark.parametrize(("language", "browsers", "money", "since", "percent", "more"), LOCALES)
def test_numbers_and_times_are_written_in_the_agents_locale(
    browser: Browser,
    tmp_path: Path,
    preview: Preview,
    language: str,
    browsers: str,
    money: str,
    since: str,
    percent: str,
    more: str,
) -> None:
    context = browser.new_context(locale=browsers)
    workspace = Workspace(preview, context.new_page())
    workspace.open()
    with ExitStack() as stack:
        stack.callback(context.close)
        app = _hosted(stack, workspace, tmp_path, HEAD, language=language).offer("C-1001")
        for name, shown in (("balance", money), ("since", since), ("quota", percent)):
            expect(app.locator(f"#card-{name}")).to_have_text(shown)
        expect(app.locator("#card-orders details")).to_contain_text(more)


def test_a_browser_whose_language_is_no_locale_fails_no_card(workspace: Workspace, tmp_path: Path) -> None:
    with ExitStack() as stack:
        states = _hosted(stack, workspace, tmp_path, HEAD)
        for told in ("en-US@posix", "C", "", "es-419", "en-u-nu-arab", "1-2-3"):
            # The last one holds in the frames that come after it.
            workspace.page.context.add_init_script(
                f"Object.defineProperty(navigator, 'language', {{ get: () => '{told}', configurable: true }})"
            )
            app = states.offer("C-1001")
            assert app.evaluate("navigator.language") == told
            expect(slot(app, "Balance"), told).to_contain_text("1")
            expect(slot(app, "Balance"), told).to_contain_text("€")
            expect(app.locator(".page-error"), told).to_have_count(0)
            states.desk.command("finish")
