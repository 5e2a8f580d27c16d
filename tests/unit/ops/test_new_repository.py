"""`deploy.py new`: a team's own repository, with git as it is. tests/unit/test_adoption.py runs the quick tests in one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.new_repository import make_repository, namespace_of
from ops.pyproject import version
from ops.site import npm
from ops.site.build import CACHE
from tests.fixture_project import CHECKOUT
from tests.project import environment

pytestmark = pytest.mark.slow

_LEFT_OUT = (".git", ".venv", "build", "dist", "node_modules", "__pycache__", ".*_cache", ".hypothesis", "uv.lock")


def _run(folder: Path, *command: str, expected: int = 0, **changes: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, f"{command}: {done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout.strip() + done.stderr.strip()


def _git(folder: Path, *arguments: str) -> str:
    return _run(folder, "git", "-c", "user.name=Acme", "-c", "user.email=acme@localhost", *arguments)


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Return a copy of the checkout, without any history."""
    copy = tmp_path / "popdesk"
    shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    return copy


def _make_history(upstream: Path) -> None:
    _git(upstream, "init", "-q")
    _git(upstream, "add", "-A")
    _git(upstream, "commit", "-qm", "Popdesk")


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_repository_builds_and_its_own_tests_pass(tmp_path: Path, upstream: Path) -> None:
    _make_history(upstream)
    (upstream / "notes.txt").write_text("not committed\n", "utf-8")
    new = [sys.executable, "deploy.py", "new", str(tmp_path / "acme"), "--name", "Acme desk"]
    said = _run(upstream, *new, GIT_DIR=str(tmp_path / "elsewhere"))
    assert "begin with upstream's own" in said
    assert "1 files" in said
    team = tmp_path / "acme"
    assert _git(team, "status", "--porcelain") == ""
    assert _git(team, "log", "--format=%s").splitlines() == ["Acme desk: files of our own", "Popdesk"]
    assert _git(team, "rev-parse", f"popdesk-{version()}^{{commit}}") == _git(upstream, "rev-parse", "HEAD")
    assert _left(tmp_path) == ["acme", "popdesk"]
    settings = tomllib.loads((team / "pyproject.toml").read_text("utf-8"))["tool"]["popdesk"]
    assert (settings["name"], settings["namespace"]) == ("Acme desk", "acme-desk")
    (team / "web" / "node_modules").symlink_to(npm.install_packages().resolve())
    (team / "build").mkdir()
    (team / "build" / "cache").symlink_to(CACHE.resolve())
    assert "kB" in _run(team, sys.executable, "deploy.py", "build")
    assert "<dt>Agent name</dt>" in (team / "dist" / "index.html").read_text("utf-8")
    tests = ["tests/team", "tests/unit/team", "-m", "quick", "-q", "-p", "no:cacheprovider"]
    assert "passed" in _run(team, sys.executable, "-m", "pytest", *tests)


def test_without_history_a_new_version_goes_by_the_branch_upstream(tmp_path: Path, upstream: Path) -> None:
    (note,) = make_repository(tmp_path / "acme", "Acme desk", "acme", upstream)
    assert "without git's history" in note
    team = tmp_path / "acme"
    assert note in (team / "README.md").read_text("utf-8")
    _run(team, "git", "config", "user.name", "Acme")
    _run(team, "git", "config", "user.email", "acme@localhost")
    for path in ("README.md", "ops/settings.py", "pyapp/cards.py"):
        with (upstream / path).open("a", encoding="utf-8") as file:
            file.write("\n# 0.3.0\n")
    (upstream / "ops" / "pins.py").unlink()
    part = (CHECKOUT / "docs" / "upgrading.md").read_text("utf-8").split("## From a copy without history\n")[1]
    (block,) = re.findall(r"```\n(.*?)```", part, re.DOTALL)
    for line in block.splitlines():
        _run(team, "/bin/sh", "-c", line.replace("FOLDER", str(upstream)))
    assert (team / "ops" / "settings.py").read_text("utf-8").endswith("# 0.3.0\n")
    assert not (team / "ops" / "pins.py").exists()
    assert (team / "README.md").read_text("utf-8").startswith("# Acme desk\n")
    assert "0.3.0" not in (team / "pyapp" / "cards.py").read_text("utf-8")
    assert _git(team, "status", "--porcelain") == ""


