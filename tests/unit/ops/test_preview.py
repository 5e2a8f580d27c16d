"""Preview without a browser: what its two sites answer and refuse, the real flow with the real Lambda, events and answers.

The server, the build, the flows, the zip and the process that runs it are the real ones. Where a page is wanted, the
test listens to /api/events and posts to /api/answers as the page does.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ops.errors import UserError
from ops.preview import guard
from ops.preview.scenario import CommandFailed
from ops.preview.server import Preview
from ops.settings import ROOT, Settings, load_settings
from ops.site.headers import response_headers

pytestmark = pytest.mark.slow

SETTINGS = load_settings()
NAMES = SETTINGS.attributes


def ask(
    address: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Ask a server: (status, headers with lower-case names, body). `body` is sent as JSON by POST."""
    to = urlsplit(address)
    with closing(http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)) as connection:
        data = None if body is None else json.dumps(body).encode()
        connection.request("GET" if body is None else "POST", path, data, headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def offer(
    preview: Preview,
    address: str | None,
    channel: str = "VOICE",
    typed: str = "",
    subtype: str = "",
    attributes: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Offer a contact as the page does."""
    endpoint = (
        {"address": address, "type": "EMAIL_ADDRESS" if "@" in address else "TELEPHONE_NUMBER"} if address else None
    )
    contact = {"contactId": "c-1", "channel": channel, "subtype": subtype, "customerEndpoint": endpoint}
    contact["attributes"] = attributes or {}
    status, _, body = ask(preview.workspace_url, "/api/offer", {"contact": contact, "typed": typed})
    assert status == 200
    return dict(json.loads(body))


class Events:
    """A page's connection to /api/events."""

    def __init__(self, preview: Preview) -> None:
        self.preview = preview
        to = urlsplit(preview.workspace_url)
        self.connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)
        self.connection.request("GET", "/api/events")
        self.answer = self.connection.getresponse()
        assert self.answer.getheader("content-type", "").startswith("text/event-stream")
        assert self.answer.readline() == b": here\n"
        self.answer.readline()

    def next(self) -> tuple[str, dict[str, Any]]:
        """Wait for the next event: (its name, its data)."""
        name = self.answer.readline().decode().removeprefix("event: ").strip()
        data = self.answer.readline().decode().removeprefix("data: ")
        self.answer.readline()
        return name, json.loads(data)

    def reply(self, **body: Any) -> int:
        """Post an answer."""
        return ask(self.preview.workspace_url, "/api/answers", body)[0]

    def close(self) -> None:
        """Leave, as a page that is closed does."""
        self.answer.close()
        self.connection.close()


@contextmanager
def page_of(preview: Preview) -> Iterator[Events]:
    events = Events(preview)
    try:
        yield events
    finally:
        events.close()


# -- the app's site ----------------------------------------------------------------------------------------------------


def test_the_app_has_productions_headers_for_this_workspace(preview: Preview) -> None:
    origin = preview.workspace_url.rstrip("/")
    for path in ("/", "/assets/nothing.js"):
        _, headers, _ = ask(preview.app_url, path)
        for name, value in response_headers((origin,)).items():
            assert headers[name.lower()] == value
        assert f"frame-ancestors {origin}" in headers["content-security-policy"]


def test_every_file_of_the_app_has_its_type_and_its_caching(preview: Preview) -> None:
    types = {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".css": "text/css",
        ".wasm": "application/wasm",
        ".pack": "application/octet-stream",
        ".svg": "image/svg+xml",
    }
    status, headers, page = ask(preview.app_url, "/")
    assert (status, headers["cache-control"]) == (200, "no-cache")
    assert headers["content-type"].startswith("text/html")
    seen = set()
    for path in preview.app_files():
        status, headers, _ = ask(preview.app_url, "/" + path)
        assert status == 200
        suffix = Path(path).suffix
        if path != "index.html":
            assert headers["cache-control"] == "public, max-age=31536000, immutable", path
        if suffix in types:
            seen.add(suffix)
            assert headers["content-type"].split(";")[0] == types[suffix], path
    assert {".js", ".css", ".wasm", ".pack"} <= seen
    assert b"assets/" in page


def test_localhost_is_us_whichever_address_the_browser_takes(preview: Preview) -> None:
    port = urlsplit(preview.app_url).port
    hosts = ["127.0.0.1"]
    with closing(socket.socket(socket.AF_INET6)) as probe:
        try:
            probe.bind(("::1", 0))
            hosts.append("[::1]")
        except OSError:
            pass  # this machine has no IPv6
    for host in hosts:
        status, _, _ = ask(f"http://{host}:{port}/", "/", headers={"Host": f"localhost:{port}"})
        assert status == 200, host


# -- who is let in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["crm.example.com", "127.0.0.1.example.com", "localhost.example.com:8000", "[::1"])
@pytest.mark.parametrize("site", ["workspace_url", "app_url"])
def test_a_strange_name_for_this_machine_is_refused(preview: Preview, site: str, host: str) -> None:
    status, _, body = ask(getattr(preview, site), "/", headers={"Host": host})
    assert status == 400
    assert b"<html" not in body


OWN = ["/api/config", "/api/events", "/api/offer", "/api/answers"]


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize("origin", ["http://crm.example.com", "http://127.0.0.1", "null", "app"])
def test_other_sites_pages_cannot_use_the_workspaces_addresses(preview: Preview, path: str, origin: str) -> None:
    given = preview.app_url.rstrip("/") if origin == "app" else origin
    assert ask(preview.workspace_url, path, {"id": "1"}, {"Origin": given})[0] == 403
    assert ask(preview.workspace_url, path, None, {"Origin": given})[0] == 403


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},  # an iframe, an EventSource, a picture of another site: it sends no Origin
        {"Sec-Fetch-Site": "same-site"},  # of another port
        {"Sec-Fetch-Site": "none"},  # typed into a tab, which would be given the commands
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty", "Origin": "null"},
    ],
)
def test_what_no_fetch_of_the_workspaces_page_sends_is_refused(
    preview: Preview, path: str, headers: dict[str, str]
) -> None:
    for body in (None, {"id": "1"}):
        status, _, said = ask(preview.workspace_url, path, body, headers)
        assert status == 403
        assert "for the workspace's own page" in json.loads(said)["error"]


