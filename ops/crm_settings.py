"""Checks the hosts and URL templates that the settings name, so that none is refused for the first time during a call.

    check_entry("*.example.com")                                                 # -> "*.example.com"
    encode_template("https://crm.example.com/list?q=phone^{query}", "query")     # -> "https://...?q=phone%5E{query}"
    check_page("https://crm.example.com/{id}", "id", ["C-1"], ["crm.example.com"])

Each raises ValueError that says what is wrong and what to write instead. Whether a page would be answered is asked of the
Lambda's own code (lambda/lookup/page_urls.py), which follows the page's rule too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from urllib.parse import quote, urlsplit

from customers import Customer
from page_urls import RefusedUrl, page_url

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ENTRY = re.compile(rf"(\*\.)?((?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9])(?::([0-9]{{1,5}}))?")
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost)(?::([0-9]{1,5}))?")
_LONGEST_HOST = 253  # RFC 1035, 2.3.4, without the length byte of the first label and the root

_ORIGIN = re.compile(r"(https?://[^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_BRACES = re.compile(r"\{+[^{}]*\}+|[{}]")
# What a URL may hold as it is (RFC 3986), and the braces of placeholders; all else is percent-encoded.
_KEPT = "%:/?#[]@!$&'()*+,;=~{}"
_SERVER = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|[0-9a-f.]*:[0-9a-f:.]*")


def check_entry(entry: str) -> str:
    """Return an entry of `pop.allowed_hosts` as it is compared: without the port that its scheme has anyway.

    Raise ValueError unless it is a host, `*.` and a domain that is the team's own, or a loopback origin.
    """
    origin = _LOOPBACK.fullmatch(entry)
    if origin:
        return f"http://{origin[1]}{_port(entry, origin[2], 80)}"
    match = _ENTRY.fullmatch(entry)
    if not match or len(match[2]) > _LONGEST_HOST:
        raise ValueError(f"{entry!r} is neither a host (crm.example.com) nor *.domain (*.example.com){_hint(entry)}")
    star, host, port = match.groups()
    if "xn--" in host:
        _check_punycode(entry, host)
    everybodys = _public_suffix(host) if star else ""
    if everybodys:
        raise ValueError(
            f"{entry!r} would allow anybody's pages, since anybody can have a host below {everybodys} (publicsuffix.org): "
            f"name your own host below it"
        )
    return f"{star or ''}{host}{_port(entry, port, 443)}"


def _port(entry: str, digits: str | None, own: int) -> str:
    port = int(digits or own)
    if not 0 < port < 65_536:
        raise ValueError(f"{entry!r} has a port that is none: ports are 1 to 65535")
    return "" if port == own else f":{port}"


def _hint(entry: str) -> str:
    if not entry.isascii():
        ascii_ = _to_ascii(entry)
        return f": write {ascii_!r}" if ascii_ else ""
    candidates = [entry.strip().lower().rstrip(".")]
    candidates += [f"*{candidates[0]}", candidates[0].partition("://")[2].partition("/")[0]]
    better = next((candidate for candidate in candidates if _ENTRY.fullmatch(candidate)), "")
    return f": write {better!r}" if better else ""


def _to_ascii(host: str) -> str:
    import idna

    try:
        return idna.encode(host.removeprefix("*."), uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""


def _check_punycode(entry: str, host: str) -> None:
    import idna

    try:
        idna.decode(host)
    except idna.IDNAError as error:
        raise ValueError(f"{entry!r} is no internationalised host, and browsers open none such: {error}") from None


@cache
def _public_suffix(domain: str) -> str:
    """Return the public suffix that `domain` is, or one that lies below it; "" where there is none."""
    # The list is read only for an entry that needs it: it costs more than all the rest of the settings.
    from importlib.resources import files

    import publicsuffixlist

    if publicsuffixlist.PublicSuffixList().is_public(domain):
        return domain
    rules = files(publicsuffixlist).joinpath("public_suffix_list.dat").read_text("utf-8").splitlines()
    return next((rule for rule in rules if rule.endswith(f".{domain}") and not rule.startswith(("!", "//"))), "")


def encode_template(url: str, *placeholders: str) -> str:
    """Return `url` with everything percent-encoded that a URL cannot hold as it is, the `placeholders` left alone.

    Raise ValueError where that cannot be what is meant: other braces, a backslash, a control, a lone %, a placeholder or
    a letter beyond ASCII in the host.
    """
    known = [f"{{{name}}}" for name in placeholders]
    for braces in _BRACES.findall(url):
        if braces not in known:
            instead = f"it knows {' and '.join(known)}, in single braces" if known else "it has no placeholders"
            raise ValueError(f"{url!r} has {braces} in it, but {instead} (a brace that is meant is written %7B or %7D)")
    control = next((character for character in url if not character.isprintable() and character != " "), "")
    if control:
        raise ValueError(f"{url!r} has the invisible character U+{ord(control):04X} in it")
    if url != url.strip():
        raise ValueError(f"{url!r} begins or ends with a space")
    if "\\" in url:
        raise ValueError(f"{url!r} has a \\ in it, which browsers read as a /: write / or %5C")
    if re.search(r"%(?![0-9A-Fa-f]{2})", url):
        raise ValueError(f"{url!r} has a % without two hexadecimal digits after it: write %25")
    match = _ORIGIN.fullmatch(url)
    if not match:
        raise ValueError(f"{url!r} is no https: URL")
    origin, rest = match.groups()
    if "{" in origin:
        raise ValueError(f"{url!r} has a placeholder in its host: a caller would choose the server")
    if not origin.isascii():
        ascii_ = _to_ascii(urlsplit(origin).hostname or "")
        raise ValueError(f"{url!r} has a host with letters beyond ASCII" + (f": write {ascii_!r}" if ascii_ else ""))
    return origin + quote(rest, safe=_KEPT)


def check_page(template: str, placeholder: str, values: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise ValueError where the Lambda would refuse `template` filled with one of `values`, or the page to open it."""
    entries = list(allowed)
    for value in values:
        try:
            page_url(template, placeholder, value, entries)
        except RefusedUrl as refusal:
            raise ValueError(
                f"{template!r} would never be opened: {refusal} (pop.allowed_hosts allows {', '.join(entries) or 'none'})"
            ) from None


