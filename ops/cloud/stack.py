"""template.yaml -> AWS, through CloudFormation change sets.

    wanted = want(settings, account="123456789012", lambda_key="lambda/0123.zip", queue_arn="arn:...")
    plan = make_plan(aws, wanted, read_stack(aws, wanted.name))   # a change set, or nothing to do
    apply_plan(aws, plan, on_event=print)                         # executes it, waits, raises UserError with AWS's reasons

What differs between environments goes in as parameters; the flows and the view are too long for parameters (4,096 bytes)
and are written into the template's "@@...@@" places. A change set is what AWS itself says would change, it is executed as
a whole, and rolled back by AWS where a resource fails. The bucket for the Lambda's zip is made before the stack
(`make_artifacts_bucket`) and goes after it (`destroy`).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.cloud.aws import Aws, AwsError
from ops.errors import UserError
from ops.flows import definitions as flows
from ops.settings import ROOT, Settings
from ops.site.headers import PRODUCTION_ANCESTORS, response_headers
from ops.site.lambda_zip import CUSTOMERS_TABLE_VARIABLE, LAMBDA_HANDLER, LAMBDA_RUNTIME

TEMPLATE = ROOT / "ops" / "cloud" / "template.yaml"
POLL_SECONDS = 2.0
_PATIENCE = 15  # looks at a stack that shows no sign of what it was told
BUSY_EXIT_CODE = 4  # somebody else's change is under way: the same code as for a release that was overtaken
# What CloudWatch Logs allows (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html).
_RETENTION_DAYS = {
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
}
# A role's name is STACK-lookup-REGION and has at most 64 characters (docs.aws.amazon.com/IAM/latest/APIReference/
# API_CreateRole.html); the longest region's name has 14.
LONGEST_STACK_NAME = 40
_LONGEST_BUCKET_NAME = 63  # docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_PLACE = re.compile(r'"@@(\w+)@@"')
# What a function in a VPC needs, which cannot be limited to resources
# (docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html).
_NETWORK_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]
# The live alias is moved by releases, on purpose: no drift.
_MOVED_BY_RELEASES = {"LookupLive"}

Pause = Callable[[float], None]


STUCK = "UPDATE_ROLLBACK_FAILED"


class StuckRollback(UserError):
    """A change failed, and AWS could not take it back either: it lets nothing be done but going on with that."""

    def __init__(self, stack: str, reasons: list[str]) -> None:
        why = "; ".join(reasons) or "AWS gives no reason"
        super().__init__(
            f"stack {stack}",
            f"a change failed, and so did taking it back ({STUCK}): {why}",
            "correct what that names, then run `deploy.py continue-rollback`; where it cannot be corrected, --skip RESOURCE"
            " leaves that resource as it is",
        )


@dataclass(frozen=True)
class Wanted:
    """The stack as it should be."""

    name: str
    template: str
    parameters: dict[str, str]

    @property
    def infrastructure(self) -> str:
        """Stands for everything but the Lambda's code: releases made with the same one can follow each other freely."""
        rest = {name: value for name, value in self.parameters.items() if name not in ("LambdaKey", "Fingerprint")}
        return _digest(self.template + json.dumps(rest, sort_keys=True))[:12]

    @property
    def fingerprint(self) -> str:
        """Stands for everything."""
        return _digest(self.infrastructure + self.parameters["LambdaKey"])[:12]

    def all_parameters(self) -> dict[str, str]:
        """The parameters as CloudFormation gets them."""
        return {**self.parameters, "Fingerprint": self.fingerprint}


@dataclass(frozen=True)
class Stack:
    """The stack as it is; `status` is empty where there is none."""

    name: str
    status: str = ""
    arn: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    updated: datetime | None = None

    @property
    def exists(self) -> bool:
        """Whether it has resources; one in REVIEW_IN_PROGRESS is a name with a change set and no more."""
        return self.status not in ("", "REVIEW_IN_PROGRESS")


