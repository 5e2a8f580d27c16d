"""Check what a working screen pop needs, from this machine's credentials to the live page.

    for finding in examine(aws, settings): print(finding.state, finding.what, finding.hint)

Checks whose requirements are missing are left out. No check takes longer than `Limits.check` and all of them together no
longer than `Limits.total`, whatever the other end does: they run in threads, and one that is not done in time is a finding
too.
"""

from __future__ import annotations

import re
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from ops.cloud import grants
from ops.cloud.aws import Aws, AwsError
from ops.cloud.iam_policy import granted_actions
from ops.cloud.names import policy_names
from ops.cloud.settings_check import check_deployable
from ops.cloud.smoke import api_problems, page_headers
from ops.cloud.stack import Stack, read_own_stack
from ops.cloud.stack_progress import ROLLBACK_FAILED
from ops.errors import UserError
from ops.function_settings import Vpc
from ops.settings import Settings

_SERVICE_ROLE = re.compile(r":role/aws-service-role/connect\.amazonaws\.com/AWSServiceRoleForAmazonConnect")
_SIMULATIONS_AT_ONCE = 6
# EC2's words for a subnet or group that is not there (docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html).
_NOT_THERE = (
    "InvalidSubnetID.NotFound",
    "InvalidGroup.NotFound",
    "InvalidSubnetId.Malformed",
    "InvalidGroupId.Malformed",
)


@dataclass(frozen=True)
class Limits:
    """How long a check, and all of them, may take: seconds."""

    check: float = 10.0
    total: float = 60.0


@dataclass(frozen=True)
class Finding:
    """The result of a check: `state` is "ok", "wrong" or "open" (it could not be checked); `hint` is empty when it is ok."""

    what: str
    state: str
    detail: str = ""
    hint: str = ""

    def as_json(self) -> dict[str, str]:
        """Return it as plain JSON values, for scripts."""
        return asdict(self)


Check = tuple[str, Callable[[], Iterable[Finding]]]  # its name, and the function that yields what it finds


@dataclass
class _Watch:
    """Runs checks in threads, within the time that is left."""

    limits: Limits
    started: float = field(default_factory=time.monotonic)

    def run(self, *checks: Check) -> Iterator[Finding]:
        """Yield what the checks find, in their order. Of one that is not done in time, what it has found so far."""
        seconds = max(0.0, min(self.limits.check, self.started + self.limits.total - time.monotonic()))
        deadline = time.monotonic() + seconds
        found: list[list[Finding]] = [[] for _ in checks]
        defects: list[BaseException] = []

        def run(what: str, check: Callable[[], Iterable[Finding]], findings: list[Finding]) -> None:
            try:
                for finding in _guarded(what, check):
                    findings.append(finding)
            except BaseException as defect:
                defects.append(defect)

        # Daemons: one that still waits for an answer does not keep the process from ending.
        threads = [
            threading.Thread(target=run, args=(what, check, findings), daemon=True)
            for (what, check), findings in zip(checks, found, strict=True)
        ]
        for thread in threads:
            thread.start()
        for (what, _), findings, thread in zip(checks, found, threads, strict=True):
            thread.join(max(0.0, deadline - time.monotonic()))
            if defects:
                raise defects[0]
            late = thread.is_alive()
            yield from tuple(findings)
            if late:
                yield Finding(
                    what,
                    "open",
                    f"no answer within {seconds:.3g} s",
                    "check the network (and HTTPS_PROXY, where there is a proxy), then run `deploy.py doctor` again",
                )


