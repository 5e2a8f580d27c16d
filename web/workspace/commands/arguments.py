"""Reads the arguments of commands: an address is a link that anybody may have written. Pure.

    read_argument("late", "ms", "250")       # -> 250
    read_argument("late", "ms", "soon")      # raises NotPossible: ms of late is a number from 0 to 60000, not soon

A parameter's kind follows from its name, which means the same in every command.
"""

import json

from model.desk import NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# The longest that a command waits, or makes an answer wait, ms.
LONGEST = 60000
# What a parameter is where it is no text: the most for a whole number.
_WHOLE = {"count": 10000, "times": 10000, "last": 1000000, "voice": 100, "chat": 100, "task": 100, "email": 100}
_MILLISECONDS = ("ms", "timeout")
_FLAGS = ("accept", "idle")
_TEXTS = ("attributes", "values")  # {name: text}; a name whose text is None is removed
_OBJECTS = ("parameters",)
_ANYTHING = "data"
# Where null means something: nothing given, or to be removed.
_MAY_BE_NONE = ("value", "filter", "contact", "attributes", "values", "parameters", "voice", "chat", "task", "email")
_YES = ("true", "yes", "1")
_NO = ("false", "no", "0", "")


def is_json(name: str) -> bool:
    """Return whether a parameter is written as JSON in the page's address."""
    return name in _TEXTS or name in _OBJECTS or name == _ANYTHING


def read_argument(command: str, name: str, value: "Any") -> "Any":
    """Return an argument as its command takes it: a text, number, flag, object or any value.

    Numbers and flags may come as texts, as the address and the forms have them. Raises NotPossible for another kind.
    """
    what = name + " of " + command
    if name == _ANYTHING:
        return value
    if value is None and name in _MAY_BE_NONE:
        return None
    if name in _WHOLE:
        return _number(what, value, _WHOLE[name], True)
    if name in _MILLISECONDS:
        return _number(what, value, LONGEST, False)
    if name in _FLAGS:
        text = str(value).lower() if isinstance(value, (bool, int, str)) else "?"
        if text not in _YES + _NO:
            raise NotPossible(what + " is true or false, not " + shortened(value))
        return text in _YES
    if name in _TEXTS or name in _OBJECTS:
        if not isinstance(value, dict):
            raise NotPossible(what + " is an object, not " + shortened(value))
        return value if name in _OBJECTS else {key: _text_or_none(what, value[key]) for key in value}
    if not isinstance(value, str):
        raise NotPossible(what + " is a text, not " + shortened(value))
    return value


def _number(what: str, value: "Any", most: int, whole: bool) -> float:
    try:
        number = float("nan" if isinstance(value, bool) or not isinstance(value, (int, float, str)) else value)
    except (ValueError, OverflowError):
        number = -1.0
    # Not the other way round: NaN is neither less nor more.
    if not (0 <= number <= most) or (whole and number != int(number)):
        raise NotPossible(what + " is a number from 0 to " + str(most) + ", not " + shortened(value))
    return int(number) if number == int(number) else number


def _text_or_none(what: str, value: "Any") -> str | None:
    if isinstance(value, bool) or not (value is None or isinstance(value, (str, int, float))):
        raise NotPossible(what + " are texts, not " + shortened(value))
    return value if value is None or isinstance(value, str) else str(value)


def one_of(what: str, value: str, known: "Sequence[str]") -> str:
    """Return `value`. Raises NotPossible where it is none of the `known` ones."""
    if value not in known:
        raise NotPossible("an app's " + what + " is one of " + ", ".join(known) + ", not " + shortened(value))
    return value


def shortened(value: "Any") -> str:
    """Return a value as it is shown in a refusal, at most its beginning."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else text[:80] + "..."
