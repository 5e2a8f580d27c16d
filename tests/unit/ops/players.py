"""What the tests that play cards begin with: a copy of the shipped package, and a cache of their own.

copy_package(tmp_path / "pyapp")        # pyapp/popdesk, compiled
play_cards(python, modules, settings, OwnCache(tmp_path / "cache"))
"""

from __future__ import annotations

import compileall
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ops.settings import ROOT
from ops.site.build import CACHE
from ops.site.cache import Cache


class OwnCache(Cache):
    """A cache in which nothing is yet but the names that MicroPython has: to ask it takes as long as to play the cards."""

    def __call__(self, kind: str, inputs: list[bytes], make: Callable[[], bytes]) -> bytes:
        if kind == "micropython":
            return Cache(CACHE)(kind, inputs, make)
        return super().__call__(kind, inputs, make)


def copy_package(python: Path) -> None:
    """Copy the shipped package into a page's folder, with its bytecode: the player writes none."""
    shutil.copytree(_compiled_package(), python / "popdesk")


@cache
def _compiled_package() -> Path:
    package = ROOT / "pyapp" / "popdesk"
    compileall.compile_dir(package, quiet=1)
    return package
