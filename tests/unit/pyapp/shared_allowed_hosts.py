"""The allow-list's one rule, as URLs that are allowed and refused: what the settings, the Lambda and the page are all held to.

The page's reading is tested here, on CPython and on MicroPython (see test_shared.py); the Lambda's in
tests/unit/lambda_/test_page_urls.py and the settings' in tests/unit/ops/test_crm_settings.py, with the same VECTORS.
"""

from popdesk.screenpop import check_url

ENTRIES = [
    "crm.example.com",
    "port.example.com:8443",
    "*.pages.example.org",
    "*.ports.example.org:8443",
    "xn--bcher-kva.example",
    "http://127.0.0.1:8000",
    "http://localhost",
]

# (URL, whether ENTRIES allow it, what the browser's parser says of it). The last is the protocol, the host, the user
# name, the password and the URL as the browser writes it, or None where it takes it for no URL;
# `test_the_browser_reads_them_so` holds that to the browser.
VECTORS = [
    ("https://crm.example.com", True, ("https:", "crm.example.com", "", "", "https://crm.example.com/")),
    ("https://crm.example.com/", True, ("https:", "crm.example.com", "", "", "https://crm.example.com/")),
    (
        "https://crm.example.com/customers/7?a=b#c",
        True,
        ("https:", "crm.example.com", "", "", "https://crm.example.com/customers/7?a=b#c"),
    ),
    ("HTTPS://CRM.Example.COM/a", True, ("https:", "crm.example.com", "", "", "https://crm.example.com/a")),
    ("https://crm.example.com:443/", True, ("https:", "crm.example.com", "", "", "https://crm.example.com/")),
    ("https://crm.example.com:/", True, ("https:", "crm.example.com", "", "", "https://crm.example.com/")),
    ("https://crm.example.com:00443/", True, ("https:", "crm.example.com", "", "", "https://crm.example.com/")),
    (
        "https://port.example.com:8443/",
        True,
        ("https:", "port.example.com:8443", "", "", "https://port.example.com:8443/"),
    ),
    (
        "https://port.example.com:08443/",
        True,
        ("https:", "port.example.com:8443", "", "", "https://port.example.com:8443/"),
    ),
    ("https://a.pages.example.org/", True, ("https:", "a.pages.example.org", "", "", "https://a.pages.example.org/")),
    (
        "https://a.b.pages.example.org/",
        True,
        ("https:", "a.b.pages.example.org", "", "", "https://a.b.pages.example.org/"),
    ),
    (
        "https://A-1.pages.example.org/",
        True,
        ("https:", "a-1.pages.example.org", "", "", "https://a-1.pages.example.org/"),
    ),
    (
        "https://ab--cd.pages.example.org/",
        True,
        ("https:", "ab--cd.pages.example.org", "", "", "https://ab--cd.pages.example.org/"),
    ),
    ("https://1.pages.example.org/", True, ("https:", "1.pages.example.org", "", "", "https://1.pages.example.org/")),
    (
        "https://a.ports.example.org:8443/",
        True,
        ("https:", "a.ports.example.org:8443", "", "", "https://a.ports.example.org:8443/"),
    ),
    (
        "https://xn--bcher-kva.example/",
        True,
        ("https:", "xn--bcher-kva.example", "", "", "https://xn--bcher-kva.example/"),
    ),
    ("http://127.0.0.1:8000/crm/", True, ("http:", "127.0.0.1:8000", "", "", "http://127.0.0.1:8000/crm/")),
    ("http://127.0.0.1:08000/crm/", True, ("http:", "127.0.0.1:8000", "", "", "http://127.0.0.1:8000/crm/")),
    ("http://localhost/crm/", True, ("http:", "localhost", "", "", "http://localhost/crm/")),
    ("http://localhost:80/crm/", True, ("http:", "localhost", "", "", "http://localhost/crm/")),
    ("HTTP://LOCALHOST/crm/", True, ("http:", "localhost", "", "", "http://localhost/crm/")),
    ("http://crm.example.com/", False, ("http:", "crm.example.com", "", "", "http://crm.example.com/")),
    ("ftp://crm.example.com/", False, ("ftp:", "crm.example.com", "", "", "ftp://crm.example.com/")),
    ("wss://crm.example.com/", False, ("wss:", "crm.example.com", "", "", "wss://crm.example.com/")),
    (
        "javascript:alert(1)//crm.example.com",
        False,
        ("javascript:", "", "", "", "javascript:alert(1)//crm.example.com"),
    ),
    ("data:text/html,crm.example.com", False, ("data:", "", "", "", "data:text/html,crm.example.com")),
    ("//crm.example.com/", False, None),
    ("crm.example.com", False, None),
    ("/customers/7", False, None),
    ("https://", False, None),
    ("https:///", False, None),
    ("https://example.com/", False, ("https:", "example.com", "", "", "https://example.com/")),
    ("https://a.crm.example.com/", False, ("https:", "a.crm.example.com", "", "", "https://a.crm.example.com/")),
    ("https://crm.example.com./", False, ("https:", "crm.example.com.", "", "", "https://crm.example.com./")),
    (
        "https://crm.example.com.evil.example/",
        False,
        ("https:", "crm.example.com.evil.example", "", "", "https://crm.example.com.evil.example/"),
    ),
    ("https://evilcrm.example.com/", False, ("https:", "evilcrm.example.com", "", "", "https://evilcrm.example.com/")),
    (
        "https://crm.example.com:8443/",
        False,
        ("https:", "crm.example.com:8443", "", "", "https://crm.example.com:8443/"),
    ),
    ("https://crm.example.com:80/", False, ("https:", "crm.example.com:80", "", "", "https://crm.example.com:80/")),
    ("https://crm.example.com:0/", False, ("https:", "crm.example.com:0", "", "", "https://crm.example.com:0/")),
    ("https://crm.example.com:65536/", False, None),
    ("https://crm.example.com:99999/", False, None),
    ("https://crm.example.com:port/", False, None),
    ("https://crm.example.com:-1/", False, None),
    ("https://port.example.com/", False, ("https:", "port.example.com", "", "", "https://port.example.com/")),
    ("https://port.example.com:443/", False, ("https:", "port.example.com", "", "", "https://port.example.com/")),
    (
        "https://port.example.com:8444/",
        False,
        ("https:", "port.example.com:8444", "", "", "https://port.example.com:8444/"),
    ),
    (
        "https://crm.example.com@evil.example/",
        False,
        ("https:", "evil.example", "crm.example.com", "", "https://crm.example.com@evil.example/"),
    ),
    (
        "https://crm.example.com:443@evil.example/",
        False,
        ("https:", "evil.example", "crm.example.com", "443", "https://crm.example.com:443@evil.example/"),
    ),
    (
        "https://user@crm.example.com/",
        False,
        ("https:", "crm.example.com", "user", "", "https://user@crm.example.com/"),
    ),
    (
        "https://:secret@crm.example.com/",
        False,
        ("https:", "crm.example.com", "", "secret", "https://:secret@crm.example.com/"),
    ),
    (
        "https://evil.example/crm.example.com",
        False,
        ("https:", "evil.example", "", "", "https://evil.example/crm.example.com"),
    ),
    (
        "https://evil.example?crm.example.com",
        False,
        ("https:", "evil.example", "", "", "https://evil.example/?crm.example.com"),
    ),
    (
        "https://evil.example#crm.example.com",
        False,
        ("https:", "evil.example", "", "", "https://evil.example/#crm.example.com"),
    ),
    (
        "https://evil.example\\.pages.example.org/",
        False,
        ("https:", "evil.example", "", "", "https://evil.example/.pages.example.org/"),
    ),
    ("https://pages.example.org/", False, ("https:", "pages.example.org", "", "", "https://pages.example.org/")),
    ("https://.pages.example.org/", False, ("https:", ".pages.example.org", "", "", "https://.pages.example.org/")),
    (
        "https://a..pages.example.org/",
        False,
        ("https:", "a..pages.example.org", "", "", "https://a..pages.example.org/"),
    ),
    ("https://..pages.example.org/", False, ("https:", "..pages.example.org", "", "", "https://..pages.example.org/")),
    (
        "https://evilpages.example.org/",
        False,
        ("https:", "evilpages.example.org", "", "", "https://evilpages.example.org/"),
    ),
    (
        "https://a.pages.example.org./",
        False,
        ("https:", "a.pages.example.org.", "", "", "https://a.pages.example.org./"),
    ),
    (
        "https://a.pages.example.org.evil.example/",
        False,
        ("https:", "a.pages.example.org.evil.example", "", "", "https://a.pages.example.org.evil.example/"),
    ),
    (
        "https://a.pages.example.org:8443/",
        False,
        ("https:", "a.pages.example.org:8443", "", "", "https://a.pages.example.org:8443/"),
    ),
    (
        "https://a_b.pages.example.org/",
        False,
        ("https:", "a_b.pages.example.org", "", "", "https://a_b.pages.example.org/"),
    ),
    (
        "https://-a.pages.example.org/",
        False,
        ("https:", "-a.pages.example.org", "", "", "https://-a.pages.example.org/"),
    ),
    (
        "https://a-.pages.example.org/",
        False,
        ("https:", "a-.pages.example.org", "", "", "https://a-.pages.example.org/"),
    ),
    ("https://a%2fb.pages.example.org/", False, None),
    ("https://a%00.pages.example.org/", False, None),
    (
        "https://xn--bcher-kva.pages.example.org/",
        False,
        ("https:", "xn--bcher-kva.pages.example.org", "", "", "https://xn--bcher-kva.pages.example.org/"),
    ),
    ("https://a.ports.example.org/", False, ("https:", "a.ports.example.org", "", "", "https://a.ports.example.org/")),
    ("https://[::1]/", False, ("https:", "[::1]", "", "", "https://[::1]/")),
    ("https://127.0.0.1/", False, ("https:", "127.0.0.1", "", "", "https://127.0.0.1/")),
    ("https://127.0.0.1:8000/", False, ("https:", "127.0.0.1:8000", "", "", "https://127.0.0.1:8000/")),
    ("http://127.0.0.1:8001/", False, ("http:", "127.0.0.1:8001", "", "", "http://127.0.0.1:8001/")),
    ("http://127.0.0.1/", False, ("http:", "127.0.0.1", "", "", "http://127.0.0.1/")),
    ("http://localhost:8000/", False, ("http:", "localhost:8000", "", "", "http://localhost:8000/")),
    (
        "http://127.0.0.1:8000@evil.example/",
        False,
        ("http:", "evil.example", "127.0.0.1", "8000", "http://127.0.0.1:8000@evil.example/"),
    ),
    ("http://user@127.0.0.1:8000/", False, ("http:", "127.0.0.1:8000", "user", "", "http://user@127.0.0.1:8000/")),
    ("http://[::1]:8000/", False, ("http:", "[::1]:8000", "", "", "http://[::1]:8000/")),
]


def parse(url: str):  # type: ignore[no-untyped-def]
    """Return the parts of one of the URLs above as pyapp/connect.py does, or None."""
    for known, _, parts in VECTORS:
        if known == url and parts:
            protocol, host, username, password, href = parts
            web = protocol in ("https:", "http:", "ftp:", "wss:")
            return {
                "protocol": protocol,
                "host": host,
                "origin": protocol + "//" + host if web else "null",
                "username": username,
                "password": password,
                "href": href,
            }
    return None


def test_the_browser_reads_them_so() -> None:
    try:
        import js
    except ImportError:
        return  # CPython
    for url, _, _ in VECTORS:
        found = js.URL.parse(url)
        expected = parse(url)
        assert bool(found) == bool(expected), url
        for key in expected or ():
            assert str(getattr(found, key)) == expected[key], (url, key)


def test_the_page_opens_what_is_allowed_and_nothing_else() -> None:
    for url, allowed, parts in VECTORS:
        opened, reason = check_url(url, ENTRIES, parse)
        expected = parts[4] if parts and allowed else ""
        assert (opened, bool(reason)) == (expected, not allowed), url
