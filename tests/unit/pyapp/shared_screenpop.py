"""What may be popped, when and how. Runs on CPython and on MicroPython (see test_shared.py).

Only a browser may parse a URL. On CPython, where there is none, `parse` answers from the table below; on MicroPython
`test_the_table_is_what_the_browser_says` holds the table to the browser's own URL.parse.
"""

from popdesk.screenpop import (
    Automatic,
    Note,
    Offer,
    Window,
    check_url,
    decide,
    engine_of,
    features,
    host_allowed,
    is_number,
    percent_encoded,
    same_number,
    window_for,
)

ROLES = {
    "url": "contactUrlPath",
    "width": "contactUrlWidth",
    "height": "contactUrlHeight",
    "left": "contactUrlLeft",
    "top": "contactUrlTop",
    "search": "contactSearchUrl",
    "name": "Name",
    "phone": "CustomePhoneReturn",
    "identity": "ContactPhoneNumberOrEmail",
    "matches": "contactMatches",
    "status": "statusCode",
}
HOSTS = ["crm.example.com", "*.pages.example.org", "http://127.0.0.1:8000"]
SCREEN = (0, 0, 1920, 1080)

# URL -> protocol, host, origin, user name, password, URL as the browser writes it; None: it takes it for no URL
TABLE = {
    "https://crm.example.com/customers/7": (
        "https:",
        "crm.example.com",
        "https://crm.example.com",
        "",
        "",
        "https://crm.example.com/customers/7",
    ),
    "https:\\\\crm.example.com\\x": (
        "https:",
        "crm.example.com",
        "https://crm.example.com",
        "",
        "",
        "https://crm.example.com/x",
    ),
    "http://crm.example.com/": (
        "http:",
        "crm.example.com",
        "http://crm.example.com",
        "",
        "",
        "http://crm.example.com/",
    ),
    "https://crm.example.com.evil.example/": (
        "https:",
        "crm.example.com.evil.example",
        "https://crm.example.com.evil.example",
        "",
        "",
        "https://crm.example.com.evil.example/",
    ),
    "https://crm.example.com@evil.example/": (
        "https:",
        "evil.example",
        "https://evil.example",
        "crm.example.com",
        "",
        "https://crm.example.com@evil.example/",
    ),
    "https://:secret@crm.example.com/": (
        "https:",
        "crm.example.com",
        "https://crm.example.com",
        "",
        "secret",
        "https://:secret@crm.example.com/",
    ),
    "javascript:alert(1)": ("javascript:", "", "null", "", "", "javascript:alert(1)"),
    "http://127.0.0.1:8000/crm/": (
        "http:",
        "127.0.0.1:8000",
        "http://127.0.0.1:8000",
        "",
        "",
        "http://127.0.0.1:8000/crm/",
    ),
    "http://127.0.0.1:8001/crm/": (
        "http:",
        "127.0.0.1:8001",
        "http://127.0.0.1:8001",
        "",
        "",
        "http://127.0.0.1:8001/crm/",
    ),
    "https://crm.example.com/search?q=1": (
        "https:",
        "crm.example.com",
        "https://crm.example.com",
        "",
        "",
        "https://crm.example.com/search?q=1",
    ),
    "https://crm.example.com/search?q=%2B12025550123": (
        "https:",
        "crm.example.com",
        "https://crm.example.com",
        "",
        "",
        "https://crm.example.com/search?q=%2B12025550123",
    ),
    "/customers/7": None,
    "": None,
}
_KEYS = ("protocol", "host", "origin", "username", "password", "href")


def parse(url: str):  # type: ignore[no-untyped-def]
    """Answer from the table."""
    parts = TABLE[url]
    return None if parts is None else dict(zip(_KEYS, parts))  # noqa: B905  (MicroPython has no strict=)


def _offer(**values: str) -> Offer:
    return decide({ROLES[role]: values[role] for role in values}, ROLES, HOSTS, parse)


def test_the_table_is_what_the_browser_says() -> None:
    try:
        import js
    except ImportError:
        return  # CPython
    for url in TABLE:
        found = js.URL.parse(url)
        said = None if not found else tuple([str(getattr(found, key)) for key in _KEYS])
        assert said == TABLE[url], url


def test_only_https_on_an_allowed_host_is_opened() -> None:
    good = "https://crm.example.com/customers/7"
    assert check_url(good, HOSTS, parse) == (good, "")
    refused = {
        "http://crm.example.com/": "url.scheme",
        "https://crm.example.com.evil.example/": "url.host",
        "https://crm.example.com@evil.example/": "url.userinfo",
        "https://:secret@crm.example.com/": "url.userinfo",
        "javascript:alert(1)": "url.scheme",
        "/customers/7": "url.broken",
        "": "url.broken",
        "https://crm.example.com/" + "x" * 9000: "url.long",
    }
    for url in refused:
        assert check_url(url, HOSTS, parse) == ("", refused[url]), url


