"""Commands for apps: hosting one, its tabs, its permissions. Pure."""

from commands.arguments import one_of, shortened
from commands.table import command
from model.desk import NotPossible
from model.permissions import EVERYTHING, NAMES
from protocol.apps import SANDBOX, SCOPES, App
from protocol.instance import GUIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from commands.runner import Commands
    from protocol.instance import Instance


@command("app", "url", "name", "scope", "sandbox", "allow")
def host_app(
    context: "Commands", url: str = "", name: str = "", scope: str = "", sandbox: str = "", allow: str = ""
) -> None:
    """Host another app: its address, and how it is registered (the rest as the registered app has it)."""
    host = _host(url)
    app = App(name or host, url, number=len(context.apps.registered) + 1)
    context.apps.check_address(app)
    model = context.apps.default
    if model is not None:
        app.scope, app.sandbox, app.allow = model.scope, model.sandbox, model.allow
        app.permissions = list(model.permissions)
    if scope:
        app.scope = one_of("scope", scope, SCOPES)
    # What Amazon Connect knows (ops/settings.py): another entry would frame the app as no real workspace does.
    known = context.config.get("iframe") or {}
    if sandbox:
        app.sandbox = [one_of("sandbox", each, known.get("sandbox", SANDBOX)) for each in sandbox.split()]
    if allow:
        app.allow = [one_of("allow", each, known.get("allow", ())) for each in allow.split()]
    # How the link says that it is framed, it is framed in a guide too; else a guide's view has the default.
    if sandbox:
        app.guide_sandbox = app.sandbox
    if allow:
        app.guide_allow = app.allow
    context.apps.register(app, first=True)


@command("service", "url", "name")
def host_service(context: "Commands", url: str = "", name: str = "") -> None:
    """Host a service, a headless application that lives as long as this page: its address; it may do everything."""
    host = _host(url)
    app = App(name or host + " service", url, number=len(context.apps.registered) + 1, is_service=True)
    app.permissions = [EVERYTHING]
    context.apps.check_address(app)
    context.apps.register(app)
    context.apps.start_services()


def _host(url: str) -> str:
    """Return the host of an app's address. Raises NotPossible for what is none."""
    if not (url.startswith("http://") or url.startswith("https://")):
        raise NotPossible("an app's address begins with http:// or https://")
    return url.split("//", 1)[1].split("/", 1)[0]


@command("open", "app", "contact", "path", "parameters", "idle")
def open_app(
    context: "Commands",
    app: str = "",
    contact: str | None = None,
    path: str = "",
    parameters: "dict[str, Any] | None" = None,
    idle: bool = False,
) -> dict[str, str]:
    """Open an app in a tab, with launch parameters; idle: without a contact."""
    apps, desk = context.apps, context.desk
    found = apps.find_app(app) if app else apps.default
    if found is None:
        raise NotPossible("there is no app " + shortened(app))
    place = desk.selected if contact is None else contact
    if place and desk.find(place) is None:
        raise NotPossible("there is no contact " + shortened(place))
    launch_key = desk.new_id() if parameters else ""
    instance = apps.open(found, place, path, parameters, launch_key=launch_key, idle=idle)
    if idle and desk.selected:
        desk.select("")
        apps.sync()
    return {"instanceId": instance.id}


@command("close", "instance")
def close(context: "Commands", instance: str = "") -> None:
    """Close an app's tab: destroy it, wait for it, remove it."""
    context.apps.end(_instance(context, instance))


@command("tab", "instance")
def show_tab(context: "Commands", instance: str = "") -> None:
    """Show another app of the contact."""
    context.apps.select_tab(_instance(context, instance))


@command("view", "contact")
def show_view_again(context: "Commands", contact: str = "") -> None:
    """Show the view of the contact's guide again, as its flow does after the view's time: its app's iframe is made anew."""
    found = context.desk.contact(contact)
    shown = [each for each in context.apps.tabs(found.id) if each.launched_by == GUIDE]
    if not shown:
        raise NotPossible("no guide shows an app for this contact")
    for instance in shown:
        context.apps.show_view_again(instance)


@command("reload")
def reload(context: "Commands") -> None:
    """Make every iframe anew, each for the same contact."""
    context.apps.reload()


def _instance(context: "Commands", wanted: str) -> "Instance":
    for instance in context.apps.instances:
        if wanted in (instance.id, instance.label):
            return instance
    active = context.apps.active(context.desk.selected)
    if wanted or active is None:
        raise NotPossible("there is no app instance " + shortened(wanted))
    return active


def _apps(context: "Commands") -> "list[App]":
    """Return the apps whose permissions are changed here: a service keeps its own, or it could launch none of them."""
    return [app for app in context.apps.registered if not app.is_service]


@command("permissions", "only")
def set_permissions(context: "Commands", only: str = "") -> None:
    """Grant exactly these permissions (names separated by spaces)."""
    for app in _apps(context):
        app.permissions.clear()
    for name in only.split():
        grant(context, name)


@command("grant", "permission")
def grant(context: "Commands", permission: str = "") -> None:
    """Grant a permission to the apps."""
    if permission not in NAMES and permission != EVERYTHING:
        known = ", ".join(NAMES) + " and " + EVERYTHING
        raise NotPossible("there is no permission " + shortened(permission) + "; there are " + known)
    for app in _apps(context):
        if permission not in app.permissions:
            app.permissions.append(permission)


@command("withdraw", "permission")
def withdraw(context: "Commands", permission: str = "") -> None:
    """Withdraw a permission from the apps."""
    for app in _apps(context):
        if permission in app.permissions:
            app.permissions.remove(permission)
