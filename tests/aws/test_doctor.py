"""Doctor: what stands in the way is found with its remedy, nothing that is there is missed, and it ends in time.

Amazon Connect is the rehearsal's (ops/rehearse/connect.py), the other answers are functions; both are held to AWS's
models. The endpoints that hang are real sockets.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.session import Session
from click.testing import CliRunner

from deploy import cli
from ops.cloud.aws import Aws
from ops.cloud.doctor import Finding, Limits, examine, principal
from ops.cloud.grants import GRANT_TYPE, GUIDES
from ops.cloud.iam_policy import granted_actions
from ops.cloud.names import policy_names
from ops.function_settings import Vpc
from ops.rehearse.protocol import Refusal
from tests.aws.account import INSTANCE, deployable_settings
from tests.aws.stubbed import Answered

ACCOUNT = "123456789012"
SETTINGS = deployable_settings()
OURS = {"Namespace": "popdesk", "ApplicationPermissions": ["ACCESS"], "Type": GRANT_TYPE}
_ROOT = f"arn:aws:iam::{ACCOUNT}:root"
_ANA = f"arn:aws:iam::{ACCOUNT}:user/ana"
_APPLICATION = f"arn:aws:app-integrations:us-east-1:{ACCOUNT}:application/1"
_SERVICE = f"arn:aws:app-integrations:us-east-1:{ACCOUNT}:application/2"
_LOOKUP = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:popdesk-prod-lookup:live"


def _asked_by(arn: str) -> dict[str, str]:
    return {"Account": ACCOUNT, "Arn": arn, "UserId": "u"}


def _stack(status: str = "UPDATE_COMPLETE", namespace: str = "popdesk") -> dict[str, Any]:
    outputs = {
        "Url": "https://desk.example.com/",
        "ApplicationArn": _APPLICATION,
        "LookupArn": _LOOKUP,
        "MainFlowArn": f"{INSTANCE}/contact-flow/main",
        "GuideFlowArn": f"{INSTANCE}/contact-flow/guide",
    }
    stack = {
        "StackName": "popdesk-prod",
        "StackId": f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/popdesk-prod/1",
        "CreationTime": "2026-01-01T00:00:00Z",
        "StackStatus": status,
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        "Parameters": [{"ParameterKey": "AppNamespace", "ParameterValue": namespace}],
    }
    return {"Stacks": [stack]}


@pytest.fixture
def healthy() -> Answered:
    """Return an account in which all is well; the root user asks, for whom permissions are not looked at."""
    made = Answered()
    made.on("sts", "get_caller_identity", _asked_by(_ROOT))
    made.on("cloudformation", "describe_stacks", _stack())
    made.connect.associations["one"] = ("APPLICATION", _APPLICATION)
    made.connect.functions += ["arn:aws:lambda:us-east-1:123456789012:function:other", "arn:another", _LOOKUP]
    for flow in ("main", "guide"):
        made.connect.flows[flow] = {"Name": flow, "State": "ACTIVE", "Status": "PUBLISHED"}
    agent = made.connect.profiles["profile-agent"]
    agent["applications"] = [*agent["applications"], OURS]
    agent["permissions"] = [*agent["permissions"], GUIDES]
    return made


def _examine(answered: Answered, page: list[str] | None = None) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(answered.aws, SETTINGS, lambda _: page or [])}


def test_all_well_is_all_ok(healthy: Answered) -> None:
    found = _examine(healthy)
    assert {finding.state for finding in found.values()} == {"ok"}, found
    assert list(found) == [
        "settings",
        "credentials",
        "instance",
        "service-linked role",
        "permissions",
        "stack",
        "application associated",
        "Lambda associated",
        "security profiles",
        "guides",
        "main flow published",
        "guide flow published",
        "page",
    ]


def _opened_by_a_service(answered: Answered) -> dict[str, Finding]:
    settings = SETTINGS.model_copy(update={"opens": "service"})
    return {finding.what: finding for finding in examine(answered.aws, settings, lambda _: [])}


@pytest.mark.parametrize(
    ("pilots", "agents", "state", "says"),
    [
        (("popdesk-pilot", "popdesk-pilot-service"), ("popdesk",), "ok", "granted by Quality"),
        ((), ("popdesk",), "wrong", "Quality: it does not grant the pilot and its service"),
        (("popdesk-pilot",), ("popdesk",), "wrong", "Quality: it does not grant the pilot and its service"),
        (
            ("popdesk-pilot", "popdesk-pilot-service", "popdesk"),
            (),
            "wrong",
            "Quality: it grants popdesk, so its agents",
        ),
        (("popdesk-pilot", "popdesk-pilot-service"), ("popdesk-pilot",), "wrong", "Agent: it grants popdesk-pilot, so"),
    ],
)
def test_the_pilots_agents_have_the_pilot_alone_and_nobody_else_has_it(
    healthy: Answered, pilots: tuple[str, ...], agents: tuple[str, ...], state: str, says: str
) -> None:
    for profile, namespaces in (("profile-quality", pilots), ("profile-agent", agents)):
        granted = [{**OURS, "Namespace": namespace} for namespace in namespaces]
        healthy.connect.profiles[profile]["applications"] = granted
    settings = SETTINGS.model_copy(update={"opens": "service", "pilot": "Quality"})
    finding = {each.what: each for each in examine(healthy.aws, settings, lambda _: [])}["pilot's agents"]
    assert finding.state == state
    assert says in finding.detail
    assert finding.hint == ("" if state == "ok" else f"`deploy.py doctor --grant {says.partition(':')[0]}`")


def test_a_pilot_without_its_security_profile_is_found(healthy: Answered) -> None:
    settings = SETTINGS.model_copy(update={"opens": "service", "pilot": "Nobody"})
    finding = {each.what: each for each in examine(healthy.aws, settings, lambda _: [])}["pilot's agents"]
    assert (finding.state, finding.detail) == ("wrong", "the instance has no security profile 'Nobody'")


def test_where_a_service_opens_the_page_it_is_looked_at_and_no_guide_is(healthy: Answered) -> None:
    stack = _stack()
    stack["Stacks"][0]["Outputs"] += [{"OutputKey": "ServiceArn", "OutputValue": _SERVICE}]
    healthy.on("cloudformation", "describe_stacks", stack)
    _without_guides(healthy)
    del healthy.connect.flows["guide"]
    found = _opened_by_a_service(healthy)
    assert "guides" not in found
    assert "guide flow published" not in found
    assert (found["service associated"].state, found["service"].state) == ("wrong", "wrong")
    assert "'Popdesk service' among their applications, so no service opens the page" in found["service"].detail
    assert "doctor --grant Agent" in found["service"].hint
    healthy.connect.associations["two"] = ("APPLICATION", _SERVICE)
    agent = healthy.connect.profiles["profile-agent"]
    agent["applications"] = [*agent["applications"], {**OURS, "Namespace": "popdesk-service"}]
    found = _opened_by_a_service(healthy)
    assert {finding.state for finding in found.values()} == {"ok"}, found
    assert found["service"].detail == "runs for agents with Agent"


SUBNETS, GROUP = ("subnet-0123abcd", "subnet-4567abcd"), "sg-0123abcd"


def _in_a_vpc(answered: Answered) -> dict[str, Finding]:
    vpc = Vpc(subnets=SUBNETS, security_groups=(GROUP,))
    settings = SETTINGS.model_copy(update={"lookup": SETTINGS.lookup.model_copy(update={"vpc": vpc})})
    return {finding.what: finding for finding in examine(answered.aws, settings, lambda _: [])}


def _with_a_vpc(answered: Answered, of_the_second: str = "vpc-1", zone: str = "b") -> None:
    places = zip(SUBNETS, ("vpc-1", of_the_second), ("a", zone), strict=True)
    subnets = [{"SubnetId": name, "VpcId": vpc, "AvailabilityZone": f"us-east-1{zone}"} for name, vpc, zone in places]
    answered.on("ec2", "describe_subnets", {"Subnets": subnets})
    answered.on("ec2", "describe_security_groups", {"SecurityGroups": [{"GroupId": GROUP, "VpcId": "vpc-1"}]})


def test_a_vpc_that_is_there_is_named(healthy: Answered) -> None:
    _with_a_vpc(healthy)
    found = _in_a_vpc(healthy)
    assert {finding.state for finding in found.values()} == {"ok"}
    assert found["lookup.vpc"].detail == "vpc-1"
    asked = dict(healthy.asked)
    assert asked["describe_subnets"] == {"SubnetIds": list(SUBNETS)}
    assert asked["describe_security_groups"] == {"GroupIds": [GROUP]}
    _with_a_vpc(healthy, zone="a")
    assert "one availability zone only" in _in_a_vpc(healthy)["lookup.vpc"].detail


def test_subnets_and_groups_of_several_vpcs_or_that_are_not_there_are_found(healthy: Answered) -> None:
    _with_a_vpc(healthy, of_the_second="vpc-2")
    found = _in_a_vpc(healthy)["lookup.vpc"]
    assert (found.state, "subnet-4567abcd is of vpc-2" in found.detail) == ("wrong", True)
    missing = "The subnet ID 'subnet-4567abcd' does not exist"
    healthy.on("ec2", "describe_subnets", Refusal("InvalidSubnetID.NotFound", missing))
    found = _in_a_vpc(healthy)["lookup.vpc"]
    assert (found.state, missing in found.detail, "fix lookup.vpc" in found.hint) == ("wrong", True, True)
    healthy.on("ec2", "describe_subnets", Refusal("UnauthorizedOperation", "You are not authorized"))
    found = _in_a_vpc(healthy)["lookup.vpc"]
    assert (found.state, "UnauthorizedOperation" in found.detail) == ("open", True)


def _without_guides(made: Answered) -> None:
    made.connect.profiles["profile-agent"]["permissions"] = ["BasicAgentAccess"]


def _without_grant(made: Answered) -> None:
    made.connect.profiles["profile-agent"]["applications"] = []


@pytest.mark.parametrize(
    ("spoil", "what", "hint"),
    [
        (lambda made: made.connect.associations.clear(), "application associated", "deploy.py status"),
        (lambda made: made.connect.functions.remove(_LOOKUP), "Lambda associated", "deploy.py status"),
        (_without_grant, "security profiles", "doctor --grant PROFILE"),
        (_without_guides, "guides", "doctor --grant Agent"),
        (lambda made: made.connect.flows["main"].update(State="ARCHIVED"), "main flow published", "publish it"),
        (
            lambda made: made.on("cloudformation", "describe_stacks", _stack("UPDATE_ROLLBACK_FAILED")),
            "stack",
            "continue-rollback",
        ),
        (
            lambda made: made.on("cloudformation", "describe_stacks", _stack(namespace="other")),
            "stack",
            "to another name",
        ),
    ],
)
def test_each_obstacle_is_found_with_its_remedy(
    healthy: Answered, spoil: Callable[[Answered], None], what: str, hint: str
) -> None:
    spoil(healthy)
    found = _examine(healthy)
    assert [finding.what for finding in found.values() if finding.state == "wrong"] == [what]
    assert hint in found[what].hint


def test_the_page_is_looked_at(healthy: Answered) -> None:
    assert _examine(healthy, ["index.html: X-Content-Type-Options is ''"])["page"].state == "wrong"


def test_a_profile_with_guides_is_enough_and_the_others_are_named(healthy: Answered) -> None:
    healthy.connect.profiles["profile-quality"]["applications"] = [OURS]
    found = _examine(healthy)["guides"]
    assert (found.state, found.detail) == ("ok", "shown to agents with Agent; Quality: not")


def test_refused_look_is_a_finding_and_not_the_end(healthy: Answered) -> None:
    healthy.on("connect", "describe_instance", Refusal("AccessDeniedException", "no"))
    found = _examine(healthy)
    assert found["instance"].state == "open"
    assert "iam-policy" in found["instance"].hint
    assert found["page"].state == "ok"


def test_credentials_that_are_refused_end_it(healthy: Answered) -> None:
    healthy.on("sts", "get_caller_identity", Refusal("ExpiredToken", "it has expired"))
    found = _examine(healthy)
    assert list(found) == ["settings", "credentials"]
    assert found["credentials"].state == "wrong"
    assert "log in" in found["credentials"].hint


def test_a_stack_that_is_not_there_ends_it(healthy: Answered) -> None:
    healthy.on("cloudformation", "describe_stacks", Refusal("ValidationError", "Stack does not exist"))
    found = _examine(healthy)
    assert list(found)[-1] == "stack"
    assert (found["stack"].state, found["stack"].hint) == ("wrong", "release: `deploy.py`")


# -- permissions -------------------------------------------------------------------------------------------------------

GRANTED = granted_actions(policy_names(SETTINGS, ACCOUNT), SETTINGS.api.enabled)


def _permissions(answered: Answered, answer: Callable[[str, str], str], arn: str = _ANA) -> Finding:
    """Let IAM's simulator answer `answer(action, resource)`; return the finding.

    One result for each action, with one for each resource in it; answers of several resources come in two pages.
    """

    def simulate(asked: dict[str, Any]) -> dict[str, Any]:
        results = []
        for action in asked["ActionNames"]:
            decisions = [answer(action, resource) for resource in asked["ResourceArns"]]
            details = [
                {"EvalResourceName": resource, "EvalResourceDecision": decision}
                for resource, decision in zip(asked["ResourceArns"], decisions, strict=True)
            ]
            results.append({"EvalActionName": action, "EvalDecision": decisions[0], "ResourceSpecificResults": details})
        half = len(results) // 2 if len(asked["ResourceArns"]) > 1 else 0
        if half and "Marker" not in asked:
            return {"EvaluationResults": results[:half], "IsTruncated": True, "Marker": "on"}
        return {"EvaluationResults": results[half:], "IsTruncated": False}

    answered.on("sts", "get_caller_identity", _asked_by(arn))
    answered.on("iam", "simulate_principal_policy", simulate)
    return _examine(answered)["permissions"]


def test_permissions_that_are_all_there_are_ok(healthy: Answered) -> None:
    found = _permissions(healthy, lambda _action, _resource: "allowed")
    assert (found.state, found.detail) == ("ok", "")
    simulated = [asked for operation, asked in healthy.asked if operation == "simulate_principal_policy"]
    assert {asked["PolicySourceArn"] for asked in simulated} == {_ANA}
    assert {
        (action, resource)
        for asked in simulated
        for action in asked["ActionNames"]
        for resource in asked["ResourceArns"]
    } == {(action, resource) for resources, actions in GRANTED for action in actions for resource in resources}


def test_denied_permissions_are_named(healthy: Answered) -> None:
    denied = {"lambda:UpdateAlias": "implicitDeny", "connect:ListQueues": "explicitDeny"}
    found = _permissions(healthy, lambda action, _: denied.get(action, "allowed"))
    assert (found.state, found.detail) == ("wrong", "denied: connect:ListQueues, lambda:UpdateAlias")
    assert "iam-policy" in found.hint


def test_permission_on_one_of_two_resources_is_denied(healthy: Answered) -> None:
    """Of the last action's last resource, on the last page: none of the results may be left out."""
    resources, actions = next(pair for pair in GRANTED if len(pair[0]) > 1)
    gone = actions[-1], resources[-1]
    found = _permissions(healthy, lambda *asked: "implicitDeny" if asked == gone else "allowed")
    assert (found.state, found.detail) == ("wrong", f"denied: {actions[-1]}")


