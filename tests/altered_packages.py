"""npm packages as another version may have them: copies in which a test changes what it likes.

    modules = altered(tmp_path, monkeypatch)                    # the builds that follow take it for web/node_modules
    edit(modules / MICROPYTHON / "micropython.mjs", "romfs", "image")

What is not edited is a link to the real package.
"""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from ops.site import npm
from ops.site.bundle import MICROPYTHON, PYSCRIPT

COPIED = (PYSCRIPT, "polyscript", MICROPYTHON, "@cloudscape-design/design-tokens")


def altered(folder: Path, monkeypatch: pytest.MonkeyPatch, *, same_script: bool = False) -> Path:
    """Return a folder of packages for the builds of this test; what they make is cached under a hash of its own.

    With `same_script` it is cached as the real packages' is: nothing that is bundled may be edited then.
    """
    real = npm.install_packages()
    modules = folder / "node_modules"
    for path in [*real.glob("[!.@]*"), *real.glob("@*/*")]:
        copy = modules / path.relative_to(real)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.relative_to(real).as_posix() in COPIED:
            shutil.copytree(path, copy, ignore=shutil.ignore_patterns("*.map"))
        else:
            copy.symlink_to(path, target_is_directory=path.is_dir())
    monkeypatch.setattr(npm, "packages", lambda: nullcontext(modules))
    if not same_script:
        monkeypatch.setattr(npm, "lock_hash", lambda: str(folder))
    return modules


def edit(path: Path, old: str, new: str) -> None:
    """Put `new` in the place of `old`, which must be there."""
    text = path.read_text("utf-8")
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new), "utf-8")


def no_romfs(modules: Path) -> None:
    """Have MicroPython's loader take no image."""
    edit(modules / MICROPYTHON / "micropython.mjs", "if(void 0!==romfs)", "if(false)")


def no_sources(modules: Path) -> None:
    """Have PyScript come without its sources: what bundlers get is what is published for browsers."""
    shutil.rmtree(modules / PYSCRIPT / "src")
    edit(modules / PYSCRIPT / "package.json", "./src/core.js", "./dist/core.js")


def moved_module(modules: Path) -> None:
    """Have a module that the build stubs stand elsewhere."""
    polyscript = modules / "polyscript" / "esm"
    (polyscript / "python" / "mip.js").rename(polyscript / "mip.js")
    edit(polyscript / "interpreter" / "micropython.js", "../python/mip.js", "../mip.js")


def more_from_a_stub(modules: Path) -> None:
    """Have PyScript ask a module that the build stubs for something new."""
    polyscript = modules / "polyscript" / "esm"
    edit(
        polyscript / "3rd-party" / "toml.js",
        "const {isArray} = Array;",
        "const {isArray} = Array; export const tomorrow = 1;",
    )
    edit(
        polyscript / "index.js",
        "import stickyModule",
        "import { tomorrow } from './3rd-party/toml.js';\nglobalThis.tomorrow = tomorrow;\nimport stickyModule",
    )


def renamed_hooks(modules: Path) -> None:
    """Have PyScript export its hooks by another name, to bundlers and browsers alike."""
    edit(modules / PYSCRIPT / "src" / "core.js", "exportedHooks as hooks", "exportedHooks as callbacks")
    for path in (modules / PYSCRIPT / "dist").glob("core*.js"):
        path.write_text(path.read_text("utf-8").replace(" as hooks", " as callbacks"), "utf-8")


ALTERED = {alter.__name__: alter for alter in (no_romfs, no_sources, moved_module, more_from_a_stub, renamed_hooks)}