def test_the_workspaces_own_page_is_answered(preview: Preview) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    assert ask(preview.workspace_url, "/api/config", headers=own)[0] == 200
    own["Origin"] = preview.workspace_url.rstrip("/")
    assert ask(preview.workspace_url, "/api/answers", {"id": "1"}, own)[0] == 204


# -- how much may be sent ----------------------------------------------------------------------------------------------


def send(address: str, head: str, chunk: bytes, times: int) -> tuple[int, bytes]:
    """Send a request's head and then `chunk` over and over by a socket: (bytes that were taken, what was answered)."""
    to = urlsplit(address)
    taken, answer = 0, b""
    with closing(socket.create_connection((to.hostname or "", to.port or 0), 30)) as connection:
        connection.sendall(f"{head}\r\nHost: {to.netloc}\r\n\r\n".encode())
        try:
            for _ in range(times):
                connection.sendall(chunk)
                taken += len(chunk)
        except OSError:
            pass  # the server has closed the connection
        try:
            while received := connection.recv(65_536):
                answer += received
        except OSError:
            pass
    return taken, answer


_MEGABYTE = b"100000\r\n" + b" " * 2**20 + b"\r\n"  # as a chunk


@pytest.mark.parametrize("length", [f"Content-Length: {400 * 2**20}", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("request_line", ["POST /api/offer", "POST /api/answers", "POST /", "GET /", "GET /crm/"])
def test_a_body_without_an_end_is_not_taken(preview: Preview, request_line: str, length: str) -> None:
    head = f"{request_line} HTTP/1.1\r\nContent-Type: application/json\r\n{length}"
    taken, answer = send(preview.workspace_url, head, _MEGABYTE, 400)
    assert taken < 60 * 2**20  # what the address takes, and what lies in the sockets
    assert not answer or answer.startswith(b"HTTP/1.1 413 ")
    assert ask(preview.workspace_url, "/api/config")[0] == 200


@pytest.mark.parametrize("length", [f"Content-Length: {400 * 2**20}", "Transfer-Encoding: chunked"])
def test_nor_by_the_apps_site(preview: Preview, length: str) -> None:
    for path in ("/", "/api/customers/C-1001/notes"):
        taken, _ = send(preview.app_url, f"POST {path} HTTP/1.1\r\n{length}", _MEGABYTE, 400)
        assert taken < 60 * 2**20


def test_the_longest_body_that_is_taken(preview: Preview) -> None:
    most = guard.BODY_LIMITS["/api/offer"]
    for extra, status in ((0, b"400"), (1, b"413")):
        head = f"POST /api/offer HTTP/1.1\r\nConnection: close\r\nContent-Length: {most + extra}"
        _, answer = send(preview.workspace_url, head, b" " * (most + extra), 1)
        assert answer.split(b" ")[1:2] == [status]


def test_a_body_that_does_not_arrive_is_not_waited_for(preview: Preview, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    head = "POST /api/answers HTTP/1.1\r\nContent-Length: 20"
    _, answer = send(preview.workspace_url, head, b'{"id": "1"', 1)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_who_leaves_while_it_posts_is_no_defect(capfd: pytest.CaptureFixture[str]) -> None:
    head = "POST /api/answers HTTP/1.1\r\nContent-Length: 20"
    with Preview(load_settings) as running:
        to = urlsplit(running.workspace_url)
        for _ in range(5):
            with closing(socket.create_connection((to.hostname or "", to.port or 0), 30)) as connection:
                connection.sendall(f"{head}\r\nHost: {to.netloc}\r\n\r\n".encode() + b'{"id": ')
        assert ask(running.workspace_url, "/api/answers", {"id": "1"})[0] == 204
    assert capfd.readouterr().err == ""  # the server is no more: it has said what it had to


def test_a_body_that_is_nested_without_an_end_is_no_offer(preview: Preview) -> None:
    body = b'{"id": "1", "result": ' + b"[" * 200_000
    head = f"POST /api/answers HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}"
    assert send(preview.workspace_url, head, body, 1)[1].startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "the body"),
        ({}, "contact"),
        ({"contact": None}, "contact"),
        ({"contact": {"contactId": "c", "channel": "FAX"}}, "contact.channel"),
        (
            {"contact": {"contactId": "c", "channel": "VOICE", "attributes": {"Name": ["+12065550100"]}}},
            "attributes.Name",
        ),
    ],
)
def test_a_body_that_is_no_offer_is_told_by_key_and_not_by_value(preview: Preview, body: Any, said: str) -> None:
    status, _, answer = ask(preview.workspace_url, "/api/offer", body)
    assert status == 400
    assert said in json.loads(answer)["error"]
    assert b"2065550100" not in answer


