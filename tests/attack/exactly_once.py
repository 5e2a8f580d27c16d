"""Forms that are sent as often as can be, to an API that goes wrong: each makes one case, and the page says what is so.

    uv run python -m tests.attack.exactly_once [--forms 1000] [--at-once 20] [--seed 1]

The real preview (the API's zip in its own processes, faults from its panel) and the real page in Chromium, with the cards and
the action "Create case" of pyapp/. Each form is sent in a way drawn at random (`WAYS`): double clicks, Enter twice, clicks
while it is under way, answers that are lost or late, an API that is down, connections that break, refreshes. Then the agent
tries again until it is done. After that programs ask the API directly: many at once with one key, one key for two requests
and for two contacts, keys that are none. Exits with 1 and the reason where the file of the sample cases has not exactly one
case for each, or the page said otherwise.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
from playwright.sync_api import Error, Frame, Locator, Route, expect, sync_playwright
from popdesk_api.contract import CONTACT_HEADER, IDEMPOTENCY_HEADER

import tests.conftest as shared  # first: it decides which project `ops` is of
from ops.preview import builds
from ops.preview.server import Preview
from ops.settings import ROOT, Settings
from ops.site.build import Page, app_page
from tests.browser.app_stage import AppStates, changed_settings
from tests.chromium import launch_arguments
from tests.fixture_project import CHECKOUT

TIMEOUT_MS = 2000  # the page's, for one request
CUSTOMERS = ("C-1001", "C-1002", "C-1003", "C-1004", "C-1005", "C-1006")
_FORMS_EACH = 40  # before the next contact: a customer has a hundred open cases at most
_DOUBLE_CLICK_MS = 750  # after which a click begins anew: pyapp/popdesk/view/forms.py
_MOST_TRIES = 5
_DONE = "Create case: done."
_UNCERTAIN = "It may have been done."


class Failed(Exception):
    """What an attack has found."""


@contextmanager
def api_preview(cards: str, actions: str, **api: Any) -> Iterator[Preview]:
    """Run a preview with the API, whose page has these cards.py and actions.py; `api` are settings of it."""
    settings = changed_settings(api={"enabled": True, **api})
    with tempfile.TemporaryDirectory(prefix="popdesk-once-") as folder:
        python = Path(folder) / "pyapp"
        shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in (("cards.py", cards), ("actions.py", actions)):
            (python / name).unlink()
            (python / name).write_text(text, "utf-8")

        def page(settings: Settings) -> Page:
            return app_page(settings, python)

        with patch.object(builds, "app_page", page), Preview(lambda: settings, log=lambda _line: None) as preview:
            yield preview


class Stage:
    """The workspace with the page in it, and the file of the sample cases."""

    def __init__(self, workspace: shared.Workspace) -> None:
        self.workspace = workspace
        self.page = workspace.page
        cases = workspace.preview._builds.sample_cases()
        assert cases
        self._file = cases._path
        self.did: Counter[str] = Counter()
        self.posts = 0  # requests that would make a case
        self.page.on("request", self._count)
        self._contact = AppStates(workspace)
        self.app: Frame | None = None

    def _count(self, request: Any) -> None:
        self.posts += request.method == "POST" and "/api/customers/" in request.url

    def begin(self, customer: str) -> Frame:
        """Return the page's frame for a new contact of this customer; the contact before is cleared."""
        if self._contact.contact:
            self._contact.contact.end()
            self._contact.contact.clear()
        self.app = self._contact.connecting() if customer == "C-1001" else self._contact.offer(customer)
        assert self._contact.contact
        self._contact.contact.accept()
        expect(self.button("Create case")).to_be_visible()
        return self.app

    def token(self) -> str:
        """Return the contact's token."""
        assert self._contact.contact
        return str(self._contact.contact.look()["attributes"]["popdeskToken"])

    def cases(self, subject: str) -> list[str]:
        """Return the ids of the cases in the file that have this subject. Raises Failed if the history has other ones."""
        with closing(sqlite3.connect(self._file)) as database:
            found = database.execute("select id from cases where subject = ?", (subject,)).fetchall()
            events = database.execute(
                "select case_id from events where title like ?", (f"Case % opened: {subject}",)
            ).fetchall()
        if found != events:
            raise Failed(f"{subject}: cases {found}, and in the history {events}")
        return [str(number) for (number,) in found]

    def fault(self, kind: str = "", milliseconds: float | None = None) -> None:
        """Set a fault of the API, or none."""
        self.workspace.desk.api(kind, milliseconds)

    # -- what the agent sees ------------------------------------------------------------------------------------------

    def button(self, name: str) -> Locator:
        """Return a button of the page."""
        assert self.app
        return self.app.get_by_role("button", name=name, exact=True).first

    @property
    def send(self) -> Locator:
        """The form's button that sends it."""
        assert self.app
        return self.app.locator("#form-create_case [type=submit]:visible")

    @property
    def subject(self) -> Locator:
        """The form's first field."""
        assert self.app
        return self.app.locator("#field-create_case-subject")

    def said(self) -> str:
        """Return what the page says of the form, once nothing is under way."""
        assert self.app
        status = self.app.locator("#form-create_case + .outcome > [role=status]")
        expect(status).not_to_have_text(re.compile("^$|^Working"))
        return status.inner_text()

    @contextmanager
    def answer_to_post(self) -> Iterator[None]:
        """Wait until a POST has been answered, however."""
        with self.page.expect_event(
            "requestfinished", lambda request: request.method == "POST" and "/api/customers/" in request.url
        ):
            yield


