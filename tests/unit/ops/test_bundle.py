"""The page's runtime: bundled where the npm packages are as we know them, as published where a version of them is not."""

from __future__ import annotations

import html
import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy import cli
from ops.preview.server import Preview
from ops.settings import ROOT, load_settings
from ops.site import build, npm
from ops.site.build import Built, Page, app_page, build_page, make_page
from ops.site.bundle import MICROPYTHON, PACKAGE, PYSCRIPT
from ops.site.cache import Cache
from tests.altered_packages import ALTERED, altered, edit, moved_module
from tests.unit.ops.pages import small_page

pytestmark = pytest.mark.slow


def _with_cards(folder: Path, appended: str) -> Page:
    python = folder / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    with (python / "cards.py").open("a", encoding="utf-8") as cards:
        cards.write(appended)
    return app_page(load_settings(), python)


def _config(built: Built) -> dict[str, object]:
    page = (built.folder / "index.html").read_text("utf-8")
    found = re.search(r"<script type=\"mpy\" config='([^']*)'>", page)
    assert found
    config: dict[str, object] = json.loads(html.unescape(found[1]))
    return config


def test_the_packages_of_the_lock_file_are_bundled(tmp_path: Path) -> None:
    built = build_page(app_page(load_settings()), tmp_path / "dist")
    assert built.notes == ()
    config = _config(built)
    assert sorted(config) == ["interpreter", "romfs", "wasm"]
    assert {str(path).removeprefix("./") for path in config.values()} <= set(built.files)


@pytest.mark.parametrize("published", [False, True], ids=["bundled", "published"])
def test_where_the_temporary_files_lie_is_not_seen_in_the_page(
    published: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """esbuild writes modules' paths into the script: two builds of one source were two releases."""
    if published:
        moved_module(altered(tmp_path, monkeypatch))
    monkeypatch.setattr(npm, "terser", lambda script, *_: script)  # it is handed a text and sees no path
    made = []
    for temporary in (tmp_path / "a", tmp_path / "deep" / "down"):
        temporary.mkdir(parents=True)
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        monkeypatch.setattr(build, "_CACHE", Cache(temporary / "cache"))
        made.append(make_page(small_page()).contents)
    assert made[0] == made[1]


@pytest.mark.parametrize("alter", ALTERED.values(), ids=list(ALTERED))
def test_a_package_that_is_otherwise_is_served_as_published_and_that_is_said(
    alter: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alter(altered(tmp_path, monkeypatch))
    built = build_page(app_page(load_settings()), tmp_path / "dist")
    (note,) = built.notes
    assert f"{PYSCRIPT} 0." in note
    assert f"{MICROPYTHON} 1." in note
    assert "slower" in note
    assert "web/package.json" in note
    config = _config(built)
    sources = config["files"]
    assert isinstance(sources, dict)
    assert {"/rom/main.py", "/rom/cards.py", "/rom/settings.json"} <= set(sources.values())
    for address in (str(config["interpreter"]), *sources):
        assert address.removeprefix("./") in built.files
    # The next build takes what this one kept, and says it again.
    again = build_page(app_page(load_settings()), tmp_path / "dist")
    assert (again.notes, again.files) == (built.notes, built.files)


def test_what_a_build_has_to_say_is_said_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved_module(altered(tmp_path, monkeypatch))
    done = CliRunner().invoke(cli, ["build", "--out", str(tmp_path / "dist")])
    assert done.exit_code == 0
    assert "starts slower: there is no polyscript/esm/python/mip.js" in done.stderr
    told: list[str] = []
    with Preview(load_settings, tell=told.append):
        pass
    assert sorted(line.partition(":")[0] for line in told if "starts slower" in line) == ["app", "workspace"]


def test_the_pyscript_package_is_in_a_page_that_imports_it_and_in_no_other(tmp_path: Path) -> None:
    plain = build_page(_with_cards(tmp_path / "plain", "\n"), tmp_path / "plain" / "dist")
    using = build_page(_with_cards(tmp_path / "using", "\nfrom pyscript import when\n"), tmp_path / "using" / "dist")
    as_shipped = build_page(app_page(load_settings()), tmp_path / "shipped")
    assert [path for path in plain.files if "start-" in path] == [path for path in as_shipped.files if "start-" in path]
    assert b"pyscript" not in _image(plain)
    assert b"pyscript" in _image(using)
    assert using.notes == ()


def _image(built: Built) -> bytes:
    (path,) = [path for path in built.files if path.endswith(".pack")]
    return (built.folder / path).read_bytes()


def test_a_design_token_that_a_version_has_no_more_is_said_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = (
        altered(tmp_path, monkeypatch, same_script=True) / "@cloudscape-design/design-tokens/index-visual-refresh.json"
    )
    edit(tokens, '"color-text-body-default"', '"color-text-body-renamed"')
    built = build_page(app_page(load_settings()), tmp_path / "dist")
    (note,) = built.notes
    assert "--awsui-color-text-body-default" in note
    assert "web/package.json" in note
    tokens.unlink()
    (note,) = build_page(app_page(load_settings()), tmp_path / "dist").notes
    assert "index-visual-refresh.json" in note


def test_a_pyscript_package_that_cannot_be_compiled_is_installed_by_pyscript_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = altered(tmp_path, monkeypatch, same_script=True)
    (modules / PACKAGE / "web.py").write_text("match 1:\n    case 1:\n        pass\n", "utf-8")
    assert build_page(app_page(load_settings()), tmp_path / "shipped").notes == ()
    built = build_page(_with_cards(tmp_path / "using", "\nimport pyscript.web\n"), tmp_path / "dist")
    (note,) = built.notes
    assert "stdlib/pyscript" in note
    assert "files" in _config(built)
