"""Amazon Connect and AppIntegrations on this machine: one instance and its applications.

    apps = AppIntegrations(place)
    connect = Connect(place, queue="BasicQueue", apps=apps)

They keep what they are told: flows, views, associations, what security profiles grant. An association is not deleted while a
profile grants its application (seen for a sister type, so it is assumed). A flow is refused where our own checks (ops/flows) find
something in it, or where it names what the instance does not have: a function, a queue, a view or a flow.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from ops.flows.definitions import problems as flow_problems
from ops.preview.local_connect import LocalConnect
from ops.rehearse.policy import SERVICE_ROLE, Place
from ops.rehearse.protocol import Backend, Parameters, Refusal, page

ALIAS = "rehearsal"  # the instance's
PROFILES = ("Agent", "Admin", "Quality")
_ARN = re.compile(r'"(arn:[a-z-]+:(?:connect|lambda):[^"$]+)')


class AppIntegrations(Backend):
    """The account's applications, by ARN."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.applications: dict[str, Parameters] = {}
        self.associated: set[str] = set()

    def create_application(self, asked: Parameters) -> Parameters:
        for other in self.applications.values():
            if asked["Namespace"] == other["Namespace"]:
                raise Refusal(
                    "DuplicateResourceException", f"there is an application of namespace {asked['Namespace']}"
                )
        url = asked["ApplicationSourceConfig"]["ExternalUrlConfig"]["AccessUrl"]
        if not re.fullmatch(r"https://[^/?#]+/(\?[^#]*)?", url):
            raise Refusal("InvalidRequestException", f"AccessUrl {url} is not the root of a domain over https")
        identity = str(uuid.uuid4())
        arn = self._place.arn("app-integrations", f"application/{identity}")
        self.applications[arn] = {"Arn": arn, "Id": identity, **_known(asked)}
        return {"Arn": arn, "Id": identity}

    def get_application(self, asked: Parameters) -> Parameters:
        return self._found(asked)

    def update_application(self, asked: Parameters) -> None:
        self._found(asked).update(_known(asked))

    def delete_application(self, asked: Parameters) -> None:
        arn = self._found(asked)["Arn"]
        if arn in self.associated:
            raise Refusal("InvalidRequestException", "the application is associated with an instance")
        del self.applications[arn]

    def list_applications(self, asked: Parameters) -> Parameters:
        kept = ("Arn", "Id", "Name", "Namespace")
        found = [{name: each[name] for name in kept} for each in self.applications.values()]
        return page(asked, found, "Applications")

    def namespace(self, arn: str) -> str:
        """Return an application's namespace, "" for one that is not there."""
        return str(self.applications.get(arn, {}).get("Namespace", ""))

    def _found(self, asked: Parameters) -> Parameters:
        found = self.applications.get(asked["Arn"])
        if found is None:
            raise Refusal("ResourceNotFoundException", f"there is no application {asked['Arn']}")
        return found


def _known(asked: Parameters) -> Parameters:
    return {name: value for name, value in asked.items() if name not in ("Arn", "ClientToken")}


