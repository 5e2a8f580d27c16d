"""Values with a shape of their own, beside those of values.py. Pure: runs on CPython and MicroPython alike.

    return Badge("Gold", tone="success")
    return Note("Ask for the PIN first.", tone="warning")
    return Progress(60)                            # of 100; Progress(3, of=5) has another whole
    return Money("19.90", "EUR")                   # a number or its numerals, and a currency's code (ISO 4217)
    return Since("2026-01-31T12:00:00Z")           # how long ago, in words; it keeps up with the clock
    return Timeline([("2026-01-31T12:00:00Z", "Order sent", "by post")])          # shown newest first
    return Table(["Order", "Total"], [["A-7", Money(12, "EUR")]], caption="Orders")
    return Group([Badge("Gold"), Money(120, "EUR")])                              # several on one card

Money and Since are written in the agent's locale, by view/rich.py. As in values.py, TypeError says in words for the card's
author what cannot be shown, and `drawn()` returns what the page draws: Text("") where there is nothing to show.
"""

from popdesk.values import (
    TONES,
    Duration,
    Link,
    Moment,
    Text,
    Value,
    as_number,
    as_text,
    drawable,
    is_moment,
    is_nothing,
    kind_of,
)

if False:
    from collections.abc import Sequence
    from typing import Any

    from popdesk.values import Readable

# Above it, in currency units, a float has no exact cents any more (2**53 / 100).
_MOST_MONEY = 9e13

# What nothing is drawn as; made once, since each value of a group is compared with it.
_NOTHING = Text("")


class Badge(Value):
    """A short text in a frame; its tone is one of TONES, any other is none."""

    rich = True

    def __init__(self, text: "Readable", tone: str = "") -> None:
        self.text: "Any" = text
        self.tone = tone
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with a text; of nothing, Text("")."""
        self.text = as_text(self.text, "Badge")
        self.tone = self.tone if self.tone in TONES else ""
        return self if self.text else Text("")


class Note(Value):
    """A sentence or two in a box; its tone is one of TONES, any other is none."""

    rich = True

    def __init__(self, text: "Readable", tone: str = "info") -> None:
        self.text: "Any" = text
        self.tone = tone
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with a text; of nothing, Text("")."""
        self.text = as_text(self.text, "Note")
        self.tone = self.tone if self.tone in TONES else ""
        return self if self.text else Text("")


class Progress(Value):
    """A part of a whole, as a bar and in figures: a percentage where the whole is 100, else `3 / 5`; or `text` instead."""

    rich = True

    def __init__(self, value: "float | str | None", of: "float | str" = 100, text: "Readable" = "") -> None:
        self.value: "Any" = value
        self.of: "Any" = of
        self.text: "Any" = text
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with numbers; of nothing, Text("")."""
        value, whole = as_number(self.value, "a Progress's value"), as_number(self.of, "a Progress's whole")
        if whole is None or whole <= 0:
            raise TypeError("a Progress's whole (of=) is more than 0")
        self.text = as_text(self.text, "Progress's text")
        if value is None:
            return Text(self.text)
        self.value, self.of = value, whole
        return self


class Money(Value):
    """An amount, a number or its numerals (`12.5`, `"12.50"`), and the code of its currency (ISO 4217: `"EUR"`)."""

    rich = True

    def __init__(self, amount: "float | str | None", currency: str) -> None:
        self.amount: "Any" = amount
        self.currency: "Any" = currency
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with the amount's numerals, as exact as they were given; of nothing, Text("")."""
        code = self.currency.upper() if isinstance(self.currency, str) else ""
        if len(code) != 3 or not all("A" <= letter <= "Z" for letter in code):
            raise TypeError("Money's currency is a code of three letters, such as EUR, not " + _given(self.currency))
        self.currency = code
        number = as_number(self.amount, "Money's amount")
        if number is None:
            return Text("")
        if not -_MOST_MONEY <= number <= _MOST_MONEY:
            raise TypeError("Money's amount is too large to be exact")
        # As text it keeps its cents: the browser reads numerals exactly (ECMA-402, ToIntlMathematicalValue).
        self.amount = str(self.amount).strip()
        return self


class Since(Moment):
    """How long ago a moment was, or in how long it will be; it is given as a Moment is."""

    rich = True


