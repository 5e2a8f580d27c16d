"""The response headers of the page: one definition for production (the CloudFront policy) and preview.

    response_headers(frame_ancestors=PRODUCTION_ANCESTORS)["Content-Security-Policy"]

Rules: a page in the agent workspace must allow being framed by it (frame-ancestors, CSP level 3); MicroPython needs
'wasm-unsafe-eval' and nothing more; everything else is the page's own origin.
"""

from __future__ import annotations

# The two domains an Amazon Connect instance is served from
# (docs.aws.amazon.com/connect/latest/adminguide/3p-apps.html).
PRODUCTION_ANCESTORS = ("https://*.awsapps.com", "https://*.my.connect.aws")


def content_security_policy(frame_ancestors: tuple[str, ...]) -> str:
    """Give the CSP; `frame_ancestors` are the origins that may frame the page."""
    directives = {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(frame_ancestors),
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def response_headers(frame_ancestors: tuple[str, ...]) -> dict[str, str]:
    """Give the headers that every response of the page's origin carries, by name.

    HSTS is in it too: browsers ignore it over plain http (RFC 6797, 8.1), so preview may send it.
    """
    return {
        "Content-Security-Policy": content_security_policy(frame_ancestors),
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
