"""One line of JSON per call: the log, and CloudWatch's metrics out of the same line.

    write_call(sys.stdout, contact_id="...", channel="VOICE", outcome="found", adapter="http", milliseconds=41.7)

The line follows CloudWatch's embedded metric format, so CloudWatch makes the metrics `Calls` and `Duration` of it, by
function, adapter and outcome, without a call or a library
(docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
Nothing in it is personal: no number, address, name, URL, and no exception's text but our own.
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

_CONTACT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_METRICS = [
    {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName", "adapter", "outcome"], ["FunctionName", "adapter"]],
        "Metrics": [{"Name": "Calls", "Unit": "Count"}, {"Name": "Duration", "Unit": "Milliseconds"}],
    }
]


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
) -> None:
    """Write the call's one line.

    `contact_id` is the event's, and left out where it is not an id; `error` says what failed and where; `refused` says
    which URLs were dropped and why.
    """
    line: dict[str, object] = {
        "level": "ERROR" if error else "WARN" if refused else "INFO",
        "message": "customer look-up",
        "contact_id": contact_id if isinstance(contact_id, str) and _CONTACT_ID.fullmatch(contact_id) else "",
        "channel": channel,
        "outcome": outcome,
        "adapter": adapter,
        # Two environments in one account are two functions; Lambda sets the variable
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
    out.write(json.dumps(line, separators=(",", ":")) + "\n")
    out.flush()
