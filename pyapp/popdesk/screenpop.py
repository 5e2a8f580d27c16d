"""What may be popped, when, and into which window: decisions only. Pure: no browser, no clock.

    offer = decide(attributes, roles, hosts, parse, number, search)      # what the page offers for this contact
    offer.kind          # "one", "several", "none", "failed" (the look-up), "unknown" (there was none)
    offer.url           # the checked URL to open, "" when there is none
    offer.refused       # (what was given, why it is not opened), or None

    features(attributes, roles, 1000, 700, screen)       # -> "popup=yes,width=1000,height=700"
    window_for("shared", engine)                         # -> Window(name, sized, cut_off)
    note.happened("blocked", url); note.words(offer)     # what is said below the link, and for how long

`parse` is the browser's own URL parser and the only one: it takes a text and gives its parts as a dict (`protocol`,
`host`, `origin`, `username`, `password`, `href`), or None where the text is no absolute URL. Nothing here takes a URL
apart by hand (WHATWG URL Standard, https://url.spec.whatwg.org/).
"""

if False:
    from collections.abc import Callable, Sequence
    from typing import Any

    Parse = Callable[[str], dict[str, str] | None]


# No CRM needs a longer one, and what is not parsed cannot take long.
LONGEST_URL = 8192

SMALLEST = 200

_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789-"


class Offer:
    """What the page offers for a contact; the texts are what the attributes say, not yet words of the page.

    Three numbers that need not be the same: `identity` is what was looked up (the caller's number, what they typed, or an
    e-mail address), `phone` what the CRM has for the customer found, `caller` the number that the workspace has for the
    caller or called. The last two are "" where they say nothing new.
    """

    def __init__(self, kind: str, matches: int) -> None:
        self.kind = kind
        self.matches = matches
        self.name = ""
        self.identity = ""
        self.phone = ""
        self.caller = ""
        self.url = ""
        self.is_page = False  # whether `url` is the customer's page, and no search
        self.refused: "tuple[str, str] | None" = None


def decide(
    attributes: "dict[str, Any]",
    roles: "dict[str, str]",
    hosts: "list[str]",
    parse: "Parse",
    number: str = "",
    search_template: str = "",
) -> Offer:
    """Return the Offer for a contact: which customer, how many, and the one URL that may be opened for them.

    `attributes` maps names to texts, `roles` says which name plays which role ([tool.popdesk.attributes]), `hosts` is
    the allow-list, `parse` the browser's URL parser. `number` is the caller's or called number as the workspace has it,
    "" while it is not known; `search_template` is the CRM's search with `{query}` in it. A page is offered for exactly one
    match, else a search: the look-up's, or where it gave none (an agent dialled, and no flow has run) one for the number.
    """

    def text(role: str) -> str:
        value = attributes.get(roles[role])
        return value.strip() if isinstance(value, str) else ""

    matches, url, search = text("matches"), text("url"), text("search")
    count = int(matches) if len(matches) < 10 and _is_number(matches) and "." not in matches else None
    if count is not None:
        kind = "none" if count < 1 else "one" if count == 1 else "several"
    else:
        # An answer without a count (a Lambda that is not ours): a page of its own means it knew the customer. A count
        # that is none (-1, 1e9) says that something is wrong, and so not which customer it is.
        kind = "one" if url and not matches else "unknown"
        if kind == "unknown" and text("status") not in ("", "200"):
            kind = "failed"
    offer = Offer(kind, count or 0)
    offer.identity = text("identity")
    if kind == "one":
        offer.name = text("name")
        offer.phone = "" if same_number(text("phone"), offer.identity) else text("phone")
    elif not offer.identity:
        offer.identity = text("phone")  # nobody was found: it can only be what was looked up
    known = number if is_number(number) else ""
    offer.caller = "" if same_number(known, offer.identity) else known
    offer.is_page = kind == "one" and bool(url)
    wanted = url if offer.is_page else search
    if not wanted and search_template:
        query = offer.identity or known
        wanted = search_template.replace("{query}", percent_encoded(query)) if query else ""
    if wanted:
        offer.url, reason = check_url(wanted, hosts, parse)
        if reason:
            offer.refused = (wanted, reason)
    return offer


# ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE on a keypad: a number withheld, as some carriers write it
# (lambda/lookup/flow_contract.py has where that is from; a test holds the two lists together).
_WITHHELD = ("266696687", "7378742833", "2562533", "8656696", "86282452253")


def is_number(text: str) -> bool:
    """Return whether a text is a whole telephone number, as Amazon Connect writes them: E.164, with its plus."""
    digits = text[1:]
    if text[:1] != "+" or not 7 <= len(digits) <= 15 or digits[0] == "0" or _digits(digits) != digits:
        return False
    return digits not in _WITHHELD and not (digits[0] == "1" and digits[1:] in _WITHHELD)


def same_number(one: str, other: str) -> bool:
    """Return whether two texts say the same number, or the same address; so does an empty one with any."""
    if not one or not other:
        return not one
    if "@" in one or "@" in other:
        return one.lower() == other.lower()
    return (_digits(one) or one) == (_digits(other) or other)


def _digits(text: str) -> str:
    return "".join([character for character in text if character in "0123456789"])


_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def percent_encoded(text: str) -> str:
    """Return a text as it stands in a URL's query: RFC 3986's unreserved characters as they are, the rest as UTF-8."""
    made = []
    for byte in text.encode("utf-8", "replace"):
        made.append(chr(byte) if chr(byte) in _UNRESERVED else "%%%02X" % byte)
    return "".join(made)


def check_url(url: str, hosts: "list[str]", parse: "Parse") -> "tuple[str, str]":
    """Return (the URL as the browser writes it, "") when it may be opened, else ("", the reason's key in the words).

    Allowed are https URLs without userinfo whose host `host_allowed` finds on the list `hosts`. An entry that is a whole
    origin (`http://127.0.0.1:8000`, preview's sample CRM) allows exactly that origin.
    """
    if len(url) > LONGEST_URL:
        return "", "url.long"
    parts = parse(url)
    if parts is None:
        return "", "url.broken"
    if parts["username"] or parts["password"]:
        return "", "url.userinfo"
    if parts["origin"] in hosts and parts["origin"].startswith("http://"):
        return parts["href"], ""
    if parts["protocol"] != "https:":
        return "", "url.scheme"
    for entry in hosts:
        if host_allowed(parts["host"], entry):
            return parts["href"], ""
    return "", "url.host"


def host_allowed(host: str, entry: str) -> bool:
    """Return whether the allow-list's `entry` allows `host`, which has its port with it unless that is https' own.

    The rule is explained in lambda/lookup/page_urls.py, which follows the same one.
    """
    if not entry.startswith("*."):
        return host == entry
    if not host.endswith(entry[1:]):
        return False
    return all(_is_label(label) for label in host[: 1 - len(entry)].split("."))


def _is_label(label: str) -> bool:
    if not label or label[0] == "-" or label[-1] == "-" or label.startswith("xn--"):
        return False
    return all(character in _LABEL for character in label)


def features(
    attributes: "dict[str, Any]", roles: "dict[str, str]", width: int, height: int, screen: "tuple[int, int, int, int]"
) -> str:
    """Return the third argument of window.open for a window of its own: sizes in pixels, clamped to the screen.

    `width` and `height` stand where the attributes give no number; `screen` is (left, top, width, height) of what the
    screen has free. Where the attributes give no position the browser chooses one.
    """
    left, top, free_width, free_height = screen
    wide = _clamp(_pixels(attributes, roles["width"], width), SMALLEST, free_width)
    high = _clamp(_pixels(attributes, roles["height"], height), SMALLEST, free_height)
    parts = ["popup=yes", "width=%d" % wide, "height=%d" % high]
    at_left = _pixels(attributes, roles["left"], None)
    at_top = _pixels(attributes, roles["top"], None)
    if at_left is not None:
        parts.append("left=%d" % _clamp(at_left, left, left + free_width - wide))
    if at_top is not None:
        parts.append("top=%d" % _clamp(at_top, top, top + free_height - high))
    return ",".join(parts)


def _pixels(attributes: "dict[str, Any]", name: str, default: "Any") -> "Any":
    value = attributes.get(name)
    text = value.strip() if isinstance(value, str) else ""
    sign = -1 if text[:1] == "-" else 1
    digits = text[1:] if sign < 0 else text
    if not _is_number(digits) or len(digits) > 9:
        return default
    return int(digits.split(".")[0] or "0") * sign


