"""Scenarios as Amazon Connect's own test cases: the request is botocore's, its content AWS's, and what is left out is said.

What the language allows is written here as docs.aws.amazon.com/connect/latest/devguide/testing-language.html has it.
"""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy import cli
from ops.cloud.native_test_cases import NativeTestCase, native_test_cases, read_scenario
from ops.cloud.stack import Stack
from ops.errors import UserError
from ops.rehearse.protocol import operation_model, problems
from ops.settings import ROOT
from tests.aws.account import INSTANCE, deployable_settings
from tests.aws.stubbed import Answered

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LOOKUP = "arn:aws:lambda:us-east-1:123456789012:function:popdesk-prod-lookup:live"
QUEUE = f"{INSTANCE}/queue/q"
STACK = Stack(
    "popdesk-prod",
    "CREATE_COMPLETE",
    outputs={"MainFlowArn": f"{INSTANCE}/contact-flow/main", "LookupArn": LOOKUP, "Queue": QUEUE},
)
EVENTS = {
    "TestInitiated": set[str](),
    "InvokeLambdaFunction": {"LambdaFunctionARN"},
    "TransferContactToQueue": {"QueueId"},
}
OPERATORS = {"Equals", "TextStartsWith", "TextEndsWith", "TextContains", "Exists"}


@pytest.fixture(autouse=True)
def customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have customers of our own: a team has others in its sample."""
    file = tmp_path / "customers.json"
    file.write_text('[{"id": "C-1001", "name": "Ana Carolina Silva", "phone": "+12065550100"}]', "utf-8")
    monkeypatch.setattr("ops.cloud.native_test_cases.CUSTOMERS", file)


def made(file: Path) -> list[NativeTestCase]:
    return native_test_cases(read_scenario(file), STACK, INSTANCE)


def written(folder: Path, *lines: str) -> Path:
    file = folder / "mine.py"
    file.write_text("\n    ".join(("def scenario(desk):", *lines)) + "\n", "utf-8")
    return file


def content_of(case: NativeTestCase) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(case.request["Content"])
    return found


def check_content(content: dict[str, Any]) -> None:
    """Raise AssertionError where a test case's content is not what AWS documents."""
    assert set(content) == {"Version", "Metadata", "Observations"}
    assert content["Version"] == "2019-10-30"
    observations = {each["Identifier"]: each for each in content["Observations"]}
    assert len(observations) == len(content["Observations"])
    identifiers: list[str] = list(observations)
    for each in observations.values():
        assert set(each) == {"Identifier", "Event", "Actions", "Transitions"}
        assert set(each["Transitions"]["NextObservations"]) <= set(observations)
        event = each["Event"]
        assert set(event) == {"Identifier", "Type", "Actor", "Properties"}
        assert event["Actor"] == "System"
        if event["Type"] == "FlowActionStarted":
            assert set(event["Properties"]["ActionParameters"]) == EVENTS[event["Properties"]["ActionType"]]
        else:
            assert (event["Type"], event["Properties"]) == ("TestInitiated", {})
        own = [action["Identifier"] for action in each["Actions"]]
        identifiers += [event["Identifier"], *own]
        for action, following in zip_longest(each["Actions"], own[1:]):
            assert action["Transitions"] == ({"NextAction": following} if following else {})
            if action["Type"] == "Assert":
                assert set(action["Parameters"]) == {"Namespace", "Operator", "Operand"}
                assert action["Parameters"]["Operator"] in OPERATORS
            else:
                assert action["Type"] == action["Parameters"]["ActionType"] == "TestControl"
                assert action["Parameters"]["Command"] == {"Type": "EndTest"}
    assert len(set(identifiers)) == len(identifiers)
    assert content["Observations"][-1]["Actions"][-1]["Type"] == "TestControl"  # before an agent is called


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_each_example_is_a_request_of_botocores_model_with_documented_content(file: Path) -> None:
    shape = operation_model("connect", "CreateTestCase").input_shape
    assert shape is not None
    for case in made(file):
        assert problems(shape, case.request) == []
        check_content(content_of(case))


