"""A team adopts the repository: `new` makes its own, it changes its files, merges a new version, and the tests stay green.

The new version of upstream touches every folder, and pyproject.toml above the team's part; it is merged with the commands of
docs/upgrading.md. The quick tests and the tests of a team's own files then run there as a person runs them. A test that knows
a fact of the team's files fails there, which is tried too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from ops.pyproject import version
from ops.site import npm
from ops.site.build import CACHE
from ops.team_files import TEAM_FILES
from tests.fixture_project import CHECKOUT, with_settings
from tests.project import environment

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(1800)]  # a suite within the suite

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
_TEAM_TEST = '''"""What Acme's cards show."""

from typing import Any


def test_the_tier_comes_first(team_cards: list[Any]) -> None:
    assert [card.title for card in team_cards] == ["Loyalty tier", "Agent name"]
'''
_HARD_CODED = '''"""A test that knows what a team may change."""

import tomllib

from tests.fixture_project import CHECKOUT


def test_it_is_called_popdesk() -> None:
    assert tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["tool"]["popdesk"]["name"] == "Popdesk"
'''


# A dependency that the new version adds: one that is installed here.
_NEW = f"packaging=={metadata.version('packaging')}"
# What stands in a new version of each kind of file.
_TOUCHED = {
    ".py": "\n# Touched by 0.3.0.\n",
    ".pyi": "\n# Touched by 0.3.0.\n",
    ".md": "\nTouched by 0.3.0.\n",
    ".css": "\n/* Touched by 0.3.0. */\n",
    ".html": "\n<!-- Touched by 0.3.0. -->\n",
    ".toml": "\n# Touched by 0.3.0.\n",
    ".yml": "\n# Touched by 0.3.0.\n",
    ".yaml": "\n# Touched by 0.3.0.\n",
}
_LEFT_OUT = (".git", ".venv", "build", "dist", "node_modules", "__pycache__", ".*_cache", ".hypothesis", "uv.lock")


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def _git(folder: Path, *arguments: str) -> str:
    return _run(folder, "git", "-c", "user.name=Upstream", "-c", "user.email=upstream@localhost", *arguments)


def _commit(folder: Path, message: str, tag: str = "") -> None:
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", message)
    if tag:
        _git(folder, "tag", tag)


def _is_the_teams(path: str) -> bool:
    return any(path.startswith(own) if own.endswith("/") else path == own for own in TEAM_FILES) or path == "README.md"


def _write_new_version(upstream: Path) -> None:
    """Change every file of upstream's that can be, and of pyproject.toml what stands next to the team's part too."""
    for path in _git(upstream, "ls-files").splitlines():
        file = upstream / path
        if file.suffix in _TOUCHED and not _is_the_teams(path):
            file.write_text(file.read_text("utf-8") + _TOUCHED[file.suffix], "utf-8")
    for path in ("README.md", "pyapp/cards.py"):  # of a team that `new` made them for, its own stay
        (upstream / path).write_text((upstream / path).read_text("utf-8") + _TOUCHED[Path(path).suffix], "utf-8")
    pyproject = upstream / "pyproject.toml"
    text = pyproject.read_text("utf-8")
    own = text.index("\n# ------")
    for old, new in {
        f'version = "{version(pyproject)}"': 'version = "0.3.0"',
        "dependencies = [": f'dependencies = [\n    "{_NEW}",',
        "[tool.ruff.lint]": "[tool.coverage.run]\nbranch = true\n\n[tool.ruff.lint]",
    }.items():
        assert old in text[:own]
        text = text.replace(old, new, 1)
    own = text.index("\n# ------")
    pyproject.write_text(text[:own] + "# the last line above the team's part\n" + text[own:], "utf-8")


def _write_team_files(project: Path) -> None:
    settings = (CHECKOUT / "tests" / "fixtures" / "project" / "pyproject.toml").read_text("utf-8")
    for old, new in _CHANGED.items():
        assert old in settings, f"the tests' settings no longer have {old}"
        settings = settings.replace(old, new)
    pyproject = project / "pyproject.toml"
    pyproject.write_text(with_settings(pyproject.read_text("utf-8"), settings), "utf-8")
    adapters = project / "lambda" / "lookup" / "adapters"
    (project / "pyapp" / "cards.py").write_text(_CARDS, "utf-8")
    (project / "pyapp" / "acme_values.py").write_text(_MORE, "utf-8")
    words = '"""Our words."""\n\nWORDS = {"en": {"refresh": "Look again"}, "fr": {"refresh": "Actualiser"}}\n'
    (project / "pyapp" / "words" / "own.py").write_text(words, "utf-8")
    (project / "web" / "theme.css").write_text("h1 { letter-spacing: 1px; }\n", "utf-8")
    sample = '[{"id": "A-1", "name": "Zoe Acme", "phone": "+442079460018", "email": "zoe@acme.example"}]\n'
    (adapters / "sample.json").write_text(sample, "utf-8")
    shutil.copyfile(adapters / "dynamodb.py", adapters / "acme.py")
    (project / "tests" / "team" / "test_acme.py").write_text(_TEAM_TEST, "utf-8")


def _documented(heading: str) -> list[str]:
    """Return the command lines below a heading of docs/upgrading.md."""
    part = (CHECKOUT / "docs" / "upgrading.md").read_text("utf-8").split(f"## {heading}\n")[1]
    (block,) = re.findall(r"```\n(.*?)```", part.split("\n## ")[0], re.DOTALL)
    return str(block).splitlines()


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a team's repository: made by `new`, its files changed, and a new version of upstream merged."""
    npm.install_packages()
    upstream, team = tmp_path_factory.mktemp("upstream") / "popdesk", tmp_path_factory.mktemp("adopted") / "acme"
    shutil.copytree(CHECKOUT, upstream, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    _git(upstream, "init", "-q")
    _commit(upstream, "Popdesk", "popdesk-" + version())
    _run(upstream, sys.executable, "deploy.py", "new", str(team), "--name", "Acme desk", "--namespace", "acme")
    _run(team, "git", "config", "user.name", "Acme")
    _run(team, "git", "config", "user.email", "acme@localhost")
    (team / "web" / "node_modules").symlink_to(npm.MODULES.resolve())
    (team / "build").mkdir()
    CACHE.mkdir(parents=True, exist_ok=True)
    (team / "build" / "cache").symlink_to(CACHE.resolve())
    _write_team_files(team)
    with (team / ".gitignore").open("a", encoding="utf-8") as ignored:
        ignored.write("/web/node_modules\n")  # a link here, not a folder
    _commit(team, "Ours")
    _write_new_version(upstream)
    _commit(upstream, "Popdesk 0.3.0", "popdesk-0.3.0")
    for line in _documented("A new version"):
        if line.startswith("git "):
            _run(team, *line.replace("ADDRESS", str(upstream)).split())
    (team / "tests" / "unit" / "test_hard_coded.py").write_text(_HARD_CODED, "utf-8")
    return team


def _pytest(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_upgrade_brings_all_of_upstream_and_leaves_a_teams_files_alone(adopted: Path) -> None:
    assert _git(adopted, "status", "--porcelain", "--untracked-files=no") == ""
    assert _git(adopted, "describe", "--tags", "--abbrev=0") == "popdesk-0.3.0"
    own = set(_git(adopted, "diff", "--name-only", "popdesk-0.3.0").splitlines())
    assert {path for path in own if not _is_the_teams(path)} == {
        *(".gitattributes", ".gitignore", "pyapp/acme_values.py", "lambda/lookup/adapters/acme.py")
    }
    assert (adopted / "pyapp" / "cards.py").read_text("utf-8") == _CARDS
    assert (adopted / "README.md").read_text("utf-8").startswith("# Acme desk\n")
    document = tomllib.loads((adopted / "pyproject.toml").read_text("utf-8"))
    assert document["project"]["version"] == "0.3.0"
    assert _NEW in document["project"]["dependencies"]
    assert document["tool"]["coverage"] == {"run": {"branch": True}}
    assert document["tool"]["popdesk"]["name"] == "Acme desk"
    assert document["tool"]["popdesk"]["attributes"]["url"] == "acmePage"


def test_the_list_of_a_teams_files_is_the_documents() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (.+) \|$", (CHECKOUT / "docs" / "upgrading.md").read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == TEAM_FILES
    assert [path for path in TEAM_FILES if "NAME" not in path and not (CHECKOUT / path).exists()] == []


def test_the_quick_tests_pass_whatever_a_team_has_changed(adopted: Path) -> None:
    done = _pytest(adopted, "-m", "quick", "--hypothesis-profile=few", "--deselect=tests/unit/test_hard_coded.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_a_teams_own_files_pass_for_other_cards_and_settings(adopted: Path) -> None:
    done = _pytest(adopted, "tests/team", "tests/unit/team")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_a_test_that_knows_a_teams_settings_would_be_found(adopted: Path) -> None:
    done = _pytest(adopted, "-m", "quick", "tests/unit/test_hard_coded.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert "Acme desk" in done.stdout
