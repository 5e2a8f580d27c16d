"""What can be done in the workspace, by name: buttons, the page's address, scenarios and tests all do it through here."""

# Each of these puts its commands into the table (commands/table.py).
from commands import agent, apps, contacts, faults, inspection

__all__ = ["agent", "apps", "contacts", "faults", "inspection"]
