"""A team adopts the repository: it changes what README says is its own, and the tests stay green.

In a copy of the checkout, settings, cards, customers and the adapter are other ones; the quick tests and the tests of a team's
own files run there as a person runs them. A test that knows a fact of the team's files fails there, which is tried too.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.site import npm
from ops.site.build import CACHE
from tests.fixture_project import CHECKOUT, with_settings
from tests.project import environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # a suite within the suite

# What the team writes instead of what the tests' own settings say.
_CHANGED = {
    'name = "Popdesk"': 'name = "Acme desk"',
    'namespace = "popdesk"': 'namespace = "acme"',
    "request_timeout_ms = 5000": "request_timeout_ms = 2500",
    "connection_timeout_ms = 5000": "connection_timeout_ms = 9000",
    'automatic = "off"': 'automatic = "connected"',
    "crm.example.com": "desk.acme.example",
    'adapter = "sample"': 'adapter = "dynamodb"',
    "budget_ms = 3000": "budget_ms = 2000",
    'default_region = "US"': 'default_region = "GB"',
    "timeout_ms = 1500": "timeout_ms = 900",
    'url = "contactUrlPath"': 'url = "acmePage"',
    'name = "Name"': 'name = "customerName"',
    'region = "us-east-1"': 'region = "eu-west-2"',
    'queue = "BasicQueue"': 'queue = "Front desk"',
    "[tool.popdesk.environments.prod]": '[tool.popdesk.environments.prod]\nname = "Acme"\n\n[tool.popdesk.environments.trial]',
}
_CARDS = '''"""Two cards of Acme's."""

from acme_values import shout
from popdesk import Text, card


@card("Loyalty tier")
async def tier(desk):
    attributes = await desk.contact.attributes()
    return Text(shout(attributes.get("tier") or "none"), tone="info")


@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()
'''
_MORE = '''"""What Acme's cards share."""


def shout(text):
    """Return the text in capitals."""
    return text.upper()
'''
_HARD_CODED = '''"""A test that knows what a team may change."""

import tomllib

from tests.fixture_project import CHECKOUT


def test_it_is_called_popdesk() -> None:
    assert tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["tool"]["popdesk"]["name"] == "Popdesk"
'''


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout that a team has made its own."""
    npm.install_packages()
    copy = tmp_path_factory.mktemp("adopted") / "acme"
    left_out = shutil.ignore_patterns(".*", "build", "dist", "node_modules", "__pycache__")
    shutil.copytree(CHECKOUT, copy, ignore=left_out)
    (copy / "web" / "node_modules").symlink_to(npm.MODULES.resolve())
    (copy / "build").mkdir()
    CACHE.mkdir(parents=True, exist_ok=True)
    (copy / "build" / "cache").symlink_to(CACHE.resolve())
    settings = (CHECKOUT / "tests" / "fixtures" / "project" / "pyproject.toml").read_text("utf-8")
    for old, new in _CHANGED.items():
        assert old in settings, f"the tests' settings no longer have {old}"
        settings = settings.replace(old, new)
    pyproject = copy / "pyproject.toml"
    pyproject.write_text(with_settings(pyproject.read_text("utf-8"), settings), "utf-8")
    (copy / "pyapp" / "cards.py").write_text(_CARDS, "utf-8")
    (copy / "pyapp" / "acme_values.py").write_text(_MORE, "utf-8")
    sample = '[{"id": "A-1", "name": "Zoe Acme", "phone": "+442079460018", "email": "zoe@acme.example"}]\n'
    (copy / "lambda" / "lookup" / "adapters" / "sample.json").write_text(sample, "utf-8")
    shutil.copyfile(
        copy / "lambda" / "lookup" / "adapters" / "dynamodb.py", copy / "lambda" / "lookup" / "adapters" / "acme.py"
    )
    (copy / "tests" / "unit" / "test_hard_coded.py").write_text(_HARD_CODED, "utf-8")
    return copy


def _pytest(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_quick_tests_pass_whatever_a_team_has_changed(adopted: Path) -> None:
    done = _pytest(adopted, "-m", "quick", "--hypothesis-profile=few", "--deselect=tests/unit/test_hard_coded.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_a_teams_own_files_pass_for_other_cards_and_settings(adopted: Path) -> None:
    done = _pytest(adopted, "tests/team")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_a_test_that_knows_a_teams_settings_would_be_found(adopted: Path) -> None:
    done = _pytest(adopted, "-m", "quick", "tests/unit/test_hard_coded.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert "Acme desk" in done.stdout
