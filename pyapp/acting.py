"""Wires what the agent can do: the API's client, the actions and their forms. main.py imports it when it is first needed.

acting = Acting(settings, board, lambda: token, fail)
acting.ask("api customers/7731/orders", answered)       # a card's question to the API
acting.show(cards, say, clicks)                         # the actions, when the page's first values are there
acting.draw(state, has_customer)
"""

import asyncio

from popdesk.api import QUESTION, Api
from popdesk.desk import Unanswered
from popdesk.http import Sender
from popdesk.values import Text

if False:
    from collections.abc import Callable
    from typing import Any

    from popdesk.board import Board, Outcome
    from popdesk.forms import Form, Forms
    from popdesk.handling import Call, Handling
    from popdesk.page_state import PageState
    from popdesk.session import Session
    from popdesk.view.candidates import Candidates
    from popdesk.view.cards import Cards
    from popdesk.view.forms import FormsView
    from popdesk.view.wrapping import WrapUps

    Say = Callable[..., str]

# What the API changes of the contact is asked for again at the workspace: paths that begin so.
_OF_CONTACT = "contact/"


class Acting:
    """The API of one page, and its actions. `token()` returns the contact's token, `fail(where, error)` reports a defect.

    `call` is connect.py's, `looked_up()` returns the token of the look-up's answer, whomever the agent has chosen since.
    """

    def __init__(
        self,
        settings: "dict[str, Any]",
        board: "Board",
        token: "Callable[[], str]",
        fail: "Callable[[str, Exception], None]",
        say: "Say",
        call: "Call",
        looked_up: "Callable[[], str]",
    ) -> None:
        self._settings = settings
        self._board = board
        self._call_workspace = call
        self._looked_up = looked_up
        self._contact_id = ""
        self._handling: "Handling | None" = None
        self._token = token
        self._fail = fail
        self._sender = Sender()
        self._say = say
        self._candidates: "Candidates | None" = None
        self._found: "list[dict[str, str]]" = []
        # The tokens of the look-up's answers: the last one, the one whose candidates are shown, the one that was chosen for.
        self._answered, self._candidates_of, self._chosen_of = "-", "", ""
        self._chosen: "dict[str, str]" = {}
        self._choosing = False  # whether a choice is under way
        self._session: "Session | None" = None
        send: "Any" = self._sender.send
        if settings.get("signs_in"):
            send = self._signed(settings["api"], say)
        self._api = Api(send, settings["api"]) if settings.get("api") else None
        self._forms: "Forms | None" = None
        self._view: "FormsView | None" = None
        self._wrap_ups: "WrapUps | None" = None

    # -- the API ------------------------------------------------------------------------------------------------------

    def ask(self, name: str, answered: "Callable[[Any, Exception | None], None]") -> None:
        """Ask the API, or the workspace, what a question of the board's names; `answered` as for connect.py's `send`."""
        asyncio.create_task(self._answer(name, answered))

    async def _answer(self, name: str, answered: "Callable[[Any, Exception | None], None]") -> None:
        place, _, what = name.partition(" ")
        try:
            if place == "api":
                answered(await self._call("GET", what), None)
            else:
                answered(await self._get_handling().ask(what), None)
        except Exception as error:
            answered(None, error)

    def _get_handling(self) -> "Handling":
        if self._handling is None:
            from popdesk.handling import Handling

            seconds = self._settings["request_timeout_ms"] / 1000
            self._handling = Handling(self._call_workspace, lambda: self._contact_id, seconds)
        return self._handling

    async def _call(self, method: str, path: str, body: "Any" = None, key: str = "") -> "Any":
        if method == "WORKSPACE":  # handling.py's
            return await self._get_handling().do(path, body, key)
        if self._api is None:
            raise RuntimeError("[tool.popdesk.api] is not enabled")
        self._api.token = self._token()
        return await self._api.call(method, path, body, key)

    # -- the customer, among several --------------------------------------------------------------------------------------

    def laid_over(self, attributes: "dict[str, Any]", looked_up: str) -> "dict[str, Any]":
        """Return the contact's attributes with those of the customer whom the agent has chosen.

        The choice holds for the look-up's answer that it was made about: a new answer has another token, `looked_up`.
        """
        if looked_up != self._chosen_of:
            return attributes
        made = dict(attributes)
        made.update(self._chosen)
        return made

    def offer_candidates(self, several: bool, looked_up: str) -> None:
        """Let the agent choose where the look-up has found several customers; `several` is what the page shows now."""
        self._answered = looked_up
        if self._answered == self._chosen_of:
            self._draw_candidates(None, "", True)
        elif not several or len(looked_up) < 10:  # "-" stands for no token: nothing can be asked
            if self._candidates:
                self._draw_candidates(None, "")
        elif self._answered != self._candidates_of:
            self._candidates_of = self._answered
            asyncio.create_task(self._find_candidates())

    async def _find_candidates(self) -> None:
        try:
            found = (await self._call("GET", "contact/customers"))["customers"]
            self._found = [{"id": str(each["id"]), "name": str(each["name"])} for each in found]
            self._draw_candidates(self._found, self._say("choose") if self._found else "")
        except Unanswered as error:
            self._candidates_of = ""  # asked again with the next answer of the workspace
            signed_out = self._session and self._session.state != "in"  # which has a line of its own
            self._draw_candidates(None, "" if signed_out else error.reason or self._say("choose.failed"))
        except Exception as error:
            self._fail("customers", error)

    def choose(self, customer_id: str) -> None:
        """Take the agent's click: a customer, or "" to choose again."""
        if self._choosing:
            return
        if customer_id:
            asyncio.create_task(self._choose(customer_id))
            return
        self._chosen_of, self._chosen = "", {}
        self._draw_candidates(self._found, self._say("choose"))
        self._ask_again()

    async def _choose(self, customer_id: str) -> None:
        answered, self._choosing = self._answered, True
        if self._candidates:
            self._candidates.busy(True)
        try:
            attributes = (await self._call("POST", "contact/customers", {"id": customer_id}))["attributes"]
            self._chosen_of, self._chosen = answered, {str(name): str(attributes[name]) for name in attributes}
            self._ask_again()
        except Unanswered as error:
            self._draw_candidates(self._found, error.reason or self._say("choose.failed"))
        except Exception as error:
            self._fail("customers", error)
        finally:
            self._choosing = False
            if self._candidates:
                self._candidates.busy(False)

    def _ask_again(self) -> None:
        self._board.refresh(self._board.asked(QUESTION) + ["contact.attributes"])

    def _draw_candidates(self, found: "list[dict[str, str]] | None", text: str, chosen: bool = False) -> None:
        if self._candidates is None:
            from popdesk.view.candidates import Candidates

            self._candidates = Candidates(self._say, self._settings["mask_personal_data"])
        self._candidates.draw(found, text, chosen)

    # -- the agent's sign-in --------------------------------------------------------------------------------------------

    def _signed(self, settings: "dict[str, Any]", say: "Say") -> "Any":
        """Return what sends requests with the agent's token in each."""
        from popdesk.session import Session
        from popdesk.view.sign_in import Edges, SignInView

        edges = Edges(lambda given: session.arrived(given), lambda message: session.heard(message))
        self._session = session = Session(settings["oidc"], edges, self._session_changed)
        self._sign_in_view = SignInView(say)
        self._sign_in_view.draw(session)
        asyncio.create_task(self._ask_other_frames(edges, session))
        return session.signed(
            self._sender.send, settings["headers"]["agent"], lambda why: say("sign." + (why or "needed"))
        )

    async def _ask_other_frames(self, edges: "Any", session: "Session") -> None:
        await edges.listen()
        session.ask_others()

    def _session_changed(self) -> None:
        if self._session:
            self._sign_in_view.draw(self._session)
            if self._session.state == "in":
                self._ask_again()

    def sign_in(self) -> None:
        """Open the identity provider's pop-up: the agent has clicked."""
        if self._session:
            self._session.sign_in()

    # -- the actions --------------------------------------------------------------------------------------------------

    def show(self, cards: "Cards", say: "Say", clicks: "dict[str, Callable[[Any, Any], Any]]") -> None:
        """Make the actions' buttons; `clicks` are the page's, by what is marked so (view/dom.py)."""
        if self._settings.get("dials"):
            clicks["dial"] = self._dial
        if self._settings["actions"] == "dials":  # numbers on cards, and no actions
            return
        import actions  # noqa: F401  (fills ACTIONS)
        from popdesk.actions import ACTIONS
        from popdesk.forms import Forms
        from popdesk.view.forms import FormsView, new_key

        self._forms = forms = Forms(ACTIONS, new_key)
        self._view = FormsView(forms, cards, say, self._fill, self._do)
        clicks.update(self._view.clicks)
        if self._settings.get("wraps_up"):
            from popdesk.view.wrapping import WrapUps

            self._wrap_ups = WrapUps(forms, self._view, say, self._board.desk, self._fail, self.draw)
            self._get_handling().guard = self._wrap_ups.why_not_clear

    def draw(self, state: "PageState", has_customer: bool) -> None:
        """Offer what makes sense in this state; what was typed goes with its contact, and so do requests under way."""
        self._contact_id = state.contact_id
        if self._settings.get("dials") and state.created:
            from popdesk.handling import may_dial
            from popdesk.view.dialing import let_dial

            let_dial(may_dial(state.granted) and not state.contact.is_over)
        if self._api:
            self._api.closed = state.contact.is_over
        if state.contact.is_over:
            self._sender.abort()
        if self._wrap_ups:
            self._wrap_ups.draw(state, self._looked_up(), has_customer)
        if self._forms and self._view:
            if self._forms.keep(state.contact_id, state.contact.is_over):
                self._view.forget()
            self._view.offer(state.contact.now, has_customer, lambda card: _has_value(state.outcomes.get(card)))

    def depends_on(self, card_id: str) -> bool:
        """Return whether a card has an action, which may be offered only while the card shows something."""
        forms = self._forms
        return forms is not None and any(form.action.card == card_id for form in forms.forms)

    async def _fill(self, form: "Form") -> None:
        """Ask for a form's defaults and options; what keeps them from coming stands on the form.

        Only while it is open: what may have been done says so until the agent has tried again.
        """
        from popdesk.forms import OPEN

        if form.state != OPEN:
            return
        kind = problem = form.kind = form.problem = ""
        try:
            await form.fill(self._board.desk())
        except Unanswered as error:
            kind, problem = error.kind, error.reason
        except Exception as error:
            self._fail("action: " + form.action.title, error)
            kind, problem = "failed", type(error).__name__
        if form.state == OPEN:
            form.kind, form.problem = kind, problem

    async def _do(self, form: "Form", undo: bool) -> None:
        """Do what a form's action does, or undo it; then the cards that ask the API, or handling.py, ask again."""
        from popdesk.forms import perform

        def defect(error: Exception) -> None:
            self._fail("action: " + form.action.title, error)

        paths = await perform(form, self._board.desk, self._call, defect, undo)
        if paths:
            names = self._board.asked(QUESTION) + self._board.asked("workspace ")
            for path in paths:
                if path[: len(_OF_CONTACT)] == _OF_CONTACT:
                    names.append("contact.attributes")
            self._board.refresh(names)

    # -- numbers on cards ---------------------------------------------------------------------------------------------

    def _dial(self, event: "Any", number: str) -> None:
        """Call a card's number: the agent has clicked on it."""
        from popdesk.view.dialing import Dialed

        dialed = Dialed(event.target, self._say)
        if dialed.may_begin():
            asyncio.create_task(dialed.done(self._get_handling().do("dial", [number, True, ""], dialed.key)))


def _has_value(outcome: "Outcome | None") -> bool:
    """Return whether a card shows something: a value, and not one that stands for nothing (a table without rows)."""
    return bool(outcome and outcome.kind == "value" and outcome.value != Text(""))
