"""Write files atomically, lock a folder between processes, and say in words what a disk refuses.

write_atomically(Path("dist/index.html"), content)      # other processes see the old file or the new one, never half of one
with lock_folder(Path("dist")):                         # one process at a time
    ...
with map_os_errors("the Lambda's zip"):                 # an OSError inside is raised as a UserError
    ...
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from ops.errors import UserError

_LOCK_SECONDS = 600.0  # how long another process is waited for: it may be installing packages over a slow network
_LOOK_SECONDS = 0.05
_REMEDIES = {
    errno.ENOSPC: "make room on that disk and run the command again",
    errno.EDQUOT: "make room within that quota and run the command again",
    errno.EROFS: "its disk is read-only: write to another place",
    errno.EACCES: "let this user write there, or write to another place",
    errno.EPERM: "let this user write there, or write to another place",
    errno.EMFILE: "end other programs or raise the limit of open files (ulimit -n), and run the command again",
}


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step: beside it first, on the disk, read again, then moved there.

    Folders are made. Raises UserError where the disk refuses; what was there before is there then, and nothing else.
    """
    with map_os_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.new")
        try:
            with beside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if beside.read_bytes() != content:
                raise OSError(errno.EIO, "what was written is not what is read again")
            beside.replace(path)
        finally:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)


@contextlib.contextmanager
def map_os_errors(subject: str) -> Iterator[None]:
    """Raise UserError about `subject` for an OSError inside the block."""
    try:
        yield
    except OSError as error:
        raise os_user_error(subject, error) from error


def os_user_error(subject: str, error: OSError) -> UserError:
    """Return a UserError for an OSError: the reason, the file if it is another than `subject`, and a remedy."""
    named = str(error.filename) if error.filename and str(error.filename) != subject else ""
    reason = f"{error.strerror or error}{f' ({named})' if named else ''}"
    return UserError(subject, reason, _REMEDIES.get(error.errno or 0, "fix that and run the command again"))


@contextlib.contextmanager
def lock_folder(folder: Path, shared: bool = False) -> Iterator[None]:
    """Lock `folder`, which is created if needed, for the block. Waits for another process that has locked it.

    `shared` locks exclude only the others. The lock is the kernel's on the folder itself (flock): it goes with its process,
    however that ends, and leaves no file. Windows has no such lock, and nothing is locked there. Raises UserError where the
    other process has not ended after ten minutes.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with map_os_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    try:
        kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        ends = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, kind)
                break
            except BlockingIOError:
                if time.monotonic() > ends:
                    raise UserError(
                        str(folder),
                        f"another build has been working there for more than {_LOCK_SECONDS / 60:.0f} minutes",
                        "end that process, then run the command again",
                    ) from None
                time.sleep(_LOOK_SECONDS)
            except OSError:
                break  # a file system without locks: on such a one two builds are not kept apart
        yield
    finally:
        os.close(handle)
