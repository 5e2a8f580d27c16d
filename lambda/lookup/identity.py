"""Who is calling: reads the contact flow's event and returns one phone number or e-mail address, normalised.

    identity = read_identity(event, "GB")   # -> Identity("phone", "+442079460018"); None where nothing usable is in it
    identity.spellings                      # -> ("+442079460018",): what a directory is asked for, in this order
    phone_number("020 7946 0018", "GB")     # -> "+442079460018" (E.164)
    email_address("Ana@Example.COM")        # -> "Ana@example.com"
    directory_key("email", "Ana@example.com")   # -> "ana@example.com": the one spelling that a directory is keyed by

Pure: reads no file, makes no call, and takes any event at all. The event's shape is Amazon Connect's
(docs.aws.amazon.com/connect/latest/adminguide/connect-lambda-functions.html); what its values hold is the caller's to
choose, so nothing of it is trusted: a wrong number is worse than none.

Patterns are texts, compiled when first used: a caller in E.164, which is nearly every one, needs none of them, and
compiling them all would cost each cold start some milliseconds.
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

TYPE_CHECKING = False  # typing's own would import typing, which costs a cold start some milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Literal

    from phonenumbers.phonenumber import PhoneNumber

    Kind = Literal["phone", "email"]

CHANNELS = ("VOICE", "CHAT", "TASK", "EMAIL")

# Contact attributes that may say who a contact is from, compared without case, `_` and `-`.
_EMAIL_ATTRIBUTES = ("customeremail", "email", "emailaddress")
_PHONE_ATTRIBUTES = ("customerphoneinput", "customerphone", "customerphonenumber", "phone", "phonenumber")
# What Amazon Connect's own chat widget puts before the names that its page gives, and any visitor can change
# (docs.aws.amazon.com/connect/latest/adminguide/pass-attributes-directly.html).
_WIDGET = "hostedwidget"
# Kinds of CustomerEndpoint that are addresses of people, and what they hold: others (CONTACT_FLOW,
# CONNECT_PHONENUMBER_ARN, ...) are not.
_ENDPOINTS: dict[str, tuple[Kind, ...]] = {
    "TELEPHONE_NUMBER": ("phone",),
    "VOIP": ("phone",),
    "EMAIL_ADDRESS": ("email",),
    "": ("phone", "email"),
}

_LONGEST_PHONE = 64  # E.164 has at most 15 digits; the rest is for punctuation and a tel: URI's parameters
_SURELY_A_NUMBER = 9  # digits without the country's code: dates have eight at most

# Characters that are not seen: soft hyphen, zero-width spaces, marks of direction, byte order mark.
_INVISIBLE = (
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
# A number and nothing else: digits (of any script) and what people write between them. A plus only at its beginning.
_SHAPE = r"[(（\[［]?[+＋]?[(（]?\d[\d\s()（）\[\]［］.．/／\-‐-―−ー－]*"
# An extension, which is no part of E.164: named, or after the pauses that telephones dial. As
# phonenumberutil._EXTN_PATTERN has it, but no longer than extensions are: more digits are a second number.
_EXTENSION = r"(?:;ext=|[\s,;]*(?:e?xt(?:ensi(?:o\u0301?|ó))?n?|anexo|доб|int|x|#)[.:]?\s*|\s*(?:,,+|;)\s*)\d{1,7}#?$"
# 2065550100.0: a spreadsheet's or a program's number. Read as digits it would be ten times as long.
_DECIMAL = r"[+＋]?\d+[.．]\d{1,2}"
_SLASH = "[/／]"
_PLUS = ("+", "＋")

# Countries that have made their numbers longer: the region, how many digits they had, where the new ones stand, and which.
# In Brazil it was mobiles alone, one area after the other until 2016; in Benin all numbers, in 2024.
_GROWN = {"+55": ("BR", 10, 2, "9"), "+229": ("BJ", 8, 0, "01")}

_LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3 (a path of 256, with its angle brackets)
# Not RFC 5322's grammar, on purpose: no quoted local parts, no comments. A directory's keys have neither. Nor have they halves
# of characters, which JSON lets pass and nothing can send on.
_EMAIL = (
    r"[^\s@\"<>(),:;\\\[\]\x00-\x1f\x7f\ud800-\udfff]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]"
)


class Identity:
    """One way to find a customer.

    `kind` is "phone" (`value` in E.164) or "email" (`value` as it was written, its domain in lower case). `written` is
    the spelling that came, where that is another one than `value`. Its repr leaves all out, so that none reaches a log.
    """

    __slots__ = ("_written", "kind", "value")

    def __init__(self, kind: Kind, value: str, written: str = "") -> None:
        self.kind: Kind = kind
        self.value = value
        self._written = written

    @property
    def spellings(self) -> tuple[str, ...]:
        """Return all the ways in which a directory may have it, in the order in which it is asked: as written first."""
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
    """Return who the contact is from; None where the event has no usable phone number or e-mail address.

    What the caller typed comes first, on every channel; then, on a call from a telephone, the caller's number. Web
    calls, chats, tasks and e-mails say who they are from in the contact's attributes (an e-mail address before a phone
    number; what the chat widget was given by its page, which a visitor can change, last) and then the endpoint.
    `default_region` (ISO 3166-1 alpha-2) is whose national numbers are meant where there is no +.
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
            (key.lower().replace("_", "").replace("-", ""), value)
            for key, value in _table(contact.get("Attributes")).items()
            if isinstance(key, str)
        ]
        for prefix in ("", _WIDGET):
            for name in _EMAIL_ATTRIBUTES + _PHONE_ATTRIBUTES:
                for key, value in attributes:
                    if key == prefix + name:
                        yield ("phone", "email"), value
    endpoint = _table(contact.get("CustomerEndpoint"))
    kind = endpoint.get("Type") or ""
    if isinstance(kind, str) and kind in _ENDPOINTS:
        # A call's address with an @ is where its SIP call came from, and nobody's e-mail address.
        yield (("phone",) if voice else _ENDPOINTS[kind]), endpoint.get("Address")


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
    """Return the one spelling under which a directory keeps a normalised number or address, whichever it was given.

    Two spellings of one mobile have one key, and so have `Ana.Silva@example.com` and `ana.silva@example.com`: providers
    do not tell them apart (though RFC 5321, 2.4, would let them), and phones write a capital where a word begins.
    """
    return (_phone_spellings if kind == "phone" else _email_spellings)(value)[-1]


