"""Run contact flows on this machine: the definitions that are deployed, action by action. Pure but for the Lambda.

    runner = Runner(flows={"local:main": main, "local:guide": guide}, views={"local:view": view},
                    queues={"local:queue": "BasicQueue"}, applications={"Popdesk"}, invoke=local_lambda.invoke)
    outcome = runner.run("local:main", Contact("c1", "c1", "VOICE", "connect:Telephony", {"address": "+12065550100",
                         "type": "TELEPHONE_NUMBER"}, {}), typed="")
    outcome.attributes, outcome.queue, outcome.app, outcome.steps

It is as strict as Amazon Connect where a mistake would show only there: a Lambda answer that is no STRING_MAP, a contact
attribute's name or the 32 KB, the Lambda's time limit, a view that names no registered application. Where it is not
documented what Amazon Connect does (an attribute that is set to nothing) it refuses. An action or reference it does not
know is an error that names it; a reference to a missing value is noted on its step.
"""

from __future__ import annotations

import operator
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from flow_contract import NO_VALUE

from ops.errors import UserError
from ops.flows.definitions import Flow

LIMIT_BYTES = 32 * 1024  # a Lambda's answer, and a contact's attributes
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_-]+")
# In brackets, as names with a colon must be (docs.aws.amazon.com/connect/latest/adminguide/connect-attrib-list.html).
_SEGMENT_ATTRIBUTE = re.compile(r"SegmentAttributes\['([^']+)'\]")
_MOST_STEPS = 250
# How often Amazon Connect asks a Lambda again that failed, inside the action's time limit
# (docs.aws.amazon.com/connect/latest/adminguide/connect-lambda-functions.html). Left out here: the waits between them.
RETRIES = 3
INSTANCE = "arn:aws:connect:us-east-1:111122223333:instance/00000000-0000-4000-8000-000000000001"
# What $.StoredCustomerInput is when the caller typed nothing
# (docs.aws.amazon.com/connect/latest/adminguide/store-customer-input.html).
NOTHING_TYPED = "Timeout"


@dataclass(frozen=True)
class Contact:
    """The contact as a flow sees it; `endpoint` is {"address", "type"} or None.

    `stored` is what an earlier flow of the contact stored, which `$.StoredCustomerInput` still is when this one begins.
    """

    contact_id: str
    initial_id: str
    channel: str
    subtype: str
    endpoint: dict[str, str] | None
    attributes: dict[str, str]
    stored: str = ""


@dataclass(frozen=True)
class Answer:
    """The result of invoking the Lambda: its `value`, or `error`, a sentence; `error` is empty when it answered.

    `again`: the error is one after which Amazon Connect asks again (the function raised or ended, but not: no time left).
    """

    value: object = None
    error: str = ""
    again: bool = False


# Asks the Lambda: (event, seconds it may take) -> its answer.
Invoke = Callable[[dict[str, Any], float], Answer]


@dataclass
class Outcome:
    """The contact after the flows: what POST /api/offer answers (ops/preview/server.py)."""

    attributes: dict[str, str] = field(default_factory=dict)
    queue: dict[str, str] | None = None
    app: dict[str, str] | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return dict(vars(self))


class _Run:
    """One contact's run through the flows."""

    def __init__(self, contact: Contact, typed: str) -> None:
        self.contact = contact
        self.typed = typed
        self.stored = contact.stored
        self.external: dict[str, str] = {}
        self.asked_lambda = False
        self.attributes = dict(contact.attributes)
        self.queue_arn = ""
        self.guide_arn = ""
        self.logs = True
        self.done = ""  # why the flow ended


