"""Amazon Connect's part of the local AWS of the tests, which moto lacks: one instance, its queue and security profiles.

    connect = Connect()
    status, answer = connect.answer("GET", "/security-profiles-summary/INSTANCE", "", b"")

What comes in and what goes out is held against botocore's own model of the service: paths, required parameters, types,
the values of enumerations, the most members of a list. It keeps what it is told (what a profile grants, what is
associated, which flows there are), pages its lists in twos, and does not check permissions. It has only the operations
that are below: another one is answered with 501.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from ops.rehearse.protocol import problems

ACCOUNT = "123456789012"
INSTANCE = f"arn:aws:connect:us-east-1:{ACCOUNT}:instance/11111111-2222-3333-4444-555555555555"
SERVICE_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect_AbCdEf"
)
_PAGE = 2

Parameters = dict[str, Any]


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class Refusal(Exception):
    """An error of the service: its code, its HTTP status and what it says."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Connect:
    """The instance. `reset` makes it new; tests reach into `profiles` and the rest through the CloudFormation types."""

    def __init__(self) -> None:
        self._routes = [
            (service_model("connect").operation_model(name), handler)
            for name, handler in {
                "DescribeInstance": self._describe_instance,
                "ListQueues": self._list_queues,
                "ListIntegrationAssociations": self._list_integration_associations,
                "ListLambdaFunctions": self._list_lambda_functions,
                "ListSecurityProfiles": self._list_security_profiles,
                "ListSecurityProfileApplications": self._list_security_profile_applications,
                "ListSecurityProfilePermissions": self._list_security_profile_permissions,
                "UpdateSecurityProfile": self._update_security_profile,
                "DescribeContactFlow": self._describe_contact_flow,
            }.items()
        ]
        self.reset()

    def reset(self) -> None:
        """Make it the instance of a new account: three security profiles, a queue, nothing associated."""
        other = {"Namespace": "somebody-elses", "ApplicationPermissions": ["ACCESS"], "Type": "THIRD_PARTY_APPLICATION"}
        self.profiles: dict[str, dict[str, Any]] = {
            f"profile-{name.lower()}": {"name": name, "applications": [other], "permissions": ["BasicAgentAccess"]}
            for name in ("Admin", "Agent", "Quality")
        }
        self.associations: dict[str, str] = {}  # ARN -> IntegrationType
        self.functions: list[str] = []
        self.flows: dict[str, dict[str, str]] = {}

    def answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return (status, headers, body) for a request as the service's REST protocol has it."""
        found = [
            (operation, handler, labels)
            for operation, handler in self._routes
            if (labels := _match(operation, method, path)) is not None
        ]
        if not found:
            return _error(Refusal("NotImplemented", f"the tests' Connect has no {method} {path}", 501))
        ((operation, handler, labels),) = found
        parameters = labels | _from_query(operation, query) | (json.loads(body) if body else {})
        try:
            if wrong := problems(operation.input_shape, parameters):
                raise Refusal("InvalidParameterException", "; ".join(wrong))
            answer = handler(parameters)
        except Refusal as refusal:
            return _error(refusal)
        if operation.output_shape is not None and (wrong := problems(operation.output_shape, answer)):
            return _error(Refusal("TheTestsAreWrong", "; ".join(wrong), 500))
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    # -- the operations ------------------------------------------------------------------------------------------------

    def _describe_instance(self, asked: Parameters) -> Parameters:
        _check_instance(asked)
        return {
            "Instance": {
                "Id": INSTANCE.rpartition("/")[2],
                "Arn": INSTANCE,
                "InstanceAlias": "desk",
                "InstanceStatus": "ACTIVE",
                "ServiceRole": SERVICE_ROLE,
            }
        }

    def _list_queues(self, asked: Parameters) -> Parameters:
        queue = {
            "Id": "queue-basic",
            "Arn": f"{INSTANCE}/queue/queue-basic",
            "Name": "BasicQueue",
            "QueueType": "STANDARD",
        }
        return _page(asked, [queue], "QueueSummaryList")

    def _list_integration_associations(self, asked: Parameters) -> Parameters:
        wanted = asked.get("IntegrationType")
        found = [
            {"IntegrationArn": arn, "IntegrationType": kind, "InstanceId": INSTANCE.rpartition("/")[2]}
            for arn, kind in self.associations.items()
            if wanted in (None, kind)
        ]
        return _page(asked, found, "IntegrationAssociationSummaryList")

    def _list_lambda_functions(self, asked: Parameters) -> Parameters:
        return _page(asked, self.functions, "LambdaFunctions")

    def _list_security_profiles(self, asked: Parameters) -> Parameters:
        summaries = [
            {"Id": key, "Arn": f"{INSTANCE}/security-profile/{key}", "Name": profile["name"]}
            for key, profile in self.profiles.items()
        ]
        return _page(asked, summaries, "SecurityProfileSummaryList")

    def _list_security_profile_applications(self, asked: Parameters) -> Parameters:
        return _page(asked, self._profile(asked)["applications"], "Applications")

    def _list_security_profile_permissions(self, asked: Parameters) -> Parameters:
        return _page(asked, self._profile(asked)["permissions"], "Permissions")

    def _update_security_profile(self, asked: Parameters) -> Parameters:
        """Replace the lists that are given; the others stay."""
        profile = self._profile(asked)
        profile["applications"] = asked.get("Applications", profile["applications"])
        profile["permissions"] = asked.get("Permissions", profile["permissions"])
        return {}

    def _describe_contact_flow(self, asked: Parameters) -> Parameters:
        _check_instance(asked)
        if asked["ContactFlowId"] not in self.flows:
            raise Refusal("ResourceNotFoundException", f"no flow {asked['ContactFlowId']}", 404)
        return {"ContactFlow": self.flows[asked["ContactFlowId"]]}

    def _profile(self, asked: Parameters) -> dict[str, Any]:
        _check_instance(asked)
        if asked["SecurityProfileId"] not in self.profiles:
            raise Refusal("ResourceNotFoundException", f"no security profile {asked['SecurityProfileId']}", 404)
        return self.profiles[asked["SecurityProfileId"]]


