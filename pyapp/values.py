"""What a card may return, and how values are written for reading. Pure: runs on CPython and MicroPython alike.

    return "Ana"                                   # plain text (or a number, or None for nothing)
    return Text("Available", tone="success")       # a tone: success, warning, error, info
    return Text("Agent 7", rest="arn:aws:...")     # `rest` follows in a quieter voice, shortened when there is no room
    return Link("Ana's page", "https://crm.example.com/customers/7")
    return Pairs([("Voice", "1"), ("Chat", "2")])  # a list of (name, value), in order
    return Duration(61000)                         # milliseconds; ticks on the page
    return Moment("2026-01-31T12:00:00.000Z")      # shown in the agent's local time

`shown_phone("+442079460018")` gives `+44 20 7946 0018`, `shown_duration(61)` gives `1:01`.
"""

# Longer values are cut on the page and whole in the tooltip; attributes are whole in a fold.
LONGEST = 300


class Text:
    """Text with a tone and something quieter behind it."""

    def __init__(self, text, tone="", rest=""):
        self.text = text
        self.tone = tone
        self.rest = rest


class Link:
    """A link out of the page; its URL passes the same allow-list as the screen pop's, or it is shown as text."""

    def __init__(self, text, url):
        self.text = text
        self.url = url


class Pairs:
    """Names and values: `items` is a list of (name, value), both shown as text."""

    def __init__(self, items):
        self.items = items


class Duration:
    """Milliseconds that keep running."""

    def __init__(self, milliseconds):
        self.milliseconds = milliseconds


class Moment:
    """A point in time, as ISO 8601 text in UTC."""

    def __init__(self, iso):
        self.iso = iso


def from_arn(arn):
    """Give an ARN's last part first: its resource's own id, the whole ARN behind it."""
    if not arn.startswith("arn:") or "/" not in arn:
        return Text(arn)
    return Text(arn[arn.rfind("/") + 1 :] or arn, rest=arn)


def capital(text):
    """Give `VOICE` and `voice` as `Voice`."""
    return text[:1].upper() + text[1:].lower()


def shown_duration(seconds):
    """Give seconds as `0:07`, `12:34` or `1:02:03`; less than nothing is nothing."""
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


def shown_phone(number):
    """Give an E.164 number in groups, for reading only (ITU-T E.123 writes them with spaces).

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


def _groups(rest):
    groups, head = [rest[-4:]], rest[:-4]
    while head:
        # Two left over after a group of three would leave a group of one: such a head is cut in twos.
        size = 2 if len(head) in (2, 4) else 3
        groups.insert(0, head[-size:])
        head = head[:-size]
    return groups


def _all_digits(text):
    return all(character in "0123456789" for character in text)


def shorten(text, length):
    """Cut a text that is longer than `length` characters and end it with an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


# Characters that change how the text around them is shown: C0 and C1 controls, zero-width and bidirectional marks
# (Unicode Standard Annex 9, section 2), line separators and the byte order mark.
_INVISIBLE = ((0, 31), (127, 159), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x2069), (0xFEFF, 0xFEFF))


def plainly(text):
    """Give a text whose invisible characters are written out (`\\u202e`), so that it cannot look like another."""
    shown = []
    for character in text:
        code = ord(character)
        hidden = False
        for first, last in _INVISIBLE:
            hidden = hidden or first <= code <= last
        shown.append("\\u%04x" % code if hidden else character)
    return "".join(shown)
