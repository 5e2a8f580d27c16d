"""What tests of cards say without a browser is what the page shows: every shipped card, in Chromium, on MicroPython."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from popdesk.desk import Unanswered

from ops.settings import ROOT
from ops.testing.browser import show_in_browser
from ops.testing.page import SampleDesk, load_cards, show_cards
from tests.fixture_project import CHECKOUT

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


VALUES = """from popdesk import Badge, Duration, Group, Link, Moment, Money, Note, Pairs, Progress, Since, Table, Text, Timeline
from popdesk import card, section

section("Values")
""" + "".join(
    f'@card("{number}")\ndef card_{number}(desk):\n    return {value}\n'
    for number, value in enumerate(
        [
            'Badge("Gold", tone="warning")',
            'Note("Ask", tone="warning")',
            'Note("Ask")',
            'Note("Ask", tone="")',
            "Progress(72.4)",
            "Progress(3, of=5)",
            *(
                f'Money("-1234567.5", "{code}")'
                for code in ("USD", "EUR", "GBP", "JPY", "MXN", "CAD", "BRL", "INR", "CHF", "KRW")
            ),
            'Since("2019-03-01T12:00:00Z")',
            'Since("2999-03-01T12:00:00Z")',
            'Table(["Order", "Total"], [["A-7", Money(12, "EUR")], [Link("A-8", ""), None]], caption="Orders")',
            'Table(["n", "When", "State"], [[n, Moment("2026-01-31T00:05:00Z"), Badge("Sent")] for n in range(7)], shown=3)',
            'Table(["a", "b"], [[Progress(3, of=5), Text("Sent", rest="now")], [Duration(61000), Since("2019-01-01T12:00Z")]])',
            'Timeline([("2026-01-31T12:00:00Z", "Sent", "by post"), ("2026-02-01T15:30:00+01:00", "Came")])',
            'Timeline([("2026-01-%02dT12:00:00Z" % n, "Sent", "note") for n in range(1, 9)] + [("later", "Paid")], shown=2)',
            'Group([Badge("Gold"), Money(-1, "EUR"), Note("Ask"), Moment("2026-12-01T23:59Z"), Pairs([("a", 1), ("b", 0)])])',
            'Group([Text("x", rest="y"), Table(["a"], [[1], [2]]), Timeline([("2026-01-31T12:00:00Z", "Sent")])])',
            "Table(['a'], [])",
        ]
    )
)


def test_values_in_the_agents_locale_say_the_same_with_and_without_a_browser(
    tmp_path: Path, sample_desk: Callable[..., SampleDesk], browser: Browser
) -> None:
    shutil.copytree(ROOT / "pyapp", tmp_path / "pyapp", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyapp" / "cards.py").write_text(VALUES, "utf-8")
    sample = sample_desk(customer="C-1001")
    without = show_cards(sample, load_cards(tmp_path))
    assert str(show_in_browser(browser, sample, tmp_path)) == str(without)


def test_a_card_is_shown(sample_desk: Callable[..., SampleDesk], show_cards: Callable[[SampleDesk], Any]) -> None:
    """As a team writes its tests; the next one runs it with the option."""
    assert show_cards(sample_desk()).card("Agent name").text == "Alex Rivera"


def test_the_option_shows_the_same_test_in_the_browser() -> None:
    """`uv run pytest ... --in-browser`, the command of docs/testing.md."""
    test = f"{Path(__file__).relative_to(CHECKOUT)}::test_a_card_is_shown"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--setup-show", "--in-browser", test]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SETUP    S browser" in done.stdout  # Playwright's: without the option nothing asks for it
