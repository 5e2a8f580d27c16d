"""Who is calling: reads the contact flow's event and gives one phone number or e-mail address, normalised.

    read_identity(event, "GB")             # -> Identity("phone", "+442079460018"); None where nothing usable is in it
    phone_number("020 7946 0018", "GB")    # -> "+442079460018" (E.164)
    email_address(" Ana@Example.COM ")     # -> "Ana@example.com"

Pure: reads no file, makes no call, and takes any event at all. The event's shape is Amazon Connect's
(docs.aws.amazon.com/connect/latest/adminguide/connect-lambda-functions.html); what its values hold is the caller's to
choose, so nothing of it is trusted.
"""

from __future__ import annotations

import re

from phonenumbers.phonenumberutil import (
    NumberParseException,
    PhoneNumberFormat,
    format_number,
    is_possible_number,
    parse,
)

TYPE_CHECKING = False  # typing's own would import typing, which costs a cold start some milliseconds
if TYPE_CHECKING:
    from typing import Any, Literal

    Kind = Literal["phone", "email"]

CHANNELS = ("VOICE", "CHAT", "TASK", "EMAIL")

# The flow's parameter for what the caller typed, as the article names it.
TYPED = "CustomerPhoneInput"
# Contact attributes that may say who a chat, task or e-mail is from, compared without case, `_` and `-`.
_EMAIL_ATTRIBUTES = ("customeremail", "email", "emailaddress")
_PHONE_ATTRIBUTES = ("customerphoneinput", "customerphone", "customerphonenumber", "phone", "phonenumber")
# Kinds of CustomerEndpoint that are addresses of people: others (CONTACT_FLOW, CONNECT_PHONENUMBER_ARN, ...) are not.
_ENDPOINTS = ("TELEPHONE_NUMBER", "EMAIL_ADDRESS", "VOIP", "")

# ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE dialled on a keypad: how some carriers write "number withheld"
# (help.twilio.com, "Why am I getting calls from these strange numbers?").
_WITHHELD = {"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"}

_LONGEST_PHONE = 64  # E.164 has at most 15 digits; the rest is for punctuation and a tel: URI's parameters
_LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3 (a path of 256, with its angle brackets)
# Not RFC 5322's grammar, on purpose: no quoted local parts, no comments. A directory's keys have neither.
_EMAIL = re.compile(r"[^\s@\"<>(),:;\\\[\]\x00-\x1f\x7f]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")


class Identity:
    """One way to find a customer.

    `kind` is "phone" (`value` in E.164) or "email" (`value` with its domain in lower case).
    Its repr leaves the value out, so that none reaches a log.
    """

    __slots__ = ("kind", "value")

    def __init__(self, kind: Kind, value: str) -> None:
        self.kind: Kind = kind
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and (self.kind, self.value) == (other.kind, other.value)

    def __hash__(self) -> int:
        return hash((self.kind, self.value))

    def __repr__(self) -> str:
        return f"<Identity {self.kind}>"


def read_identity(event: object, default_region: str) -> Identity | None:
    """Give who the contact is from; None where the event has no usable phone number or e-mail address.

    What the caller typed comes first, on every channel; then, on voice, the caller's number; on the other channels the
    contact's attributes (an e-mail address before a phone number) and then the endpoint.
    `default_region` (ISO 3166-1 alpha-2) is whose national numbers are meant where there is no +.
    """
    details = _table(_table(event).get("Details"))
    contact = _table(details.get("ContactData"))
    endpoint = _table(contact.get("CustomerEndpoint"))
    candidates = [_table(details.get("Parameters")).get(TYPED)]
    if contact.get("Channel") != "VOICE":
        attributes = {
            key.lower().replace("_", "").replace("-", ""): value
            for key, value in _table(contact.get("Attributes")).items()
            if isinstance(key, str)
        }
        candidates += [attributes.get(name) for name in _EMAIL_ATTRIBUTES + _PHONE_ATTRIBUTES]
    if (endpoint.get("Type") or "") in _ENDPOINTS:
        candidates.append(endpoint.get("Address"))
    for candidate in candidates:
        identity = _identify(candidate, default_region)
        if identity:
            return identity
    return None


def _identify(value: object, default_region: str) -> Identity | None:
    if not isinstance(value, str):
        return None
    if "@" in value:
        email = email_address(value)
        return Identity("email", email) if email else None
    phone = phone_number(value, default_region)
    return Identity("phone", phone) if phone else None


def phone_number(text: str, default_region: str) -> str:
    """Give the number in E.164 (ITU-T E.164: + and at most 15 digits), "" where it is none.

    A number of a possible length is taken: numbering plans change faster than a deployed Lambda's copy of them, and a
    number that does not exist finds no customer anyway.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST_PHONE or text in _WITHHELD:
        return ""
    # The second try is for callers who type the country code without a +, as the article's "prefix a +" had it.
    for attempt in (text, f"+{text}"):
        try:
            number = parse(attempt, default_region)
        except NumberParseException:
            continue
        if is_possible_number(number):
            e164 = format_number(number, PhoneNumberFormat.E164)
            # Zeros that lead are part of a number in Italy and a few others; elsewhere (00000000000) it is none: written with
            # its country's code it would be read as another.
            if not number.italian_leading_zero or parse(e164) == number:
                return e164
    return ""


def email_address(text: str) -> str:
    """Give the address with its domain in lower case (RFC 1035, 2.3.3: domains have no case), "" where it is none.

    The local part is kept as it is (RFC 5321, 2.4); a display name (`Ana <ana@example.com>`) is left out.
    """
    text = text[: 4 * _LONGEST_EMAIL].strip()
    if text.endswith(">"):
        text = text[text.rfind("<") + 1 : -1].strip()
    if len(text) > _LONGEST_EMAIL or not _EMAIL.fullmatch(text):
        return ""
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def _table(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
