"""What our cards show: docs/testing.md says how they are tested."""

from __future__ import annotations

from collections.abc import Callable

from ops.testing.page import SampleDesk, ShownPage


def test_the_agents_name_is_shown(
    sample_desk: Callable[..., SampleDesk], show_cards: Callable[[SampleDesk], ShownPage]
) -> None:
    page = show_cards(sample_desk(answers={"agent.name": "Kim"}))
    assert page.card("Agent name").text == "Kim"
