"""The look-up Lambda: the contact flow asks it who is calling and which page of the CRM to open.

    handler(event, context)            # what Lambda calls; its settings are the zip's settings.json
    handle = create_handler(settings)  # the same with other settings: ops.settings.lambda_settings(settings)
    handle(event, context)             # -> {"contactUrlPath": "https://...", "Name": "...", ..., "statusCode": "200"}

Every contact waits for this function, so it always answers within `lookup.budget_ms`, and the answer is complete and valid
(answers.py) whatever the event contains and whatever the directory does. The look-up runs in a thread that is abandoned
when its time is over, because a socket's time-out alone ends neither a slow name server nor an answer that arrives byte by
byte.
"""

# ruff: noqa: E402
from __future__ import annotations

import gc

gc.disable()  # while importing: there is no garbage yet, and looking for it costs a cold start over a millisecond

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

    from token_signing import TokenSigner

SETTINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "settings.json")

# Seconds of the invocation's remaining time that are reserved to build, log and return the answer.
_RESERVE = 0.25

# Seconds for reading the key of the contact's token: at a cold start, and in a call.
_KEY_SECONDS = 2.0
_KEY_SECONDS_IN_CALL = 0.5


class CustomerDirectory:
    """The configured adapter, called in a thread so that `find` returns in time even if the adapter does not."""

    def __init__(self, lookup: dict[str, Any]) -> None:
        self._lookup = lookup
        self._customers: Customers | None = None

    def open(self) -> Customers:
        """Return the adapter, creating it if needed."""
        if self._customers is None:
            self._customers = open_customers(self._lookup)
        return self._customers

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with `identity`, trying its spellings in turn until there is a match.

        Raises TimeoutError after `seconds`, or what the adapter raised.
        """
        answers: list[list[Customer] | BaseException] = []
        abandoned = threading.Event()
        deadline = time.monotonic() + seconds

        def ask() -> None:
            try:
                customers = self.open()
                found: list[Customer] = []
                for spelling in identity.spellings:
                    remaining = deadline - time.monotonic()
                    if abandoned.is_set() or remaining <= 0:
                        return
                    found = _distinct(customers.find(Identity(identity.kind, spelling), remaining))
                    if found:
                        break
                answers.append(found)
            except BaseException as error:  # even sys.exit() in an adapter: raised below, in the caller's thread
                answers.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(seconds)
        if not answers:
            # The thread may go on using this adapter for a while, so the next call gets a new one.
            abandoned.set()
            adapter, self._customers = self._customers, None
            if adapter is not None:
                adapter.close()
            raise TimeoutError
        answer = answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, BaseException):
            raise LookupFailed(f"the adapter raised {type(answer).__name__}") from answer
        return answer


def create_handler(
    settings: dict[str, Any], directory: CustomerDirectory | None = None
) -> Callable[[object, object], dict[str, str]]:
    """Return the handler for `settings` (ops.settings.lambda_settings), with its adapter opened."""
    directory = directory or CustomerDirectory(settings["lookup"])
    adapter = settings["lookup"]["adapter"]
    # Opened now, in Lambda's init phase, which does not count against the budget. If that fails, each call tries again.
    try:
        directory.open()
    except Exception as error:
        print(json.dumps({"level": "ERROR", "message": "adapter not opened", "error": _describe(error)}), flush=True)
    signer: TokenSigner | None = None
    if "token" in settings["attributes"]:
        from token_signing import open_signer  # not in the zip without the API

        signer = open_signer()
        signer.fetch_keys(_KEY_SECONDS)

    def handle(event: object, context: object) -> dict[str, str]:
        started = time.monotonic()
        identity: Identity | None = None
        customers: list[Customer] = []
        outcome, error = "no-identity", ""
        try:
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
        no_token = ""
        if signer:
            seconds = _budget(settings["lookup"]["budget_ms"], context) - (time.monotonic() - started)
            signer.fetch_keys(min(seconds, _KEY_SECONDS_IN_CALL))
            found = [customers[0].id] if len(customers) == 1 else []
            try:
                answer.values[settings["attributes"]["token"]] = signer.sign(contact_id, found)
            except Exception as problem:  # the call is answered without
                no_token = str(problem) if isinstance(problem, LookupFailed) else _describe(problem)
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
            no_token=no_token,
        )
        return answer.values

    return handle


def _budget(budget_ms: int, context: object) -> float:
    """Return how many seconds a look-up may take: `budget_ms`, or less if the invocation has less time left."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    seconds = budget_ms / 1000
    return min(seconds, remaining() / 1000 - _RESERVE) if remaining else seconds


def _distinct(customers: list[Customer]) -> list[Customer]:
    """Return each customer with an id once: a directory that lists a customer twice has one match, not two.

    A customer without an id is left out, since no page can be opened for them.
    """
    return list({customer.id: customer for customer in customers if customer.id}.values())


def _contact(event: object) -> tuple[object, str]:
    try:
        contact = event["Details"]["ContactData"]  # type: ignore[index]
        return contact.get("ContactId"), contact["Channel"] if contact["Channel"] in CHANNELS else "OTHER"
    except (KeyError, TypeError, AttributeError):
        return "", "OTHER"


def _describe(error: Exception) -> str:
    """Return what failed and where, without the text of exceptions that are not ours: it may contain a caller's number."""
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
