"""The first day on a real instance: ten steps, for docs/first-day.md and `doctor --live`.

    for step, findings in walk(examine(aws, settings), aws, settings): ...

Each step has what doctor checks of it (the names of its findings), what a person has to check, and what to do if it differs.
The calls are doctor's own and read only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import fill

from ops.cloud.aws import Aws, AwsError
from ops.cloud.doctor import Finding
from ops.cloud.stack import read_own_stack
from ops.flows.definitions import VIEW_SECONDS
from ops.settings import Settings

CALLS_LOOK_UP = "main flow calls the look-up"


@dataclass(frozen=True)
class Step:
    """One step: `sees` are the names of doctor's findings that belong to it, none where only a person can look."""

    title: str
    sees: tuple[str, ...]
    look: str
    otherwise: str


STEPS = (
    Step(
        "The account and the instance",
        ("settings", "credentials", "account", "permissions", "instance", "service-linked role", "stack"),
        "The console's Amazon Connect page lists the instance, and CloudFormation the stack, complete.",
        "Fix what doctor reports, then start here again: nothing below can be right before that.",
    ),
    Step(
        "The application is registered, under its name",
        ("application associated", "service associated", "pilot associated", "pilot's service associated"),
        "Under Third-party applications, the application has exactly the name set in [tool.popdesk].",
        "The guide's view finds it by its name, in AppIdentifier: change the name back, or release with the new name.",
    ),
    Step(
        "The look-up is associated, by its alias",
        ("Lambda associated",),
        "In the flow editor, the block that calls the look-up shows the function with `:live`.",
        "If the console lost the alias, enter the ARN with `:live` there and publish: without it, rollback has no effect.",
    ),
    Step(
        "Agents are let in",
        ("security profiles", "guides", "service", "pilot's agents"),
        "An agent with that security profile signs in again and sees the application in the launcher.",
        "Grant it with `deploy.py doctor --grant PROFILE`, then have the agent reload the workspace.",
    ),
    Step(
        "The flows are published and call the look-up",
        ("main flow published", "guide flow published", CALLS_LOOK_UP),
        "A phone number points at the main flow.",
        "Point one at it under Phone numbers. `deploy.py status` names a flow changed in the console: change it back there.",
    ),
    Step(
        "The page answers with its headers",
        ("page", "API", "pilot's page"),
        "Open the page's address outside the workspace: it says that it is for the workspace, and does not stay blank.",
        "If the browser's console names frame-ancestors, the frame is blocked: the instance's address is missing there.",
    ),
    Step(
        "A call of somebody in the directory",
        (),
        "The page opens beside the call with the customer's name, and the CRM's page pops.",
        "No page: check step 2, then step 4. A page without a name: the look-up's log group says what it answered.",
    ),
    Step(
        "A call of somebody who is not in it",
        (),
        "The page says that nobody was found. Contact search shows each attribute with a dash, none of them empty.",
        "If attributes are missing or empty, the flow's log says which block refused a value. Please report it.",
    ),
    Step(
        "The view's time",
        (),
        f"In a call of more than {VIEW_SECONDS} seconds, the page stays, or comes back with what was typed.",
        "If the guide ends there, the instance has another limit: change VIEW_SECONDS in ops/flows/definitions.py.",
    ),
    Step(
        "The same call as a test case",
        (),
        "`deploy.py test-cases examples/gold_customer.py --create`, run in the console, passes.",
        "InvalidTestCaseException: compare the content with a test case made in the console. Nothing else depends on it.",
    ),
)


def walk(findings: Iterable[Finding], aws: Aws, settings: Settings) -> Iterator[tuple[Step, list[Finding]]]:
    """Yield each step with what was seen of it. A finding that no step names is with the first."""
    seen = list(findings)
    if any(finding.what == "main flow published" for finding in seen):
        seen.append(_calls_look_up(aws, settings))
    named = {what for step in STEPS for what in step.sees}
    for number, step in enumerate(STEPS):
        yield step, [each for each in seen if each.what in step.sees or (number == 0 and each.what not in named)]


def _calls_look_up(aws: Aws, settings: Settings) -> Finding:
    try:
        outputs = read_own_stack(aws, settings).outputs
        identity = outputs.get("MainFlowArn", "").rpartition("/")[2]
        found = aws.call(
            "connect", "describe_contact_flow", InstanceId=settings.aws.instance_arn, ContactFlowId=identity
        )
    except AwsError as error:
        return Finding(CALLS_LOOK_UP, "open", f"{error.subject}: {error.reason}", error.hint)
    arn = outputs.get("LookupArn", "")
    if arn and f'"{arn}"' in str(found["ContactFlow"].get("Content", "")):
        return Finding(CALLS_LOOK_UP, "ok", arn)
    return Finding(
        CALLS_LOOK_UP, "wrong", f"it does not name {arn or 'the look-up'}", "enter it in the flow again and publish"
    )


def as_page() -> str:
    """Return the steps as docs/first-day.md has them."""
    parts = [
        f"## {number}. {step.title}\n\n"
        + (f"The command checks: {', '.join(step.sees)}.\n\n" if step.sees else "The command cannot check this.\n\n")
        + fill(f"Check: {step.look}", 118, break_on_hyphens=False)
        + "\n\n"
        + fill(f"If it differs: {step.otherwise}", 118, break_on_hyphens=False)
        + "\n"
        for number, step in enumerate(STEPS, start=1)
    ]
    return "\n".join(parts)
