"""`deploy.py check`, the real command line: our own page has no findings, and broken apps have the right ones.

The broken apps are the plain app (tests/browser/plain_app) told to misbehave, and a page that is no app at all.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ops.settings import ROOT
from tests.browser.hosting import PlainAppServer
from tests.loopback import Loopback
from tests.preview_process import hears_interrupts

# `playwright`: it finds or installs the Chromium that the command finds then.
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("playwright")]

# Only an instance may frame it: the local workspace has to be let in.
INSTANCE_ONLY = {"Content-Security-Policy": "frame-ancestors https://acme.my.connect.aws"}
PATIENT = ("--timeout", "60")  # no test needs a quiet machine
SILENT = b"<!doctype html><html lang='en'><title>Silent</title><main><h1>No app</h1></main></html>"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, str(ROOT / "deploy.py"), "check", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=500, check=False
    )


def checked(*arguments: str) -> tuple[int, dict[str, Any], dict[str, dict[str, str]]]:
    """Return the exit code, the JSON, and its checks by name."""
    done = run("--json", *arguments)
    assert done.returncode in (0, 3), done.stderr
    result = json.loads(done.stdout)
    return done.returncode, result, {check["name"]: check for check in result["checks"]}


def findings(checks: dict[str, dict[str, str]]) -> set[str]:
    return {name for name, check in checks.items() if check["state"] == "finding"}


@pytest.fixture(scope="module")
def plain_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with PlainAppServer(tmp_path_factory.mktemp("plain"), INSTANCE_ONLY) as server:
        yield server.url


class _Page(BaseHTTPRequestHandler):
    """Answers every path with one body; `headers_sent` are its headers, `status` its status."""

    def __init__(self, *arguments: Any, sent: dict[str, str], status: int = 200) -> None:
        self.sent, self.status = sent, status
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(self.status)
        for name, value in self.sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(SILENT)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class PageServer(Loopback):
    """Serves one page without any script."""

    def __init__(self, sent: dict[str, str], status: int = 200) -> None:
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), partial(_Page, sent=sent, status=status)))
        self.url = f"http://localhost:{self._server.server_port}/"


def test_our_own_page_has_no_findings() -> None:
    code, result, checks = checked(*PATIENT)
    assert findings(checks) == set(), checks
    assert (code, result["findings"]) == (0, 0)
    assert {name for name, check in checks.items() if check["state"] == "open"} == set()
    asked = {row["permission"]: row for row in result["permissions"]}
    assert "agent/getName" in asked["User.Details.View"]["requests"]
    assert "contact/connected" in asked["Contact.Details.View"]["topics"]
    # It asks for nothing that needs "*", but for what tells a page that opens late whether the contact is connected.
    assert set(asked.get("*", {"requests": []})["requests"]) <= {
        "contact/listParticipants",
        "contact/getParticipantState",
    }
    assert {row["refusal"] for row in asked.values()} == {"ok"}
    assert all(result["times"][name] > 0 for name in ("hello", "first_paint", "create", "destroy"))


def test_a_page_that_may_not_be_framed_and_never_says_hello() -> None:
    with PageServer({"Content-Type": "text/html", "X-Frame-Options": "DENY"}) as server:
        code, _, checks = checked(server.url, "--timeout", "2")
    assert code == 3
    assert "X-Frame-Options: DENY" in checks["framing"]["detail"]
    assert checks["framing"]["hint"].startswith("let Amazon Connect frame it")
    assert "did not say hello within 2 s" in checks["hello"]["detail"]
    # It is examined all the same, and seen: a page without a dark theme, in which axe finds nothing.
    assert findings(checks) == {"framing", "hello", "theme"}
    assert checks["accessibility"]["state"] == "ok"
    assert checks["permissions"]["state"] == checks["create"]["state"] == "open"


def test_an_app_that_raises_in_its_create_handler(plain_app: str) -> None:
    code, _, checks = checked(f"{plain_app}?fail", *PATIENT)
    assert code == 3
    assert findings(checks) == {"create"}
    assert "fatal error" in checks["create"]["detail"]
    assert (checks["framing"]["state"], checks["hello"]["state"]) == ("ok", "ok")


@pytest.mark.thorough
def test_an_app_that_never_ends_and_that_no_refusal_may_meet(plain_app: str) -> None:
    code, result, checks = checked(f"{plain_app}?brittle&deaf&uncaught", *PATIENT)
    assert code == 3
    refused = {f"without {row['permission']}" for row in result["permissions"]}
    assert refused >= {"without User.Details.View", "without Contact.Attributes.View", "without *"}
    assert findings(checks) == {"destroy", "theme", "accessibility", "errors"} | refused
    assert "not done within 3 s" in checks["destroy"]["detail"]
    assert "ValueError: nobody catches this" in checks["errors"]["detail"]
    assert "landmark-one-main" in checks["accessibility"]["detail"]
    assert "its page is empty" in checks["without User.Details.View"]["detail"]
    assert "contact/listParticipants" in checks["permission *"]["detail"]


def test_the_table_says_the_same_and_an_idle_app_is_closed(plain_app: str) -> None:
    done = run(f"{plain_app}?mute", "--idle", *PATIENT, COLUMNS="160")
    assert done.returncode == 3, done.stderr
    for words in ("destroy", "done in", "follow the agent's theme", "2 findings", "hello"):
        assert words in done.stdout


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_where_there_is_no_page_it_says_so(options: tuple[str, ...]) -> None:
    """With --json standard output is empty too: a script sees the exit code first."""
    with PageServer({"Content-Type": "text/html"}, status=404) as missing:
        done = run(missing.url, *options)
        assert (done.returncode, done.stdout) == (1, "")
        assert "it answers with status 404" in done.stderr
    with PageServer({"Content-Type": "application/json"}) as other:
        done = run(other.url, *options)
        assert (done.returncode, done.stdout) == (1, "")
        assert "it is not a page: its Content-Type is application/json" in done.stderr
    done = run(other.url, *options)  # nobody listens there any more
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be reached" in done.stderr
    assert "start the app" in done.stderr


@pytest.mark.thorough
def test_what_is_opened_is_what_the_options_say(plain_app: str) -> None:
    """A second app, registered otherwise than AWS's default, with an attribute that it expects."""
    options = ("--contact", "--attribute", "Tier=gold", "--sandbox", "registered", "--env", "prod")
    code, result, checks = checked(f"{plain_app}?mute", *options, *PATIENT)
    assert (code, findings(checks)) == (3, {"theme", "accessibility"})
    assert result["findings"] == 2
    done = run(plain_app, "--sandbox", "allow-everything")
    assert done.returncode == 2
    assert "allow-everything" in done.stderr


