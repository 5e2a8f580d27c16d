"""The page's words. Runs on CPython and on MicroPython (see test_shared.py)."""

import cards
import words as words_module
from popdesk.declaration import CARDS
from words import en, es, title, words


def _holes(text: str) -> list[str]:
    return sorted([part.split("}")[0] for part in text.split("{")[1:]])


def test_spanish_has_every_word_with_the_same_holes() -> None:
    for key in en.WORDS:
        assert key in es.WORDS, key
        assert _holes(en.WORDS[key]) == _holes(es.WORDS[key]), key


def test_every_shipped_card_has_a_spanish_title() -> None:
    assert cards
    for card in CARDS:
        assert card.title in es.WORDS, card.title


def test_the_setting_goes_before_the_browser_and_english_is_the_last_resort() -> None:
    chosen = [words(setting, browser)[1] for setting, browser in (("es", "en-US"), ("auto", "es-MX"), ("auto", "fr"))]
    assert chosen == ["es", "es", "en"]
    assert words("en", "es")[0]("refresh") == "Refresh"
    assert words("es", "en")[0]("doctor.sdk", version="1") == "SDK 1"


def test_a_title_nobody_translated_is_said_as_it_is() -> None:
    assert words("es", "en")[0]("Favourite colour") == "Favourite colour"


def test_a_teams_own_words_go_before_ours_and_bring_languages() -> None:
    words_module.OWN.update({"refresh": "Look again", "Agent name": "Colleague"})
    words_module.LOADED["fr"] = {"refresh": "Actualiser"}
    try:
        assert words("en", "en")[0]("refresh") == "Look again"
        assert title(words("en", "en")[0], "Agent name") == "Colleague"
        assert words("es", "en")[0]("refresh") == es.WORDS["refresh"]
        assert words("auto", "fr-CA")[1] == "en"
        say, language = words("auto", "fr-CA", ("en", "es", "fr"))
        assert language == "fr"
        assert say("refresh") == "Actualiser"
        assert say("doctor.none") == "none"
        assert say("Agent name") == "Colleague"
    finally:
        words_module.OWN.clear()
        words_module.LOADED.pop("fr")