def test_both_sites_are_on_the_loopback_address_only(preview: Preview) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: tells which address this machine would use
        except OSError:
            pytest.skip("this machine has no address but the loopback's")
        mine = probe.getsockname()[0]
    for url in (preview.workspace_url, preview.app_url):
        with pytest.raises(OSError, match="refused"), closing(socket.create_connection((mine, urlsplit(url).port), 5)):
            pass


# -- the workspace's site ----------------------------------------------------------------------------------------------


def test_the_configuration_is_the_settings(preview: Preview) -> None:
    _, headers, body = ask(preview.workspace_url, "/api/config")
    config = json.loads(body)
    assert headers["cache-control"] == "no-store"
    assert config["app"] == {
        "name": SETTINGS.name,
        "url": preview.app_url,
        "scope": SETTINGS.iframe.scope,
        "sandbox": list(SETTINGS.iframe.sandbox),
        "allow": list(SETTINGS.iframe.allow),
        "permissions": list(SETTINGS.permissions),
    }
    assert config["attributes"] == SETTINGS.attribute_names()
    assert config["crm"] == preview.workspace_url + "crm/"
    assert {"id", "name", "phone", "email"} <= set(config["customers"][0])


def test_a_known_caller_is_found_by_the_flow_that_is_deployed_and_the_lambda_that_is_packed(preview: Preview) -> None:
    outcome = offer(preview, "+12065550100")
    assert outcome["error"] is None
    assert [step["error"] for step in outcome["steps"] if step["error"]] == []
    attributes = outcome["attributes"]
    assert attributes[NAMES.name] == "Ana Carolina Silva"
    assert attributes[NAMES.url] == preview.workspace_url + "crm/customers/C-1001"
    assert attributes[NAMES.matches] == "1"
    assert set(attributes) == set(SETTINGS.attribute_names().values())
    assert outcome["app"]["name"] == SETTINGS.name
    status, _, page = ask(preview.workspace_url, urlsplit(attributes[NAMES.url]).path)
    assert status == 200
    assert b"Ana Carolina Silva" in page


