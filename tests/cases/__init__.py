"""The contract of adapters for cases: what every one of them has to do, tried with a store that it really asks.

    uv run pytest --cases dynamodb       # one adapter; without the option, all that have a stage

A store is set up by its stage (tests/cases/stage.py): those of ours are here, tests/cases/NAME.py, that of a team's own adapter
is tests/team/cases_NAME.py.
"""
