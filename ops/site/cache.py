"""A cache on disk for what takes long to build, by the hash of its inputs; a damaged entry is never returned.

    cache = Cache(ROOT / "build" / "cache")
    cache("mpy", [compiler, name, source], lambda: compile_it())    # kept, or made and kept

An entry is the SHA-256 of its content and then the content. It is written whole (ops/files.py) and checked each time it is
read: one that is incomplete is made again. A cache that cannot be written stops no build: it is
logged once, and the build goes on without it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from ops.errors import UserError
from ops.files import write_atomically

_HASH_BYTES = 32
_log = logging.getLogger(__name__)


class Cache:
    """A folder of entries; safe for many processes at once. Call it for an entry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._warned = False

    def __call__(self, kind: str, inputs: list[bytes], make: Callable[[], bytes]) -> bytes:
        """Return what `make` makes of `inputs`, kept from an earlier time where it was. `kind` begins the entry's name."""
        key = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in inputs)).hexdigest()[:32]
        path = self.folder / f"{kind}-{key}"
        kept = _read(path)
        if kept is not None:
            return kept
        made = make()
        try:
            write_atomically(path, hashlib.sha256(made).digest() + made)
        except UserError as error:
            if not self._warned:
                self._warned = True
                _log.warning(
                    "%s: %s. What was built is kept nowhere, so the next build takes as long as this one.",
                    self.folder,
                    error.reason,
                )
        return made


def _read(path: Path) -> bytes | None:
    """Return an entry's content; None where there is none or it is not whole."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    content = stored[_HASH_BYTES:]
    return content if hashlib.sha256(content).digest() == stored[:_HASH_BYTES] else None
