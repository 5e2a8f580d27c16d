"""Values with a shape of their own. Runs on CPython and on MicroPython (see test_shared.py)."""

# Much of it is given what it may not be.
# mypy: disable-error-code="arg-type,list-item,var-annotated"

import datetime

from popdesk.rich import Badge, Group, Money, Note, Progress, Since, Table, Timeline, ago, instant, plain
from popdesk.values import Duration, Link, Moment, Pairs, Text, drawable


def test_what_is_given_is_kept_in_the_types_that_the_page_draws() -> None:
    assert drawable(Badge(7, tone="success")) == Badge("7", tone="success")
    assert drawable(Note(None, "error")) == Text("")
    assert drawable(Note("Ask", tone="danger")) == Note("Ask", tone="")  # a tone that is none hides no text
    assert drawable(Progress("60")) == Progress(60.0, 100)
    assert drawable(Progress(" 3 ", of="5", text="three")) == Progress(3.0, 5.0, "three")
    assert drawable(Money("19.90", "eur")) == Money("19.90", "EUR")
    assert Money(12, "EUR").amount == "12"
    assert Money(-12.5, "EUR").amount == "-12.5"
    assert Money(2147483648, "EUR").amount == "2147483648"


def test_nothing_is_shown_as_nothing() -> None:
    for value in (
        Badge(None),
        Badge(""),
        Note(""),
        Progress(None),
        Progress(""),
        Money(None, "EUR"),
        Money("", "EUR"),
        Since(None),
        Timeline(None),
        Timeline([]),
        Table(["Order"], None),
        Table(["Order"], []),
        Group(None),
        Group([None, "", Text(""), Badge("")]),
    ):
        assert drawable(value) == Text(""), value.__dict__


def test_money_is_as_exact_as_it_was_given() -> None:
    """Where it passes through a float, or through JavaScript's numbers, 0.1 and large amounts do not stay."""
    assert Money("9007199254740.93", "EUR").amount == "9007199254740.93"
    assert Money(" +0.10 ", "EUR").amount == "+0.10"
    assert drawable(drawable(Money(0.00001, "EUR"))).amount == str(0.00001)


def test_what_is_no_amount_is_no_money() -> None:
    for amount in ("12,50", "1,234.50", "12 EUR", "N/A", "1_000", "inf", "nan", "٣", "--1", float("nan"), float("inf")):
        _refused(lambda amount=amount: Money(amount, "EUR"), "Money's amount")
    for amount in (1e15, "1e15", -9.1e13):
        _refused(lambda amount=amount: Money(amount, "EUR"), "too large to be exact")
    for given, words in ((True, "a bool"), ([1], "a list"), ({}, "a dict"), (b"1", "a bytes")):
        _refused(lambda given=given: Money(given, "EUR"), words)
        _refused(lambda given=given: Progress(given), words)
    # The browser's formatter throws for what is no code of three letters; "ß" becomes two.
    for currency in ("", "€", "EURO", "E1R", "ßab", "éur", None, 978, ["EUR"]):
        _refused(lambda currency=currency: Money(1, currency), "code of three letters")


def test_progress_has_a_whole() -> None:
    for whole in (0, -5, None, "", "0"):
        _refused(lambda whole=whole: Progress(3, of=whole), "more than 0")
    _refused(lambda: Progress(3, of="many"), "whole")
    assert Progress(120).value == 120  # more than was aimed at is told as it is
    assert [plain(3.0), plain(2.5), plain(-4)] == ["3", "2.5", "-4"]


def test_a_since_is_given_as_a_moment_is() -> None:
    when = datetime.datetime(2026, 1, 31, 12, 0, 0, tzinfo=datetime.timezone.utc)  # noqa: UP017  (MicroPython has no datetime.UTC)
    assert drawable(Since(when)) == Since("2026-01-31T12:00:00+00:00")
    assert drawable(Since("last week")) == Text("last week")
    _refused(lambda: Since(1763700000000), "a Since is a datetime or ISO 8601 text")


def test_how_long_ago_is_told_in_whole_units() -> None:
    day = 86400
    assert ago(-59.9) == (0, "second")
    assert ago(30) == (0, "second")
    assert ago(-60) == (-1, "minute")
    assert ago(-3599) == (-59, "minute")
    assert ago(7300) == (2, "hour")
    assert ago(-day * 6) == (-6, "day")
    assert ago(-day * 29) == (-4, "week")
    assert ago(-day * 31) == (-1, "month")
    assert ago(-day * 366) == (-1, "year")
    assert ago(day * 3650) == (9, "year")


def test_a_moments_seconds_are_the_calendars() -> None:
    assert instant("1970-01-01T00:00Z") == 0
    assert instant("2000-03-01T00:00:00Z") == 951868800
    assert instant("2024-02-29T23:59:59.5+05:30") == 1709231399.5
    assert instant("2026-01-31T04:00:00-08:00") == instant("2026-01-31T12:00:00Z") == 1769860800
    assert instant("1900-03-01T00:00Z") - instant("1900-02-28T00:00Z") == 86400  # no leap year
    assert instant("0001-01-01T00:00Z") == -62135596800


