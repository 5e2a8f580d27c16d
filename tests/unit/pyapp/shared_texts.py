"""Texts, numbers and times that both interpreters read alike. Runs on CPython and on MicroPython (see test_shared.py)."""

from popdesk.texts import fold, grouped, parse_time


def test_capitals_and_marks_are_folded_away() -> None:
    for text, folded in (
        ("Élodie STRAUẞ", "elodie strauss"),
        ("İstanbul Łódź Ærø", "istanbul lodz aero"),
        ("e\u0301", "e"),
        ("ΑΘΗΝΑ Москва Ђ", "αθηνα москва ђ"),
        ("東京 42", "東京 42"),
        ("", ""),
    ):
        assert fold(text) == folded, text


def test_names_sort_by_their_letters_whatever_their_marks_and_capitals() -> None:
    assert sorted(["Zoë", "élan", "Eva", "Ärger", "adam"], key=fold) == ["adam", "Ärger", "élan", "Eva", "Zoë"]


def test_thousands_are_separated() -> None:
    for number, digits, text in (
        (1234567.5, 2, "1,234,567.50"),
        (999, 0, "999"),
        (1000, 0, "1,000"),
        (-1234.56, 1, "-1,234.6"),
        (-0.001, 2, "0.00"),
        (0.005, 2, "0.01"),
        (2.5, 0, "3"),
        (12345678901234, 0, "12,345,678,901,234"),
    ):
        assert grouped(number, digits) == text, text
    assert grouped(1234.5, 2, ".", ",") == "1.234,50"


def test_a_time_is_read_with_its_zone() -> None:
    for text, iso in (
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00.123Z", "2026-01-31T12:00:00.123000+00:00"),
        ("2026-01-31T12:00:07-08:30", "2026-01-31T12:00:07-08:30"),
    ):
        assert parse_time(text).isoformat() == iso, text
    gone = parse_time("2026-01-31T13:00:00+01:00") - parse_time("2026-01-31T11:59:00Z")
    assert gone.total_seconds() == 60


def test_a_text_that_names_no_moment_is_refused_with_a_reason() -> None:
    for text in ("", "yesterday", "2026-01-31", "2026-02-30T12:00:00Z", "2026-01-31T12:00:00"):
        try:
            parse_time(text)
        except ValueError as error:
            assert "zone" in str(error)  # noqa: PT017  (MicroPython has no pytest)
        else:
            raise AssertionError(text)