def _is_number(text: str) -> bool:
    digits = text.replace(".", "", 1)
    return bool(digits) and all(character in "0123456789" for character in digits)


def _clamp(value: int, least: int, most: int) -> int:
    return max(least, min(value, most)) if most > least else least


def engine_of(user_agent: str, has_brands: bool) -> str:
    """Return "chromium", "firefox" or "other".

    `has_brands` says whether the browser has `navigator.userAgentData`, as Chromium alone has; `user_agent` is
    `navigator.userAgent`, in which others also call themselves Chrome.
    """
    if has_brands and "Chrome/" in user_agent:
        return "chromium"
    return "firefox" if "Firefox/" in user_agent else "other"


class Window:
    """Into what to pop: the target's `name`, whether it is `sized`, and whether it is `cut_off` from this page."""

    def __init__(self, name: str, sized: bool, cut_off: bool) -> None:
        self.name = name
        self.sized = sized
        self.cut_off = cut_off


def window_for(setting: str, engine: str) -> Window:
    """Return the Window for `[tool.popdesk.pop] window` in a browser of this engine (see `engine_of`).

    A window that the next pop reuses has to keep its `opener`, and that is a way back: by the HTML standard
    (https://html.spec.whatwg.org/multipage/document-sequences.html#allowed-by-sandboxing-to-navigate) a page may navigate any
    top-level window that it can reach, and from the opener it reaches the workspace. Firefox allows that. Chromium does
    not: there a page may navigate neither this frame, which is of another origin and no top-level window, nor what is
    around it. So a window is shared in Chromium alone, and all others are cut off from their opener.
    """
    if setting == "shared" and engine == "chromium":
        return Window("popdesk", True, False)
    return Window("_blank", setting != "tab", True)


class Note:
    """What is said below the link about the last pop, for as long as it is true and the agent may need it.

        note = Note()
        note.happened("blocked", url)     # "opened", "blocked", "barred", "copied", "uncopied"
        note.words(offer)                 # -> (the words' key, the URL it is about), or ("", "")

    A refresh changes nothing about it. That a pop was blocked stays until the agent has opened or copied the link, whatever
    page that link leads to by then; all else is about one page and goes with it.
    """

    def __init__(self) -> None:
        self._what = ""
        self._url = ""

    def happened(self, what: str, url: str) -> None:
        """Take what came of a pop, or of copying the link."""
        self._what, self._url = what, url

    def words(self, offer: "Offer | None") -> "tuple[str, str]":
        """Return what to say beside an offer (None: nothing is known of the contact)."""
        if offer is None or offer.refused:
            return "", ""
        if not offer.url:
            return "pop.none", ""
        if self._what in ("blocked", "barred"):
            return "pop." + self._what, offer.url
        if self._what and self._url == offer.url:
            return "pop." + self._what, offer.url
        return "", ""


class Automatic:
    """Decides the automatic pop: at most once per contact, when it is connected and its page is known.

        automatic = Automatic("connected", already)
        automatic.connected("initial id")      # -> the contact has just been connected
        automatic.due(offer)                   # -> True once, when both are there
        automatic.opened()                     # the page is open, by itself or by hand: it does not pop again

    `already` are the contacts popped earlier in this tab (a reload makes a new page, not a new contact); a transfer
    keeps its initial contact id, and so is the same contact.
    """

    def __init__(self, when: str, already: "Sequence[str]" = ()) -> None:
        self._when = when
        self.popped = list(already)
        self._waiting = ""

    def connected(self, contact_id: str) -> None:
        """Note that the contact was connected just now (the event, not the state)."""
        if self._when == "connected" and contact_id and contact_id not in self.popped:
            self._waiting = contact_id

    def opened(self) -> None:
        """Note that the contact's page has been opened, by itself or by the agent's hand."""
        if self._waiting:
            self.popped.append(self._waiting)
            self._waiting = ""

    def ended(self) -> None:
        """Note that the contact is over before its page was known: it pops no more."""
        self._waiting = ""

    def due(self, offer: "Offer | None") -> bool:
        """Return whether to pop now; True only once. Only a customer's own page pops, never a search."""
        if not self._waiting or not offer or not offer.is_page or not offer.url:
            return False
        self.popped.append(self._waiting)
        self._waiting = ""
        return True
