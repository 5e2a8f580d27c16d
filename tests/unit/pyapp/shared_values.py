"""What values are written like. Runs on CPython and on MicroPython (see test_shared.py)."""

from values import capital, from_arn, plainly, shorten, shown_duration, shown_phone


def test_a_phone_number_is_grouped_by_its_country() -> None:
    assert shown_phone("+12025550123") == "+1 202 555 0123"
    assert shown_phone("+442079460018") == "+44 20 7946 0018"
    assert shown_phone("+441632960123") == "+44 163 296 0123"
    assert shown_phone("+34910123456") == "+34 91 012 3456"
    assert shown_phone("+3531234567") == "+353 123 4567"


def test_what_is_no_e164_number_stays_as_it_is() -> None:
    for text in ("", "+", "anonymous", "020 7946 0018", "+1-202-555-0123", "+12", "ana@example.com", "+" + "1" * 16):
        assert shown_phone(text) == text


def test_durations_read_as_a_clock() -> None:
    assert shown_duration(0) == "0:00"
    assert shown_duration(61.9) == "1:01"
    assert shown_duration(3599) == "59:59"
    assert shown_duration(3600) == "1:00:00"
    assert shown_duration(100 * 3600 + 62) == "100:01:02"
    assert shown_duration(-5) == "0:00"


def test_an_arn_shows_its_last_part_first() -> None:
    arn = "arn:aws:connect:us-east-1:111122223333:instance/i-1/agent/a-7"
    shown = from_arn(arn)
    assert (shown.text, shown.rest) == ("a-7", arn)
    assert (from_arn("no arn").text, from_arn("no arn").rest) == ("no arn", "")
    assert from_arn("arn:aws:connect:x/").text == "arn:aws:connect:x/"


def test_long_texts_are_cut_with_an_ellipsis() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


def test_invisible_characters_are_written_out() -> None:
    assert plainly("a\u202eb\x00c\ufeff") == "a\\u202eb\\u0000c\\ufeff"
    assert plainly("https://crm.example.com/ñ") == "https://crm.example.com/ñ"


def test_channel_names_start_with_a_capital() -> None:
    assert [capital("VOICE"), capital("chat"), capital("")] == ["Voice", "Chat", ""]
