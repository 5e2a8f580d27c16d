"""What may be popped, when, and into which window: decisions only. Pure: no browser, no clock.

    offer = decide(attributes, roles, hosts, parse)      # what the page offers for this contact
    offer.kind          # "one", "several", "none", "unknown"
    offer.url           # the checked URL to open, "" when there is none
    offer.refused       # (what was given, why it is not opened), or None

    features(attributes, roles, 1000, 700, screen)       # -> "popup=yes,width=1000,height=700"
    window_name("per-contact", "1234")                   # -> "popdesk-1234"

`parse` is the browser's own URL parser and the only one: it takes a text and gives its parts as a dict (`protocol`,
`host`, `origin`, `username`, `password`, `href`), or None where the text is no absolute URL. Nothing here takes a URL
apart by hand (WHATWG URL Standard, https://url.spec.whatwg.org/).
"""

# No CRM needs a longer one, and what is not parsed cannot take long.
LONGEST_URL = 8192

SMALLEST = 200

_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789-"


class Offer:
    """What the page offers for a contact; the texts are what the attributes say, not yet words of the page."""

    def __init__(self, kind, name, identity, matches):
        self.kind = kind
        self.name = name
        self.identity = identity
        self.matches = matches
        self.url = ""
        self.refused = None


def decide(attributes, roles, hosts, parse):
    """Read the contact's attributes: which customer, how many, and the one URL that may be opened for them.

    `attributes` maps names to texts, `roles` says which name plays which role ([tool.popdesk.attributes]), `hosts` is
    the allow-list. A page is offered for exactly one match; a search for none and for several.
    """

    def text(role):
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
    offer = Offer(kind, text("name") if kind == "one" else "", text("identity") or text("phone"), count or 0)
    wanted = url if kind == "one" else search
    if wanted:
        offer.url, reason = check_url(wanted, hosts, parse)
        if reason:
            offer.refused = (wanted, reason)
    return offer


def check_url(url, hosts, parse):
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


def host_allowed(host, entry):
    """Return whether the allow-list's `entry` allows `host`, which has its port with it unless that is https' own.

    The rule is explained in lambda/lookup/page_urls.py, which follows the same one.
    """
    if not entry.startswith("*."):
        return host == entry
    if not host.endswith(entry[1:]):
        return False
    return all(_is_label(label) for label in host[: 1 - len(entry)].split("."))


def _is_label(label):
    if not label or label[0] == "-" or label[-1] == "-" or label.startswith("xn--"):
        return False
    return all(character in _LABEL for character in label)


def features(attributes, roles, width, height, screen):
    """Give the third argument of window.open for a window of its own: sizes in pixels, clamped to the screen.

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


def _pixels(attributes, name, default):
    value = attributes.get(name)
    text = value.strip() if isinstance(value, str) else ""
    sign = -1 if text[:1] == "-" else 1
    digits = text[1:] if sign < 0 else text
    if not _is_number(digits) or len(digits) > 9:
        return default
    return int(digits.split(".")[0] or "0") * sign


def _is_number(text):
    digits = text.replace(".", "", 1)
    return bool(digits) and all(character in "0123456789" for character in digits)


def _clamp(value, least, most):
    return max(least, min(value, most)) if most > least else least


def window_name(windows, contact_id):
    """Give the target's name: one for all contacts, one per contact, or a new tab each time."""
    if windows == "shared":
        return "popdesk"
    return "popdesk-" + contact_id if windows == "per-contact" else "_blank"


class Automatic:
    """Decides the automatic pop: at most once per contact, when it is connected and its page is known.

        automatic = Automatic("connected", already)
        automatic.connected("initial id")      # -> the contact has just been connected
        automatic.due(offer)                   # -> True once, when both are there

    `already` are the contacts popped earlier in this tab (a reload makes a new page, not a new contact); a transfer
    keeps its initial contact id, and so is the same contact.
    """

    def __init__(self, when, already=()):
        self._when = when
        self.popped = list(already)
        self._waiting = ""

    def connected(self, contact_id):
        """Note that the contact was connected just now (the event, not the state)."""
        if self._when == "connected" and contact_id and contact_id not in self.popped:
            self._waiting = contact_id

    def ended(self):
        """Note that the contact is over before its page was known: it pops no more."""
        self._waiting = ""

    def due(self, offer):
        """Say whether to pop now; True only once. Only a customer's own page pops, never a search."""
        if not self._waiting or not offer or offer.kind != "one" or not offer.url:
            return False
        self.popped.append(self._waiting)
        self._waiting = ""
        return True