class Runner:
    """Runs contact flows.

    `flows`, `views` and `queues` are by ARN: a flow, a view's content, a queue's name; `applications` are the names of
    the registered applications, which a view may launch. `secrets` are names of attributes whose values no step shows; a flow
    that handles one while it is logged is an error.
    """

    def __init__(
        self,
        *,
        flows: dict[str, Flow],
        views: dict[str, dict[str, Any]],
        queues: dict[str, str],
        applications: Collection[str],
        invoke: Invoke,
        secrets: Collection[str] = (),
    ) -> None:
        self._flows = flows
        self._views = views
        self._queues = queues
        self._applications = applications
        self._invoke = invoke
        self._secrets = secrets

    def run(self, arn: str, contact: Contact, typed: str = "") -> Outcome:
        """Run the flow `arn` for a contact, then the guide it asked for; `typed` is what the caller enters when asked."""
        outcome = Outcome()
        run = _Run(contact, typed)
        try:
            self._follow("main", arn, run, outcome)
            if run.done == "disconnected":
                raise UserError(
                    "The contact flow",
                    "it ended the contact before an agent got it",
                    "look at the last step's error, and at what it leads to in ops/flows/definitions.py",
                )
            if run.guide_arn:
                self._follow("guide", run.guide_arn, run, outcome)
        except UserError as problem:
            outcome.error = {"subject": problem.subject, "reason": problem.reason, "hint": problem.hint}
        outcome.attributes = run.attributes
        if run.queue_arn:
            outcome.queue = {"name": self._queues[run.queue_arn], "arn": run.queue_arn}
        return outcome

    def _follow(self, name: str, arn: str, run: _Run, outcome: Outcome) -> None:
        flow = self._flows[arn]
        actions = {action["Identifier"]: action for action in flow["Actions"]}
        identifier, run.done = flow["StartAction"], ""
        for _ in range(_MOST_STEPS):
            action = actions.get(identifier)
            if action is None:
                raise UserError(
                    f"The {name} flow",
                    f"it leads to {identifier!r}, which does not exist",
                    "fix ops/flows/definitions.py",
                )
            started = time.perf_counter()
            step: dict[str, Any] = {
                "flow": name,
                "id": identifier,
                "type": action["Type"],
                "detail": {},
                "outcome": "",
                "error": "",
                "ms": 0.0,
            }
            outcome.steps.append(step)
            perform = getattr(self, f"_do_{_snake(action['Type'])}", None)
            if perform is None:
                step["error"] = f"the local runner does not know the action {action['Type']}"
                raise UserError(
                    f"{action['Type']} ({identifier})",
                    "the local flow runner does not know this action",
                    "use an action it knows, or add it to ops/flows/runner.py",
                )
            try:
                identifier = perform(action, run, step, outcome)
            except UserError as problem:
                step["error"] = problem.reason
                raise
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                step["error"] = f"its parameters are not what the action wants ({type(error).__name__}: {error})"
                raise UserError(
                    f"{action['Type']} ({identifier})", step["error"], "fix ops/flows/definitions.py"
                ) from error
            finally:
                step["ms"] = round((time.perf_counter() - started) * 1000, 3)
            step["outcome"] = run.done or identifier
            if run.done:
                return
        raise UserError(f"The {name} flow", f"it has not ended after {_MOST_STEPS} actions", "look for a loop")

    # -- the actions: each returns the next action's identifier, or sets run.done ---------------------------------------------

    def _do_compare(self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome) -> str:
        value = self._resolve(action["Parameters"]["ComparisonValue"], run, step)
        step["detail"] = {"value": value}
        for condition in action["Transitions"].get("Conditions", []):
            name, operands = condition["Condition"]["Operator"], condition["Condition"]["Operands"]
            test = _OPERATORS.get(name)
            if test is None:
                raise UserError(
                    f"Compare ({action['Identifier']})",
                    f"the operator {name!r} is not known",
                    "fix ops/flows/definitions.py",
                )
            if any(test(value, self._resolve(operand, run, step)) for operand in operands):
                return str(condition["NextAction"])
        return _error(action, "NoMatchingCondition", step, "")

    def _do_get_participant_input(self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome) -> str:
        if run.contact.channel != "VOICE":
            return _error(action, "NoMatchingError", step, "only a caller can be asked for input")
        longest = int(action["Parameters"]["InputValidation"]["CustomValidation"]["MaximumLength"])
        end = action["Parameters"].get("DTMFConfiguration", {}).get("InputTerminationSequence", "")
        digits = run.typed.split(end, 1)[0] if end else run.typed
        run.stored = digits[:longest] or NOTHING_TYPED
        step["detail"] = {"says": action["Parameters"]["Text"], "typed": run.stored}
        return _next(action)

    def _do_invoke_lambda_function(self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome) -> str:
        given = action["Parameters"].get("LambdaInvocationAttributes", {})
        parameters = {name: self._resolve(value, run, step) for name, value in given.items()}
        seconds = float(action["Parameters"]["InvocationTimeLimitSeconds"])
        event = lambda_event(run.contact, run.attributes, parameters, self._queue(run))
        answer, tries = self._invoke_again(event, seconds)
        step["detail"] = {"parameters": parameters, "answer": self._shown(answer.value, run, action), "tries": tries}
        run.asked_lambda = True
        run.external = {}
        error = answer.error or not_a_string_map(answer.value)
        if error:
            return _error(action, "NoMatchingError", step, error)
        assert isinstance(answer.value, dict)
        run.external = dict(answer.value)
        return _next(action)

    def _invoke_again(self, event: dict[str, Any], seconds: float) -> tuple[Answer, int]:
        """Invoke the Lambda as Amazon Connect does: again when it failed, all tries within the action's `seconds`."""
        deadline = time.monotonic() + seconds
        answer = self._invoke(event, seconds)
        tries = 1
        while answer.again and tries <= RETRIES and (left := deadline - time.monotonic()) > 0:
            answer = self._invoke(event, left)
            tries += 1
        return answer, tries

    def _do_update_contact_attributes(self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome) -> str:
        given = action["Parameters"]["Attributes"]
        values = {name: self._resolve(value, run, step) for name, value in given.items()}
        step["detail"] = {"attributes": self._shown(values, run, action)}
        wrong = [name for name in values if not _ATTRIBUTE.fullmatch(name)]
        if wrong:
            return _error(
                action, "NoMatchingError", step, f"{wrong[0]!r} is no attribute name: letters, digits, - and _"
            )
        empty = ", ".join(name for name, value in values.items() if not value)
        if empty:
            # A static "" is refused when the flow is created, and what becomes of a dynamic one is not documented. All
            # are set or none.
            detail = f" ({step['error']})" if step["error"] else ""
            return _error(action, "NoMatchingError", step, f"{empty}: an attribute may not be set to nothing{detail}")
        after = {**run.attributes, **values}
        size = sum(len(name.encode()) + len(value.encode()) for name, value in after.items())
        if size > LIMIT_BYTES:
            return _error(action, "NoMatchingError", step, f"{size} bytes of attributes, {LIMIT_BYTES} are allowed")
        run.attributes = after
        return _next(action)

    def _do_update_contact_event_hooks(
        self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome
    ) -> str:
        hooks = action["Parameters"]["EventHooks"]
        step["detail"] = {"hooks": hooks}
        if len(hooks) != 1:
            return _error(action, "NoMatchingError", step, f"{len(hooks)} event hooks, exactly one is allowed")
        (hook,) = hooks
        if hook != "DefaultAgentUI":
            raise UserError(f"The event hook {hook}", "the local flow runner does not know it", "use DefaultAgentUI")
        arn = self._resolve(hooks[hook], run, step)
        if arn not in self._flows:
            return _error(action, "NoMatchingError", step, f"there is no flow {arn}")
        run.guide_arn = arn
        return _next(action)

    def _do_update_contact_target_queue(
        self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome
    ) -> str:
        arn = self._resolve(action["Parameters"]["QueueId"], run, step)
        step["detail"] = {"queue": self._queues.get(arn, arn)}
        if arn not in self._queues:
            return _error(action, "NoMatchingError", step, f"there is no queue {arn}")
        run.queue_arn = arn
        return _next(action)

    def _do_transfer_contact_to_queue(self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome) -> str:
        if not run.queue_arn:
            return _error(action, "NoMatchingError", step, "no queue has been set")
        step["detail"] = {"queue": self._queues[run.queue_arn]}
        run.done = "in the queue"
        return ""

    def _do_show_view(self, action: dict[str, Any], run: _Run, step: dict[str, Any], outcome: Outcome) -> str:
        arn = self._resolve(action["Parameters"]["ViewResource"]["Id"], run, step).removesuffix(":$LATEST")
        content = self._views.get(arn)
        if content is None:
            return _error(action, "NoMatchingError", step, f"there is no view {arn}")
        applications = [part for part in _parts(content) if part.get("Type") == "Application"]
        step["detail"] = {"view": content["Head"]["Title"], "applications": [part["Props"] for part in applications]}
        if applications:
            props = applications[0]["Props"]
            if props["AppIdentifier"] not in self._applications:
                raise UserError(
                    f"The view {content['Head']['Title']!r}",
                    f"no application named exactly {props['AppIdentifier']!r} is registered",
                    "name it as [tool.popdesk] name does",
                )
            outcome.app = {"name": props["AppIdentifier"], "path": props.get("Path", "")}
        run.done = "shown to the agent"
        return ""

    def _do_disconnect_participant(self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome) -> str:
        del action, step
        run.done = "disconnected"
        return ""

    def _do_update_flow_logging_behavior(
        self, action: dict[str, Any], run: _Run, step: dict[str, Any], _: Outcome
    ) -> str:
        behavior = action["Parameters"]["FlowLoggingBehavior"]
        if behavior not in ("Enabled", "Disabled"):
            raise ValueError(f"FlowLoggingBehavior is {behavior!r}, not Enabled or Disabled")
        run.logs = behavior == "Enabled"
        step["detail"] = {"logging": "on" if run.logs else "off"}
        return _next(action)

    def _shown(self, values: object, run: _Run, action: dict[str, Any]) -> object:
        """Return what a step may show of `values`: not the secrets. Raises UserError where Amazon Connect would log them."""
        if not isinstance(values, dict):
            return values
        secret = {name for name in values if name in self._secrets and values[name] != NO_VALUE}
        if secret and run.logs:
            raise UserError(
                f"{action['Type']} ({action['Identifier']})",
                f"the flow's log would have the value of {min(secret)}, which is a secret",
                "switch the log off before: an UpdateFlowLoggingBehavior in ops/flows/definitions.py",
            )
        return {name: "(not shown)" if name in secret else value for name, value in values.items()}

    # -- references --------------------------------------------------------------------------------------------------------

    def _queue(self, run: _Run) -> dict[str, str] | None:
        return {"ARN": run.queue_arn, "Name": self._queues[run.queue_arn]} if run.queue_arn else None

    def _resolve(self, value: str, run: _Run, step: dict[str, Any]) -> str:
        """Return the value of a `$.` reference, "" for one that is missing; any other value as it is."""
        if not value.startswith("$."):
            return value
        path = value[2:]
        if path == "StoredCustomerInput":
            return run.stored
        for prefix, values in (("External.", run.external), ("Attributes.", run.attributes)):
            if path.startswith(prefix):
                name = path.removeprefix(prefix)
                if name not in values:
                    step["error"] = f"{value}: {self._missing(prefix, name, run)}"
                return values.get(name, "")
        found: Any = contact_data(run.contact, run.attributes, self._queue(run))
        segment = _SEGMENT_ATTRIBUTE.fullmatch(path)
        if segment:
            return str(found["SegmentAttributes"].get(segment[1], {}).get("ValueString", ""))
        for part in path.split("."):
            if found is None:  # a contact without an endpoint, or not in a queue yet
                return ""
            if not isinstance(found, dict) or part not in found:
                raise UserError(
                    value, "the local flow runner does not know this reference", "fix ops/flows/definitions.py"
                )
            found = found[part]
        if found is not None and not isinstance(found, str):
            raise UserError(value, "its value is not a string", "fix ops/flows/definitions.py")
        return found or ""

    def _missing(self, prefix: str, name: str, run: _Run) -> str:
        if prefix == "Attributes.":
            return f"the contact has no attribute {name}"
        return f"the Lambda's answer has no {name}" if run.asked_lambda else "no Lambda has been invoked yet"


