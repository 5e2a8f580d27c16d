"""The team's own API, on the page's own origin: what is sent, what comes of it, and what is tried again. Pure.

    api = Api(request, settings["api"])
    api.token = token                                           # the contact's, of its attributes
    await api.call("GET", "customers/7731/orders")              # -> what the answer's JSON says
    await api.call("POST", "tickets", {"subject": "Invoice"}, key)

`request(method, url, headers, body, seconds)` sends (browser.py): it returns a Reply, and never raises. Errors are problem
details (RFC 9457): their words are the reason of the `Problem` that `call` raises. Cards and actions have a `DeskApi`,
`desk.api`: what a card asks is a question of the board, so that what two cards ask is asked once.
"""

import asyncio
import json

from popdesk.desk import DOWN, FAILED, NOTHING, TIMED_OUT, UNEXPECTED, Unanswered

if False:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from popdesk.desk import Ask, Contact

    Request = Callable[[str, str, dict[str, str], str | None, float], Awaitable["Reply"]]
    Write = Callable[[str, str, Any], Awaitable[Any]]

# How the board names a question to the API: "api customers/7731/orders" (board.py, main.py).
QUESTION = "api "

# Why a request got no answer: Reply.lost.
LOST = "lost"
LATE = "late"
GONE = "gone"

# Bytes of an answer that are read: more would not fit into MicroPython's memory.
LONGEST = 250_000
TOO_LONG = "(too long)"

# What a gateway answers where the function did not: it may have run all the same.
_GATEWAY = (502, 503, 504)

# Seconds before what was lost is sent again, and before what is still under way is asked for again.
PAUSE = 0.3


class Reply:
    """An answer: `status`, its media type, its text, `retry_after` in seconds (None: not said), or why there is none (`lost`)."""

    def __init__(
        self,
        status: int = 0,
        media_type: str = "",
        text: str = "",
        retry_after: "float | None" = None,
        lost: str = "",
    ) -> None:
        self.status = status
        self.media_type = media_type
        self.text = text
        self.retry_after = retry_after
        self.lost = lost


class Problem(Unanswered):
    """The API answered no: `status`, its own words as `reason`, and for each field that is wrong {"field", "detail"}.

    `uncertain` is whether what was to be done may have been done. `kind` is "problem" where the API has said why, "down" where it
    could not be reached, or a gateway has answered in its place.
    """

    def __init__(
        self, kind: str, reason: str = "", status: int = 0, uncertain: bool = False, errors: "Any" = ()
    ) -> None:
        super().__init__(kind, reason)
        self.status = status
        self.uncertain = uncertain
        self.errors = errors


class Api:
    """The client. `settings` are the page's about the API: {"prefix", "timeout_ms", "headers": {"contact", "idempotency"}}."""

    def __init__(self, request: "Request", settings: "dict[str, Any]") -> None:
        self._request = request
        self._prefix = settings["prefix"]
        self._seconds = settings["timeout_ms"] / 1000
        self._headers = settings["headers"]
        self.token = ""
        self.closed = False  # whether the contact is gone

    async def call(self, method: str, path: str, body: "Any" = None, key: str = "") -> "Any":
        """Send a request, and return what the answer's JSON says; None where it says nothing.

        Raises Problem for any other answer, and Unanswered where there is no contact to ask about. What may be repeated (a GET,
        and what has an idempotency key) is sent once more where its answer was lost.
        """
        if self.closed or not self.token:
            raise Unanswered(NOTHING)
        headers = {"Accept": "application/json", self._headers["contact"]: self.token}
        text = None
        if body is not None:
            text = json.dumps(body)
            headers["Content-Type"] = "application/json"
        if key:
            headers[self._headers["idempotency"]] = key
        url = self._prefix + checked_path(path)
        again, waited = method == "GET" or key != "", 0.0
        while True:
            reply = await self._request(method, url, headers, text, self._seconds)
            if self.closed:
                raise Unanswered(NOTHING)
            wait = PAUSE
            if reply.status == 409 and reply.retry_after is not None and key:
                # The first one with this key is still under way: its answer is the one to show.
                wait = min(max(reply.retry_after, PAUSE), self._seconds)
                if waited >= self._seconds:
                    raise Problem(TIMED_OUT, "", 409, True)
                waited += wait
            elif again and (reply.lost == LOST or reply.status in _GATEWAY):
                again = False
            else:
                return _read(reply, method != "GET")
            await asyncio.sleep(wait)


def _read(reply: Reply, writes: bool) -> "Any":
    """Return what an answer's JSON says. Raises Problem."""
    if reply.lost:
        kinds = {LATE: TIMED_OUT, LOST: DOWN}
        raise Problem(kinds.get(reply.lost, FAILED), "", 0, writes)
    is_json = reply.media_type == "application/json" or reply.media_type[-5:] == "+json"
    value = None
    if is_json and reply.text:
        try:
            value = json.loads(whole_characters(reply.text))
        except ValueError:
            is_json = False
    if 200 <= reply.status < 300:
        if reply.text and not is_json:
            raise Problem(UNEXPECTED, "", reply.status, writes)
        return value
    said = value if isinstance(value, dict) else {}
    reason = _text(said.get("detail")) or _text(said.get("title"))
    errors = said.get("errors")
    fields = [
        {"field": _text(each.get("field")), "detail": _text(each.get("detail"))}
        for each in (errors if isinstance(errors, list) else [])
        if isinstance(each, dict) and _text(each.get("field"))
    ]
    # What a server broke at may have been done; what it refused has not.
    uncertain = writes and reply.status >= 500
    kind = "problem" if reason else DOWN if reply.status in _GATEWAY else FAILED
    raise Problem(kind, reason, reply.status, uncertain, fields)


