"""The pytest plugin: fixtures for tests of cards and of routes (docs/testing.md). `--in-browser` shows cards in Chromium.

    pytest_plugins = ["ops.testing.plugin"]      # in the conftest.py; tests/conftest.py of this project has it

A test that fails says after its traceback what each page that it has shown looked like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.settings import ROOT, Settings, load_settings
from ops.site.sample import sample_answers
from ops.testing.actions import load_actions
from ops.testing.api import AskApi, api_of
from ops.testing.page import SampleDesk, ShownPage, load_cards, show_cards

_SHOWN = pytest.StashKey[list[ShownPage]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--in-browser`."""
    parser.addoption(
        "--in-browser", action="store_true", help="show cards in Chromium, on MicroPython, instead of CPython"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Put the pages that a failed test has shown into its report, as text."""
    report: Any = yield
    if report.failed:
        for page in item.stash.get(_SHOWN, []):
            report.sections.append(("The page as text", str(page)))
    return report  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def cards_project() -> Path:
    """Return the folder of the project whose cards are shown."""
    return ROOT


@pytest.fixture  # not once for all: a folder of tests may have another `cards_project`
def cards_settings(cards_project: Path) -> Settings:
    """Return that project's settings."""
    return load_settings(cards_project / "pyproject.toml")


@pytest.fixture
def sample_desk(cards_project: Path, cards_settings: Settings) -> Callable[..., SampleDesk]:
    """Return a function that makes a desk with a call on it.

    sample_desk(customer="C-1001", attributes={"tier": "gold"}, answers={"agent.name": "Kim"}, refused=["User.Status.View"])

    `answers` are those to other questions than the sample's (popdesk/questions.py has them all); an exception stands for no
    answer: `Unanswered("timeout")`.
    Those of the team's API are "api customers/C-1001/orders" and "api POST tickets".

    `refused` are permissions that the workspace does not grant.
    """

    def make(
        customer: str = "",
        attributes: dict[str, str] | None = None,
        answers: dict[str, Any] | None = None,
        refused: tuple[str, ...] | list[str] = (),
    ) -> SampleDesk:
        found = sample_answers(cards_settings, customer, attributes, cards_project)
        unknown = {name for name in set(answers or {}) - set(found) if not name.startswith("api ")}
        if unknown:
            raise ValueError(f"no card can ask {sorted(unknown)[0]!r}; there are: {', '.join(found)}")
        return SampleDesk(cards_settings, {**found, **(answers or {})}, frozenset(refused))

    return make


@pytest.fixture(name="show_cards")
def _show_cards(request: pytest.FixtureRequest, cards_project: Path) -> Callable[[SampleDesk], ShownPage]:
    """Return a function that shows the project's cards on a desk, and returns the page (ops/testing/page.py)."""
    browser = request.getfixturevalue("browser") if request.config.getoption("--in-browser") else None

    def show(sample: SampleDesk) -> ShownPage:
        if browser is not None:
            from ops.testing.browser import show_in_browser

            page = show_in_browser(browser, sample, cards_project)
        else:
            page = show_cards(sample, load_cards(cards_project))
        page = replace(page, actions=tuple(load_actions(cards_project)), sample=sample)
        request.node.stash.setdefault(_SHOWN, []).append(page)
        return page

    return show


@pytest.fixture
def ask_api(cards_settings: Settings, tmp_path: Path) -> AskApi:
    """Return a function that asks the API, with the team's own routes, without a server (ops/testing/api.py).

    ask_api("GET", "customers/C-1001/orders?most=3").json, ask_api("POST", "customers/C-1001/refunds", {"order": "4711"}).status

    The contact is contact-1 of customer C-1001, the agent agent-1.
    """
    return api_of(cards_settings, tmp_path)
