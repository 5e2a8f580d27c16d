"""The AWS account of the tests: what it is called, and settings that are released to it.

    settings = deployable_settings(log_retention_days=7)    # production's, with the account's instance and queue

tests/aws/moto_server.py serves it.
"""

from __future__ import annotations

from typing import Any

from ops.rehearse.connect import AppIntegrations, Connect
from ops.rehearse.policy import Place
from ops.settings import Settings, load_settings

ACCOUNT, REGION = "123456789012", "us-east-1"
INSTANCE = f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/11111111-2222-3333-4444-555555555555"
QUEUE = f"{INSTANCE}/queue/99999999-2222-3333-4444-555555555555"
STACK = "popdesk-prod"
SITE = f"{STACK}-site-{ACCOUNT}-{REGION}"
PLACE = Place("aws", REGION, ACCOUNT, INSTANCE)


def deployable_settings(**aws: Any) -> Settings:
    """Return production's settings with an instance and a queue."""
    settings = load_settings(environment="prod")
    update = {"instance_arn": INSTANCE, "queue": QUEUE, **aws}
    return settings.model_copy(update={"aws": settings.aws.model_copy(update=update)})


def make_connect() -> Connect:
    """Return the instance: three security profiles, a queue, nothing associated."""
    made = Connect(PLACE, "BasicQueue", AppIntegrations(PLACE))
    made.queue_arn = QUEUE
    return made