def examine(
    aws: Aws,
    settings: Settings,
    check_page: Callable[[str], list[str]] | None = None,
    limits: Limits | None = None,
    check_api: Callable[[str], list[str]] = api_problems,
) -> Iterator[Finding]:
    """Yield the findings, in the order in which a person would correct them."""
    watch = _Watch(limits or Limits())
    try:
        check_deployable(settings)
        yield Finding("settings", "ok")
    except UserError as error:
        yield _wrong("settings", error)
        return
    caller: dict[str, Any] = {}
    stack: list[Stack] = []

    def check_caller() -> Iterator[Finding]:
        caller.update(aws.call("sts", "get_caller_identity"))
        yield Finding("credentials", "ok", str(caller["Arn"]))

    def check_stack() -> Iterator[Finding]:
        found = read_own_stack(aws, settings)
        yield _stack(found)
        if found.exists:
            stack.append(found)

    if aws.requires_mfa:
        yield from _guarded("credentials", check_caller)  # without a limit: a person types a code
    else:
        yield from watch.run(("credentials", check_caller))
    if not caller:
        return
    if str(caller["Account"]) != settings.aws.instance_account:
        yield Finding(
            "account",
            "wrong",
            f"the credentials are of {caller['Account']}, the instance is not",
            "name another profile with --profile",
        )
        return
    vpcs = {"lookup.vpc": settings.lookup.vpc, "api.vpc": settings.api.vpc if settings.api.enabled else None}
    yield from watch.run(
        ("instance", lambda: _instance(aws, settings)),
        ("permissions", lambda: _permissions(aws, settings, caller)),
        *((name, lambda name=name, vpc=vpc: [_vpc(aws, settings, name, vpc)]) for name, vpc in vpcs.items() if vpc),
        ("stack", check_stack),
    )
    if not stack:
        return
    deadline = time.monotonic() + 0.9 * watch.limits.check  # in time to report how far it got
    yield from watch.run(
        ("application associated", lambda: _application_associated(aws, settings, stack[0])),
        ("Lambda associated", lambda: _lambda_associated(aws, settings, stack[0])),
        ("security profiles", lambda: _security_profiles(aws, settings, deadline)),
        ("flows", lambda: _flows(aws, settings, stack[0])),
        ("page", lambda: _pages(stack[0], check_page or partial(page_headers, connect=settings.connect_origins()))),
        *([("API", lambda: [_api(stack[0], check_api)])] if "Api" in stack[0].outputs else []),
    )


def _wrong(what: str, error: UserError) -> Finding:
    return Finding(what, "wrong", f"{error.subject}: {error.reason}", error.hint)