def test_the_call_of_the_example_and_what_it_compares() -> None:
    [case] = made(ROOT / "examples" / "gold_customer.py")
    assert case.request["EntryPoint"] == {
        "Type": "VOICE_CALL",
        "VoiceCallEntryPointParameters": {"FlowId": "main", "SourcePhoneNumber": "+12065550100"},
    }
    look_up, queued = content_of(case)["Observations"][1:]
    assert look_up["Event"]["Properties"]["ActionParameters"] == {"LambdaFunctionARN": LOOKUP}
    asserted = [each["Parameters"] for each in queued["Actions"] if each["Type"] == "Assert"]
    # Tier is set at the desk afterwards: the flow's test cannot know it.
    assert asserted == [{"Namespace": "$.Attributes.Name", "Operator": "Equals", "Operand": "Ana Carolina Silva"}]
    said = " ".join(case.left_out)
    for each in ("C-1001", "accept", "attributes", "latency", "heal", "clear"):
        assert each in said


def test_chats_and_calls_are_cases_of_their_own() -> None:
    kinds = [case.request["EntryPoint"]["Type"] for case in made(ROOT / "examples" / "two_chats.py")]
    assert kinds == ["VOICE_CALL", "CHAT", "CHAT"]
    assert len({case.request["Name"] for case in made(ROOT / "examples" / "two_chats.py")}) == 3


def test_what_a_test_case_cannot_say_is_said(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        'call = desk.offer(address="+12065550100", typed="4711", attributes={"vip": "yes"})',
        'desk.offer(channel="TASK")',
        'desk.offer(customer="C-9999")',
        'assert call.look()["attributes"]["Name"].startswith("Ana")',
    )
    case, unknown = made(file)
    assert "C-9999" in "\n".join(unknown.left_out)
    assert unknown.request["EntryPoint"]["VoiceCallEntryPointParameters"] == {"FlowId": "main"}
    assert json.loads(case.request["InitializationData"]) == {"Attributes": {"vip": "yes"}}
    said = "\n".join(case.left_out)
    assert "offer(typed=...)" in said
    assert "TASK" in said
    assert "mine.py:5" in said


@pytest.mark.parametrize("line", ['desk.offer(channel="TASK")', "desk.pause(1)", "1 / 0"])
def test_a_scenario_without_a_call_or_chat_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(UserError):
        made(written(tmp_path, line))


def test_without_a_release_there_is_no_flow_to_call() -> None:
    with pytest.raises(UserError, match="MainFlowArn"):
        native_test_cases(read_scenario(EXAMPLES[0]), Stack("popdesk-prod"), INSTANCE)


def test_creating_one_is_a_call_that_the_policy_has() -> None:
    account = Answered()
    account.on("connect", "create_test_case", {"TestCaseId": "t-1"})
    [case] = made(ROOT / "examples" / "gold_customer.py")
    assert account.aws.call("connect", "create_test_case", **case.request)["TestCaseId"] == "t-1"
    assert account.asked == [("create_test_case", case.request)]


@pytest.mark.parametrize("create", [False, True])
def test_the_command_prints_requests_and_creates_on_demand_alone(create: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Answered()
    account.on("connect", "create_test_case", {"TestCaseId": "t-1"})
    monkeypatch.setattr("ops.cli.cloud.open_aws", lambda *_: account.aws)
    monkeypatch.setattr("ops.cli.cloud.load_settings", lambda **_: deployable_settings())
    monkeypatch.setattr("ops.cli.native_test_cases.read_own_stack", lambda *_: STACK)
    example = str(ROOT / "examples" / "gold_customer.py")
    done = CliRunner().invoke(cli, ["test-cases", example, *(["--create"] if create else [])])
    assert done.exit_code == 0, done.output
    assert "leaves out" in done.stderr
    assert [name for name, _ in account.asked] == (["create_test_case"] if create else [])
    if create:
        assert done.stdout == "popdesk-prod gold_customer 1: t-1\n"
    else:
        [request] = json.loads(done.stdout)
        assert request["Name"] == "popdesk-prod gold_customer 1"