def test_what_cannot_be_is_refused_and_leaves_nothing(tmp_path: Path, upstream: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine\n", "utf-8")
    for target, name, namespace, said in (
        (full, "Acme", "acme", "not empty"),
        (full / "mine.txt", "Acme", "acme", "not empty"),
        (upstream / "acme", "Acme", "acme", "inside this checkout"),
        (tmp_path / "acme", "Acmé", "acme", "--name 'Acmé'"),
        (tmp_path / "acme", "Acme", "ac me", "--namespace 'ac me'"),
    ):
        with pytest.raises(UserError, match=re.escape(said)) as caught:
            make_repository(target, name, namespace, upstream)
        assert caught.value.exit_code == 2
    said = _run(upstream, sys.executable, "deploy.py", "new", str(tmp_path / "acme"), expected=2)
    assert "--name" in said
    assert _left(tmp_path) == ["full", "popdesk"]
    assert _left(full) == ["mine.txt"]
    assert not (upstream / "acme").exists()


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, upstream: Path) -> None:
    """A checkout without a whole history, and one without a table of settings: the repository is begun by then."""
    _make_history(upstream)
    _git(upstream, "commit", "-q", "--allow-empty", "-m", "More")
    shallow = tmp_path / "shallow"
    _run(tmp_path, "git", "clone", "-q", "--depth=1", f"file://{upstream}", str(shallow))
    (tmp_path / "acme").mkdir()
    with pytest.raises(UserError, match="git fetch --unshallow"):
        make_repository(tmp_path / "acme", "Acme", "acme", shallow)
    text = (upstream / "pyproject.toml").read_text("utf-8")
    (upstream / "pyproject.toml").write_text(text.partition("\n[tool.popdesk]\n")[0] + "\n", "utf-8")
    _git(upstream, "commit", "-qam", "Less")
    with pytest.raises(UserError, match=r"\[tool.popdesk\] has no name"):
        make_repository(tmp_path / "acme", "Acme", "acme", upstream)
    assert _left(tmp_path) == ["acme", "popdesk", "shallow"]
    assert _left(tmp_path / "acme") == []


def test_a_namespace_is_made_of_the_name() -> None:
    assert namespace_of("Acme desk (EU)") == "acme-desk-eu"


def test_a_change_of_upstreams_files_is_listed_and_a_conflict_can_be_put_back(tmp_path: Path, upstream: Path) -> None:
    _make_history(upstream)
    make_repository(tmp_path / "acme", "Acme desk", "acme", upstream)
    team = tmp_path / "acme"
    spans = re.findall(r"`(git [^`\n]+)`", (CHECKOUT / "docs" / "upgrading.md").read_text("utf-8"))
    abort, listed = spans
    (team / "ops" / "errors.py").write_text('"""Ours."""\n', "utf-8")
    _git(team, "commit", "-qam", "A change of upstream's")
    said = _run(team, "/bin/sh", "-c", listed.replace("0.2.0", version()))
    assert "ops/errors.py" in said
    assert "ops/settings.py" not in said
    (upstream / "ops" / "errors.py").write_text('"""Theirs."""\n', "utf-8")
    _git(upstream, "commit", "-qam", "Popdesk 0.3.0")
    _git(upstream, "tag", "popdesk-0.3.0")
    _git(team, "fetch", "-q", str(upstream), "tag", "popdesk-0.3.0")
    merge = ("git", "-c", "user.name=Acme", "-c", "user.email=acme@localhost", "merge", "popdesk-0.3.0")
    assert "ops/errors.py" in _run(team, *merge, expected=1)
    _run(team, "/bin/sh", "-c", abort)
    assert _git(team, "status", "--porcelain") == ""
    assert (team / "ops" / "errors.py").read_text("utf-8") == '"""Ours."""\n'
