"""Fixtures of your tests: `sample_desk` and `show_cards` (docs/testing.md) take this checkout's cards and settings."""

from tests.unit.team.conftest import cards_project, team_build, team_cards, team_settings

__all__ = ["cards_project", "team_build", "team_cards", "team_settings"]
