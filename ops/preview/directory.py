"""The directory that preview asks with `--adapter NAME`: the one of the settings, instead of the sample file.

    directory = Directory("dynamodb", profile="")
    settings = directory.settings(load_settings(environment="prod"))   # with that adapter
    directory.environment(settings)                                    # -> {"AWS_REGION": "eu-west-1", ...}, for LocalLambda

The Lambda gets what AWS would give it: its environment variables, the region, and credentials, here those of the developer. The
role's permissions and the VPC are not here: preview may reach more, or less, than the Lambda does.
"""

from __future__ import annotations

import os

from botocore.exceptions import BotoCoreError
from botocore.session import Session
from pydantic import ValidationError

from ops.cloud.aws_errors import LOG_IN
from ops.cloud.names import stack_name
from ops.errors import UserError
from ops.settings import Lookup, Settings
from ops.site.lambda_zip import CUSTOMERS_TABLE_VARIABLE

# How this machine reaches AWS and others; Lambda's own environment has no need of them.
_PASSED_ON = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Directory:
    """The adapter to ask, and the AWS profile ("" for the default one) whose credentials it gets."""

    def __init__(self, adapter: str, profile: str = "") -> None:
        self._adapter = adapter
        self._session = Session(profile=profile or None)

    def settings(self, settings: Settings) -> Settings:
        """Return `settings` with this adapter. Raises UserError if there is none of that name, or its own settings are wrong."""
        try:
            lookup = Lookup.model_validate({**settings.lookup.model_dump(), "adapter": self._adapter})
        except ValidationError as error:
            reasons = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
            raise UserError(
                f"--adapter {self._adapter}", reasons, "name another one, or correct the settings", 2
            ) from None
        return settings.model_copy(update={"lookup": lookup})

    def environment(self, settings: Settings) -> dict[str, str]:
        """Return the Lambda's environment variables. Raises UserError if it needs AWS credentials and there are none."""
        known = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.startswith("AWS_ENDPOINT_URL")
        }
        return {
            **known,
            **settings.lookup.environment,
            "AWS_REGION": settings.aws.region,
            CUSTOMERS_TABLE_VARIABLE: f"{stack_name(settings)}-customers",
            **self._credentials(settings),
        }

    def _credentials(self, settings: Settings) -> dict[str, str]:
        try:
            found = self._session.get_credentials()
            frozen = found.get_frozen_credentials() if found else None
        except BotoCoreError as error:
            raise UserError("AWS credentials", str(error), LOG_IN) from None
        if frozen is None:
            adapter = settings.lookup.adapter
            if adapter == "dynamodb" or (adapter == "http" and settings.lookup.http.token_secret):
                raise UserError("AWS credentials", f'there are none, and the adapter "{adapter}" needs them', LOG_IN)
            return {}
        token = {"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {}
        return {"AWS_ACCESS_KEY_ID": frozen.access_key, "AWS_SECRET_ACCESS_KEY": frozen.secret_key, **token}