def check_lookup_url(url: str) -> str:
    """Return `lookup.http.url` as the Lambda asks it, percent-encoded. Raise ValueError unless it asks for one customer."""
    encoded = encode_template(url, "kind", "value")
    parts = urlsplit(encoded)
    if "{value}" not in encoded:
        raise ValueError(f"{url!r} has no {{value}} in it: it would ask for everybody")
    if "@" in parts.netloc:
        raise ValueError(f"{url!r} has a user name or password in it, which is not sent: the token is token_secret's")
    if "#" in encoded:
        raise ValueError(f"{url!r} has a # in it, and what follows it is not sent: write %23")
    if parts.scheme != "https" and not _LOOPBACK.fullmatch(f"{parts.scheme}://{parts.netloc}"):
        raise ValueError(f"{url!r} is no https: URL: customers' data and the token go to it")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{url!r} has a port that is none: ports are 1 to 65535")
    if not _SERVER.fullmatch(host) or len(host) > _LONGEST_HOST:
        raise ValueError(f"{url!r} names no host")
    return encoded


def check_path(path: str) -> str:
    """Return `path`, keys and list places separated by dots. Raise ValueError where one between two dots is missing."""
    if path and not all(path.split(".")):
        raise ValueError(f"{path!r} is no path: it has a dot with nothing before or after it")
    return path


def check_fields(fields: dict[str, str]) -> dict[str, str]:
    """Return `fields`, {our field: its path in the CRM's record}. Raise ValueError where one is not ours, or `id` is missing."""
    known = sorted(Customer.__slots__)
    for ours, theirs in fields.items():
        if ours not in known:
            raise ValueError(f"{ours!r} is no field of a customer (there are: {', '.join(known)})")
        if not check_path(theirs):
            raise ValueError(f"{ours!r} has no path in the CRM's record: write one, or leave the field out")
    if "id" not in fields:
        raise ValueError("it has no 'id', by which a customer's page is found")
    return fields
