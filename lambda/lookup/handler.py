"""The look-up Lambda: the contact flow asks it who is calling and which page of the CRM to open.

    handler(event, context)            # what Lambda calls; its settings are the zip's settings.json
    handle = create_handler(settings)  # the same with other settings: ops.settings.lambda_settings(settings)
    handle(event, context)             # -> {"contactUrlPath": "https://...", "Name": "...", ..., "statusCode": "200"}

Every contact waits for this function, so it always answers within `lookup.budget_ms`, and the answer is complete and valid
(answers.py) whatever the event contains and whatever the directory does (directory.py).
"""

# ruff: noqa: E402
from __future__ import annotations

import gc

gc.disable()  # while importing: there is no garbage yet, and looking for it costs a cold start over a millisecond

import json
import os.path
import sys
import time

from answers import FAILED, TIMED_OUT, build_answer
from call_log import kind_of, write_call
from customers import LookupFailed
from directory import CustomerDirectory
from identity import CHANNELS, read_identity

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from customers import Customer
    from identity import Identity
    from token_signing import TokenSigner

SETTINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "settings.json")

# Seconds of the invocation's remaining time that are reserved to build, log and return the answer.
_RESERVE = 0.25

# Seconds for reading the key of the contact's token: at a cold start, and in a call.
_KEY_SECONDS = 2.0
_KEY_SECONDS_IN_CALL = 0.5


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


def _contact(event: object) -> tuple[object, str]:
    try:
        contact = event["Details"]["ContactData"]  # type: ignore[index]
        return contact.get("ContactId"), contact["Channel"] if contact["Channel"] in CHANNELS else "OTHER"
    except (KeyError, TypeError, AttributeError):
        return "", "OTHER"


def _describe(error: Exception) -> str:
    """Return what failed and where, without the text of exceptions that are not ours: it may contain a caller's number."""
    text = kind_of(error) + (f": {error}" if isinstance(error, LookupFailed) else "")
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
