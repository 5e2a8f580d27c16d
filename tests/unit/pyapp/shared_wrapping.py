"""What a wrap-up is for, what is kept of it, and when a contact may be cleared. Runs on CPython and on MicroPython."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,var-annotated"

import json

if False:
    from typing import Any

from popdesk import actions
from popdesk.actions import Choice, Line
from popdesk.desk import Desk, Unanswered
from popdesk.forms import Forms, perform
from popdesk.wrapping import Clearing, WrapUp, wrap_up, wrap_up_for


def _fields():
    return [Choice("disposition", ["solved", "call back"], required=True), Line("note")]


async def _save(desk, disposition, note):
    await desk._write("PUT", "contact/attributes/disposition", {"value": disposition})


class Stage:
    """A wrap-up's form, as it is in one page; what is kept of it comes back in the next one."""

    keys = 0

    def __init__(self, **others) -> None:
        self.kept = ""
        self.written = []
        self.answers: list[object] = [None]
        self.open(**others)

    def open(self, kept: str = "", **others) -> None:
        given = {"required": True}
        given.update(others)
        self.forms = Forms([WrapUp("Wrap-up", _fields(), _save, [], **given)], self.new_key)
        form: Any = self.forms.forms[0]
        self.form = form
        if kept:
            form.restore(json.loads(kept))
        form.changed = self.keep

    def new_key(self) -> str:
        Stage.keys += 1
        return f"{Stage.keys:030d}"

    def keep(self) -> None:
        draft = self.form.draft()
        self.kept = json.dumps(draft) if draft else ""

    def kill(self) -> None:
        self.open(self.kept)

    async def fill(self) -> None:
        self.form.open()
        await self.form.fill(Desk(_no_answer, {}))

    async def save(self) -> None:
        async def write(method, path, body, key):
            self.written.append((path, body, key))
            answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer

        if self.form.submit():
            await perform(self.form, lambda write: Desk(_no_answer, {}, {}, write), write, _fail)


async def _no_answer(name):
    raise Unanswered("nothing")


def _fail(error) -> None:
    raise error


def test_the_queues_own_wrap_up_goes_before_the_one_for_all() -> None:
    support = WrapUp("Support", _fields(), _save, ["Support", "Returns"], True)
    others = WrapUp("All", _fields(), _save, [], False)
    assert wrap_up_for([others, support], "Returns") is support
    assert wrap_up_for([others, support], "Sales") is others
    assert wrap_up_for([others, support], "") is others  # a contact that was in no queue
    assert wrap_up_for([support], "Sales") is None


def test_it_is_offered_during_the_call_and_after_it() -> None:
    found = WrapUp("Wrap-up", _fields(), _save, [], False)
    states = ("connecting", "connected", "acw", "missed", "idle")
    assert [state for state in states if found.makes_sense(state, False)] == ["connecting", "connected", "acw"]
    found.here = False
    assert [state for state in states if found.makes_sense(state, True)] == []


async def test_what_was_typed_during_the_call_is_there_after_a_kill() -> None:
    stage = Stage()
    await stage.fill()
    stage.form.type("note", "Late parcel")
    stage.kill()
    await stage.fill()
    assert stage.form.typed == {"disposition": "", "note": "Late parcel"}
    assert stage.form.state == "open"
    stage.form.type("disposition", "solved")
    await stage.save()
    assert [path for path, _, _ in stage.written] == ["contact/attributes/disposition"]
    assert json.loads(stage.kept) == {"saved": True}  # nothing of what was typed stays


async def test_what_was_killed_while_it_was_saved_is_tried_again_with_its_key() -> None:
    stage = Stage()
    await stage.fill()
    stage.form.type("disposition", "solved")
    assert stage.form.submit()  # and the page is gone before there is an answer
    key = stage.form.key
    stage.kill()
    await stage.fill()
    assert (stage.form.state, stage.form.uncertain, stage.form.key) == ("failed", True, key)
    stage.form.type("note", "another")  # is not taken: the key stands for what was sent
    await stage.save()
    assert stage.written == [("contact/attributes/disposition", {"value": "solved"}, key + "00")]
    assert stage.form.saved


async def test_what_was_saved_is_not_asked_for_again() -> None:
    stage = Stage()
    await stage.fill()
    stage.form.type("disposition", "solved")
    await stage.save()
    stage.kill()
    assert (stage.form.state, stage.form.saved) == ("done", True)
    stage.form.open()  # the agent has more to say
    assert (stage.form.state, stage.form.saved, stage.form.typed) == ("open", True, {})
    stage.form.type("note", "And a call back")
    stage.kill()
    stage.form.open()
    assert (stage.form.saved, stage.form.typed["note"]) == (True, "And a call back")


async def test_what_is_discarded_is_kept_no_more() -> None:
    stage = Stage()
    await stage.fill()
    stage.form.type("note", "Late parcel")
    stage.form.discard()
    assert stage.kept == ""
    assert not stage.form.saved


async def test_a_failed_save_loses_nothing() -> None:
    stage = Stage()
    stage.answers = [Unanswered("problem", "Too late")]
    await stage.fill()
    stage.form.type("disposition", "solved")
    await stage.save()
    stage.kill()
    await stage.fill()
    assert stage.form.typed["disposition"] == "solved"
    assert (stage.form.state, stage.form.uncertain) == ("open", False)


async def test_a_contact_is_cleared_where_its_wrap_up_allows_it() -> None:
    clearing = Clearing()
    assert clearing.why_not(None) == ""  # it has none
    required = Stage().form
    assert [clearing.why_not(required), clearing.why_not(required)] == ["wrap.required"] * 2
    other = Stage(required=False).form
    assert [clearing.why_not(other), clearing.why_not(other)] == ["wrap.remind", ""]
    required.saved = True
    assert Clearing().why_not(required) == ""


def test_a_queue_has_one_wrap_up() -> None:
    kept = list(actions.ACTIONS)
    actions.ACTIONS.clear()
    try:

        async def first(desk, disposition, note):
            pass

        async def second(desk, disposition, note):
            pass

        wrap_up(queues=["Support"], fields=_fields())(first)
        for queues in (["Sales", "Support"],):
            try:
                wrap_up(queues=queues, fields=_fields())(second)
                raise AssertionError("it was taken")
            except ValueError as error:
                assert "the queue Support" in str(error)  # noqa: PT017
        wrap_up(fields=_fields())(second)
        for wrong in ({"queues": "Support", "fields": _fields()}, {"title": "", "fields": _fields()}):
            try:
                wrap_up(**wrong)
                raise AssertionError("it was taken")
            except TypeError:
                pass
    finally:
        actions.ACTIONS.clear()
        actions.ACTIONS.extend(kept)
