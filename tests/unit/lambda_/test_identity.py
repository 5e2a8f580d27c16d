"""Who is calling: numbers and addresses in every form callers and channels bring them, and everything that is neither."""

from __future__ import annotations

from typing import Any

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from identity import Identity, email_address, phone_number, read_identity

from tests.unit.lambda_.events import contact_event


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+12065550100", "US", "+12065550100"),
        ("+12065550100", "GB", "+12065550100"),
        ("020 7946 0018", "GB", "+442079460018"),  # the article's "prefix a +" made +02079460018 of it
        ("(0)20 7946-0018", "GB", "+442079460018"),
        ("+44 (0)20 7946 0018", "US", "+442079460018"),
        ("0044 20 7946 0018", "GB", "+442079460018"),
        ("011 44 20 7946 0018", "US", "+442079460018"),
        ("442079460018", "US", "+442079460018"),  # typed with its country code and no +
        ("2065550100", "US", "+12065550100"),
        ("12065550100", "US", "+12065550100"),
        ("(206) 555-0100", "US", "+12065550100"),
        ("tel:+1-206-555-0100", "GB", "+12065550100"),
        ("+1 206 555 0100 ext. 7", "US", "+12065550100"),
        ("  +12065550100\n", "US", "+12065550100"),
        ("+１２０６５５５０１００", "US", "+12065550100"),  # full-width digits
        ("+390236618300", "US", "+390236618300"),  # Italy's leading zero belongs to the number
    ],
)
def test_phone_numbers_become_e164(text: str, region: str, expected: str) -> None:
    assert phone_number(text, region) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "anonymous",
        "Timeout",
        "+",
        "123",
        "+266696687",
        "+999123456789",
        "1" * 10_000,
        "+1" + "0" * 40,
        "\x00",
        "\ud800",
    ],
)
def test_what_is_no_phone_number_is_none(text: str) -> None:
    assert phone_number(text, "US") == ""


@pytest.mark.parametrize("region", ["US", "GB", "DE", "IT", "MX", "BR", "AR", "IN", "JP", "AU"])
def test_a_normalised_number_stays_as_it_is_wherever_it_is_read(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert phone_number(number, "US") == phone_number(number, "GB") == number
    national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    assert phone_number(national, region) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ana@example.com", "ana@example.com"),
        ("  Ana.Silva@EXAMPLE.Com ", "Ana.Silva@example.com"),
        ("Ana Silva <ana@example.com>", "ana@example.com"),
        ("ana+crm@mail.example.co.uk", "ana+crm@mail.example.co.uk"),
        ("ana@bücher.example", "ana@bücher.example"),
        ("ana", ""),
        ("@example.com", ""),
        ("ana@", ""),
        ("ana@localhost", ""),
        ("ana@example..com", ""),
        ("ana@-example.com", ""),
        ("ana@@example.com", ""),
        ("ana silva@example.com", ""),
        ("sip:+12065550100@example.com", ""),
        ("ana@example.com\nBcc: all@example.com", ""),
        ("a" * 10_000 + "@example.com", ""),
        ("a@" + "b." * 5_000 + "com", ""),
    ],
)
def test_email_addresses_are_trimmed_and_lower_cased_in_the_domain(text: str, expected: str) -> None:
    assert email_address(text) == expected


def test_on_voice_what_the_caller_typed_comes_before_the_line_they_call_from() -> None:
    event = contact_event(address="+12065550100", typed="2065550101")
    assert read_identity(event, "US") == Identity("phone", "+12065550101")


@pytest.mark.parametrize("typed", ["", "Timeout", "12", None, 7, [], {}, "9" * 10_000])
def test_an_unusable_input_leaves_the_callers_own_number(typed: object) -> None:
    event = contact_event(address="+12065550100", typed=typed)
    assert read_identity(event, "US") == Identity("phone", "+12065550100")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (contact_event("CHAT", attributes={"email": "Ana@Example.com"}), Identity("email", "Ana@example.com")),
        (contact_event("CHAT", attributes={"Customer_Email": "ana@example.com"}), Identity("email", "ana@example.com")),
        (contact_event("TASK", attributes={"customerPhone": "206 555 0100"}), Identity("phone", "+12065550100")),
        (
            contact_event("CHAT", attributes={"phone": "2065550100", "email": "ana@example.com"}),
            Identity("email", "ana@example.com"),
        ),
        (contact_event("EMAIL", "ana@example.com", "EMAIL_ADDRESS"), Identity("email", "ana@example.com")),
        (contact_event("CHAT", "+12065550100"), Identity("phone", "+12065550100")),  # SMS
        (contact_event("CHAT", "2065550100", "CONTACT_FLOW"), None),  # an id that looks like a number
        (contact_event("CHAT"), None),
        (contact_event("VOICE"), None),
        (contact_event("VOICE", "anonymous"), None),
        (contact_event("VOICE", attributes={"phone": "2065550100"}), None),  # a call is from where it comes from
    ],
)
def test_each_channel_has_its_own_sources(event: dict[str, Any], expected: Identity | None) -> None:
    assert read_identity(event, "US") == expected


def test_an_identity_shown_in_a_log_or_a_traceback_does_not_show_who_it_is() -> None:
    assert "0100" not in repr(Identity("phone", "+12065550100"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON, st.sampled_from(["US", "GB", "DE", "ZZ"]))
def test_any_json_at_all_is_read_without_an_exception(event: object, region: str) -> None:
    identity = read_identity(event, region)
    assert identity is None or identity.kind in ("phone", "email")


@example("00000000000")
@given(st.text() | st.from_regex(r"\+?[0-9 ()\-.]{0,30}", fullmatch=True))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    number = phone_number(text, "GB")
    assert number == "" or (number[0] == "+" and number[1:].isdecimal() and number.isascii())
    assert phone_number(number, "GB") == number
    address = email_address(text)
    assert email_address(address) == address
