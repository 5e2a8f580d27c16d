"""Ctrl-C without a traceback: "Cancelled." and exit code 130, from the first moment on.

    with cancelling_quietly():     # around imports, which take the first second
        import click

Imports nothing that takes time. While something is imported, KeyboardInterrupt must not be raised at all: a module that
is half initialised may turn it into another error. After that it is raised as usual, and one that is not caught ends here.
"""

from __future__ import annotations

import os
import signal
import sys
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


def cancel_uncaught_interrupts() -> None:
    """Let a KeyboardInterrupt that is not caught end as `cancel` does; other exceptions keep their traceback."""
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            cancel()
        usual(kind, error, trace)

    sys.excepthook = hook
