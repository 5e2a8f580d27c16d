"""What a card may return, and how values are written for reading. Pure: runs on CPython and MicroPython alike.

    return "Ana"                                   # plain text (or a number, or None for nothing)
    return Text("Available", tone="success")       # a tone: success, warning, error, info
    return Text("Agent 7", rest="arn:aws:...")     # `rest` follows in a quieter voice, shortened when there is no room
    return Link("Ana's page", "https://crm.example.com/customers/7")
    return Pairs([("Voice", 1), ("Chat", 2)])      # a list of (name, value), in order
    return Duration(61000)                         # milliseconds; ticks on the page
    return Moment("2026-01-31T12:00:00.000Z")      # shown in the agent's local time

Those with more to them (Table, Timeline, Money ...) are in rich.py.

What has one obvious reading is read: a number as its text, None and JavaScript's undefined as nothing, numerals as
milliseconds. Anything else raises TypeError, in words for the card's author: where the value is made (its line is then in
the traceback), or when it is returned. So what the page draws (`drawable`) is always one of these classes, and its fields
are of the types that they say.

`shown_phone("+442079460018")` gives `+44 20 7946 0018`, `shown_duration(61)` gives `1:01`.
"""

if False:
    from datetime import datetime, timedelta
    from typing import Any

    Readable = str | float | datetime | None


# Longer values are cut on the page and whole in the tooltip; attributes are whole in a fold.
LONGEST = 300

TONES = ("success", "warning", "error", "info")

# What a JavaScript Date can hold, in milliseconds (ECMA-262, Time Values and Time Range).
_LONGEST_TIME = 8.64e15


class Value:
    """What a card returned, as the page draws it; two are equal when they look alike."""

    rich = False  # whether view/rich.py draws it

    def drawn(self) -> "Value":
        """Return it as the page draws it."""
        return self

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__


class Text(Value):
    """Text with a tone ("" or one of TONES; any other is none) and something quieter behind it."""

    def __init__(self, text: "Readable", tone: str = "", rest: "Readable" = "") -> None:
        self.text: "Any" = text
        self.tone = tone
        self.rest: "Any" = rest
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with texts for fields."""
        if not isinstance(self.text, str):
            self.text = as_text(self.text, "Text")
        if not isinstance(self.rest, str):
            self.rest = as_text(self.rest, "Text's rest")
        if self.tone not in TONES:
            self.tone = ""
        return self


class Link(Value):
    """A link out of the page; its URL passes the same allow-list as the screen pop's, or it is shown as text."""

    def __init__(self, text: "Readable", url: "str | None") -> None:
        self.text: "Any" = text
        self.url: "Any" = url
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with texts for fields; without an address its text alone."""
        if not (isinstance(self.url, str) or is_nothing(self.url)):
            raise TypeError("a Link's address is a text, not " + kind_of(self.url))
        self.text = as_text(self.text, "Link") or self.url or ""
        return self if self.url else Text(self.text)


class Pairs(Value):
    """Names and values: `items` is a list of (name, value), or a dict, which is shown by its names in order."""

    def __init__(self, items: "Any") -> None:
        self.items: "Any" = items
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with a list of (text, text)."""
        items = self.items
        if isinstance(items, dict):
            items = sorted(items.items(), key=lambda item: as_text(item[0], "Pairs"))
        elif is_nothing(items):
            items = []
        elif not isinstance(items, (list, tuple)):
            raise TypeError("Pairs takes a list of (name, value), not " + kind_of(items))
        pairs: "list[tuple[str, str]]" = []
        for pair in items:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise TypeError("Pairs: item " + str(len(pairs) + 1) + " is no (name, value) but " + kind_of(pair))
            pairs.append((as_text(pair[0], "Pairs"), as_text(pair[1], "Pairs")))
        self.items = pairs
        return self


