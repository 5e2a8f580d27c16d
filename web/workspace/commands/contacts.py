"""Commands for contacts: offering one, and what an agent does with it. Pure."""

from commands.arguments import shortened
from commands.table import command
from model.contact import CHANNEL_TYPES, CONNECTED, INCOMING, PENDING, QUEUED
from model.desk import NotPossible
from protocol.instance import GUIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from commands.runner import Commands
    from model.contact import Contact


@command(
    "offer", "customer", "channel", "address", "name", "typed", "initial", "contact", "subtype", "attributes", "accept"
)
async def offer(
    context: "Commands",
    customer: str = "",
    channel: str = "VOICE",
    address: str = "",
    name: str = "",
    typed: str = "",
    initial: str = "",
    contact: str = "",
    subtype: str = "",
    attributes: dict[str, str | None] | None = None,
    accept: bool = False,
) -> dict[str, str]:
    """Offer a contact of a sample customer (id or name) or from an address; `initial`: transferred from that contact."""
    channel = channel.upper()
    if channel not in CHANNEL_TYPES:
        raise NotPossible("the channel is one of " + ", ".join(sorted(CHANNEL_TYPES)))
    if customer:
        known = _customer(context, customer)
        name = name or known.get("name", "")
        address = address or known.get("email" if channel == "EMAIL" else "phone") or ""
    kind = "EMAIL_ADDRESS" if "@" in address else "TELEPHONE_NUMBER"
    made = context.desk.add_contact(channel, address, kind if address else "", name, initial, contact, subtype)
    made.attributes = {key: text for key, text in (attributes or {}).items() if text is not None}
    await _run_flow(context, made, typed)
    if accept:
        context.desk.accept(made.id)
    return {"contactId": made.id}


def _customer(context: "Commands", wanted: str) -> dict[str, str]:
    customers: list[dict[str, str]] = context.config.get("customers") or []
    for customer in customers:
        if wanted in (customer.get("id"), customer.get("name")):
            return customer
    raise NotPossible(
        "there is no sample customer "
        + shortened(wanted)
        + ("" if customers else ", and none at all with --adapter: offer an address")
    )


async def outbound(context: "Commands", contact: "Contact") -> None:
    """Go on with a call that an app made: run its flow, then connect it."""
    await _run_flow(context, contact, "")
    context.desk.accept(contact.id)


async def transferred(context: "Commands", contact: "Contact", to: "dict[str, Any]") -> None:
    """Offer a contact that an app has transferred to the next agent, who is the same one here: its attributes go with it."""
    made = context.desk.add_contact(
        contact.channel,
        contact.address,
        contact.address_type,
        contact.name,
        contact.initial_id or contact.id,
        subtype=contact.subtype,
    )
    made.attributes = dict(contact.attributes)
    context.apps.note(None, {"type": "contact", "event": "transferred to " + shortened(str(to.get("name")))})
    await _run_flow(context, made, "", str(to.get("name")) if to.get("type") == "queue" else "")


async def _run_flow(context: "Commands", contact: "Contact", typed: str, queue_name: str = "") -> None:
    try:
        result = await context.flow(contact, typed)
    except NotPossible as error:
        hint = "Look at the preview server."
        result = {"error": {"subject": "The contact flow", "reason": str(error), "hint": hint}}
    if contact.state != QUEUED:
        return
    before = context.desk.clock()
    contact.attributes.update(result.get("attributes") or {})
    contact.steps = result.get("steps") or []
    contact.problem = result.get("error")
    queue = result.get("queue")
    if queue_name:
        context.desk.enqueue(contact.id, context.desk.queue(queue_name))
    elif queue:
        context.desk.enqueue(contact.id, context.desk.queue(queue["name"], queue.get("arn", "")))
    context.desk.ring(contact.id)
    _launch(context, contact, result.get("app") or {})
    context.opened_ms = context.desk.clock() - before
    context.apps.note(None, {"type": "contact", "event": "offered", "own_ms": context.opened_ms})


def _launch(context: "Commands", contact: "Contact", wanted: "dict[str, Any]") -> None:
    """Open the app that the flow's guide names, or instead of it the one that the address hosts."""
    apps = context.apps
    registered = (context.config.get("app") or {}).get("name")
    hosted = apps.default if apps.default is not None and apps.default.name != registered else None
    app = hosted or apps.find_app(wanted.get("name"))
    problem = None
    if app is not None:
        try:
            apps.open(app, contact.id, "" if hosted else wanted.get("path") or "", launched_by=GUIDE)
            return
        except NotPossible as error:
            problem = (str(error), "Look at the application's address and at the guide's path.")
    elif wanted:
        reason = "it names the application " + str(wanted.get("name")) + ", which is not registered"
        problem = (reason, "The name must be the registered one, to the letter.")
    if problem and not contact.problem:
        contact.problem = {"subject": "The guide's view", "reason": problem[0], "hint": problem[1]}
    apps.sync()


@command("accept", "contact")
def accept(context: "Commands", contact: str = "") -> None:
    """Accept the contact."""
    context.desk.accept(contact)


@command("pending", "contact")
def pend(context: "Commands", contact: str = "") -> None:
    """Let the contact wait for the agent to call, as a queued callback does; it is accepted from there."""
    context.desk.pend(contact)


@command("error", "contact")
def fail_contact(context: "Commands", contact: str = "") -> None:
    """Let the contact come into an error."""
    context.desk.fail(contact)


@command("miss", "contact")
def miss(context: "Commands", contact: str = "") -> None:
    """Let the contact go unanswered."""
    context.desk.miss(contact)


@command("end", "contact")
def end(context: "Commands", contact: str = "") -> None:
    """End the conversation: after-contact work begins. An incoming contact is missed."""
    found = context.desk.contact(contact)
    if found.state == INCOMING:
        context.desk.miss(found.id)
    else:
        context.desk.end(found.id)


@command("clear", "contact")
def clear(context: "Commands", contact: str = "") -> None:
    """Clear the contact from the desk; its apps are destroyed."""
    context.desk.clear(contact)
    context.apps.sync()


@command("finish", "contact")
def finish(context: "Commands", contact: str = "") -> None:
    """Bring the contact to its end from any state: miss or end it, then clear it."""
    found = context.desk.contact(contact)
    if found.state == PENDING:
        context.desk.fail(found.id)
    elif found.state in (INCOMING, CONNECTED):
        end(context, found.id)
    clear(context, found.id)


@command("hold", "contact")
def hold(context: "Commands", contact: str = "") -> None:
    """Put the customer of a call on hold."""
    context.desk.hold(contact, True)


@command("resume", "contact")
def resume(context: "Commands", contact: str = "") -> None:
    """Take the customer of a call off hold."""
    context.desk.hold(contact, False)


@command("select", "contact")
def select(context: "Commands", contact: str = "") -> None:
    """Look at another contact; without one, at none."""
    context.desk.select(contact)
    context.apps.sync()


@command("attributes", "values", "contact")
def set_attributes(context: "Commands", values: dict[str, str | None] | None = None, contact: str = "") -> None:
    """Set contact attributes; a value of null removes one."""
    if values is None:
        raise NotPossible("attributes needs values, an object of names and texts")
    context.desk.set_attributes(contact, values)


@command("attribute", "name", "value", "contact")
def set_attribute(context: "Commands", name: str = "", value: str | None = None, contact: str = "") -> None:
    """Set one contact attribute; without a value it is removed."""
    context.desk.set_attributes(contact, {name: value})
