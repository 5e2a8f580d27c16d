"""The attacks kills.py and releases.py of tests/attack, small: commands that are killed, releases at once in one checkout."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.attack.kills import Attack
from tests.attack.releases import Team, release_at_once
from tests.aws.moto_server import MotoServer


@pytest.mark.thorough
@pytest.mark.timeout(1200)
def test_killed_commands_leave_whole_pages_and_run_to_their_end_the_second_time() -> None:
    kills = {"release": 2, "rollback": 1, "promote": 1, "destroy": 1}
    tally = Attack(kills, random.Random(1), print).run()
    assert dict(tally.kills) == kills
    assert tally.looks > 100


@pytest.mark.thorough
def test_releases_at_once_in_one_checkout_leave_a_whole_page(moto_server: MotoServer, tmp_path: Path) -> None:
    won, lost = release_at_once(Team(moto_server, tmp_path / "project"), 4)
    assert won >= 1
    assert won + lost == 4