class Timeline(Value):
    """What happened and when: `items` is a list of (moment, title) or (moment, title, note), in any order.

    They are shown newest first, the first `shown` of them and the others folded away. What is no moment comes last, as it is.
    """

    rich = True

    def __init__(self, items: "Any", shown: int = 5) -> None:
        self.items: "Any" = items
        self.shown: "Any" = shown
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with a list of (text, text, text), newest first; of nothing, Text("")."""
        items: "list[tuple[bool, float, int, tuple[str, str, str]]]" = []
        for item in _listed(self.items, "Timeline takes a list of (moment, title, note)"):
            place = "Timeline: item " + str(len(items) + 1)
            if not isinstance(item, (list, tuple)) or len(item) not in (2, 3):
                raise TypeError(place + " is no (moment, title) or (moment, title, note) but " + kind_of(item))
            moment = Moment(item[0]).iso
            known = is_moment(moment)
            words = (moment, as_text(item[1], place), as_text(item[2], place) if len(item) == 3 else "")
            # The number keeps the order of equal ones: MicroPython's sort is not stable.
            items.append((not known, -instant(moment) if known else 0, len(items), words))
        self.items = [item[3] for item in sorted(items)]
        self.shown = _count(self.shown, "Timeline")
        return self if items else Text("")


class Table(Value):
    """Rows below the titles of their columns; the first `shown` rows, and the others folded away.

    A cell is a text, a number, None, or a Text, Link, Badge, Money, Progress, Moment, Since or Duration. A column of nothing
    but numbers and Money is aligned to the right.
    """

    rich = True

    def __init__(self, columns: "Sequence[Readable]", rows: "Any", caption: "Readable" = "", shown: int = 10) -> None:
        self.columns: "Any" = columns
        self.rows: "Any" = rows
        self.caption: "Any" = caption
        self.shown: "Any" = shown
        self.right: "list[bool]" = []  # which columns are aligned to the right
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with texts for titles and values for cells; without a row, Text("")."""
        titles = _listed(self.columns, "Table's columns are a list of titles")
        columns = [as_text(title, "Table's columns") for title in titles]
        if not columns:
            raise TypeError("a Table has at least one column")
        right = [False] * len(columns)
        left = [False] * len(columns)
        rows: "list[list[Value]]" = []
        for row in _listed(self.rows, "Table's rows are a list of rows"):
            if not isinstance(row, (list, tuple)):
                raise TypeError(_row(rows) + " is a list of cells, not " + kind_of(row))
            if len(row) != len(columns):
                raise TypeError(_row(rows) + " has " + str(len(row)) + " cells for " + str(len(columns)) + " columns")
            cells: "list[Value]" = []
            for cell in row:
                index = len(cells)
                made: "Value"
                # A table is checked before the page's first values are shown: what most cells are comes first, and its place
                # is put in words only where it is needed.
                if isinstance(cell, str):
                    made = Text(cell)
                elif isinstance(cell, (int, float)) and not isinstance(cell, bool):
                    made = _Number(cell)
                else:
                    made = _cell(cell, _row(rows) + ", " + columns[index])
                if isinstance(made, (_Number, Money)):
                    right[index] = True
                elif not isinstance(made, Text) or made.text or made.rest:
                    left[index] = True
                cells.append(made)
            rows.append(cells)
        self.columns, self.rows = columns, rows
        self.right = [right[index] and not left[index] for index in range(len(columns))]
        self.caption = as_text(self.caption, "Table's caption")
        self.shown = _count(self.shown, "Table")
        return self if rows else Text("")


class Group(Value):
    """Several values on one card: a list of what a card may return, but no other Group. What is nothing is left out."""

    rich = True

    def __init__(self, values: "Sequence[Any]") -> None:
        self.values: "Any" = values
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with a list of values; without one, Text("")."""
        values: "list[Value]" = []
        for value in _listed(self.values, "Group takes a list of values"):
            if isinstance(value, Group):
                raise TypeError("a Group holds no other Group: put its values into the one list")
            made = drawable(value, "Group")
            if made != _NOTHING:
                values.append(made)
        self.values = values
        return self if values else Text("")


class _Number(Text):
    """A cell's number, which is aligned to the right."""


_IN_A_CELL = (Text, Link, Badge, Money, Progress, Moment, Duration)


def _row(earlier: "list[list[Value]]") -> str:
    """Return which row it is that comes after these, for a message."""
    return "Table: row " + str(len(earlier) + 1)


def _cell(value: "Any", place: str) -> Value:
    made: Value = drawable(value, place)
    if not isinstance(made, _IN_A_CELL) and not hasattr(made, "number"):  # phone.py's Phone
        raise TypeError(place + " cannot hold " + kind_of(value))
    return made


def _listed(value: "Any", words: str) -> "Any":
    """Return a list or tuple as it is and nothing as none. Raises TypeError in these words, and what it is instead."""
    if is_nothing(value):
        return []
    if not isinstance(value, (list, tuple)):
        raise TypeError(words + ", not " + kind_of(value))
    return value


def _count(value: "Any", what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TypeError("a " + what + " has at least 1 shown (shown=), not " + _given(value))
    return value


def _given(value: "Any") -> str:
    return repr(value) if isinstance(value, (str, int, float)) else kind_of(value)


def plain(number: float) -> str:
    """Return a number without a fraction of nothing: 3.0 as `3`."""
    return str(int(number)) if number == int(number) else str(number)


def instant(iso: str) -> float:
    """Return the seconds from 1970 to what `is_moment` takes for a moment."""
    date, _, time = iso.partition("T")
    offset = 0
    if time[-1:] == "Z":
        time = time[:-1]
    else:
        offset = (int(time[-5:-3]) * 60 + int(time[-2:])) * (60 if time[-6] == "+" else -60)
        time = time[:-6]
    year, month, day = int(date[:4]), int(date[5:7]), int(date[8:])
    # Days since 1970 in the Gregorian calendar, the year beginning with March so that its leap day comes last.
    if month < 3:
        year, month = year - 1, month + 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719469
    seconds = float(time[6:]) if time[6:] else 0
    return days * 86400 + int(time[:2]) * 3600 + int(time[3:5]) * 60 + seconds - offset


# From how many seconds on a unit is used, and how many it has; the names are Intl.RelativeTimeFormat's (ECMA-402).
_UNITS = (
    ("year", 31557600),
    ("month", 2629800),
    ("week", 604800),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
)


def ago(seconds: float) -> "tuple[int, str]":
    """Return how far away a moment is, (-3, "minute") for 200 seconds ago, in whole units; (0, "second") for less than a minute.

    `seconds` are those from now to the moment: negative ones have gone by.
    """
    for unit, size in _UNITS:
        if abs(seconds) >= size:
            count = int(abs(seconds) / size)
            return (-count if seconds < 0 else count), unit
    return 0, "second"
