"""Who is calling: phone numbers and e-mail addresses in every format that is in use, and everything that is neither."""

from __future__ import annotations

import datetime
from typing import Any

import phonenumbers
import pytest
from flow_contract import WITHHELD_WORDS
from hypothesis import example, given
from hypothesis import strategies as st
from identity import Identity, directory_key, email_address, phone_number, read_identity

from tests.unit.lambda_.events import contact_event

_FORMATS = {
    "E.164": phonenumbers.PhoneNumberFormat.E164,
    "international": phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    "national": phonenumbers.PhoneNumberFormat.NATIONAL,
    "RFC 3966": phonenumbers.PhoneNumberFormat.RFC3966,
}
_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_ANA = Identity("email", "ana@example.com")
_CALLER = Identity("phone", "+12065550100")


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+12065550100", "US", "+12065550100"),
        ("+12065550100", "GB", "+12065550100"),
        ("020 7946 0018", "GB", "+442079460018"),  # just prefixing a + would make it +02079460018
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
        ("07700 900123", "GB", "+447700900123"),  # of a possible length, though no network has it
        ("2079460018", "GB", "+442079460018"),  # a spreadsheet has taken its 0 away
        ("00 299 32 10 00", "GB", "+299321000"),  # short, but whole: Greenland's have six digits
        ("tel:863-1234;phone-context=+1-914-555", "GB", ""),  # too long
        ("tel:863-1234;phone-context=+1-914", "GB", "+19148631234"),
        ("tel:+1-206-555-0100;ext=7", "GB", "+12065550100"),
        ("TEL: +1 206 555 0100", "GB", "+12065550100"),
        ("2065550100x7", "US", "+12065550100"),
        ("2065550100 #7", "US", "+12065550100"),
        ("206 555 0100 Extension: 1234", "US", "+12065550100"),
        ("+7 495 123-45-67 доб. 12", "US", "+74951234567"),
        ("+12065550100,,123#", "US", "+12065550100"),
        ("'+12065550100", "US", "+12065550100"),
        ('="+12065550100"', "US", "+12065550100"),
        ('="02079460018"', "GB", "+442079460018"),
        ("=+12065550100", "US", "+12065550100"),
        ("\u202a+1\u00a0206\u200b5550100\u202c", "US", "+12065550100"),
        ("\ufeff+12065550100\u200e", "US", "+12065550100"),
        ("+1.2065550100", "US", "+12065550100"),
        ("206.555.0100", "US", "+12065550100"),
        ("030/901820", "DE", "+4930901820"),
        ("+49 (0)3981/201234", "US", "+493981201234"),
        ("06/12/34/56/78", "FR", "+33612345678"),
        ("0475/12.34.56", "BE", "+32475123456"),
        ("06/30/123-4567", "HU", "+36301234567"),
        ("069 7595 0123", "DE", "+496975950123"),
        ("٢٠٦٥٥٥٠١٠٠", "US", "+12065550100"),
        ("011 15 1234-5678", "AR", "+5491112345678"),  # how Argentina dials its mobiles at home
        ("+5215512345678", "US", "+525512345678"),  # how WhatsApp writes Mexico's
        ("5215512345678", "US", "+525512345678"),
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
def test_other_texts_are_not_phone_numbers(text: str) -> None:
    assert phone_number(text, "US") == ""


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("1111", "GB"),
        ("555-0100", "US"),
        ("+1 555 0100", "GB"),
        ("12345678", "US"),
        ("12", "DE"),
        ("+4912", "US"),
        ("01011980", "GB"),  # dates of birth
        ("01011980", "US"),
        ("29091942", "US"),  # Greenland's, with its code
        ("30121980", "DE"),  # Berlin's, without its 0
        ("31.12.1980", "AT"),
        ("30/12/1980", "DE"),
        ("1234567890", "US"),  # a customer's number: North America's begin with no 0 and no 1
        ("0123456789", "US"),
        ("99999999999", "US"),
    ],
)
def test_local_numbers_and_dates_are_not_phone_numbers(text: str, region: str) -> None:
    assert phone_number(text, region) == ""