class Connect(Backend):
    """The instance. `contacts` answers for its contacts while the local workspace is open."""

    def __init__(self, place: Place, queue: str, apps: AppIntegrations) -> None:
        self._place, self.apps = place, apps
        self.profiles: dict[str, dict[str, Any]] = {}
        for name in PROFILES:
            self.add_profile(name)
        self.queue_arn = queue if queue.startswith("arn:") else f"{place.instance}/queue/{uuid.uuid4()}"
        self._queue = "the queue of the settings" if queue.startswith("arn:") else queue
        self.associations: dict[str, tuple[str, str]] = {}  # id -> (type, ARN)
        self.functions: list[str] = []
        self.flows: dict[str, Parameters] = {}  # by id, as DescribeContactFlow has them
        self.views: dict[str, Parameters] = {}
        self.contacts: LocalConnect | None = None

    def add_profile(self, name: str) -> None:
        """Add a security profile, unless there is one of the name; it grants the application of somebody else."""
        if name not in [profile["name"] for profile in self.profiles.values()]:
            other = {
                "Namespace": "somebody-elses",
                "ApplicationPermissions": ["ACCESS"],
                "Type": "THIRD_PARTY_APPLICATION",
            }
            made = {"name": name, "applications": [other], "permissions": ["BasicAgentAccess"]}
            self.profiles[f"profile-{name.lower().replace(' ', '-')}"] = made

    # -- the instance --------------------------------------------------------------------------------------------------

    def describe_instance(self, asked: Parameters) -> Parameters:
        self._check(asked)
        arn = self._place.instance
        return {
            "Instance": {
                "Id": arn.rpartition("/")[2],
                "Arn": arn,
                "InstanceAlias": ALIAS,
                "InstanceStatus": "ACTIVE",
                "ServiceRole": self._place.arn("iam", SERVICE_ROLE, ""),
            }
        }

    def list_queues(self, asked: Parameters) -> Parameters:
        self._check(asked)
        queue = {
            "Id": self.queue_arn.rpartition("/")[2],
            "Arn": self.queue_arn,
            "Name": self._queue,
            "QueueType": "STANDARD",
        }
        return page(asked, [queue], "QueueSummaryList")

    # -- associations --------------------------------------------------------------------------------------------------

    def create_integration_association(self, asked: Parameters) -> Parameters:
        self._check(asked)
        arn, kind = asked["IntegrationArn"], asked["IntegrationType"]
        if kind == "APPLICATION" and not self.apps.namespace(arn):
            raise Refusal("InvalidRequestException", f"there is no application {arn}")
        if any(other == (kind, arn) for other in self.associations.values()):
            raise Refusal("DuplicateResourceException", f"{arn} is associated already")
        identity = str(uuid.uuid4())
        self.associations[identity] = (kind, arn)
        self.apps.associated.add(arn)
        return {
            "IntegrationAssociationId": identity,
            "IntegrationAssociationArn": f"{self._place.instance}/integration-association/{identity}",
        }

    def delete_integration_association(self, asked: Parameters) -> None:
        self._check(asked)
        if asked["IntegrationAssociationId"] not in self.associations:
            raise Refusal("ResourceNotFoundException", "there is no such association")
        _, arn = self.associations[asked["IntegrationAssociationId"]]
        namespace = self.apps.namespace(arn)
        for profile in self.profiles.values():
            if namespace in [application["Namespace"] for application in profile["applications"]]:
                raise Refusal("InvalidRequestException", f"security profile {profile['name']} still grants {namespace}")
        del self.associations[asked["IntegrationAssociationId"]]
        self.apps.associated.discard(arn)

    def list_integration_associations(self, asked: Parameters) -> Parameters:
        self._check(asked)
        found = [
            {
                "IntegrationAssociationId": identity,
                "IntegrationArn": arn,
                "IntegrationType": kind,
                "InstanceId": self._place.instance.rpartition("/")[2],
            }
            for identity, (kind, arn) in self.associations.items()
            if asked.get("IntegrationType") in (None, kind)
        ]
        return page(asked, found, "IntegrationAssociationSummaryList")

    def associate_lambda_function(self, asked: Parameters) -> None:
        self._check(asked)
        if asked["FunctionArn"] not in self.functions:
            self.functions.append(asked["FunctionArn"])

    def disassociate_lambda_function(self, asked: Parameters) -> None:
        self._check(asked)
        if asked["FunctionArn"] in self.functions:
            self.functions.remove(asked["FunctionArn"])

    def list_lambda_functions(self, asked: Parameters) -> Parameters:
        self._check(asked)
        return page(asked, self.functions, "LambdaFunctions")

    # -- security profiles ---------------------------------------------------------------------------------------------

    def list_security_profiles(self, asked: Parameters) -> Parameters:
        self._check(asked)
        summaries = [
            {"Id": key, "Arn": f"{self._place.instance}/security-profile/{key}", "Name": profile["name"]}
            for key, profile in self.profiles.items()
        ]
        return page(asked, summaries, "SecurityProfileSummaryList")

    def list_security_profile_applications(self, asked: Parameters) -> Parameters:
        return page(asked, self._profile(asked)["applications"], "Applications")

    def list_security_profile_permissions(self, asked: Parameters) -> Parameters:
        return page(asked, self._profile(asked)["permissions"], "Permissions")

    def update_security_profile(self, asked: Parameters) -> None:
        """Replace the lists that are given; the others stay."""
        profile = self._profile(asked)
        profile["applications"] = asked.get("Applications", profile["applications"])
        profile["permissions"] = asked.get("Permissions", profile["permissions"])

    def _profile(self, asked: Parameters) -> dict[str, Any]:
        self._check(asked)
        if asked["SecurityProfileId"] not in self.profiles:
            raise Refusal("ResourceNotFoundException", f"there is no security profile {asked['SecurityProfileId']}")
        return self.profiles[asked["SecurityProfileId"]]

    # -- flows and views -----------------------------------------------------------------------------------------------

    def create_contact_flow(self, asked: Parameters) -> Parameters:
        self._check(asked)
        if any(flow["Name"] == asked["Name"] for flow in self.flows.values()):
            raise Refusal("DuplicateResourceException", f"there is a flow of the name {asked['Name']}")
        self._check_flow(asked["Content"])
        identity = str(uuid.uuid4())
        arn = f"{self._place.instance}/contact-flow/{identity}"
        kept: Parameters = {name: asked[name] for name in ("Name", "Type", "Description", "Content") if name in asked}
        self.flows[identity] = {"Id": identity, "Arn": arn, "State": "ACTIVE", "Status": "PUBLISHED", **kept}
        return {"ContactFlowId": identity, "ContactFlowArn": arn}

    def update_contact_flow_content(self, asked: Parameters) -> None:
        self._check_flow(asked["Content"])
        self._flow(asked)["Content"] = asked["Content"]

    def update_contact_flow_metadata(self, asked: Parameters) -> None:
        flow = self._flow(asked)
        flow |= {name: asked[name] for name in ("Name", "Description") if name in asked}
        flow["State"] = asked.get("ContactFlowState", flow["State"])

    def describe_contact_flow(self, asked: Parameters) -> Parameters:
        return {"ContactFlow": self._flow(asked)}

    def delete_contact_flow(self, asked: Parameters) -> None:
        del self.flows[self._flow(asked)["Id"]]

    def _flow(self, asked: Parameters) -> Parameters:
        self._check(asked)
        identity = asked["ContactFlowId"].rpartition("/")[2]
        if identity not in self.flows:
            raise Refusal("ResourceNotFoundException", f"there is no flow {asked['ContactFlowId']}")
        return self.flows[identity]

    def _check_flow(self, content: str) -> None:
        try:
            wrong = flow_problems(json.loads(content))
        except ValueError as error:
            wrong = [f"it is no JSON: {error}"]
        known = {self.queue_arn, *self.functions, *(flow["Arn"] for flow in self.flows.values()), *self.views}
        for arn in _ARN.findall(content):
            if arn.removesuffix(":$LATEST").partition(":$")[0].rstrip(":") not in known:
                wrong.append(f"the instance has no {arn}")
        if wrong:
            raise Refusal("InvalidContactFlowException", "; ".join(wrong))

    def create_view(self, asked: Parameters) -> Parameters:
        self._check(asked)
        if any(view["Name"] == asked["Name"] for view in self.views.values()):
            raise Refusal("DuplicateResourceException", f"there is a view of the name {asked['Name']}")
        identity = str(uuid.uuid4())
        arn = f"{self._place.instance}/view/{identity}"
        content = _content(asked)
        self.views[arn] = {
            "Id": identity,
            "Arn": arn,
            "Name": asked["Name"],
            "Status": asked["Status"],
            "Type": "CUSTOMER_MANAGED",
            "Content": {"Template": content["Template"], "Actions": content["Actions"]},
        }
        return {"View": self.views[arn]}

    def update_view_content(self, asked: Parameters) -> Parameters:
        view = self._view(asked)
        view["Content"] = _content(asked)
        return {"View": view}

    def describe_view(self, asked: Parameters) -> Parameters:
        return {"View": self._view(asked)}

    def delete_view(self, asked: Parameters) -> None:
        del self.views[self._view(asked)["Arn"]]

    def _view(self, asked: Parameters) -> Parameters:
        self._check(asked)
        arn = f"{self._place.instance}/view/{asked['ViewId'].rpartition('/')[2]}"
        if arn not in self.views:
            raise Refusal("ResourceNotFoundException", f"there is no view {asked['ViewId']}")
        return self.views[arn]

    # -- contacts ------------------------------------------------------------------------------------------------------

    def describe_contact(self, asked: Parameters) -> Parameters:
        self._check(asked)
        contact = self.contacts.describe(asked["ContactId"]) if self.contacts else None
        if contact is None:
            raise Refusal("ResourceNotFoundException", "there is no such contact")
        return {"Contact": contact}

    def update_contact_attributes(self, asked: Parameters) -> None:
        self._check(asked)
        code = (
            self.contacts.update(asked["InitialContactId"], asked["Attributes"])
            if self.contacts
            else "ResourceNotFoundException"
        )
        if code:
            raise Refusal(code, "the attributes were not set")

    def _check(self, asked: Parameters) -> None:
        if asked["InstanceId"] not in (self._place.instance, self._place.instance.rpartition("/")[2]):
            raise Refusal("ResourceNotFoundException", f"there is no instance {asked['InstanceId']}")


def _content(asked: Parameters) -> Parameters:
    content: Parameters = asked["Content"]
    try:
        template = json.loads(content["Template"])
    except ValueError:
        template = None
    if not isinstance(template, dict) or not {"Head", "Body"} <= template.keys():
        raise Refusal("InvalidRequestException", "the view's template has no Head and Body")
    return content