def test_many_denied_permissions_are_counted(healthy: Answered) -> None:
    every = {action for _, actions in GRANTED for action in actions}
    found = _permissions(healthy, lambda _action, _resource: "implicitDeny")
    assert found.state == "wrong"
    assert found.detail.endswith(f" and {len(every) - 8} more")


def test_a_caller_who_may_not_ask_is_an_open_question(healthy: Answered) -> None:
    healthy.on("sts", "get_caller_identity", _asked_by(_ANA))
    healthy.on("iam", "simulate_principal_policy", Refusal("AccessDenied", "no"))
    assert _examine(healthy)["permissions"].state == "open"


def test_an_sso_session_is_simulated_as_the_role_that_iam_names(healthy: Answered) -> None:
    """Its path names a region, which the session's ARN does not."""
    name = "AWSReservedSSO_Deployer_0123456789abcdef"
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/{name}"
    whole = {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROA0123456789ABCDEF",
        "Arn": role,
        "CreateDate": "2026-01-01T00:00:00Z",
    }
    healthy.on("iam", "get_role", {"Role": whole})
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/ana@example.com"
    assert _permissions(healthy, lambda _action, _resource: "allowed", session).state == "ok"
    assert ("get_role", {"RoleName": name}) in healthy.asked
    sources = {
        asked["PolicySourceArn"] for operation, asked in healthy.asked if operation == "simulate_principal_policy"
    }
    assert sources == {role}


