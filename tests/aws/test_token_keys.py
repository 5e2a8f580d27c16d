"""The key of the contact's token in Secrets Manager, on a moto server over real sockets: read, rotated, read again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import rotate_token_key
from customers import LookupFailed
from moto.server import ThreadedMotoServer
from popdesk_api.contact_token import UnknownKey
from popdesk_api.token_keys import TokenKeys, read_keys
from token_signing import NoToken, TokenSigner

from tests.unit.lambda_.tokens import AUDIENCE, CONTACT

FIRST = "f" * 64


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def secret(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION", "POPDESK_TOKEN_KEYS"):
        monkeypatch.delenv(name, raising=False)
    client = boto3.client("secretsmanager")
    arn = client.create_secret(Name="popdesk-token", SecretString=FIRST)["ARN"]
    monkeypatch.setenv("POPDESK_TOKEN_SECRET_ARN", arn)
    rotate_token_key._client.cache_clear()
    yield arn
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def _rotate(secret: str, version: str) -> None:
    """Do what Secrets Manager does when it rotates, each step twice, as it may."""
    client: Any = boto3.client("secretsmanager")
    # Secrets Manager makes the pending version without a value; moto can only put one with a value, and take it away again.
    client.put_secret_value(
        SecretId=secret, ClientRequestToken=version, SecretString="p" * 64, VersionStages=["AWSPENDING"]
    )
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        for _ in range(2):
            event = {"Step": step, "SecretId": secret, "ClientRequestToken": version}
            rotate_token_key.handler(event, None)


def _signer() -> TokenSigner:
    signer = TokenSigner(AUDIENCE)
    signer.fetch_keys(5)
    return signer


def test_what_the_look_up_signs_is_verified_before_and_after_a_rotation(secret: str) -> None:
    assert len(read_keys(time.monotonic() + 5)) == 1  # never rotated: there is no version before
    before = _signer().sign(CONTACT, ["C-1"])
    assert TokenKeys().verify(before, AUDIENCE).customers == ("C-1",)
    _rotate(secret, "00000000-0000-4000-8000-00000000000a")
    after = _signer().sign(CONTACT, ["C-2"])
    keys = TokenKeys()
    assert keys.verify(after, AUDIENCE).customers == ("C-2",)
    assert keys.verify(before, AUDIENCE).customers == ("C-1",)
    _rotate(secret, "00000000-0000-4000-8000-00000000000b")
    with pytest.raises(UnknownKey):
        TokenKeys().verify(before, AUDIENCE)
    assert TokenKeys().verify(after, AUDIENCE).customers == ("C-2",)


def test_a_rotation_makes_a_new_key_of_64_digits(secret: str) -> None:
    client: Any = boto3.client("secretsmanager")
    version = "00000000-0000-4000-8000-00000000000c"
    made = client.put_secret_value(
        SecretId=secret, ClientRequestToken=version, SecretString="p" * 64, VersionStages=["AWSPENDING"]
    )
    assert made["VersionId"] == version
    keys = []

    class Unmade:
        """The client where the pending version has no value yet, as Secrets Manager leaves it."""

        exceptions = client.exceptions
        describe_secret = client.describe_secret

        def get_secret_value(self, **_given: str) -> None:
            raise client.exceptions.ResourceNotFoundException({"Error": {"Code": "x", "Message": ""}}, "GetSecretValue")

        def put_secret_value(self, **given: Any) -> None:
            keys.append(given)

    rotate_token_key._create(Unmade(), secret, version)
    assert keys[0]["VersionStages"] == ["AWSPENDING"]
    assert keys[0]["ClientRequestToken"] == version
    assert len(bytes.fromhex(keys[0]["SecretString"])) == 32


@pytest.mark.parametrize("version", ["00000000-0000-4000-8000-0000000000ff"])
def test_a_step_of_no_rotation_changes_nothing(secret: str, version: str) -> None:
    for step in ("createSecret", "finishSecret"):
        with pytest.raises(ValueError, match="version"):
            rotate_token_key.handler({"Step": step, "SecretId": secret, "ClientRequestToken": version}, None)
    assert read_keys(time.monotonic() + 5).popitem()[1] == FIRST.encode()


def test_a_secret_that_is_no_key_signs_nothing_and_the_text_is_not_shown(secret: str) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="short-secret")
    with pytest.raises(NoToken, match="no key of 32 bytes") as problem:
        _signer().sign(CONTACT, [])
    assert "short-secret" not in str(problem.value)
    with pytest.raises(LookupFailed):
        read_keys(time.monotonic() + 5)


def test_without_the_secret_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POPDESK_TOKEN_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-AbCdEf")
    with pytest.raises(NoToken, match="ResourceNotFoundException"):
        _signer().sign(CONTACT, [])
