"""Reads JSON from an address, a form or a hosted app: whatever it is, it is read or refused. Pure.

    read('{"Name": "Zo\\\\u00eb"}')      # -> {"Name": "Zoë"}
    read("[" * 10000)                  # raises ValueError, as for everything that is no JSON

MicroPython's json reads each half of an escaped surrogate pair (Python's own json writes an emoji so) as a character of
its own, and ends the whole interpreter where a value is nested deeper than the browser's stack: both are handled here.
"""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Deeper values are no message of the SDK, whose deepest has some ten levels.
DEEPEST = 100
LONGEST = 1000000  # characters


def read(text: str) -> "Any":
    """Return the value of a JSON text. Raises ValueError, with a reason, for what is no JSON, too long or too deep."""
    if len(text) > LONGEST:
        raise ValueError("it has " + str(len(text)) + " characters; at most " + str(LONGEST) + " are read")
    if _depth(text) > DEEPEST:
        raise ValueError("it is nested more than " + str(DEEPEST) + " deep")
    try:
        return json.loads(_with_whole_pairs(text))
    except (ValueError, OverflowError):
        raise ValueError("it is no JSON")


def _depth(text: str) -> int:
    """Return how deep lists and objects are nested in it, or any number up to DEEPEST where they are few."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    # Without what is escaped, every second piece between quotes stands outside of strings.
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    deepest = depth = 0
    for character in outside:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _with_whole_pairs(text: str) -> str:
    """Return the text with each escaped surrogate pair as the character that it means."""
    pieces = text.split("\\u")
    whole = pieces[0]
    number = 1
    while number < len(pieces):
        piece = pieces[number]
        number += 1
        # A backslash that is escaped itself escapes no u.
        escaped = (len(whole) - len(whole.rstrip("\\"))) % 2 == 0
        high = _half(piece, 0xD800) if escaped and len(piece) == 4 else None
        low = _half(pieces[number], 0xDC00) if number < len(pieces) else None
        if high is None or low is None:
            whole += "\\u" + piece
        else:
            whole += chr(0x10000 + high * 0x400 + low) + pieces[number][4:]
            number += 1
    return whole


def _half(piece: str, first: int) -> int | None:
    """Return the ten bits of the half of a pair that the text begins with, None where it begins with none."""
    try:
        code = int(piece[:4], 16)
    except ValueError:
        return None
    return code - first if len(piece) >= 4 and first <= code < first + 0x400 else None
