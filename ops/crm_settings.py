"""Check what the settings say about the CRM: hosts, URL templates, paths and fields, so that no call is the first to fail.

    check_entry("*.example.com")                                                 # -> "*.example.com"
    encode_template("https://crm.example.com/list?q=phone^{query}", "query")     # -> "https://...?q=phone%5E{query}"
    check_page("https://crm.example.com/{id}", "id", ["C-1"], ["crm.example.com"])

Each raises ValueError that says what is wrong and what to write instead; ops/settings.py puts the setting's name before it.
Whether the page would open a URL is decided by the Lambda's own code (lambda/lookup/page_urls.py), which has the page's rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from urllib.parse import quote, urlsplit

from page_urls import RefusedUrl, page_url

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ENTRY = re.compile(rf"(\*\.)?((?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9])(?::([0-9]{{1,5}}))?")
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost)(?::([0-9]{1,5}))?")
_LONGEST_HOST = 253  # RFC 1035, 2.3.4, without the length byte of the first label and the root

_ORIGIN = re.compile(r"(https?://[^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_BRACES = re.compile(r"\{+[^{}]*\}+|[{}]")
# What a URL may contain as it is (RFC 3986), and the braces of placeholders; everything else is percent-encoded.
_KEPT = "%:/?#[]@!$&'()*+,;=~{}"
_SERVER = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|[0-9a-f.]*:[0-9a-f:.]*")


def check_entry(entry: str) -> str:
    """Return an entry of `pop.allowed_hosts` in the form it is compared in: without its scheme's default port.

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
    suffix = _public_suffix(host) if star else ""
    if suffix:
        raise ValueError(
            f"{entry!r} would allow anybody's pages, since anybody can have a host below {suffix} (publicsuffix.org): "
            f"name your own host below it"
        )
    return f"{star or ''}{host}{_port(entry, port, 443)}"


def _port(entry: str, digits: str | None, default: int) -> str:
    port = int(digits or default)
    if not 0 < port < 65_536:
        raise ValueError(f"{entry!r} has an invalid port: ports are 1 to 65535")
    return "" if port == default else f":{port}"


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
        raise ValueError(f"{entry!r} is not a valid internationalised host name: {error}") from None


@cache
def _public_suffix(domain: str) -> str:
    """Return the public suffix that `domain` is, or one that lies below it; "" where there is none."""
    # Imported here because reading the list takes longer than checking all other settings, and few entries need it.
    from importlib.resources import files

    import publicsuffixlist

    if publicsuffixlist.PublicSuffixList().is_public(domain):
        return domain
    rules = files(publicsuffixlist).joinpath("public_suffix_list.dat").read_text("utf-8").splitlines()
    return next((rule for rule in rules if rule.endswith(f".{domain}") and not rule.startswith(("!", "//"))), "")


def encode_template(url: str, *placeholders: str) -> str:
    """Return `url` with everything percent-encoded that a URL cannot contain as it is, except the `placeholders`.

    Raise ValueError where that cannot be what is meant: other braces, a backslash, a control character, a lone %, a
    placeholder or a non-ASCII letter in the host.
    """
    known = [f"{{{name}}}" for name in placeholders]
    for braces in _BRACES.findall(url):
        if braces not in known:
            instead = f"only {' and '.join(known)} can be used" if known else "it takes no placeholders"
            raise ValueError(f"{url!r} contains {braces}, but {instead} (write a literal brace as %7B or %7D)")
    control = next((character for character in url if not character.isprintable() and character != " "), "")
    if control:
        raise ValueError(f"{url!r} contains the invisible character U+{ord(control):04X}")
    if url != url.strip():
        raise ValueError(f"{url!r} begins or ends with a space")
    if "\\" in url:
        raise ValueError(f"{url!r} contains a \\, which browsers read as a /: write / or %5C")
    if re.search(r"%(?![0-9A-Fa-f]{2})", url):
        raise ValueError(f"{url!r} has a % without two hexadecimal digits after it: write %25")
    match = _ORIGIN.fullmatch(url)
    if not match:
        raise ValueError(f"{url!r} is not an https URL")
    origin, rest = match.groups()
    if "{" in origin:
        raise ValueError(f"{url!r} has a placeholder in its host, so a caller could choose the server")
    if not origin.isascii():
        ascii_ = _to_ascii(urlsplit(origin).hostname or "")
        raise ValueError(f"{url!r} has non-ASCII letters in its host" + (f": write {ascii_!r}" if ascii_ else ""))
    return origin + quote(rest, safe=_KEPT)


def check_page(template: str, placeholder: str, values: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise ValueError if the Lambda or the page would refuse `template` with one of `values` filled in."""
    entries = list(allowed)
    for value in values:
        try:
            page_url(template, placeholder, value, entries)
        except RefusedUrl as refusal:
            raise ValueError(
                f"{template!r} would never be opened: {refusal} (pop.allowed_hosts allows {', '.join(entries) or 'none'})"
            ) from None


def check_lookup_url(url: str) -> str:
    """Return `lookup.http.url` percent-encoded, as the Lambda requests it.

    Raise ValueError unless it is an https URL (or on loopback) that asks for one customer.
    """
    encoded = check_server_url(url, "kind", "value")
    if "{value}" not in encoded:
        raise ValueError(f"{url!r} has no {{value}}: it would ask for every customer")
    return encoded


def check_server_url(url: str, *placeholders: str) -> str:
    """Return the URL of a request to the CRM percent-encoded, as a Lambda requests it.

    Raise ValueError unless it is an https URL (or on loopback) without a password or a fragment.
    """
    encoded = encode_template(url, *placeholders)
    parts = urlsplit(encoded)
    if "@" in parts.netloc:
        raise ValueError(f"{url!r} contains a user name or password, which is not sent: use token_secret for the token")
    if "#" in encoded:
        raise ValueError(f"{url!r} contains a #, and what follows it is not sent: write %23")
    if parts.scheme != "https" and not _LOOPBACK.fullmatch(f"{parts.scheme}://{parts.netloc}"):
        raise ValueError(f"{url!r} is not an https URL, and customers' data and the token are sent to it")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"{url!r} has an invalid port: ports are 1 to 65535")
    if not _SERVER.fullmatch(host) or len(host) > _LONGEST_HOST:
        raise ValueError(f"{url!r} has no valid host")
    return encoded


def check_path(path: str) -> str:
    """Return `path`, keys and list indexes separated by dots. Raise ValueError if one of them is empty."""
    if path and not all(path.split(".")):
        raise ValueError(f"{path!r} is not a path: there is a dot with nothing before or after it")
    return path


def check_fields(fields: dict[str, str]) -> dict[str, str]:
    """Return `fields`, {customer field: its path in the CRM's record}.

    Raise ValueError if one has no path, or `id` is missing.
    """
    for name, path in fields.items():
        if not check_path(path):
            raise ValueError(f"{name!r} has no path in the CRM's record: write one, or leave the field out")
    if "id" not in fields:
        raise ValueError("there is no 'id', which finds a customer's page")
    return fields
