"""What may be wrong with this machine's AWS configuration is said in words, by the real botocore reading real files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy import cli
from ops import settings
from ops.cloud.aws import open_aws
from tests.aws.account import INSTANCE

_NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this process have an AWS configuration of its own, and return its folder: config, credentials, sso/cache."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", _NOBODY)
    folder = tmp_path / ".aws"
    folder.mkdir()
    pyproject = tmp_path / "pyproject.toml"
    text = settings.PYPROJECT.read_text("utf-8")
    pyproject.write_text(text.replace('instance_arn = ""', f'instance_arn = "{INSTANCE}"'), "utf-8")
    monkeypatch.setattr(settings, "PYPROJECT", pyproject)
    return folder


def _status(*options: str) -> Result:
    return CliRunner().invoke(cli, ["status", "--env", "prod", *options], catch_exceptions=False)


@pytest.mark.parametrize("file", ["config", "credentials"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\ufeff[default]\nregion = us-east-1\n", "it begins with a byte order mark"),
        ("[default]\nregion = us-east-1\nregion = eu-west-1\n", "option 'region' in section 'default' already exists"),
        ("[default]\n[default]\n", "section 'default' already exists"),
        ("region = us-east-1\n", "no section headers"),
        ("[default]\nregion\n", "parsing errors"),
        ("[default]\ns3 =\n  broken\n", "broken"),
    ],
)
def test_a_broken_file_is_named(home: Path, file: str, text: str, said: str) -> None:
    (home / file).write_text(text, "utf-8")
    result = _status()
    assert result.exit_code == 1
    assert f"{home}/{file}" in result.stderr
    assert said in result.stderr


def test_bytes_that_are_no_text_are_said(home: Path) -> None:
    (home / "config").write_bytes(b"[default]\nregion = \xff\n")
    result = _status()
    assert result.exit_code == 1
    assert f"{home}/config" in result.stderr


_NO_PROGRAM = "/there/is/no/such/program"
_SSO = "sso_account_id = 123456789012\nsso_role_name = Deployer\n"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "Unable to locate credentials"),
        ("[profile other]\n", "this machine does not know it (it knows: other)"),
        (f"[profile desk]\ncredential_process = {_NO_PROGRAM}\n", _NO_PROGRAM),
        (f"[profile desk]\ncredential_process = {sys.executable} -c print(1)\n", "credential_process"),
        (
            f"[profile desk]\ncredential_process = {sys.executable} -c pass\n",
            "in the environment (AWS_..., credential_process",
        ),
        ("[profile desk]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = gone\n", "source_profile"),
        ("[profile desk]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = desk\n", "Infinite loop"),
        ("[profile desk]\nrole_arn = arn:aws:iam::123456789012:role/r\ncredential_source = Moon\n", "Moon"),
        (f"[profile desk]\nsso_session = gone\n{_SSO}", "sso"),
        (f"[profile desk]\nsso_start_url = https://desk.example.com/start\n{_SSO}", "aws configure sso"),
        (
            f"[profile desk]\nsso_start_url = https://desk.example.com/start\nsso_region = us-east-1\n{_SSO}",
            "`aws sso login --profile desk`",
        ),
        (
            f"[profile desk]\nsso_session = s\n{_SSO}[sso-session s]\nsso_region = us-east-1\n"
            "sso_start_url = https://desk.example.com/start\n",
            "`aws sso login --profile desk`",
        ),
        (
            "[profile desk]\nrole_arn = arn:aws:iam::123456789012:role/r\nweb_identity_token_file = /there/is/none\n",
            "/there/is/none",
        ),
        ("[profile desk]\naws_access_key_id = x\n", "Partial credentials"),
        ("[profile desk]\naws_access_key_id = x\naws_secret_access_key = y\nuse_fips_endpoint = perhaps\n", ""),
    ],
)
def test_a_profile_that_gives_no_credentials_is_explained(
    home: Path, config: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", _NOBODY)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("ops.cloud.aws._ATTEMPTS", 1)
    (home / "config").write_text(config, "utf-8")
    result = _status(*(["--profile", "desk"] if config else []))
    assert result.exit_code == (2 if "does not know" in said else 1)
    assert said in result.stderr, result.stderr
    assert "What to do:" in result.stderr


def test_an_address_that_is_none_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "credentials").write_text("[default]\naws_access_key_id = x\naws_secret_access_key = y\n", "utf-8")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1:1")
    result = _status()
    assert result.exit_code == 1
    assert "Invalid endpoint: 127.0.0.1:1" in result.stderr
    assert "endpoint_url" in result.stderr


def test_an_endpoint_that_is_closed_is_the_networks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "credentials").write_text("[default]\naws_access_key_id = x\naws_secret_access_key = y\n", "utf-8")
    monkeypatch.setattr("ops.cloud.aws._ATTEMPTS", 1)
    result = _status()
    assert result.exit_code == 1
    assert "check the network" in result.stderr


def test_a_policy_is_printed_without_any_credentials(home: Path) -> None:
    assert not list(home.iterdir())
    result = CliRunner().invoke(cli, ["iam-policy", "--env", "prod"], catch_exceptions=False)
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("config", "asks"),
    [
        ("[profile desk]\nrole_arn = r\nsource_profile = base\nmfa_serial = m\n[profile base]\n", True),
        ("[profile desk]\nrole_arn = r\nsource_profile = base\n[profile base]\nmfa_serial = m\nrole_arn = s\n", True),
        ("[profile desk]\nrole_arn = r\nsource_profile = base\n[profile base]\n", False),
        ("[profile desk]\nsource_profile = desk\n", False),
    ],
)
def test_a_code_that_a_person_types_is_known_of(home: Path, config: str, asks: bool) -> None:
    """doctor gives them the time that they need."""
    (home / "config").write_text(config, "utf-8")
    assert open_aws("desk", "us-east-1").requires_mfa is asks
