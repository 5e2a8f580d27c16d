"""A backup of each DynamoDB table that a change of the stack replaces, before it does.

    backups = back_up_tables(aws, plan, events)        # table -> the ARN of its backup, AVAILABLE

The old table stays beside the new one, which is empty (UpdateReplacePolicy in ops/cloud/template.yaml): the backup is for whoever
deletes it too early. It is kept until somebody deletes it.
"""

from __future__ import annotations

import uuid

from ops.cloud.aws import Aws, AwsError
from ops.cloud.change_set import Plan
from ops.cloud.events import Events, poll
from ops.errors import UserError

_WITHOUT = "it would be replaced, and no backup of it could be made before; nothing was changed"


def back_up_tables(aws: Aws, plan: Plan, events: Events) -> dict[str, str]:
    """Back up the tables that the plan replaces or may replace, wait for the backups, and return their ARNs by table.

    `on_note` is called with each, as soon as it can be restored. Raises UserError where one cannot be made.
    """
    made = {}
    for change in plan.changes:
        if change.backup:
            events.on_step(f"Backing up {change.identity}")
            if arn := _back_up(aws, change.identity, events):
                made[change.identity] = arn
                events.on_note(f"table {change.identity} has a backup from before its replacement: {arn}")
            else:
                events.on_note(f"table {change.identity} is not there: there was nothing to back up")
    return made


def _back_up(aws: Aws, table: str, events: Events) -> str:
    """Return the ARN of a table's new backup once it can be restored, "" where there is no such table."""
    try:
        # A backup's name need not be its own, but that way it is found again (letters, digits, _.-, 255 of them at most:
        # docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateBackup.html).
        name = f"{table[:200]}-before-replacement-{uuid.uuid4().hex[:8]}"
        made = aws.call("dynamodb", "create_backup", TableName=table, BackupName=name)["BackupDetails"]
        arn = str(made["BackupArn"])

        def look() -> str | None:
            found = aws.call("dynamodb", "describe_backup", BackupArn=arn)["BackupDescription"]["BackupDetails"]
            return None if found["BackupStatus"] == "CREATING" else str(found["BackupStatus"])

        status = poll(f"backup {arn}", look, events.pause)
    except AwsError as error:
        if error.code == "TableNotFoundException":
            return ""
        raise UserError(f"table {table}", f"{_WITHOUT} ({error.reason})", error.hint) from error
    if status != "AVAILABLE":
        raise UserError(f"table {table}", f"{_WITHOUT} (the backup is {status})", "run the command again")
    return arn
