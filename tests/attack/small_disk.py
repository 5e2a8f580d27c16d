"""A disk of a few kilobytes: a tmpfs of its own, which needs root (Linux).

if reason := SmallDisk.unavailable(): pytest.skip(reason)
with SmallDisk(folder, kilobytes=20) as disk:      # mounted over the folder
    disk.resize(64_000)                            # what is in it stays
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType


class SmallDisk:
    """A file system with room for so many kilobytes, mounted over `folder` for as long as a `with` block."""

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self.folder, self._kilobytes = folder, kilobytes

    @staticmethod
    def unavailable() -> str:
        """Return why there can be none here; "" where there can."""
        if sys.platform != "linux" or os.geteuid() != 0:
            return "a full disk is a small tmpfs, and only root can mount one (Linux)"
        with tempfile.TemporaryDirectory() as folder:
            try:
                with SmallDisk(Path(folder), 4):
                    return ""
            except (OSError, subprocess.CalledProcessError) as error:
                return f"a full disk is a small tmpfs, and it cannot be mounted here: {error}"

    def __enter__(self) -> SmallDisk:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mount("-t", "tmpfs", "-o", f"size={self._kilobytes}k", "tmpfs")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)

    def resize(self, kilobytes: int) -> None:
        """Return it another size; no smaller than what is in it."""
        self._mount("-o", f"remount,size={kilobytes}k")

    def used(self) -> int:
        """Return how many kilobytes of it are used."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize // 1024

    def _mount(self, *arguments: str) -> None:
        subprocess.run(["mount", *arguments, str(self.folder)], check=True, capture_output=True)