@dataclass(frozen=True)
class Change:
    """One resource that would change. `action`: Add, Modify, Remove; `replaced`: a new one takes its place."""

    action: str
    resource: str
    kind: str
    replaced: bool
    properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What would change. No `change_set`: nothing."""

    stack: str
    creates: bool = False
    change_set: str = ""
    changes: tuple[Change, ...] = ()


# -- what is wanted ----------------------------------------------------------------------------------------------------


def stack_name(settings: Settings) -> str:
    """Return the name of the environment's stack: aws.stack, or NAMESPACE-ENVIRONMENT in letters that AWS takes.

    Two teams in one account have two namespaces (Amazon Connect wants that too), and so two stacks.
    """
    if settings.aws.stack:
        return settings.aws.stack
    ending = f"-{settings.environment}" if settings.environment else ""
    start = re.sub(r"[^a-z0-9]+", "-", settings.namespace.lower()).strip("-")
    if not start[:1].isalpha():
        start = f"app-{start}".rstrip("-")
    return _shorten(start, LONGEST_STACK_NAME - len(ending)) + ending


def _older_stack_name(settings: Settings) -> str:
    """Return the name that versions before 0.2 gave the stack, whatever the namespace."""
    return f"popdesk-{settings.environment}" if settings.environment else "popdesk"


def _shorten(text: str, longest: int) -> str:
    """Return the text where it is short enough; else its beginning and a part of its hash, so that it stays its own."""
    return text if len(text) <= longest else f"{text[: longest - 7].rstrip('-')}-{_digest(text)[:6]}"


def _bucket(stack: str, ending: str) -> str:
    return _shorten(stack, _LONGEST_BUCKET_NAME - len(ending)) + ending


def site_bucket(stack: str, account: str, region: str) -> str:
    """Return the name of the bucket that CloudFront serves."""
    return _bucket(stack, f"-site-{account}-{region}")


def artifacts_bucket(stack: str, account: str, region: str) -> str:
    """Return the name of the bucket that holds the Lambda's zip."""
    return _bucket(stack, f"-artifacts-{account}-{region}")


def check_deployable(settings: Settings) -> None:
    """Check what only a deployment needs. Raises UserError (exit code 2) that names every wrong key; makes no call."""
    where = f"tool.popdesk.environments.{settings.environment}" if settings.environment else "tool.popdesk"
    wrong = []
    aws = settings.aws
    if not aws.instance_arn:
        wrong.append(f"{where}.aws.instance_arn is empty: the ARN of the Amazon Connect instance")
    elif aws.instance_arn.split(":")[3] != aws.region:
        wrong.append(f"{where}.aws.region is {aws.region}, the instance is in {aws.instance_arn.split(':')[3]}")
    if bool(aws.domain) != bool(aws.certificate_arn):
        missing = "certificate_arn" if aws.domain else "domain"
        wrong.append(f"{where}.aws.{missing} is empty: domain and certificate_arn go together")
    if aws.domain and not re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", aws.domain):
        wrong.append(f"{where}.aws.domain is {aws.domain!r}: a host without https:// and path")
    if aws.log_retention_days not in _RETENTION_DAYS:
        wrong.append(f"{where}.aws.log_retention_days is {aws.log_retention_days}: one of {sorted(_RETENTION_DAYS)}")
    if wrong:
        raise UserError("pyproject.toml", "; ".join(wrong), "fix it there; nothing was called yet", exit_code=2)


