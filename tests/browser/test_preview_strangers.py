"""Another site's page, open in the same browser, attacks the preview: it is told nothing, it does nothing.

The attacker is a real page of a site of its own, once on another host and once on another port of the same host; the
workspace is open beside it and goes on getting its commands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product

import pytest
from playwright.sync_api import Page

from tests.conftest import Workspace
from tests.loopback import Loopback

pytestmark = pytest.mark.browser

_FETCH = "fetch(URL, {method: 'POST', mode: 'no-cors', credentials: 'include', body: %s})"
_FORM = (
    "(() => { const form = document.createElement('form'); form.method = 'post'; form.action = URL; form.target = 'sink'; "
    "form.enctype = 'text/plain'; const field = document.createElement('input'); field.name = %s; "
    "form.append(field); const sink = document.createElement('iframe'); sink.name = 'sink'; "
    "document.body.append(form, sink); form.submit(); })()"
)
_OFFER = json.dumps(json.dumps({"contact": {"contactId": "c-evil", "channel": "VOICE"}}))
_ANSWER = json.dumps(json.dumps({"id": "1", "result": "wrong"}))

# What a page can do with an address: URL stands for it.
LISTENING = {
    "an iframe": "document.body.append(Object.assign(document.createElement('iframe'), {src: URL}))",
    "an object": "document.body.append(Object.assign(document.createElement('object'), {data: URL}))",
    "an event source": "new EventSource(URL)",
    "an event source with cookies": "new EventSource(URL, {withCredentials: true})",
    "a fetch": "fetch(URL, {mode: 'no-cors'})",
    "a script": "document.body.append(Object.assign(document.createElement('script'), {src: URL}))",
    "a picture": "new Image().src = URL",
    "a beacon": "navigator.sendBeacon(URL)",
    "a HEAD": "fetch(URL, {method: 'HEAD', mode: 'no-cors'})",
    "the page itself": "location.href = URL",
}
DOING = {
    "a fetch": _FETCH,
    "a form": _FORM,
    "a beacon": "navigator.sendBeacon(URL, %s)",
}


class Elsewhere(Loopback):
    """A site with one empty page."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        self.port = self._server.server_port


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as site:
        yield site


@pytest.fixture
def attackers(workspace: Workspace, elsewhere: Elsewhere) -> list[Page]:
    """Pages of other sites, opened after the workspace: of another host, and of another port."""
    pages = [workspace.page.context.new_page() for _ in range(2)]
    for page, host in zip(pages, ("localhost", "127.0.0.1"), strict=True):
        page.goto(f"http://{host}:{elsewhere.port}/")
    return pages


def attack(page: Page, script: str, url: str) -> int:
    """Run the script with the address and return the status that it was answered, 0 where the browser tells none."""
    with page.expect_event("request", lambda request: request.url == url) as asked:
        page.evaluate("script => void eval(script)", script.replace("URL", json.dumps(url)))
    answer = asked.value.response()
    return answer.status if answer else 0


def test_no_page_of_another_site_is_given_the_workspaces_commands(workspace: Workspace, attackers: list[Page]) -> None:
    url = workspace.preview.workspace_url + "api/events"
    for attacker in attackers:
        for how, script in LISTENING.items():
            assert attack(attacker, script, url) in (403, 0), (attacker.url, how)
            for _ in range(3):
                assert workspace.desk.look()["contacts"] == [], (attacker.url, how)


def test_no_page_of_another_site_does_anything(workspace: Workspace, attackers: list[Page]) -> None:
    for attacker, (path, body) in product(attackers, (("api/offer", _OFFER), ("api/answers", _ANSWER))):
        for how, script in DOING.items():
            status = attack(attacker, script % body, workspace.preview.workspace_url + path)
            assert status == 403, (attacker.url, path, how)


def test_a_tab_in_which_somebody_types_the_address_is_given_no_commands(workspace: Workspace) -> None:
    typed = workspace.page.context.new_page()
    answer = typed.goto(workspace.preview.workspace_url + "api/events")
    assert answer is not None
    assert answer.status == 403
    assert "for the workspace's own page" in answer.text()
    assert workspace.desk.look()["contacts"] == []