def test_a_user_is_its_own_principal() -> None:
    assert principal(Answered().aws, _ANA) == _ANA


def test_a_federated_user_is_an_open_question(healthy: Answered) -> None:
    found = _permissions(healthy, lambda _a, _r: "allowed", f"arn:aws:sts::{ACCOUNT}:federated-user/ana")
    assert found.state == "open"


# -- in time -----------------------------------------------------------------------------------------------------------


class Hanging:
    """A real endpoint that takes connections and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        try:
            while True:
                self._taken.append(self._listener.accept()[0])
        except OSError:
            return

    def close(self) -> None:
        """End it: whoever waits is cut off."""
        self._listener.close()
        for connection in self._taken:
            connection.close()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.close()


def _hang(aws: Aws, service: str, hanging: Hanging) -> None:
    """Let a service's client go to the endpoint that hangs."""
    session = Session()
    session.set_credentials("testing", "testing")
    aws._clients[service] = Aws(session, aws.region, endpoint_url=hanging.url).client(service)


def test_an_endpoint_that_hangs_is_said_of_each_look_in_time(healthy: Answered, hanging: Hanging) -> None:
    healthy.on("sts", "get_caller_identity", _asked_by(_ANA))
    for service in ("connect", "iam"):
        _hang(healthy.aws, service, hanging)
    limits = Limits(check=1.0, total=6.0)
    started = time.monotonic()
    found = {finding.what: finding for finding in examine(healthy.aws, SETTINGS, lambda _: [], limits)}
    took = time.monotonic() - started
    late = {what for what, finding in found.items() if finding.state == "open"}
    assert late == {
        "instance",
        "permissions",
        "application associated",
        "Lambda associated",
        "security profiles",
        "flows",
    }
    assert all(found[what].detail == "no answer within 1 s" and found[what].hint for what in late)
    assert found["stack"].state == found["page"].state == "ok", "what answers is looked at all the same"
    assert took < limits.total


