"""What each value of a card reads like, as text. Pure.

outcome_text(Outcome("value", Pairs([("Voice", 1)])), say)      # "Voice 1"
value_text(Duration(61000), say)                                # "1:01"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timezone
from typing import Any

Say = Callable[..., str]

_TONES = {"refused": "warning", "nothing": "quiet", "outside": "quiet"}


def outcome_text(outcome: Any, say: Say) -> str:
    """Return what a card's result reads like: its value, or why there is none with the button that asks again."""
    if outcome.kind == "value":
        return value_text(outcome.value, say)
    if outcome.kind == "refused":
        return f"{say('card.refused', permission=outcome.permission)} {say('card.refused.how')}"
    if outcome.kind in ("nothing", "outside"):
        return say("card.empty")
    return f"{say('card.' + outcome.kind)} {say('card.retry')}"


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

    What the page writes in the agent's locale is written plainly here: `12.50 USD`, a time in ISO 8601.
    """

    def texts(values: Iterable[Any]) -> list[str]:
        return [value_text(each, say) for each in values]

    match type(value).__name__:
        case "Badge" | "Note":
            return str(value.text)
        case "Progress":
            whole = value.of == 100 and not value.text
            return str(value.text) or (f"{value.value:g}%" if whole else f"{value.value:g} / {value.of:g}")
        case "Money":
            return f"{value.amount} {value.currency}"
        case "Since":
            return str(value.iso)
        case "Table":
            head = [value.caption] if value.caption else []
            return "\n".join([*head, " | ".join(value.columns), *(" | ".join(texts(row)) for row in value.rows)])
        case "Timeline":
            return "\n".join(f"{when} {title}{': ' + note if note else ''}" for when, title, note in value.items)
        case "Group":
            return "\n".join(texts(value.values))
    raise TypeError(f"ops/testing/texts.py does not know what a {type(value).__name__} reads like")
