"""500 hostile attribute values: none opens anything off the allow-list, none runs anything, none breaks the page."""

from __future__ import annotations

import itertools
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.app_stage import AppStates
from tests.conftest import Workspace

# Spellings of a place that must not be opened; EVIL and GOOD are put in.
_SHAPES = [
    "https://{evil}/",
    "http://{good}/",
    "//{evil}/",
    "///{evil}",
    "\\\\{evil}\\x",
    "https:{evil}",
    "https:\\\\{evil}\\@{good}/",
    "https://{good}@{evil}/",
    "https://{good}:secret@{evil}/",
    "https://user@{good}/",
    "https://:@{evil}/{good}",
    "https://{good}.{evil}/",
    "https://{evil}/https://{good}/",
    "https://{evil}#@{good}",
    "https://{evil}?{good}",
    "https://{good}%2e{evil}/",
    "https://{good}%00.{evil}/",
    "https://{good}\u3002{evil}/",
    "https://{good}\uff0f@{evil}/",
    "https://{good}\u2024{evil}",
    "https://x{good}/",
    "https://{good}x/",
    "https://{good}./",
    "https://{good}..",
    "https://xn--{good}/",
    "https://[::1]/",
    "https://0x7f000001/",
    "https://127.1/",
    "https://localhost/",
    "https://{evil}:443/",
    "ftp://{good}/",
    "ws://{good}/",
    "file:///{good}/",
    "blob:https://{good}/x",
    "filesystem:https://{good}/x",
    "view-source:https://{good}/",
    "about:blank#{good}",
    "data:text/html,<script>top.name='run'</script>{good}",
    "data:text/html;base64,PHNjcmlwdD50b3AubmFtZT0ncnVuJzwvc2NyaXB0Pg==",
    "javascript:alert('{good}')",
    "JaVaScRiPt:window.ran=1//{good}",
    "java\nscript:window.ran=1",
    "\tjavascript:window.ran=1",
    "\x01javascript:window.ran=1",
    "javascript\t:window.ran=1",
    "javascript&colon;window.ran=1",
    "&#106;avascript:window.ran=1",
    "%6aavascript:window.ran=1",
    "vbscript:msgbox(1)",
    "mailto:x@{good}",
    "tel:+12025550123",
    "chrome://settings/",
    "intent://{good}#Intent;end",
    "<a href=https://{good}>x</a>",
    "<img src=x onerror=window.ran=1>",
    '"><script>window.ran=1</script>',
    "'-window.ran=1-'",
    "{{{{constructor.constructor('window.ran=1')()}}}}",
    "${{window.ran=1}}",
    "__proto__",
    "constructor",
    "null",
    "undefined",
    "\u202ehttps://{evil}/",
    "https://{evil}/\u202e/moc.elpmaxe.mrc",
    "\u2066https://{evil}\u2069",
    "\ufeffhttps://{evil}/",
    "\u0000",
    "\ud7ff\ue000\uffff",
    "\U0001f4a9" * 40,
    "https://{evil}/" + "a" * 32_000,
    "x" * 32_000,
    "https://" + "a." * 4000 + "{evil}",
    " ",
    "\r\n\r\n",
    "https://{good} .{evil}/",
    "https://{good}\t@{evil}",
    "https://{good}\n.{evil}",
    "https:/{evil}",
    "https:///{evil}",
    "https://////{evil}",
    "https://{good}\\.{evil}",
    "https://{good}:x/",
    "https://{good}:99999/",
    "https://-{good}",
    "HTTPS://{evil}",
]
_HOSTS = [
    ("crm.example.com", "evil.example"),
    ("crm.example.com", "crm.example.com.evil.example"),
    ("crm.example.com", "crm-example.com"),
    ("crm.example.com", "crm.examp1e.com"),
    ("crm.example.com", "\u0441rm.example.com"),
    ("CRM.EXAMPLE.COM", "evil.example"),
]
VALUES = [shape.format(good=good, evil=evil) for (good, evil), shape in itertools.product(_HOSTS, _SHAPES)][:500]
# Each shape once, with one host after the other.
EACH_SHAPE = [
    shape.format(good=good, evil=evil) for shape, (good, evil) in zip(_SHAPES, itertools.cycle(_HOSTS), strict=False)
]


def test_there_are_five_hundred() -> None:
    assert len(VALUES) == 500


# Clicks Refresh, waits until an attribute has the value `marked`, and says what the page shows then.
_REFRESH = """marked => new Promise(done => {
  const list = document.querySelector("#attributes-list");
  const shown = name => { const found = document.querySelector(name); return found !== null && found.checkVisibility(); };
  const look = () => {
    if (![...list.querySelectorAll("*")].some(each => !each.children.length && each.textContent === marked)) return;
    observer.disconnect();
    const link = shown("#pop") ? document.querySelector("#pop").getAttribute("href") : null;
    done({ link, refused: shown("#refused"), attributes: list.childElementCount });
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  document.querySelector("[data-do=refresh]").click();
})"""


@pytest.mark.parametrize(
    "values", [EACH_SHAPE, pytest.param(VALUES, marks=pytest.mark.thorough)], ids=["each shape", "five hundred"]
)
def test_no_hostile_value_opens_runs_or_breaks_anything(workspace: Workspace, values: list[str]) -> None:
    """Each value stands in every attribute the app reads; the link, if any, leads to an allowed host all the same."""
    states = AppStates(workspace)
    app = states.offer("C-1001")
    app.locator("#attributes > summary").click()
    roles = workspace.preview.command("help") and [
        "contactUrlPath",
        "Name",
        "ContactPhoneNumberOrEmail",
        "contactUrlWidth",
        "contactUrlLeft",
        "Note",
    ]
    contact = states.contact
    assert contact is not None
    for number, value in enumerate(values):
        marked = f"value {number}"
        contact.set_attributes(**dict.fromkeys(roles, value), contactMatches="1", Marker=marked)
        page = app.evaluate(_REFRESH, marked)
        if page["link"] is not None and not value.strip():
            # Where the look-up gave nothing, the page searches the CRM, here the sample one, for the contact's own number.
            assert page["link"].startswith(f"{workspace.preview.workspace_url}crm/search?q=")
        elif page["link"] is not None:
            url = urlsplit(page["link"])
            assert (url.scheme, url.hostname, url.username) == ("https", "crm.example.com", None), repr(value)
        else:
            assert page["refused"] or not value.strip(), repr(value)
        assert page["attributes"] >= len(roles), repr(value)
    assert app.evaluate("[window.ran, document.scripts.length, document.images.length]") == [
        None,
        app.evaluate("document.scripts.length"),
        0,
    ]
    assert len(workspace.page.context.pages) == 1
    contact.set_attributes(Name="Ana", contactUrlPath=workspace.preview.workspace_url + "crm/customers/C-1001")
    app.locator("[data-do=refresh]").click()
    expect(app.get_by_role("heading", name="Ana")).to_be_visible()
    expect(app.locator("#errors")).to_be_empty()
