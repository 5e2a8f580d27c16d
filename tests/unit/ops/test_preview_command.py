"""`python deploy.py preview` as a person runs it: addresses, a broken edit and its repair, its end; in a copy of the project."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from ops.settings import ROOT
from tests.preview_process import SECONDS, Running, command, hears_interrupts, ignores_interrupts
from tests.project import copy_project

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what preview reads, to be edited."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def running(project: Path) -> Iterator[Running]:
    made = Running(project)
    yield made
    made.close()


def get(url: str) -> bytes:
    with urlopen(url, timeout=SECONDS) as answer:
        return bytes(answer.read())


def test_preview_starts_without_what_asks_aws() -> None:
    """It takes half a second to import, and preview needs no AWS account."""
    code = "import ops.preview.server, sys; print({'boto3', 'botocore', 'aws_lambda_powertools'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "set()\n"


def test_a_broken_edit_is_told_the_last_build_is_served_and_the_repair_is_too(project: Path, running: Running) -> None:
    first = get(running.app)
    assert get(running.workspace)
    cards = project / "pyapp" / "cards.py"
    good = cards.read_text("utf-8")
    with urlopen(running.workspace + "api/events", timeout=SECONDS) as events:

        def event() -> str:
            return str(next(line.decode().split()[1] for line in events if line.startswith(b"event: ")))

        cards.write_text(good + "\ndef broken(:\n", "utf-8")
        assert event() == "problem"
        line = len(cards.read_text("utf-8").splitlines())
        running.printed(rf"^pyapp/cards\.py:{line}: SyntaxError: invalid syntax\. Fix that line$")
        assert get(running.app) == first

        cards.write_text(good + "\nMENDED = True\n", "utf-8")
        assert event() == "fixed"
        assert event() == "reload"
        assert get(running.app) != first

        flows = project / "ops" / "flows" / "definitions.py"
        flows.write_text(flows.read_text("utf-8").replace('"transfer",', '"transfer" "it",', 1), "utf-8")
        assert event() == "problem"
        running.printed(r"ops/flows/definitions\.py: Amazon Connect would refuse the flows: .*does not exist")

        rest = running.end(signal.SIGINT)  # with the page still listening
    assert rest.endswith("Stopped.\n")
    assert "Traceback" not in "".join(running.lines) + rest
    assert running.process.returncode == 0
    assert list(running.temporary.iterdir()) == []


@pytest.mark.parametrize("started", [hears_interrupts, ignores_interrupts], ids=["by hand", "by a script's &"])
def test_what_ends_a_service_ends_it_and_leaves_nothing(project: Path, started: Callable[[], None]) -> None:
    running = Running(project, started)
    try:
        assert running.end(signal.SIGTERM).endswith("Stopped.\n")
        assert running.process.returncode == 0
        assert list(running.temporary.iterdir()) == []
    finally:
        running.close()


def test_what_ends_it_while_it_builds_again_leaves_nothing(project: Path, running: Running) -> None:
    (project / "pyproject.toml").touch()
    deadline = time.monotonic() + SECONDS
    while len([*running.temporary.glob("popdesk-lambda-*")]) < 2:  # the new look-up's files are being unpacked
        assert time.monotonic() < deadline
        time.sleep(0.002)
    rest = running.end(signal.SIGINT)
    assert rest.endswith("Stopped.\n")
    assert "Traceback" not in rest
    assert "cannot be loaded" not in rest
    assert running.process.returncode == 0
    assert list(running.temporary.iterdir()) == []


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_it_while_it_starts_leaves_nothing(project: Path, tmp_path: Path, ends: signal.Signals) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        command(project, "--no-browser", "--port", "0", "--app-port", "0"),
        cwd=project,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=hears_interrupts,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Building")
        os.killpg(process.pid, ends)  # as a terminal does: what it has started hears it too
        try:
            said, _ = process.communicate(timeout=SECONDS)
        finally:
            process.kill()  # one that has not ended would be waited for without end
    assert (process.returncode, said) == (0, "Stopped.\n")
    assert [path.name for path in temporary.iterdir() if path.name.startswith("popdesk-")] == []


def test_a_port_that_is_taken_is_told_in_words(project: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(project, "--no-browser", "--port", str(port)),
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1" in done.stderr
    assert done.stdout == ""  # nothing was built before
    assert "What to do: stop what uses it, or name another with --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_cases_of_an_api_that_there_is_not_are_refused_in_words(project: Path) -> None:
    done = subprocess.run(
        command(project, "--no-browser", "--port", "0", "--app-port", "0", "--cases", "http"),
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 2
    assert "--cases http\n  [tool.popdesk.api] is not enabled" in done.stderr
    assert "What to do: set enabled = true" in done.stderr


def test_broken_settings_are_told_with_the_name_of_their_table(project: Path) -> None:
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text("utf-8").replace('language = "auto"', 'language = "perl"'), "utf-8")
    done = subprocess.run(
        command(project, "--no-browser", "--port", "0", "--app-port", "0"),
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 2
    assert "tool.popdesk.language" in done.stderr
    assert "[tool.popdesk]" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_environment_of_the_settings_is_previewed_and_one_that_is_not_there_is_named(project: Path) -> None:
    settings = project / "pyproject.toml"
    text = settings.read_text("utf-8")
    settings.write_text(
        text.replace("[tool.popdesk.environments.prod]", '[tool.popdesk.environments.prod]\nname = "Prod desk"'),
        "utf-8",
    )
    running = Running(project, options=("--no-browser", "--env", "prod"))
    try:
        assert json.loads(get(running.workspace + "api/config"))["app"]["name"] == "Prod desk"
    finally:
        running.close()
    done = subprocess.run(
        command(project, "--no-browser", "--port", "0", "--app-port", "0", "--env", "nope"),
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert (done.returncode, "environment 'nope'" in done.stderr) == (2, True)


def test_the_browser_is_opened_on_the_workspace_unless_told_not_to(project: Path, tmp_path: Path) -> None:
    """The browser is what $BROWSER names (Python's webbrowser): here a script that writes the address down."""
    opened = tmp_path / "opened"
    os.mkfifo(opened)
    reading = os.open(opened, os.O_RDONLY | os.O_NONBLOCK)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n', "utf-8")
    browser.chmod(0o755)
    running = Running(project, options=("--browser",), BROWSER=f"{browser} %s")
    try:
        assert select.select([reading], [], [], SECONDS)[0] == [reading]
        assert os.read(reading, 1000).decode() == running.workspace
    finally:
        running.close()
        os.close(reading)
