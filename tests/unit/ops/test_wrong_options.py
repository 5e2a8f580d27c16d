"""Options that cannot be right are refused at once, by their own name and with a remedy that works: exit code 2.

Through the command line, with settings of their own; no AWS is needed, for none is called.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy import cli
from ops import settings

_INSTANCE = "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the settings' file: prod has an instance in us-east-1."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "UV"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    file = tmp_path / "pyproject.toml"
    text = settings.PYPROJECT.read_text("utf-8")
    changed = text.replace('instance_arn = ""', f'instance_arn = "{_INSTANCE}"')
    assert changed != text
    file.write_text(changed, "utf-8")
    monkeypatch.setattr(settings, "PYPROJECT", file)
    return file


def _run(line: str) -> Result:
    return CliRunner().invoke(cli, shlex.split(line), catch_exceptions=False)


@pytest.mark.parametrize(
    ("account", "reason", "remedy"),
    [
        ("12", "twelve digits", "leave --account out: the number is the instance's, 123456789012"),
        ("1234-5678-9012", "twelve digits", "leave --account out"),
        ("999999999999", "the instance of the settings is in the account 123456789012", "leave --account out"),
    ],
)
def test_an_account_that_cannot_be_the_instances_prints_no_policy(account: str, reason: str, remedy: str) -> None:
    result = _run(f"iam-policy --env prod --account {account}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"--account {account}\n")
    assert reason in result.stderr
    assert remedy in result.stderr
    assert _run("iam-policy --env prod --account 123456789012").stdout == _run("iam-policy --env prod").stdout != ""
