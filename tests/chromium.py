"""Finds a Chromium for the browser tests, installing one where there is none.

    with sync_playwright() as playwright:
        playwright.chromium.launch(**launch_arguments(playwright))
        playwright.chromium.launch(**launch_arguments(playwright, lean=True))      # what the browser tests launch

In this order: what `deploy.py check` finds (ops/check/chromium.py), `playwright install chromium`, and on Debian as root
`apt-get install chromium`. Where none works it says what to do.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import playwright as playwright_package
from playwright.sync_api import Playwright

from ops.check.chromium import FLAGS, installed_chromium

# What no test sees and what takes a third of the processor's time: two pages of the address bar's own for each window, and a
# renderer kept ready for the next page.
_UNSEEN = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess")

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


def launch_arguments(playwright: Playwright, lean: bool = False) -> dict[str, Any]:
    """Return the arguments for Playwright's launch: {"executable_path": ..., "args": [...]}; `lean` spares the processor."""
    arguments = list(FLAGS)
    # Of several --disable-features the last one holds, so Playwright's own are named again. Where they are not found, nothing
    # is switched off: what they switch off is what the tests rely on.
    if lean and (features := playwrights_disabled_features()):
        arguments.append("--disable-features=" + ",".join([*features, *_UNSEEN]))
    return {"executable_path": chromium(playwright), "args": arguments}


def playwrights_disabled_features() -> list[str]:
    """Return the features of Chromium that Playwright switches off, [] where its driver lists them otherwise than it did."""
    driver = Path(playwright_package.__file__).parent / "driver" / "package" / "lib" / "coreBundle.js"
    text = driver.read_text("utf-8") if driver.is_file() else ""
    found = re.search(r"\bdisabledFeatures = \[(.*?)\]\.filter\(", text, re.DOTALL)
    return re.findall(r'^\s*"(\w+)",?$', found[1], re.MULTILINE) if found else []


def install(command: list[str]) -> None:
    """Run a command that installs something; whether it helped is seen by looking for what it should bring."""
    print("+", " ".join(command), flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(command, env=environment, check=False, timeout=900)
    except subprocess.TimeoutExpired:
        print("It took too long and was ended.", flush=True)
