"""A team's own styles, web/theme.css: after ours, and in both of the workspace's themes. The sheet is docs/theme.md's."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page as BrowserPage

from ops.settings import ROOT, load_settings
from ops.site.build import app_page, make_page

pytestmark = pytest.mark.browser
_COLOUR = "() => getComputedStyle(document.querySelector('a')).color"


def _sheet(theme: Path) -> str:
    site = make_page(replace(app_page(load_settings()), theme=theme))
    (sheet,) = [
        content for path, content in site.contents.items() if path.startswith("assets/app-") and path.endswith(".css")
    ]
    return sheet.decode()


def _documented() -> list[str]:
    return re.findall(r"```css\n(.*?)```", (ROOT / "docs" / "theme.md").read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def themed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the style sheet of a page with the theme that docs/theme.md shows."""
    example, _ = _documented()
    theme = tmp_path_factory.mktemp("theme") / "theme.css"
    theme.write_text(example, "utf-8")
    return _sheet(theme)


@pytest.mark.parametrize(("mode", "colour"), [("light", "rgb(0, 101, 90)"), ("dark", "rgb(127, 214, 200)")])
@pytest.mark.parametrize("told", [True, False])
def test_a_themes_token_goes_before_ours_in_both_themes(
    page: BrowserPage, themed: str, mode: str, colour: str, told: bool
) -> None:
    """The workspace tells its theme (data-mode), or the page has the system's."""
    page.emulate_media(color_scheme="dark" if (mode == "dark") != told else "light")
    attribute = f' data-mode="{mode}"' if told else ""
    page.set_content(
        f"<!doctype html><html{attribute}><style>{themed}</style><a href='/'>CRM</a><h1 id=customer-name>A</h1>"
    )
    assert page.evaluate(_COLOUR) == colour
    assert page.evaluate("() => getComputedStyle(document.querySelector('h1')).letterSpacing") != "normal"


def test_the_accent_colour_of_the_documentation_leaves_none_of_ours(page: BrowserPage, tmp_path: Path) -> None:
    """Every token of ours that has the accent's hue is in it: each that the sheet uses is asked of the browser."""
    theme = tmp_path / "theme.css"
    theme.write_text(_documented()[1], "utf-8")
    sheet = _sheet(theme)
    page.set_content(f"<!doctype html><html data-mode=light><style>{sheet}</style>")
    left = page.evaluate(
        """names => names.filter(name => {
            const probe = document.createElement("i");
            probe.style.color = `var(${name})`;
            document.body.append(probe);
            return ["rgb(0, 108, 224)", "rgb(0, 43, 102)"].includes(getComputedStyle(probe).color);
        })""",
        sorted(set(re.findall(r"var\((--awsui-color[\w-]+)\)", (ROOT / "web" / "app.css").read_text("utf-8")))),
    )
    assert left == []


def test_a_theme_that_says_nothing_adds_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "theme.css"
    empty.write_text("/* nothing */\n", "utf-8")
    assert _sheet(empty) == _sheet(tmp_path / "missing.css")


def test_a_token_that_only_the_theme_uses_is_in_the_page_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    theme = tmp_path / "theme.css"
    theme.write_text("p{color:var(--awsui-color-charts-red-500);top:var(--awsui-no-such)}", "utf-8")
    site = make_page(replace(app_page(load_settings()), theme=theme))
    assert "--awsui-color-charts-red-500:#" in _sheet(theme)
    assert any("theme.css" in note and "--awsui-no-such" in note for note in site.notes)