def want(settings: Settings, *, account: str, lambda_key: str, queue_arn: str) -> Wanted:
    """Return the stack that the settings ask for."""
    name = stack_name(settings)
    headers = response_headers(PRODUCTION_ANCESTORS)
    hsts = re.fullmatch(r"max-age=(\d+); includeSubDomains", headers["Strict-Transport-Security"])
    if hsts is None:
        raise AssertionError("the template's ResponseHeaders say includeSubDomains and nothing else")
    aws = settings.aws
    return Wanted(
        name,
        render_template(settings),
        {
            "AppName": settings.name,
            "AppNamespace": settings.namespace,
            "AppPermissions": ",".join(settings.permissions),
            "AppScope": settings.iframe.scope,
            "AppSandbox": ",".join(settings.iframe.sandbox),
            "AppAllow": ",".join(settings.iframe.allow),
            "InstanceArn": aws.instance_arn,
            "Queue": aws.queue,
            "QueueArn": queue_arn,
            "Domain": aws.domain,
            "CertificateArn": aws.certificate_arn,
            "ContentSecurityPolicy": headers["Content-Security-Policy"],
            "HstsSeconds": hsts[1],
            "ReferrerPolicy": headers["Referrer-Policy"],
            "PermissionsPolicy": headers["Permissions-Policy"],
            "SiteBucketName": site_bucket(name, account, aws.region),
            "ArtifactsBucket": artifacts_bucket(name, account, aws.region),
            "LambdaKey": lambda_key,
            "LambdaRuntime": LAMBDA_RUNTIME,
            "LambdaHandler": LAMBDA_HANDLER,
            "LambdaSeconds": str(flows.lambda_seconds(settings)),
            "LambdaBudgetMs": str(settings.lookup.budget_ms),
            "LookupAdapter": settings.lookup.adapter,
            "LogRetentionDays": str(aws.log_retention_days),
            "AlarmTopicArn": aws.alarm_topic_arn,
        },
    )


def render_template(settings: Settings) -> str:
    """Return template.yaml with its "@@...@@" places filled in. JSON is YAML, so each becomes JSON."""
    main = flows.main_flow(settings, lambda_arn="${LookupLive}", guide_flow_arn="${GuideFlow}", queue_arn="${QueueArn}")
    values: dict[str, Any] = {
        "main_flow": _compact(main),
        "guide_flow": _compact(flows.guide_flow(settings, view_arn="${View}")),
        "view": flows.view(settings),
        "lookup_statements": lookup_statements(settings),
        "lookup_environment": {CUSTOMERS_TABLE_VARIABLE: {"Ref": "CustomersTable"}, **settings.lookup.environment},
        "lookup_vpc": _vpc(settings),
    }
    return _PLACE.sub(lambda match: json.dumps(values[match[1]]), TEMPLATE.read_text("utf-8"))


def lookup_statements(settings: Settings) -> list[dict[str, Any]]:
    """Return what the Lambda may do, by its adapter: log; query the one table; read the one secret; what `allow` says."""
    statements: list[dict[str, Any]] = [
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": ["LookupLogs", "Arn"]})
    ]
    secret = settings.lookup.http.token_secret
    if settings.lookup.adapter == "dynamodb":
        statements.append(_allow(["dynamodb:Query"], {"Fn::GetAtt": ["CustomersTable", "Arn"]}))
    if settings.lookup.adapter == "http" and secret:
        here = "${AWS::Region}:${AWS::AccountId}"
        if secret.startswith("ssm:"):
            path = secret.removeprefix("ssm:").lstrip("/")
            arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{here}:parameter/{path}"}
            statements.append(_allow(["ssm:GetParameter"], arn))
        elif secret.startswith("arn:"):
            statements.append(_allow(["secretsmanager:GetSecretValue"], secret))
        else:  # Secrets Manager adds six characters to a secret's name in its ARN
            arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:secretsmanager:{here}:secret:{secret}-??????"}
            statements.append(_allow(["secretsmanager:GetSecretValue"], arn))
    statements += [_allow(list(own.actions), list(own.resources)) for own in settings.lookup.allow]
    if settings.lookup.vpc:
        statements.append(_allow(_NETWORK_INTERFACES, "*"))
    return statements


def _vpc(settings: Settings) -> dict[str, Any]:
    """Return the function's VpcConfig, which is no value if it is in no VPC."""
    vpc = settings.lookup.vpc
    if vpc is None:
        return {"Ref": "AWS::NoValue"}
    return {"SubnetIds": list(vpc.subnets), "SecurityGroupIds": list(vpc.security_groups)}


