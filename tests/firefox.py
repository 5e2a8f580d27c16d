"""Finds a Firefox for the browser tests, installing one where there is none.

    with sync_playwright() as playwright:
        playwright.firefox.launch(**launch_arguments())

Amazon Connect supports the Firefox that people have, so that one is tested and not Playwright's own: Playwright drives it over
WebDriver BiDi (w3c.github.io/webdriver-bidi). It is looked for on the PATH, then installed on Debian as root with `apt-get
install firefox-esr`. `find_firefox` raises NoFirefox, which says what to do, where neither helps.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from ops.check.chromium import starts
from tests.chromium import install

_SYSTEM = ("firefox-esr", "firefox")
PREFERENCES: dict[str, str | int | float | bool] = {
    # Playwright cannot click into a frame of another site that runs in a process of its own, as the app's does.
    "fission.webContentIsolationStrategy": 0,
}
# Playwright switches Firefox's pop-up blocker off; this switches it on again, as people have it.
BLOCKS_POPUPS = {"dom.disable_open_during_load": True}


class NoFirefox(RuntimeError):
    """There is no Firefox and none could be installed; the message says what to do."""


_found: list[str] = []  # the path, looked for and installed once in a process; "" where none can be had


def find_firefox() -> str:
    """Return the path of a Firefox that starts. Raises NoFirefox when none can be had."""
    if not _found:
        _found.append(_find_or_install())
    if not _found[0]:
        raise NoFirefox(
            "The tests in Firefox need one, and none could be found or installed. Install it with your system's packages "
            "(Debian: apt-get install firefox-esr), then run the tests again."
        )
    return _found[0]


def _find_or_install() -> str:
    found = _systems()
    if not found and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        install(["apt-get", "update"])
        install(["apt-get", "install", "-y", "firefox-esr"])
        found = _systems()
    return found


def launch_arguments() -> dict[str, Any]:
    """Return the arguments for Playwright's `firefox.launch`: channel, path and preferences. Raises NoFirefox."""
    return {"channel": "moz-firefox", "executable_path": find_firefox(), "firefox_user_prefs": dict(PREFERENCES)}


def launch_arguments_or_skip() -> dict[str, Any]:
    """Return `launch_arguments()`; skip the test where there is no Firefox, except in CI, which must have one."""
    try:
        return launch_arguments()
    except NoFirefox as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))


def _systems() -> str:
    return next((path for name in _SYSTEM if (path := shutil.which(name)) and starts(path)), "")
