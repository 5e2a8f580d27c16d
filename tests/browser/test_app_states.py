"""Every state of the app in the browser: under production's headers and the default sandbox, in both themes, with axe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext

from ops.preview.server import Preview
from tests.browser.app_stage import DEFAULT_SANDBOX, AppStates, overflows, previewed, set_width, violations
from tests.conftest import Workspace


@pytest.fixture(scope="module")
def impatient() -> Iterator[Preview]:
    with previewed(request_timeout_ms=700, connection_timeout_ms=3000, iframe={"sandbox": DEFAULT_SANDBOX}) as preview:
        yield preview


@pytest.fixture
def states(impatient: Preview, context: BrowserContext) -> AppStates:
    workspace = Workspace(impatient, context.new_page())
    workspace.open()
    return AppStates(workspace)


@pytest.mark.parametrize("state", AppStates.ALL)
def test_axe_finds_nothing_in_either_theme_and_300_pixels_are_wide_enough(states: AppStates, state: str) -> None:
    app = getattr(states, state)()
    for theme in ("light", "dark"):
        if state == "outside":  # nobody is there to tell the theme: the system's holds
            states.workspace.page.emulate_media(color_scheme=theme)
        else:
            states.desk.command("theme", mode=theme)
            app.locator(f":root[data-mode={theme}]").wait_for()
        assert violations(app) == [], theme
    set_width(states, app, 300)
    assert not overflows(app)
    if state != "error":
        assert states.workspace.errors == []


def test_at_300_pixels_what_a_fold_says_has_more_room_than_its_name(states: AppStates) -> None:
    app = states.folds_open()
    set_width(states, app, 300)
    widths = app.locator(".facts > div").evaluate_all(
        "rows => rows.map(row => [...row.children].map(each => each.getBoundingClientRect().width))"
    )
    assert widths
    assert all(name < value for name, value in widths), widths
