"""The CloudWatch dashboard of what agents really get (docs/monitoring.md), as template_events.yaml has it.

dashboard_body()      # JSON with ${AWS::Region}, ${Api} and ${ApiLogs} for CloudFormation's Fn::Sub

Each graph has a line for each release that has pages, live and in the pilot, so that two in use at once stand side by side.
"""

from __future__ import annotations

import json
from typing import Any

_WIDTH, _HEIGHT = 12, 6  # of a widget; a dashboard has 24 columns
_QUERY = (
    "SOURCE '${ApiLogs}' | filter message = \"failed card\""
    " | stats count() as pages by card, kind, alias, release | sort pages desc | limit 50"
)

_UNPROVEN = ("UnprovenPages", "UnprovenPagesWithFailedCard")
_COMMON: dict[str, Any] = {
    "region": "${AWS::Region}",
    "view": "timeSeries",
    "period": 300,
    "yAxis": {"left": {"min": 0}},
}


def dashboard_body() -> str:
    """Return the dashboard's body.

    Its form: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html.
    """
    graphs = [
        _graph("First values, 95th percentile in ms", "FirstValues", "p95"),
        _graph("First values, median in ms", "FirstValues", "p50"),
        _graph("Hello, 95th percentile in ms", "Hello", "p95"),
        _graph("Pages", "Pages", "Sum"),
        _graph("Pages with a failed card", "PagesWithFailedCard", "Sum"),
        _graph("Screen pops that the browser blocked", "PopsBlocked", "Sum"),
    ]
    searches = [[_search("FunctionName", name, "Sum")] for name in _UNPROVEN]
    unproven = {"title": "Pages without a contact's token", "metrics": searches, **_COMMON}
    failed = {"title": "Cards that failed, and why", "query": _QUERY, "region": "${AWS::Region}", "view": "table"}
    widgets = [("metric", each) for each in (*graphs, unproven)] + [("log", failed)]
    return json.dumps({"widgets": [_placed(number, *each) for number, each in enumerate(widgets)]})


def _search(dimensions: str, metric: str, statistic: str) -> dict[str, str]:
    """Return what finds a metric of the API's function, a line for each value of its other dimensions."""
    wanted = f'{{Popdesk,{dimensions}}} FunctionName="${{Api}}" MetricName="{metric}"'
    return {"expression": f"SEARCH('{wanted}', '{statistic}', 300)"}


def _graph(title: str, metric: str, statistic: str) -> dict[str, Any]:
    return {"title": title, "metrics": [[_search("FunctionName,alias,release", metric, statistic)]], **_COMMON}


def _placed(number: int, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    x, y = number % 2 * _WIDTH, number // 2 * _HEIGHT
    return {"type": kind, "x": x, "y": y, "width": _WIDTH, "height": _HEIGHT, "properties": properties}
