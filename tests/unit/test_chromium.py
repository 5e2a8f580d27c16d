"""The Chromium of the browser tests: the order in which it is looked for, and what is said when there is none.

The programs are small scripts of the test, and installing is a list of what would be run: no test installs anything.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import chromium

pytestmark = pytest.mark.slow


class Machine:
    """A machine of the test: its own folder of programs, and the installations that were tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tried: list[str] = []
        self.comes: dict[str, Path] = {}  # what an installation brings, by the words of its command
        self.own = folder / "playwrights-chrome"
        self.playwright: Any = SimpleNamespace(chromium=SimpleNamespace(executable_path=str(self.own)))

    def program(self, path: Path, works: bool = True) -> str:
        path.write_text(f"#!/bin/sh\nexit {0 if works else 127}\n")
        path.chmod(0o755)
        return str(path)

    def install(self, command: list[str]) -> None:
        words = " ".join(command[1:])
        self.tried.append(words)
        for part, path in self.comes.items():
            if part in words:
                self.program(path)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "install", made.install)
    monkeypatch.setattr(chromium, "_found", [])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


def test_playwrights_own_comes_before_the_systems(machine: Machine) -> None:
    machine.program(machine.folder / "chromium")
    own = machine.program(machine.own)
    assert chromium.chromium(machine.playwright) == own


def test_what_playwright_switches_off_stays_off_when_the_tests_switch_off_more(machine: Machine) -> None:
    machine.program(machine.own)
    (argument,) = [
        each
        for each in chromium.launch_arguments(machine.playwright, lean=True)["args"]
        if each.startswith("--disable-features=")
    ]
    features = argument.partition("=")[2].split(",")
    assert features[: len(chromium.playwrights_disabled_features())] == chromium.playwrights_disabled_features()
    assert {"ThirdPartyStoragePartitioning", "HttpsUpgrades", "WebUIOmniboxPopup"} <= set(features)
    assert not any("disable-features" in each for each in chromium.launch_arguments(machine.playwright)["args"])


def test_one_that_does_not_start_counts_for_none(machine: Machine) -> None:
    machine.program(machine.own, works=False)
    machine.program(machine.folder / "chromium", works=False)
    chrome = machine.program(machine.folder / "google-chrome")
    assert chromium.chromium(machine.playwright) == chrome
    assert machine.tried == []


def test_where_there_is_none_playwright_installs_its_own(machine: Machine) -> None:
    machine.comes["playwright install"] = machine.own
    assert chromium.chromium(machine.playwright) == str(machine.own)
    assert machine.tried == ["-m playwright install chromium"]


def test_on_debian_as_root_the_systems_package_is_the_last_resort(machine: Machine) -> None:
    machine.program(machine.folder / "apt-get")
    machine.comes["install -y"] = machine.folder / "chromium"
    assert chromium.chromium(machine.playwright) == str(machine.folder / "chromium")
    assert machine.tried == ["-m playwright install chromium", "update", "install -y chromium"]


def test_where_nothing_helps_it_says_what_to_do(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.program(machine.folder / "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RuntimeError, match=r"apt-get install chromium.*playwright install chromium"):
        chromium.chromium(machine.playwright)
    assert machine.tried == ["-m playwright install chromium"]
