"""Events of a contact flow as Amazon Connect sends them to a Lambda.

contact_event(address="+12065550100")                  # a voice contact from that number
contact_event("CHAT", attributes={"email": "a@example.com"})
"""

from __future__ import annotations

from typing import Any

CONTACT_ID = "4a573372-1f28-4e26-b97b-0123456789ab"


def contact_event(
    channel: str = "VOICE",
    address: object = None,
    kind: str = "TELEPHONE_NUMBER",
    typed: object = None,
    attributes: dict[str, Any] | None = None,
    subtype: str = "",
) -> dict[str, Any]:
    """Return the event (docs.aws.amazon.com/connect/latest/adminguide/connect-lambda-functions.html)."""
    return {
        "Name": "ContactFlowEvent",
        "Details": {
            "ContactData": {
                "Attributes": attributes or {},
                "Channel": channel,
                "ContactId": CONTACT_ID,
                "InitialContactId": CONTACT_ID,
                "PreviousContactId": CONTACT_ID,
                "CustomerEndpoint": None if address is None else {"Address": address, "Type": kind},
                "SystemEndpoint": {"Address": "+18005550199", "Type": "TELEPHONE_NUMBER"},
                "InitiationMethod": "INBOUND",
                "InstanceARN": "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555",
                "LanguageCode": "en-US",
                "Queue": None,
                "References": {},
                "SegmentAttributes": {"connect:Subtype": {"ValueString": subtype}} if subtype else {},
            },
            "Parameters": {} if typed is None else {"CustomerPhoneInput": typed},
        },
    }