def _text(value: "Any") -> str:
    return value if isinstance(value, str) else ""


class DeskApi:
    """`desk.api`: each method returns what the answer's JSON says, and raises Unanswered (a `Problem`) for any other answer."""

    def __init__(self, ask: "Ask", contact: "Contact", write: "Write | None") -> None:
        self._ask = ask
        self._contact = contact
        self._write = write

    async def get(self, path: str, **values: "Any") -> "Any":
        """Ask for `path`: get("customers/{id}/orders", id="7731") puts the values into it, each as one part of the path.

        Raises ValueError for what is no path of the API.
        """
        path = filled_path(path, values)
        await self._contact.attributes()  # the contact's token is among them
        return await self._ask(QUESTION + path)

    async def post(self, path: str, body: "Any" = None, **values: "Any") -> "Any":
        """Send a POST, in an action; sent again after a lost answer, it is done once."""
        return await self._change("POST", path, body, values)

    async def put(self, path: str, body: "Any" = None, **values: "Any") -> "Any":
        """Send a PUT, in an action."""
        return await self._change("PUT", path, body, values)

    async def patch(self, path: str, body: "Any" = None, **values: "Any") -> "Any":
        """Send a PATCH, in an action."""
        return await self._change("PATCH", path, body, values)

    async def delete(self, path: str, body: "Any" = None, **values: "Any") -> "Any":
        """Send a DELETE, in an action."""
        return await self._change("DELETE", path, body, values)

    async def _change(self, method: str, path: str, body: "Any", values: "dict[str, Any]") -> "Any":
        if self._write is None:
            raise TypeError("desk.api." + method.lower() + "() is for actions: a card is asked again and again")
        path = filled_path(path, values)
        await self._contact.attributes()
        return await self._write(method, path, body)


_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
# What a path may have as it is, with a query behind it (RFC 3986, section 3.3 and 3.4).
_OF_PATHS = _PLAIN + "/:@!$&'()*+,;=?%"


def filled_path(path: str, values: "dict[str, Any]") -> str:
    """Return a path with each {name} in it replaced by its value, percent-encoded but for letters, digits, - . _ ~ (RFC 3986).

    Raises ValueError for a {name} without a value, a value without its {name}, and for what is no path then.
    """
    for name in values:
        if "{" + name + "}" not in path:
            raise ValueError("the path " + repr(path) + " has no {" + name + "}")
    made = path
    for part in path.split("{")[1:]:
        name, brace, _ = part.partition("}")
        if not brace or name not in values:
            raise ValueError("nothing is given for {" + name + "} of the path " + repr(path))
        made = made.replace("{" + name + "}", _encoded(str(values[name]), _PLAIN))
    return checked_path(made)


def checked_path(path: str) -> str:
    """Return a path as it is sent. Raises ValueError for one that leads elsewhere than below the API's own address."""
    parts = path.partition("?")[0].split("/") if isinstance(path, str) else [""]
    for part in parts:
        if part == "" or part.lower().replace("%2e", ".") in (".", ".."):
            raise ValueError("no path of the API: " + repr(path) + ' (it is written "customers/7731/orders")')
    for character in path:
        if character in "\\#" or ord(character) < 32:
            raise ValueError(
                "no path of the API: " + repr(path) + ' (what is put into one is given by name: "orders/{id}", id=...)'
            )
    return _encoded(path, _OF_PATHS)


def _encoded(text: str, kept: str) -> str:
    made = []
    for character in text:
        if character in kept:
            made.append(character)
        else:
            made.extend(["%%%02X" % byte for byte in character.encode()])
    return "".join(made)


def whole_characters(text: str) -> str:
    r"""Return JSON with its escaped surrogate pairs (\ud83d\ude00) as the characters that they are.

    MicroPython's json makes two characters of U+FFFD of one; Python's writes all beyond ASCII in this way.
    """
    if "\\ud" not in text and "\\uD" not in text:
        return text
    made: "list[str]" = []
    at = 0
    while at < len(text):
        end = text.find("\\", at)
        if end < 0:
            made.append(text[at:])
            break
        made.append(text[at:end])
        high, low = _unit(text, end), _unit(text, end + 6)
        if 0xD800 <= high < 0xDC00 <= low < 0xE000:
            made.append(chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00))
            at = end + 12
        else:
            made.append(text[end : end + 2])
            at = end + 2
    return "".join(made)


def _unit(text: str, at: int) -> int:
    r"""Return the number of the \uXXXX that stands there, -1 where none does."""
    if text[at : at + 2] != "\\u":
        return -1
    try:
        return int(text[at + 2 : at + 6], 16)
    except ValueError:
        return -1
