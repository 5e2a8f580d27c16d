"""A share of the processor for a program that runs already: `with slowed(pid, 0.25): ...` (Linux, cgroup v1 or v2).

The share is of all cores' time together, and is given out in periods of 10 ms: in longer ones a start would be over before it
had used up the first. What the program starts meanwhile is held back with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PERIOD_US = 10_000
_LEAST_US = 1_000  # what the kernel takes as a quota


class NotAvailable(Exception):
    """This machine lets nobody, or not this user, hold a program back; the message says why."""


@contextmanager
def slowed(pid: int, share: float) -> Iterator[Path]:
    """Hold a process and all that it has started to `share` of the processor; yields the cgroup's folder.

    Raises NotAvailable. At the end the processes are where they were.
    """
    quota = max(_LEAST_US, int(_PERIOD_US * share * (os.cpu_count() or 1)))
    home, above, limits = _place(quota)
    group = above / f"popdesk-bench-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise NotAvailable(
            f"no cgroup can be made below {above}: {error.strerror} (root can, on most machines)"
        ) from None
    try:
        try:
            for name, value in limits.items():
                (group / name).write_text(value)
        except OSError as error:
            raise NotAvailable(f"{group} takes no limit of the processor: {error.strerror}") from None
        _move([pid, *_descendants(pid)], group)
        yield group
    finally:
        while pids := [int(line) for line in (group / "cgroup.procs").read_text().split()]:
            _move(pids, home)  # what they start meanwhile is found the next time
        group.rmdir()


def _place(quota: int) -> tuple[Path, Path, dict[str, str]]:
    """Return this process's cgroup, the one below which another may stand beside it, and the files that make the limit."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    except OSError:
        raise NotAvailable("there is no /proc/self/cgroup: this is no Linux") from None
    for mount in mounts:
        kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
        if kind == "cgroup" and "cpu" in options:
            path = next(path for _, names, path in groups if "cpu" in names.split(","))
            home = _below(mount, path)
            return home, home, {"cpu.cfs_period_us": str(_PERIOD_US), "cpu.cfs_quota_us": str(quota)}
    for mount in mounts:
        if mount[mount.index("-") + 1] == "cgroup2":
            root = Path(mount[4])
            home = _below(mount, next((path for number, _, path in groups if number == "0"), "/"))
            # Where a limit is given to its children, a cgroup of version 2 holds no processes of its own, but for the root.
            above = home if home == root else home.parent
            if "cpu" in (above / "cgroup.subtree_control").read_text().split():
                return home, above, {"cpu.max": f"{quota} {_PERIOD_US}"}
            raise NotAvailable(f"{above / 'cgroup.subtree_control'} does not name cpu")
    raise NotAvailable("no cgroup controller for the processor is mounted")


def _below(mount: list[str], path: str) -> Path:
    """Return the folder of a cgroup's path; a container may have mounted a part of the tree (mountinfo's root, field 4)."""
    return Path(mount[4]) / path.removeprefix(mount[3]).lstrip("/")


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
        children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _move(pids: list[int], group: Path) -> None:
    for pid in pids:
        try:
            (group / "cgroup.procs").write_text(str(pid))
        except ProcessLookupError:
            continue  # it has ended
        except OSError as error:
            raise NotAvailable(f"process {pid} cannot be put into {group}: {error.strerror}") from None
