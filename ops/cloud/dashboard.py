"""The CloudWatch dashboard of what agents really get (docs/monitoring.md), as template_events.yaml has it.

dashboard_body()      # JSON with ${AWS::Region}, ${Api} and ${ApiLogs} for CloudFormation's Fn::Sub

Each graph has a line for each release that has pages, so that two releases in use at once stand side by side.
"""

from __future__ import annotations

import json
from typing import Any

_WIDTH, _HEIGHT = 12, 6  # of a widget; a dashboard has 24 columns
_SEARCH = '{{Popdesk,FunctionName,release}} FunctionName="${{Api}}" MetricName="{metric}"'
_QUERY = (
    "SOURCE '${ApiLogs}' | filter message = \"failed card\""
    " | stats count() as pages by card, kind, release | sort pages desc | limit 50"
)


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
    by_function = [[{"expression": f"SEARCH('{_by_function(name)}', 'Sum', 300)"}] for name in _UNPROVEN]
    unproven = {"title": "Pages without a contact's token", "metrics": by_function, **_COMMON}
    failed = {"title": "Cards that failed, and why", "query": _QUERY, "region": "${AWS::Region}", "view": "table"}
    widgets = [("metric", each) for each in (*graphs, unproven)] + [("log", failed)]
    return json.dumps({"widgets": [_placed(number, *each) for number, each in enumerate(widgets)]})


_UNPROVEN = ("UnprovenPages", "UnprovenPagesWithFailedCard")
_COMMON: dict[str, Any] = {
    "region": "${AWS::Region}",
    "view": "timeSeries",
    "period": 300,
    "yAxis": {"left": {"min": 0}},
}


def _by_function(metric: str) -> str:
    return f'{{Popdesk,FunctionName}} FunctionName="${{Api}}" MetricName="{metric}"'


def _graph(title: str, metric: str, statistic: str) -> dict[str, Any]:
    search = f"SEARCH('{_SEARCH.format(metric=metric)}', '{statistic}', 300)"
    return {"title": title, "metrics": [[{"expression": search}]], **_COMMON}


def _placed(number: int, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    x, y = number % 2 * _WIDTH, number // 2 * _HEIGHT
    return {"type": kind, "x": x, "y": y, "width": _WIDTH, "height": _HEIGHT, "properties": properties}
