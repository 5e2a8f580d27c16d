"""Whether a page's response headers let it be framed. Pure.

    framing = judge_framing([("content-security-policy", "frame-ancestors https://*.my.connect.aws")], url, workspace)
    framing.connect         # -> True: an Amazon Connect instance may frame it
    framing.here            # -> False: the local workspace may not

The rules are the browsers': frame-ancestors (CSP level 3, 6.4.2; every policy must allow it), and X-Frame-Options where no
policy has it (HTML, "The X-Frame-Options header": several values that differ refuse, ALLOW-FROM is none).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ops.site.headers import PRODUCTION_ANCESTORS

CSP = "content-security-policy"
X_FRAME_OPTIONS = "x-frame-options"
_CONNECT = tuple(urlsplit(ancestor).hostname or "" for ancestor in PRODUCTION_ANCESTORS)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Framing:
    """Who may frame a page: an Amazon Connect instance, the local workspace, this machine's pages; and who says so."""

    connect: bool
    here: bool
    machine: bool
    header: str  # the header that decides, "" where none does

    @property
    def anybody(self) -> bool:
        """Whether no header limits it."""
        return not self.header


def judge_framing(headers: Iterable[tuple[str, str]], url: str, workspace: str) -> Framing:
    """Return who may frame the page at `url` that was answered with `headers` (names in any case, each as often as sent).

    `workspace` is the local workspace's address.
    """
    given = [(name.lower(), value) for name, value in headers]
    policies = [words for name, value in given if name == CSP for words in _ancestors(value)]
    if policies:
        scheme = urlsplit(url).scheme
        return Framing(
            connect=all(any(_allows_connect(source, scheme) for source in words) for words in policies),
            here=all(any(_allows(source, scheme, workspace) for source in words) for words in policies),
            machine=all(any(_of_this_machine(source) for source in words) for words in policies),
            header="Content-Security-Policy: frame-ancestors " + " ".join(policies[0] or ["'none'"]),
        )
    options = {word.strip().lower() for name, value in given if name == X_FRAME_OPTIONS for word in value.split(",")}
    # Any value that is known refuses another site; of several different ones, even unknown ones, the browser refuses all.
    if options & {"deny", "sameorigin"} or (len(options) > 1 and "allowall" in options):
        return Framing(False, False, False, "X-Frame-Options: " + ", ".join(sorted(options)).upper())
    return Framing(True, True, True, "")


def _ancestors(header: str) -> Iterable[list[str]]:
    """Yield the sources of frame-ancestors of each policy of a header that has the directive."""
    for policy in header.split(","):
        for directive in policy.split(";"):
            words = directive.split()
            if words and words[0].lower() == "frame-ancestors":
                yield [word.lower() for word in words[1:]]
                break  # of a directive that comes twice, the first one counts


def _split(source: str, page_scheme: str) -> tuple[tuple[str, ...], str, str] | None:
    """Return (schemes, host, port) of a source, host and port "*" for any; None for a keyword or no source."""
    if source.startswith("'"):
        return None
    if source == "*":
        return ("http", "https"), "*", "*"
    if source in ("http:", "https:"):
        return _secure_too(source[:-1]), "*", "*"
    scheme, separator, rest = source.rpartition("://")
    authority = rest.split("/", 1)[0]
    host, _, port = authority.partition(":")
    return _secure_too(scheme if separator else page_scheme), host, port


def _secure_too(scheme: str) -> tuple[str, ...]:
    """Return the schemes that a source's scheme stands for: http allows https (CSP level 3, 6.7.2.8)."""
    return ("http", "https") if scheme == "http" else (scheme,)


def _allows_connect(source: str, page_scheme: str) -> bool:
    """Return whether the source allows an Amazon Connect instance: some host of its two domains, over https."""
    parts = _split(source, page_scheme)
    if parts is None:
        return False
    schemes, host, port = parts
    if "https" not in schemes or port not in ("", "*", "443"):
        return False
    return host == "*" or any(
        host.endswith(domain[1:]) or (host.startswith("*.") and domain[1:].endswith(host[1:])) for domain in _CONNECT
    )


def _allows(source: str, page_scheme: str, origin: str) -> bool:
    """Return whether the source allows this origin."""
    parts = _split(source, page_scheme)
    if parts is None:
        return False
    schemes, host, port = parts
    wanted = urlsplit(origin)
    number = wanted.port or _PORTS[wanted.scheme]
    fits_port = port == "*" or number == (int(port) if port.isdigit() else _PORTS[wanted.scheme])
    return wanted.scheme in schemes and host in ("*", wanted.hostname) and fits_port


def _of_this_machine(source: str) -> bool:
    parts = _split(source, "http")
    return parts is not None and parts[1] in ("127.0.0.1", "localhost")