# -- ways to send a form: each leaves the API well or with a fault, which is taken back before the agent tries again ----


def _double_click(stage: Stage) -> None:
    stage.send.dblclick()


def _triple_click(stage: Stage) -> None:
    stage.send.click(click_count=3)


def _enter_twice(stage: Stage) -> None:
    stage.subject.focus()
    stage.page.keyboard.press("Enter")
    stage.page.keyboard.press("Enter")


def _press(stage: Stage) -> None:
    """Click twice on what sends the form, whether it can be seen by now or not."""
    assert stage.app
    stage.app.evaluate(
        """() => { const send = document.querySelector("#form-create_case [type=submit]"); send.click(); send.click(); }"""
    )


def _click_and_enter(stage: Stage) -> None:
    stage.subject.focus()
    stage.page.keyboard.press("Enter")
    _press(stage)


def _one_turn(stage: Stage) -> None:
    """Click and submit many times in one turn of the browser's: faster than any agent."""
    assert stage.app
    stage.app.evaluate(
        """() => { const form = document.getElementById("form-create_case");
          const send = form.querySelector("[type=submit]");
          for (let n = 0; n < 5; n++) { send.click(); form.requestSubmit(); } }"""
    )


def _while_busy(stage: Stage) -> None:
    stage.fault("late", 400)
    stage.send.dblclick()
    assert stage.app
    stage.app.evaluate(
        """async () => { const form = document.getElementById("form-create_case");
          const said = () => form.nextElementSibling.firstElementChild.textContent;
          while (!said()) await new Promise((resolve) => setTimeout(resolve, 5));
          for (let n = 0; n < 5 && said().startsWith("Working"); n++) {
            for (const each of form.querySelectorAll("[type=submit]")) each.click();
            document.querySelector("[data-do=act][data-about=create_case]").click();
            await new Promise((resolve) => setTimeout(resolve, 20));
          } }"""
    )


def _refreshed(stage: Stage) -> None:
    stage.fault("late", 300)
    stage.send.dblclick()
    stage.button("Refresh").click()
    _press(stage)


def _lost_once(stage: Stage) -> None:
    stage.fault("lost")
    with stage.answer_to_post():
        stage.send.dblclick()
    stage.fault()


def _lost(stage: Stage) -> None:
    stage.fault("lost")
    stage.send.dblclick()
    stage.said()