def _allow(actions: list[str], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# -- what is -----------------------------------------------------------------------------------------------------------


def read_stack(aws: Aws, name: str) -> Stack:
    """Return the stack as it is: one call."""
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
        found.get("LastUpdatedTime", found.get("CreationTime")),
    )


def read_own_stack(aws: Aws, settings: Settings) -> Stack:
    """Return the environment's stack as it is.

    Raises UserError (exit code 2) where the stack of that name is not this application's: each command would change, empty
    or delete what belongs to somebody else. So it does where there is none of that name, but one that an older version made
    for this application.
    """
    stack = read_stack(aws, stack_name(settings))
    where = f"[tool.popdesk.environments.{settings.environment}.aws]" if settings.environment else "[tool.popdesk.aws]"
    if stack.exists and (made_for := stack.parameters.get("AppNamespace", "")) != settings.namespace:
        whose = f"it is of the application {made_for!r}" if made_for else "Popdesk did not make it"
        raise UserError(
            f"stack {stack.name}",
            f"{whose}, and the settings' namespace is {settings.namespace!r}; nothing was changed",
            f"if the namespace is a slip, correct it; else let stack in {where} name another stack",
            exit_code=2,
        )
    older = _older_stack_name(settings)
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
            f'keep it: write stack = "{older}" in {where}',
            exit_code=2,
        )
    return stack


def account_of(aws: Aws, stack: Stack) -> str:
    """Return the account's number: from the stack's ARN, or by asking."""
    if stack.arn.startswith("arn:"):
        return stack.arn.split(":")[4]
    return str(aws.call("sts", "get_caller_identity")["Account"])


def find_queue(aws: Aws, settings: Settings, stack: Stack) -> str:
    """Return the ARN of aws.queue: as it stands there, as the stack knows it, or looked up by its name."""
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
        exit_code=2,
    )


# -- plan and apply ----------------------------------------------------------------------------------------------------


def make_plan(aws: Aws, wanted: Wanted, stack: Stack, pause: Pause = time.sleep) -> Plan:
    """Make a change set from what is to what is wanted. Nothing is changed yet.

    Raises UserError where the stack is busy or broken.
    """
    if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        raise UserError(
            f"stack {wanted.name}",
            f"somebody else's change is under way ({stack.status}); nothing was changed",
            "wait for it and run the command again",
            BUSY_EXIT_CODE,
        )
    if stack.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"):
        raise UserError(
            f"stack {wanted.name}",
            f"its creation or deletion failed earlier ({stack.status}), so AWS only lets it be deleted",
            "run `deploy.py destroy`, then this command again",
        )
    if stack.status == STUCK:
        raise StuckRollback(wanted.name, failed_resources(aws, wanted.name))
    if stack.exists and stack.outputs.get("Fingerprint") == wanted.fingerprint and not stack.status.endswith("FAILED"):
        return Plan(wanted.name)
    answer = aws.call(
        "cloudformation",
        "create_change_set",
        StackName=wanted.name,
        ChangeSetName=f"popdesk-{uuid.uuid4().hex}",
        ChangeSetType="UPDATE" if stack.exists else "CREATE",
        TemplateBody=wanted.template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in wanted.all_parameters().items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "application", "Value": wanted.name}],
    )
    return _await_change_set(aws, wanted.name, answer["Id"], not stack.exists, pause)


def _await_change_set(aws: Aws, stack: str, change_set: str, creates: bool, pause: Pause) -> Plan:
    while True:
        changes: list[Change] = []
        status = reason = ""
        for page in aws.pages("cloudformation", "describe_change_set", StackName=stack, ChangeSetName=change_set):
            status, reason = page["Status"], page.get("StatusReason", "")
            changes += [_change(item["ResourceChange"]) for item in page.get("Changes", []) if "ResourceChange" in item]
        if status == "CREATE_COMPLETE":
            return Plan(stack, creates, change_set, tuple(changes))
        if status == "FAILED":
            aws.call("cloudformation", "delete_change_set", StackName=stack, ChangeSetName=change_set)
            if "didn't contain changes" in reason or "No updates are to be performed" in reason:
                return Plan(stack)
            raise UserError(f"stack {stack}", f"AWS refuses the change: {reason}", "fix the settings or the template")
        pause(POLL_SECONDS)


