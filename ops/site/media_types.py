"""The Content-Type of each kind of file that a page has: one table for the release (S3's objects) and preview.

media_type("assets/app-0123456789ab.css")      # -> "text/css; charset=utf-8"
"""

from __future__ import annotations

from pathlib import PurePosixPath

# IANA media types; application/wasm is what streaming compilation asks for (WebAssembly Web API).
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".pack": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}


def media_type(path: str) -> str:
    """Return the Content-Type of a path, application/octet-stream for a kind of file that is not in the table."""
    return MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")
