"""What one page tells of itself, once for its contact: how fast it was, which cards failed, what came of the screen pop. Pure.

    record = PageRecord(["agent_name", "orders"], "20261127-054500-0123456789ab")
    record.reached("first_values", 412.7)
    record.saw("orders", "timeout")
    record.popped("blocked", 2210.0)
    record.as_json()       # -> {"release": ..., "first_values": 412, "failed": {"orders": "timeout"}, ...}

Nothing personal can be in it: a text of it is a word of the lists below, the id of a card, which is the name of a function
of the team's, or the release's id, whose form is checked. What it is given and does not know is left out, and counted nowhere.
The function that takes it (lambda/api/popdesk_api/page_events.py) takes nothing else.
"""

from popdesk.desk import DOWN, FAILED, PROBLEM, REFUSED, TIMED_OUT, UNEXPECTED

if False:
    from typing import Any

# Why a card failed. That there is nothing to show ("nothing", "outside") is no failure.
KINDS = (REFUSED, TIMED_OUT, FAILED, UNEXPECTED, PROBLEM, DOWN)
# What the page measures, in ms since it was asked for.
TIMES = ("hello", "first_values", "pop")
# What came of the agent's last screen pop: "" where there was none (view/window.py).
POPS = ("opened", "blocked", "barred")

MOST_CARDS = 20  # that have failed; the others are not named
LONGEST_TIME = 3_600_000
LONGEST_ID = 64

_DIGITS = "0123456789"
_HEX = _DIGITS + "abcdef"
_IN_NAMES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_" + _DIGITS


class PageRecord:
    """One page's record; `cards` are the ids of the team's cards, `release` is "" for a page that was not released."""

    def __init__(self, cards: "list[str]", release: str) -> None:
        self._cards = [each for each in cards if is_card_id(each)]
        self._release = release if is_release(release) else ""
        self._times: "dict[str, int]" = {}
        self._failed: "dict[str, str]" = {}
        self._pop = ""

    def reached(self, what: str, milliseconds: float) -> None:
        """Take when the page came to one of TIMES; the first time counts."""
        if what in TIMES and what not in self._times:
            number = _whole(milliseconds)
            if number is not None:
                self._times[what] = number

    def saw(self, card_id: str, kind: str) -> None:
        """Take what came of a card: that it has failed is not forgotten when it answers later."""
        if card_id in self._cards and kind in KINDS and (card_id in self._failed or len(self._failed) < MOST_CARDS):
            self._failed[card_id] = kind

    def popped(self, came: str, milliseconds: float) -> None:
        """Take what came of a screen pop, one of POPS: the last one counts, and when the first one was."""
        if came in POPS:
            self._pop = came
            self.reached("pop", milliseconds)

    def as_json(self) -> "dict[str, Any]":
        """Return the record; times that were not reached are None."""
        made: "dict[str, Any]" = {name: self._times.get(name) for name in TIMES}
        made["release"] = self._release
        made["popped"] = self._pop
        made["failed"] = dict(self._failed)
        return made


def is_card_id(text: str) -> bool:
    """Return whether a card's id may stand in a record: a function's name, in letters of ASCII."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= LONGEST_ID
        and text[0] not in _DIGITS
        and all(character in _IN_NAMES for character in text)
    )


def is_release(text: str) -> bool:
    """Return whether this has the form of a release's id: "20261127-054500-0123456789ab" (ops/cloud/releases.py)."""
    parts = text.split("-") if isinstance(text, str) else []
    return (
        [len(part) for part in parts] == [8, 6, 12]
        and all(character in _DIGITS for character in parts[0] + parts[1])
        and all(character in _HEX for character in parts[2])
    )


def is_due(state: str, seconds: float) -> bool:
    """Return whether the record is to be sent: the contact's state is one after the conversation, or it was open for long.

    `seconds` are those since the page's first values. A page that is closed before sends it then.
    """
    return state in ("acw", "missed", "cleared", "destroyed") or seconds >= LATEST


# Seconds after which a record is sent though the conversation goes on: by then the customer's page has been popped or not.
LATEST = 300


def _whole(value: "Any") -> "int | None":
    """Return a time in whole ms, None for what is none: NaN, infinite, before the page was asked for, or days."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LONGEST_TIME:
        return None
    return int(value)
