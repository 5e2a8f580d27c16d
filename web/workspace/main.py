"""Starts the local agent workspace: the module that the page's script imports (pyapp/boot.py)."""

from workspace import start

__all__ = ["start"]
