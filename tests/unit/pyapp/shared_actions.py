"""Actions and what their fields read. Runs on CPython and on MicroPython (see test_shared.py)."""

# Much of it is given what it may not be.
# mypy: disable-error-code="arg-type,no-untyped-def,list-item,var-annotated"

from popdesk import actions
from popdesk.actions import (
    ACTIONS,
    Action,
    Amount,
    Check,
    Choice,
    Choices,
    Date,
    Field,
    Hidden,
    Line,
    Number,
    Paragraph,
    action,
    as_options,
)


async def _run(desk) -> None:
    """Do nothing."""


def _wrong(field: Field, raw: object) -> object:
    _, wrong = field.read(raw)
    return wrong and wrong[0]


def test_a_line_is_read_without_its_blanks() -> None:
    assert Line("subject").read("  Invoice 7 ") == ("Invoice 7", None)
    assert Line("subject").read(None) == ("", None)
    assert _wrong(Line("subject", required=True), "   ") == "form.required"
    assert Line("subject", longest=3).read("abcd")[1] == ("form.long", {"count": 4, "longest": 3})
    assert Line("subject", longest=3).read("abc ")[0] == "abc"
    assert Paragraph("note").read("a\nb") == ("a\nb", None)
    assert _wrong(Paragraph("note"), "x" * 2001) == "form.long"


def test_a_number_is_what_one_reader_and_another_take_it_for() -> None:
    numbers = (
        ("7", 7),
        (" -7 ", -7),
        ("2.5", 2.5),
        ("2,5", 2.5),
        ("0.125", 0.125),
        ("0,125", 0.125),
        ("−3", -3),
        ("+4", 4),
    )
    for text, number in numbers:
        assert Number("count").read(text) == (number, None), text
    for text in (
        "1,234",
        "1.234",
        "1.234,50",
        "1,234.50",
        "1e3",
        "x",
        "--1",
        "1_000",
        "inf",
        "nan",
        "٣",
        ".5",
        "5.",
        "1 000",
        "9" * 16,
    ):
        assert _wrong(Number("count"), text) == "form.number", text
    assert _wrong(Number("count", whole=True), "2.5") == "form.whole"
    assert Number("count").read("") == (None, None)
    assert Number("count", least=1, most=5).read("6")[1] == ("form.most", {"least": 1, "most": 5})
    assert _wrong(Number("count", least=1), "0") == "form.least"
    assert Number("count", least=0).read("0") == (0, None)


def test_an_amount_stays_as_exact_as_it_was_typed() -> None:
    assert Amount("total", "EUR").read("0.10") == ("0.10", None)
    assert Amount("total", "EUR").read("90071992547409,93") == ("90071992547409.93", None)
    assert _wrong(Amount("total", "EUR"), "19.999") == "form.amount"
    assert _wrong(Amount("total", "EUR"), "19 EUR") == "form.amount"
    assert _wrong(Amount("total", "EUR", least=0), "-1") == "form.least"


def test_a_date_is_one_of_the_calendar() -> None:
    assert Date("due").read("2028-02-29") == ("2028-02-29", None)
    for text in ("2026-02-29", "29.02.2028", "2026-1-1", "tomorrow"):
        assert _wrong(Date("due"), text) == "form.date", text
    assert _wrong(Date("due", least="2026-01-31"), "2026-01-30") == "form.least"
    assert _wrong(Date("due", most="2026-01-31"), "2026-02-01") == "form.most"


def test_boxes_choices_and_hidden_values() -> None:
    assert Check("agreed").read(True) == (True, None)
    assert Check("agreed").read(None) == (False, None)
    assert _wrong(Check("agreed", required=True), False) == "form.required"
    assert Choices("topics", ["a", "b"]).read(["b"]) == (["b"], None)
    assert Choices("topics", ["a", "b"]).read(None) == ([], None)
    assert _wrong(Choices("topics", ["a"], required=True), []) == "form.required"
    assert Choice("priority", ["low", "high"]).read("low") == ("low", None)
    assert Hidden("source").read({"a": 1}) == ({"a": 1}, None)


def test_a_check_of_the_teams_own_says_what_is_wrong_in_its_words() -> None:
    field = Line("order", check=lambda text: "" if text[:2] == "A-" else "An order begins with A-")
    assert field.read("A-7") == ("A-7", None)
    assert field.read("7")[1] == ("An order begins with A-", {})
    assert field.read("") == ("", None)  # nothing is not checked: required=True asks for something


def test_what_stands_in_a_form_for_a_default() -> None:
    assert [Line("a").shown(7), Line("a").shown(None), Check("b").shown(1), Choices("c", ["1"]).shown([1])] == [
        "7",
        "",
        True,
        ["1"],
    ]
    assert Line("customer_name").label == "Customer name"
    assert Line("name", "Full name").label == "Full name"


def test_options_are_texts_or_pairs() -> None:
    assert as_options(["low", ("h", "High"), (7, "Seven")]) == [("low", "low"), ("h", "High"), ("7", "Seven")]
    for given in ("low", None, [("a", "b", "c")], [1.5], [("", "None")], [("a", 7)]):
        _raises(TypeError, lambda given=given: as_options(given))
    _raises(TypeError, lambda: Choice("priority", "low"))


def test_an_action_is_declared_as_a_card_is() -> None:
    kept, actions.ACTIONS[:] = list(ACTIONS), []
    try:

        @action("Create ticket", fields=[Line("subject")], confirm="Really?", when="customer")
        async def create_ticket(desk, subject):
            return subject

        (made,) = ACTIONS
        assert [made.id, made.title, made.confirm, made.when] == [
            "create_ticket",
            "Create ticket",
            "Really?",
            ["customer"],
        ]
        assert made.run is create_ticket
        _raises(ValueError, lambda: action("Again")(create_ticket))
        _raises(TypeError, lambda: action(create_ticket))
        _raises(TypeError, lambda: action(""))
        _raises(TypeError, lambda: action("Other", fields=["subject"]))
        _raises(ValueError, lambda: action("Other", fields=[Line("a"), Check("a")]))
        _raises(ValueError, lambda: action("Other", when="wrapup"))
        _raises(ValueError, lambda: action("Other", when="card"))
        _raises(TypeError, lambda: Line(""))
    finally:
        actions.ACTIONS[:] = kept


def test_an_action_is_offered_where_it_makes_sense() -> None:
    def offered(*when: str) -> list[str]:
        each = Action("Close", [], _run, when=when)
        states = ("starting", "connecting", "connected", "acw", "missed", "cleared", "idle", "destroyed", "outside")
        return [state for state in states if each.makes_sense(state, False)]

    assert offered() == ["connecting", "connected", "acw", "missed"]
    assert offered("acw") == ["acw"]
    assert offered("connected", "idle") == ["connecting", "connected", "idle"]  # a page that opens late does not know
    assert offered("connecting") == ["connecting"]
    assert offered("customer") == []
    assert Action("Close", [], _run, when=["customer", "acw"]).makes_sense("acw", True)
    assert not Action("Close", [], _run, when=["customer", "acw"]).makes_sense("connected", True)
    assert Action("Close", [], _run, when=["customer"]).makes_sense("connected", True)
    of_card = Action("Close", [], _run, "cases", when=["customer", "card"])
    assert [of_card.makes_sense("acw", True, has_value) for has_value in (True, False)] == [True, False]


def _raises(kind, do) -> None:
    try:
        do()
    except kind:
        return
    raise AssertionError("it was taken")
