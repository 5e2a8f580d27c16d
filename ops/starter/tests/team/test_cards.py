"""What our cards show."""

from __future__ import annotations

import asyncio
from typing import Any

from ops.settings import Settings
from tests.unit.team.sample_desk import ANSWERS, sample_desk


def test_the_agents_name_is_shown(team_cards: list[Any], team_settings: Settings) -> None:
    (card,) = [card for card in team_cards if card.title == "Agent name"]
    desk = sample_desk(team_settings.attributes.by_role(), team_settings.fields)
    assert asyncio.run(card.ask(desk)) == ANSWERS["agent.name"]
