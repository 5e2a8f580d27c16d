"""The adapters, one module for each way to find customers: `lookup.adapter = "NAME"` in pyproject.toml uses NAME.py.

The Lambda's zip contains only that module, the modules that it imports, and NAME.json if there is one. docs/lambda.md shows
how to write an adapter.
"""
