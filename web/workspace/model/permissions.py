"""Which permission a request or a subscription needs: the one table. Pure.

    needed_for_request("aws.connect.contact", "agent/getName")      # -> "User.Details.View"
    needed_for_topic("aws.connect.contact", "contact/connected")    # -> "Contact.Details.View"
    allows(["User.Details.View"], "User.Details.View")              # -> True
    allows(["*"], anything)                                         # -> True

The table is AWS's ("Third-party application permissions" in the agent workspace developer guide, and each request's own
page there). What AWS lists under no permission needs `*`, as AWS says of the application controller and of call
controls.
"""

CONTACT = "aws.connect.contact"
VOICE = "aws.connect.voice"
USER = "aws.connect.user"
WORKSPACE = "aws.connect.workspace"
ACTIVITY = "aws.connect.activity"

EVERYTHING = "*"
# Stands between two permissions either of which will do.
EITHER = " or "

# permission -> (requests, topics), each (namespace, name)
TABLE: tuple[tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]], ...] = (
    ("User.Details.View", ((CONTACT, "agent/getName"), (CONTACT, "agent/getARN")), ()),
    (
        "User.Configuration.View",
        (
            (CONTACT, "agent/getRoutingProfile"),
            (CONTACT, "agent/getChannelConcurrency"),
            (CONTACT, "agent/getExtension"),
            (CONTACT, "agent/getDialableCountries"),
            (CONTACT, "agent/listAvailabilityStates"),
            (CONTACT, "agent/listQuickConnects"),
            (USER, "getLanguage"),
            (VOICE, "voice/getOutboundCallPermission"),
            (VOICE, "voice/listDialableCountries"),
        ),
        (
            (USER, "languageChange"),
            (CONTACT, "agent/routingProfileChanged"),
            (CONTACT, "agent/enabledChannelListChanged"),
        ),
    ),
    ("User.Status.View", ((CONTACT, "agent/getState"),), ((CONTACT, "agent/stateChange"),)),
    (
        "Contact.Details.View",
        (
            (CONTACT, "contact/getInitialContactId"),
            (CONTACT, "contact/getType"),
            (CONTACT, "contact/getChannelType"),
            (CONTACT, "contact/getStateDuration"),
            (CONTACT, "contact/getQueue"),
            (CONTACT, "contact/getQueueTimestamp"),
        ),
        (
            (CONTACT, "contact/incoming"),
            (CONTACT, "contact/connected"),
            (CONTACT, "contact/acw"),
            (CONTACT, "contact/missed"),
            (CONTACT, "contact/cleared"),
            (CONTACT, "contact/destroy"),
        ),
    ),
    (
        "Contact.CustomerDetails.View",
        ((VOICE, "voice/getInitialCustomerPhoneNumber"), (VOICE, "contact/getPhoneNumber")),
        (),
    ),
    ("Contact.Attributes.View", ((CONTACT, "contact/getAttributes"),), ()),
    (
        "User.Status.Edit",
        (
            (CONTACT, "agent/setAvailabilityState"),
            (CONTACT, "agent/setAvailabilityStateByName"),
            (CONTACT, "agent/setOffline"),
        ),
        (),
    ),
    # AWS's pages disagree on setAvailabilityState: the guide's page of it has this one.
    (
        "User.Configuration.Edit",
        (
            (CONTACT, "agent/setAvailabilityState"),
            (CONTACT, "agent/setAvailabilityStateByName"),
            (CONTACT, "agent/setOffline"),
        ),
        (),
    ),
    (
        "Contact.Details.Edit",
        (
            (VOICE, "voice/createOutboundCall"),
            (CONTACT, "contact/transfer"),
            (CONTACT, "contact/addParticipant"),
            (CONTACT, "contact/accept"),
            (CONTACT, "contact/clear"),
        ),
        (),
    ),
)

# How the page looks is no one's data: every app may follow it. Of the agent's activity AWS names no permission
# (docs.aws.amazon.com/agentworkspace/latest/devguide/api-reference-3P-apps-activity-client.html).
FREE_REQUESTS = (
    (WORKSPACE, "getTheme"),
    (USER, "getTheme"),
    (USER, "getVisualMode"),
    (ACTIVITY, "sendActivity"),
)
FREE_TOPICS = (
    (USER, "visualModeChange"),
    (ACTIVITY, "expiration-warning"),
    (ACTIVITY, "expiration-warning-cleared"),
    (ACTIVITY, "session-extension-error"),
)

NAMES = tuple(row[0] for row in TABLE)

_REQUESTS: dict[tuple[str, str], str] = {}
_TOPICS: dict[tuple[str, str], str] = {}
for _permission, _requests, _topics in TABLE:
    for _pair in _requests:
        _REQUESTS[_pair] = _REQUESTS[_pair] + EITHER + _permission if _pair in _REQUESTS else _permission
    for _pair in _topics:
        _TOPICS[_pair] = _permission


def needed_for_request(namespace: str, command: str) -> str:
    """Return the permission a request needs: a name of the table, `*`, "" for none, or "A or B" where either will do."""
    pair = (namespace, command)
    return "" if pair in FREE_REQUESTS else _REQUESTS.get(pair, EVERYTHING)


def needed_for_topic(namespace: str, key: str) -> str:
    """Return the permission a subscription needs; topics outside `aws.connect.` are between apps and need none."""
    pair = (namespace, key)
    if pair in FREE_TOPICS or not namespace.startswith("aws.connect."):
        return ""
    return _TOPICS.get(pair, EVERYTHING)


def allows(granted: list[str], needed: str) -> bool:
    """Return whether the granted permissions (a list of names) cover the needed one."""
    return not needed or EVERYTHING in granted or any(name in granted for name in needed.split(EITHER))
