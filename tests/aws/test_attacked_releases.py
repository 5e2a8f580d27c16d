"""The attack of tests/attack/releases.py, small: real releases killed at random moments, and some at once in one checkout."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.attack.releases import Team, kill_releases, release_at_once
from tests.aws.moto_server import MotoServer


@pytest.mark.thorough
def test_a_killed_release_leaves_a_whole_page_and_the_next_one_goes_live(
    moto_server: MotoServer, tmp_path: Path
) -> None:
    kill_releases(Team(moto_server, tmp_path / "project"), 3, random.Random(1))


@pytest.mark.thorough
def test_releases_at_once_in_one_checkout_leave_a_whole_page(moto_server: MotoServer, tmp_path: Path) -> None:
    won, lost = release_at_once(Team(moto_server, tmp_path / "project"), 4)
    assert won >= 1
    assert won + lost == 4
