"""What the agent sees, and what the agent's hand does: the only module that knows the page's DOM.

    page = Page()
    page.commands = Commands(apps, flow, page)
    page.start()          # listens; draws when something changed, once per animation frame

One listener per kind of event serves the whole page (no handler is made per element, so none is left behind).
Elements say what they do in `data-do`, `data-change` and `data-form`; every one of them ends in
`commands.command(name, args)`.
"""

import asyncio
import gc
import json

import js
import json_text
import permissions
from floor import ACW, CHOOSABLE, CONNECTED, INCOMING, LOCALES, MISSED, QUEUED, NotPossible
from jsffi import create_proxy
from log import DOWN, UP
from protocol import LOADING
from replies import requests_known

PANELS = ("contact", "flow", "log", "faults", "desk")
# Rows of the log that are in the DOM at once; the filter finds the others.
LOG_ROWS = 300
# How long what the apps say is gathered before it is drawn, ms.
NEWS_DELAY = 150

_WORDS = {
    QUEUED: "In the flow",
    INCOMING: "Incoming",
    CONNECTED: "Connected",
    ACW: "After-contact work",
    MISSED: "Missed",
}
_CHANNELS = {"VOICE": "Call", "CHAT": "Chat", "TASK": "Task", "EMAIL": "E-mail"}
_document = js.document


def sentence(error):
    """Write an error's text as a sentence."""
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def by_id(name):
    """Return the element with this id."""
    return _document.getElementById(name)


def element(tag, css="", text=None, **attributes):
    """Make an element; underscores in attribute names become dashes."""
    made = _document.createElement(tag)
    if css:
        made.className = css
    if text is not None:
        made.textContent = text
    for name in attributes:
        made.setAttribute(name.replace("_", "-").rstrip("-"), str(attributes[name]))
    return made


def button(text, command, css="", **args):
    """Make a button that does a command."""
    made = element("button", css, text, type="button", data_do=command)
    if args:
        made.setAttribute("data-args", json.dumps(args))
    return made


