"""Rotate the key of the contact's token: what Secrets Manager calls once a month, step by step.

    handler({"Step": "createSecret", "SecretId": "arn:...", "ClientRequestToken": "..."}, None)

The new version of the secret is a new random key; nothing else has to know it before, so that setSecret and testSecret have
nothing to do. The version before stays as AWSPREVIOUS until the next rotation: what it has signed is good until it expires. The
four steps, each of which may come twice:
docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html.
"""

from __future__ import annotations

import functools
import secrets
from typing import Any

import boto3

BYTES = 32  # of a key, written as 64 hexadecimal digits: as many as the hash has (RFC 7518, 3.2)


def handler(event: dict[str, Any], _context: object) -> None:
    """Do one step of a rotation. Raises ValueError for what is no step of one that is under way."""
    secret, version, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    client = _client()
    versions: dict[str, list[str]] = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    stages = versions.get(version)
    if stages is None:
        raise ValueError("the version has no stage of this secret's rotation")
    if "AWSCURRENT" in stages:
        return  # done already
    if "AWSPENDING" not in stages:
        raise ValueError("the version is not pending")
    if step == "createSecret":
        _create(client, secret, version)
    elif step == "finishSecret":
        current = next(name for name, its_stages in versions.items() if "AWSCURRENT" in its_stages)
        # Secrets Manager moves AWSPREVIOUS to the version that was current.
        client.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=version, RemoveFromVersionId=current
        )
    elif step not in ("setSecret", "testSecret"):
        raise ValueError("there is no such step")


@functools.cache
def _client() -> Any:
    return boto3.client("secretsmanager")


def _create(client: Any, secret: str, version: str) -> None:
    try:
        client.get_secret_value(SecretId=secret, VersionId=version, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        client.put_secret_value(
            SecretId=secret,
            ClientRequestToken=version,
            SecretString=secrets.token_hex(BYTES),
            VersionStages=["AWSPENDING"],
        )
