"""Find out who is calling: read one phone number or e-mail address from the contact flow's event, and normalise it.

    identity = read_identity(event, "GB")   # -> Identity("phone", "+442079460018"), None if it has nothing usable
    identity.spellings                      # -> ("+442079460018",): what a directory is searched for, in this order
    phone_number("020 7946 0018", "GB")     # -> "+442079460018" (E.164)
    email_address("Ana@Example.COM")        # -> "Ana@example.com"
    directory_key("email", "Ana@example.com")   # -> "ana@example.com": the spelling that is the key in a directory

Pure functions, which accept any event. Its structure is Amazon Connect's
(docs.aws.amazon.com/connect/latest/adminguide/connect-lambda-functions.html), but callers choose its values, so none is
trusted: a wrong number is worse than no number.

Patterns are strings that `re` compiles when they are first used: most callers have a number in E.164, which needs none of
them, and compiling them all would make each cold start some milliseconds slower.
"""

from __future__ import annotations

import re

from flow_contract import TYPED, WEB_CALL, WITHHELD_NUMBERS
from phonenumbers.phonemetadata import PhoneMetadata
from phonenumbers.phonenumberutil import (
    NumberParseException,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    is_valid_number,
    length_of_national_destination_code,
    national_significant_number,
    parse,
    region_code_for_country_code,
)

TYPE_CHECKING = False  # not imported from typing, which would make a cold start some milliseconds slower
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Literal

    from phonenumbers.phonenumber import PhoneNumber

    Kind = Literal["phone", "email"]

CHANNELS = ("VOICE", "CHAT", "TASK", "EMAIL")

# Contact attributes that may say who a contact is from, in this order, compared ignoring case, `_` and `-`.
_ATTRIBUTES = (
    "customeremail",
    "email",
    "emailaddress",
    "customerphoneinput",
    "customerphone",
    "customerphonenumber",
    "phone",
    "phonenumber",
)
# The prefix that Amazon Connect's own chat widget adds to attributes set by its web page, which any visitor can change
# (docs.aws.amazon.com/connect/latest/adminguide/pass-attributes-directly.html).
_WIDGET = "hostedwidget"
# The types of CustomerEndpoint that identify a person, and how. Others (CONTACT_FLOW, CONNECT_PHONENUMBER_ARN, ...) do not.
_ENDPOINTS: dict[str, tuple[Kind, ...]] = {
    "TELEPHONE_NUMBER": ("phone",),
    "VOIP": ("phone",),
    "EMAIL_ADDRESS": ("email",),
    "": ("phone", "email"),
}

_LONGEST_PHONE = 64  # E.164 has at most 15 digits; the rest allows for punctuation and parameters of a tel: URI
_SURELY_A_NUMBER = 9  # digits without the country code: dates have at most eight

