"""What a test without a browser reads on a card whose value has a shape of its own."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from popdesk import Badge, Group, Money, Note, Progress, Since, Table, Text, Timeline
from popdesk.values import drawable

from ops.testing.texts import value_text


def _say(key: str, **_: object) -> str:
    return {"card.empty": "–", "tone.warning": "Warning: ", "tone.info": "Note: "}[key]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Badge("Gold"), "Gold"),
        (Note("Ask", tone="warning"), "Warning: Ask"),
        (Note("Ask", tone=""), "Ask"),
        (Progress(72), "72%"),
        (Progress(3, of=5), "3 / 5"),
        (Progress(3, of=5, text="three"), "three"),
        (Money("1234567.5", "EUR"), "€1,234,567.50"),
        (Money(-120, "USD"), "-$120.00"),
        (Money(1200, "JPY"), "¥1,200"),
        (Money(1, "CHF"), "CHF 1.00"),
        (Group([Badge("Gold"), "text", Money(1, "GBP")]), "Gold\ntext\n£1.00"),
        (Table(["a", "b"], [[1, None], [2, Text("x")]], caption="All"), "All\na | b\n1 | –\n2 | x"),
        (Table(["a"], [[1]]), "a\n1"),
        (
            Timeline([("2026-01-30T09:00:00Z", "One"), ("some day", "Two", "a note")]),
            "Jan 30, 2026, 9:00 AM One\nsome day Two: a note",
        ),
        (Table(["a"], []), "–"),
    ],
)
def test_a_value_reads_as_the_page_writes_it_in_english(value: Any, text: str) -> None:
    assert value_text(drawable(value), _say) == text


@pytest.mark.parametrize(
    ("from_now", "text"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=-90), "1 minute ago"),
        (timedelta(days=-1, hours=-1), "yesterday"),
        (timedelta(days=-900), "2 years ago"),
        (timedelta(hours=3, minutes=30), "in 3 hours"),
    ],
)
def test_how_long_ago_reads_as_the_page_writes_it_in_english(from_now: timedelta, text: str) -> None:
    value = Since(datetime.now(timezone.utc) + from_now)  # noqa: UP017
    assert value_text(drawable(value), _say) == text
