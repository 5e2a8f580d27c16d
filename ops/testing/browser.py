"""Shows a project's cards in Chromium, on MicroPython, with the page's own view: what `pytest --in-browser` does.

page = show_in_browser(browser, sample_desk(), project)      # a Playwright browser; the same ShownPage as without one

The page is built as a release's is, and no server runs: Playwright answers for it. The workspace alone is stood in for
(workspace_stand_in.py).
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from popdesk_api.contract import PREFIX

from ops.site.build import app_page, make_page
from ops.site.contents import Site
from ops.site.media_types import media_type
from ops.testing.page import SampleDesk, ShownCard, ShownPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

_STAND_IN = Path(__file__).parent / "workspace_stand_in.py"
_ORIGIN = "https://cards.test"
_FRAME = '<!doctype html><title>Cards</title><iframe src="./index.html" style="width:900px;height:900px"></iframe>'
# Clocks stand at what they show first: a test reads them when it comes to it.
_NO_TICKS = "globalThis.setInterval = () => 0;"
_ALL_DRAWN = """() => { const slots = [...document.querySelectorAll(".cards > div > dd")];
  const waits = (element) => element.textContent === "…";
  return slots.length > 0 && !slots.some((slot) => waits(slot) || [...slot.querySelectorAll("*")].some(waits)); }"""
# What is folded away is drawn when its fold is opened.
_UNFOLD = """() => document.querySelectorAll(".cards details.more").forEach((fold) => { fold.open = true; })"""
_UNFOLDED = """() => [...document.querySelectorAll(".cards tbody.rest, .cards details.more > ol")].every(
  (rest) => rest.children.length > 0)"""
# As texts.py writes a value: a row and an event are lines, and so are the values of a group.
_READ = """() => {
  const clean = (element) => element.textContent.replace(/\\s+/g, " ").trim();
  const row = (element) => [...element.cells].map(clean).join(" | ");
  const event = ([when, what, note]) => clean(when) + " " + clean(what) + (note ? ": " + clean(note) : "");
  const value = (element) => {
    const table = element.querySelector(":scope > .scroller > table");
    const events = [...element.querySelectorAll(":scope > .timeline > li, :scope > details > .timeline > li")];
    if (table) return [...(table.caption ? [clean(table.caption)] : []), ...[...table.rows].map(row)].join("\\n");
    if (events.length > 0) return events.map((each) => event(each.children)).join("\\n");
    if (element.matches(".group")) return [...element.children].map(value).join("\\n");
    return clean(element);
  };
  return [...document.querySelectorAll(".cards > div")].map((card) => {
    const slot = card.querySelector("dd");
    const text = slot.childNodes.length === 1 && slot.firstElementChild ? value(slot.firstElementChild) : clean(slot);
    return [card.querySelector("dt").textContent, text, slot.dataset.tone ?? ""];
  }); }"""
_LIMIT_MS = 60_000


def show_in_browser(browser: Browser, sample: SampleDesk, project: Path) -> ShownPage:
    """Return what the page with the project's cards shows, in English and UTC, when all cards have answered."""
    site = _site(sample, project)
    context = browser.new_context(locale="en-US", timezone_id="UTC", service_workers="block")
    try:
        context.add_init_script(_NO_TICKS)
        context.route("**/*", lambda route: _serve(route, site, sample))
        page = context.new_page()
        page.goto(f"{_ORIGIN}/frame.html")
        frame = page.frames[-1]
        frame.wait_for_function(_ALL_DRAWN, timeout=_LIMIT_MS)
        frame.evaluate(_UNFOLD)
        frame.wait_for_function(_UNFOLDED, timeout=_LIMIT_MS)
        return ShownPage(tuple(ShownCard(*card) for card in frame.evaluate(_READ)))
    finally:
        context.close()


def _serve(route: Route, site: Site, sample: SampleDesk) -> None:
    asked = route.request.url.removeprefix(f"{_ORIGIN}/")
    path = asked.partition("?")[0]
    question = f"api {asked.removeprefix(PREFIX.lstrip('/'))}"
    if question in sample.answers and not isinstance(sample.answers[question], Exception):
        route.fulfill(json=sample.answers[question])
    elif path == "frame.html":
        route.fulfill(body=_FRAME, content_type="text/html")
    elif path in site.contents:
        route.fulfill(body=site.contents[path], content_type=media_type(path))
    else:
        route.fulfill(status=404, body="")


def _site(sample: SampleDesk, project: Path) -> Site:
    with tempfile.TemporaryDirectory(prefix="popdesk-cards-") as folder:
        python = Path(folder) / "pyapp"
        shutil.copytree(project / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
        page = app_page(sample.settings.model_copy(update={"language": "en"}), python)
        shutil.copyfile(_STAND_IN, python / "popdesk" / "connect.py")
        return make_page(dataclasses.replace(page, settings={**page.settings, "sample": _plain(sample)}))


def _plain(sample: SampleDesk) -> dict[str, Any]:
    from popdesk.desk import FAILED, Unanswered

    unanswered = {
        name: answer.kind if isinstance(answer, Unanswered) else FAILED
        for name, answer in sample.answers.items()
        if isinstance(answer, Exception)
    }
    return {
        "answers": {name: answer for name, answer in sample.answers.items() if name not in unanswered},
        "unanswered": unanswered,
        "refused": sorted(sample.refused),
    }
