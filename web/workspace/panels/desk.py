"""The panel of the desk: the agent, its routing profile and language, and the apps."""

from model.desk import LOCALES
from panels.dom import by_id, element, fill, filled_in, options
from panels.part import Part
from protocol import untrusted_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from panels.page import Page
    from protocol.apps import App


class DeskPanel(Part):
    """The forms that change the desk."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self.forms = {"open": _open}
        none = element("option", "", "None chosen", value="", disabled="")  # as it begins; nobody goes back to it
        fill(by_id("desk-language"), [none] + options(LOCALES))

    def state(self) -> "Any":
        """Return all that is shown."""
        desk = self.desk
        names = [app.name for app in self._apps()]
        services = [(each.app.name, each.state, each.error) for each in self.apps.services]
        return services, desk.agent_name, desk.extension, desk.profile_name, desk.concurrency, desk.language, names

    def _apps(self) -> "list[App]":
        return [app for app in self.apps.registered if not app.is_service]

    def draw(self) -> None:
        """Draw it."""
        desk = self.desk
        fill(by_id("open-app"), options(app.name for app in self._apps()))
        lines = [each.app.name + ": " + (each.error or each.state) for each in self.apps.services]
        fill(by_id("services"), [element("li", "", line) for line in lines or ["None is registered."]])
        by_id("desk-name").value = desk.agent_name
        by_id("desk-extension").value = desk.extension
        by_id("desk-profile").value = desk.profile_name
        for channel, number in desk.concurrency:
            by_id("desk-" + channel.lower()).value = str(number)
        by_id("desk-language").value = desk.language


def _open(fields: "dict[str, Any]") -> "tuple[str, dict[str, Any]]":
    if fields["parameters"]:
        fields["parameters"] = untrusted_json.read(fields["parameters"])
    return "open", filled_in(fields)
