"""What stands between this machine and a working screen pop, each finding with its remedy.

    for finding in examine(aws, settings): print(finding.state, finding.what, finding.remedy)

One look after the other; what cannot be looked at because an earlier thing is missing is left out. `grant` gives a
security profile the application without taking others away: UpdateSecurityProfile may replace the whole list (AWS's
documentation leaves it open), so the list is read, merged and written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ops.cloud import stack as stacks
from ops.cloud.aws import Aws, AwsTrouble
from ops.cloud.iam_policy import granted_actions
from ops.cloud.smoke import page_headers
from ops.cloud.stack import Stack
from ops.errors import Trouble
from ops.settings import Settings

GRANT_TYPE = "THIRD_PARTY_APPLICATION"
_SERVICE_ROLE = re.compile(r":role/aws-service-role/connect\.amazonaws\.com/AWSServiceRoleForAmazonConnect")


@dataclass(frozen=True)
class Finding:
    """One look: `state` is "ok", "wrong" or "open" (could not be looked at); `remedy` is empty when it is ok."""

    what: str
    state: str
    detail: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """Give it for scripts."""
        return asdict(self)


def examine(aws: Aws, settings: Settings, check_page: Callable[[str], list[str]] = page_headers) -> Iterator[Finding]:
    """Look at everything, in the order in which a person would mend it."""
    try:
        stacks.check_deployable(settings)
        yield Finding("settings", "ok")
    except Trouble as trouble:
        yield _wrong("settings", trouble)
        return
    try:
        caller = aws.call("sts", "get_caller_identity")
    except Trouble as trouble:
        yield _wrong("credentials", trouble)
        return
    yield Finding("credentials", "ok", str(caller["Arn"]))
    if str(caller["Account"]) != settings.aws.instance_arn.split(":")[4]:
        yield Finding(
            "account",
            "wrong",
            f"the credentials are of {caller['Account']}, the instance is not",
            "name another profile with --profile",
        )
        return
    yield from _guarded("instance", lambda: _instance(aws, settings))
    yield from _guarded("permissions", lambda: _permissions(aws, settings, caller))
    stack = stacks.read_stack(aws, stacks.stack_name(settings))
    if not stack.exists:
        yield Finding("stack", "wrong", f"{stack.name} is not there", "release: `deploy.py`")
        return
    yield _stack(stack)
    yield from _guarded("associations", lambda: _associations(aws, settings, stack))
    yield from _guarded("security profiles", lambda: _security_profiles(aws, settings))
    yield from _guarded("flows", lambda: _flows(aws, settings, stack))
    yield _page(stack, check_page)


def _wrong(what: str, trouble: Trouble) -> Finding:
    return Finding(what, "wrong", f"{trouble.thing}: {trouble.reason}", trouble.remedy)


def _guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Give what a look finds; a refusal of AWS is a finding too, not the end of the examination."""
    try:
        yield from look()
    except AwsTrouble as trouble:
        yield Finding(what, "open", f"{trouble.thing}: {trouble.reason}", trouble.remedy)


def _instance(aws: Aws, settings: Settings) -> Iterator[Finding]:
    try:
        found = aws.call("connect", "describe_instance", InstanceId=settings.aws.instance_arn)["Instance"]
    except AwsTrouble as trouble:
        if trouble.code != "ResourceNotFoundException":
            raise
        yield Finding("instance", "wrong", "there is none of that ARN", "mend aws.instance_arn in [tool.popdesk]")
        return
    state = found.get("InstanceStatus", "")
    if state == "ACTIVE":
        yield Finding("instance", "ok", str(found.get("InstanceAlias", "")))
    else:
        yield Finding("instance", "wrong", f"it is {state}", "wait until it is ACTIVE, or mend it in the console")
    if _SERVICE_ROLE.search(found.get("ServiceRole", "")):
        yield Finding("service-linked role", "ok")
    else:
        yield Finding(
            "service-linked role",
            "wrong",
            "the instance is older than service-linked roles; third-party applications need one",
            "migrate it: docs.aws.amazon.com/connect/latest/adminguide/connect-slr.html",
        )


def _permissions(aws: Aws, settings: Settings, caller: dict[str, Any]) -> Iterator[Finding]:
    arn = principal(str(caller["Arn"]))
    if not arn:
        yield Finding("permissions", "ok", "the account's root user may do everything (better not to use it)")
        return
    denied: set[str] = set()
    for resources, actions in granted_actions(policy_names(settings, str(caller["Account"]))):
        for start in range(0, len(actions), 50):
            for page in aws.pages(
                "iam",
                "simulate_principal_policy",
                PolicySourceArn=arn,
                ActionNames=actions[start : start + 50],
                ResourceArns=resources,
            ):
                denied |= {str(result["EvalActionName"]) for result in page["EvaluationResults"] if _denied(result)}
    if denied:
        some = ", ".join(sorted(denied)[:8])
        more = f" and {len(denied) - 8} more" if len(denied) > 8 else ""
        yield Finding("permissions", "wrong", f"denied: {some}{more}", "attach what `deploy.py iam-policy` prints")
    else:
        yield Finding("permissions", "ok")


