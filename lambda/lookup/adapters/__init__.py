"""The adapters, one module for each way to find customers: `lookup.adapter = "NAME"` in pyproject.toml uses NAME.py.

The Lambda's zip contains only that module and the files beside it whose names begin with its name (`NAME_*.py`,
`NAME.json`). docs/lambda.md shows how to write an adapter.
"""
