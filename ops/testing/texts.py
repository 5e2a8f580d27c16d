"""What each value of a card reads like, as text. Pure.

outcome_text(Outcome("value", Pairs([("Voice", 1)])), say)      # "Voice 1"
value_text(Duration(61000), say)                                # "1:01"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

Say = Callable[..., str]

_TONES = {"refused": "warning", "nothing": "quiet", "outside": "quiet"}

# As browsers write them in English (Unicode CLDR): symbols, and currencies without a hundredth part.
SYMBOLS = {
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "CA$",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "HKD": "HK$",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "MXN": "MX$",
    "NZD": "NZ$",
    "PHP": "₱",
    "TWD": "NT$",
    "USD": "$",
    "VND": "₫",
}
_WHOLE = ("CLP", "JPY", "KRW", "VND")
_BY_NAME = {(-1, "day"): "yesterday", (1, "day"): "tomorrow"}


def outcome_text(outcome: Any, say: Say) -> str:
    """Return what a card's result reads like: its value, or why there is none with the button that asks again."""
    if outcome.kind == "value":
        return value_text(outcome.value, say)
    if outcome.kind == "refused":
        return f"{say('card.refused', permission=outcome.permission)} {say('card.refused.how')}"
    if outcome.kind in ("nothing", "outside"):
        return say("card.empty")
    reason = outcome.reason if outcome.kind == "problem" else say("card." + outcome.kind)
    return f"{reason} {say('card.retry')}"


def outcome_tone(outcome: Any) -> str:
    """Return the tone that a card's result is drawn in."""
    if outcome.kind != "value":
        return _TONES.get(outcome.kind, "error")
    from popdesk.values import Text

    return outcome.value.tone if isinstance(outcome.value, Text) else ""


def value_text(value: Any, say: Say) -> str:
    """Return what a value that is ready to be drawn reads like; a time is UTC's. Raises TypeError for another value."""
    from popdesk.texts import parse_time
    from popdesk.values import Duration, Link, Moment, Pairs, Text, shown_duration

    empty = say("card.empty")
    if isinstance(value, Text):
        return f"{value.text or empty} {value.rest}".strip()
    if isinstance(value, Link):
        return str(value.text)
    if isinstance(value, Duration):
        return shown_duration(value.milliseconds / 1000)
    if type(value) is Moment:
        return parse_time(value.iso).astimezone(timezone.utc).strftime("%H:%M:%S")  # noqa: UP017
    if isinstance(value, Pairs):
        return " · ".join(f"{name} {text or empty}" for name, text in value.items) or empty
    return _rich_text(value, say)


def _rich_text(value: Any, say: Say) -> str:
    """Return what a value of popdesk/rich.py reads like: rows and events are lines.

    What the page writes in the agent's locale is written in English. Among other values a Moment has its date too.
    """
    from popdesk import rich
    from popdesk.values import Moment, is_moment

    def texts(values: Iterable[Any]) -> list[str]:
        return [_date(each.iso) if type(each) is Moment else value_text(each, say) for each in values]

    match type(value).__name__:
        case "Badge":
            return str(value.text)
        case "Note":
            return (say(f"tone.{value.tone}") if value.tone else "") + str(value.text)
        case "Phone":
            return str(value.text)
        case "Progress":
            if value.text or value.of != 100:
                return str(value.text) or f"{rich.plain(value.value)} / {rich.plain(value.of)}"
            return f"{value.value:,.0f}%"
        case "Money":
            return _money(value.amount, value.currency)
        case "Since":
            return _since(*rich.ago(rich.instant(value.iso) - datetime.now(timezone.utc).timestamp()))  # noqa: UP017
        case "Table":
            head = [value.caption] if value.caption else []
            return "\n".join([*head, " | ".join(value.columns), *(" | ".join(texts(row)) for row in value.rows)])
        case "Timeline":
            return "\n".join(
                f"{_date(when) if is_moment(when) else when} {title}{': ' + note if note else ''}"
                for when, title, note in value.items
            )
        case "Group":
            return "\n".join(texts(value.values))
    raise TypeError(f"ops/testing/texts.py does not know what a {type(value).__name__} reads like")


def _date(iso: str) -> str:
    """Return a moment as browsers write it in English, a medium date and a short time: `Jan 31, 2026, 12:00 PM`."""
    from popdesk.texts import parse_time

    when = parse_time(iso).astimezone(timezone.utc)  # noqa: UP017
    return f"{when:%b} {when.day}, {when.year}, {when.hour % 12 or 12}:{when:%M} {'AM' if when.hour < 12 else 'PM'}"


def _money(amount: str, currency: str) -> str:
    number = Decimal(amount)
    digits = f"{abs(number):,.{0 if currency in _WHOLE else 2}f}"
    return ("-" if number < 0 else "") + SYMBOLS.get(currency, currency + " ") + digits


def _since(count: int, unit: str) -> str:
    if not count:
        return "now"
    if abs(count) == 1 and unit in ("day", "week", "month", "year"):
        return _BY_NAME.get((count, unit), f"{'last' if count < 0 else 'next'} {unit}")
    shown = f"{abs(count)} {unit}" + ("" if abs(count) == 1 else "s")
    return f"{shown} ago" if count < 0 else f"in {shown}"
