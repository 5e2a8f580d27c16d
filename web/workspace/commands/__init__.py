"""What can be done in the workspace, by name: buttons, the page's address, scenarios and tests all do it through here."""