def _denied(result: dict[str, Any]) -> bool:
    """Say whether an action is refused on any of the resources it was asked for."""
    decisions = [detail["EvalResourceDecision"] for detail in result.get("ResourceSpecificResults", [])]
    return any(decision != "allowed" for decision in (result["EvalDecision"], *decisions))


def principal(caller_arn: str) -> str:
    """Give the user or role behind a caller's ARN, "" for root.

    An assumed role's ARN has neither the role's path nor is it a policy's principal
    (docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
    """
    assumed = re.fullmatch(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.+", caller_arn)
    if assumed:
        part, account, role = assumed.groups()
        path = "aws-reserved/sso.amazonaws.com/" if role.startswith("AWSReservedSSO_") else ""
        return f"arn:{part}:iam::{account}:role/{path}{role}"
    return "" if caller_arn.endswith(":root") else caller_arn


def policy_names(settings: Settings, account: str) -> dict[str, str]:
    """Give what fills in the resources of ops/cloud/iam_policy.py."""
    return {
        "partition": stacks.partition(settings.aws.region),
        "region": settings.aws.region,
        "account": account,
        "stack": stacks.stack_name(settings),
        "instance": settings.aws.instance_arn,
    }


def _stack(stack: Stack) -> Finding:
    if stack.status.endswith("_COMPLETE") and stack.status != "ROLLBACK_COMPLETE":
        return Finding("stack", "ok", stack.status)
    return Finding("stack", "wrong", stack.status, "`deploy.py plan` says what to do about it")


def _associations(aws: Aws, settings: Settings, stack: Stack) -> Iterator[Finding]:
    there = set()
    for page in aws.pages("connect", "list_integration_associations", InstanceId=settings.aws.instance_arn):
        there |= {item["IntegrationArn"] for item in page["IntegrationAssociationSummaryList"]}
    for what, output in (("application associated", "ApplicationArn"), ("Lambda associated", "LookupArn")):
        if stack.outputs.get(output) in there:
            yield Finding(what, "ok")
        else:
            yield Finding(
                what, "wrong", "the instance does not know it", "`deploy.py status` shows drift; release again"
            )


def _security_profiles(aws: Aws, settings: Settings) -> Iterator[Finding]:
    names = [
        str(profile["Name"])
        for profile in read_security_profiles(aws, settings)
        if _grants(_applications(aws, settings, str(profile["Id"])), settings)
    ]
    if names:
        yield Finding("security profiles", "ok", f"granted by {', '.join(sorted(names))}")
    else:
        yield Finding(
            "security profiles",
            "wrong",
            "none grants the application, so no agent sees it",
            "`deploy.py doctor --grant PROFILE`, with the security profile of your agents",
        )


def read_security_profiles(aws: Aws, settings: Settings) -> list[dict[str, Any]]:
    """Give the instance's security profiles."""
    found: list[dict[str, Any]] = []
    for page in aws.pages("connect", "list_security_profiles", InstanceId=settings.aws.instance_arn):
        found += page["SecurityProfileSummaryList"]
    return found


def _applications(aws: Aws, settings: Settings, profile: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in aws.pages(
        "connect",
        "list_security_profile_applications",
        InstanceId=settings.aws.instance_arn,
        SecurityProfileId=profile,
    ):
        found += page["Applications"]
    return found


def _grants(applications: list[dict[str, Any]], settings: Settings) -> bool:
    return any(
        application.get("Namespace") == settings.namespace and "ACCESS" in application.get("ApplicationPermissions", [])
        for application in applications
    )


def merged_applications(applications: list[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
    """Give a security profile's applications with ours among them; every other stays as it is."""
    others = [application for application in applications if application.get("Namespace") != namespace]
    ours = {"Namespace": namespace, "ApplicationPermissions": ["ACCESS"], "Type": GRANT_TYPE}
    return [*others, ours]


def grant(aws: Aws, settings: Settings, profile: str, dry_run: bool = False) -> bool:
    """Let a security profile (by its name) grant the application; say whether anything had to be changed."""
    profiles = read_security_profiles(aws, settings)
    found = [item for item in profiles if item["Name"] == profile]
    if not found:
        names = ", ".join(sorted(str(item["Name"]) for item in profiles)) or "none"
        raise Trouble(
            f"security profile {profile!r}",
            f"the instance has none of that name (it has: {names})",
            "name one of those",
        )
    identity = str(found[0]["Id"])
    applications = _applications(aws, settings, identity)
    if _grants(applications, settings):
        return False
    if not dry_run:
        aws.call(
            "connect",
            "update_security_profile",
            SecurityProfileId=identity,
            InstanceId=settings.aws.instance_arn,
            Applications=merged_applications(applications, settings.namespace),
        )
    return True


def _flows(aws: Aws, settings: Settings, stack: Stack) -> Iterator[Finding]:
    for what, output in (("main flow", "MainFlowArn"), ("guide flow", "GuideFlowArn")):
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


def _page(stack: Stack, check_page: Callable[[str], list[str]]) -> Finding:
    url = stack.outputs.get("Url", "")
    problems = check_page(url)
    if problems:
        return Finding("page", "wrong", "; ".join(problems), "release again: `deploy.py`")
    return Finding("page", "ok", url)
