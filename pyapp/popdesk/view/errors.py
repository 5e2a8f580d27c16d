"""Reads an exception for people and for the log; imported only when there is one.

kind, text, frames = describe(error)
kind      # "KeyError"
text      # the whole traceback, for the page
frames    # "pyapp/cards.py:31 agent_name; ...": what may be logged, since a message can hold personal data
"""

import io
import sys

import js

from popdesk.view.dom import by_id, element, parsed

if False:
    from collections.abc import Callable


def describe(error: object, place: str = "") -> "tuple[str, str, str]":
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


def printed(kind: str, places: str) -> str:
    """Return the traceback of `frames` for consoles and logs: without the exception's text, which may have personal data."""
    lines = ["Traceback (most recent call last):"]
    for place in places.split("; "):
        where, _, function = place.partition(" ")
        path, _, line = where.rpartition(":")
        lines.append('  File "' + path + '", line ' + line + ", in " + function if path else "  " + place)
    return "\n".join(lines + [kind + " (the page shows its text)"])


def frames(text: str) -> str:
    """Return only the places of a traceback: `file:line function; ...`."""
    places = []
    for line in text.split("\n"):
        if line[:1] not in ("", " ") and line[:9] != "Traceback":
            break  # the exception's text, in which anything may stand
        parts = line.strip().split('"')
        if len(parts) == 3 and parts[0] == "File ":
            where = parts[2].split(",")
            number = where[1].strip().split(" ")[-1] if len(where) > 1 else "?"
            function = where[2].strip().split(" ")[-1] if len(where) > 2 else ""
            places.append((parts[1] + ":" + number + " " + function).strip())
    return "; ".join(places)


def draw(say: "Callable[..., str]", where: str, kind: str, text: str) -> None:
    """Draw an error that is not the SDK's, its traceback folded away."""
    from words import title

    box, fold = element("section", className="page-error"), element("details")
    fold.append(element("summary", say("error.details")), element("pre", text))
    # What the log says of a card and an action: "card: Open cases".
    of, _, name = where.partition(": ")
    if name and of in ("card", "action"):
        what = say("error." + of, title=title(say, name), what=kind)
    else:
        what = say("error.in", where=where, what=kind)
    what += ". " + say("error.rest")
    box.append(element("h2", say("error")), element("p", what), fold)
    by_id("errors").append(box)


async def draw_plainly(error: BaseException) -> None:
    """Draw an exception of the start-up, when nothing else is there to do it: the line that failed, and the traceback.

    They take the place of the static page's message, which says what keeps Python from running: here it ran. Where the HTML is
    still on its way, it is waited for.
    """
    kind, text, places = describe(error)
    what = "This page’s program failed as it started: " + kind + " in " + places.split("; ")[-1] + "."
    js.console.error(what)
    print(printed(kind, places))
    await parsed()
    how = " Reload the page; if that does not help, show this to your administrator. The contact’s own tab works as always."
    said = element("p")
    said.append(element("strong", what), how)
    late = by_id("late")
    if late:
        late.classList.add("now")
        late.replaceChildren(said, element("pre", text))
    else:
        js.document.body.append(said, element("pre", text))
