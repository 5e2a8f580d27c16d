"""`python deploy.py preview` as a person runs it: addresses, a broken edit and its repair, its end; in a copy of the project."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.project import copy_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what preview reads, to be edited."""
    return copy_project(tmp_path / "project")


def command(project: Path, *options: str) -> list[str]:
    """Give the command line."""
    return [sys.executable, str(project / "deploy.py"), "preview", "--no-browser", *options]


SECONDS = 120.0  # for what takes a second or two on a quiet machine


def hears_interrupts() -> None:
    """Let the process that is being started hear SIGINT: `pytest &` in a script ignores it, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignores_interrupts() -> None:
    """Start a process as a script's `&` does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Running:
    """A preview that runs; `lines` is what it has printed so far."""

    def __init__(self, project: Path, before: Callable[[], None] = hears_interrupts) -> None:
        self.temporary = project.parent / "temporary"
        self.temporary.mkdir()
        self.process = subprocess.Popen(
            command(project, "--port", "0", "--app-port", "0", "--verbose"),
            cwd=project,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=before,
        )
        self.lines: list[str] = []
        self._printed: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.workspace = self.printed(r"http://127\.0\.0\.1:\d+/$")
        self.app = self.printed(r"http://localhost:\d+/$")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._printed.put(line)
        self._printed.put(None)

    def _next(self) -> str | None:
        try:
            return self._printed.get(timeout=SECONDS)
        except queue.Empty:
            raise AssertionError(f"it printed nothing more in {SECONDS:g} s: {self.lines}") from None

    def printed(self, pattern: str) -> str:
        """Wait for a line that holds `pattern` and return what matched."""
        while (line := self._next()) is not None:
            self.lines.append(line.rstrip())
            if found := re.search(pattern, line.rstrip()):
                return str(found.group())
        raise AssertionError(f"it ended without {pattern}: {self.lines}")

    def end(self, how: signal.Signals) -> str:
        """Send the signal and return what it still prints."""
        self.process.send_signal(how)
        rest = ""
        while (line := self._next()) is not None:
            rest += line
        self.process.wait(SECONDS)
        return rest

    def close(self) -> None:
        """Kill it if it still runs."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def running(project: Path) -> Iterator[Running]:
    made = Running(project)
    yield made
    made.close()


def get(url: str) -> bytes:
    with urlopen(url, timeout=SECONDS) as answer:
        return bytes(answer.read())


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
        running.printed(r"pyapp/cards\.py: MicroPython cannot compile line \d+: SyntaxError")
        assert get(running.app) == first

        cards.write_text(good + "\nMENDED = True\n", "utf-8")
        assert event() == "mended"
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


def test_a_port_that_is_taken_is_told_in_words(project: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(project, "--port", str(port)),
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1" in done.stderr
    assert "What to do: stop what uses it, or name another with --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_settings_are_told_with_the_name_of_their_table(project: Path) -> None:
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text("utf-8").replace('language = "auto"', 'language = "perl"'), "utf-8")
    done = subprocess.run(
        command(project, "--port", "0"), cwd=project, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 2
    assert "tool.popdesk.language" in done.stderr
    assert "[tool.popdesk]" in done.stderr
    assert "Traceback" not in done.stderr
