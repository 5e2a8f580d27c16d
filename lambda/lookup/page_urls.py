"""The CRM's URLs: values percent-encoded into a template, and the allow-list that every one must pass.

    page_url("https://crm.example.com/customers/{id}", "id", "a/b", ["crm.example.com"])
    # -> "https://crm.example.com/customers/a%2Fb"; raises RefusedUrl where the result is not allowed

The allow-list's rule is one, written twice because the page shares no file with the Lambda: here, where there is no URL
parser that reads as a browser does, and in pyapp/screenpop.py, after the browser's own. The settings are checked with
this module. tests/unit/pyapp/shared_allowed_hosts.py holds all three to the same URLs.

- https only, no user name or password.
- `crm.example.com` allows that host on https' own port; `crm.example.com:8443` allows that port (as a CSP's host source).
- `*.example.com` allows every host below example.com, not example.com itself. The labels before it are letters, digits
  and hyphens; an internationalised one (`xn--...`) must be named in full, since only a browser can tell whether it is one.
- `http://127.0.0.1:8000` or `http://localhost:8000`, preview's sample CRM, allows exactly that origin.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_LONGEST = 4096  # bytes; no CRM's page needs more, and a contact's attributes are 32 kB together
# RFC 3986's characters and nothing else: a space, a backslash, a control or a letter beyond ASCII is read differently
# by different parsers, so a URL with one is never sent on.
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_DOT_SEGMENT = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
# What every URL parser reads in the same way: no percent-encoding, no brackets. Whether it is a host is the list's to say.
_AUTHORITY = re.compile(r"([A-Za-z0-9.-]+)(?::([0-9]{0,5}))?")
_OWN_PORT = {"https": 443, "http": 80}
_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789-"


class RefusedUrl(Exception):
    """The URL may not be answered; the message says why and holds nothing of the URL."""


def page_url(template: str, placeholder: str, value: str, allowed: list[str]) -> str:
    """Return `template` with `{placeholder}` replaced by `value`, percent-encoded. Raises RefusedUrl."""
    if not value:
        raise RefusedUrl(f"there is no {placeholder}")
    try:
        url = template.replace("{" + placeholder + "}", quote(value, safe=""))
    except UnicodeEncodeError:
        raise RefusedUrl(f"the {placeholder} is not valid Unicode") from None
    check_url(url, allowed)
    return url


def check_url(url: str, allowed: list[str]) -> None:
    """Raise RefusedUrl unless `url` is on the allow-list `allowed`."""
    if len(url) > _LONGEST:
        raise RefusedUrl("it is too long")
    if not _CHARACTERS.fullmatch(url):
        raise RefusedUrl("it has a character that URLs have not")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise RefusedUrl("it is no URL") from None
    if parts.scheme not in _OWN_PORT:
        raise RefusedUrl("it is not https")
    if "@" in parts.netloc:
        raise RefusedUrl("it has userinfo")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    port = int(authority[2] or _OWN_PORT[parts.scheme]) if authority else 0
    if not authority or port > 65_535:
        raise RefusedUrl("its host or port is not written as they are")
    # A browser takes dot segments away, written out or percent-encoded: an id of ".." would pop another page.
    if any(_DOT_SEGMENT.fullmatch(segment) for segment in parts.path.split("/")):
        raise RefusedUrl("its path has a dot segment")
    host = authority[1].lower() + ("" if port == _OWN_PORT[parts.scheme] else f":{port}")
    if parts.scheme == "https":
        if not any(host_allowed(host, entry) for entry in allowed):
            raise RefusedUrl("its host is not allowed")
    elif f"http://{host}" not in allowed:
        raise RefusedUrl("it is not https")


def host_allowed(host: str, entry: str) -> bool:
    """Return whether the allow-list's `entry` allows `host`, a lower-case host with its port unless that is https' own."""
    if not entry.startswith("*."):
        return host == entry
    if not host.endswith(entry[1:]):
        return False
    return all(_is_label(label) for label in host[: 1 - len(entry)].split("."))


def _is_label(label: str) -> bool:
    if not label or label[0] == "-" or label[-1] == "-" or label.startswith("xn--"):
        return False
    return all(character in _LABEL for character in label)