def _down(stage: Stage) -> None:
    stage.fault("down")
    stage.send.dblclick()
    stage.said()


def _down_for_a_moment(stage: Stage) -> None:
    stage.fault("down")
    with stage.answer_to_post():
        stage.send.dblclick()
    stage.fault()


def _too_late(stage: Stage) -> None:
    """Answer after the page's time-out: the request is still done, while the agent tries again already."""
    stage.fault("late", TIMEOUT_MS + 300)
    stage.send.dblclick()
    stage.said()


def _closed_and_opened(stage: Stage) -> None:
    stage.fault("lost")
    stage.send.dblclick()
    stage.said()
    stage.button("Not now").click()
    stage.button("Create case").click()


def _broken(stage: Stage) -> None:
    """Let the API do it, and break the connection instead of answering, each time until the agent tries again."""

    def break_(route: Route) -> None:
        route.fetch()
        with suppress(Error):  # where the page has given up meanwhile, the request is no more
            route.abort("connectionreset")

    pattern = re.compile(r"/api/customers/.*/cases$")
    stage.page.route(pattern, break_)
    stage.send.dblclick()
    stage.said()
    stage.page.unroute(pattern)


WAYS: dict[str, tuple[int, Callable[[Stage], None]]] = {
    "double click": (40, _double_click),
    "triple click": (10, _triple_click),
    "Enter twice": (10, _enter_twice),
    "Enter, and a double click": (10, _click_and_enter),
    "ten in one turn": (10, _one_turn),
    "clicks while busy": (5, _while_busy),
    "a refresh while busy": (5, _refreshed),
    "answer lost once": (6, _lost_once),
    "answers lost": (4, _lost),
    "down": (4, _down),
    "down for a moment": (4, _down_for_a_moment),
    "later than the time-out": (4, _too_late),
    "lost, closed, opened": (4, _closed_and_opened),
    "connections break": (4, _broken),
}


def send_form(stage: Stage, subject: str, way: str) -> None:
    """Send one form in this way, and try again until it is done. Raises Failed where there is not one case for it."""
    stage.did[way] += 1
    stage.button("Create case").click()
    stage.subject.fill(subject)
    WAYS[way][1](stage)
    for _ in range(_MOST_TRIES):
        said, made = stage.said(), stage.cases(subject)
        if said.startswith(_DONE):
            break
        if len(made) > 1 or (made and _UNCERTAIN not in said):
            raise Failed(f"{way}: the page says {said!r}, and the file has the cases {made}")
        stage.fault()
        stage.button("Try again").dblclick()
    else:
        raise Failed(f"{way}: after {_MOST_TRIES} tries the page says {said!r}")
    stage.fault()
    if len(made) != 1 or said != f"{_DONE} {made[0]} {subject}":
        raise Failed(f"{way}: the page says {said!r}, and the file has the cases {made}")
    stage.page.wait_for_timeout(_DOUBLE_CLICK_MS)