def _check_instance(asked: Parameters) -> None:
    if asked["InstanceId"] not in (INSTANCE, INSTANCE.rpartition("/")[2]):
        raise Refusal("ResourceNotFoundException", f"no instance {asked['InstanceId']}", 404)


def _page(asked: Parameters, items: list[Any], name: str) -> Parameters:
    _check_instance(asked)
    start = int(asked.get("NextToken", 0))
    more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(items) else {}
    return {name: items[start : start + _PAGE], **more}


def _match(operation: OperationModel, method: str, path: str) -> Parameters | None:
    """Return the parameters that stand in the path of a request for this operation, None if it is not one."""
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(operation.http["requestUri"].partition("?")[0]))
    found = re.fullmatch(pattern, path)
    if operation.http["method"] != method or found is None:
        return None
    members = operation.input_shape.members
    by_location = {shape.serialization.get("name", name): name for name, shape in members.items()}
    return {by_location[label]: unquote(text) for label, text in found.groupdict().items()}


def _from_query(operation: OperationModel, query: str) -> Parameters:
    given = parse_qs(query)
    found: Parameters = {}
    for name, shape in operation.input_shape.members.items():
        values = given.get(shape.serialization.get("name", name), [])
        if shape.serialization.get("location") == "querystring" and values:
            convert: Callable[[str], Any] = int if shape.type_name == "integer" else str
            found[name] = [convert(value) for value in values] if shape.type_name == "list" else convert(values[0])
    return found


def _error(refusal: Refusal) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": refusal.code}
    return refusal.status, headers, json.dumps({"Message": str(refusal)}).encode()
