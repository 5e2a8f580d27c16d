"""`deploy.py customers import`: loads a CSV file into the look-up's table (ops/cloud/customers.py)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from ops.cli.options import environment_option, profile_option, region_option
from ops.cloud import customers as table_of_customers
from ops.cloud.aws import open_aws
from ops.cloud.customers_file import check_file, check_header, read_rows
from ops.cloud.settings_check import naming_environments
from ops.cloud.stack import read_own_stack
from ops.errors import DIFFERENT, WRONG_SETTINGS, UserError
from ops.settings import load_settings, with_region

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)


@click.group()
def customers() -> None:
    """Manage the customers of the DynamoDB adapter.

    The look-up finds them with lookup.adapter = "dynamodb".
    """


@customers.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@environment_option
@profile_option
@region_option
@click.option("--table", default="", metavar="NAME", help="The table; that of the stack if not given.")
@click.option(
    "--from-line", default=2, show_default=True, type=click.IntRange(2), help="Continue from this line of FILE."
)
@click.option("--delete-others", is_flag=True, help="Then delete the customers that are not in FILE.")
@click.option("--yes", is_flag=True, help="Do not ask before more than a tenth of the table is deleted.")
@click.option("--dry-run", is_flag=True, help="Check every row; write nothing and call nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def import_command(
    file: Path,
    environment: str,
    aws_profile: str,
    aws_region: str,
    table: str,
    from_line: int,
    delete_others: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import customers from a CSV file.

    FILE is in UTF-8, and its first line names the columns: id, name, phone, email, and those of [tool.popdesk.fields]. All of
    it is checked before anything is written. Invalid rows are reported with their line and skipped; so is a phone number or
    an e-mail address that is not valid. A customer's former numbers and addresses stay in the table unless --delete-others
    is given, which asks before it deletes more than a tenth of the table.

    Exit codes: 0 if everything was imported, 2 if FILE is not such a file and nothing was written, 3 if something was
    skipped, 1 if the import stopped (it says how to continue).
    """
    if delete_others and from_line > 2:
        raise click.UsageError("--delete-others needs the whole file: leave out --from-line")
    settings = load_settings(environment=environment)
    check_header(file, settings.fields)
    # In a log a bar says nothing, and an empty line would come after it.
    with Progress(console=err, disable=not err.is_terminal) as progress:
        bar = progress.add_task(f"{file.name}: checking", total=None)

        def on_line(line: int) -> None:
            progress.update(bar, completed=line)

        def show(text: str) -> None:
            progress.console.print(text, soft_wrap=True)

        checked = check_file(file, on_line, settings.fields)
        for field in settings.fields.keys() - checked.columns.keys():
            show(f"{file.name} has no column {field}: that field of [tool.popdesk.fields] stays empty")
        _check_from_line(from_line, checked.lines)
        progress.update(bar, description=f"{file.name}: loading", total=checked.lines, completed=0)
        rows = read_rows(checked, settings.lookup.default_region, from_line)
        if dry_run:
            result = table_of_customers.check_rows(rows, on_line)
        else:
            aws = open_aws(aws_profile, with_region(settings, aws_region).aws.region)
            with naming_environments(settings):
                table = table or table_of_customers.customers_table_name(read_own_stack(aws, settings))
            result = table_of_customers.import_customers(
                aws, table, rows, on_line, on_wait=show, keep_keys=delete_others
            )
        progress.update(bar, completed=checked.lines)
    for line, problem in sorted([*result.bad, *result.cells]):
        err.print(f"line {line}: {problem}", soft_wrap=True)
    if unnamed := result.left_out + result.cells_left_out - len(result.bad) - len(result.cells):
        err.print(f"and {unnamed} more")
    done = "would be loaded" if dry_run else "loaded"
    loaded = f"{result.rows} customers {done} ({result.items} items), {result.left_out} rows left out"
    if result.cells_left_out:
        loaded += f", and {result.cells_left_out} numbers or addresses of other rows"
    if not as_json:
        out.print(loaded)
    deleted = 0
    try:
        if delete_others and not dry_run:
            others = table_of_customers.find_others(aws, table, result)
            if others.are_many and not yes:
                _confirm_deletion(len(others.keys), others.total)
            table_of_customers.delete_others(aws, table, others, on_wait=show)
            deleted = len(others.keys)
    finally:  # what was loaded is printed, even if the deletion fails
        if as_json:
            print(json.dumps(result.as_json() | {"deleted": deleted}))
    if delete_others and not dry_run and not as_json:
        out.print(f"{deleted} items deleted that are not in the file")
    if result.left_out or result.cells_left_out:
        sys.exit(DIFFERENT)


COMMANDS = (customers,)


def _check_from_line(line: int, last: int) -> None:
    """Raise UserError (exit code 2) where the file has no such line.

    The one after the last is taken: an import that was interrupted after all of it says that it goes on there.
    """
    if line > last + 1:
        raise UserError(
            f"--from-line {line}",
            f"the file has {last} lines",
            "name a line that it has, or leave --from-line out to load all of it",
            exit_code=WRONG_SETTINGS,
        )


def _confirm_deletion(count: int, total: int) -> None:
    """Ask whether so many of the table's items are to be deleted. Raises UserError where the answer is not yes."""
    try:
        question = f"Delete {count} of the table's {total} items, which the file does not have?"
        agreed = click.confirm(question, err=True)
    except click.Abort:  # Ctrl-C, or no terminal
        err.print()
        agreed = False
    if not agreed:
        raise UserError(
            "--delete-others",
            f"it would delete {count} of the table's {total} items, and that was not confirmed",
            "the rows are loaded and nothing was deleted. If the file has all customers, run it again with --yes",
        )
