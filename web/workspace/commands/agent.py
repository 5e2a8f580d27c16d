"""Commands for the agent: who it is, its state, its routing profile, its settings. Pure."""

from commands.table import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from commands.runner import Commands


@command("agent", "name", "extension", "arn")
def set_agent(context: "Commands", name: str = "", extension: str = "", arn: str = "") -> None:
    """Change the agent's name, extension or ARN."""
    context.desk.set_agent(name, extension, arn)


@command("state", "name", "kind")
def set_state(context: "Commands", name: str = "", kind: str = "") -> None:
    """Change the agent's state; a new name makes a custom state of that kind."""
    context.desk.set_state(name, kind)


@command("profile", "name", "voice", "chat", "task", "email")
def set_profile(
    context: "Commands",
    name: str = "",
    voice: int | None = None,
    chat: int | None = None,
    task: int | None = None,
    email: int | None = None,
) -> None:
    """Change the routing profile's name and how many contacts of each channel it allows at once."""
    given = {"VOICE": voice, "CHAT": chat, "TASK": task, "EMAIL": email}
    concurrency = []
    for channel, number in context.desk.concurrency:
        wanted = given[channel]
        concurrency.append((channel, number if wanted is None else wanted))
    context.desk.set_profile(name, concurrency)


@command("theme", "mode")
def set_theme(context: "Commands", mode: str = "auto") -> None:
    """Change the theme: light, dark or auto."""
    context.desk.set_visual_mode(mode)


@command("language", "locale")
def set_language(context: "Commands", locale: str = "en_US") -> None:
    """Change the agent's language."""
    context.desk.set_language(locale)