@pytest.mark.parametrize("region", ["US", "GB", "FR", "ES", "MX", "AR", "IN", "JP", "CA", "CL", "BE", "PT"])
@given(date=st.dates(min_value=datetime.date(1910, 1, 1)), form=st.sampled_from(["%d%m%Y", "%m%d%Y", "%Y%m%d"]))
def test_where_numbers_have_nine_digits_no_date_is_one(region: str, date: datetime.date, form: str) -> None:
    assert phone_number(date.strftime(form), region) == ""


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("3.12555011E9", "US"),  # spreadsheets
        ("3,12555E+09", "DE"),
        ("2065550100.0", "US"),  # digits alone they would be Egypt's
        ("2065550100.00", "US"),
        ("+12065550100.0", "US"),
        ("2065550100,0", "US"),
        ("2,065,550,100", "US"),
        ("-2065550100", "US"),
        ("#REF!", "US"),
        ("N/A", "US"),
        ("+49 30 901820 mobil", "DE"),
        ("+49 30 901820 (mobil)", "DE"),
        ("mobile: +1 206 555 0100", "US"),
        ("Ana 206 555 0100", "US"),
        ("206 555 0100 ask for Ana", "US"),
        ("1-800-FLOWERS", "US"),
        ("sip:+12065550100@sip.example.com", "US"),
        ("+12065550100@sip.example.com", "US"),
        ("https://example.com/2065550100", "US"),
        ("*67 206 555 0100", "US"),
        ("#31#02079460018", "GB"),
        ("0301234 / 0305678", "DE"),  # two numbers
        ("0301234/0305678", "DE"),
        ("0301234 0305678", "DE"),
        ("0301234\n0305678", "DE"),
        ("030/1234 / 030/5678", "DE"),
        ("901820/901821", "DE"),
        ("030 901820/21", "DE"),
        ("0301234, 0305678", "DE"),
        ("2065550100;2065550101", "US"),
        ("2065550100, 2065550101", "US"),
        ("2065550100 / 2065550101", "US"),
        ("+12065550100 +12065550101", "US"),
        ("2065550100 or 2065550101", "US"),
        ("2065550100 x 2065550101", "US"),
    ],
)
def test_text_that_is_not_exactly_one_phone_number_is_refused(text: str, region: str) -> None:
    assert phone_number(text, region) == ""


@pytest.mark.parametrize("digits", WITHHELD_WORDS)
def test_withheld_numbers_spelt_on_a_keypad_are_not_phone_numbers(digits: str) -> None:
    for text in (digits, f"+{digits}", f"+1{digits}", f"+1 {digits[:3]}-{digits[3:]}", f"1{digits}"):
        assert phone_number(text, "US") == ""
        assert phone_number(text, "GB") == ""
    assert read_identity(contact_event(address=f"+1{digits}", typed="2065550100"), "US") == Identity(
        "phone", "+12065550100"
    )


def test_the_withheld_numbers_spell_their_words() -> None:
    keys = {letter: str(key) for key, letters in enumerate(_KEYPAD, 2) for letter in letters}
    assert {"".join(keys[letter] for letter in word): word for word in WITHHELD_WORDS.values()} == WITHHELD_WORDS


_KEYPAD = ("ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ")


@pytest.mark.parametrize("region", _REGIONS)
@pytest.mark.parametrize("kind", ["FIXED_LINE", "MOBILE"])
def test_every_countrys_numbers_are_read_in_every_way_they_are_written(region: str, kind: str) -> None:
    example = phonenumbers.example_number_for_type(region, getattr(phonenumbers.PhoneNumberType, kind))
    if example is None:  # a few islands have only one of them
        return
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for name, form in _FORMATS.items():
        text = phonenumbers.format_number(example, form)
        # With a country code it is the same number in every region.
        for where in (region,) if name == "national" else ("US", "GB", region):
            assert phone_number(text, where) == number, (text, where)


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
        ("ana\u200b@example.com", "ana@example.com"),
        ("\ufeffana@example.com\u2060", "ana@example.com"),
        ("ana\ud800@example.com", ""),  # a lone surrogate
        ("ana@ex\udfffample.com", ""),
        ("ana😀@example.com", "ana😀@example.com"),
    ],
)
def test_email_addresses_are_trimmed_and_lower_cased_in_the_domain(text: str, expected: str) -> None:
    assert email_address(text) == expected


