"""Ctrl-C without a traceback: "Cancelled." and exit code 130, from the first moment on.

    with cancelling_quietly():     # around imports, which take the first second
        import click
    ended = interrupted_by_signals()
    ...
    ended.wait()                   # of a command that runs until it is interrupted

Imports nothing that takes time. While something is imported, KeyboardInterrupt must not be raised at all: a module that
is half initialised may turn it into another error. After that it is raised as usual, and one that is not caught ends here.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn

EXIT_CODE = 130  # a shell's exit code for a process that SIGINT ended


def cancel(*_: object) -> NoReturn:
    """Print "Cancelled." and end the process at once."""
    sys.stdout.flush()
    os.write(2, b"\nCancelled.\n")
    os._exit(EXIT_CODE)


@contextmanager
def cancelling_quietly() -> Iterator[None]:
    """Let Ctrl-C end the process with "Cancelled."; where SIGINT is ignored (`command &`), it stays ignored."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted_by_signals() -> threading.Event:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt in the main thread; return an event that is set then.

    What ends a service ends a command as Ctrl-C does. Python drops an exception that a signal's handler raises within a
    finalizer or a callback ("Exception ignored in"), so what waits for the end waits for the event. A signal that is ignored
    (`command &` ignores SIGINT) stays ignored.
    """
    ended = threading.Event()

    def end(*_: object) -> NoReturn:
        ended.set()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    return ended


def cancel_uncaught_interrupts() -> None:
    """Let a KeyboardInterrupt that is not caught end as `cancel` does; other exceptions keep their traceback."""
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            cancel()
        usual(kind, error, trace)

    sys.excepthook = hook
