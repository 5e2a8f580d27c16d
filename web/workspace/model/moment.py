"""Times that are a Date in the SDK's types. Pure.

moment(1763700000000.0)      # -> {"$date": 1763700000000.0}; protocol/frames.py, which sends it, makes the Date
"""


class Moment(dict):  # type: ignore[type-arg]  # a plain dict in MicroPython
    """A time that is a Date in the SDK's types; the edge that sends it makes the Date.

    A class of its own: `{"$date": ...}` in what an app sends, and gets back, is the app's own data.
    """


def moment(milliseconds: float) -> Moment:
    """Return the Moment of a time in ms since 1970."""
    made = Moment()
    made["$date"] = milliseconds
    return made
