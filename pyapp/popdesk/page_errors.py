"""Reads an exception for people and for the log; imported only when there is one.

kind, text, frames = describe(error)
kind      # "KeyError"
text      # the whole traceback, for the page
frames    # "pyapp/cards.py:31 agent_name; ...": what may be logged, since a message can hold personal data
"""

import io
import sys

import js
from jsffi import create_proxy


def describe(error, place=""):
    """Return (kind, traceback, frames) of a Python exception, or of whatever a browser's error event carried.

    `place`, "pyapp/cards.py:31 agent_name", is the function to blame where the traceback does not lead into it: what a card
    returned is looked at when the card is done.
    """
    if not isinstance(error, BaseException):
        return "Error", str(error), "browser"
    written = io.StringIO()
    if hasattr(sys, "print_exception"):
        sys.print_exception(error, written)
    else:  # CPython, in tests
        import traceback

        traceback.print_exception(error, file=written)
    text = written.getvalue()
    places = frames(text)
    if place and place.split(" ")[-1] not in places.replace(";", "").split(" "):
        text += "Returned by " + place + "\n"
        places += "; " + place
    return type(error).__name__, text, places


def frames(text):
    """Return only the places of a traceback: `file:line function; ...`."""
    places = []
    for line in text.split("\n"):
        parts = line.strip().split('"')
        if len(parts) == 3 and parts[0] == "File ":
            where = parts[2].split(",")
            number = where[1].strip().split(" ")[-1] if len(where) > 1 else "?"
            function = where[2].strip().split(" ")[-1] if len(where) > 2 else ""
            places.append((parts[1] + ":" + number + " " + function).strip())
    return "; ".join(places)


def show_plainly(error):
    """Show an exception of the start-up, when there is no view to do it: the page's plain message, and the traceback.

    The message is in the static page until a view has been made; where the HTML is still on its way, it is waited for.
    """
    kind, text, _ = describe(error)
    js.console.error("Popdesk could not start: " + kind)

    def show(*_):
        late = js.document.getElementById("late")
        if late:
            late.classList.add("now")
        details = js.document.createElement("pre")
        details.textContent = text
        (late or js.document.body).append(details)

    if str(js.document.readyState) == "loading":
        js.document.addEventListener("DOMContentLoaded", create_proxy(show))
    else:
        show()
