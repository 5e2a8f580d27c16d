"""What tests of cards say without a browser is what the page shows: every shipped card, in Chromium, on MicroPython."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser
from popdesk.desk import Unanswered

from ops.settings import ROOT
from ops.testing.browser import show_in_browser
from ops.testing.page import SampleDesk, load_cards, show_cards

DESKS: dict[str, dict[str, Any]] = {
    "a call from a customer": {"customer": "C-1001"},
    "a chat without a number": {
        "customer": "C-1019",
        "answers": {
            "contact.channel": {"type": "chat"},
            "contact.phone_number": Unanswered("nothing"),
            "contact.queue_timestamp": None,
            "contact.initial_id": None,
        },
    },
    "questions that are not answered": {
        "refused": ["User.Details.View"],
        "answers": {
            "contact.queue": Unanswered("timeout"),
            "agent.routing_profile": Unanswered("failed"),
            "agent.state": {"name": "On break", "type": "not_routable"},
            "agent.channel_concurrency": {"VOICE": "many"},
        },
    },
}


@pytest.mark.parametrize("which", DESKS)
def test_every_shipped_card_says_the_same_with_and_without_a_browser(
    which: str, sample_desk: Callable[..., SampleDesk], browser: Browser
) -> None:
    sample = sample_desk(**DESKS[which])
    without = show_cards(sample, load_cards(ROOT))
    within = show_in_browser(browser, sample, ROOT)
    assert str(within) == str(without)
    assert len(within.cards) == 11
