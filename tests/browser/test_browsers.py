"""The app in each browser that Amazon Connect supports: it starts, shows its cards, follows the contact and the theme.

The pop is in test_screen_pop.py, forms are in test_app_actions.py, the sign-in in test_sign_in.py: in each browser too.
"""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from ops.preview.server import Preview
from tests.browser.app_stage import AppStates, violations
from tests.conftest import IN_FIREFOX_NIGHTLY, Workspace


def test_a_call_from_its_ring_to_its_end(any_context: BrowserContext, preview: Preview) -> None:
    workspace = Workspace(preview, any_context.new_page())
    workspace.open()
    states = AppStates(workspace)
    app = states.connected()
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(app.locator("#cards dd").get_by_text("…", exact=True)).to_have_count(0)
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    expect(app.locator("#card-queue")).to_have_text("BasicQueue")
    assert states.contact is not None
    states.contact.end()
    expect(app.get_by_role("status").filter(has_text="After-contact work")).to_be_visible()
    states.contact.clear()
    expect(workspace.page.locator("iframe")).to_have_count(0)
    assert workspace.errors == []


_GROUND = "() => getComputedStyle(document.body).backgroundColor"


@IN_FIREFOX_NIGHTLY
def test_both_themes_of_the_workspace(any_context: BrowserContext, preview: Preview) -> None:
    workspace = Workspace(preview, any_context.new_page())
    workspace.open()
    states = AppStates(workspace)
    app = states.connected()
    grounds = {}
    for theme in ("light", "dark"):
        states.desk.command("theme", mode=theme)
        app.locator(f":root[data-mode={theme}]").wait_for()
        assert violations(app) == [], theme
        grounds[theme] = [each.evaluate(_GROUND) for each in (app, workspace.page.main_frame)]
    assert all(light != dark for light, dark in zip(*grounds.values(), strict=True))
    assert workspace.errors == []
