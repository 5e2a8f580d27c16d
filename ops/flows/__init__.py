"""The contact flows and the guide's view: their definitions, and a runner for this machine."""
