"""Finds a Chromium for the browser tests, installing one where there is none.

    with sync_playwright() as playwright:
        playwright.chromium.launch(**launch_arguments(playwright))

In this order: Playwright's own, one that the system has, `playwright install chromium`, and on Debian as root
`apt-get install chromium`. One that does not start counts for none: Playwright's own is downloaded without the system's
libraries it needs. Where none works it says what to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Playwright

_SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What keeps it quiet and working in a container: nothing is looked up or fetched but what the tests ask for.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


_found: list[str] = []  # the path, looked for and installed once in a process; "" where none can be had


def chromium(playwright: Playwright) -> str:
    """Return the path of a Chromium. Raises RuntimeError that says what to do when none can be had."""
    if not _found:
        _found.append(_find_or_install(playwright))
    if not _found[0]:
        raise RuntimeError(
            "The browser tests need Chromium and none could be found or installed. "
            "Install it with your system's packages (Debian: apt-get install chromium) or run "
            "`uv run playwright install chromium`, then run the tests again; `uv run pytest tests/unit` needs none."
        )
    return _found[0]


def _find_or_install(playwright: Playwright) -> str:
    found = _playwrights_own(playwright) or _systems()
    if found:
        return found
    install([sys.executable, "-m", "playwright", "install", "chromium"])
    found = _playwrights_own(playwright)
    if found:
        return found
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        install(["apt-get", "update"])
        install(["apt-get", "install", "-y", "chromium"])
    return _systems()


def launch_arguments(playwright: Playwright) -> dict[str, Any]:
    """Return the arguments for Playwright's launch: {"executable_path": ..., "args": [...]}."""
    return {"executable_path": chromium(playwright), "args": list(FLAGS)}


def _playwrights_own(playwright: Playwright) -> str:
    path = playwright.chromium.executable_path
    return path if Path(path).is_file() and starts(path) else ""


def _systems() -> str:
    return next((path for name in _SYSTEM if (path := shutil.which(name)) and starts(path)), "")


def starts(path: str) -> bool:
    """Return whether the program at `path` runs at all, and tells its version."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install(command: list[str]) -> None:
    """Run a command that installs something; whether it helped is seen by looking for what it should bring."""
    print("+", " ".join(command), flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(command, env=environment, check=False, timeout=900)
    except subprocess.TimeoutExpired:
        print("It took too long and was ended.", flush=True)