class Page:
    """The page. `commands` is set before `start`."""

    def __init__(self):
        self.commands = None
        self.panel = "contact"
        self.panel_open = True
        self.problem = None
        self.failures = {}
        self._dirty = False
        self._drawn = {}
        self._log_filter = ""
        self._log_last = 0
        self._log_matched = 0
        self._news_waits = False
        self._news_proxy = create_proxy(self._news_due)
        self._open_rows = set()
        self._toast_number = 0
        self._draw_proxy = create_proxy(self._draw)
        self._tick_proxy = create_proxy(self._tick)
        self._handlers = []

    def start(self):
        """Listen to the page and draw it."""
        listeners = (("click", self._click), ("change", self._change), ("submit", self._submit), ("input", self._input))
        for kind, handler in listeners:
            proxy = create_proxy(handler)
            self._handlers.append(proxy)
            _document.addEventListener(kind, proxy)
        for locale in LOCALES:
            by_id("desk-language").append(element("option", "", locale, value=locale))
        for request in requests_known():
            by_id("requests").append(element("option", "", None, value=request))
        js.setInterval(self._tick_proxy, 1000)
        self.changed()

    def fill_customers(self, customers):
        """Put the sample customers into the offer form."""
        select = by_id("offer-customer")
        if self._same("customers", customers):
            return
        select.replaceChildren(element("option", "", "Somebody else", value=""))
        for customer in customers:
            select.append(element("option", "", customer["name"], value=customer["id"]))
        if customers:
            select.value = customers[0]["id"]
        self._offer_fields()

    def changed(self):
        """Something changed: draw at the next animation frame."""
        if not self._dirty:
            self._dirty = True
            js.requestAnimationFrame(self._draw_proxy)

    def changed_soon(self):
        """The same for what an app said: many messages, one drawing, and none while the app waits for its answers."""
        if not self._news_waits:
            self._news_waits = True
            js.setTimeout(self._news_proxy, NEWS_DELAY)

    def _news_due(self):
        self._news_waits = False
        self.changed()

    def open_panel(self, name="", filter=None):
        """Open a panel by name, or close it for ""."""
        if name and name not in PANELS:
            raise NotPossible("the panels are " + ", ".join(PANELS))
        self.panel_open = bool(name)
        self.panel = name or self.panel
        if filter is not None:
            self._log_filter = filter
            by_id("log-filter").value = filter
        self.changed()

    def memory(self):
        """Return the bytes in use of MicroPython's heap."""
        gc.collect()
        return {"python": gc.mem_alloc()}

    def show_problem(self, subject="", reason="", hint=""):
        """Show a banner, or take it away for ""."""
        self.problem = (subject, reason, hint) if subject else None
        self.changed()

    def failed(self, instance, message):
        """An app ended with a fatal error: say so where it was."""
        self.failures[instance.contact_id] = instance.app.name + " closed after a fatal error. " + message
        self.changed()

    def say(self, text):
        """Show a passing message."""
        toast = by_id("toast")
        toast.textContent = text
        toast.hidden = False
        self._toast_number += 1
        number = self._toast_number
        asyncio.create_task(self._hide_toast(number))

    async def _hide_toast(self, number):
        await asyncio.sleep(6)
        if number == self._toast_number:
            by_id("toast").hidden = True

    # -- the agent's hand ----------------------------------------------------------------------------------------------

    def do(self, command, **args):
        """Do a command; what it cannot do is said on the page."""
        asyncio.create_task(self._do(command, args))

    async def _do(self, name, args):
        try:
            await self.commands.command(name, args)
        except NotPossible as error:
            self.say(sentence(error))
        self.changed()

    def _click(self, event):
        target = event.target.closest("[data-do],[data-panel],[data-row]")
        if target is None:
            return
        if target.hasAttribute("data-panel"):
            self.open_panel(target.getAttribute("data-panel"))
        elif target.hasAttribute("data-row"):
            self._toggle_row(target)
        else:
            name = target.getAttribute("data-do")
            own = getattr(self, "_do_" + name.replace("-", "_"), None)
            text = target.getAttribute("data-args")
            args = json.loads(text) if text else {}
            if own is not None:
                own(**args)
            else:
                self.do(name, **args)

    def _do_panel_toggle(self):
        self.open_panel("" if self.panel_open else self.panel)

    def _do_dismiss(self):
        self.show_problem()

    def _do_edit_attribute(self, name, contact):
        by_id("attribute-name").value = name
        field = by_id("attribute-value")
        field.value = self.commands.desk.contact(contact).attributes.get(name, "")
        field.focus()

    def _do_clear_log(self):
        self.commands.log.clear()
        self.changed()

    def _do_copy_log(self):
        log = self.commands.log
        text = log.json_lines(log.filter(self._log_filter))
        asyncio.create_task(self._copy(text))

    async def _copy(self, text):
        try:
            await js.navigator.clipboard.writeText(text)
            self.say("Copied as JSON Lines. It holds personal data: keep it on this machine.")
        except Exception:
            self.say("The browser does not let this page write to the clipboard.")

    def _change(self, event):
        target = event.target
        if target.id == "offer-customer":
            self._offer_fields()
        elif target.hasAttribute("data-permission"):
            self.do("grant" if target.checked else "withdraw", permission=target.getAttribute("data-permission"))
        elif target.hasAttribute("data-change"):
            args = {target.getAttribute("data-arg"): target.value}
            self.do(target.getAttribute("data-change"), **args)

    def _input(self, event):
        if event.target.id == "log-filter":
            self._log_filter = event.target.value
            self.changed()

    def _offer_fields(self):
        by_id("offer-address-field").hidden = bool(by_id("offer-customer").value)

    def _submit(self, event):
        form = event.target
        name = form.getAttribute("data-form")
        if not name:
            return
        event.preventDefault()
        fields = {}
        for field in _controls(form):
            if field.name and field.type not in ("submit", "button") and (field.type != "checkbox" or field.checked):
                fields[field.name] = field.value
        if event.submitter is not None and event.submitter.name:
            fields[event.submitter.name] = event.submitter.value
        try:
            getattr(self, "_form_" + name)(fields, form)
        except ValueError:
            self.say("That is no number, or no JSON.")

    def _form_offer(self, fields, form):
        if fields.get("customer"):
            fields.pop("address", None)
        fields["attributes"] = _pairs(fields.get("attributes", ""))
        self.do("offer", **{key: fields[key] for key in fields if fields[key]})

    def _form_latency(self, fields, form):
        self.do("latency", ms=float(fields["ms"] or 0))

    def _form_fault(self, fields, form):
        kind = fields["kind"]
        args = {"request": fields["request"] or "*"}
        if kind == "fail":
            args["reason"] = fields["value"]
        if kind == "late" and fields["value"]:
            args["ms"] = float(fields["value"])
        self.do(kind, **args)

    def _form_agent(self, fields, form):
        self.do("agent", **fields)

    def _form_state(self, fields, form):
        self.do("state", **fields)

    def _form_profile(self, fields, form):
        self.do("profile", **{key: fields[key] for key in fields if fields[key]})

    def _form_app(self, fields, form):
        self.do("app", **fields)

    def _form_open(self, fields, form):
        if fields["parameters"]:
            fields["parameters"] = json_text.read(fields["parameters"])
        self.do("open", **{key: fields[key] for key in fields if fields[key]})

    def _form_attribute(self, fields, form):
        if fields["name"]:
            self.do("attribute", name=fields["name"], value=fields["value"])

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _draw(self, *_):
        self._dirty = False
        desk = self.commands.desk
        self._draw_top(desk)
        self._draw_problem()
        self._draw_contacts(desk)
        self._draw_bar(desk)
        self._draw_tabs(desk)
        self._draw_panel(desk)

    def _tick(self, *_):
        desk = self.commands.desk
        now = desk.clock()
        for timer in _elements(".timer"):
            timer.textContent = duration(now - float(timer.getAttribute("data-since")))

    def _same(self, part, shown):
        """Return whether a part of the page shows this already; remembers it."""
        if self._drawn.get(part) == shown:
            return True
        self._drawn[part] = shown
        return False

    def _draw_top(self, desk):
        if not self._same("theme", desk.visual_mode):
            if desk.visual_mode == "auto":
                _document.documentElement.removeAttribute("data-mode")
            else:
                _document.documentElement.setAttribute("data-mode", desk.visual_mode)
            by_id("theme").value = desk.visual_mode
        shown = (desk.agent_name, desk.state, len(desk.states), desk.next_state)
        if self._same("agent", shown):
            return
        by_id("agent-name").textContent = desk.agent_name
        by_id("agent-next").textContent = "then " + desk.next_state if desk.next_state else ""
        select = by_id("agent-state")
        select.replaceChildren()
        kinds = {}
        system = element("optgroup", "", None, label="Set by the system")
        for name, kind in desk.states:
            kinds[name] = kind
            (select if kind in CHOOSABLE else system).append(element("option", "", name, value=name))
        select.append(system)
        select.value = desk.state
        by_id("state-dot").className = "dot dot-" + kinds.get(desk.state, "")

    def _draw_problem(self):
        if self._same("problem", self.problem):
            return
        by_id("problem").hidden = self.problem is None
        for name, text in zip(("subject", "reason", "hint"), self.problem or ("", "", "")):
            by_id("problem-" + name).textContent = text

    def _draw_contacts(self, desk):
        shown = [(contact.id, contact.state, contact.on_hold, contact.id == desk.selected) for contact in desk.contacts]
        if self._same("contacts", shown):
            return
        by_id("contact-count").textContent = str(len(desk.contacts))
        by_id("no-contacts").hidden = bool(desk.contacts)
        holder = by_id("contacts")
        holder.replaceChildren()
        for contact in desk.contacts:
            selected = contact.id == desk.selected
            card = button(
                "", "select", "card card-" + contact.state + (" selected" if selected else ""), contact=contact.id
            )
            if selected:
                card.setAttribute("aria-current", "true")
            card.append(icon(contact.channel))
            words = element("span", "card-words")
            words.append(element("span", "card-name", title_of(contact)))
            words.append(element("span", "card-state", "On hold" if contact.on_hold else _WORDS.get(contact.state, "")))
            card.append(words)
            card.append(timer(desk, contact.since))
            item = element("li")
            item.append(card)
            holder.append(item)

    def _draw_bar(self, desk):
        contact = desk.find(desk.selected)
        shown = contact and (contact.id, contact.state, contact.on_hold)
        if self._same("bar", shown or "none"):
            return
        bar = by_id("contact-bar")
        bar.replaceChildren()
        if contact is None:
            bar.append(element("h2", "bar-name", "No contact selected"))
            bar.append(element("span", "bar-detail", "Apps opened here are idle: they have no contact."))
            return
        bar.append(icon(contact.channel))
        bar.append(element("h2", "bar-name", title_of(contact)))
        bar.append(
            element("span", "badge badge-" + contact.state, "On hold" if contact.on_hold else _WORDS[contact.state])
        )
        detail = [_CHANNELS[contact.channel]]
        if contact.address and contact.name:
            detail.append(contact.address)
        bar.append(element("span", "bar-detail", "  ·  ".join(detail)))
        bar.append(timer(desk, contact.since))
        actions = element("span", "actions")
        for text, command, css in _actions(contact):
            actions.append(button(text, command, css, contact=contact.id))
        bar.append(actions)

    def _draw_tabs(self, desk):
        apps = self.commands.apps
        tabs = apps.tabs(desk.selected)
        active = apps.active(desk.selected)
        shown = [(each.id, each.state == LOADING, each.error, each is active) for each in tabs]
        contact = desk.find(desk.selected)
        note = self._stage_note(desk, contact, active)
        absent = [app for app in apps.registered if app not in [each.app for each in tabs]]
        if contact is not None and contact.state == QUEUED:
            absent = []
        if self._same("tabs", (desk.selected, shown, note, [app.name for app in absent])):
            return
        holder = by_id("tabs")
        holder.replaceChildren()
        for instance in tabs:
            tab = element("span", "tab" + (" tab-active" if instance is active else ""))
            choose = button(instance.app.name, "tab", "tab-name", instance=instance.id)
            choose.setAttribute("aria-pressed", "true" if instance is active else "false")
            tab.append(choose)
            close = button("×", "close", "tab-close", instance=instance.id)
            close.setAttribute("aria-label", "Close " + instance.app.name)
            tab.append(close)
            holder.append(tab)
        for app in absent:
            args = {"app": app.name} if contact else {"app": app.name, "idle": True}
            holder.append(button("+ " + app.name, "open", "tab-add", **args))
        holder.hidden = not tabs and not absent
        by_id("stage-note").textContent = note
        by_id("stage-note").hidden = not note
        by_id("stage-note").className = "stage-note" + (" over" if active is not None else "")

    def _stage_note(self, desk, contact, active):
        if active is not None:
            self.failures.pop(desk.selected, None)
            return active.error
        if desk.selected in self.failures:
            return self.failures[desk.selected]
        if contact is None:
            return "Select a contact, or offer one."
        if contact.state == QUEUED:
            return "The contact is in its flow."
        return "No app is open for this contact."

    def _draw_panel(self, desk):
        shown = (self.panel, self.panel_open)
        if not self._same("panel", shown):
            by_id("panel").hidden = not self.panel_open
            _document.body.className = "with-panel" if self.panel_open else ""
            by_id("panel-toggle").setAttribute("aria-expanded", "true" if self.panel_open else "false")
            for name in PANELS:
                by_id("panel-" + name).hidden = name != self.panel
            for tab in _elements("[data-panel]"):
                chosen = tab.getAttribute("data-panel") == self.panel
                tab.setAttribute("aria-selected", "true" if chosen else "false")
        if self.panel_open:
            getattr(self, "_pane_" + self.panel)(desk)

    def _pane_contact(self, desk):
        contact = desk.find(desk.selected)
        pane = by_id("panel-contact")
        if contact is None:
            if not self._same("pane-contact", "none"):
                pane.replaceChildren(element("p", "hint", "Select a contact to see its data and attributes."))
            return
        shown = (contact.id, contact.state, contact.queue and contact.queue["name"], sorted(contact.attributes.items()))
        if self._same("pane-contact", shown):
            return
        rows = [
            ("Contact id", contact.id),
            ("Initial contact id", contact.initial_id or "none: it was not transferred"),
            ("Channel", contact.type + ", " + contact.subtype),
            ("Customer", contact.address or "anonymous"),
            ("Queue", contact.queue["name"] if contact.queue else "none"),
        ]
        pane.replaceChildren()
        if contact.problem:
            pane.append(problem_box(contact.problem))
        pane.append(definition_list(rows))
        pane.append(element("h3", "", "Attributes"))
        if contact.attributes:
            pane.append(self._attribute_table(contact))
        else:
            pane.append(element("p", "hint", "The flow has set none."))
        form = element("form", "line", None, data_form="attribute")
        form.append(field("attribute-name", "name", "Name"))
        form.append(field("attribute-value", "value", "Value"))
        form.append(element("button", "", "Set"))
        pane.append(form)

    def _attribute_table(self, contact):
        table = element("table", "attributes")
        for name in sorted(contact.attributes):
            row = element("tr")
            head = element("th", "", None, scope="row")
            head.append(button(name, "edit-attribute", "as-text", name=name, contact=contact.id))
            row.append(head)
            cell = element("td")
            cell.append(element("div", "long", contact.attributes[name]))
            row.append(cell)
            holder = element("td", "cell-button")
            remove = button("×", "attribute", "tab-close", name=name, contact=contact.id)
            remove.setAttribute("aria-label", "Remove " + name)
            holder.append(remove)
            row.append(holder)
            table.append(row)
        return table

    def _pane_flow(self, desk):
        contact = desk.find(desk.selected)
        shown = (contact.id, contact.state == QUEUED, len(contact.steps)) if contact else "none"
        if self._same("pane-flow", shown):
            return
        pane = by_id("panel-flow")
        pane.replaceChildren()
        if contact is None:
            pane.append(element("p", "hint", "Select a contact to see what its flow did."))
            return
        if contact.problem:
            pane.append(problem_box(contact.problem))
        if not contact.steps:
            words = "The flow is running." if contact.state == QUEUED else "The flow reported no steps."
            pane.append(element("p", "hint", words))
        steps = element("ol", "steps")
        last = ""
        for step in contact.steps:
            if step.get("flow", "") != last:
                last = step.get("flow", "")
                steps.append(element("li", "step-flow", last))
            steps.append(step_item(step))
        pane.append(steps)

    def _pane_log(self, desk):
        """Append what is new; begin anew when the filter is another or the log was cleared."""
        log = self.commands.log
        log.on_add = self._log_grew
        rows = by_id("log-rows")
        shown = (self._log_filter, log.cleared)
        if not self._same("pane-log", shown):
            rows.replaceChildren()
            self._log_last = 0
            self._log_matched = 0
        elif self._log_last == log.total:
            return
        entries = log.filter(self._log_filter, self._log_last)
        self._log_last = log.total
        self._log_matched += len(entries)
        at_end = rows.scrollHeight - rows.scrollTop - rows.clientHeight < 40
        for entry in entries[-LOG_ROWS:]:
            rows.append(self._log_row(entry))
        for _ in range(rows.childElementCount - LOG_ROWS):
            rows.firstElementChild.remove()
        if at_end:
            rows.scrollTop = rows.scrollHeight
        words = str(log.total) + " messages"
        if self._log_filter:
            words = str(self._log_matched) + " of " + words
        if self._log_matched > LOG_ROWS:
            words += ", the last " + str(LOG_ROWS) + " shown"
        by_id("log-count").textContent = words

    def _log_grew(self):
        # Many messages, one drawing; none while nobody looks.
        if not (self.panel_open and self.panel == "log"):
            self.commands.log.on_add = None
        else:
            self.changed_soon()

    def _log_row(self, entry):
        row = element("div", "log-row log-" + entry.direction + (" log-bad" if entry.is_error() else ""))
        head = element("button", "log-line", None, type="button", data_row=entry.number)
        head.append(element("span", "log-time", time_of_day(entry.time)))
        head.append(element("span", "log-arrow", {UP: "→", DOWN: "←"}.get(entry.direction, "•")))
        head.append(element("span", "log-title", entry.title()))
        head.append(element("span", "log-source", entry.source))
        opened = entry.number in self._open_rows
        head.setAttribute("aria-expanded", "true" if opened else "false")
        row.append(head)
        if opened:
            row.append(element("pre", "log-body", pretty(entry)))
        return row

    def _toggle_row(self, head):
        number = int(head.getAttribute("data-row"))
        if number in self._open_rows:
            self._open_rows.remove(number)
            head.setAttribute("aria-expanded", "false")
            head.nextElementSibling.remove()
            return
        self._open_rows.add(number)
        head.setAttribute("aria-expanded", "true")
        for entry in self.commands.log.entries:
            if entry.number == number:
                head.parentElement.append(element("pre", "log-body", pretty(entry)))

    def _pane_faults(self, desk):
        faults = self.commands.faults
        app = self.commands.apps.default
        granted = list(app.permissions) if app else []
        shown = (faults.describe(), granted)
        if self._same("pane-faults", shown):
            return
        by_id("latency").value = str(int(faults.latency))
        now = by_id("faults-now")
        now.replaceChildren()
        for line in faults.describe() or ["Nothing: every request is answered at once."]:
            now.append(element("li", "", line))
        holder = by_id("permissions")
        holder.replaceChildren()
        for name in permissions.NAMES + ("*",):
            label = element("label", "check")
            box = element("input", "", None, type="checkbox", data_permission=name)
            box.checked = name in granted
            label.append(box)
            label.append(element("span", "", "* (everything)" if name == "*" else name))
            holder.append(label)

    def _pane_desk(self, desk):
        names = [app.name for app in self.commands.apps.registered]
        shown = (desk.agent_name, desk.extension, desk.profile_name, desk.concurrency, desk.language, names)
        if self._same("pane-desk", shown):
            return
        by_id("open-app").replaceChildren()
        for name in names:
            by_id("open-app").append(element("option", "", name, value=name))
        by_id("desk-name").value = desk.agent_name
        by_id("desk-extension").value = desk.extension
        by_id("desk-profile").value = desk.profile_name
        for channel, number in desk.concurrency:
            by_id("desk-" + channel.lower()).value = str(number)
        by_id("desk-language").value = desk.language


