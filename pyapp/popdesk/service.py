"""Popdesk as a service of the agent workspace: it hears that a contact is connected, and launches the page for it.

    start(settings)      # main.py, where the page's address ends in ?service, or ?service=pilot

A service is an application without a face that runs as long as the workspace (docs.aws.amazon.com/agentworkspace/latest/
devguide/building-3P-services.html). It is in this page, so that the browser has the page's files when the first contact
comes. No agent is let in before it has connected, and an exception out of its create handler counts as a failure: whatever
fails here is written to the workspace's log, and nothing is raised.
"""

import json

import js
from jsffi import to_js

from popdesk.browser import PILOT_SERVICE, callback, defined, now

if False:
    from typing import Any


def start(settings: "dict[str, Any]") -> None:
    """Say hello to the workspace as a service."""
    # The pilot's page has the live one's bytes (ops/cloud/promote.py): the address says which application is to be launched.
    Service(js.connectSDK, settings["pilot_name" if str(js.location.search) == PILOT_SERVICE else "name"])


class Service:
    """Launches the application `name`, once for each contact."""

    def __init__(self, sdk: "Any", name: str) -> None:
        self._name = name
        self._provider = sdk.AmazonConnectService.init(to_js({"onCreate": callback(self._created)})).provider
        self._contacts = sdk.ContactClient.new(self._provider)
        self._apps = sdk.AppControllerClient.new(to_js({"provider": self._provider}))
        self._logger = self._contacts.context.createLogger("popdesk.service")

    def _created(self, _: "Any") -> None:
        self._contacts.onConnected(callback(self._connected))
        # Those that were there before: the agent may have loaded the workspace anew.
        to_json = js.Reflect.get(js.JSON, "stringify")
        self._contacts.listContacts().then(to_json).then(callback(self._listed)).then(None, callback(self._failed))
        self._logger.info("Service created")

    def _listed(self, text: "Any") -> None:
        for contact in json.loads(text or "[]"):
            self._launch(contact["contactId"])

    def _connected(self, event: "Any") -> None:
        contact = str(event.contactId)
        # The page hears nothing of what was before it: it is told, and since when, so that it can see whether it still holds.
        first = defined(getattr(event, "initialContactId", None))
        self._launch(contact, {"connectedAt": str(int(now())), "initialContactId": str(first or contact)})

    def _launch(self, contact_id: str, parameters: "dict[str, str] | None" = None) -> None:
        options = {
            "scope": {"type": "contact", "contactId": contact_id},
            # A contact that is connected twice, after a hold or in both lists, has one page.
            "launchKey": self._name + " " + contact_id,
        }
        if parameters:
            options["parameters"] = parameters
        self._apps.launchApp(self._name, to_js(options)).then(None, callback(self._failed))

    def _failed(self, error: "Any") -> None:
        said = getattr(error, "reason", None) or getattr(error, "message", None)
        self._logger.error("Service failed", to_js({"reason": str(defined(said) or "it said nothing")}))
