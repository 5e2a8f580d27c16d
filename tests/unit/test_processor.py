"""A share of the processor: what is held back is held back, with what it starts, and is let go again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.processor import NotAvailable, slowed

pytestmark = pytest.mark.slow

# Starts a child a moment after it was held back, and both are busy from then on.
_BUSY = "import os, time; time.sleep(0.2); os.fork()\nwhile True: pass"


def _group_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text("utf-8")


def test_a_busy_program_and_its_children_are_held_back_and_let_go() -> None:
    with subprocess.Popen([sys.executable, "-c", _BUSY], start_new_session=True) as busy:
        try:
            before = _group_of(busy.pid)
            with slowed(busy.pid, 0.01) as group:
                given_up = time.monotonic() + 30
                while _throttled(group) < 5 or len((group / "cgroup.procs").read_text().split()) < 2:
                    assert time.monotonic() < given_up
                    time.sleep(0.05)
            assert _group_of(busy.pid) == before
            assert not group.exists()
        except NotAvailable as reason:
            pytest.skip(str(reason))
        finally:
            os.killpg(busy.pid, signal.SIGKILL)


def _throttled(group: Path) -> int:
    lines = (line.split() for line in (group / "cpu.stat").read_text("utf-8").splitlines())
    return next(int(value) for name, value in lines if name == "nr_throttled")