def send_forms(stage: Stage, ways: list[str], told: Callable[[str], None]) -> None:
    """Send a form in each of these ways, for one customer after another. Raises Failed."""
    subjects = []
    for number, way in enumerate(ways):
        if number % _FORMS_EACH == 0:
            stage.begin(CUSTOMERS[number // _FORMS_EACH % len(CUSTOMERS)])
            told(f"{number} forms, {stage.posts} requests to create a case")
        subjects.append(f"Form {number}: {way}")
        send_form(stage, subjects[-1], way)
    for subject in subjects:  # what came later than anybody looked
        if len(stage.cases(subject)) != 1:
            raise Failed(f"{subject}: at the end the file has the cases {stage.cases(subject)}")


# -- programs that ask the API themselves ----------------------------------------------------------------------------------


def _post(preview: Preview, customer: str, token: str, key: str, body: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json", CONTACT_HEADER: token, IDEMPOTENCY_HEADER: key}
    url = f"{preview.app_url}api/customers/{customer}/cases"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


# Not 32 hexadecimal digits (popdesk_api/contract.py).
WRONG_KEYS = (
    "x",
    "f" * 31,
    "f" * 33,
    "g" * 32,
    "F-" * 16,
    "0" * 4000,
    "'; drop table cases; --",
    "{}",
    "é" * 32,
    " " * 32,
)


def ask_directly(stage: Stage, at_once: int, rounds: int, chance: random.Random) -> None:
    """Ask the API without the page. Raises Failed where a key makes two cases, none, or another's."""
    preview = stage.workspace.preview
    stage.begin("C-1001")
    token = stage.token()
    beside = stage.workspace.desk.offer(customer="C-1002", accept=True)
    other = str(beside.look()["attributes"]["popdeskToken"])

    def create(subject: str, key: str) -> str:
        while True:
            status, answer = _post(preview, "C-1001", token, key, {"subject": subject})
            if status == 201:
                return str(answer["id"])
            if status != 409:  # under way: the page asks again, too
                raise Failed(f"{subject}: {status} {answer}")

    for number in range(rounds):
        subject, key = f"Direct {number}", f"{chance.getrandbits(128):032x}"
        with ThreadPoolExecutor(at_once) as pool:
            answered = set(pool.map(lambda _, subject=subject, key=key: create(subject, key), range(at_once)))
        if [*answered] != stage.cases(subject):
            raise Failed(f"{at_once} at once got the cases {answered}, and the file has {stage.cases(subject)}")
        status, _ = _post(preview, "C-1001", token, key, {"subject": f"Other {number}"})
        if status != 422 or stage.cases(f"Other {number}"):
            raise Failed(f"another request with the same key is answered {status}")
        status, _ = _post(preview, "C-1001", other, key, {"subject": f"Other {number}"})
        if status != 403 or stage.cases(f"Other {number}"):
            raise Failed(f"another contact's token for this customer is answered {status}")
        status, answer = _post(preview, "C-1002", other, key, {"subject": f"Own {number}"})
        if status != 201 or stage.cases(f"Own {number}") != [answer["id"]]:
            raise Failed(f"another contact that draws the same key is answered {status}, {answer}")
    for key in WRONG_KEYS:
        status, _ = _post(preview, "C-1001", token, key.encode().decode("latin-1"), {"subject": "Wrong key"})
        if status not in (400, 431) or stage.cases("Wrong key"):
            raise Failed(f"the key {key[:40]!r} is answered {status}")


@click.command()
@click.option("--forms", default=1000, show_default=True, help="Forms to send.")
@click.option("--at-once", default=20, show_default=True, help="Requests at once with one key.")
@click.option("--seed", default=1, show_default=True)
def main(forms: int, at_once: int, seed: int) -> None:
    """Send forms in all ways, then ask the API directly."""
    chance = random.Random(seed)
    ways = chance.choices(list(WAYS), [weight for weight, _ in WAYS.values()], k=forms)
    ours = [(CHECKOUT / "pyapp" / name).read_text("utf-8") for name in ("cards.py", "actions.py")]
    with api_preview(*ours, timeout_ms=TIMEOUT_MS) as preview, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments(playwright, lean=True))
        workspace = shared.Workspace(preview, browser.new_page())
        workspace.open()
        stage = Stage(workspace)
        try:
            send_forms(stage, ways, lambda text: print(text, flush=True))
            done = ", ".join(f"{way} {count}" for way, count in stage.did.most_common())
            print(f"{forms} forms, {stage.posts} requests, {forms} cases. {done}", flush=True)
            ask_directly(stage, at_once, 10, chance)
            if workspace.errors:
                raise Failed(f"errors in the page: {workspace.errors}")
        except (Failed, AssertionError) as failed:
            print(failed, file=sys.stderr)
            sys.exit(1)
        finally:
            browser.close()
    print(f"10 times {at_once} requests at once with one key: one case each; other requests, contacts and keys: none")


if __name__ == "__main__":
    main()
