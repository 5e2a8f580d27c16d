"""Write a line of JSON for each request, which is the log and also the source of CloudWatch's metrics, and one for each write.

    write_request(sys.stdout, request, status=201, milliseconds=41.7)
    write_audit(sys.stdout, request, status=201)

The lines have no personal data: the route's template instead of the path, and no customer's, no case's id, no value.
`Requests` and `Duration` are CloudWatch's, in its embedded metric format, as the look-up's are (lambda/lookup/call_log.py). The
audit line says who wrote: the agent's id in Amazon Connect, whoever signed in where agents do (the token's `sub`), the contact's
id, the route and how it ended.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from popdesk_api.app import Request

NAMESPACE = "Popdesk"
WRITES = ("POST", "PUT", "PATCH", "DELETE")

_METRICS = [
    {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName", "method", "route", "outcome"], ["FunctionName", "outcome"], ["FunctionName"]],
        "Metrics": [{"Name": "Requests", "Unit": "Count"}, {"Name": "Duration", "Unit": "Milliseconds"}],
    }
]


def outcome(status: int) -> str:
    """Return how a request with this status ended: done, refused (it may not), invalid (it is wrong) or failed (we are)."""
    if status < 400:
        return "done"
    if status in (401, 403):
        return "refused"
    return "invalid" if status < 500 else "failed"


def write_request(out: TextIO, request: Request, *, status: int, milliseconds: float) -> None:
    """Write the request's line to `out`."""
    ended = outcome(status)
    line: dict[str, object] = {
        "level": {"done": "INFO", "invalid": "INFO", "refused": "WARN"}.get(ended, "ERROR"),
        "message": "API request",
        "contact_id": request.contact_id,
        "method": request.method,
        "route": request.route,
        "status": status,
        "outcome": ended,
        # Tells two environments in one account apart; Lambda sets the variable.
        "FunctionName": function_name(),
        "Requests": 1,
        "Duration": round(milliseconds, 3),
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": _METRICS},
    }
    if request.error:
        line["error"] = request.error
    if request.repeated:
        line["repeated"] = True
    write_line(out, line)


def write_audit(out: TextIO, request: Request, *, status: int) -> None:
    """Write the line that says who wrote."""
    write_line(
        out,
        {
            "level": "INFO",
            "message": "audit",
            "agent_id": request.agent_id,
            **({"signed_in": request.subject} if request.subject else {}),
            "contact_id": request.contact_id,
            "method": request.method,
            "route": request.route,
            "status": status,
            "outcome": outcome(status),
            "repeated": request.repeated,
            "FunctionName": function_name(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    )


def function_name() -> str:
    """Return the function's name, by which its metrics are told apart."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local")


def write_line(out: TextIO, line: dict[str, object]) -> None:
    """Write a line of JSON."""
    out.write(json.dumps(line, separators=(",", ":")) + "\n")
    out.flush()