@pytest.mark.parametrize(
    ("address", "channel", "typed", "matches"),
    [
        ("+12065550199", "VOICE", "", "0"),
        ("+12125550150", "VOICE", "", "2"),
        (None, "VOICE", "2065550100#", "1"),
        (None, "VOICE", "", "0"),
        (None, "CHAT", "", "0"),
        ("maria.garcia@example.org", "EMAIL", "", "1"),
    ],
)
def test_every_contact_gets_a_whole_answer_and_the_queue(
    preview: Preview, address: str | None, channel: str, typed: str, matches: str
) -> None:
    outcome = offer(preview, address, channel, typed)
    assert outcome["error"] is None
    assert outcome["attributes"][NAMES.matches] == matches
    assert (outcome["attributes"][NAMES.url] != "-") == (matches == "1")
    assert all(outcome["attributes"].values())
    assert [step["error"] for step in outcome["steps"] if step["error"]] == []
    assert outcome["queue"]["name"] == SETTINGS.aws.queue


@pytest.mark.parametrize("attribute", ["HostedWidget-email", "email"])
def test_a_web_call_is_known_by_what_its_page_says(preview: Preview, attribute: str) -> None:
    outcome = offer(preview, None, "VOICE", "", "connect:WebRTC", {attribute: "Ana.Silva@Example.com"})
    assert "GetParticipantInput" not in [step["type"] for step in outcome["steps"]]
    attributes = outcome["attributes"]
    assert (attributes[NAMES.name], attributes[NAMES.identity]) == ("Ana Carolina Silva", "Ana.Silva@example.com")


def test_a_caller_whose_number_is_withheld_is_asked(preview: Preview) -> None:
    outcome = offer(preview, "+266696687", "VOICE", "2065550100#")
    assert outcome["attributes"][NAMES.name] == "Ana Carolina Silva"
    assert offer(preview, "+12562533", "VOICE")["attributes"][NAMES.identity] == "-"


def test_the_sample_crm(preview: Preview) -> None:
    def crm(path: str) -> tuple[int, str]:
        status, headers, body = ask(preview.workspace_url, path)
        assert "default-src 'none'" in headers["content-security-policy"]
        return status, body.decode()

    assert ask(preview.workspace_url, "/crm")[0] == 307
    assert "Nikki Wolf" in crm("/crm/")[1]
    assert crm("/crm/customers/C-9999")[0] == 404
    for query in ("wolf", "%2B12065550101", "206%20555-0101", "nikki.wolf@example.org"):
        assert "1 found" in crm(f"/crm/search?q={query}")[1], query
    hostile = crm("/crm/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")[1]
    assert "<script" not in hostile
    assert "Nobody found" in hostile


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone() -> Iterator[Preview]:
    """Return a preview that no browser has open: the pages are these tests' own."""
    with Preview(load_settings) as running:
        yield running


def test_a_command_goes_to_the_page_opened_last_and_its_answer_comes_back(alone: Preview) -> None:
    with ThreadPoolExecutor() as pool, page_of(alone), page_of(alone) as page:
        result = pool.submit(alone.command, "offer", customer="C-1001")
        name, asked = page.next()
        assert (name, asked["name"], asked["args"]) == ("command", "offer", {"customer": "C-1001"})
        assert page.reply(id=asked["id"], result={"contactId": "c-1"}) == 204
        assert result.result(10) == {"contactId": "c-1"}

        refused = pool.submit(alone.command, "accept")
        page.reply(id=page.next()[1]["id"], error="there is no contact")
        with pytest.raises(CommandFailed, match="there is no contact"):
            refused.result(10)


def test_who_asks_only_for_the_events_head_is_given_no_command(alone: Preview) -> None:
    with ThreadPoolExecutor() as pool, page_of(alone) as page:
        to = urlsplit(alone.workspace_url)
        with closing(http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)) as connection:
            connection.request("HEAD", "/api/events")
            assert connection.getresponse().status == 200
            result = pool.submit(alone.command, "look")
            page.reply(id=page.next()[1]["id"], result={})
            assert result.result(10) == {}


def test_an_answer_nobody_waits_for_changes_nothing(alone: Preview) -> None:
    with page_of(alone) as page:
        assert page.reply(id="77", result=1) == 204


def test_a_page_that_goes_away_fails_its_command_at_once(alone: Preview) -> None:
    with ThreadPoolExecutor() as pool:
        page = Events(alone)
        result = pool.submit(alone.command, "wait", ms=60_000)
        page.next()
        page.close()
        with pytest.raises(CommandFailed, match="closed or loaded anew"):
            result.result(10)


