"""What becomes of a form, and what is done once. Runs on CPython and on MicroPython (see test_shared.py)."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,var-annotated"

import asyncio

from popdesk.actions import Action, Choice, Hidden, Line, Paragraph
from popdesk.api import Problem
from popdesk.desk import Desk, Unanswered
from popdesk.forms import Form, Forms, perform
from popdesk.values import Text


def _key(number: int) -> str:
    return f"{number:030d}"


class Stage:
    """A form, and a server that keeps what was written: `answers` are taken one after the other, the last one stays."""

    def __init__(self, fields=(), run=None, **others) -> None:
        self.keys = 0
        self.written = []
        self.defects = []
        self.answers: list[object] = [{"id": "7"}]
        action = Action("Create", fields or [Line("subject", required=True)], run or _create, **others)
        self.forms = Forms([action], self.new_key)
        self.form: Form = self.forms.form(action.id)

    def new_key(self) -> str:
        self.keys += 1
        return _key(self.keys)

    async def write(self, method, path, body, key):
        self.written.append((method, path, body, key))
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def perform(self, undo=False, seconds=5.0):
        async def ask(name):
            raise Unanswered("nothing")

        return perform(
            self.form, lambda write: Desk(ask, {}, {}, write), self.write, self.defects.append, undo, seconds
        )

    async def submit(self, **typed: str) -> None:
        for name in typed:
            self.form.type(name, typed[name])
        if self.form.submit():
            await self.perform()


async def _create(desk, subject):
    # As desk.api.post does, without the workspace's part in it.
    return Text((await desk._write("POST", "cases", {"subject": subject}))["id"])


async def _reopen(desk, subject):
    await desk._write("PATCH", "cases/7", {"status": "open"})


async def test_what_is_done_is_done_with_the_key_that_was_made_when_the_form_opened() -> None:
    stage = Stage()
    assert stage.form.key == ""
    stage.form.open()
    assert stage.form.key == _key(1)
    await stage.submit(subject=" Invoice ")
    assert stage.form.state == "done"
    assert stage.form.result == Text("7")
    assert stage.written == [("POST", "cases", {"subject": "Invoice"}, _key(1) + "00")]


async def test_no_second_click_does_it_twice() -> None:
    stage = Stage()
    stage.form.open()
    stage.form.type("subject", "Invoice")
    assert stage.form.submit()
    run = asyncio.create_task(stage.perform())
    assert [stage.form.submit(), stage.form.undo()] == [False, False]
    stage.form.open()
    stage.form.close()
    stage.form.type("subject", "Other")
    await run
    assert not stage.form.submit()  # done: only what is opened anew may be done again
    assert len(stage.written) == 1
    assert stage.written[0][2] == {"subject": "Invoice"}


async def test_a_lost_answer_is_tried_again_with_the_same_key_and_the_same_values() -> None:
    stage = Stage()
    stage.answers = [Problem("timeout", "", 0, True), {"id": "7"}]
    stage.form.open()
    await stage.submit(subject="Invoice")
    assert [stage.form.state, stage.form.uncertain] == ["failed", True]
    stage.form.type("subject", "Other")  # its key stands for what was typed first
    stage.form.close()
    stage.form.open()
    assert stage.form.state == "failed"
    await stage.submit()
    assert [stage.form.state, stage.form.kind] == ["done", ""]
    assert [(body, key) for _, _, body, key in stage.written] == [({"subject": "Invoice"}, _key(1) + "00")] * 2


async def test_what_was_refused_can_be_changed_and_keeps_what_was_typed() -> None:
    stage = Stage(fields=[Line("subject"), Hidden("source")], run=_create_from)
    refused = Problem(
        "problem",
        "Not like this",
        422,
        False,
        [{"field": "subject", "detail": "Too short"}, {"field": "source", "detail": "?"}],
    )
    stage.answers = [refused, {"id": "7"}]
    stage.form.open()
    await stage.submit(subject="I")
    form = stage.form
    assert [form.state, form.problem, form.typed["subject"], form.wrong] == [
        "failed",
        "Not like this",
        "I",
        {"subject": ("Too short", {})},
    ]
    await stage.submit(subject="Invoice")
    assert [form.state, form.wrong, form.kind, form.problem] == ["done", {}, "", ""]


async def _create_from(desk, subject, source):
    return await _create(desk, subject)


async def test_wrong_values_are_not_sent() -> None:
    stage = Stage()
    stage.form.open()
    await stage.submit(subject="  ")
    assert [stage.form.state, stage.form.wrong, stage.written] == ["open", {"subject": ("form.required", {})}, []]
    stage.form.type("subject", "I")
    assert stage.form.wrong == {}


async def test_what_cannot_be_undone_is_confirmed_first() -> None:
    stage = Stage(confirm="Delete it?")
    stage.form.open()
    await stage.submit(subject="Invoice")
    assert [stage.form.state, stage.written] == ["asking", []]
    stage.form.take_back()
    assert stage.form.state == "open"
    await stage.submit()
    stage.form.type("subject", "Other")  # other values are another question
    assert stage.form.state == "open"
    await stage.submit()
    await stage.submit()
    assert [stage.form.state, len(stage.written)] == ["done", 1]


async def test_what_offers_it_is_undone_once_with_a_key_of_its_own() -> None:
    stage = Stage(undo=_reopen)
    stage.form.open()
    await stage.submit(subject="Invoice")
    stage.answers = [Problem("failed", "", 0, True), {}]
    assert stage.form.undo()
    assert not stage.form.undo()
    await stage.perform(undo=True)
    assert [stage.form.state, stage.form.kind] == ["done", "failed"]
    assert stage.form.undo()
    await stage.perform(undo=True)
    assert stage.form.state == "undone"
    assert not stage.form.undo()
    keys = [key for _, _, _, key in stage.written]
    assert keys[1] == keys[2] != keys[0]


async def test_opened_anew_it_is_empty_and_has_another_key() -> None:
    stage = Stage()
    stage.form.open()
    await stage.submit(subject="Invoice")
    stage.form.open()
    assert [stage.form.state, stage.form.typed, stage.form.result] == ["open", {}, None]
    await stage.submit(subject="Invoice")
    assert stage.written[0][3] != stage.written[1][3]


async def test_what_was_typed_is_kept_until_the_contact_is_gone() -> None:
    stage = Stage()
    assert not stage.forms.keep("c-1", False)
    stage.form.open()
    stage.form.type("subject", "Invoice")
    stage.form.close()
    stage.form.open()
    assert not stage.forms.keep("c-1", False)
    assert stage.form.typed == {"subject": "Invoice"}
    assert stage.forms.keep("c-1", True)
    assert [stage.form.state, stage.form.typed, stage.form.key] == ["closed", {}, ""]
    stage.forms.keep("c-1", False)
    stage.form.open()
    stage.form.type("subject", "Invoice")
    assert stage.forms.keep("c-2", False)
    assert stage.form.typed == {}


async def test_what_comes_when_the_contact_is_gone_is_not_shown() -> None:
    stage = Stage()
    stage.form.open()
    stage.form.type("subject", "Invoice")
    assert stage.form.submit()
    run = asyncio.create_task(stage.perform())
    await asyncio.sleep(0)
    stage.forms.clear()
    await run
    assert [stage.form.state, stage.form.result] == ["closed", None]


async def test_an_action_that_does_not_return_has_failed() -> None:
    async def wait(desk, subject):
        await desk._write("POST", "cases", {})
        await asyncio.sleep(60)

    stage = Stage(run=wait)
    stage.form.open()
    stage.form.type("subject", "Invoice")
    assert stage.form.submit()
    assert await stage.perform(seconds=0.05) == ["cases"]
    assert [stage.form.state, stage.form.kind, stage.form.uncertain] == ["failed", "timeout", True]


async def test_a_defect_of_an_action_is_told_and_its_form_says_that_it_failed() -> None:
    async def broken(desk, subject):
        raise KeyError("id")

    stage = Stage(run=broken)
    stage.form.open()
    await stage.submit(subject="Invoice")
    assert [stage.form.state, stage.form.problem, stage.form.uncertain] == ["failed", "KeyError", False]
    assert len(stage.defects) == 1

    async def undrawable(desk, subject):
        await _create(desk, subject)
        return {"id": 7}

    stage = Stage(run=undrawable)
    stage.form.open()
    await stage.submit(subject="Invoice")
    assert [stage.form.state, stage.form.uncertain] == ["failed", True]  # it has been written all the same


async def test_each_write_has_its_own_key_and_the_same_one_when_it_is_tried_again() -> None:
    async def twice(desk, subject):
        await desk._write("POST", "cases", {})
        await desk._write("POST", "notes", {})

    stage = Stage(run=twice)
    stage.answers = [{}, Problem("failed", "", 503, True), {}]
    stage.form.open()
    await stage.submit(subject="Invoice")
    await stage.submit()
    assert [key[-2:] for _, _, _, key in stage.written] == ["00", "01", "00", "01"]
    assert len({key for _, _, _, key in stage.written}) == 2
    assert {len(key) for _, _, _, key in stage.written} == {32}


async def test_defaults_and_options_come_from_the_desk_and_not_over_what_was_typed() -> None:
    async def cases(desk):
        return [("C-1", "Invoice"), ("C-2", "Delivery")]

    stage = Stage(
        fields=[Choice("case", cases), Line("name", default=lambda desk: "Ana"), Paragraph("note", default="Hello")]
    )
    stage.form.open()
    stage.form.type("name", "Bea")
    await stage.form.fill(Desk(_nobody, {}))
    assert stage.form.options["case"] == [("C-1", "Invoice"), ("C-2", "Delivery")]
    assert [stage.form.typed["name"], stage.form.typed["note"]] == ["Bea", "Hello"]
    stage.form.type("note", "")
    await stage.form.fill(Desk(_nobody, {}))
    assert stage.form.typed["note"] == ""
    stage.form.type("case", "C-9")  # none of those that were offered
    assert not stage.form.submit()
    assert list(stage.form.wrong) == ["case"]


async def _nobody(name):
    raise Unanswered("nothing")
