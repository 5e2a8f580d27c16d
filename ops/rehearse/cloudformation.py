"""CloudFormation on this machine: stacks, change sets, events, rollbacks. It makes every resource of the template.

    cloudformation = CloudFormation(place, makers, may)

A change runs in a thread of its own, as in AWS: who asked for it polls. Resources are made in the order of their references, with
properties that were checked against the type's schema, and deleted in the reverse order; what fails is taken back. `makers`
(resources.py) makes and deletes them by calls to the services. `may` says which permission of a handler the caller lacks, since
CloudFormation makes these calls in the caller's name.
"""

from __future__ import annotations

import datetime
import threading
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ops.rehearse import schemas
from ops.rehearse.policy import Access, Place
from ops.rehearse.protocol import Backend, Parameters, Refusal
from ops.rehearse.resources import Made, Makers
from ops.rehearse.template import Scope, Template, TemplateError, in_order, needed_by, parameter_values, parse

_IDLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_EVENTS_A_PAGE = 100
NOT_TOLD = "the rehearsal was told to let this one fail (--fail)"


class Failed(Exception):
    """A resource could not be made, changed or deleted: its text is CloudFormation's reason."""


@dataclass
class ChangeSet:
    """What would become of a stack."""

    name: str
    arn: str
    template: Template
    parameters: dict[str, str]
    tags: list[Parameters]
    changes: list[Parameters]
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    imports: bool = False  # ImportExistingResources


@dataclass
class Stack:
    """A stack as it is. `made` has its resources in the order in which they were made."""

    name: str
    arn: str
    status: str = "REVIEW_IN_PROGRESS"
    template: Template = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    events: list[Parameters] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    tags: list[Parameters] = field(default_factory=list)
    created: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    unfinished: Callable[[set[str]], None] | None = None  # what ContinueUpdateRollback goes on with


