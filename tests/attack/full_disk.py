"""Builds on a full disk: the build's cache, its folder, and the temporary files, each at ten sizes.

    sudo uv run python -m tests.attack.full_disk [--sizes 4,12,20,...]

The real `deploy.py build` in a copy of the checkout, with a tmpfs of that many kilobytes where the cache is (then where --out
is, then where the temporary files are). It may fail, with words; what it leaves is a whole site, the old or the new one, or
none. With room again it must succeed and give exactly the bytes that a disk with room gave from the beginning.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from ops.site.build import CACHE
from tests.attack.small_disk import SmallDisk
from tests.project import copy_project

SIZES = (4, 12, 20, 40, 80, 120, 200, 320, 480, 640)  # kilobytes
_ROOM = 64_000
_OTHER = '\n[tool.popdesk.environments.other]\nname = "Other"\n'
_ADDRESS = re.compile(rb"\./(assets/[\w./-]*\w)")


class Poisoned(AssertionError):
    """What must not happen on a full disk."""


class Checkout:
    """A copy of the checkout, with the bytes that its build gives on a disk with room."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_project(folder, share_cache=False)
        if CACHE.is_dir():  # for the builds whose cache is not attacked
            shutil.copytree(CACHE, self.folder / "build" / "cache")
        self._work = folder.with_name(f"{folder.name}-work")
        self._work.mkdir()
        with (self.folder / "pyproject.toml").open("a", encoding="utf-8") as settings:
            settings.write(_OTHER)
        self.cache = self.folder / "build" / "cache"
        self.right = {env: self._reference(env) for env in ("", "other")}

    def _reference(self, environment: str) -> dict[str, bytes]:
        out = self._work / f"reference-{environment}"
        done = self.build(out, environment)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return contents(out)

    def build(
        self, out: Path, environment: str = "", temporary: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the real command."""
        options = ["--env", environment] if environment else []
        return subprocess.run(
            [sys.executable, "deploy.py", "build", "--out", str(out), *options],
            cwd=self.folder,
            env={**os.environ, **({"TMPDIR": str(temporary)} if temporary else {})},
            capture_output=True,
            text=True,
            check=False,
        )

    # -- the attacks -----------------------------------------------------------------------------------------------------

    def fill_cache(self, kilobytes: int) -> str:
        """Build with a cache on a small disk, then with room in the same one. Return what the first build came to."""
        with SmallDisk(self.cache, kilobytes) as disk:
            first = self._build_whole_or_not(self._work / f"cache-{kilobytes}", "")
            disk.resize(_ROOM)
            self._must_be_right(self._work / f"cache-{kilobytes}-room", "")
            self._must_be_right(self._work / f"cache-{kilobytes}-again", "")
        return first

    def fill_out(self, kilobytes: int) -> str:
        """Build into a folder with so much room beside an earlier, other build; then with room."""
        out = self._work / f"out-{kilobytes}"
        with SmallDisk(out, _ROOM) as disk:
            self._must_be_right(out, "other")
            disk.resize(disk.used() + kilobytes)
            first = self._build_whole_or_not(out, "", earlier="other")
            disk.resize(_ROOM)
            self._must_be_right(out, "")
        with SmallDisk(out, kilobytes) as disk:
            self._build_whole_or_not(out, "")
            disk.resize(_ROOM)
            self._must_be_right(out, "")
        return first

    def fill_temporary(self, kilobytes: int) -> str:
        """Build, the cache empty, with so much room for temporary files; then with room."""
        temporary = self._work / f"temporary-{kilobytes}"
        with SmallDisk(self.cache, _ROOM), SmallDisk(temporary, kilobytes) as disk:
            first = self._build_whole_or_not(self._work / f"temporary-out-{kilobytes}", "", temporary=temporary)
            disk.resize(_ROOM)
            self._must_be_right(self._work / f"temporary-out-{kilobytes}", "", temporary)
        return first

    def _build_whole_or_not(
        self, out: Path, environment: str, earlier: str | None = None, temporary: Path | None = None
    ) -> str:
        done = self.build(out, environment, temporary)
        if "Traceback" in done.stderr + done.stdout:
            raise Poisoned(f"a traceback:\n{done.stderr}")
        there = contents(out)
        if done.returncode == 0:
            self._compare(there, environment)
            return "built"
        if "What to do:" not in done.stderr:
            raise Poisoned(f"exit code {done.returncode} without a remedy:\n{done.stderr}")
        if earlier is not None:
            page = self.right[earlier]["index.html"]
            if there.get("index.html") not in (page, self.right[environment]["index.html"]):
                raise Poisoned("the earlier build's page is gone")
        if "index.html" in there:
            # Whole: every file that the page names is there and is what it should be.
            known = {**self.right[""], **self.right["other"]}
            for path in (found.decode() for found in _ADDRESS.findall(there["index.html"])):
                if there.get(path) != known[path]:
                    raise Poisoned(f"the page names {path}, which is not right")
        return "refused"

    def _must_be_right(self, out: Path, environment: str, temporary: Path | None = None) -> None:
        done = self.build(out, environment, temporary)
        if done.returncode:
            raise Poisoned(f"with room again it fails:\n{done.stderr}")
        self._compare(contents(out), environment)

    def _compare(self, there: dict[str, bytes], environment: str) -> None:
        right = self.right[environment]
        wrong = sorted(path for path in {*there, *right} if there.get(path) != right.get(path))
        if wrong:
            sizes = ", ".join(f"{path} {len(there.get(path, b''))} of {len(right.get(path, b''))} B" for path in wrong)
            raise Poisoned(f"not what a disk with room gives: {sizes}")


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder by their paths."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@click.command()
@click.option("--sizes", default=",".join(map(str, SIZES)), show_default=True, help="Kilobytes.")
def main(sizes: str) -> None:
    """Attack at every size, and say what each build came to."""
    if reason := SmallDisk.unavailable():
        raise SystemExit(f"Not possible here: {reason}.")
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(Path(folder) / "checkout")
        for size in map(int, sizes.split(",")):
            for attack in (checkout.fill_cache, checkout.fill_out, checkout.fill_temporary):
                print(f"{size:6} kB {attack.__name__:15} {attack(size)}", flush=True)
    print("Nothing poisoned: with room again every build is the one that a disk with room gives.")


if __name__ == "__main__":
    main()