def _change(found: dict[str, Any]) -> Change:
    names = {detail.get("Target", {}).get("Name") for detail in found.get("Details", [])}
    return Change(
        found["Action"],
        found["LogicalResourceId"],
        found["ResourceType"],
        found.get("Replacement") == "True",
        tuple(sorted(name for name in names if name)),
    )


def forget_plan(aws: Aws, plan: Plan) -> None:
    """Delete a change set that is not to be executed, and the empty stack that a first one made."""
    if plan.change_set:
        aws.call("cloudformation", "delete_change_set", StackName=plan.stack, ChangeSetName=plan.change_set)
        if plan.creates:
            aws.call("cloudformation", "delete_stack", StackName=plan.stack)


def apply_plan(
    aws: Aws, plan: Plan, on_event: Callable[[str, str, str], None] | None = None, pause: Pause = time.sleep
) -> Stack:
    """Execute a plan's change set, wait for its end, and return the stack.

    `on_event` is told (logical id, type, status) as AWS goes on. Raises UserError with AWS's own reasons.
    """
    if not plan.change_set:
        return read_stack(aws, plan.stack)
    last = _last_event(aws, plan.stack)
    try:
        aws.call("cloudformation", "execute_change_set", StackName=plan.stack, ChangeSetName=plan.change_set)
    except AwsError as error:
        if error.code in ("InvalidChangeSetStatus", "ChangeSetNotFound", "ValidationError"):
            raise UserError(
                f"stack {plan.stack}",
                f"it was changed by somebody else since the plan was made ({error.reason}); nothing was changed",
                "run the command again",
                BUSY_EXIT_CODE,
            ) from error
        raise
    return _await_stack(aws, plan.stack, last, on_event, pause)


def continue_rollback(
    aws: Aws,
    name: str,
    skip: Sequence[str] = (),
    on_event: Callable[[str, str, str], None] | None = None,
    pause: Pause = time.sleep,
) -> Stack:
    """Let AWS go on with taking back a change (UPDATE_ROLLBACK_FAILED), wait for its end, and return the stack.

    `skip` names resources (logical ids) that stay as they are. Raises StuckRollback where it fails again.
    """
    last = _last_event(aws, name)
    more = {"ResourcesToSkip": list(skip)} if skip else {}
    aws.call("cloudformation", "continue_update_rollback", StackName=name, **more)
    return _await_stack(aws, name, last, on_event, pause, good="UPDATE_ROLLBACK_COMPLETE")


def failed_resources(aws: Aws, name: str) -> list[str]:
    """Return what failed in the stack's last attempt to take a change back, "RESOURCE: reason" each."""
    found: list[str] = []
    for page in aws.pages("cloudformation", "describe_stack_events", StackName=name):
        for event in page["StackEvents"]:
            status, resource = event.get("ResourceStatus", ""), event.get("LogicalResourceId", "")
            if resource == name and status == "UPDATE_ROLLBACK_IN_PROGRESS":
                return found[::-1]
            if status.endswith("FAILED") and resource != name:
                found.append(f"{resource}: {event.get('ResourceStatusReason', 'AWS gives no reason')}")
    return found[::-1]


# What to do about a stack that did not end well, by the status that it ended with.
_AFTER_FAILURE = {
    "ROLLBACK_COMPLETE": "correct that, run `deploy.py destroy` (nothing was live yet), then release again",
    "ROLLBACK_FAILED": "correct that, run `deploy.py destroy` (nothing was live yet), then release again",
    "CREATE_FAILED": "correct that, run `deploy.py destroy` (nothing was live yet), then release again",
    "DELETE_FAILED": "correct that, then run `deploy.py destroy` again: it goes on with what is left",
}


