"""What the tests of a team's own files share: its cards, its settings and what is built of them, from this checkout."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from popdesk import declaration

from ops.settings import load_settings
from tests.fixture_project import CHECKOUT
from tests.project import environment


@pytest.fixture(scope="session")
def team_settings() -> Any:
    """Return this checkout's settings."""
    return load_settings(CHECKOUT / "pyproject.toml")


@pytest.fixture(scope="session")
def cards_project() -> Path:
    """Return the project whose cards `show_cards` shows: this checkout."""
    return CHECKOUT


@pytest.fixture
def team_cards(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the cards that this checkout's pyapp/cards.py declares."""
    cards: list[Any] = []
    monkeypatch.setattr(declaration, "CARDS", cards)
    monkeypatch.syspath_prepend(CHECKOUT / "pyapp")
    spec = importlib.util.spec_from_file_location("team_cards", CHECKOUT / "pyapp" / "cards.py")
    assert spec
    assert spec.loader
    before = set(sys.modules)
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except ModuleNotFoundError as error:
        if error.name in ("js", "jsffi", "pyscript"):
            pytest.skip(f"cards.py imports {error.name}: it runs in a browser only")
        raise
    finally:
        for name in set(sys.modules) - before:  # another test may import other cards
            del sys.modules[name]
    return cards


@pytest.fixture(scope="session")
def team_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build this checkout as `deploy.py build` does, and return the folder of the page; the zip is where it says."""
    out = tmp_path_factory.mktemp("team") / "dist"
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "deploy.py"), "build", "--out", str(out)],
        cwd=CHECKOUT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out