def test_without_a_page_it_says_which_address_to_open() -> None:
    with Preview(load_settings) as running, pytest.raises(UserError, match=f"open {running.workspace_url}"):
        running.command("look", seconds=0.05)


# -- changes -----------------------------------------------------------------------------------------------------------


def test_broken_settings_are_told_survived_and_fixed_with_what_else_was_broken() -> None:
    broken: list[UserError] = []

    def source() -> Settings:
        if broken:
            raise broken[0]
        return load_settings()

    pyproject = ROOT / "pyproject.toml"
    told: list[str] = []
    with Preview(source, tell=told.append) as running, page_of(running) as page:
        broken.append(UserError("pyproject.toml", "tool.popdesk.pop.width: not a number", "fix it"))
        running.rebuild({pyproject})
        # Every part's build meets it, and it is told once.
        assert page.next() == (
            "problem",
            {"subject": "pyproject.toml", "reason": "tool.popdesk.pop.width: not a number", "hint": "fix it"},
        )
        assert len([line for line in told if "not a number" in line]) == 1
        with page_of(running) as later:
            assert later.next()[0] == "problem"  # a page that comes later is told too, once
        assert ask(running.app_url, "/")[0] == 200
        assert offer(running, "+12065550100")["attributes"][NAMES.matches] == "1"

        running.rebuild({ROOT / "web" / "workspace" / "main.py"})  # another part's build fixes nothing
        assert [page.next()[0] for _ in range(2)] == ["problem", "reload"]

        broken.clear()
        running.rebuild({pyproject})
        assert page.next() == ("fixed", {})
        assert page.next() == ("reload", {"what": "workspace"})  # which reads the new settings


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("pyapp/cards.py", "app"),
        ("web/app.css", "app"),
        ("lambda/lookup/handler.py", "flow"),
        ("web/workspace/panels/page.py", "workspace"),
    ],
)
def test_a_change_reloads_what_it_belongs_to(alone: Preview, file: str, what: str) -> None:
    with page_of(alone) as page:
        alone.rebuild({ROOT / file})
        assert page.next() == ("reload", {"what": what})


def test_other_settings_reach_the_page_and_the_flow() -> None:
    def source() -> Settings:
        return load_settings().model_copy(update={"name": "Other desk", "permissions": ("User.Details.View",)})

    with Preview(source) as running:
        config = json.loads(ask(running.workspace_url, "/api/config")[2])
        assert config["app"]["permissions"] == ["User.Details.View"]
        assert offer(running, "+12065550100")["app"] == {"name": "Other desk", "path": ""}


# -- starting and stopping ---------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named_with_its_remedy() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as caught:
            Preview(load_settings, port=port)
        assert str(port) in caught.value.subject
        assert "--port" in caught.value.hint
        with pytest.raises(UserError, match="--app-port"):
            Preview(load_settings, app_port=port)


def test_all_ports_that_are_taken_are_named_at_once() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as one, closing(socket.create_server(("127.0.0.1", 0))) as two:
        ports = [each.getsockname()[1] for each in (one, two)]
        with pytest.raises(UserError) as caught:
            Preview(load_settings, port=ports[0], app_port=ports[1])
    assert [str(port) in caught.value.subject for port in ports] == [True, True]
    assert "Address already in use" in caught.value.reason
    assert "--port 0 --app-port 0" in caught.value.hint


def test_a_port_that_somebody_has_on_the_other_loopback_address_is_taken_too() -> None:
    try:
        other = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with closing(other), pytest.raises(UserError, match="--app-port"):
        Preview(load_settings, app_port=other.getsockname()[1])


def test_a_first_build_that_fails_leaves_nothing_running() -> None:
    def source() -> Settings:
        raise UserError("pyproject.toml", "it is broken", "fix it")

    before = threading.active_count()
    broken = Preview(source)
    with pytest.raises(UserError, match="it is broken"):
        broken.start()
    assert threading.active_count() == before
    with pytest.raises(OSError, match="refused"):
        ask(broken.workspace_url, "/")


def test_it_ends_with_pages_still_listening_and_frees_its_ports() -> None:
    running = Preview(load_settings)
    with running:
        page = Events(running)
    assert page.answer.read() == b""
    page.close()
    with closing(socket.create_server(("127.0.0.1", urlsplit(running.workspace_url).port or 0))):
        pass