def _number(test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compare(value: str, operand: str) -> bool:
        try:
            return test(float(value), float(operand))
        except ValueError:
            return False

    return compare


# docs.aws.amazon.com/connect/latest/APIReference/flow-control-actions-compare.html
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "Equals": operator.eq,
    "TextStartsWith": str.startswith,
    "TextEndsWith": str.endswith,
    "TextContains": operator.contains,
    "NumberGreaterThan": _number(operator.gt),
    "NumberGreaterOrEqualTo": _number(operator.ge),
    "NumberLessThan": _number(operator.lt),
    "NumberLessOrEqualTo": _number(operator.le),
}


def contact_data(contact: Contact, attributes: dict[str, str], queue: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the contact as Amazon Connect describes it to a Lambda, which is what `$.` references name too.

    `queue` is {"ARN", "Name"}, None before one is set. Shape: docs.aws.amazon.com/connect/latest/adminguide/
    connect-lambda-functions.html.
    """
    endpoint = contact.endpoint
    transferred = contact.initial_id != contact.contact_id
    return {
        "Attributes": dict(attributes),
        "Channel": contact.channel,
        "ContactId": contact.contact_id,
        "CustomerEndpoint": {"Address": endpoint["address"], "Type": endpoint["type"]} if endpoint else None,
        "CustomerId": None,
        "Description": None,
        "InitialContactId": contact.initial_id,
        "InitiationMethod": "TRANSFER" if transferred else _INITIATION.get(contact.channel, "INBOUND"),
        "InstanceARN": INSTANCE,
        "LanguageCode": "en-US",
        "MediaStreams": {"Customer": {"Audio": None if contact.channel == "VOICE" else {}}},
        "Name": None,
        "PreviousContactId": contact.initial_id,
        "Queue": queue,
        "References": {},
        "RelatedContactId": None,
        "SegmentAttributes": {"connect:Subtype": {"ValueString": contact.subtype}} if contact.subtype else {},
        "SystemEndpoint": None,
        "Tags": {},
    }


# How a contact of each channel begins that was not transferred.
_INITIATION = {"VOICE": "INBOUND", "EMAIL": "INBOUND", "CHAT": "API", "TASK": "API"}


def lambda_event(
    contact: Contact, attributes: dict[str, str], parameters: dict[str, str], queue: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the event as Amazon Connect sends it; `parameters` are the action's LambdaInvocationAttributes."""
    data = contact_data(contact, attributes, queue)
    return {"Name": "ContactFlowEvent", "Details": {"ContactData": data, "Parameters": parameters}}


def not_a_string_map(value: object) -> str:
    """Return why Amazon Connect would refuse `value` as STRING_MAP, in a sentence; empty when it would not."""
    if not isinstance(value, dict):
        return f"the Lambda answered {type(value).__name__}, not an object"
    for key, inner in value.items():
        if not isinstance(inner, str):
            return f"the Lambda's answer {key!r} is {type(inner).__name__}: STRING_MAP wants strings"
    size = sum(len(str(key).encode()) + len(inner.encode()) for key, inner in value.items())
    return f"the Lambda answered {size} bytes, {LIMIT_BYTES} are allowed" if size > LIMIT_BYTES else ""


def _next(action: dict[str, Any]) -> str:
    return str(action["Transitions"].get("NextAction", ""))


def _error(action: dict[str, Any], kind: str, step: dict[str, Any], reason: str) -> str:
    if reason:
        step["error"] = f"{kind}: {reason}"
    for error in action["Transitions"].get("Errors", []):
        if error["ErrorType"] == kind:
            return str(error["NextAction"])
    subject = f"{action['Type']} ({action['Identifier']})"
    raise UserError(subject, f"its error {kind} is handled nowhere", "fix ops/flows/definitions.py")


def _parts(content: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    waiting = list(content["Body"])
    while waiting:
        part = waiting.pop(0)
        found.append(part)
        waiting += [inner for inner in part.get("Content", []) if isinstance(inner, dict)]
    return found


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
