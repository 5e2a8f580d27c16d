"""Finds the Chromium that Playwright drives: Playwright's own, or one that the system has.

    with sync_playwright() as playwright:
        playwright.chromium.launch(executable_path=find_chromium(playwright), args=FLAGS)

One that does not start counts for none: Playwright's own may have been downloaded without the system's libraries it needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from ops.errors import UserError

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

_SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What keeps it quiet and working in a container: nothing is looked up or fetched but what is asked for.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_LONGEST_SOCKET = 107  # bytes of its path (unix(7), sun_path)


def installed_chromium(playwright: Playwright) -> str:
    """Return the path of a Chromium that starts, "" where there is none."""
    own = playwright.chromium.executable_path
    if Path(own).is_file() and starts(own):
        return own
    return next((path for name in _SYSTEM if (path := shutil.which(name)) and starts(path)), "")


def find_chromium(playwright: Playwright) -> str:
    """Return the path of a Chromium that starts. Raises UserError that says what to install."""
    if found := installed_chromium(playwright):
        return found
    raise UserError(
        "Chromium",
        "none was found that starts, neither Playwright's own nor one of the system",
        "run `uv run playwright install chromium`, or install your system's package (Debian: `apt-get install chromium`)",
    )


def path_is_too_long() -> bool:
    """Return whether Chromium's socket has no place in the folder for temporary files, so that it does not start.

    It is TMPDIR/org.chromium.Chromium.XXXXXX/SingletonSocket (chrome/browser/process_singleton_posix.cc).
    """
    return (
        os.name == "posix"
        and len(f"{gettempdir()}/org.chromium.Chromium.XXXXXX/SingletonSocket".encode()) > _LONGEST_SOCKET
    )


def starts(path: str) -> bool:
    """Return whether the program at `path` runs at all, and tells its version."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
