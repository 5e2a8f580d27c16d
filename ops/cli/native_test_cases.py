"""The command `deploy.py test-cases`: our scenarios as Amazon Connect's own test cases."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.markup import escape

from ops.cli.cloud import cloud, err, out
from ops.cloud.aws import Aws
from ops.cloud.native_test_cases import native_test_cases, read_scenario
from ops.cloud.settings_check import check_deployable
from ops.cloud.stack import read_own_stack
from ops.settings import Settings


@click.command("test-cases")
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@cloud
@click.option("--create", is_flag=True, help="Create and publish them in the instance.")
def test_cases(aws: Aws, settings: Settings, scenarios: tuple[Path, ...], create: bool) -> None:
    """Print or create Amazon Connect's own test cases.

    One for each call and chat in SCENARIOS, printed as JSON, or created in the instance with --create. A test case ends before
    an agent is called. Standard error lists what a test case cannot express. Both ways read from AWS, since a test case
    names the released flow, look-up and queue by their ARNs.
    """
    check_deployable(settings)
    read = [read_scenario(file) for file in scenarios]
    stack = read_own_stack(aws, settings)
    cases = [case for scenario in read for case in native_test_cases(scenario, stack, settings.aws.instance_arn)]
    for case in cases:
        for words in case.left_out:
            err.print(f"[yellow]{escape(case.request['Name'])}[/] leaves out {escape(words)}", soft_wrap=True)
    if not create:
        print(json.dumps([case.request for case in cases], indent=2))
        return
    for case in cases:
        made = aws.call("connect", "create_test_case", **case.request)
        out.print(f"{escape(case.request['Name'])}: {escape(str(made.get('TestCaseId', 'created')))}")


COMMANDS = (test_cases,)