# -- one mobile, several spellings -------------------------------------------------------------------------------------

_PAIRS = [
    ("+5215512345678", "+525512345678"),  # Mexico: the directory's key is the second
    ("+5491112345678", "+541112345678"),  # Argentina
    ("+551187654321", "+5511987654321"),  # Brazil
    ("+551112345678", "+5511912345678"),
    ("+22997123456", "+2290197123456"),  # Benin
]


@pytest.mark.parametrize(("one", "other"), [*_PAIRS, *((other, one) for one, other in _PAIRS)])
def test_one_mobile_has_one_key_and_is_looked_up_as_it_came_first(one: str, other: str) -> None:
    for text in (one, f" {one[:3]} {one[3:6]}-{one[6:]}"):
        identity = read_identity(contact_event("CHAT", text), "US")
        assert identity is not None
        assert identity.spellings == (one, other)
        assert directory_key("phone", one) == directory_key("phone", other) == directory_key("phone", identity.value)
    keys = {directory_key("phone", phone_number(text, "US")) for text in (one, other)}
    assert keys == {next(second for first, second in _PAIRS if one in (first, second))}


@pytest.mark.parametrize(
    "number",
    [
        "+12065550100",
        "+551132345678",  # a landline: with a 9 it would be another person's mobile
        "+551171234567",  # a trunked radio's: the same
        "+548001234567",  # Argentina's freephone
        "+522221234567890",
        "+442079460018",
    ],
)
def test_other_numbers_have_one_spelling(number: str) -> None:
    assert Identity("phone", number).spellings == (number,)
    assert directory_key("phone", number) == number


def test_an_address_is_looked_up_as_it_came_and_then_in_lower_case() -> None:
    identity = read_identity(contact_event("CHAT", attributes={"email": "Ana.Silva@Example.com"}), "US")
    assert identity is not None
    assert identity.value == "Ana.Silva@example.com"  # what is shown
    assert identity.spellings == ("Ana.Silva@example.com", "ana.silva@example.com")
    assert Identity("email", "ana.silva@example.com").spellings == ("ana.silva@example.com",)
    assert directory_key("email", "Ana.Silva@example.com") == "ana.silva@example.com"


# -- the event ---------------------------------------------------------------------------------------------------------


def test_on_voice_what_the_caller_typed_comes_before_the_line_they_call_from() -> None:
    event = contact_event(address="+12065550100", typed="2065550101")
    assert read_identity(event, "US") == Identity("phone", "+12065550101")


@pytest.mark.parametrize(
    "typed", ["", "Timeout", "12", "5550100", "01011980", "12345678", "2*", None, 7, [], {}, "9" * 10_000]
)
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
        (contact_event("VOICE", attributes={"phone": "2065550100"}), None),  # not on a telephone call
        (contact_event("VOICE", "+12065550100@sip.example.com"), None),  # a SIP address, not an e-mail address
        (contact_event("VOICE", "ana@example.com", "VOIP"), None),
        (contact_event("VOICE", "ana@example.com", ""), None),
        (contact_event("EMAIL", "+12065550100", "EMAIL_ADDRESS"), None),
        (contact_event("CHAT", "ana@example.com", "TELEPHONE_NUMBER"), None),
        (contact_event("CHAT", attributes={"HostedWidget-email": "ana@example.com"}), _ANA),
        (contact_event("CHAT", attributes={"HostedWidget-customerEmail": "ana@example.com"}), _ANA),
        (contact_event("CHAT", attributes={"hostedwidget_Phone-Number": "2065550100"}), _CALLER),
        # Visitors can change what the widget's page has set, so what a flow or a server has set comes first.
        (contact_event("CHAT", attributes={"HostedWidget-email": "x@example.com", "phone": "2065550100"}), _CALLER),
        (contact_event("CHAT", attributes={"HostedWidget-email": "x@example.com", "email": "ana@example.com"}), _ANA),
        (contact_event("CHAT", attributes={"email": "?", "E-mail": "ana@example.com"}), _ANA),  # two of one name
        (contact_event("CHAT", attributes={"HostedWidget-other": "2065550100"}), None),
        # A web call has no endpoint: what its page has set says who it is.
        (contact_event("VOICE", attributes={"HostedWidget-email": "ana@example.com"}, subtype="connect:WebRTC"), _ANA),
        (contact_event("VOICE", attributes={"phone": "2065550100"}, subtype="connect:WebRTC"), _CALLER),
        (contact_event("VOICE", "+12065550100", "VOIP", subtype="connect:WebRTC"), _CALLER),
        (contact_event("VOICE", "ana@example.com", "VOIP", subtype="connect:WebRTC"), None),
        (contact_event("VOICE", subtype="connect:WebRTC"), None),
        (
            contact_event("VOICE", "+12065550100", attributes={"email": "x@example.com"}, subtype="connect:Telephony"),
            _CALLER,
        ),
    ],
)
def test_each_channel_has_its_own_sources(event: dict[str, Any], expected: Identity | None) -> None:
    assert read_identity(event, "US") == expected


