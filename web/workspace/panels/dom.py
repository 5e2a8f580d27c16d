"""Small helpers for the DOM: the elements that the page's parts are made of, and how values are written.

fill(by_id("tabs"), [button("Popdesk", "tab", "tab-name", instance="4711")])
"""

import json

import js

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_document = js.document


def by_id(name: str) -> "Any":
    """Return the element with this id."""
    return _document.getElementById(name)


def elements(selector: str) -> "list[Any]":
    """Return the elements that a CSS selector finds."""
    return listed(_document.querySelectorAll(selector))


def listed(collection: "Any") -> "list[Any]":
    """Return a collection of JavaScript (a NodeList, a form's elements) as a list."""
    return [collection[number] for number in range(collection.length)]


def element(
    tag: str, css: str = "", text: str | None = None, children: "Iterable[Any]" = (), **attributes: "Any"
) -> "Any":
    """Return a new element; underscores in attribute names become dashes."""
    made = _document.createElement(tag)
    if css:
        made.className = css
    if text is not None:
        made.textContent = text
    for name in attributes:
        made.setAttribute(name.replace("_", "-").rstrip("-"), str(attributes[name]))
    for child in children:
        made.append(child)
    return made


def fill(holder: "Any", children: "Iterable[Any]") -> None:
    """Replace what an element holds."""
    holder.replaceChildren()
    for child in children:
        holder.append(child)


def button(text: str, command: str, css: str = "", **args: "Any") -> "Any":
    """Return a button that does a command."""
    made = element("button", css, text, type="button", data_do=command)
    if args:
        made.setAttribute("data-args", json.dumps(args))
    return made


def field(identity: str, name: str, label: str) -> "Any":
    """Return a labelled text input."""
    box = element("input", id=identity, name=name, spellcheck="false", autocomplete="off")
    return element("div", "field", None, [element("label", "", label, for_=identity), box])


def options(names: "Iterable[str]") -> "list[Any]":
    """Return the options of a select or a datalist."""
    return [element("option", "", name, value=name) for name in names]


def filled_in(fields: "dict[str, Any]") -> "dict[str, Any]":
    """Return a form's fields that hold something."""
    return {key: fields[key] for key in fields if fields[key]}


def icon(channel: str) -> "Any":
    """Return a channel's icon."""
    return element("span", "icon icon-" + channel, None, [by_id("icon-" + channel).content.cloneNode(True)])


def timer(since: float, now: float) -> "Any":
    """Return an element that shows how long ago `since` was; Page keeps it up to date."""
    return element("span", "timer", duration(now - since), data_since=str(since))


def problem_box(problem: dict[str, str]) -> "Any":
    """Return a box for {"subject", "reason", "hint"}."""
    lines = (("strong", "", "subject"), ("p", "", "reason"), ("p", "advice", "hint"))
    return element("div", "problem-box", None, [element(tag, css, problem.get(key, "")) for tag, css, key in lines])


def sentence(error: Exception) -> str:
    """Return an error's text as a sentence."""
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def duration(milliseconds: float) -> str:
    """Return a duration as 1:05 or 1:02:03."""
    seconds = max(0, int(milliseconds / 1000))
    minutes = seconds // 60
    if minutes < 60:
        return "%d:%02d" % (minutes, seconds % 60)
    return "%d:%02d:%02d" % (minutes // 60, minutes % 60, seconds % 60)


def time_of_day(milliseconds: float) -> str:
    """Return a time (ms since 1970) as 09:05:07.123, the machine's local time."""
    zone = js.Date.new().getTimezoneOffset() * 60000
    day = (milliseconds - zone) % 86400000
    seconds = int(day // 1000)
    return "%02d:%02d:%02d.%03d" % (seconds // 3600, seconds // 60 % 60, seconds % 60, int(day % 1000))