# -- small pieces ------------------------------------------------------------------------------------------------------


def icon(channel):
    """Return a channel's icon."""
    holder = element("span", "icon icon-" + channel)
    holder.append(by_id("icon-" + channel).content.cloneNode(True))
    return holder


def timer(desk, since):
    """Return an element that shows how long ago `since` was; the page's tick keeps it right."""
    return element("span", "timer", duration(desk.clock() - since), data_since=str(since))


def title_of(contact):
    """Return the name a contact is shown by."""
    return contact.name or contact.address or "Anonymous " + _CHANNELS[contact.channel].lower()


def duration(milliseconds):
    """Write a duration as 1:05 or 1:02:03."""
    seconds = max(0, int(milliseconds / 1000))
    minutes = seconds // 60
    if minutes < 60:
        return "%d:%02d" % (minutes, seconds % 60)
    return "%d:%02d:%02d" % (minutes // 60, minutes % 60, seconds % 60)


def time_of_day(milliseconds):
    """Write a time as 09:05:07.123, the machine's local time."""
    zone = js.Date.new().getTimezoneOffset() * 60000
    day = (milliseconds - zone) % 86400000
    seconds = int(day // 1000)
    return "%02d:%02d:%02d.%03d" % (seconds // 3600, seconds // 60 % 60, seconds % 60, int(day % 1000))


def definition_list(rows):
    """Return a list of names and values."""
    made = element("dl", "data")
    for name, value in rows:
        made.append(element("dt", "", name))
        made.append(element("dd", "", value))
    return made


def problem_box(problem):
    """Return a box for {"subject", "reason", "hint"}."""
    box = element("div", "problem-box")
    box.append(element("strong", "", problem.get("subject", "")))
    box.append(element("p", "", problem.get("reason", "")))
    box.append(element("p", "advice", problem.get("hint", "")))
    return box


def field(identity, name, label):
    """Return a labelled text input."""
    made = element("div", "field")
    made.append(element("label", "", label, for_=identity))
    made.append(element("input", "", None, id=identity, name=name, spellcheck="false", autocomplete="off"))
    return made


def step_item(step):
    """Return one step of the flow: what it was, what it did, where it went."""
    item = element("li", "step" + (" step-error" if step.get("error") else ""))
    head = element("div", "step-head")
    head.append(element("span", "step-type", step.get("type", "")))
    head.append(element("span", "step-id", step.get("id", "")))
    if step.get("ms"):
        head.append(element("span", "step-ms", "%.1f ms" % float(step["ms"])))
    item.append(head)
    for name, value in sorted((step.get("detail") or {}).items()):
        item.append(step_values(name, value) if isinstance(value, dict) and value else step_line(name, value))
    if step.get("error"):
        item.append(element("div", "step-error", step["error"]))
    item.append(element("div", "step-outcome", "→ " + str(step.get("outcome", ""))))
    return item


def step_line(name, value):
    """Return a line of a step: a name and a value."""
    line = element("div", "step-detail")
    line.append(element("span", "step-name", name))
    text = value if isinstance(value, str) else json.dumps(value)
    line.append(element("span", "step-value" + ("" if text else " step-empty"), text or "empty"))
    return line


def step_values(name, values):
    """Return the part of a step that is several values: a fold with a line for each."""
    fold = element("details", "step-values")
    fold.open = True
    fold.append(element("summary", "", name + " (" + str(len(values)) + ")"))
    for key in sorted(values):
        fold.append(step_line(key, values[key]))
    return fold


def pretty(entry):
    """Return a message as indented JSON."""
    return js.JSON.stringify(js.JSON.parse(entry.text()), None, 2)


def _actions(contact):
    if contact.state == INCOMING:
        return (("Accept", "accept", "primary"), ("Miss", "miss", ""))
    if contact.state == CONNECTED:
        held = (("Resume", "resume", ""),) if contact.on_hold else (("Hold", "hold", ""),)
        return (held if contact.channel == "VOICE" else ()) + (("End", "end", "danger"),)
    if contact.state in (ACW, MISSED):
        return (("Clear", "clear", "primary"),)
    return (("Clear", "clear", ""),)


def _pairs(text):
    found = {}
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        if equals and name.strip():
            found[name.strip()] = value.strip()
    return found


def _elements(selector):
    found = _document.querySelectorAll(selector)
    return [found[number] for number in range(found.length)]


def _controls(form):
    return [form.elements[number] for number in range(form.elements.length)]
