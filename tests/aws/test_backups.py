"""A table that a release replaces: the backup before, and what AWS refuses, with the rehearsal's CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.session import Session

from ops.cloud.aws import Aws
from ops.cloud.backups import back_up_tables
from ops.cloud.change_set import Change, Plan, apply_plan, check_replacements, make_plan
from ops.cloud.events import Events
from ops.cloud.iam_policy import policy
from ops.cloud.names import policy_names
from ops.cloud.stack import read_stack
from ops.cloud.stack_template import StackDefinition
from ops.errors import UserError
from ops.rehearse.local_aws import CALLER, LocalAws
from ops.rehearse.protocol import Refusal
from ops.rehearse.rehearsal import instance_over
from ops.settings import Settings, load_settings
from tests.aws.stubbed import Answered

STACK, TABLE = "popdesk-prod", "popdesk-prod-customers"
BACKUP = f"arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}/backup/01"


def _settings() -> Settings:
    settings = load_settings(environment="prod")
    return settings.model_copy(update={"aws": settings.aws.model_copy(update=instance_over(settings)["aws"])})


@pytest.fixture
def local() -> Iterator[LocalAws]:
    settings = _settings()
    # With the API, so that a table of another name is in the policy.
    local = LocalAws(settings, policy(policy_names(settings, settings.aws.instance_account), api=True))
    yield local
    local.close()


@pytest.fixture
def aws(local: LocalAws) -> Aws:
    session = Session()
    session.set_credentials(CALLER, "rehearsal")
    return Aws(session, "us-east-1", endpoint_url=local.url)


def _definition(name: str, key: str = "pk") -> StackDefinition:
    """Return a stack of one table, as the template has it."""
    table = {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        },
    }
    parameters = {"Fingerprint": {"Type": "String"}}
    return StackDefinition(STACK, json.dumps({"Parameters": parameters, "Resources": {"CustomersTable": table}}), {})


def _events() -> tuple[Events, list[str]]:
    notes: list[str] = []
    return Events(on_note=notes.append, pause=lambda _: None), notes


def _plan(aws: Aws, name: str, key: str = "pk") -> Plan:
    return make_plan(aws, _definition(name, key), read_stack(aws, STACK), lambda _: None)


def test_a_table_of_a_new_name_has_a_backup_before_and_its_old_one_stays(local: LocalAws, aws: Aws) -> None:
    events, notes = _events()
    apply_plan(aws, _plan(aws, TABLE), events)
    dynamodb = local.client("dynamodb")
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "customer#1"}})
    plan = _plan(aws, f"{STACK}-cases", key="id")
    (change,) = plan.changes
    assert (change.replaced, change.backup, change.identity) == (True, True, TABLE)
    backups = back_up_tables(aws, plan, events)
    assert notes == [f"table {TABLE} has a backup from before its replacement: {backups[TABLE]}"]
    found = dynamodb.describe_backup(BackupArn=backups[TABLE])["BackupDescription"]
    assert found["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert found["SourceTableDetails"]["TableName"] == TABLE
    apply_plan(aws, plan, events)
    assert dynamodb.scan(TableName=TABLE)["Count"] == 1, "the old table is kept, with its data"
    assert dynamodb.scan(TableName=f"{STACK}-cases")["Count"] == 0
    assert local.refused == []


def test_what_aws_would_refuse_is_refused_before_anything_is_changed(local: LocalAws, aws: Aws) -> None:
    """And AWS would: the stack is rolled back where such a change is executed all the same."""
    events, _ = _events()
    apply_plan(aws, _plan(aws, TABLE), events)
    with pytest.raises(UserError, match=rf"table {TABLE}: a change of .*KeySchema needs a new table") as caught:
        _plan(aws, TABLE, key="id")
    assert "A table that is replaced" in caught.value.hint
    stack = local.cloudformation.stack(STACK)
    assert stack is not None
    assert stack.change_sets == {}, "the change set is deleted"
    made = aws.call(
        "cloudformation",
        "create_change_set",
        StackName=STACK,
        ChangeSetName="all-the-same",
        TemplateBody=_definition(TABLE, "id").template,
        Parameters=[{"ParameterKey": "Fingerprint", "ParameterValue": "2"}],
    )
    aws.call("cloudformation", "execute_change_set", StackName=STACK, ChangeSetName=made["Id"])
    local.cloudformation.wait()
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [event.get("ResourceStatusReason", "") for event in stack.events]
    assert any(f"Rename {TABLE} and update the stack again" in reason for reason in reasons)


# -- decisions ---------------------------------------------------------------------------------------------------------


def _change(kind: str = "AWS::DynamoDB::Table", identity: str = TABLE, **more: Any) -> Change:
    fields = {"replaced": False, "properties": ("KeySchema",), "conditional": False, **more}
    return Change("Modify", "CustomersTable", kind, identity=identity, **fields)


@pytest.mark.parametrize(
    ("change", "backup"),
    [
        (_change(), False),
        (_change(replaced=True), True),
        (_change(conditional=True), True),
        (_change("AWS::Logs::LogGroup", replaced=True), False),
    ],
)
def test_tables_that_are_or_may_be_replaced_have_a_backup(change: Change, backup: bool) -> None:
    assert change.backup is backup


@pytest.mark.parametrize(
    "change",
    [
        _change(),  # changed in its place
        _change(replaced=True, properties=("KeySchema", "TableName")),
        _change(replaced=True, identity=f"{STACK}-CustomersTable-1A2B3C4D5E6F"),  # CloudFormation names it
        _change(conditional=True, properties=("AttributeDefinitions",)),  # up to AWS
        _change("AWS::S3::Bucket", replaced=True),
    ],
)
def test_what_aws_can_do_is_not_refused(change: Change) -> None:
    check_replacements(Plan(STACK, changes=(change,)))


@pytest.mark.parametrize("change", [_change(replaced=True), _change(conditional=True)])
def test_a_table_of_the_same_name_is_refused(change: Change) -> None:
    with pytest.raises(UserError, match="AWS cannot create one of the same name"):
        check_replacements(Plan(STACK, changes=(change,)))


# -- DynamoDB's answers, held to its model -----------------------------------------------------------------------------


def _details(status: str) -> dict[str, Any]:
    return {
        "BackupArn": BACKUP,
        "BackupName": "before",
        "BackupStatus": status,
        "BackupType": "USER",
        "BackupCreationDateTime": "2026-11-27T00:00:00Z",
    }


def _back_up(answered: Answered) -> tuple[dict[str, str], list[str]]:
    events, notes = _events()
    return back_up_tables(answered.aws, Plan(STACK, changes=(_change(replaced=True),)), events), notes


def test_a_backup_is_waited_for() -> None:
    answered = Answered()
    answered.on("dynamodb", "create_backup", {"BackupDetails": _details("CREATING")})
    states = iter(["CREATING", "CREATING", "AVAILABLE"])
    answered.on(
        "dynamodb", "describe_backup", lambda _: {"BackupDescription": {"BackupDetails": _details(next(states))}}
    )
    assert _back_up(answered)[0] == {TABLE: BACKUP}
    assert next(states, "") == ""


def test_a_table_that_is_gone_is_said() -> None:
    answered = Answered()
    answered.on("dynamodb", "create_backup", Refusal("TableNotFoundException", "Table not found"))
    made, notes = _back_up(answered)
    assert made == {}
    assert notes == [f"table {TABLE} is not there: there was nothing to back up"]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("AccessDeniedException", "iam-policy"),
        ("ContinuousBackupsUnavailableException", ""),
        ("TableInUseException", ""),
    ],
)
def test_without_a_backup_nothing_is_replaced(code: str, hint: str) -> None:
    answered = Answered()
    answered.on("dynamodb", "create_backup", Refusal(code, "not now"))
    with pytest.raises(
        UserError, match=rf"table {TABLE}: it would be replaced, and no backup .*{code}: not now"
    ) as caught:
        _back_up(answered)
    assert hint in caught.value.hint
    assert caught.value.hint


def test_a_backup_that_somebody_deletes_is_none() -> None:
    answered = Answered()
    answered.on("dynamodb", "create_backup", {"BackupDetails": _details("CREATING")})
    answered.on("dynamodb", "describe_backup", {"BackupDescription": {"BackupDetails": _details("DELETED")}})
    with pytest.raises(UserError, match="the backup is DELETED"):
        _back_up(answered)