class Duration(Value):
    """Milliseconds that keep running: a number, its numerals or a timedelta; None is no duration."""

    def __init__(self, milliseconds: "float | str | timedelta | None") -> None:
        self.milliseconds: "Any" = milliseconds
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with a number, or for nothing an empty text."""
        value = self.milliseconds
        if hasattr(value, "total_seconds"):
            value = value.total_seconds() * 1000
        number = as_number(value, "a Duration's length")
        if number is None:
            return Text("")
        self.milliseconds = number
        return self


class Moment(Value):
    """A point in time: a datetime, or ISO 8601 text with date, time and zone; any other text is shown as it is."""

    def __init__(self, iso: "str | datetime | None") -> None:
        self.iso: "Any" = iso
        self.drawn()

    def drawn(self) -> "Value":
        """Return it with a text that each browser reads as the same moment; otherwise the text alone."""
        value = self.iso
        if hasattr(value, "isoformat"):
            value = value.isoformat()
        if not (isinstance(value, str) or is_nothing(value)):
            # Of a number nobody knows whether it counts seconds or milliseconds.
            raise TypeError("a " + type(self).__name__ + " is a datetime or ISO 8601 text, not " + kind_of(value))
        self.iso = value or ""
        return self if is_moment(self.iso) else Text(self.iso)


def drawable(value: "Any", where: str = "A card") -> "Any":
    """Return what a card returned as a Value, ready to be drawn. Raises TypeError that says `where` it was found."""
    if isinstance(value, Value):
        return value.drawn()
    if hasattr(value, "total_seconds"):
        return Duration(value).drawn()
    if hasattr(value, "isoformat"):
        return Moment(value).drawn()
    return Text(as_text(value, where))


def as_number(value: "Any", what: str) -> "float | None":
    """Return a number, or what numerals say; None for nothing. Raises TypeError that says `what` has to be one."""
    if is_nothing(value) or value == "":
        return None
    if isinstance(value, str):
        try:
            value = float(value) if _is_numeral(value.strip()) else None
        except ValueError:
            value = None
        if value is None:
            raise TypeError(what + ' is a number or its numerals ("12.50"), not any text')
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(what + " is a number, not " + kind_of(value))
    if not -_LONGEST_TIME <= value <= _LONGEST_TIME:  # nor is it when the number is none (NaN)
        raise TypeError(what + " has no end, or is no number: " + str(value))
    return value


def _is_numeral(text: str) -> bool:
    """Return whether a text is one of digits: float() also reads 1_000, inf, nan, and digits of other scripts."""
    return text != "" and all(character in "0123456789+-.eE" for character in text)


def as_text(value: "Any", where: str) -> str:
    """Return a value's one obvious reading as text: "" for nothing. Raises TypeError that says `where` it was found."""
    if isinstance(value, str):
        return value
    if is_nothing(value):
        return ""
    if isinstance(value, (bool, int, float)):
        return str(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    hint = "" if where != "A card" else "; it returns a text, a number, None or a value such as Text, Pairs or Table"
    raise TypeError(where + " cannot show " + kind_of(value) + hint)


def is_nothing(value: "Any") -> bool:
    """Return whether a value is None or JavaScript's undefined, which has a type of its own in MicroPython, and is true."""
    return value is None or type(value).__name__ == "undefined"


def kind_of(value: "Any") -> str:
    """Return what a value is, in words that help whoever wrote the card."""
    name = type(value).__name__
    if name == "JsProxy":
        return "a JavaScript object (json.loads(js.JSON.stringify(it)) makes it Python's)"
    if hasattr(value, "send"):
        return "a coroutine (is an await missing?) or a generator (put [] around it)"
    if callable(value):
        return "a function or class (are its parentheses missing?)"
    return ("an " if name[:1].lower() in "aeiou" else "a ") + name


def is_moment(text: str) -> bool:
    """Return whether a text names one moment: `YYYY-MM-DDTHH:MM[:SS[.FFF]]` and `Z` or `+HH:MM`, a date of the calendar.

    Browsers read other texts as dates too, and not all alike: "Order 5" is May 2001 to Chrome (ECMA-262, Date.parse).
    """
    date, _, time = text.partition("T")
    if time[-1:] == "Z":
        time = time[:-1]
    elif time[-6:-5] in ("+", "-") and _is_clock(time[-5:]):
        time = time[:-6]
    else:
        return False
    time, dot, fraction = time.partition(".")
    if dot and not (_all_digits(fraction) and fraction and len(time) == 8):
        return False
    return _is_date(date) and _is_clock(time)


def _is_date(text: str) -> bool:
    if len(text) != 10 or text[4] + text[7] != "--" or not _all_digits(text[:4] + text[5:7] + text[8:]):
        return False
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= month <= 12 and 1 <= day <= (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _is_clock(text: str) -> bool:
    """Return whether a text is HH:MM or HH:MM:SS."""
    if len(text) not in (5, 8):
        return False
    parts = text.split(":")
    for part, most in zip(parts, (23, 59, 59)):
        if len(part) != 2 or not _all_digits(part) or int(part) > most:
            return False
    return len(parts) == (len(text) + 1) // 3


def from_arn(arn: str) -> Text:
    """Return an ARN's last part first: its resource's own id, the whole ARN behind it."""
    if not arn.startswith("arn:") or "/" not in arn:
        return Text(arn)
    return Text(arn[arn.rfind("/") + 1 :] or arn, rest=arn)


def capital(text: str) -> str:
    """Return `VOICE` and `voice` as `Voice`."""
    return text[:1].upper() + text[1:].lower()


def shown_duration(seconds: float) -> str:
    """Return seconds as `0:07`, `12:34` or `1:02:03`; less than nothing is nothing."""
    seconds = max(0, int(seconds))
    minutes, seconds = seconds // 60, seconds % 60
    if minutes < 60:
        return "%d:%02d" % (minutes, seconds)
    return "%d:%02d:%02d" % (minutes // 60, minutes % 60, seconds)


# Country calling codes of one and two digits; every other has three (ITU-T E.164, list of assigned codes).
_SHORT_CODES = (
    " 1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 "
    "81 82 84 86 90 91 92 93 94 95 98 "
)


def shown_phone(number: str) -> str:
    """Return an E.164 number in groups, for reading only (ITU-T E.123 writes them with spaces).

    The North American plan reads 3-3-4, London 2-4-4; elsewhere the last four digits stand alone and the others go in
    threes. What is no E.164 number comes back as it is.
    """
    digits = number[1:]
    if number[:1] != "+" or not 7 <= len(digits) <= 15 or not _all_digits(digits):
        return number
    length = 1
    while length < 3 and " " + digits[:length] + " " not in _SHORT_CODES:
        length += 1
    code, rest = digits[:length], digits[length:]
    if code == "44" and rest[:1] == "2" and len(rest) == 10:
        groups = [rest[:2], rest[2:6], rest[6:]]
    else:
        groups = _groups(rest)
    return "+" + code + " " + " ".join(groups)


def _groups(rest: str) -> "list[str]":
    groups, head = [rest[-4:]], rest[:-4]
    while head:
        # Two left over after a group of three would leave a group of one: such a head is cut in twos.
        size = 2 if len(head) in (2, 4) else 3
        groups.insert(0, head[-size:])
        head = head[:-size]
    return groups


def _all_digits(text: str) -> bool:
    return all(character in "0123456789" for character in text)


def shorten(text: str, length: int) -> str:
    """Cut a text that is longer than `length` characters and end it with an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


# Characters that change how the text around them is shown: C0 and C1 controls, zero-width and bidirectional marks
# (Unicode Standard Annex 9, section 2), line separators and the byte order mark.
_INVISIBLE = ((0, 31), (127, 159), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x2069), (0xFEFF, 0xFEFF))


def plainly(text: str) -> str:
    """Return a text whose invisible characters are written out (`\\u202e`), so that it cannot look like another."""
    shown = []
    for character in text:
        code = ord(character)
        hidden = False
        for first, last in _INVISIBLE:
            hidden = hidden or first <= code <= last
        shown.append("\\u%04x" % code if hidden else character)
    return "".join(shown)