def test_what_is_opened_is_the_url_as_the_browser_reads_it() -> None:
    assert check_url("https:\\\\crm.example.com\\x", HOSTS, parse)[0] == "https://crm.example.com/x"


def test_a_loopback_origin_is_allowed_as_a_whole() -> None:
    assert check_url("http://127.0.0.1:8000/crm/", HOSTS, parse)[1] == ""
    assert check_url("http://127.0.0.1:8001/crm/", HOSTS, parse)[1] == "url.scheme"


def test_a_suffix_matches_on_label_boundaries() -> None:
    assert host_allowed("a.pages.example.org", "*.pages.example.org")
    assert host_allowed("a.b.pages.example.org", "*.pages.example.org")
    for host in ("pages.example.org", "evilpages.example.org", ".pages.example.org", "a.pages.example.org."):
        assert not host_allowed(host, "*.pages.example.org"), host
    assert not host_allowed("a.crm.example.com", "crm.example.com")


def test_one_match_offers_its_page() -> None:
    offer = _offer(matches="1", url="https://crm.example.com/customers/7", name="Ana", identity="+12025550123")
    assert (offer.kind, offer.name, offer.identity) == ("one", "Ana", "+12025550123")
    assert offer.url == "https://crm.example.com/customers/7"
    assert offer.refused is None


def test_none_and_several_offer_the_search_and_no_name() -> None:
    search = "https://crm.example.com/search?q=1"
    for matches, kind in (("0", "none"), ("3", "several")):
        offer = _offer(matches=matches, search=search, name="Ana", url="https://crm.example.com/customers/7")
        assert (offer.kind, offer.url, offer.name) == (kind, search, "")
    assert _offer(matches="3").matches == 3


def test_a_contact_without_a_look_up_is_unknown() -> None:
    assert _offer().kind == "unknown"
    for matches in ("many", "-1", "1e9", "1.0", "0x1", "+1", "1 000", "12345678901", "NaN", "١"):
        offer = _offer(matches=matches, url="https://crm.example.com/customers/7", name="Ana")
        assert (offer.kind, offer.url, offer.name) == ("unknown", "", ""), matches
    assert _offer(url="https://crm.example.com/customers/7").kind == "one"


def test_a_look_up_that_failed_is_no_contact_without_one() -> None:
    """Its search is offered all the same, and nobody's page is."""
    search = "https://crm.example.com/search?q=1"
    for status in ("500", "502", "504"):
        offer = _offer(status=status, search=search, identity="+12025550123")
        assert (offer.kind, offer.url, offer.is_page) == ("failed", search, False)
    assert _offer(status="200").kind == "unknown"
    assert _offer(status="200", matches="0").kind == "none"


def test_a_refused_url_comes_with_its_reason() -> None:
    offer = _offer(matches="1", url="javascript:alert(1)", name="Ana")
    assert (offer.url, offer.refused) == ("", ("javascript:alert(1)", "url.scheme"))


def test_attributes_that_are_no_texts_are_as_good_as_absent() -> None:
    attributes = {"contactMatches": 1, "Name": None, "contactUrlPath": ["x"]}
    assert decide(attributes, ROLES, HOSTS, parse).kind == "unknown"


def _features(**values: str) -> str:
    made: str = features({ROLES[role]: values[role] for role in values}, ROLES, 1000, 700, SCREEN)
    return made


def test_the_window_is_as_large_as_the_attributes_say() -> None:
    assert _features() == "popup=yes,width=1000,height=700"
    assert _features(width="900", height="650.5") == "popup=yes,width=900,height=650"


def test_sizes_are_clamped_to_the_screen_and_words_are_no_sizes() -> None:
    assert _features(width="99999", height="1") == "popup=yes,width=1920,height=200"
    assert _features(width="-5", height="1e3") == "popup=yes,width=200,height=700"
    assert _features(width="100%", height="") == "popup=yes,width=1000,height=700"


def test_a_position_keeps_the_window_on_the_screen() -> None:
    assert _features(left="50", top="60") == "popup=yes,width=1000,height=700,left=50,top=60"
    assert _features(left="5000", top="-60") == "popup=yes,width=1000,height=700,left=920,top=0"


# The user agents of browsers that Amazon Connect supports, and of one that it does not.
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
EDGE = CHROME + " Edg/156.0.0.0"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.0 Safari/605.1.15"


def test_the_engine_is_chromium_only_where_nothing_speaks_against_it() -> None:
    assert engine_of(CHROME, True) == engine_of(EDGE, True) == "chromium"
    assert engine_of(FIREFOX, False) == "firefox"
    assert engine_of(SAFARI, False) == "other"
    assert engine_of(CHROME, False) == "other"  # one that only calls itself so
    assert engine_of("", True) == "other"


