"""Where customers may be looked up, a module each: `lookup.adapter = "NAME"` in pyproject.toml chooses NAME.py.

The zip carries the chosen module with what begins with its name (`NAME_*.py`, `NAME.json`). docs/lambda.md says how to
write one.
"""
