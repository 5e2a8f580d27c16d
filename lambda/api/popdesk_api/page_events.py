"""What pages tell of themselves: POST /api/events, one small record for each contact, which becomes a line for CloudWatch.

    write_page(out, read_record(body), proven=True, alias=called_by(context))

A record is read strictly (PageRecord): what has a field, a word, a size or a type that is not here is refused whole, so that the
line has nothing that anybody could write a customer's name into. The page makes it in pyapp/popdesk/page_record.py.

A page without the contact's token, whose attributes were refused, say, has just what one wants to know of, and so may tell too;
but so may anybody who knows the page's address. Its numbers are metrics of their own ("Unproven..."), which no alarm reads, and
neither its release nor its cards are written: each would be a metric, or a text, of a stranger's choice.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal, TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from popdesk_api.problems import Problem
from popdesk_api.request_log import NAMESPACE, function_name, write_line

LONGEST_RECORD = 4_096  # bytes

Time = Annotated[int, Field(ge=0, le=3_600_000)] | None
CardId = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Kind = Literal["refused", "timeout", "failed", "unexpected", "problem", "down"]

_COUNT, _MS = "Count", "Milliseconds"


class PageRecord(BaseModel):
    """One page's record: times in ms since it was asked for (None: not reached), its cards that failed, and its screen pop."""

    model_config = ConfigDict(extra="forbid", strict=True)

    release: Annotated[str, Field(pattern=r"^([0-9]{8}-[0-9]{6}-[0-9a-f]{12})?$")]
    hello: Time
    first_values: Time
    pop: Time
    popped: Literal["", "opened", "blocked", "barred"]
    failed: Annotated[dict[CardId, Kind], Field(max_length=20)]


def read_record(body: bytes) -> PageRecord:
    """Return the record that a request has. Raises Problem for any other request, and says nothing of what is in it."""
    if len(body) > LONGEST_RECORD:
        raise Problem(413, f"The record is longer than {LONGEST_RECORD:,} bytes.")
    try:
        return PageRecord.model_validate_json(body)
    except ValidationError:
        raise Problem(422, "It is no record of a page.", title="Invalid values") from None


def called_by(context: Any) -> str:
    """Return the alias by which the function was called: "live", or "pilot" by the pilot's page; "none" in preview.

    A page cannot choose it: each has an HTTP API of its own (docs.aws.amazon.com/lambda/latest/dg/python-context.html).
    """
    return "".join(str(getattr(context, "invoked_function_arn", "")).split(":")[7:8]) or "none"


def write_page(out: TextIO, record: PageRecord, *, proven: bool, alias: str) -> None:
    """Write a record's line to `out`, in CloudWatch's embedded metric format, and one for each card that failed.

    `proven` is whether the page had its contact's token, `alias` what `called_by` returns.
    """
    numbers: dict[str, tuple[str, float]] = {
        "Pages": (_COUNT, 1),
        "PagesWithFailedCard": (_COUNT, 1 if record.failed else 0),
        "PopsOpened": (_COUNT, int(record.popped == "opened")),
        "PopsBlocked": (_COUNT, int(record.popped in ("blocked", "barred"))),
    }
    for name, milliseconds in (("Hello", record.hello), ("FirstValues", record.first_values), ("Pop", record.pop)):
        if milliseconds is not None:
            numbers[name] = (_MS, milliseconds)
    if not proven:
        numbers = {f"Unproven{name}": numbers[name] for name in ("Pages", "PagesWithFailedCard")}
    told = {"alias": alias, "release": record.release or "none", "popped": record.popped} if proven else {}
    dimensions = [["FunctionName"], ["FunctionName", "alias", "release"]] if proven else [["FunctionName"]]
    metrics = [{"Name": name, "Unit": unit} for name, (unit, _) in numbers.items()]
    line: dict[str, object] = {
        "level": "INFO",
        "message": "page",
        "FunctionName": function_name(),
        **told,
        **{name: number for name, (_, number) in numbers.items()},
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}],
        },
    }
    lines = [line]
    if proven:
        lines += [
            {"level": "WARN", "message": "failed card", "card": card, "kind": kind, **told}
            for card, kind in record.failed.items()
        ]
    for each in lines:
        write_line(out, each)
