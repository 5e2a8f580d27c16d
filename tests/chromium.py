"""Finds a Chromium for the browser tests, installing one where there is none.

    with sync_playwright() as playwright:
        playwright.chromium.launch(**launch_arguments(playwright))

In this order: what `deploy.py check` finds (ops/check/chromium.py), `playwright install chromium`, and on Debian as root
`apt-get install chromium`. Where none works it says what to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

from playwright.sync_api import Playwright

from ops.check.chromium import FLAGS, installed_chromium

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
    if found := installed_chromium(playwright):
        return found
    install([sys.executable, "-m", "playwright", "install", "chromium"])
    if found := installed_chromium(playwright):
        return found
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        install(["apt-get", "update"])
        install(["apt-get", "install", "-y", "chromium"])
    return installed_chromium(playwright)


def launch_arguments(playwright: Playwright) -> dict[str, Any]:
    """Return the arguments for Playwright's launch: {"executable_path": ..., "args": [...]}."""
    return {"executable_path": chromium(playwright), "args": list(FLAGS)}


def install(command: list[str]) -> None:
    """Run a command that installs something; whether it helped is seen by looking for what it should bring."""
    print("+", " ".join(command), flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(command, env=environment, check=False, timeout=900)
    except subprocess.TimeoutExpired:
        print("It took too long and was ended.", flush=True)
