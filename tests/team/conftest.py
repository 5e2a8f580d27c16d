"""Fixtures of your tests: `team_cards` and `team_settings` are yours, as this checkout has them."""

from tests.unit.team.conftest import team_build, team_cards, team_settings

__all__ = ["team_build", "team_cards", "team_settings"]