def test_hanging_credentials_end_it_in_time(hanging: Hanging) -> None:
    session = Session()
    session.set_credentials("testing", "testing")
    started = time.monotonic()
    found = list(examine(Aws(session, "us-east-1", endpoint_url=hanging.url), SETTINGS, limits=Limits(check=0.5)))
    assert [finding.what for finding in found] == ["settings", "credentials"]
    assert (found[-1].state, found[-1].detail) == ("open", "no answer within 0.5 s")
    assert time.monotonic() - started < 5


def test_all_of_it_ends_in_time_whatever_each_look_takes(healthy: Answered, hanging: Hanging) -> None:
    """The second round of looks gets what the first has left."""
    for service in ("connect", "iam"):
        _hang(healthy.aws, service, hanging)
    started = time.monotonic()
    list(examine(healthy.aws, SETTINGS, lambda _: [], Limits(check=2.0, total=2.5)))
    assert time.monotonic() - started < 4


def test_many_profiles_are_looked_at_as_far_as_time_goes(healthy: Answered) -> None:
    """Amazon Connect answers two requests a second; how far it got is said."""
    profiles = healthy.connect.profiles
    for number in range(40):
        profiles[f"profile-{number}"] = {"name": f"P{number}", "applications": [], "permissions": []}
    profiles["profile-agent"]["applications"] = []

    def slowly(_service: str, operation: str, _parameters: dict[str, Any]) -> None:
        if operation == "list_security_profile_applications":
            time.sleep(0.1)

    healthy.aws.before = slowly
    found = {finding.what: finding for finding in examine(healthy.aws, SETTINGS, lambda _: [], Limits(check=1.5))}
    assert found["security profiles"].state == "open"
    assert "of 43)" in found["security profiles"].detail
    assert "--grant" in found["security profiles"].hint


# -- the commands' options ---------------------------------------------------------------------------------------------


def test_release_without_an_instance_names_the_key_and_exits_2() -> None:
    result = CliRunner().invoke(cli, ["--env", "prod", "--dry-run"])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    "command", ["release", "plan", "status", "rollback", "releases", "prune", "destroy", "doctor", "iam-policy"]
)
def test_every_command_has_its_help_and_options(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    for option in ("--env", "--profile", "--region"):
        assert option in result.output
    if command in ("release", "rollback", "prune", "destroy", "doctor"):
        assert "--dry-run" in result.output
    if command != "iam-policy":  # which is JSON
        assert "--json" in result.output
