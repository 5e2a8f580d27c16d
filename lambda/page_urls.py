"""The CRM's URLs: values percent-encoded into a template, and the allow-list that every one must pass.

    page_url("https://crm.example.com/customers/{id}", "id", "a/b", ["crm.example.com"])
    # -> "https://crm.example.com/customers/a%2Fb"; raises RefusedUrl where the result is not allowed

Rules, the same as the page's: https only; no userinfo; an exact host, or `*.suffix` on label boundaries. An entry that
is an origin on the loopback interface (`http://127.0.0.1:8000`, preview's sample CRM) allows exactly that origin.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_LONGEST = 4096  # bytes; no CRM's page needs more, and a contact's attributes are 32 kB together
# RFC 3986's characters and nothing else: a space, a backslash, a control or a letter beyond ASCII is read differently
# by different parsers, so a URL with one is never sent on.
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_DOT_SEGMENT = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)


class RefusedUrl(Exception):
    """The URL may not be answered; the message says why and holds nothing of the URL."""


def page_url(template: str, placeholder: str, value: str, allowed: list[str]) -> str:
    """Give `template` with `{placeholder}` replaced by `value`, percent-encoded. Raises RefusedUrl."""
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
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise RefusedUrl("it is no URL") from None
    if "@" in parts.netloc:
        raise RefusedUrl("it has userinfo")
    # A browser takes dot segments away, written out or percent-encoded: an id of ".." would pop another page.
    if any(_DOT_SEGMENT.fullmatch(segment) for segment in parts.path.split("/")):
        raise RefusedUrl("its path has a dot segment")
    if not any(_allows(entry, parts.scheme, host, parts.netloc) for entry in allowed):
        raise RefusedUrl("its host is not allowed over its scheme")


def _allows(entry: str, scheme: str, host: str, netloc: str) -> bool:
    if entry.startswith("http://"):
        return f"{scheme}://{netloc}" == entry
    if scheme != "https":
        return False
    return host.endswith(entry[1:]) and host != entry[2:] if entry.startswith("*.") else host == entry