def _window(setting: str, engine: str) -> tuple[str, bool, bool]:
    window: Window = window_for(setting, engine)
    return window.name, window.sized, window.cut_off


def test_every_window_is_cut_off_but_chromiums_shared_one() -> None:
    for engine in ("chromium", "firefox", "other"):
        assert _window("per-contact", engine) == ("_blank", True, True)
        assert _window("tab", engine) == ("_blank", False, True)
    assert _window("shared", "chromium") == ("popdesk", True, False)
    assert _window("shared", "firefox") == _window("shared", "other") == ("_blank", True, True)


# -- the numbers -------------------------------------------------------------------------------------------------------

SEARCH = "https://crm.example.com/search?q={query}"
FOUND = "https://crm.example.com/search?q=%2B12025550123"


def _offer_for(number: str, search: str = SEARCH, **values: str) -> Offer:
    attributes = {ROLES[role]: values[role] for role in values}
    return decide(attributes, ROLES, HOSTS, parse, number, search)


def test_what_was_looked_up_what_was_found_and_who_is_on_the_line_are_three_things() -> None:
    page = "https://crm.example.com/customers/7"
    typed = _offer_for("+12065550199", matches="1", url=page, identity="+12025550123", phone="+12065550100")
    assert (typed.identity, typed.phone, typed.caller) == ("+12025550123", "+12065550100", "+12065550199")
    same = _offer_for("+12025550123", matches="1", url=page, identity="+12025550123", phone="+1 (202) 555-0123")
    assert (same.identity, same.phone, same.caller) == ("+12025550123", "", "")
    mail = _offer_for("", matches="1", url=page, identity="ana@example.com", phone="+12065550100")
    assert (mail.identity, mail.phone, mail.caller) == ("ana@example.com", "+12065550100", "")
    bare = _offer_for("+12025550123", matches="1", url=page, phone="+12065550100")
    assert (bare.identity, bare.phone, bare.caller) == ("", "+12065550100", "+12025550123")


def test_where_nobody_was_found_a_number_is_nobodys() -> None:
    for matches in ("0", "2"):
        offer = _offer_for("+12025550123", matches=matches, identity="+12025550123", phone="+12025550123")
        assert (offer.identity, offer.phone, offer.caller) == ("+12025550123", "", "")
        assert _offer_for("", matches=matches, phone="+12025550123").identity == "+12025550123"


def test_only_whole_numbers_are_numbers() -> None:
    for text in ("+12025550123", "+442079460018", "+6834000"):
        assert is_number(text), text
    refused = ["", "+", "12025550123", "+120255", "+02025550123", "+1234567890123456", "+1 202 555 0123", "anonymous"]
    refused.append("+12025550123@sip.example.com")
    for text in refused:
        assert not is_number(text), text


def test_a_withheld_number_is_none() -> None:
    for digits in ("266696687", "7378742833", "2562533", "8656696", "86282452253"):
        for number in ("+" + digits, "+1" + digits):
            assert not is_number(number), number
            offer = _offer_for(number)
            assert (offer.caller, offer.url) == ("", ""), number


def test_numbers_are_the_same_however_they_are_written() -> None:
    assert same_number("+1 (206) 555-0100", "+12065550100")
    assert same_number("Ana@Example.com", "ana@example.com")
    assert not same_number("+12065550100", "+12065550101")
    assert not same_number("+12065550100", "12065550100@example.com")
    assert not same_number("+12065550100", "")
    assert same_number("", "+12065550100")


# -- the search --------------------------------------------------------------------------------------------------------


def test_a_contact_without_a_look_up_is_searched_by_its_number() -> None:
    """An agent dialled: no flow has run."""
    offer = _offer_for("+12025550123")
    assert (offer.kind, offer.url, offer.caller, offer.is_page) == ("unknown", FOUND, "+12025550123", False)


def test_a_search_is_built_for_what_was_looked_up_before_the_callers_number() -> None:
    offer = _offer_for("+12065550199", matches="0", identity="+12025550123")
    assert offer.url == FOUND
    assert _offer_for("", matches="3", identity="+12025550123").url == FOUND
    assert _offer_for("", matches="1", name="Ana", identity="+12025550123").url == FOUND  # found, and without a page


def test_the_look_ups_own_search_and_page_come_first() -> None:
    own = "https://crm.example.com/search?q=1"
    attributes = {ROLES["matches"]: "0", ROLES["search"]: own}
    assert decide(attributes, ROLES, HOSTS, parse, "+12025550123", SEARCH).url == own
    page = "https://crm.example.com/customers/7"
    offer = _offer_for("+12025550123", matches="1", url=page)
    assert (offer.url, offer.is_page) == (page, True)
    refused = _offer_for("+12025550123", matches="1", url="javascript:alert(1)")
    assert (refused.url, refused.refused) == ("", ("javascript:alert(1)", "url.scheme"))


