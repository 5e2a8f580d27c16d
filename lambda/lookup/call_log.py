"""Write one line of JSON per call, which is the log and also the source of CloudWatch's metrics.

    write_call(sys.stdout, contact_id="...", channel="VOICE", outcome="found", adapter="http", milliseconds=41.7)

The line has CloudWatch's embedded metric format, from which CloudWatch makes the metrics `Calls` and `Duration` by
function, adapter and outcome, without an API call or a library
(docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
It contains no personal data: no number, address, name or URL, and no text of exceptions other than our own.
"""

from __future__ import annotations

import json
import os
import re
import time

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import TextIO

NAMESPACE = "Popdesk"

_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
_CONTACT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_METRICS = [
    {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName", "adapter", "outcome"], ["FunctionName", "adapter"]],
        "Metrics": [{"Name": "Calls", "Unit": "Count"}, {"Name": "Duration", "Unit": "Milliseconds"}],
    }
]


def kind_of(error: Exception) -> str:
    """Return what kind of exception it is, for the log, and which module is missing; nothing else of its text."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    return type(error).__name__ + (f" {name}" if name and _MODULE.fullmatch(name) else "")


def write_call(
    out: TextIO,
    *,
    contact_id: object,
    channel: str,
    outcome: str,
    adapter: str,
    milliseconds: float,
    matches: str = "",
    error: str = "",
    refused: list[str] | None = None,
    no_token: str = "",
) -> None:
    """Write the call's line to `out`.

    `contact_id` is the event's and is left out unless it looks like an id. `error` is what failed and where, "" if nothing
    did. `refused` is which URLs were left out of the answer and why; `no_token` is why it has no token, "" if it has one or
    needs none.
    """
    line: dict[str, object] = {
        "level": "ERROR" if error else "WARN" if refused or no_token else "INFO",
        "message": "customer look-up",
        "contact_id": contact_id if isinstance(contact_id, str) and _CONTACT_ID.fullmatch(contact_id) else "",
        "channel": channel,
        "outcome": outcome,
        "adapter": adapter,
        # Tells two environments in one account apart; Lambda sets the variable
        # (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
        "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        "matches": matches,
        "Calls": 1,
        "Duration": round(milliseconds, 3),
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": _METRICS},
    }
    if error:
        line["error"] = error
    if refused:
        line["refused"] = refused
    if no_token:
        line["no_token"] = no_token
    out.write(json.dumps(line, separators=(",", ":")) + "\n")
    out.flush()