# Invisible characters: soft hyphen, zero-width spaces, direction marks, byte order mark.
_INVISIBLE = (
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
# Only digits (of any script) and what people write between them, with a plus only at the beginning.
_SHAPE = r"[(（\[［]?[+＋]?[(（]?\d[\d\s()（）\[\]［］.．/／\-‐-―−ー－]*"
# An extension, which is not part of E.164: named, or after the characters for a dialling pause. Like
# phonenumberutil._EXTN_PATTERN but shorter, because more digits are a second number.
_EXTENSION = r"(?:;ext=|[\s,;]*(?:e?xt(?:ensi(?:o\u0301?|ó))?n?|anexo|доб|int|x|#)[.:]?\s*|\s*(?:,,+|;)\s*)\d{1,7}#?$"
# 2065550100.0, as spreadsheets and programs write floats: without the point it would be another phone number.
_DECIMAL = r"[+＋]?\d+[.．]\d{1,2}"
_SLASH = "[/／]"
_PLUS = ("+", "＋")

# Countries that have made their numbers longer, by country code: the region, the old length, where the new digits were
# inserted, and which. In Brazil only mobile numbers, one area after the other until 2016; in Benin all numbers, in 2024.
_LENGTHENED = {"+55": ("BR", 10, 2, "9"), "+229": ("BJ", 8, 0, "01")}

_LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3 (a path of 256, with its angle brackets)
# Less than RFC 5322 allows: no quoted local parts and no comments, which directories do not have, and no lone surrogates,
# which JSON allows but UTF-8 cannot encode.
_EMAIL = (
    r"[^\s@\"<>(),:;\\\[\]\x00-\x1f\x7f\ud800-\udfff]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]"
)


class Identity:
    """A phone number or e-mail address by which a customer may be found.

    `kind` is "phone" (`value` in E.164) or "email" (`value` as written, with the domain in lower case). `written` is the
    original spelling if it differs from `value`. The repr shows neither, so that no personal data reaches a log.
    """

    __slots__ = ("_written", "kind", "value")

    def __init__(self, kind: Kind, value: str, written: str = "") -> None:
        self.kind: Kind = kind
        self.value = value
        self._written = written

    @property
    def spellings(self) -> tuple[str, ...]:
        """Return every spelling that a directory may have, in the order to try them: the original one first."""
        spellings = (_phone_spellings if self.kind == "phone" else _email_spellings)(self.value)
        first = self._written if self._written in spellings else self.value
        return (first, *(spelling for spelling in spellings if spelling != first))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and (self.kind, self.value) == (other.kind, other.value)

    def __hash__(self) -> int:
        return hash((self.kind, self.value))

    def __repr__(self) -> str:
        return f"<Identity {self.kind}>"


def read_identity(event: object, default_region: str) -> Identity | None:
    """Return who the contact is from, None if the event has no usable phone number or e-mail address.

    On every channel, what the caller typed comes first. Then, on a telephone call, the caller's number; on a web call, chat,
    task or e-mail the contact's attributes and then its endpoint. Among the attributes an e-mail address comes before a
    phone number, and those that the chat widget's web page has set come last, since a visitor can change them.
    `default_region` (ISO 3166-1 alpha-2) is the country of numbers that have no +.
    """
    details = _table(_table(event).get("Details"))
    contact = _table(details.get("ContactData"))
    for kinds, candidate in _candidates(_table(details.get("Parameters")), contact):
        identity = _identify(candidate, default_region, kinds)
        if identity:
            return identity
    return None


def _candidates(parameters: dict[Any, Any], contact: dict[Any, Any]) -> Iterator[tuple[tuple[Kind, ...], object]]:
    yield ("phone", "email"), parameters.get(TYPED)
    voice = contact.get("Channel") == "VOICE"
    if not voice or _subtype(contact) == WEB_CALL:
        attributes = [
            (_folded(key), value) for key, value in _table(contact.get("Attributes")).items() if isinstance(key, str)
        ]
        for prefix in ("", _WIDGET):
            for name in _ATTRIBUTES:
                for key, value in attributes:
                    if key == prefix + name:
                        yield ("phone", "email"), value
    endpoint = _table(contact.get("CustomerEndpoint"))
    kind = endpoint.get("Type") or ""
    if isinstance(kind, str) and kind in _ENDPOINTS:
        # A call's address with an @ is a SIP address, not an e-mail address.
        yield (("phone",) if voice else _ENDPOINTS[kind]), endpoint.get("Address")


def is_identity_attribute(key: str) -> bool:
    """Return whether a contact attribute of this name may say who the contact is from."""
    return _folded(key).removeprefix(_WIDGET) in _ATTRIBUTES


def _folded(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _subtype(contact: dict[Any, Any]) -> object:
    return _table(_table(contact.get("SegmentAttributes")).get("connect:Subtype")).get("ValueString")


def _identify(value: object, default_region: str, kinds: tuple[Kind, ...]) -> Identity | None:
    if not isinstance(value, str):
        return None
    if "@" in value:
        email = email_address(value) if "email" in kinds else ""
        return Identity("email", email) if email else None
    phone = phone_number(value, default_region) if "phone" in kinds else ""
    return Identity("phone", phone, f"+{_digits(value)}") if phone else None


def directory_key(kind: str, value: str) -> str:
    """Return the spelling of a normalised number or address that is its key in a directory.

    All spellings of a number have the same key, and so do `Ana.Silva@example.com` and `ana.silva@example.com`: providers
    treat them as the same (though RFC 5321, 2.4, allows them not to), and phones capitalise the first letter typed.
    """
    return (_phone_spellings if kind == "phone" else _email_spellings)(value)[-1]


# -- phone numbers ---------------------------------------------------------------------------------------------------------


def phone_number(text: str, default_region: str) -> str:
    """Return the number in E.164 (ITU-T E.164: + and at most 15 digits), "" unless `text` is exactly one phone number.

    Accepted are national numbers of `default_region`, and international numbers with a +, an international prefix or the
    country code alone. A `tel:` before the number, an extension, a spreadsheet's ' or ="..." and invisible characters are
    ignored. Rejected are numbers that can only be dialled locally (`555-0100`), letters, decimals (`2065550100.0`), two
    numbers, and what carriers send for a withheld number.
    """
    text = _unwrap(text)
    if not text or f"+{_digits(text)}" in WITHHELD_NUMBERS:
        return ""
    number = _parse(text, default_region)
    if number is None and text[0] not in _PLUS:
        # A caller may have typed the country code without a +. This is a guess, so the number must exist.
        number = _parse(f"+{text}", default_region)
        if number and not (len(national_significant_number(number)) >= _SURELY_A_NUMBER and is_valid_number(number)):
            return ""
    if number is None or _are_two(text, number, default_region):
        return ""
    e164 = format_number(number, PhoneNumberFormat.E164)
    return "" if e164 in WITHHELD_NUMBERS else e164


def _unwrap(text: str) -> str:
    """Return the number without what may surround it, "" if more than a number remains."""
    if len(text) > _LONGEST_PHONE:
        return ""
    if text[:1] == "+" and text[1:].isascii() and text[1:].isdecimal():
        return text
    text = re.sub(_INVISIBLE, "", text).strip()
    # How spreadsheets are told that a phone number is text: '+1..., ="+1...", "+1..."
    text = text.removeprefix("=").strip("'\"’ ")
    context = ""
    if text[:4].lower() == "tel:":
        # RFC 3966: the parameter phone-context has the beginning of a number that is not global.
        text, *parameters = text[4:].split(";")
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "phone-context" and value[:1] == "+":
                context = value
    text = re.sub(_EXTENSION, "", text, flags=re.IGNORECASE).strip()
    if context and text[:1] not in _PLUS:
        text = context + text
    return text if re.fullmatch(_SHAPE, text) and not re.fullmatch(_DECIMAL, text) else ""


def _parse(text: str, default_region: str) -> PhoneNumber | None:
    """Return the number if `text` as a whole is one, else None."""
    try:
        number = parse(text, default_region)
    except NumberParseException:
        return None
    national = national_significant_number(number)
    if number.country_code == 52 and len(national) == 11 and national[0] == "1":
        # Mexican mobile numbers had a 1 after the country code until 2019; WhatsApp still uses it.
        number.national_number = int(national[1:])
    if is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE or not number.national_number:
        return None
    if text[0] not in _PLUS and not _is_complete(text, number):
        return None
    # Leading zeros are part of a number in Italy and a few other countries. Elsewhere (00000000000) the number is wrong: in
    # E.164 it would be read as a different one.
    if number.italian_leading_zero and parse(format_number(number, PhoneNumberFormat.E164)) != number:
        return None
    return number


def _is_complete(text: str, number: PhoneNumber) -> bool:
    """Return whether `text`, which has no +, is a complete phone number and not something else that callers type.

    A short number may be a date of birth or a customer number instead. So it must be in use by the numbering plan, and have
    the 0 before its area code in countries that dial one (in Germany 030 121980 is a number and 30121980 a date). A longer
    number only has to match the country's general pattern (in North America it does not begin with 0 or 1): numbering plans
    change faster than a deployed Lambda's copy of them, and a number that does not exist finds no customer anyway.
    """
    national = national_significant_number(number)
    metadata = PhoneMetadata.metadata_for_region(region_code_for_country_code(number.country_code or 0), None)
    pattern = metadata.general_desc.national_number_pattern if metadata and metadata.general_desc else None
    if not pattern or not re.fullmatch(pattern, national):
        return False
    if len(national) >= _SURELY_A_NUMBER:
        return True
    written, e164 = _digits(text), format_number(number, PhoneNumberFormat.E164)
    dialled = _digits(format_number(number, PhoneNumberFormat.NATIONAL))
    return (written == dialled or written.endswith(e164[1:])) and bool(is_valid_number(number))


def _are_two(text: str, number: PhoneNumber, default_region: str) -> bool:
    """Return whether `text` contains two numbers, which together may look like one in countries with variable lengths.

    `0301234 / 0305678`, `0301234 0305678`, `030 901820/21` and `901820/901821` are two numbers. `030/901820`,
    `06/12/34/56/78` and `020 7946 0018` are one.
    """
    if text[1:].isdecimal():
        return False
    pieces = [_digits(piece) for piece in re.split(_SLASH, text)]
    if len(pieces) > 1 and len(pieces[-1]) <= 2 and len(pieces[-2]) >= 5:
        return True
    if len(pieces) == 2 and len(pieces[0]) >= 6 and len(pieces[1]) >= 6:
        # It is one number if the slash follows the area code, as in +49 3981/201234.
        return len(national_significant_number(number)) - len(pieces[1]) != length_of_national_destination_code(number)
    for gap in re.finditer(r"[\s/／]+(?=[(（]?0)", text):
        both = (text[: gap.start()], text[gap.end() :])
        if all(len(_digits(one)) >= 7 and _is_valid(one, default_region) for one in both):
            return True
    return False


def _is_valid(text: str, default_region: str) -> bool:
    try:
        return bool(is_valid_number(parse(text, default_region)))
    except NumberParseException:
        return False


def _digits(text: str) -> str:
    return "".join(str(int(character)) for character in text if character.isdecimal())


def _phone_spellings(e164: str) -> tuple[str, ...]:
    """Return the spellings of a number in E.164; the last one is the directory's key.

    Two spellings are in use if a country has changed its numbers and networks (mostly WhatsApp) keep the old ones, and in
    Argentina, where mobile numbers have a 9 when called from abroad (github.com/google/libphonenumber/blob/master/FAQ.md).
    """
    country, national = e164[:3], e164[3:]
    if country == "+52" and len(national) == 11 and national[0] == "1":
        return (e164, f"+52{national[1:]}")
    if country == "+52" and len(national) == 10:
        return (f"+521{national}", e164)
    if country == "+54" and len(national) == 11 and national[0] == "9":
        return (e164, f"+54{national[1:]}")
    if country == "+54" and len(national) == 10 and national[0] in "123":
        return (f"+549{national}", e164)
    for code, (region, length, at, added) in _LENGTHENED.items():
        if e164.startswith(code):
            national = e164[len(code) :]
            longer = len(national) == length + len(added) and national.startswith(added, at)
            if not longer and len(national) != length:
                continue
            short = f"{code}{national[:at]}{national[at + len(added) :]}" if longer else e164
            long = e164 if longer else f"{code}{national[:at]}{added}{national[at:]}"
            if _is_valid(long, region) and not _is_valid(short, region):  # else both exist and belong to two people
                return (short, long)
    return (e164,)


# -- e-mail addresses ------------------------------------------------------------------------------------------------------


def email_address(text: str) -> str:
    """Return the address with its domain in lower case (RFC 1035, 2.3.3), "" if `text` is not an address.

    The local part keeps its case, since the agent sees it; `directory_key` ignores it. A display name
    (`Ana <ana@example.com>`) and invisible characters are removed.
    """
    text = re.sub(_INVISIBLE, "", text[: 4 * _LONGEST_EMAIL]).strip()
    if text.endswith(">"):
        text = text[text.rfind("<") + 1 : -1].strip()
    if len(text) > _LONGEST_EMAIL or not re.fullmatch(_EMAIL, text):
        return ""
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def _email_spellings(address: str) -> tuple[str, ...]:
    folded = address.lower()
    return (folded,) if folded == address else (address, folded)


def _table(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
