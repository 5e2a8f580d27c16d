"""The contact flow's question and answer: who is calling, and which page of the CRM is theirs?

    handler(event, context)            # what Lambda calls; its settings are the zip's settings.json
    handle = create_handler(settings)  # the same with settings of one's own: ops.settings.lambda_settings(settings)
    handle(event, context)             # -> {"contactUrlPath": "https://...", "Name": "...", ..., "statusCode": "200"}

Every call waits for this function, so it always answers, and in time: whatever the event holds and whatever the
directory does, the answer is complete and valid (answers.py), within `lookup.budget_ms`. The look-up runs in a thread
that is left behind when its time is over: a socket's time-out alone ends neither a slow name server nor an answer that
drips.
"""

# ruff: noqa: E402
from __future__ import annotations

import gc

gc.disable()  # until all is imported: nothing of it is garbage, and looking for some costs a cold start over a millisecond

import json
import os.path
import sys
import threading
import time

from answers import FAILED, TIMED_OUT, build_answer
from call_log import write_call
from customers import Customer, Customers, LookupFailed, open_customers
from identity import CHANNELS, Identity, read_identity

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SETTINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "settings.json")

# Kept back of the invocation's remaining time, in seconds: to build, log and return the answer.
_RESERVE = 0.25


class Directory:
    """The adapter, asked in a thread of its own so that no answer is waited for longer than allowed."""

    def __init__(self, lookup: dict[str, Any]) -> None:
        self._lookup = lookup
        self._customers: Customers | None = None

    def open(self) -> Customers:
        """Make the adapter, if there is none."""
        if self._customers is None:
            self._customers = open_customers(self._lookup)
        return self._customers

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with `identity`, asking for one spelling of it after the other until there is somebody.

        Raises TimeoutError after `seconds`, and whatever the adapter raised.
        """
        answers: list[list[Customer] | BaseException] = []
        left_behind = threading.Event()
        deadline = time.monotonic() + seconds

        def ask() -> None:
            try:
                customers = self.open()
                found: list[Customer] = []
                for spelling in identity.spellings:
                    left = deadline - time.monotonic()
                    if left_behind.is_set() or left <= 0:
                        return  # nobody waits any more
                    found = _distinct(customers.find(Identity(identity.kind, spelling), left))
                    if found:
                        break
                answers.append(found)
            except BaseException as error:  # sys.exit() in an adapter too: handed over, and raised below
                answers.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(seconds)
        if not answers:
            # The next call gets a new adapter: this one may be in the thread's hands for a while yet.
            left_behind.set()
            left, self._customers = self._customers, None
            if left is not None:
                left.close()
            raise TimeoutError
        answer = answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, BaseException):
            raise LookupFailed(f"the adapter raised {type(answer).__name__}") from answer
        return answer


def create_handler(
    settings: dict[str, Any], directory: Directory | None = None
) -> Callable[[object, object], dict[str, str]]:
    """Make the handler for `settings` (ops.settings.lambda_settings), its adapter open and warm."""
    directory = directory or Directory(settings["lookup"])
    adapter = settings["lookup"]["adapter"]
    # Opened now, in Lambda's init phase, which has its own time. Where that fails, every call tries again, in its
    # budget.
    try:
        directory.open()
    except Exception as error:
        print(json.dumps({"level": "ERROR", "message": "adapter not opened", "error": _describe(error)}), flush=True)

    def handle(event: object, context: object) -> dict[str, str]:
        started = time.monotonic()
        identity: Identity | None = None
        outcome, error = "no-identity", ""
        try:
            customers: list[Customer] = []
            identity = read_identity(event, settings["lookup"]["default_region"])
            if identity:
                seconds = _budget(settings["lookup"]["budget_ms"], context) - (time.monotonic() - started)
                if seconds <= 0:
                    raise TimeoutError
                customers = directory.find(identity, seconds)
                outcome = ("none", "found", "several")[min(len(customers), 2)]
            answer = build_answer(settings, identity, customers)
        except TimeoutError:
            outcome, error = "timeout", "the directory did not answer in time"
            answer = build_answer(settings, identity, None, TIMED_OUT)
        except Exception as problem:
            outcome, error = "failed", _describe(problem)
            answer = build_answer(settings, identity, None, FAILED)
        contact_id, channel = _contact(event)
        write_call(
            sys.stdout,
            contact_id=contact_id,
            channel=channel,
            outcome=outcome,
            adapter=adapter,
            matches=answer.matches,
            milliseconds=(time.monotonic() - started) * 1000,
            error=error,
            refused=answer.refused,
        )
        return answer.values

    return handle


def _budget(budget_ms: int, context: object) -> float:
    """Give the seconds that a look-up may take: the setting, or less where the invocation has less left."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    seconds = budget_ms / 1000
    return min(seconds, remaining() / 1000 - _RESERVE) if remaining else seconds


def _distinct(customers: list[Customer]) -> list[Customer]:
    """Return each customer once: a directory that lists one twice has one match, not two.

    One without an id is none: no page could be found by it.
    """
    return list({customer.id: customer for customer in customers if customer.id}.values())


def _contact(event: object) -> tuple[object, str]:
    try:
        contact = event["Details"]["ContactData"]  # type: ignore[index]
        return contact.get("ContactId"), contact["Channel"] if contact["Channel"] in CHANNELS else "OTHER"
    except (KeyError, TypeError, AttributeError):
        return "", "OTHER"


def _describe(error: Exception) -> str:
    """Say what failed and where. The text of an exception that is not ours may hold a caller's number: left out."""
    text = type(error).__name__ + (f": {error}" if isinstance(error, LookupFailed) else "")
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace:
        text += f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})"
    return text


if os.path.exists(SETTINGS):
    with open(SETTINGS, encoding="utf-8") as _file:
        handler = create_handler(json.load(_file))

gc.freeze()
gc.enable()
