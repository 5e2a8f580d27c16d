"""The API's Lambda function: an HTTP API asks it (payload format 2.0), behind CloudFront's /api/*.

    handler(event, context)              # what Lambda calls; its settings are the zip's settings.json
    handle = create_handler(settings)    # the same with other settings: ops.settings.api_settings(settings)

Its routes are those of case_routes.py, contact_routes.py and of the team's own routes.py.
"""

# ruff: noqa: E402
from __future__ import annotations

import gc

gc.disable()  # while importing, as the look-up does

import json
import os
from functools import partial
from typing import Any

import routes  # noqa: F401
from botocore.config import Config
from botocore.session import get_session  # boto3 would import what S3 needs too
from token_signing import STACK_VARIABLE, open_signer

import popdesk_api.case_routes
import popdesk_api.contact_routes  # noqa: F401  # they add themselves
from popdesk_api.admission import Admission
from popdesk_api.app import Services
from popdesk_api.candidates import LookUpAgain
from popdesk_api.cases import open_adapter
from popdesk_api.contacts import Contacts
from popdesk_api.once import open_writes
from popdesk_api.serving import Api
from popdesk_api.token_keys import TokenKeys

SETTINGS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "settings.json")
# Set by ops/cloud/template.yaml and by preview.
INSTANCE_VARIABLE = "POPDESK_INSTANCE_ID"
_LIMITS = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})


def create_handler(settings: dict[str, Any]) -> Api:
    """Return the function with these settings; what it needs is opened by the first request that needs it."""
    contacts: list[Contacts] = []

    def open_contacts() -> Contacts:
        if not contacts:
            client = get_session().create_client("connect", config=_LIMITS)
            contacts.append(Contacts(client, os.environ[INSTANCE_VARIABLE]))
        return contacts[0]

    def open_admission() -> Admission:
        return Admission(TokenKeys(), open_contacts(), os.environ[STACK_VARIABLE])

    def open_look_up() -> LookUpAgain:
        return LookUpAgain(settings["look_up"], open_contacts(), open_signer())

    open_cases = partial(open_adapter, settings)
    return Api(Services(settings, open_admission, open_contacts, open_cases, open_writes, open_look_up))


if os.path.exists(SETTINGS):
    with open(SETTINGS, encoding="utf-8") as _file:
        handler = create_handler(json.load(_file))

gc.freeze()
gc.enable()