# -- phone numbers ---------------------------------------------------------------------------------------------------------


def phone_number(text: str, default_region: str) -> str:
    """Return the number in E.164 (ITU-T E.164: + and at most 15 digits), "" where `text` is not one number and no more.

    Taken are national numbers of `default_region`, numbers with a + or a prefix for calls abroad, and those of callers
    who type the country's code alone; a `tel:` before it, an extension after it, a spreadsheet's ' or ="..." around it
    and characters that are not seen are left out. Refused are numbers that are only dialled locally (`555-0100`),
    letters of any kind, decimals (`2065550100.0`), two numbers, and what carriers send for "number withheld".
    """
    text = _unwrapped(text)
    if not text or f"+{_digits(text)}" in WITHHELD_NUMBERS:
        return ""
    number = _parse(text, default_region)
    if number is None and text[0] not in _PLUS:
        # For callers who type the country's code without a +, as the article's "prefix a +" had it: a guess.
        number = _parse(f"+{text}", default_region)
        if number and not (len(national_significant_number(number)) >= _SURELY_A_NUMBER and is_valid_number(number)):
            return ""
    if number is None or _are_two(text, number, default_region):
        return ""
    e164 = format_number(number, PhoneNumberFormat.E164)
    return "" if e164 in WITHHELD_NUMBERS else e164


