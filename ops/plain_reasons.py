"""What is wrong with a setting, in our words: pydantic's own name types and patterns as a programmer has them.

plain_reason(error.errors()[0])     # -> "it must be a whole number without quotes"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_LIST = "it must be a list: [ ... ]"
_TABLE = "it must be a table: { name = ... }"
_NUMBER = "it must be a number without quotes"
_WHOLE = "it must be a whole number without quotes"
_TRUTH = "it must be true or false without quotes"
_STRING = "it must be a string in quotes"
# By the kinds of docs.pydantic.dev/latest/errors/validation_errors; what a kind says of its limit stands in its context.
_REASONS = {
    "missing": "the key is missing",
    "extra_forbidden": "there is no such setting",
    "string_type": _STRING,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "it must be a number that is neither inf nor nan",
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
}
_WITH_LIMITS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "literal_error": lambda limit: f"it must be {limit['expected']}",
    "greater_than": lambda limit: f"it must be more than {limit['gt']}",
    "greater_than_equal": lambda limit: f"it must be at least {limit['ge']}",
    "less_than": lambda limit: f"it must be less than {limit['lt']}",
    "less_than_equal": lambda limit: f"it must be at most {limit['le']}",
    "multiple_of": lambda limit: f"it must be a multiple of {limit['multiple_of']}",
    "string_too_short": lambda limit: f"it must have at least {_many(limit['min_length'], 'character', 'characters')}",
    "string_too_long": lambda limit: f"it must have at most {_many(limit['max_length'], 'character', 'characters')}",
    "string_pattern_mismatch": lambda limit: f"it must match the pattern {limit['pattern']}",
    "too_short": lambda limit: f"it must have at least {_many(limit['min_length'], 'entry', 'entries')}",
    "too_long": lambda limit: f"it must have at most {_many(limit['max_length'], 'entry', 'entries')}",
}


def plain_reason(problem: Mapping[str, Any]) -> str:
    """Return the reason of one of `ValidationError.errors()`. The value itself is never in it, unless a check of ours says it."""
    kind = problem["type"]
    if kind in _WITH_LIMITS:
        return _WITH_LIMITS[kind](problem["ctx"])
    return _REASONS.get(kind) or str(problem["msg"]).removeprefix("Value error, ")


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
