"""A team's own field, `[tool.popdesk.fields] tier = "loyaltyTier"`: from every directory to the contact's attribute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from adapters.sample import SampleCustomers
from answers import build_answer
from customers import Customer
from directory import CustomerDirectory
from flow_contract import NO_VALUE
from handler import create_handler
from hypothesis import given
from hypothesis import strategies as st
from identity import Identity

from ops.cloud.customers_file import check_file, read_rows
from ops.errors import UserError
from ops.flows import definitions as flows
from ops.flows.runner import Answer, Contact, Runner
from ops.own_fields import LONGEST_ANSWER, longest_answer
from ops.settings import PYPROJECT, Settings, lambda_settings, load_settings
from tests.unit.lambda_.crm import MisbehavingCrm
from tests.unit.lambda_.events import contact_event

ANA = {"id": "C-1", "name": "Ana Silva", "phone": "+12065550100", "email": "ana@example.com"}
CALL = contact_event(address="+12065550100")


def _load(folder: Path, fields: str, http: str = "") -> Settings:
    """Return the shipped settings with these lines in [tool.popdesk.fields], and another lookup.http.fields."""
    text = f"{PYPROJECT.read_text('utf-8')}\n[tool.popdesk.fields]\n{fields}\n"
    if http:
        before = 'fields = { id = "id", name = "name", phone = "phone", email = "email" }'
        assert before in text
        text = text.replace(before, f"fields = {http}")
    (folder / "pyproject.toml").write_text(text, "utf-8")
    return load_settings(folder / "pyproject.toml")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return _load(tmp_path, 'tier = "loyaltyTier"')


def _answer(settings: Settings, *records: dict[str, Any]) -> dict[str, str]:
    directory = CustomerDirectory({})
    directory.open = lambda: SampleCustomers(list(records))  # type: ignore[method-assign]
    return create_handler(lambda_settings(settings), directory)(CALL, None)


def test_it_is_in_the_answer_of_the_customer_that_was_found_and_of_no_other(settings: Settings) -> None:
    assert _answer(settings, {**ANA, "tier": "gold"})["loyaltyTier"] == "gold"
    assert _answer(settings, ANA)["loyaltyTier"] == NO_VALUE
    assert _answer(settings, {**ANA, "tier": ""})["loyaltyTier"] == NO_VALUE
    assert _answer(settings, {**ANA, "tier": "gold"}, {**ANA, "id": "C-2", "tier": "gold"})["loyaltyTier"] == NO_VALUE
    assert _answer(settings)["loyaltyTier"] == NO_VALUE


def test_a_record_may_have_more_than_the_settings_name(tmp_path: Path) -> None:
    plain = _answer(load_settings(), {**ANA, "tier": "gold"})
    assert "gold" not in plain.values()
    assert plain["Name"] == "Ana Silva"
    assert _answer(_load(tmp_path, 'tier = "loyaltyTier"'), {**ANA, "tier": "gold", "secret": "x"}).keys() == {
        *plain,
        "loyaltyTier",
    }


@pytest.mark.parametrize("value", [7, None, ["gold"], {"a": 1}])
def test_what_an_adapter_gives_that_is_no_text_fails_and_says_which(
    settings: Settings, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _answer(settings, {**ANA, "tier": value})
    assert (answer["statusCode"], answer["loyaltyTier"], answer["Name"]) == ("502", NO_VALUE, NO_VALUE)
    assert "field 'tier' is not a string" in capsys.readouterr().out


MANY = "\n".join(f'f{number} = "own{number}"' for number in range(16))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return _load(tmp_path_factory.mktemp("many"), MANY)


@given(value=st.text(max_size=300), long=st.booleans())
def test_hostile_values_are_one_clean_line_and_the_answer_fits(many: Settings, value: str, long: bool) -> None:
    value = value * 1_000 if long else value
    customer = Customer("C" * 1_000, value, value, value, **dict.fromkeys(many.fields, value))
    answer = build_answer(lambda_settings(many), Identity("email", "a" * 64 + "@example.com"), [customer]).values
    for attribute in many.fields.values():
        text = answer[attribute]
        assert text == NO_VALUE or (text.isprintable() and 0 < len(text) <= 256), text
    whole = len(json.dumps(answer, ensure_ascii=False).encode())
    assert whole <= longest_answer(many.fields.values(), many.attribute_names()) <= LONGEST_ANSWER


def test_the_worst_answer_is_as_long_as_the_settings_think_and_no_longer(many: Settings) -> None:
    customer = Customer("C" * 4_000, *["\U0001f600" * 300] * 3, **dict.fromkeys(many.fields, "\U0001f600" * 300))
    answer = build_answer(lambda_settings(many), Identity("phone", "+12065550100"), [customer]).values
    search = answer | {many.attributes.search: "https://crm.example.com/" + "a" * 4_072}
    whole = len(json.dumps(search, ensure_ascii=False, separators=(",", ":")).encode())
    thought = longest_answer(many.fields.values(), many.attribute_names())
    assert thought - 2_000 < whole <= thought


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ('id = "x"', "every customer has 'id' already"),
        ('email = "x"', "every customer has 'email' already"),
        ('pk = "x"', "every customer has 'pk' already"),
        ('Tier = "x"', "fields.Tier: a field's name is"),
        ('"loyalty tier" = "x"', "a field's name is"),
        ('tier = ""', "only letters, digits"),
        ('tier = "loyalty tier"', "only letters, digits"),
        ('tier = "Stufe_ä"', "only letters, digits"),
        (f'tier = "{"x" * 256}"', "only letters, digits"),
        ('tier = "Name"', r"name of an attribute of \[tool.popdesk.attributes\] already"),
        ('tier = "contacturlpath"', "already"),
        ('tier = "x"\nplan = "X"', "fields.plan = 'X': that is the name of fields.tier already"),
        ('tier = "Email"', "says who is calling"),
        ('tier = "customer_phone"', "says who is calling"),
        ('tier = "HostedWidget-Email"', "says who is calling"),
        ("tier = 7", "fields.tier"),
        ("\n".join(f'f{number} = "own{number}"' for number in range(25)), "leave some out"),
    ],
)
def test_a_name_that_cannot_work_is_refused_before_anything_is_done(tmp_path: Path, fields: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        _load(tmp_path, fields)


def test_the_http_crm_has_it_under_its_own_name_or_where_the_settings_say(tmp_path: Path) -> None:
    record = {**ANA, "tier": "gold", "loyalty": {"level": 7, "since": 2019.5, "vip": True, "all": [1]}}
    paths = ', plan = "loyalty.level", since = "loyalty.since", vip = "loyalty.vip", all = "loyalty.all", no = "loyalty.no" }'
    own = "\n".join(f'{name} = "own-{name}"' for name in ("tier", "plan", "since", "vip", "all", "no"))
    settings = _load(tmp_path, own, '{ id = "id", name = "name", phone = "phone", email = "email"' + paths)
    with MisbehavingCrm() as crm:
        crm.customers = [record]
        shown = lambda_settings(settings)
        http = {**shown["lookup"]["http"], "url": crm.url, "timeout_ms": 30_000}
        shown["lookup"] |= {"adapter": "http", "budget_ms": 60_000, "http": http}
        answer = create_handler(shown)(CALL, None)
    own_values = {name.removeprefix("own-"): value for name, value in answer.items() if name.startswith("own-")}
    assert own_values == {"tier": "gold", "plan": "7", "since": "2019.5", "vip": "true", "all": "-", "no": "-"}


def test_a_crm_whose_records_lack_it_still_finds_the_customer(settings: Settings) -> None:
    with MisbehavingCrm() as crm:
        crm.customers = [ANA]
        shown = lambda_settings(settings)
        shown["lookup"] |= {"adapter": "http", "http": {**shown["lookup"]["http"], "url": crm.url}}
        answer = create_handler(shown)(CALL, None)
    assert (answer["Name"], answer["loyaltyTier"]) == ("Ana Silva", NO_VALUE)


def test_a_field_of_the_http_crm_that_no_customer_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'tire' is not a customer field \(there are: id, name, phone, email, tier"):
        _load(tmp_path, 'tier = "loyaltyTier"', '{ id = "id", tire = "tier" }')


def test_the_flow_stores_it_and_clears_it_for_the_next_look_up(settings: Settings) -> None:
    main = flows.main_flow(settings, lambda_arn="fn", guide_flow_arn="guide", queue_arn="queue")
    guide = flows.guide_flow(settings, view_arn="view")
    assert flows.problems(main) == []
    answers: list[Answer] = []
    runner = Runner(
        flows={"main": main, "guide": guide},
        views={"view": flows.view(settings)},
        queues={"queue": "Queue"},
        applications={settings.name},
        invoke=lambda _event, _seconds: answers[0],
    )
    contact = Contact("1", "1", "VOICE", "", {"address": "+12065550100", "type": "TELEPHONE_NUMBER"}, {})
    answers[:] = [Answer(dict(_answer(settings, {**ANA, "tier": "gold"})))]
    assert runner.run("main", contact).attributes["loyaltyTier"] == "gold"
    again = Contact("1", "1", "VOICE", "", contact.endpoint, {"loyaltyTier": "gold"})
    answers[:] = [Answer(dict(_answer(settings)))]
    assert runner.run("main", again).attributes["loyaltyTier"] == NO_VALUE
    answers[:] = [Answer(error="it did not answer")]
    assert runner.run("main", again).attributes["loyaltyTier"] == NO_VALUE


def test_the_guides_view_with_its_input_has_no_customers_data_and_is_far_below_16_kb(many: Settings) -> None:
    (show,) = [a for a in flows.guide_flow(many, view_arn="view")["Actions"] if a["Type"] == "ShowView"]
    assert show["Parameters"]["ViewData"] == {}
    assert len(json.dumps(flows.view(many)) + json.dumps(show)) < 16_000 / 4


def test_the_import_takes_its_column(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(
        "id,phone,Tier,other\nC-1,2065550100, gold ,x\nC-2,2065550101,,x\nC-3,2065550102," + "x" * 1_025 + ",\n"
    )
    rows = list(read_rows(check_file(file, fields=settings.fields), "US"))
    assert [[item.get("tier") for item in row.items] for row in rows] == [["gold"], [""], []]
    assert rows[2].problem == "its tier is longer than 1024 bytes"
    assert all("other" not in item for row in rows for item in row.items)
    assert "tier" not in next(read_rows(file, "US")).items[0]


def test_a_column_that_is_named_twice_is_refused(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("id,phone,tier,Tier\nC-1,2065550100,gold,silver\n")
    with pytest.raises(UserError, match="the column tier 2 times"):
        check_file(file, fields=settings.fields)