def _guarded(what: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what a check finds; a refusal of AWS is a finding too, not the end of all checks."""
    try:
        yield from check()
    except AwsError as error:
        state = "wrong" if what == "credentials" else "open"
        yield Finding(what, state, f"{error.subject}: {error.reason}", error.hint)
    except UserError as error:
        yield _wrong(what, error)


def _instance(aws: Aws, settings: Settings) -> Iterator[Finding]:
    try:
        found = aws.call("connect", "describe_instance", InstanceId=settings.aws.instance_arn)["Instance"]
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        yield Finding("instance", "wrong", "there is none of that ARN", "fix aws.instance_arn in [tool.popdesk]")
        return
    state = found.get("InstanceStatus", "")
    if state == "ACTIVE":
        yield Finding("instance", "ok", str(found.get("InstanceAlias", "")))
    else:
        yield Finding("instance", "wrong", f"it is {state}", "wait until it is ACTIVE, or fix it in the console")
    if _SERVICE_ROLE.search(found.get("ServiceRole", "")):
        yield Finding("service-linked role", "ok")
    else:
        yield Finding(
            "service-linked role",
            "wrong",
            "the instance is older than service-linked roles; third-party applications need one",
            "migrate it: docs.aws.amazon.com/connect/latest/adminguide/connect-slr.html",
        )


def _vpc(aws: Aws, settings: Settings, name: str, vpc: Vpc) -> Finding:
    """Check that a function's subnets and security groups are there, all in one VPC: Lambda takes no others (API_VpcConfig)."""
    hint = f"fix {name} in [tool.popdesk]; both are of {settings.aws.region}"
    try:
        subnets = aws.call("ec2", "describe_subnets", SubnetIds=list(vpc.subnets))["Subnets"]
        groups = aws.call("ec2", "describe_security_groups", GroupIds=list(vpc.security_groups))["SecurityGroups"]
    except AwsError as error:
        if error.code not in _NOT_THERE:
            raise
        return Finding(name, "wrong", error.reason, hint)
    owners = {str(each["SubnetId"]): str(each["VpcId"]) for each in subnets}
    owners |= {str(each["GroupId"]): str(each.get("VpcId", "no VPC")) for each in groups}
    if len(set(owners.values())) > 1:
        listed = ", ".join(f"{each} is of {owner}" for each, owner in owners.items())
        return Finding(name, "wrong", f"they are of several VPCs: {listed}", hint)
    zones = {str(each["AvailabilityZone"]) for each in subnets if "AvailabilityZone" in each}
    few = "; one availability zone only: where that fails, no caller is looked up" if len(zones) == 1 else ""
    return Finding(name, "ok", ", ".join(sorted(set(owners.values()))) + few)


def _permissions(aws: Aws, settings: Settings, caller: dict[str, Any]) -> Iterator[Finding]:
    arn = str(caller["Arn"])
    if arn.endswith(":root"):
        yield Finding("permissions", "ok", "the account's root user may do everything (better not to use it)")
        return
    if ":federated-user/" in arn:
        yield Finding(
            "permissions",
            "open",
            "IAM's simulator takes no federated user",
            "run `deploy.py doctor` as the role or user that releases",
        )
        return
    source = principal(aws, arn)
    waiting = [
        (resources, actions[start : start + 50])
        for resources, actions in granted_actions(policy_names(settings, str(caller["Account"])), settings.api.enabled)
        for start in range(0, len(actions), 50)
    ]
    denied: set[str] = set()
    refusals: list[BaseException] = []

    def simulate() -> None:
        try:
            while waiting and not refusals:
                resources, actions = waiting.pop()
                for page in aws.pages(
                    "iam",
                    "simulate_principal_policy",
                    PolicySourceArn=source,
                    ActionNames=actions,
                    ResourceArns=resources,
                ):
                    denied.update(
                        str(result["EvalActionName"]) for result in page["EvaluationResults"] if _denied(result)
                    )
        except BaseException as refusal:
            refusals.append(refusal)

    threads = [threading.Thread(target=simulate, daemon=True) for _ in range(_SIMULATIONS_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refusals:
        raise refusals[0]
    if denied:
        some = ", ".join(sorted(denied)[:8])
        more = f" and {len(denied) - 8} more" if len(denied) > 8 else ""
        yield Finding("permissions", "wrong", f"denied: {some}{more}", "attach what `deploy.py iam-policy` prints")
    else:
        yield Finding("permissions", "ok")


def _denied(result: dict[str, Any]) -> bool:
    """Return whether an action is refused on any of the resources it was asked for."""
    decisions = [detail["EvalResourceDecision"] for detail in result.get("ResourceSpecificResults", [])]
    return any(decision != "allowed" for decision in (result["EvalDecision"], *decisions))


def principal(aws: Aws, caller_arn: str) -> str:
    """Return the ARN of the user or role behind a caller's ARN: what IAM's simulator takes.

    The ARN of a session has only the role's name, without its path (that of an SSO role names a region), so IAM is asked:
    docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html.
    """
    session = re.fullmatch(r"arn:[a-z-]+:sts::\d{12}:assumed-role/([^/]+)/.+", caller_arn)
    if session is None:
        return caller_arn
    return str(aws.call("iam", "get_role", RoleName=session[1])["Role"]["Arn"])


def _stack(stack: Stack) -> Finding:
    if not stack.exists:
        return Finding("stack", "wrong", f"{stack.name} is not there", "release: `deploy.py`")
    if stack.status == ROLLBACK_FAILED:
        return Finding("stack", "wrong", stack.status, "`deploy.py continue-rollback` continues it")
    if stack.status.endswith("_COMPLETE") and stack.status != "ROLLBACK_COMPLETE":
        return Finding("stack", "ok", stack.status)
    return Finding("stack", "wrong", stack.status, "`deploy.py plan` says what to do about it")


_NOT_ASSOCIATED = "`deploy.py status` shows what was changed in AWS by hand; change that back in the console"


def _application_associated(aws: Aws, settings: Settings, stack: Stack) -> Iterator[Finding]:
    pages = aws.pages(
        "connect",
        "list_integration_associations",
        InstanceId=settings.aws.instance_arn,
        IntegrationType="APPLICATION",
    )
    there = {item.get("IntegrationArn") for page in pages for item in page["IntegrationAssociationSummaryList"]}
    yield _associated("application associated", stack.outputs.get("ApplicationArn", ""), there)
    if settings.opens == "service":
        yield _associated("service associated", stack.outputs.get("ServiceArn", ""), there)
    if settings.pilot:
        yield _associated("pilot associated", stack.outputs.get("PilotApplicationArn", ""), there)
        yield _associated("pilot's service associated", stack.outputs.get("PilotServiceArn", ""), there)


def _lambda_associated(aws: Aws, settings: Settings, stack: Stack) -> Iterator[Finding]:
    """Check ListLambdaFunctions: no type of integration association means functions."""
    pages = aws.pages("connect", "list_lambda_functions", InstanceId=settings.aws.instance_arn)
    there = {arn for page in pages for arn in page["LambdaFunctions"]}
    yield _associated("Lambda associated", stack.outputs.get("LookupArn", ""), there)


def _associated(what: str, arn: str, there: set[str]) -> Finding:
    if arn in there:
        return Finding(what, "ok")
    return Finding(what, "wrong", f"the instance does not know {arn or 'it'}", _NOT_ASSOCIATED)


def _security_profiles(aws: Aws, settings: Settings, deadline: float) -> Iterator[Finding]:
    """Check which security profiles grant the application, and which of those what opens it: guides, or the service.

    Amazon Connect answers some two requests a second, so an instance of many profiles is not read whole in time.
    """
    granting: list[str] = []
    opening: list[str] = []
    profiles = grants.read_profiles(aws, settings)
    read: dict[str, set[str]] = {}  # the namespaces that each grants
    checked = 0
    for profile in profiles:
        if time.monotonic() > deadline:
            break
        applications = grants.read_applications(aws, settings, profile)
        read[profile.name] = {
            each["Namespace"] for each in applications if grants.grants_application([each], each["Namespace"])
        }
        if settings.namespace in read[profile.name]:
            granting.append(profile.name)
            if grants.grants_opening(settings, applications, partial(grants.read_permissions, aws, settings, profile)):
                opening.append(profile.name)
        checked += 1
    hint = "`deploy.py doctor --grant PROFILE`, with the security profile of your agents"
    so_far = f" (of the {checked} that were looked at, of {len(profiles)})" if checked < len(profiles) else ""
    if settings.pilot:
        yield _pilots_agents(settings, [profile.name for profile in profiles], read)
    if granting:
        yield Finding("security profiles", "ok", f"granted by {', '.join(sorted(granting))}{so_far}")
    elif so_far:
        yield Finding("security profiles", "open", f"none grants the application{so_far}", hint)
        return
    else:
        yield Finding("security profiles", "wrong", "none grants the application, so no agent sees it", hint)
        return
    without = sorted(set(granting) - set(opening))
    what, how, lacking = (
        ("service", "runs for", f"{settings.service[0]!r} among their applications, so no service")
        if settings.opens == "service"
        else ("guides", "shown to", f"{grants.GUIDES} (Agent applications, custom views), so no guide")
    )
    if opening:
        note = f"; {', '.join(without)}: not" if without else ""
        yield Finding(what, "ok", f"{how} agents with {', '.join(sorted(opening))}{note}")
    else:
        yield Finding(
            what,
            "wrong",
            f"{', '.join(without)}: without {lacking} opens the page",
            f"`deploy.py doctor --grant {shlex.quote(without[0])}` adds it",
        )


def _pilots_agents(settings: Settings, profiles: list[str], granted: dict[str, set[str]]) -> Finding:
    """Return whether the pilot's security profile grants the pilot, and no other one does. `granted` is what was read."""
    what, pilot = "pilot's agents", settings.pilot
    if pilot not in profiles:
        hint = "correct pilot in [tool.popdesk], or make one of that name"
        return Finding(what, "wrong", f"the instance has no security profile {pilot!r}", hint)
    if pilot not in granted:
        return Finding(what, "open", f"{pilot} was not looked at in time", "run `deploy.py doctor` again")
    wrong = {}
    for name, theirs in granted.items():
        wanted, others = grants.namespaces(settings, name)
        if both := theirs.intersection(others):
            wrong[name] = f"it grants {', '.join(sorted(both))}, so its agents have the live page and the pilot's"
        elif name == pilot and not theirs.issuperset(wanted):
            wrong[name] = "it does not grant the pilot and its service"
    if not wrong:
        return Finding(what, "ok", f"granted by {pilot}")
    detail = "; ".join(f"{name}: {why}" for name, why in wrong.items())
    return Finding(what, "wrong", detail, " ".join(f"`deploy.py doctor --grant {shlex.quote(name)}`" for name in wrong))


def _flows(aws: Aws, settings: Settings, stack: Stack) -> Iterator[Finding]:
    guide = [("guide flow", "GuideFlowArn")] if settings.opens == "guide" else []
    for what, output in (("main flow", "MainFlowArn"), *guide):
        arn = stack.outputs.get(output, "")
        flow = aws.call(
            "connect",
            "describe_contact_flow",
            InstanceId=settings.aws.instance_arn,
            ContactFlowId=arn.rpartition("/")[2],
        )["ContactFlow"]
        state = flow.get("Status", "PUBLISHED"), flow.get("State", "ACTIVE")
        if state == ("PUBLISHED", "ACTIVE"):
            yield Finding(f"{what} published", "ok", str(flow.get("Name", "")))
        else:
            yield Finding(f"{what} published", "wrong", f"it is {' and '.join(state)}", "publish it in the console")


def _pages(stack: Stack, check_page: Callable[[str], list[str]]) -> Iterator[Finding]:
    pages = [("page", "Url", "release again: `deploy.py`")]
    if "PilotUrl" in stack.outputs:
        pages += [("pilot's page", "PilotUrl", "release to the pilot: `deploy.py release --pilot`")]
    for what, output, hint in pages:
        url = stack.outputs.get(output, "")
        problems = check_page(url)
        yield Finding(what, "wrong", "; ".join(problems), hint) if problems else Finding(what, "ok", url)


def _api(stack: Stack, check_api: Callable[[str], list[str]]) -> Finding:
    problems = check_api(stack.outputs.get("Url", ""))
    if problems:
        return Finding("API", "wrong", "; ".join(problems), f"look at the log group /aws/lambda/{stack.outputs['Api']}")
    return Finding("API", "ok", "it answers, and refuses who has no token")
