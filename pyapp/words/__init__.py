"""The page's words: English in en.py, each other language in a module of the same keys (es.py).

    say = words("auto", "es-MX")[0]      # the setting, the browser's language
    say("pop.allow.firefox", site="https://my.connect.aws")

Card titles are their own keys: "Agent name" is said as it is where a language has no entry for it. Another language is a
module here, named by its ISO 639-1 code, with a dict WORDS. The build serves it as a file of its own, which only its pages
fetch (main.py puts it into LOADED).

own.py is a team's: its texts go before ours, and may be in languages that are not here (docs/words.md). The build puts them
into those files, and the English ones into the page's settings (main.py puts them into OWN): the page does not import it.
"""

if False:
    from collections.abc import Callable, Collection

    Say = Callable[..., str]

LANGUAGES = ("en", "es")
OWN: "dict[str, str]" = {}
LOADED: "dict[str, dict[str, str]]" = {}


def title(say: "Say", text: str) -> str:
    """Return a card's title in the page's language; one that is also a key of the words ("refresh") stays as it is."""
    return text if text in _load("en") else say(text)


def choose(setting: str, browser: str, languages: "Collection[str]" = LANGUAGES) -> str:
    """Return the page's language: the setting's, or where that is "auto" the browser's, else English."""
    language = setting if setting in languages else browser[:2].lower()
    return language if language in languages else "en"


def words(setting: str, browser: str, languages: "Collection[str]" = LANGUAGES) -> "tuple[Say, str]":
    """Return `say(key, **values)` and its language, one of `languages` (see `choose`).

    The words are imported when the first is said: the first values need none.
    """
    language = choose(setting, browser, languages)

    def say(key: str, **values: object) -> str:
        text = (language != "en" and _load(language).get(key)) or OWN.get(key) or _load("en").get(key) or key
        return text.format(**values) if values else text

    return say, language


def _load(language: str) -> "dict[str, str]":
    if language not in LOADED:
        LOADED[language] = __import__("words." + language, None, None, ("WORDS",)).WORDS
    return LOADED[language]