def test_a_built_search_goes_through_the_same_check() -> None:
    template = "https://crm.example.com.evil.example/?{query}"
    offer = decide({}, ROLES, HOSTS, lambda _: parse("https://crm.example.com.evil.example/"), "+12025550123", template)
    assert offer.url == ""
    assert offer.refused == ("https://crm.example.com.evil.example/?%2B12025550123", "url.host")


def test_without_a_template_or_a_number_there_is_no_search() -> None:
    assert _offer_for("+12025550123", search="").url == ""
    assert _offer_for("").url == ""
    assert _offer_for("anonymous").url == ""


def test_a_query_is_encoded_as_the_lambda_encodes_it() -> None:
    assert percent_encoded("+1 206") == "%2B1%20206"
    assert percent_encoded("ana.silva_7~-@exämple.com") == "ana.silva_7~-%40ex%C3%A4mple.com"
    assert percent_encoded("a&b=c#d/e?f'(g)*!") == "a%26b%3Dc%23d%2Fe%3Ff%27%28g%29%2A%21"


# -- the note ----------------------------------------------------------------------------------------------------------


def _searched(url: str) -> Offer:
    offer = Offer("none", 0)
    offer.url = url
    return offer


def test_a_blocked_pop_is_said_until_the_agent_has_opened_or_copied_the_link() -> None:
    note = Note()
    note.happened("blocked", "https://crm.example.com/1")
    for _ in range(3):  # refreshes
        assert note.words(_searched("https://crm.example.com/1")) == ("pop.blocked", "https://crm.example.com/1")
    assert note.words(_searched("https://crm.example.com/2")) == ("pop.blocked", "https://crm.example.com/2")
    assert note.words(None) == ("", "")  # nothing can be told of the contact just now, and there is no link
    assert note.words(_searched("https://crm.example.com/1"))[0] == "pop.blocked"
    for done in ("opened", "copied"):
        note.happened("blocked", "https://crm.example.com/1")
        note.happened(done, "https://crm.example.com/1")
        assert note.words(_searched("https://crm.example.com/1"))[0] == "pop." + done


def test_opened_is_said_of_the_page_that_was_opened_and_of_no_other() -> None:
    note = Note()
    note.happened("opened", "https://crm.example.com/1")
    assert note.words(_searched("https://crm.example.com/1")) == ("pop.opened", "https://crm.example.com/1")
    assert note.words(_searched("https://crm.example.com/2")) == ("", "")


def test_without_a_link_the_note_says_so() -> None:
    note = Note()
    assert note.words(_searched("https://crm.example.com/1")) == ("", "")
    note.happened("blocked", "https://crm.example.com/1")
    assert note.words(_searched("")) == ("pop.none", "")
    refused = _searched("")
    refused.refused = ("javascript:alert(1)", "url.scheme")
    assert note.words(refused) == ("", "")  # it is said in its own place


# -- the automatic pop -------------------------------------------------------------------------------------------------


def _one() -> Offer:
    return _offer(matches="1", url="https://crm.example.com/customers/7")


def test_the_automatic_pop_comes_once_per_contact() -> None:
    automatic = Automatic("connected")
    assert not automatic.due(_one())
    automatic.connected("c-1")
    assert automatic.due(_one())
    assert not automatic.due(_one())
    automatic.connected("c-1")
    assert not automatic.due(_one())
    automatic.connected("c-2")
    assert automatic.due(_one())


def test_the_automatic_pop_waits_for_the_page_but_not_past_the_end() -> None:
    automatic = Automatic("connected")
    automatic.connected("c-1")
    assert not automatic.due(None)
    assert not automatic.due(_offer(matches="3", search="https://crm.example.com/search?q=1"))
    assert automatic.due(_one())
    automatic.connected("c-2")
    automatic.ended()
    assert not automatic.due(_one())


def test_a_search_never_pops_not_even_for_one_customer_without_a_page() -> None:
    automatic = Automatic("connected")
    automatic.connected("c-1")
    assert not automatic.due(_offer_for("+12025550123", matches="1", name="Ana"))


def test_what_the_agent_has_opened_does_not_pop_as_well() -> None:
    automatic = Automatic("connected")
    automatic.connected("c-1")
    automatic.opened()
    assert not automatic.due(_one())
    assert automatic.popped == ["c-1"]
    automatic.opened()
    assert automatic.popped == ["c-1"]


def test_nothing_pops_when_it_is_off_or_was_popped_before_the_reload() -> None:
    off = Automatic("off")
    off.connected("c-1")
    assert not off.due(_one())
    again = Automatic("connected", ["c-1"])
    again.connected("c-1")
    assert not again.due(_one())
