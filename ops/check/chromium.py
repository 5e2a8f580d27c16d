"""Finds the Chromium that Playwright drives: Playwright's own, or one that the system has.

    with started_playwright() as playwright:
        with launched(playwright, find_chromium(playwright)) as browser: ...

One that does not start counts for none: Playwright's own may have been downloaded without the system's libraries it needs.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from ops.errors import UserError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

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
        "none was found that starts, neither Playwright's nor the system's",
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


@contextmanager
def started_playwright() -> Iterator[Playwright]:
    """Start Playwright, and end it after the block. Raises UserError where it is not installed.

    Raises KeyboardInterrupt also where an interrupt made something else of the block fail.
    """
    try:
        import axe_playwright_python  # noqa: F401
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise UserError(
            "Playwright",
            f"{error.name} is not installed",
            "install the development packages: `uv sync`",
        ) from None
    started = sync_playwright()
    # Playwright's own process writes where sys.stderr leads as it starts: its last words after Ctrl-C are a stack of its own.
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        playwright = started.__enter__()
    try:
        yield playwright
    except Exception as error:
        if comes_of_an_interrupt(error):
            raise KeyboardInterrupt from None
        raise
    finally:
        started.__exit__()


def comes_of_an_interrupt(error: BaseException | None) -> bool:
    """Return whether it is an interrupt, or was raised because of one."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


@contextmanager
def launched(
    playwright: Playwright, chromium: str | None, headed: bool = False, flags: Sequence[str] = ()
) -> Iterator[Browser]:
    """Start the browser, and close it after the block.

    Raises UserError where it does not start: `headed` on a machine without a display, say. What the block raises goes on,
    whatever the closing comes to: an interrupt in the middle of one of Playwright's messages breaks its connection (KeyError),
    and the browser ends with Playwright.
    """
    browser = _launch(playwright, chromium, headed, flags)
    try:
        yield browser
    except BaseException as error:
        if comes_of_an_interrupt(error):
            # What waits for the browser fails as that closes, and of each asyncio would say that nobody asked why.
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        with suppress(Exception):
            browser.close()
        raise
    browser.close()


def _launch(playwright: Playwright, chromium: str | None, headed: bool, flags: Sequence[str]) -> Browser:
    from playwright.sync_api import Error

    try:
        return playwright.chromium.launch(
            executable_path=chromium,
            args=[*FLAGS, *flags],
            headless=not headed,
            # A terminal's Ctrl-C goes to Playwright's process too: this one closes the browser, and only once.
            handle_sigint=False,
            handle_sigterm=False,
        )
    except Error as error:
        if path_is_too_long():
            raise UserError(
                chromium or "Chromium",
                f"it does not start: the path of the folder for temporary files is too long for its socket ({gettempdir()})",
                "name a shorter one: TMPDIR=/tmp",
            ) from None
        display = headed and ("X server" in error.message or "XServer" in error.message)
        raise UserError(
            chromium or "Chromium",
            "there is no display to show it on" if display else f"it does not start: {error.message.splitlines()[0]}",
            "leave --headed out, or run it under `xvfb-run`" if display else "start it by hand, which says more",
        ) from None
