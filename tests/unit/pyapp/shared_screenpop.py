"""What may be popped, when and how. Runs on CPython and on MicroPython (see test_shared.py).

Only a browser may parse a URL. On CPython, where there is none, `parse` answers from the table below; on MicroPython
`test_the_table_is_what_the_browser_says` holds the table to the browser's own URL.parse.
"""

from screenpop import Automatic, Offer, check_url, decide, features, host_allowed, window_name

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


def test_windows_are_shared_or_per_contact_or_new() -> None:
    assert window_name("shared", "1") == window_name("shared", "2") == "popdesk"
    assert window_name("per-contact", "1") == "popdesk-1"
    assert window_name("tab", "1") == "_blank"


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


def test_nothing_pops_when_it_is_off_or_was_popped_before_the_reload() -> None:
    off = Automatic("off")
    off.connected("c-1")
    assert not off.due(_one())
    again = Automatic("connected", ["c-1"])
    again.connected("c-1")
    assert not again.due(_one())
