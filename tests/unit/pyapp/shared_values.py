"""What values are written like. Runs on CPython and on MicroPython (see test_shared.py)."""

import datetime

from popdesk.values import (
    Duration,
    Link,
    Moment,
    Pairs,
    Text,
    capital,
    drawable,
    from_arn,
    is_moment,
    plainly,
    shorten,
    shown_duration,
    shown_phone,
)


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


# -- what a card returned, made ready to be drawn ----------------------------------------------------------------------


def test_what_has_one_obvious_reading_is_read() -> None:
    assert drawable("Ana") == Text("Ana")
    assert drawable(42) == Text("42")
    assert drawable(None) == Text("")
    assert drawable(Text(42, tone="success", rest=None)) == Text("42", tone="success")
    assert drawable(Text(None)) == Text("")
    assert drawable(Pairs([("Open", 3), ["Late", None]])) == Pairs([("Open", "3"), ("Late", "")])
    assert drawable(Pairs({"b": 2, "a": 1})) == Pairs([("a", "1"), ("b", "2")])
    assert drawable(Pairs(None)) == Pairs([])
    assert drawable(Duration("61000")) == Duration(61000)
    assert drawable(Link(7, "https://crm.example.com/")) == Link("7", "https://crm.example.com/")
    assert drawable(Link(None, "https://crm.example.com/")).text == "https://crm.example.com/"


def test_what_is_not_there_is_not_drawn_as_something() -> None:
    assert drawable(Duration(None)) == Text("")
    assert drawable(Moment(None)) == Text("")
    assert drawable(Link("Order 7", None)) == Text("Order 7")


def test_a_tone_that_is_none_is_no_reason_to_hide_the_text() -> None:
    tones: tuple[object, ...] = ("danger", None, 7, {})
    for tone in tones:
        assert drawable(Text("Gold", tone=tone)) == Text("Gold")  # type: ignore[arg-type]


def test_what_python_knows_as_time_is_drawn_as_time() -> None:
    when = datetime.datetime(2026, 1, 31, 12, 0, 0, tzinfo=datetime.timezone.utc)  # noqa: UP017  (MicroPython has no datetime.UTC)
    for value in (when, Moment(when)):
        assert isinstance(drawable(value), Moment)
        assert drawable(value).iso == "2026-01-31T12:00:00+00:00"
    for duration in (datetime.timedelta(seconds=61), Duration(datetime.timedelta(seconds=61))):
        assert drawable(duration) == Duration(61000)


def test_only_what_every_browser_reads_alike_is_a_moment() -> None:
    for text in (
        "2026-01-31T12:00:00.000Z",
        "2026-01-31T12:00Z",
        "2024-02-29T23:59:59+05:30",
        "2026-01-31T12:00:00.123456-08:00",
    ):
        assert is_moment(text), text
        assert isinstance(drawable(Moment(text)), Moment)
    for text in (
        "",
        "Order 5",
        "7",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:00+25:00",
        "2026-01-31T12.5Z",
        "2026-01-31T12:00:00.Z",
        "2026-1-31T12:00:00Z",
        "tomorrow at noonZ",
        "20260131T120000Z",
    ):
        assert not is_moment(text), text
        assert drawable(Moment(text)) == Text(text)


def test_what_cannot_be_drawn_is_refused_in_words_for_its_author() -> None:
    async def coroutine() -> None:
        return None

    made = coroutine()
    for value, words in (
        ({"a": 1}, "a dict"),
        (["a"], "a list"),
        (b"x", "a bytes"),
        (ValueError("x"), "a ValueError"),
        (shorten, "are its parentheses missing"),
        (made, "is an await missing"),
    ):
        _refused(lambda value=value: drawable(value), words)
        _refused(lambda value=value: Text(value), words)
        _refused(lambda value=value: Text("x", rest=value), words)
        _refused(lambda value=value: Pairs([("a", value)]), words)
        _refused(lambda value=value: Link("x", value), words)
        _refused(lambda value=value: Duration(value), words)
        _refused(lambda value=value: Moment(value), words)
    made.close()
    _refused(lambda: Pairs("ab"), "a str")
    _refused(lambda: Pairs(7), "an int")
    _refused(lambda: Pairs(["ab"]), "item 1")
    _refused(lambda: Pairs([("a", 1), ("a", 1, 2)]), "item 2")
    for number in ("soon", True, float("nan"), float("inf"), "inf", 1e300):
        _refused(lambda number=number: Duration(number), "Duration")
    _refused(lambda: Moment(1763700000000), "an int")  # type: ignore[arg-type]


def test_a_value_that_was_spoilt_after_it_was_made_is_refused_as_it_is_returned() -> None:
    value = Text("x")
    value.text = {}
    _refused(lambda: drawable(value), "a dict")
    pairs = Pairs([("a", 1)])
    pairs.items.append("b")
    _refused(lambda: drawable(pairs), "item 2")


def _refused(make, words: str) -> None:  # type: ignore[no-untyped-def]
    try:
        made = make()
    except TypeError as error:
        assert words in str(error), str(error)  # noqa: PT017  (MicroPython has no pytest)
    else:
        raise AssertionError(str(made) + " where this was to be refused: " + words)
