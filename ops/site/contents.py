"""A built site in memory: every file's bytes, read once, under its path.

    site = Site({"index.html": b"...", "assets/app-0123456789ab.css": b"..."})
    site.files["index.html"]       # the SHA-256 of its content, in hex
    site.total_bytes

A release uploads these bytes and no others: nothing that another process writes meanwhile can get between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType


@dataclass(frozen=True)
class Site:
    """The files of a site: `contents` maps each path (with `/`) to its bytes.

    `notes` are lines for the user who builds or releases it: what is not as it should be, and what to do about it.
    """

    contents: Mapping[str, bytes]
    notes: tuple[str, ...] = ()

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The SHA-256 of each file's content, in hex, by path."""
        return MappingProxyType(
            {path: hashlib.sha256(content).hexdigest() for path, content in sorted(self.contents.items())}
        )

    @property
    def total_bytes(self) -> int:
        """The size of all files together, uncompressed."""
        return sum(len(content) for content in self.contents.values())
