"""The Firefox of the browser tests: where it is looked for, and what is said when there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import firefox

pytestmark = pytest.mark.slow


def _program(path: Path, exit_code: int = 0) -> str:
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that would have been run; nothing is installed, and `tmp_path` is the whole PATH."""
    commands: list[str] = []
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(firefox, "_found", [])
    monkeypatch.setattr(firefox, "install", lambda command: commands.append(" ".join(command)))
    return commands


def test_the_systems_firefox_is_taken_if_it_starts(tmp_path: Path, installed: list[str]) -> None:
    _program(tmp_path / "firefox-esr", exit_code=127)
    works = _program(tmp_path / "firefox")
    assert firefox.find_firefox() == works
    assert installed == []


def test_on_debian_as_root_it_is_installed(
    tmp_path: Path, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path / "apt-get")

    def install(command: list[str]) -> None:
        installed.append(" ".join(command))
        if "firefox-esr" in command:
            _program(tmp_path / "firefox-esr")

    monkeypatch.setattr(firefox, "install", install)
    assert firefox.launch_arguments()["executable_path"] == str(tmp_path / "firefox-esr")
    assert installed == ["apt-get update", "apt-get install -y firefox-esr"]


def test_where_nothing_helps_it_says_what_to_do(
    tmp_path: Path, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path / "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(firefox.NoFirefox, match="apt-get install firefox-esr"):
        firefox.find_firefox()
    assert installed == []


@pytest.mark.usefixtures("installed")
def test_without_one_a_test_is_skipped_and_says_why_but_not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install firefox-esr"):
        firefox.launch_arguments_or_skip()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(firefox.NoFirefox):
        firefox.launch_arguments_or_skip()