def test_without_a_display_a_shown_browser_is_refused_in_words(plain_app: str) -> None:
    done = run(plain_app, "--headed", DISPLAY="", WAYLAND_DISPLAY="")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no display to show it on" in done.stderr
    assert "leave --headed out" in done.stderr


def test_without_a_chromium_it_says_what_to_install(plain_app: str, tmp_path: Path) -> None:
    done = run(plain_app, PATH=str(tmp_path), PLAYWRIGHT_BROWSERS_PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "playwright install chromium" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_playwright_it_says_what_to_install(plain_app: str, tmp_path: Path) -> None:
    (tmp_path / "playwright").mkdir()
    (tmp_path / "playwright" / "__init__.py").write_text("raise ModuleNotFoundError('No module', name='playwright')\n")
    done = run("http://localhost:1/", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "it cannot be reached" in done.stderr  # known without Playwright
    done = run(plain_app, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "uv sync" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_whose_path_is_too_long_for_chromium_is_named(plain_app: str, tmp_path: Path) -> None:
    long = tmp_path / ("temporary-" * 9)
    long.mkdir()
    done = run(plain_app, TMPDIR=str(long))
    assert done.returncode == 1, done.stderr
    assert "too long for its socket" in done.stderr
    assert "TMPDIR=/tmp" in done.stderr


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder with a short path: Chromium's socket there has 107 characters at most, and pytest's path has as many."""
    with tempfile.TemporaryDirectory(prefix="c", dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("times_asked", "ends"),
    [
        pytest.param(1, signal.SIGTERM, id="SIGTERM before the browser", marks=pytest.mark.thorough),
        pytest.param(1, signal.SIGINT, id="Ctrl-C before the browser"),
        pytest.param(2, signal.SIGTERM, id="SIGTERM in the browser"),
        pytest.param(2, signal.SIGINT, id="Ctrl-C in the browser"),
    ],
)
def test_what_ends_it_in_the_middle_leaves_nothing(short: Path, times_asked: int, ends: signal.Signals) -> None:
    """The first request for the page is the command's own, the second one is Chromium's. A terminal's Ctrl-C goes to all."""
    asked: queue.Queue[None] = queue.Queue()

    class Page(_Page):
        def do_GET(self) -> None:
            """Answer, and say so."""
            super().do_GET()
            asked.put(None)

    server = Loopback(ThreadingHTTPServer(("127.0.0.1", 0), partial(Page, sent={"Content-Type": "text/html"})))
    with server:
        url = f"http://localhost:{server._server.server_port}/"
        command = [sys.executable, str(ROOT / "deploy.py"), "check", *PATIENT, url]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(short)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=hears_interrupts,
        ) as process:
            for _ in range(times_asked):
                asked.get(timeout=120)
            if ends is signal.SIGINT:
                os.killpg(process.pid, ends)
            else:
                process.send_signal(ends)
            said, _ = process.communicate(timeout=300)
    assert (process.returncode, said) == (130, "\nCancelled.\n"), said
    assert [path.name for path in short.iterdir() if path.name.startswith("popdesk-")] == []


# An interrupt between the sending of a message and the note that its answer is waited for: from then on each of Playwright's
# calls, the browser's closing too, raises a KeyError.
_INTERRUPTED_MESSAGE = """
from ops.check.chromium import find_chromium, launched, started_playwright

with started_playwright() as playwright, launched(playwright, find_chromium(playwright)) as browser:
    page = browser.new_page()
    transport = playwright._impl_obj._connection._transport
    send = transport.send

    def interrupted(message):
        transport.send = send
        send(message)
        raise KeyboardInterrupt

    transport.send = interrupted
    page.title()
"""


def test_an_interrupt_in_the_middle_of_a_message_is_still_one() -> None:
    command = [sys.executable, "-c", _INTERRUPTED_MESSAGE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr.splitlines()[-1:] == ["KeyboardInterrupt"], done.stderr
