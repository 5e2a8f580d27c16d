"""Build the URLs of the CRM's pages from templates, and check that each is on the allow-list.

    page_url("https://crm.example.com/customers/{id}", "id", "a/b", ["crm.example.com"])
    # -> "https://crm.example.com/customers/a%2Fb"; raises RefusedUrl if that is not allowed

The Lambda and the page apply the same rule. It is written twice because they share no file: here, without a URL parser that
agrees with browsers, and in pyapp/screenpop.py, on top of the browser's own. The settings are checked with this module.
tests/unit/pyapp/shared_allowed_hosts.py holds all three to the same URLs.

- https only, no user name or password.
- `crm.example.com` allows that host on port 443, `crm.example.com:8443` on port 8443 (like a host source of a CSP).
- `*.example.com` allows every host below example.com, not example.com itself. The labels before it may have letters, digits
  and hyphens; an internationalised host (`xn--...`) must be listed in full, since only a browser can tell if it is valid.
- `http://127.0.0.1:8000` or `http://localhost:8000`, preview's sample CRM, allows exactly that origin.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

LONGEST_URL = 4096  # bytes; no CRM's page needs more, and a contact's attributes are 32 kB together
# RFC 3986's characters only: parsers disagree about spaces, backslashes, control characters and non-ASCII letters.
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_DOT_SEGMENT = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
# Only what all URL parsers agree about: no percent-encoding, no brackets. The allow-list decides if it is a valid host.
_AUTHORITY = re.compile(r"([A-Za-z0-9.-]+)(?::([0-9]{0,5}))?")
_DEFAULT_PORT = {"https": 443, "http": 80}
_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789-"


class RefusedUrl(Exception):
    """The URL must not be opened. The message is the reason and contains no part of the URL."""


def page_url(template: str, placeholder: str, value: str, allowed: list[str]) -> str:
    """Return `template` with `{placeholder}` replaced by `value`, percent-encoded.

    Raises RefusedUrl if `value` is empty or the URL is not allowed.
    """
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
    if len(url) > LONGEST_URL:
        raise RefusedUrl("it is too long")
    if not _CHARACTERS.fullmatch(url):
        raise RefusedUrl("it contains a character that is not allowed in URLs")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise RefusedUrl("it is not a URL") from None
    if parts.scheme not in _DEFAULT_PORT:
        raise RefusedUrl("it is not https")
    if "@" in parts.netloc:
        raise RefusedUrl("it contains a user name or password")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    port = int(authority[2] or _DEFAULT_PORT[parts.scheme]) if authority else 0
    if not authority or port > 65_535:
        raise RefusedUrl("its host or port is malformed")
    # Browsers resolve dot segments, even percent-encoded ones: with the id ".." another page would open.
    if any(_DOT_SEGMENT.fullmatch(segment) for segment in parts.path.split("/")):
        raise RefusedUrl("its path has a dot segment")
    host = authority[1].lower() + ("" if port == _DEFAULT_PORT[parts.scheme] else f":{port}")
    if parts.scheme == "https":
        if not any(host_allowed(host, entry) for entry in allowed):
            raise RefusedUrl("its host is not allowed")
    elif f"http://{host}" not in allowed:
        raise RefusedUrl("it is not https")


def host_allowed(host: str, entry: str) -> bool:
    """Return whether `entry` of the allow-list allows `host`, which is in lower case and has its port unless that is 443."""
    if not entry.startswith("*."):
        return host == entry
    if not host.endswith(entry[1:]):
        return False
    return all(_is_label(label) for label in host[: 1 - len(entry)].split("."))


def _is_label(label: str) -> bool:
    if not label or label[0] == "-" or label[-1] == "-" or label.startswith("xn--"):
        return False
    return all(character in _LABEL for character in label)
