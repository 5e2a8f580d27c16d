"""What all tests share: the browsers to launch, and a running preview with the desk in it.

`page`, `context` and `workspace` are Chromium's. What must hold in Firefox too asks for `any_browser`, and what depends on the
pop-up blocker, which Playwright switches off, launches its own with `launch`:

    def test_it(any_browser: Browser): ...                           # twice: in Chromium and in Firefox
    def test_it(launch): browser = launch("firefox", blocks_popups=True)

A `context` is one that other tests had before, where they left nothing in it: another one for each test would take a third of
its time. `fresh_context` is always new.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tests.fixture_project  # noqa: F401  # isort: skip  (first: it decides which project `ops` is of)

import hypothesis
import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Playwright, expect, sync_playwright

from ops.preview.scenario import Desk
from ops.preview.server import Preview
from ops.settings import load_settings
from tests import firefox
from tests.adapters.stage import stage_of, stages
from tests.cases import stage as cases_stage
from tests.chromium import chromium, launch_arguments
from tests.kept_contexts import KeptContexts

pytest_plugins = ["ops.testing.plugin", "pytester"]

# Without a screen Chromium takes it for 800 by 600 pixels, and a CRM's window for no larger.
SCREEN = ["--screen-info={1920x1080}"]
# What Amazon Connect supports beside Edge, which is a Chromium.
BROWSERS = ("chromium", "firefox")

# No test needs a quiet machine: what is waited for comes in a moment, and where it does not the wait ends all the same.
expect.set_options(timeout=30_000)
hypothesis.settings.register_profile(
    "popdesk", deadline=None, max_examples=50, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# `--hypothesis-profile many`: every night, as what is `thorough`.
hypothesis.settings.register_profile("many", hypothesis.settings.get_profile("popdesk"), max_examples=500)
hypothesis.settings.register_profile("few", hypothesis.settings.get_profile("popdesk"), max_examples=10)
hypothesis.settings.load_profile("popdesk")

_QUICK = (Path(__file__).parent / "unit", Path(__file__).parent / "team")
_quick_test = ""  # the one that runs


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --adapter NAME and --cases NAME, which run the contracts of adapters with that one (tests/adapters, tests/cases)."""
    what = "run the contract of adapters with this one, and nothing else; may be given again"
    parser.addoption("--adapter", metavar="NAME", action="append", default=[], help=what)
    parser.addoption(
        "--cases", metavar="NAME", action="append", default=[], help=what.replace("adapters", "adapters for cases")
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the contract alone where an adapter is named and no file is. Raises UsageError if it has no stage."""
    for named in config.option.adapter:
        stage_of(named)
    for named in config.option.cases:
        cases_stage.stage_of(named)
    contracts = {"adapters": config.option.adapter, "cases": config.option.cases}
    if any(contracts.values()) and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        config.args = [str(Path(__file__).parent / folder) for folder, named in contracts.items() if named]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of a contract with every adapter, or with the one of --adapter or --cases."""
    if "store" in metafunc.fixturenames and metafunc.module.__name__ == "tests.cases.test_contract":
        metafunc.parametrize("cases_adapter", metafunc.config.option.cases or cases_stage.stages())
    if "adapter" in metafunc.fixturenames and metafunc.module.__name__ == "tests.adapters.test_contract":
        metafunc.parametrize("adapter", metafunc.config.option.adapter or stages())


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what is in tests/unit and tests/team as `quick`, where it is not marked `slow` and needs no browser."""
    slow = item.get_closest_marker("slow") or _needs_a_browser(item)
    if any(map(item.path.is_relative_to, _QUICK)) and not slow:
        item.add_marker("quick")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Say which quick test runs, with its fixtures: it may not start a process."""
    global _quick_test
    _quick_test = item.nodeid if item.get_closest_marker("quick") else ""
    try:
        return (yield)
    finally:
        _quick_test = ""


def _no_process_in_a_quick_test(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and _quick_test:
        raise AssertionError(f"{_quick_test} starts {arguments[0]}: mark it with pytest.mark.slow")


sys.addaudithook(_no_process_in_a_quick_test)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs a browser last: from its first test on Playwright's event loop runs, and no asyncio.run beside it."""
    items.sort(key=_needs_a_browser)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Find the browsers before the first test begins: installing one may take longer than any test is given."""
    if session.config.option.collectonly:
        return
    if any(map(_needs_a_browser, session.items)):
        with sync_playwright() as playwright, suppress(RuntimeError):  # the tests that need it say what is missing
            chromium(playwright)
    if any("launch" in getattr(item, "fixturenames", ()) for item in session.items):
        with suppress(firefox.NoFirefox):
            firefox.find_firefox()


def _needs_a_browser(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return "playwright" in names or ("show_cards" in names and item.config.getoption("--in-browser"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], playwright: Playwright) -> dict[str, Any]:
    """Launch the Chromium that tests/chromium.py finds; `--headed` and the like stay what they are."""
    arguments = launch_arguments(playwright, lean=True)
    return {**browser_type_launch_args, **arguments, "args": [*arguments["args"], *SCREEN]}


class Launch(Protocol):
    """What `launch` is: it returns a running browser, the same one for the same arguments."""

    def __call__(self, name: str, *, blocks_popups: bool = False) -> Browser:
        """Return the browser `name` ("chromium" or "firefox"), with its pop-up blocker on or off."""


@pytest.fixture(scope="session")
def launch(playwright: Playwright, browser_type_launch_args: dict[str, Any]) -> Iterator[Launch]:
    """Return a function that launches a browser when it is first asked for.

    Where there is no Firefox, the tests that need it are skipped and say why; CI must have one.
    """
    with ExitStack() as stack:
        running: dict[tuple[str, bool], Browser] = {}

        def one(name: str, *, blocks_popups: bool = False) -> Browser:
            if (name, blocks_popups) not in running:
                made = _launch_firefox(blocks_popups) if name == "firefox" else _launch_chromium(blocks_popups)
                running[name, blocks_popups] = stack.enter_context(made)
            return running[name, blocks_popups]

        def _launch_chromium(blocks_popups: bool) -> Browser:
            without = ["--disable-popup-blocking"] if blocks_popups else []
            return playwright.chromium.launch(**browser_type_launch_args, ignore_default_args=without)

        def _launch_firefox(blocks_popups: bool) -> Browser:
            arguments = firefox.launch_arguments_or_skip()
            if blocks_popups:
                arguments["firefox_user_prefs"] |= firefox.BLOCKS_POPUPS
            return playwright.firefox.launch(**arguments)

        yield one


@pytest.fixture(params=BROWSERS)
def any_browser(request: pytest.FixtureRequest, launch: Launch, browser: Browser) -> Browser:
    """Chromium, then Firefox."""
    return browser if request.param == "chromium" else launch(request.param)


# For a test in any browser that says little more of Firefox than others do: there every night is often enough.
IN_FIREFOX_NIGHTLY = pytest.mark.parametrize(
    "any_browser", ["chromium", pytest.param("firefox", marks=pytest.mark.thorough)], indirect=True
)


@pytest.fixture
def any_context(any_browser: Browser, kept_contexts: KeptContexts) -> Iterator[BrowserContext]:
    """Return a context of `any_browser`."""
    with kept_contexts.lend(any_browser, {}) as made:
        yield made


@pytest.fixture(scope="session")
def preview() -> Iterator[Preview]:
    """Run the real preview, as `python deploy.py preview` does, on free ports."""
    with Preview(load_settings) as running:
        yield running


T = TypeVar("T")


class Workspace:
    """The local agent workspace in a browser page: `desk` commands it, `page` is what is seen."""

    def __init__(self, preview: Preview, page: Page) -> None:
        self.preview = preview
        self.page = page
        self.desk = Desk(preview.command, pace=0)
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, query: str = "") -> None:
        """Open the workspace; `query` is the address's part after the question mark."""
        # The page may be ready before the preview knows of it, which would then ask the page that was open before.
        with self.page.expect_response("**/api/events"):
            self.page.goto(self.preview.workspace_url + (f"?{query}" if query else ""))
        self.page.locator("html[data-ready=true]").wait_for()

    @property
    def app(self) -> FrameLocator:
        """The app's frame that is shown now."""
        return self.page.frame_locator("iframe:visible")

    def wait_until(self, look: Callable[[], T | None], what: str) -> T:
        """Return what `look` returns, once that is true. Raises AssertionError that names `what` after 30 s.

        For what no locator sees; Playwright's own events arrive meanwhile.
        """
        deadline = time.monotonic() + 30
        while not (seen := look()):
            assert time.monotonic() < deadline, f"waited 30 s for {what}"
            self.page.wait_for_timeout(50)
        return seen


@pytest.fixture(scope="session")
def kept_contexts() -> KeptContexts:
    """Return the browser contexts that tests hand on; the browser closes them."""
    return KeptContexts()


@pytest.fixture
def context(
    request: pytest.FixtureRequest, browser: Browser, browser_context_args: dict[str, Any], kept_contexts: KeptContexts
) -> Iterator[BrowserContext]:
    """Return a context of Chromium's without pages, cookies and storage; what was fetched and compiled for it is still there.

    With pytest-playwright's options that record a test it is that plug-in's own.
    """
    if any(request.config.getoption(name) != "off" for name in ("--tracing", "--video", "--screenshot")):
        yield request.getfixturevalue("new_context")()
        return
    with kept_contexts.lend(browser, browser_context_args) as made:
        yield made


@pytest.fixture
def workspace(preview: Preview, context: BrowserContext) -> Iterator[Workspace]:
    """Open the workspace in a browser context of its own; at the end no page error may have been raised."""
    made = Workspace(preview, context.new_page())
    made.open()
    yield made
    assert made.errors == []


@pytest.fixture
def fresh_context(browser: Browser) -> Iterator[BrowserContext]:
    """Return another browser context, with an empty cache."""
    made = browser.new_context()
    yield made
    made.close()
