"""Files that are whole or not there: on full and read-only disks, killed half way, by many at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops import files
from ops.errors import UserError
from ops.files import lock_folder, map_os_errors, write_atomically
from tests.attack.small_disk import SmallDisk

_SECONDS = 60.0


def test_a_file_is_written_with_its_folders_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "file.txt"
    write_atomically(target, b"one")
    write_atomically(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]
    assert target.stat().st_mode & 0o777 == 0o666 & ~_umask(), "others may read it, as any file"


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


@pytest.mark.slow
def test_what_was_there_stays_where_the_disk_is_full(tmp_path: Path) -> None:
    if reason := SmallDisk.unavailable():
        pytest.skip(reason)
    with SmallDisk(tmp_path / "disk", 16) as disk:
        target = disk.folder / "file"
        write_atomically(target, b"x" * 4000)
        with pytest.raises(UserError, match="No space left") as caught:
            write_atomically(target, b"y" * 40_000)
        assert "make room" in caught.value.hint
        assert target.read_bytes() == b"x" * 4000
        assert [path.name for path in disk.folder.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir(parents=True), "Is a directory"),
        (lambda path: path.parent.write_bytes(b""), "exists|Not a directory"),
    ],
)
def test_what_cannot_be_written_is_said_in_words(tmp_path: Path, make: object, said: str) -> None:
    target = tmp_path / "folder" / "file"
    assert callable(make)
    make(target)
    with pytest.raises(UserError, match=said) as caught:
        write_atomically(target, b"x")
    assert str(target) == caught.value.subject


def test_another_files_name_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No such file or directory \(.*nowhere\)"), map_os_errors("the build"):
        (tmp_path / "nowhere").read_bytes()


_WRITER = """
import sys
from pathlib import Path
from ops.files import write_atomically
target, letter = Path(sys.argv[1]), sys.argv[2].encode()
write_atomically(target, letter * 300_000)
print("ready", flush=True)
while True:
    write_atomically(target, letter * 300_000)
"""


@pytest.mark.slow
def test_a_reader_sees_the_old_file_or_the_new_one_whoever_writes_and_is_killed(tmp_path: Path) -> None:
    """Three processes write three contents over each other, and are killed one after the other."""
    target = tmp_path / "file"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(target), letter], stdout=subprocess.PIPE)
        for letter in "abc"
    ]

    def read() -> None:
        content = target.read_bytes()
        assert content in {letter * 300_000 for letter in (b"a", b"b", b"c")}

    try:
        for writer in writers:
            assert writer.stdout
            writer.stdout.readline()
        for writer in writers:
            for _ in range(100):
                read()
            writer.send_signal(signal.SIGKILL)
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    read()


_HOLDER = """
import sys
from pathlib import Path
from ops.files import lock_folder
with lock_folder(Path(sys.argv[1]), shared=sys.argv[2] == "shared"):
    print("holds", flush=True)
    sys.stdin.read()
"""


def _hold(folder: Path, kind: str) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert holder.stdout.readline() == "holds\n"
    return holder


@pytest.mark.slow
def test_a_folder_is_one_processs_and_goes_with_it_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_LOCK_SECONDS", 0.2)
    holder = _hold(tmp_path, "alone")
    for shared in (False, True):
        with pytest.raises(UserError, match="another build"), lock_folder(tmp_path, shared):
            pass
    holder.kill()
    holder.communicate()
    with lock_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_those_who_share_hold_it_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LOCK_SECONDS", 0.2)
    holder = _hold(tmp_path, "shared")
    with lock_folder(tmp_path, shared=True):
        pass
    with pytest.raises(UserError, match="another build"), lock_folder(tmp_path):
        pass
    holder.communicate("")
    began = time.monotonic()
    with lock_folder(tmp_path):
        assert time.monotonic() - began < _SECONDS
