"""The team's own files: upstream changes none of them after the first version, and a merge of it leaves them alone.

`TEAM_FILES` is the one list: docs/upgrading.md, `deploy.py new` and the tests take it from here. Everything else is upstream's.
NAME stands for a name that the team chooses; pyproject.toml is the team's from `[tool.popdesk]` on.
"""

from __future__ import annotations

TEAM_FILES = {
    "pyapp/cards.py": "the cards; modules that they share go beside it, under names of your own",
    "pyapp/actions.py": "the actions: buttons and forms",
    "pyapp/words/own.py": "words and languages of your own",
    "web/theme.css": "styles of your own",
    "lambda/lookup/adapters/NAME.py": "an adapter of your own",
    "lambda/lookup/adapters/sample.json": "the sample customers",
    "lambda/api/routes.py": "the routes of your own API",
    "lambda/api/cases_adapters/NAME.py": "an adapter for cases of your own",
    "lambda/api/cases_adapters/sample.json": "the sample cases",
    "pyproject.toml": "the settings, from `[tool.popdesk]` to the end of the file",
    "tests/team/": "tests of your own",
}
