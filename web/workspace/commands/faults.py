"""Commands for what goes wrong on purpose: slow, failing, hanging, late and odd answers. Pure."""

from commands.table import command
from model.desk import NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from commands.runner import Commands

# Stands for data that was not given: null is a value.
UNDEFINED = object()


@command("latency", "ms")
def set_latency(context: "Commands", ms: float = 0) -> None:
    """Make every answer take so many milliseconds longer."""
    context.faults.latency = float(ms)


@command("fail", "request", "reason")
def fail(context: "Commands", request: str = "*", reason: str = "") -> None:
    """Make a request (agent/getName, or * for all) fail, with a reason."""
    context.faults.set(request, "fail", reason)


@command("hang", "request")
def hang(context: "Commands", request: str = "*") -> None:
    """Never answer a request."""
    context.faults.set(request, "hang")


@command("late", "request", "ms")
def late(context: "Commands", request: str = "*", ms: float = 2000) -> None:
    """Answer a request so many milliseconds late."""
    context.faults.set(request, "late", ms)


@command("drop", "what")
def drop(context: "Commands", what: str = "acknowledge") -> None:
    """Drop the acknowledgement of every app that says hello from now on."""
    if what not in ("acknowledge", "ack"):
        raise NotPossible("only the acknowledgement (acknowledge) can be dropped")
    context.faults.drop_acknowledge = True


@command("answer", "request", "data")
def answer(context: "Commands", request: str = "", data: "Any" = UNDEFINED) -> None:
    """Answer a request with this, whatever its type; without data with JavaScript's undefined."""
    context.faults.answer(request, [] if data is UNDEFINED else [data])


@command("api", "fault", "ms")
async def api(context: "Commands", fault: str = "", ms: "float | None" = None) -> None:
    """Make the team's API answer late (ms), be down, or have its answers lost; without a fault it is well again."""
    try:
        context.faults.set_api(fault, ms)
    except ValueError as error:
        raise NotPossible(str(error))
    await context.tell_api_faults()


@command("heal", "request")
async def heal(context: "Commands", request: str = "") -> None:
    """Take back the fault of one request, or every fault."""
    before = context.faults.api
    context.faults.heal(request)
    if context.faults.api != before:
        await context.tell_api_faults()