def _unwrapped(text: str) -> str:
    """Return the number without what may stand around it; "" where something else than a number is left."""
    if len(text) > _LONGEST_PHONE:
        return ""
    if text[:1] == "+" and text[1:].isascii() and text[1:].isdecimal():
        return text
    text = re.sub(_INVISIBLE, "", text).strip()
    # What keeps a spreadsheet from reading a number as one: '+1..., ="+1...", "+1..."
    text = text.removeprefix("=").strip("'\"’ ")
    context = ""
    if text[:4].lower() == "tel:":
        # RFC 3966: of its parameters, a phone-context says what stands before a number that is not global.
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
    """Return the number that `text` is as a whole, None where it is none."""
    try:
        number = parse(text, default_region)
    except NumberParseException:
        return None
    national = national_significant_number(number)
    if number.country_code == 52 and len(national) == 11 and national[0] == "1":
        # Mexico's mobiles had a 1 after the country's code until 2019; WhatsApp's addresses still have it.
        number.national_number = int(national[1:])
    if is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE or not number.national_number:
        return None
    if text[0] not in _PLUS and not _is_whole(text, number):
        return None
    # Zeros that lead are part of a number in Italy and a few others; elsewhere (00000000000) it is none: written with
    # its country's code it would be read as another.
    if number.italian_leading_zero and parse(format_number(number, PhoneNumberFormat.E164)) != number:
        return None
    return number


def _is_whole(text: str, number: PhoneNumber) -> bool:
    """Return whether `text`, which has no +, is `number` with all of its digits, and nothing else that is typed.

    A number with few digits may as well be a date of birth or a customer's number: it must be one that its country has
    given out, with the 0 before its area code where the country dials one (in Germany 030 121980 is a number and 30121980
    a date). For a longer one it is enough that the country's numbers look so (North America's begin with no 0 and no 1):
    numbering plans change faster than a deployed Lambda's copy of them, and a number that does not exist finds no
    customer anyway.
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
    """Return whether two numbers stand in `text`: where numbers are of any length, both together look like one.

    `0301234 / 0305678` and `0301234 0305678` are two, and so are `030 901820/21` and `901820/901821`; `030/901820`,
    `06/12/34/56/78` and `020 7946 0018` are one.
    """
    if text[1:].isdecimal():
        return False
    pieces = [_digits(piece) for piece in re.split(_SLASH, text)]
    if len(pieces) > 1 and len(pieces[-1]) <= 2 and len(pieces[-2]) >= 5:
        return True
    if len(pieces) == 2 and len(pieces[0]) >= 6 and len(pieces[1]) >= 6:
        # One number where the slash stands behind its area code, as in +49 3981/201234.
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
    """Return in how many ways the number in E.164 is written; the last one is the directory's key.

    Two ways are in use where a country has changed its numbers and networks, WhatsApp above all, keep the old ones, and
    in Argentina, whose mobiles have a 9 when they are called from abroad
    (github.com/google/libphonenumber/blob/master/FAQ.md).
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
    for code, (region, length, at, added) in _GROWN.items():
        if e164.startswith(code):
            national = e164[len(code) :]
            longer = len(national) == length + len(added) and national.startswith(added, at)
            if not longer and len(national) != length:
                continue
            short = f"{code}{national[:at]}{national[at + len(added) :]}" if longer else e164
            long = e164 if longer else f"{code}{national[:at]}{added}{national[at:]}"
            if _is_valid(long, region) and not _is_valid(short, region):  # else both are numbers, and two people's
                return (short, long)
    return (e164,)


# -- e-mail addresses ------------------------------------------------------------------------------------------------------


def email_address(text: str) -> str:
    """Return the address with its domain in lower case (RFC 1035, 2.3.3: domains have no case), "" where it is none.

    The local part is kept as it is, for it is what is shown; `directory_key` folds it. A display name
    (`Ana <ana@example.com>`) and characters that are not seen are left out.
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
