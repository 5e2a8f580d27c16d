"""What preview asks with `--adapter NAME` and `--cases NAME`: the systems of the settings, instead of the sample files.

    directory = Directory("dynamodb", profile="")
    settings = directory.settings(load_settings(environment="prod"))   # with that adapter
    directory.environment(settings)                                    # -> {"AWS_REGION": "eu-west-1", ...}, for LocalLambda
    directory.customers()                                              # whom the workspace offers
    RealCases("http").settings(settings)                               # the same for the API's cases

The Lambda gets what AWS would give it: its environment variables, the region, and credentials, here those of the developer. The
role's permissions and the VPC are not here: preview may reach more, or less, than the Lambda does.
"""

from __future__ import annotations

import json
import os
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.session import Session
from cases_adapters.dynamodb import TABLE_VARIABLE as CASES_TABLE_VARIABLE
from pydantic import ValidationError

from ops import LOOKUP
from ops.api_settings import Api
from ops.cloud.aws_errors import LOG_IN
from ops.cloud.names import stack_name
from ops.errors import UserError
from ops.plain_reasons import plain_reason
from ops.settings import Lookup, Settings
from ops.site.lambda_zip import CUSTOMERS_TABLE_VARIABLE

# How this machine reaches AWS and others; Lambda's own environment has no need of them.
_PASSED_ON = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


# What a customer needs to be offered by the workspace.
_OFFERED = ("id", "name", "phone", "email")


class _Adapter:
    """An adapter to ask, and the AWS profile ("" for the default one) whose credentials it gets."""

    def __init__(self, adapter: str, profile: str = "") -> None:
        self._adapter = adapter
        self._session = Session(profile=profile or None)

    def _refused(self, option: str, error: ValidationError) -> UserError:
        reasons = "; ".join(plain_reason(problem) for problem in error.errors())
        return UserError(f"{option} {self._adapter}", reasons, "name another one, or correct the settings", 2)

    def _variables(self, settings: Settings, secret: str) -> dict[str, str]:
        """Return the environment variables that AWS would give; `secret` is what the adapter "http" reads its token from."""
        known = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.startswith("AWS_ENDPOINT_URL")
        }
        return {**known, "AWS_REGION": settings.aws.region, **self._credentials(secret)}

    def _credentials(self, secret: str) -> dict[str, str]:
        try:
            found = self._session.get_credentials()
            frozen = found.get_frozen_credentials() if found else None
        except BotoCoreError as error:
            raise UserError("AWS credentials", str(error), LOG_IN) from None
        if frozen is None:
            if self._adapter == "dynamodb" or (self._adapter == "http" and secret):
                raise UserError(
                    "AWS credentials", f'there are none, and the adapter "{self._adapter}" needs them', LOG_IN
                )
            return {}
        token = {"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {}
        return {"AWS_ACCESS_KEY_ID": frozen.access_key, "AWS_SECRET_ACCESS_KEY": frozen.secret_key, **token}


class Directory(_Adapter):
    """The look-up's adapter."""

    def settings(self, settings: Settings) -> Settings:
        """Return `settings` with this adapter. Raises UserError if there is none of that name, or its own settings are wrong."""
        try:
            lookup = Lookup.model_validate({**settings.lookup.model_dump(), "adapter": self._adapter})
        except ValidationError as error:
            raise self._refused("--adapter", error) from None
        return settings.model_copy(update={"lookup": lookup})

    def environment(self, settings: Settings) -> dict[str, str]:
        """Return the Lambda's environment variables. Raises UserError if it needs AWS credentials and there are none."""
        return {
            **settings.lookup.environment,
            CUSTOMERS_TABLE_VARIABLE: f"{stack_name(settings)}-customers",
            **self._variables(settings, settings.lookup.http.token_secret),
        }

    def customers(self) -> list[dict[str, str]]:
        """Return the customers to offer: those of the adapter's own JSON file, if it has one with a list of them.

        The sample file's are in no other directory.
        """
        try:
            listed = json.loads((LOOKUP / "adapters" / f"{self._adapter}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return []
        return [each for each in listed if _can_be_offered(each)] if isinstance(listed, list) else []


class RealCases(_Adapter):
    """The API's adapter for cases."""

    def settings(self, settings: Settings) -> Settings:
        """Return `settings` with this adapter. Raises UserError if there is none of that name, or no API."""
        if not settings.api.enabled:
            raise UserError(
                f"--cases {self._adapter}", "[tool.popdesk.api] is not enabled", "set enabled = true in it", 2
            )
        try:
            api = Api.model_validate({**settings.api.model_dump(), "cases": self._adapter})
        except ValidationError as error:
            raise self._refused("--cases", error) from None
        return settings.model_copy(update={"api": api})

    def environment(self, settings: Settings) -> dict[str, str]:
        """Return the function's environment variables. Raises UserError if it needs AWS credentials and there are none."""
        return {
            CASES_TABLE_VARIABLE: f"{stack_name(settings)}-cases",
            **self._variables(settings, settings.api.http.token_secret),
        }


def _can_be_offered(customer: Any) -> bool:
    return isinstance(customer, dict) and all(isinstance(customer.get(name), str) for name in _OFFERED)
