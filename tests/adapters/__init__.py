"""The contract of adapters: what every one of them has to do, tried with a directory of customers that it really asks.

    uv run pytest --adapter http        # one adapter; without the option, all that have a stage

An adapter's directory is set up by its stage (tests/adapters/stage.py): those of ours are here, tests/adapters/NAME.py, that of
a team's own adapter is tests/team/adapter_NAME.py.
"""
