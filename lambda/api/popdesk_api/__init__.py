"""The API's own modules. What a team's routes and adapters import is named in docs/api.md."""
