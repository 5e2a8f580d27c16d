"""Your own words, which go before ours: {language: {key of words/en.py, or a card's title: text}} (docs/words.md).

WORDS = {"en": {"refresh": "Look again"}, "es": {"Loyalty tier": "Nivel de cliente"}}
"""

WORDS: "dict[str, dict[str, str]]" = {}