def _await_stack(
    aws: Aws,
    name: str,
    last: str,
    on_event: Callable[[str, str, str], None] | None,
    pause: Pause,
    good: str = "",
) -> Stack:
    """Wait until a stack has ended what it was told after its event `last`. `good` is the status to end with, if one.

    A deleted one is found by its ARN only, so there `name` is that. For a moment AWS may still give the old status:
    it has ended only when there are events of it (or, if none come, after _PATIENCE looks).
    """
    seen = {last}
    reasons: list[str] = []
    looks = 0
    while True:
        stack = read_stack(aws, name)
        for event in _new_events(aws, name, seen):
            status, resource = event.get("ResourceStatus", ""), event.get("LogicalResourceId", "")
            if on_event:
                on_event(resource, event.get("ResourceType", ""), status)
            reason = event.get("ResourceStatusReason", "")
            if status.endswith("FAILED") and "cancelled" not in reason:
                reasons.append(f"{resource}: {reason}")
        looks += 1
        started = len(seen) > 1 or looks > _PATIENCE
        if not stack.status or (started and stack.status == good):
            return stack
        if started and not good and stack.status.endswith("_COMPLETE") and "ROLLBACK" not in stack.status:
            return stack
        if started and stack.status == STUCK:
            raise StuckRollback(name, reasons)
        if started and not stack.status.endswith("_IN_PROGRESS"):
            raise UserError(
                f"stack {name}",
                f"AWS ended with {stack.status}: {'; '.join(reasons) or 'it gives no reason'}",
                _AFTER_FAILURE.get(stack.status, "correct that and release again; the live page was not touched"),
            )
        pause(POLL_SECONDS)


def _last_event(aws: Aws, name: str) -> str:
    """Return the id of a stack's newest event."""
    events = aws.call("cloudformation", "describe_stack_events", StackName=name)["StackEvents"]
    return str(events[0]["EventId"]) if events else ""


def _new_events(aws: Aws, name: str, seen: set[str]) -> list[dict[str, Any]]:
    """Return the events that are not in `seen`, oldest first, and put them there. AWS lists the newest first."""
    found: list[dict[str, Any]] = []
    for page in aws.pages("cloudformation", "describe_stack_events", StackName=name):
        fresh = [event for event in page["StackEvents"] if event["EventId"] not in seen]
        found += fresh
        if len(fresh) < len(page["StackEvents"]):
            break
    seen.update(event["EventId"] for event in found)
    return found[::-1]