class CloudFormation(Backend):
    """All stacks. `failing` are the names of resources that fail, `stuck` of those whose rollback fails too."""

    def __init__(
        self,
        place: Place,
        makers: Makers,
        may: Callable[[str, str, Mapping[str, Any], str], list[Access]],
        defect: Callable[[str], None],
    ) -> None:
        self._place, self._makers, self._may, self._defect = place, makers, may, defect
        self._stacks: list[Stack] = []
        self._lock = threading.RLock()
        self._threads: list[threading.Thread] = []
        self.failing: set[str] = set()
        self.failed: set[str] = set()  # of those, which were asked for
        self.stuck: set[str] = set()

    def stack(self, name: str) -> Stack | None:
        """Return the stack of a name that is not deleted, or the one of an ARN."""
        with self._lock:
            for stack in reversed(self._stacks):
                if stack.arn == name or (stack.name == name and stack.status != "DELETE_COMPLETE"):
                    return stack
        return None

    def everything(self) -> list[Made]:
        """Return the resources of all stacks."""
        return [made for stack in self._stacks for made in stack.made.values()]

    def wait(self) -> None:
        """Wait until no stack is being changed."""
        for thread in self._threads:
            thread.join()

    # -- reading -------------------------------------------------------------------------------------------------------

    def describe_stacks(self, asked: Parameters) -> Parameters:
        stack = self._found(asked["StackName"])
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in stack.outputs.items()]
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()]
        return {
            "Stacks": [
                {
                    "StackName": stack.name,
                    "StackId": stack.arn,
                    "CreationTime": stack.created,
                    "StackStatus": stack.status,
                    "Outputs": outputs,
                    "Parameters": parameters,
                    "Tags": stack.tags,
                }
            ]
        }

    def describe_stack_events(self, asked: Parameters) -> Parameters:
        stack = self._found(asked["StackName"])
        events = stack.events[::-1]
        start = int(asked.get("NextToken", 0))
        more = {"NextToken": str(start + _EVENTS_A_PAGE)} if start + _EVENTS_A_PAGE < len(events) else {}
        return {"StackEvents": events[start : start + _EVENTS_A_PAGE], **more}

    def _found(self, name: str) -> Stack:
        if (stack := self.stack(name)) is None:
            raise Refusal("ValidationError", f"Stack with id {name} does not exist")
        return stack

    # -- change sets ---------------------------------------------------------------------------------------------------

    def create_change_set(self, asked: Parameters) -> Parameters:
        name, creates = asked["StackName"], asked.get("ChangeSetType") == "CREATE"
        stack = self.stack(name)
        if creates and stack is not None and stack.status != "REVIEW_IN_PROGRESS":
            raise Refusal(
                "ValidationError", f"Stack [{name}] already exists and cannot be created again with the changeSet"
            )
        if not creates:
            stack = self._found(name)
            if stack.status not in _IDLE:
                raise Refusal(
                    "ValidationError", f"Stack:{stack.arn} is in {stack.status} state and can not be updated."
                )
        try:
            template = parse(asked["TemplateBody"])
            values = {each["ParameterKey"]: each["ParameterValue"] for each in asked.get("Parameters", [])}
            parameters = parameter_values(template, values)
            in_order(template["Resources"])
        except TemplateError as error:
            raise Refusal("ValidationError", str(error)) from None
        if len(asked["TemplateBody"].encode()) > 51_200:
            raise Refusal("ValidationError", "templateBody is longer than 51200 bytes")
        kinds = {resource["Type"] for resource in template["Resources"].values()}
        if "AWS::IAM::Role" in kinds and "CAPABILITY_NAMED_IAM" not in asked.get("Capabilities", []):
            raise Refusal("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
        with self._lock:
            if stack is None:
                arn = self._place.arn("cloudformation", f"stack/{name}/{uuid.uuid4()}")
                self._stacks.append(stack := Stack(name, arn))
                self._event(stack, None, "REVIEW_IN_PROGRESS", "User Initiated")
            arn = self._place.arn("cloudformation", f"changeSet/{asked['ChangeSetName']}/{uuid.uuid4()}")
            imports = asked.get("ImportExistingResources", False)
            changes = self._changes(stack, template, parameters, imports)
            made = ChangeSet(asked["ChangeSetName"], arn, template, parameters, asked.get("Tags", []), changes)
            made.imports = imports
            if not changes and parameters == stack.parameters:
                made.status, made.reason = "FAILED", "The submitted information didn't contain changes."
            stack.change_sets[arn] = made
        return {"Id": arn, "StackId": stack.arn}

    def _changes(self, stack: Stack, template: Template, parameters: dict[str, str], imports: bool) -> list[Parameters]:
        """Return what would change, as far as it is known before: what refers to something new gets a new value."""
        replaced: set[str] = set()
        scope = self._scope(stack, template, parameters, stack.made, lambda name: name in replaced)
        found = []
        for name in in_order(template["Resources"]):
            if not scope.exists(name):
                continue
            resource, before = template["Resources"][name], stack.made.get(name)
            kind = resource["Type"]
            if before is None:
                replaced.add(name)
                action = "Import" if imports and self._makers.exists(resource) else "Add"
                found.append(_change(action, name, kind))
                continue
            wanted, _ = schemas.check(kind, scope.resolve(resource.get("Properties", {})))
            different = _different(before.properties, wanted)
            if different:
                new = "True" if different & schemas.create_only(kind) else "False"
                if new == "False" and different & schemas.conditional_create_only(kind):
                    new = "Conditional"
                if new != "False":
                    replaced.add(name)
                found.append(_change("Modify", name, kind, before.identity, different, new))
        gone = [name for name in stack.made if name not in template["Resources"] or not scope.exists(name)]
        return found + [_change("Remove", name, stack.made[name].kind, stack.made[name].identity) for name in gone]

    def describe_change_set(self, asked: Parameters) -> Parameters:
        stack, made = self._change_set(asked)
        start, size = int(asked.get("NextToken", 0)), 20
        more = {"NextToken": str(start + size)} if start + size < len(made.changes) else {}
        reason = {"StatusReason": made.reason} if made.reason else {}
        return {
            "ChangeSetName": made.name,
            "ChangeSetId": made.arn,
            "StackName": stack.name,
            "StackId": stack.arn,
            "Status": made.status,
            "Changes": made.changes[start : start + size],
            **reason,
            **more,
        }

    def delete_change_set(self, asked: Parameters) -> None:
        stack, made = self._change_set(asked)
        stack.change_sets.pop(made.arn, None)

    def _change_set(self, asked: Parameters) -> tuple[Stack, ChangeSet]:
        stack = self._found(asked["StackName"])
        for made in stack.change_sets.values():
            if asked["ChangeSetName"] in (made.name, made.arn):
                return stack, made
        raise Refusal("ChangeSetNotFound", f"ChangeSet [{asked['ChangeSetName']}] does not exist")

    def execute_change_set(self, asked: Parameters) -> None:
        with self._lock:
            stack, made = self._change_set(asked)
            if made.status != "CREATE_COMPLETE" or stack.status not in (*_IDLE, "REVIEW_IN_PROGRESS"):
                raise Refusal("InvalidChangeSetStatus", f"ChangeSet [{made.arn}] cannot be executed in {stack.status}")
            creates = stack.status == "REVIEW_IN_PROGRESS"
            stack.change_sets.clear()  # "CloudFormation deletes all change sets that are associated with the stack"
            stack.tags = made.tags
            if creates:  # they stay, also where the creation fails
                stack.parameters = made.parameters
            self._event(stack, None, "CREATE_IN_PROGRESS" if creates else "UPDATE_IN_PROGRESS", "User Initiated")
        self._run(stack, lambda: self._apply(stack, made, creates))

    # -- changing ------------------------------------------------------------------------------------------------------

    def _run(self, stack: Stack, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except Exception:
                self._defect(traceback.format_exc())
                ended = "DELETE_FAILED" if stack.status.startswith("DELETE") else "ROLLBACK_FAILED"
                self._event(stack, None, ended, "a defect of the rehearsal")

        thread = threading.Thread(target=run, daemon=True, name="cloudformation")
        self._threads.append(thread)
        thread.start()

    def _apply(self, stack: Stack, wanted: ChangeSet, creates: bool) -> None:
        before = dict(stack.made)
        now = dict(before)
        scope = self._scope(stack, wanted.template, wanted.parameters, now)
        steps: list[tuple[str, Made | None]] = []  # what was done: the resource as it was before
        done = "CREATE" if creates else "UPDATE"
        try:
            wanted_names = [name for name in in_order(wanted.template["Resources"]) if scope.exists(name)]
            for name in wanted_names:
                resource = wanted.template["Resources"][name]
                self._make_or_change(stack, name, resource, scope, now, steps, wanted.imports)
            outputs = {
                key: str(scope.resolve(output["Value"])) for key, output in wanted.template.get("Outputs", {}).items()
            }
        except (Failed, TemplateError) as failure:
            self._take_back(stack, now, steps, creates, str(failure))
            return
        left = {name: each for name, each in before.items() if name not in wanted_names}
        replaced = [(name, old) for name, old in steps if old is not None and old.identity != now[name].identity]
        stack.made = {name: now[name] for name in wanted_names}
        stack.template, stack.parameters, stack.outputs = wanted.template, wanted.parameters, outputs
        if left or replaced:
            self._event(stack, None, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            for name, old in [*replaced[::-1], *list(left.items())[::-1]]:
                self._delete_quietly(stack, name, old, "UpdateReplacePolicy" if name not in left else "DeletionPolicy")
        self._event(stack, None, f"{done}_COMPLETE")

    def _make_or_change(
        self,
        stack: Stack,
        name: str,
        resource: dict[str, Any],
        scope: Scope,
        now: dict[str, Made],
        steps: list[tuple[str, Made | None]],
        imports: bool,
    ) -> None:
        kind, old = resource["Type"], now.get(name)
        properties, wrong = schemas.check(kind, scope.resolve(resource.get("Properties", {})))
        policies = {key: resource.get(key, "Delete") for key in ("DeletionPolicy", "UpdateReplacePolicy")}
        needs = tuple(sorted(needed_by(resource, scope.template["Resources"])))
        if old is not None and not _different(old.properties, properties):
            now[name] = old.with_(policies=policies, needs=needs)
            return
        new = schemas.create_only(kind) | schemas.conditional_create_only(kind)
        replaces = old is None or bool(_different(old.properties, properties) & new)
        imported = old is None and imports and self._makers.exists(resource)
        doing = "IMPORT" if imported else "CREATE" if old is None else "UPDATE"
        shell = Made(name, kind, properties, "" if old is None else old.identity, {}, policies, needs)
        self._event(stack, shell, f"{doing}_IN_PROGRESS")
        try:
            if wrong:
                raise Failed(f"Properties validation failed for resource {name} with message: {'; '.join(wrong)}")
            if name in self.failing:
                self.failed.add(name)
                raise Failed(NOT_TOLD)
            if old is not None and replaces and properties.get(schemas.named_by(kind)) == old.identity:
                raise Failed(
                    "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                    f"Rename {old.identity} and update the stack again."
                )
            if imported:
                made = self._call(self._makers.take_over, shell)
            elif old is None or replaces:
                self._check_may(kind, "create", properties, "")
                made = self._call(self._makers.create, stack.name, shell)
            else:
                self._check_may(kind, "update", properties, old.identity)
                made = self._call(self._makers.update, old, shell)
            self._check_may(kind, "read", properties, made.identity)
        except Failed as failure:
            self._event(stack, shell, f"{doing}_FAILED", str(failure))
            raise
        steps.append((name, old))
        now[name] = made
        self._event(stack, made, f"{doing}_COMPLETE")

    def _check_may(self, kind: str, handler: str, properties: Mapping[str, Any], identity: str) -> None:
        if missing := self._may(kind, handler, properties, identity):
            user = self._place.arn("iam", "user/rehearsal", "")
            raise Failed(
                f"User: {user} is not authorized to perform: {missing[0].action} on resource: {missing[0].resource}"
                " because no identity-based policy allows it"
            )

    def _call(self, maker: Callable[..., Made], *arguments: Any) -> Made:
        try:
            return maker(*arguments)
        except ClientError as error:
            raise Failed(str(error)) from error

    def _take_back(
        self, stack: Stack, now: dict[str, Made], steps: list[tuple[str, Made | None]], creates: bool, reason: str
    ) -> None:
        self._event(stack, None, "ROLLBACK_IN_PROGRESS" if creates else "UPDATE_ROLLBACK_IN_PROGRESS", reason)
        undone = list(reversed(steps))

        def go_on(skip: set[str]) -> None:
            while undone:
                name, old = undone[0]
                made = now[name]
                if name not in skip:
                    if name in self.stuck:
                        self._event(stack, made, "UPDATE_FAILED", "the rehearsal lets taking this back fail, once")
                        stack.unfinished = go_on
                        self._event(
                            stack, None, "UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed: [{name}]"
                        )
                        return
                    self._undo(stack, name, made, old)
                undone.pop(0)
                if old is None:
                    now.pop(name)
                else:
                    now[name] = old
            stack.made = {name: each for name, each in now.items() if creates or name in stack.made}
            stack.unfinished = None
            self._event(stack, None, "ROLLBACK_COMPLETE" if creates else "UPDATE_ROLLBACK_COMPLETE")

        go_on(set())

    def _undo(self, stack: Stack, name: str, made: Made, old: Made | None) -> None:
        if old is not None and old.identity == made.identity:
            self._event(stack, old, "UPDATE_IN_PROGRESS")
            try:
                self._call(self._makers.update, made, old)
            except Failed as failure:
                self._event(stack, old, "UPDATE_FAILED", str(failure))
                return
            self._event(stack, old, "UPDATE_COMPLETE")
            return
        # What is new is kept by Retain even so; RetainExceptOnCreate is there for who does not want that.
        self._delete_quietly(stack, name, made, "DeletionPolicy" if old is None else "")

    def _delete_quietly(self, stack: Stack, name: str, made: Made, policy: str) -> bool:
        """Delete a resource, with the events; return whether it is gone. `policy` is what may keep it."""
        del name
        if made.policies.get(policy) == "Retain":
            self._event(stack, made, "DELETE_SKIPPED")
            return True
        self._event(stack, made, "DELETE_IN_PROGRESS")
        try:
            self._check_may(made.kind, "delete", made.properties, made.identity)
            self._makers.delete(made)
        except (Failed, ClientError) as failure:
            self._event(stack, made, "DELETE_FAILED", str(failure))
            return False
        self._event(stack, made, "DELETE_COMPLETE")
        return True

    def delete_stack(self, asked: Parameters) -> None:
        stack = self.stack(asked["StackName"])
        if stack is None or stack.status == "DELETE_COMPLETE":
            return
        with self._lock:
            if stack.status == "REVIEW_IN_PROGRESS":
                self._event(stack, None, "DELETE_COMPLETE")
                return
            if stack.status.endswith("_IN_PROGRESS"):
                raise Refusal("ValidationError", f"Stack [{stack.name}] is in {stack.status} and cannot be deleted")
            self._event(stack, None, "DELETE_IN_PROGRESS", "User Initiated")
        self._run(stack, lambda: self._delete_all(stack))

    def _delete_all(self, stack: Stack) -> None:
        failed: list[str] = []
        for name, made in reversed(list(stack.made.items())):
            if any(name in stack.made[other].needs for other in failed):
                failed.append(name)  # something that needs it is still there
            elif self._delete_quietly(stack, name, made, "DeletionPolicy"):
                del stack.made[name]
            else:
                failed.append(name)
        if failed:
            self._event(
                stack, None, "DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            )
        else:
            self._event(stack, None, "DELETE_COMPLETE")

    def continue_update_rollback(self, asked: Parameters) -> None:
        stack = self._found(asked["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED" or stack.unfinished is None:
            raise Refusal(
                "ValidationError", f"Stack:{stack.arn} is in {stack.status} state and can not be rolled back."
            )
        go_on = stack.unfinished
        self.stuck.clear()
        self._event(stack, None, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        self._run(stack, lambda: go_on(set(asked.get("ResourcesToSkip", []))))

    # -- drift: none is looked for -------------------------------------------------------------------------------------

    def detect_stack_drift(self, asked: Parameters) -> Parameters:
        self._found(asked["StackName"])
        return {"StackDriftDetectionId": f"{uuid.uuid4()}"}

    def describe_stack_drift_detection_status(self, asked: Parameters) -> Parameters:
        return {
            "StackId": self._stacks[-1].arn,
            "StackDriftDetectionId": asked["StackDriftDetectionId"],
            "DetectionStatus": "DETECTION_COMPLETE",
            "StackDriftStatus": "IN_SYNC",
            "Timestamp": datetime.datetime.now(datetime.UTC),
        }

    def describe_stack_resource_drifts(self, asked: Parameters) -> Parameters:
        self._found(asked["StackName"])
        return {"StackResourceDrifts": []}

    # -- what is shared ------------------------------------------------------------------------------------------------

    def _event(self, stack: Stack, made: Made | None, status: str, reason: str = "") -> None:
        with self._lock:
            if made is None:
                stack.status = status
            stack.events.append(
                {
                    "StackId": stack.arn,
                    "StackName": stack.name,
                    "EventId": str(uuid.uuid4()),
                    "LogicalResourceId": stack.name if made is None else made.name,
                    "PhysicalResourceId": stack.arn if made is None else made.identity,
                    "ResourceType": "AWS::CloudFormation::Stack" if made is None else made.kind,
                    "ResourceStatus": status,
                    "Timestamp": datetime.datetime.now(datetime.UTC),
                    **({"ResourceStatusReason": reason} if reason else {}),
                }
            )

    def _scope(
        self,
        stack: Stack,
        template: Template,
        parameters: Mapping[str, str],
        made: Mapping[str, Made],
        unknown: Callable[[str], bool] = lambda _: False,
    ) -> Scope:
        """Return what the template's functions see. `unknown(name)`: a resource that will be a new one."""

        def ref(name: str) -> Any:
            return f"(known after {name})" if unknown(name) or name not in made else made[name].identity

        def attribute(name: str, wanted: str) -> Any:
            if unknown(name) or name not in made:
                return f"(known after {name}.{wanted})"
            try:
                return made[name].attributes[wanted]
            except KeyError:
                raise TemplateError(
                    f"Requested attribute {wanted} does not exist in schema for {made[name].kind}"
                ) from None

        pseudo = {
            "AWS::AccountId": self._place.account,
            "AWS::Partition": self._place.partition,
            "AWS::Region": self._place.region,
            "AWS::StackId": stack.arn,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com.cn" if self._place.partition == "aws-cn" else "amazonaws.com",
        }
        return Scope(template, parameters, pseudo, ref, attribute)


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def _change(
    action: str, name: str, kind: str, identity: str = "", properties: set[str] | None = None, replaced: str = "False"
) -> Parameters:
    change: Parameters = {"Action": action, "LogicalResourceId": name, "ResourceType": kind}
    if identity:
        change["PhysicalResourceId"] = identity
    if action == "Modify":
        change["Replacement"] = replaced
        change["Details"] = [
            {
                "Target": {"Attribute": "Properties", "Name": each},
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }
            for each in sorted(properties or ())
        ]
    return {"Type": "Resource", "ResourceChange": change}
