"""The environment's CloudFormation stack as it is in AWS.

stack = read_own_stack(aws, settings)      # raises UserError where a stack of that name is another application's
stack.exists, stack.status, stack.outputs["Url"]
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ops.cloud.aws import Aws, AwsError
from ops.cloud.names import older_stack_name, stack_name
from ops.errors import WRONG_SETTINGS, UserError
from ops.settings import Settings


@dataclass(frozen=True)
class Stack:
    """The stack as it is; `status` is CloudFormation's, empty where there is no stack."""

    name: str
    status: str = ""
    arn: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether it has resources; in REVIEW_IN_PROGRESS it has a name and a change set only."""
        return self.status not in ("", "REVIEW_IN_PROGRESS")


class StackMissing(UserError):
    """There is no such stack, or nothing was released to it yet."""


def read_stack(aws: Aws, name: str) -> Stack:
    """Return the stack of this name (or ARN, by which a deleted one is still found). One call."""
    try:
        found = aws.call("cloudformation", "describe_stacks", StackName=name)["Stacks"][0]
    except AwsError as error:
        if error.code == "ValidationError" and "does not exist" in error.reason:
            return Stack(name)
        raise
    return Stack(
        name,
        found["StackStatus"],
        found["StackId"],
        {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
        {item["ParameterKey"]: item.get("ParameterValue", "") for item in found.get("Parameters", [])},
    )


def read_own_stack(aws: Aws, settings: Settings) -> Stack:
    """Return the environment's stack.

    Raises UserError (exit code 2) where the stack of that name is not this application's: each command would change, empty
    or delete what belongs to somebody else. Also where there is no such stack but one that an older version made for this
    application.
    """
    stack = read_stack(aws, stack_name(settings))
    table = f"[tool.popdesk.environments.{settings.environment}.aws]" if settings.environment else "[tool.popdesk.aws]"
    if stack.exists and (made_for := stack.parameters.get("AppNamespace", "")) != settings.namespace:
        whose = f"it is of the application {made_for!r}" if made_for else "Popdesk did not make it"
        raise UserError(
            f"stack {stack.name}",
            f"{whose}, and the settings' namespace is {settings.namespace!r}; nothing was changed",
            f"if the namespace is a mistake, correct it; else set stack in {table} to another name",
            exit_code=WRONG_SETTINGS,
        )
    older = older_stack_name(settings)
    if stack.status or settings.aws.stack or older == stack.name:
        return stack
    try:
        found = read_stack(aws, older)
    except AwsError as error:
        if error.code in ("AccessDenied", "AccessDeniedException"):  # the policy knows the stack's own name only
            return stack
        raise
    if found.exists and found.parameters.get("AppNamespace") == settings.namespace:
        raise UserError(
            f"stack {stack.name}",
            f"it is not there; {older} is, which an older version made for the same application; nothing was changed",
            f'keep it: write stack = "{older}" in {table}',
            exit_code=WRONG_SETTINGS,
        )
    return stack


def account_of(aws: Aws, stack: Stack) -> str:
    """Return the account's number: from the stack's ARN, or by asking."""
    if stack.arn.startswith("arn:"):
        return stack.arn.split(":")[4]
    return str(aws.call("sts", "get_caller_identity")["Account"])


def find_queue(aws: Aws, settings: Settings, stack: Stack) -> str:
    """Return the ARN of aws.queue: as it is set, as the stack knows it, or looked up by its name."""
    queue, instance = settings.aws.queue, settings.aws.instance_arn
    if queue.startswith("arn:"):
        return queue
    if stack.parameters.get("Queue") == queue and stack.parameters.get("InstanceArn") == instance:
        return stack.parameters["QueueArn"]
    names = []
    for page in aws.pages("connect", "list_queues", InstanceId=instance, QueueTypes=["STANDARD"]):
        for found in page["QueueSummaryList"]:
            if found["Name"] == queue:
                return str(found["Arn"])
            names.append(found["Name"])
    raise UserError(
        f"aws.queue = {queue!r}",
        f"the instance has no queue of that name (it has: {', '.join(sorted(names)) or 'none'})",
        "name one of those in [tool.popdesk.aws]",
        exit_code=WRONG_SETTINGS,
    )
