"""What the adapters for a CRM's REST API share, of the look-up and of the API's cases: its JSON, and its token.

answer = parse_answer(b'{"data": [{"id": 7}]}')
text_of(pluck(answer, "data.0.id"))      # -> "7"
read_token("crm-token", deadline)        # the bearer token of Secrets Manager or SSM
"""

from __future__ import annotations

import json

from customers import LookupFailed

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

MISSING = object()


def parse_answer(body: bytes) -> Any:
    """Return the CRM's JSON. Raises LookupFailed if it is none, or has an error in it."""
    try:
        answer = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise LookupFailed("the CRM's answer is not JSON") from None
    if isinstance(answer, dict) and any(value for key, value in answer.items() if key.lower() in ("error", "errors")):
        raise LookupFailed("the CRM's answer has an error in it")
    return answer


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON (RFC 8259, 6)")


def pluck(value: Any, path: str) -> Any:
    """Return the value at `path`, keys and list indexes separated by dots ("" for `value` itself).

    Return None if null or an empty list on the way means that there is no value, MISSING if the path does not exist.
    """
    for key in path.split(".") if path else ():
        if value is None or value == []:
            return None
        if isinstance(value, dict):
            value = value.get(key, MISSING)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value


def text_of(value: object) -> str:
    """Return a string or an integer as a string, "" for anything else: a float is neither an id nor a phone number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def read_token(name: str, deadline: float) -> str:
    """Return the bearer token: `ssm:/path` names a parameter of SSM, anything else a secret of Secrets Manager.

    If the secret is a JSON object, as created in Secrets Manager's console, return its `token`. Raises LookupFailed.
    """
    from adapters.aws_client import AwsClient  # only a CRM with a token needs it

    if name.startswith("ssm:"):
        client, operation, path = AwsClient("ssm", "AmazonSSM"), "GetParameter", "Parameter.Value"
        parameters: dict[str, Any] = {"Name": name.removeprefix("ssm:"), "WithDecryption": True}
    else:
        client, operation, path = AwsClient("secretsmanager", "secretsmanager"), "GetSecretValue", "SecretString"
        parameters = {"SecretId": name}
    try:
        token = text_of(pluck(client.call(operation, parameters, deadline), path))
    except TimeoutError:
        raise LookupFailed("the CRM's token could not be read in time") from None
    except LookupFailed as error:
        raise LookupFailed(f"the CRM's token could not be read: {error}") from error
    finally:
        client.disconnect()
    if token.lstrip().startswith("{"):
        try:
            token = text_of(json.loads(token).get("token"))
        except ValueError:
            raise LookupFailed("the CRM's token is neither plain text nor a JSON object") from None
    token = token.strip()
    if not token.isascii() or not token.isprintable() or not token:
        raise LookupFailed("the CRM's token is empty or contains characters that a header cannot have")
    return token
