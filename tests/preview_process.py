"""`python deploy.py preview` as a process of its own, for tests that run it as a person does.

running = Running(copy_project(tmp_path / "project"))
running.workspace                                   # "http://127.0.0.1:PORT/"
running.printed(r"flow rebuilt")                    # wait for a line
rest = running.end(signal.SIGINT)
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path


def command(project: Path, *options: str) -> list[str]:
    """Return the command line of a preview of `project`."""
    return [sys.executable, str(project / "deploy.py"), "preview", *options]


SECONDS = 120.0  # for what takes a second or two on a quiet machine


def hears_interrupts() -> None:
    """Let the process that is being started hear SIGINT: `pytest &` in a script ignores it, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignores_interrupts() -> None:
    """Start a process as a script's `&` does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Running:
    """A preview that runs; `lines` is what it has printed so far."""

    def __init__(
        self,
        project: Path,
        before: Callable[[], None] = hears_interrupts,
        options: Sequence[str] = ("--no-browser", "--verbose"),
        **variables: str,
    ) -> None:
        self.temporary = project.parent / "temporary"
        self.temporary.mkdir()
        self.process = subprocess.Popen(
            command(project, "--port", "0", "--app-port", "0", *options),
            cwd=project,
            env={**os.environ, "TMPDIR": str(self.temporary), **variables},
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