def read_drift(aws: Aws, stack: Stack, pause: Pause = time.sleep) -> list[str]:
    """Return what was changed in AWS by hand, a sentence each."""
    detection = aws.call("cloudformation", "detect_stack_drift", StackName=stack.name)["StackDriftDetectionId"]
    while True:
        state = aws.call("cloudformation", "describe_stack_drift_detection_status", StackDriftDetectionId=detection)
        if state["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        pause(POLL_SECONDS)
    found = []
    if state["DetectionStatus"] == "DETECTION_FAILED":
        # What could be looked at is listed all the same.
        found.append(f"not everything could be looked at: {state.get('DetectionStatusReason', 'AWS gives no reason')}")
    for page in aws.pages(
        "cloudformation",
        "describe_stack_resource_drifts",
        StackName=stack.name,
        StackResourceDriftStatusFilters=["MODIFIED", "DELETED"],
    ):
        for drift in page["StackResourceDrifts"]:
            if drift["LogicalResourceId"] in _MOVED_BY_RELEASES and drift["StackResourceDriftStatus"] == "MODIFIED":
                continue
            places = ", ".join(part["PropertyPath"] for part in drift.get("PropertyDifferences", []))
            how = drift["StackResourceDriftStatus"].lower()
            found.append(
                f"{drift['LogicalResourceId']} ({drift['ResourceType']}) was {how}{f': {places}' * bool(places)}"
            )
    return found


# -- the bucket of the Lambda's zip ------------------------------------------------------------------------------------


def lambda_key(package: bytes) -> str:
    """Return the key of the Lambda's zip, which has the hash of its content."""
    return f"lambda/{hashlib.sha256(package).hexdigest()[:32]}.zip"


def make_artifacts_bucket(aws: Aws, bucket: str, account: str) -> None:
    """Make the bucket private, if it is not there; a run that was interrupted in between is gone on with.

    Every call says whose bucket it is to be: somebody else may have made one of that name, and the Lambda's code would come
    from there. A listing and no HEAD, which AWS refuses without a reason.
    """
    try:
        aws.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1, ExpectedBucketOwner=account)
    except AwsError as error:
        if error.code in ("AccessDenied", "AllAccessDisabled"):
            raise UserError(
                f"bucket {bucket}",
                f"AWS does not let it be listed as the account's own ({error.reason})",
                "give the caller what `deploy.py iam-policy` prints; if it has that, another account has a bucket of this name:"
                " let stack in [tool.popdesk.aws] name another stack",
            ) from error
        if error.code != "NoSuchBucket":
            raise
        where = {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
        try:
            aws.call("s3", "create_bucket", Bucket=bucket, **where)
        except AwsError as error:
            if error.code != "BucketAlreadyOwnedByYou":  # a release at the same time made it
                raise
    blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    aws.call(
        "s3",
        "put_public_access_block",
        Bucket=bucket,
        PublicAccessBlockConfiguration=dict.fromkeys(blocked, True),
        ExpectedBucketOwner=account,
    )
    tls_only = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:{partition(aws.region)}:s3:::{bucket}{suffix}" for suffix in ("", "/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [tls_only]})
    aws.call("s3", "put_bucket_policy", Bucket=bucket, Policy=policy, ExpectedBucketOwner=account)


def partition(region: str) -> str:
    """Return the AWS partition of a region."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def upload_lambda(aws: Aws, bucket: str, account: str, package: bytes) -> None:
    """Put the Lambda's zip where the stack expects it."""
    aws.call("s3", "put_object", Bucket=bucket, Key=lambda_key(package), Body=package, ExpectedBucketOwner=account)


# -- the end -----------------------------------------------------------------------------------------------------------


def destroy(
    aws: Aws,
    stack: Stack,
    account: str,
    on_event: Callable[[str, str, str], None] | None = None,
    pause: Pause = time.sleep,
) -> None:
    """Delete everything, in the order that AWS needs; run again after a failure, it goes on.

    The site's bucket is emptied, versions too; then the stack, in which CloudFormation deletes the associations before
    the application and the function that they refer to; then the bucket with the Lambda's zip.
    """
    if stack.status:
        empty_bucket(aws, site_bucket(stack.name, account, aws.region), account)
        last = _last_event(aws, stack.arn)
        aws.call("cloudformation", "delete_stack", StackName=stack.name)
        _await_stack(aws, stack.arn, last, on_event, pause)
    bucket = artifacts_bucket(stack.name, account, aws.region)
    if empty_bucket(aws, bucket, account):
        aws.call("s3", "delete_bucket", Bucket=bucket, ExpectedBucketOwner=account)


def empty_bucket(aws: Aws, bucket: str, account: str) -> bool:
    """Delete all versions of all objects of the account's own bucket; return whether it is there."""
    try:
        for page in aws.pages("s3", "list_object_versions", Bucket=bucket, ExpectedBucketOwner=account):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                delete_objects(aws, bucket, [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found])
    except AwsError as error:
        if error.code == "NoSuchBucket":
            return False
        raise
    return True


def delete_objects(aws: Aws, bucket: str, objects: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Delete up to 1,000 objects in one call and give what was deleted; a refusal of one of them is UserError."""
    answer = aws.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": objects})
    if answer.get("Errors"):
        first = answer["Errors"][0]
        raise UserError(
            f"s3://{bucket}/{first.get('Key')}",
            f"it was not deleted ({first.get('Code')}: {first.get('Message')})",
            "run the command again",
        )
    return list(answer.get("Deleted", []))