def test_a_timeline_is_shown_newest_first_whatever_the_zones() -> None:
    line = drawable(
        Timeline(
            [
                ("2026-01-31T12:00:00Z", "noon"),
                ("2026-01-31T13:30:00+02:00", "earlier", "by its zone"),
                ("some day", "no moment"),
                ("2026-01-31T12:00:00.5Z", "later", None),
                (None, "nothing known"),
                ("2026-01-31T12:00:00Z", "noon too"),
            ]
        )
    )
    titles = [title for _, title, _ in line.items]
    assert titles == ["later", "noon", "noon too", "earlier", "no moment", "nothing known"]
    assert line.items[3] == ("2026-01-31T13:30:00+02:00", "earlier", "by its zone")
    assert drawable(line) == line
    many = Timeline([("2026-01-01T00:00:0" + str(index % 2) + "Z", str(index)) for index in range(60)])
    assert [int(title) for _, title, _ in many.items] == list(range(1, 60, 2)) + list(range(0, 60, 2))


def test_a_column_of_nothing_but_numbers_is_aligned_to_the_right() -> None:
    table = Table(
        ["Order", "Count", "Total", "Mixed", "Numerals", "Empty"],
        [["A-1", 1, Money(1, "EUR"), 1, "0012", None], ("A-2", None, 2.5, "two", "0013", "")],
        caption=7,
    )
    assert table.right == [False, True, True, False, False, False]
    assert table.caption == "7"
    assert drawable(table) == table
    assert table.rows[0][1].text == "1"
    assert table.rows[1][1] == Text("")


def test_cells_may_be_values() -> None:
    cells = [
        Text("x", tone="error"),
        Link("x", "https://crm.example.com/"),
        Badge("x"),
        Money(1, "EUR"),
        Progress(1),
        Moment("2026-01-31T12:00:00Z"),
        Since("2026-01-31T12:00:00Z"),
        Duration(61000),
        datetime.timedelta(seconds=61),
        True,
    ]
    made = Table([str(number) for number in range(10)], [cells]).rows[0]
    assert made[:8] == cells[:8]
    assert made[8] == Duration(61000)
    assert made[9] == Text("True")


def test_a_group_holds_what_a_card_may_return() -> None:
    group = drawable(Group(["Ana", 7, None, Table(["a"], [[1]]), Pairs({"a": 1}), datetime.timedelta(seconds=1)]))
    assert group.values == [Text("Ana"), Text("7"), Table(["a"], [[1]]), Pairs([("a", 1)]), Duration(1000)]
    assert drawable(group) == group


def test_what_cannot_be_drawn_is_refused_with_its_place() -> None:
    for make, words in (
        (lambda: Table("ab", []), "columns are a list of titles, not a str"),
        (lambda: Table([], []), "at least one column"),
        (lambda: Table([{}], []), "Table's columns cannot show a dict"),
        (lambda: Table(["a"], "ab"), "rows are a list of rows, not a str"),
        (lambda: Table(["a"], {"a": 1}), "not a dict"),
        (lambda: Table(["a"], (row for row in [])), "put [] around it"),
        (lambda: Table(["a"], [[1], "b"]), "row 2 is a list of cells, not a str"),
        (lambda: Table(["a", "b"], [[1, 2], [3]]), "row 2 has 1 cells for 2 columns"),
        (lambda: Table(["a", "b"], [[1, {}]]), "row 1, b cannot show a dict"),
        (lambda: Table(["a"], [[Table(["a"], [[1]])]]), "row 1, a cannot hold a Table"),
        (lambda: Table(["a"], [[Note("a")]]), "cannot hold a Note"),
        (lambda: Table(["a"], [[1]], caption={}), "caption"),
        (lambda: Table(["a"], [[1]], shown=0), "at least 1"),
        (lambda: Table(["a"], [[1]], shown=True), "at least 1"),
        (lambda: Table(["a"], [[1]], shown="5"), "at least 1"),
        (lambda: Timeline("ab"), "not a str"),
        (lambda: Timeline([("a",)]), "item 1"),
        (lambda: Timeline([("a", "b"), 7]), "item 2"),
        (lambda: Timeline([(7, "b")]), "a Moment is"),
        (lambda: Timeline([("a", {})]), "item 1 cannot show a dict"),
        (lambda: Timeline([("a", "b", [])]), "item 1 cannot show a list"),
        (lambda: Timeline([("a", "b")], shown=-1), "at least 1"),
        (lambda: Group("ab"), "not a str"),
        (lambda: Group([["a"]]), "Group cannot show a list"),
        (lambda: Group([Group(["a"])]), "no other Group"),
        (lambda: Badge({}), "Badge cannot show a dict"),
        (lambda: Badge(len), "are its parentheses missing"),
        (lambda: Note(["a"]), "Note cannot show a list"),
        (lambda: Progress(1, text={}), "Progress's text"),
    ):
        _refused(make, words)


def test_a_value_that_was_spoilt_after_it_was_made_is_refused_as_it_is_returned() -> None:
    table, group = Table(["a"], [[1]]), Group(["a"])
    table.rows.append(["x", "y"])
    _refused(lambda: drawable(table), "row 2 has 2 cells")
    group.values.append(group)
    _refused(lambda: drawable(group), "no other Group")


def _refused(make, words: str) -> None:  # type: ignore[no-untyped-def]
    try:
        made = make()
    except TypeError as error:
        assert words in str(error), str(error)  # noqa: PT017  (MicroPython has no pytest)
    else:
        raise AssertionError(str(made) + " where this was to be refused: " + words)
