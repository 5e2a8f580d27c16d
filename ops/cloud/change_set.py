"""What a release would change in the stack, as a CloudFormation change set; and its execution.

    plan = make_plan(aws, definition, stack)       # a change set, or nothing to do; nothing is changed yet
    apply_plan(aws, plan, events)                  # executes it and waits for its end
    discard_plan(aws, plan)                        # or deletes it

A change set is what AWS itself says would change. It is executed as a whole, and AWS rolls it back where a resource fails.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from ops.cloud.aws import Aws, AwsError
from ops.cloud.events import Events, Pause, poll
from ops.cloud.stack import Stack, read_stack
from ops.cloud.stack_progress import ROLLBACK_FAILED, RollbackFailed, failed_resources, last_event, wait_for_stack
from ops.cloud.stack_template import StackDefinition
from ops.errors import CONFLICT, UserError

TABLE = "AWS::DynamoDB::Table"


@dataclass(frozen=True)
class Change:
    """One resource that would change. `replaced`: a new one takes its place; `conditional`: AWS says that one may.

    `identity` is what it is called in AWS now: of a table, its name. `action`: Add, Modify, Remove, or Import for a table that an
    earlier `destroy` kept and that the stack takes over.
    """

    action: str
    resource: str
    kind: str
    replaced: bool
    properties: tuple[str, ...] = ()
    conditional: bool = False
    identity: str = ""

    @property
    def backup(self) -> bool:
        """Whether a backup is made before (ops/cloud/backups.py): of a table that is or may be replaced."""
        return self.kind == TABLE and (self.replaced or self.conditional)

    def keeps_name(self, stack: str) -> bool:
        """Whether the table's new one would have its name, which the template gives it.

        Names that CloudFormation makes up begin with the stack's and the resource's:
        docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
        """
        return "TableName" not in self.properties and not self.identity.startswith(f"{stack}-{self.resource}-")


@dataclass(frozen=True)
class Plan:
    """What would change. Without a `change_set`: nothing."""

    stack: str
    creates: bool = False
    change_set: str = ""
    changes: tuple[Change, ...] = ()


def make_plan(aws: Aws, definition: StackDefinition, stack: Stack, pause: Pause = time.sleep) -> Plan:
    """Make a change set from the stack as it is to its definition. Nothing is changed yet.

    Raises UserError where the stack is being changed or is broken, or where AWS would refuse to replace a table.
    """
    if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        raise UserError(
            f"stack {stack.name}",
            f"somebody else is changing it ({stack.status}); nothing was changed",
            "wait until that is done and run the command again",
            CONFLICT,
        )
    if stack.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"):
        raise UserError(
            f"stack {stack.name}",
            f"its creation or deletion failed earlier ({stack.status}), so AWS only lets it be deleted",
            "run `deploy.py destroy`, then this command again",
        )
    if stack.status == ROLLBACK_FAILED:
        raise RollbackFailed(stack.name, failed_resources(aws, stack.name))
    up_to_date = stack.outputs.get("Fingerprint") == definition.fingerprint
    if stack.exists and up_to_date and not stack.status.endswith("FAILED"):
        return Plan(stack.name)
    change_set = aws.call(
        "cloudformation",
        "create_change_set",
        StackName=definition.name,
        ChangeSetName=f"popdesk-{uuid.uuid4().hex}",
        ChangeSetType="UPDATE" if stack.exists else "CREATE",
        TemplateBody=definition.template,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in definition.all_parameters().items()
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        # Tables that `destroy` kept: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
        ImportExistingResources=True,
        Tags=[{"Key": "application", "Value": definition.name}],
    )["Id"]
    plan = poll(f"stack {stack.name}", lambda: _read_change_set(aws, stack.name, change_set, not stack.exists), pause)
    try:
        check_replacements(plan)
    except UserError:
        discard_plan(aws, plan)
        raise
    return plan


def check_replacements(plan: Plan) -> None:
    """Raise UserError if a table would be replaced by one of the same name: AWS makes no change set fail for it, but the stack.

    "You can't perform an update that causes a custom-named resource to be replaced":
    docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
    """
    for change in plan.changes:
        # A change set calls one of the key "Conditional"; UpdateTable has nothing to make it with.
        replaced = change.replaced or (change.conditional and "KeySchema" in change.properties)
        if change.kind == TABLE and replaced and change.keeps_name(plan.stack):
            raise UserError(
                f"table {change.identity}",
                f"a change of {', '.join(change.properties)} needs a new table, and AWS cannot create one of the same name; "
                "nothing was changed",
                'give it another name, which docs/releasing.md says how ("A table that is replaced"), or undo the change',
            )


def _read_change_set(aws: Aws, stack: str, change_set: str, creates: bool) -> Plan | None:
    """Return the plan, None while AWS is still making the change set."""
    changes: list[Change] = []
    status = reason = ""
    for page in aws.pages("cloudformation", "describe_change_set", StackName=stack, ChangeSetName=change_set):
        status, reason = page["Status"], page.get("StatusReason", "")
        changes += [_change(item["ResourceChange"]) for item in page.get("Changes", []) if "ResourceChange" in item]
    if status == "CREATE_COMPLETE":
        return Plan(stack, creates, change_set, tuple(changes))
    if status != "FAILED":
        return None
    aws.call("cloudformation", "delete_change_set", StackName=stack, ChangeSetName=change_set)
    if "didn't contain changes" in reason or "No updates are to be performed" in reason:
        return Plan(stack)
    raise UserError(f"stack {stack}", f"AWS refuses the change: {reason}", "correct the settings or the template")


def _change(found: dict[str, Any]) -> Change:
    names = {detail.get("Target", {}).get("Name") for detail in found.get("Details", [])}
    return Change(
        found["Action"],
        found["LogicalResourceId"],
        found["ResourceType"],
        found.get("Replacement") == "True",
        tuple(sorted(name for name in names if name)),
        found.get("Replacement") == "Conditional",
        found.get("PhysicalResourceId", ""),
    )


def discard_plan(aws: Aws, plan: Plan) -> None:
    """Delete a change set that is not to be executed, and the empty stack that a first one made."""
    if plan.change_set:
        aws.call("cloudformation", "delete_change_set", StackName=plan.stack, ChangeSetName=plan.change_set)
        if plan.creates:
            aws.call("cloudformation", "delete_stack", StackName=plan.stack)


def apply_plan(aws: Aws, plan: Plan, events: Events) -> Stack:
    """Execute a plan's change set, wait until AWS is done, and return the stack. Raises UserError with AWS's reasons."""
    if not plan.change_set:
        return read_stack(aws, plan.stack)
    last = last_event(aws, plan.stack)
    try:
        aws.call("cloudformation", "execute_change_set", StackName=plan.stack, ChangeSetName=plan.change_set)
    except AwsError as error:
        if error.code in ("InvalidChangeSetStatus", "ChangeSetNotFound", "ValidationError"):
            raise UserError(
                f"stack {plan.stack}",
                f"it was changed by somebody else since the plan was made ({error.reason}); nothing was changed",
                "run the command again",
                CONFLICT,
            ) from error
        raise
    return wait_for_stack(aws, plan.stack, last, events)
