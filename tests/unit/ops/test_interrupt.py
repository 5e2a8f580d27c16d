"""Ctrl-C at any moment: "Cancelled.", exit code 130 and no traceback, with real processes and a real SIGINT."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.settings import ROOT

pytestmark = pytest.mark.slow

_SECONDS = 120.0
# Stops the process at the import of a module until the test has sent its signal; says so on a pipe.
_STOPS_AT_AN_IMPORT = """
import os, sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["STOP_AT"]:
            sys.meta_path.remove(self)
            os.write(int(os.environ["STOP_PIPE"]), b"!")
            import time
            for _ in range(600):
                time.sleep(0.1)
        return None

sys.meta_path.insert(0, Stop())
"""


def _hear() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _ignore() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupt(tmp_path: Path, module: str, *command: str, before: Callable[[], None] = _hear) -> tuple[int, str, str]:
    """Run deploy.py, send it SIGINT while it imports `module`, and return its exit code and what it printed."""
    (tmp_path / "sitecustomize.py").write_text(_STOPS_AT_AN_IMPORT, "utf-8")
    stopped, pipe = os.pipe()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "deploy.py"), *command],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "STOP_AT": module, "STOP_PIPE": str(pipe)},
        pass_fds=[pipe],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )
    os.close(pipe)
    with os.fdopen(stopped, "rb") as reader:
        assert reader.read(1) == b"!", f"it never imported {module}"
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=10 if before is _ignore else _SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return 0, "", "it goes on"
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("click", ["--help"]),
        ("rich.console", ["--help"]),
        ("pydantic", ["--help"]),
        ("ops.cli.cloud", ["status"]),
        ("botocore.session", ["doctor"]),
        ("ops.preview.server", ["preview", "--no-browser"]),
        ("ops.site.build", ["build"]),
    ],
)
def test_while_something_is_imported(tmp_path: Path, module: str, command: list[str]) -> None:
    assert _interrupt(tmp_path, module, *command) == (130, "", "\nCancelled.\n")


def test_where_it_is_ignored_it_stays_ignored(tmp_path: Path) -> None:
    """`deploy.py &` in a script."""
    assert _interrupt(tmp_path, "click", "--help", before=_ignore) == (0, "", "it goes on")


@pytest.fixture
def asking(tmp_path: Path) -> list[str]:
    """Return the command line of a command that asks a question."""
    script = tmp_path / "ask.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import click, deploy\n"
        "@deploy.cli.command()\n"
        "def ask():\n"
        "    click.confirm('Sure?', err=True)\n"
        "deploy.cli()\n",
        "utf-8",
    )
    return [sys.executable, str(script), "ask"]


def test_at_a_question(asking: list[str]) -> None:
    """Asked by click, which makes an Abort of it."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(asking, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=_hear)
    assert process.stderr is not None
    asked = process.stderr.read(len("Sure? [y/N]: "))
    assert asked == "Sure? [y/N]: "
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=_SECONDS)
    assert (process.returncode, rest) == (130, "\nCancelled.\n")


def test_nobody_to_ask_is_no_ctrl_c(asking: list[str]) -> None:
    done = subprocess.run(asking, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there is no terminal to answer it on" in done.stderr
    assert "--yes" in done.stderr


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_within_a_finalizer_ends_what_waits(ends: signal.Signals) -> None:
    """Python drops the exception of its handler there: preview once served on after its SIGTERM."""
    code = f"""
import os, time
from ops.cli.interrupt import interrupted_by_signals

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), {int(ends)})
        time.sleep(0.1)

ended = interrupted_by_signals()
Finalized()
print("it goes on", ended.wait({_SECONDS}), flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        preexec_fn=_hear,
    )
    assert "Exception ignored in" in done.stderr
    assert (done.returncode, done.stdout) == (0, "it goes on True\n")