def test_the_repr_of_an_identity_shows_no_personal_data() -> None:
    assert "0100" not in repr(Identity("phone", "+12065550100"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON, st.sampled_from(["US", "GB", "DE", "ZZ"]))
def test_any_json_is_read_without_an_exception(event: object, region: str) -> None:
    identity = read_identity(event, region)
    assert identity is None or identity.kind in ("phone", "email")


_NUMBERS = st.sampled_from(
    [
        phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        for example in map(phonenumbers.example_number, _REGIONS)
        if example
    ]
)
_WRITTEN = st.text() | st.from_regex(r"[+('=]?[0-9 ()\-./,;x]{0,30}", fullmatch=True)


@example("00000000000", "GB")
@example("+5215512345678", "MX")
@given(_WRITTEN | _NUMBERS, st.sampled_from(["US", "GB", "DE", "IT", "AR"]))
def test_normalising_twice_is_normalising_once(text: str, region: str) -> None:
    number = phone_number(text, region)
    assert number == "" or (number[0] == "+" and number[1:].isdecimal() and number.isascii() and len(number) <= 16)
    assert phone_number(number, region) == phone_number(number, "US") == number
    address = email_address(text)
    assert email_address(address) == address


# At most 20 characters before the @: a letter may become two in lower case (İ), and an address has a longest length.
@example("\u00b5@example.com")
@example("\u0130" * 20 + "@example.com")
@given(st.emails() | st.text(max_size=20).map(lambda text: f"{text}@example.com"))
def test_an_addresss_key_is_an_address_with_the_same_key(text: str) -> None:
    address = email_address(text)
    key = directory_key("email", address)
    assert directory_key("email", key) == key == directory_key("email", email_address(key))


@given(st.emails())
def test_an_ascii_address_in_capitals_has_the_same_key(text: str) -> None:
    """Beyond ASCII not every letter comes back from its capital: µ (micro sign) becomes Μ, which is the capital of μ."""
    assert text.isascii()
    key = directory_key("email", email_address(text))
    assert directory_key("email", email_address(text.upper())) == key


@given(_NUMBERS, st.characters(categories=["L"], exclude_characters="xXｘＸ"), st.integers(0, 20))
def test_no_letter_is_ever_read_as_a_digit(number: str, letter: str, at: int) -> None:
    assert phone_number(number[:at] + letter + number[at:], "US") == ""


@given(_NUMBERS, st.sampled_from("\u200b\u200e\u2060\ufeff\xad\xa0 -."), st.integers(2, 20))
def test_invisible_characters_and_separators_do_not_change_a_number(number: str, mark: str, at: int) -> None:
    assert phone_number(number[:at] + mark + number[at:], "US") in (number, "" if mark == "." else number)


@given(_NUMBERS)
def test_every_spelling_of_a_number_has_its_key(number: str) -> None:
    spellings = Identity("phone", number).spellings
    assert spellings[0] == number
    keys = {directory_key("phone", spelling) for spelling in spellings}
    assert keys == {directory_key("phone", phone_number(spelling, "US")) for spelling in spellings}
    assert keys == {directory_key("phone", number)}
    assert keys <= set(spellings)
