"""The response headers of the page: one definition for production (the CloudFront policy) and preview.

    response_headers(PRODUCTION_ANCESTORS, settings.connect_origins())["Content-Security-Policy"]
    first_style()                                       # the page's one inline style, which the policy names

Rules: a page in the agent workspace must allow being framed by it (frame-ancestors, CSP level 3); MicroPython needs
'wasm-unsafe-eval' and nothing more; everything else is the page's own origin, and the style sheet of the first frame, which
is inline: that is named by its hash (CSP level 3, 2.3.1). HTML in a string is refused (Trusted Types) unless the page
has a policy named "default", which the build gives to a page that imports PyScript's package alone (ops/site/bundle.py); a
script in such HTML is not run in any page.
"""

from __future__ import annotations

import base64
import hashlib
import re

from ops import ROOT

# The two domains an Amazon Connect instance is served from
# (docs.aws.amazon.com/connect/latest/adminguide/3p-apps.html).
PRODUCTION_ANCESTORS = ("https://*.awsapps.com", "https://*.my.connect.aws")
# How long a browser may keep a file: a path with a hash in it names one content for ever.
IMMUTABLE = "public, max-age=31536000, immutable"
NO_CACHE = "no-cache"
HSTS_SECONDS = 63_072_000  # two years
FIRST_STYLE = ROOT / "web" / "first.css"


def cache_control(path: str) -> str:
    """Return the Cache-Control of a file of a page: only index.html has no hash in its path."""
    return NO_CACHE if path == "index.html" else IMMUTABLE


def first_style() -> str:
    """Return the style sheet of the first frame as it is in the HTML: without comments, in one line."""
    return " ".join(re.sub(r"/\*.*?\*/", "", FIRST_STYLE.read_text("utf-8"), flags=re.DOTALL).split())


def content_security_policy(frame_ancestors: tuple[str, ...], connect: tuple[str, ...] = ()) -> str:
    """Return the CSP: `frame_ancestors` may frame the page, which may connect to the origins `connect` beside its own."""
    first = base64.b64encode(hashlib.sha256(first_style().encode()).digest()).decode()
    directives = {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": f"'self' 'sha256-{first}'",
        "img-src": "'self'",
        "connect-src": " ".join(("'self'", *connect)),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(frame_ancestors),
        "require-trusted-types-for": "'script'",
        "trusted-types": "default",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def response_headers(frame_ancestors: tuple[str, ...], connect: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the headers that every response of the page's origin carries, by name. Arguments are the CSP's.

    HSTS is in it too: browsers ignore it over plain http (RFC 6797, 8.1), so preview may send it.
    """
    return {
        "Content-Security-Policy": content_security_policy(frame_ancestors, connect),
        "Strict-Transport-Security": f"max-age={HSTS_SECONDS}; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
