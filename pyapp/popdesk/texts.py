"""Texts, numbers and times that CPython and MicroPython read alike; imported by the cards that need them. Pure.

    fold("Élodie Strauß")                       # -> "elodie strauss", to compare and to sort by
    grouped(1234567.5, 2)                       # -> "1,234,567.50"
    parse_time("2026-01-31T12:00:00.000Z")      # -> a datetime with its zone

docs/python-in-cards.md says what they stand in for.
"""

from popdesk.values import is_moment

if False:
    from datetime import datetime

# Latin letters with marks (Unicode Latin-1 Supplement, Latin Extended-A and Romanian's), after the letter that they are read as.
_LETTERS = (
    ("a", "ÀÁÂÃÄÅàáâãäåĀāĂăĄą"),
    ("c", "ÇçĆćĈĉĊċČč"),
    ("d", "ÐðĎďĐđ"),
    ("e", "ÈÉÊËèéêëĒēĔĕĖėĘęĚě"),
    ("g", "ĜĝĞğĠġĢģ"),
    ("h", "ĤĥĦħ"),
    ("i", "ÌÍÎÏìíîïĨĩĪīĬĭĮįİı"),
    ("j", "Ĵĵ"),
    ("k", "Ķķĸ"),
    ("l", "ĹĺĻļĽľĿŀŁł"),
    ("n", "ÑñŃńŅņŇňŉŊŋ"),
    ("o", "ÒÓÔÕÖØòóôõöøŌōŎŏŐő"),
    ("r", "ŔŕŖŗŘř"),
    ("s", "ŚśŜŝŞşŠšȘșſ"),
    ("t", "ŢţŤťŦŧȚț"),
    ("u", "ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲų"),
    ("w", "Ŵŵ"),
    ("y", "ÝýÿŶŷŸ"),
    ("z", "ŹźŻżŽž"),
    ("ss", "ßẞ"),
    ("ae", "Ææ"),
    ("oe", "Œœ"),
    ("th", "Þþ"),
    ("ij", "Ĳĳ"),
)
_READ_AS = {letter: read for read, letters in _LETTERS for letter in letters}


def fold(text: str) -> str:
    """Return a text without capitals and marks, for comparing and as a sort key.

    Latin letters lose their marks; Greek and Cyrillic ones become small; every other character stays.
    """
    return "".join([_folded(character) for character in text])


def _folded(character: str) -> str:
    code = ord(character)
    if code < 128:
        return character.lower()
    if character in _READ_AS:
        return _READ_AS[character]
    if 0x300 <= code <= 0x36F:  # a combining mark
        return ""
    if 0x391 <= code <= 0x3A9 or 0x410 <= code <= 0x42F:
        return chr(code + 32)
    if 0x400 <= code <= 0x40F:
        return chr(code + 80)
    return character


def grouped(number: float, digits: int = 0, separator: str = ",", point: str = ".") -> str:
    """Return a number with so many decimal digits, its thousands separated; halves are rounded away from zero."""
    unit = 10**digits
    whole, part = divmod(int(abs(number) * unit + 0.5), unit)
    text, shown = str(whole), ""
    while len(text) > 3:
        text, shown = text[:-3], separator + text[-3:] + shown
    sign = "-" if number < 0 and (whole or part) else ""
    return sign + text + shown + (point + ("0" * digits + str(part))[-digits:] if digits else "")


def parse_time(text: str) -> "datetime":
    """Return the time that an ISO 8601 text with date, time and zone names, as Amazon Connect writes them, in its zone.

    Raises ValueError for any other text (values.is_moment says which those are).
    """
    if not is_moment(text):
        raise ValueError("this is no ISO 8601 date and time with a zone, like 2026-01-31T12:00:00Z")
    import datetime

    date, _, time = text.partition("T")
    zone = 0
    if time[-1:] == "Z":
        time = time[:-1]
    else:
        zone = (int(time[-5:-3]) * 60 + int(time[-2:])) * (-1 if time[-6] == "-" else 1)
        time = time[:-6]
    time, _, fraction = time.partition(".")
    year, month, day = [int(part) for part in date.split("-")]
    hour, minute, second = [int(part) for part in (time + ":00").split(":")[:3]]
    return datetime.datetime(
        year,
        month,
        day,
        hour,
        minute,
        second,
        int((fraction + "000000")[:6]),
        datetime.timezone.utc if not zone else datetime.timezone(datetime.timedelta(minutes=zone)),
    )
