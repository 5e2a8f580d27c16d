"""`python deploy.py preview` as a person runs it: addresses, a broken edit and its repair, its end; in a copy of the project.

The copy shares the installed npm packages and the build's cache with the checkout, so that nothing is fetched.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from ops.settings import ROOT
from ops.site import npm
from ops.site.build import CACHE


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what preview reads, to be edited."""
    npm.install_packages()
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("web", "pyapp", "lambda", "ops"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    for name in ("deploy.py", "pyproject.toml"):
        shutil.copyfile(ROOT / name, copy / name)
    (copy / "web" / "node_modules").symlink_to(npm.MODULES)
    CACHE.mkdir(parents=True, exist_ok=True)
    (copy / "build").mkdir()
    (copy / "build" / "cache").symlink_to(CACHE)
    return copy


def command(project: Path, *options: str) -> list[str]:
    """Give the command line."""
    return [sys.executable, str(project / "deploy.py"), "preview", "--no-browser", *options]


class Running:
    """A preview that runs; `lines` is what it has printed so far."""

    def __init__(self, project: Path) -> None:
        self.temporary = project.parent / "temporary"
        self.temporary.mkdir()
        self.process = subprocess.Popen(
            command(project, "--port", "0", "--app-port", "0", "--verbose"),
            cwd=project,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self.workspace = self.printed(r"http://127\.0\.0\.1:\d+/$")
        self.app = self.printed(r"http://localhost:\d+/$")

    def printed(self, pattern: str) -> str:
        """Wait for a line that holds `pattern` and give what matched."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if found := re.search(pattern, line.rstrip()):
                return str(found.group())
        raise AssertionError(f"it ended without {pattern}: {self.lines}")

    def end(self, how: signal.Signals) -> str:
        """Send the signal and give what it still prints."""
        assert self.process.stdout is not None
        self.process.send_signal(how)
        rest = self.process.stdout.read()
        self.process.wait(20)
        return rest


@pytest.fixture
def running(project: Path) -> Iterator[Running]:
    made = Running(project)
    yield made
    made.process.kill()
    made.process.wait()
    assert made.process.stdout is not None
    made.process.stdout.close()


def get(url: str) -> bytes:
    with urlopen(url, timeout=20) as answer:
        return bytes(answer.read())


def test_a_broken_edit_is_told_the_last_build_is_served_and_the_repair_is_too(project: Path, running: Running) -> None:
    first = get(running.app)
    assert get(running.workspace)
    cards = project / "pyapp" / "cards.py"
    good = cards.read_text("utf-8")
    with urlopen(running.workspace + "api/events", timeout=20) as events:

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


def test_what_ends_a_service_ends_it_and_leaves_nothing(running: Running) -> None:
    assert running.end(signal.SIGTERM).endswith("Stopped.\n")
    assert running.process.returncode == 0
    assert list(running.temporary.iterdir()) == []


def test_a_port_that_is_taken_is_told_in_words(project: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(project, "--port", str(port)), cwd=project, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1" in done.stderr
    assert "What to do: stop what uses it, or name another with --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_settings_are_told_with_the_name_of_their_table(project: Path) -> None:
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text("utf-8").replace('runtime = "pyscript"', 'runtime = "perl"'), "utf-8")
    done = subprocess.run(command(project, "--port", "0"), cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "tool.popdesk.runtime" in done.stderr
    assert "[tool.popdesk]" in done.stderr
    assert "Traceback" not in done.stderr
