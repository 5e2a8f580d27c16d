"""The page's words: English in en.py, each other language in a module of the same keys (es.py).

    say = words("auto", "es-MX")[0]      # the setting, the browser's language
    say("pop.allow.firefox", site="https://my.connect.aws")

Card titles are their own keys: "Agent name" is said as it is where a language has no entry for it. Another language is a
module here, named by its ISO 639-1 code, with a dict WORDS; its code in LANGUAGES and in ops/settings.py.
"""

from words.en import WORDS

LANGUAGES = ("en", "es")


def title(say, text):
    """Return a card's title in the page's language; one that is also a key of WORDS ("refresh") stays as it is."""
    return text if text in WORDS else say(text)


def words(setting, browser):
    """Return `say(key, **values)` for a language: the setting's, or where that is "auto" the browser's, else English."""
    language = setting if setting in LANGUAGES else browser[:2].lower()
    if language not in LANGUAGES:
        language = "en"
    chosen = __import__("words." + language, None, None, ("WORDS",)).WORDS

    def say(key, **values):
        text = chosen.get(key) or WORDS.get(key) or key
        return text.format(**values) if values else text

    return say, language
