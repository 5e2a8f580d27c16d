"""The page's words, in one place: English here, each other language in a module of the same keys.

    say = words("auto", "es-MX")          # the setting, the browser's language
    say("pop.allow.firefox", site="https://my.connect.aws")

Card titles are their own keys: "Agent name" is said as it is where a language has no entry for it.
Another language: a module `words_XX.py` with a dict WORDS, its code in LANGUAGES and in ops/settings.py.
"""

LANGUAGES = ("en", "es")

WORDS = {
    # the contact's life
    "life.starting": "Connecting to the workspace",
    "life.connecting": "Connecting or connected",
    "life.connected": "Contact connected",
    "life.acw": "After-contact work",
    "life.missed": "Contact missed",
    "life.cleared": "Contact cleared",
    "life.idle": "No contact",
    "life.destroyed": "This page has been closed by the workspace",
    "life.outside": "Not in an agent workspace",
    "life.hidden": "{life} (page hidden)",
    # the doctor line
    "doctor.waiting": "Waiting for the workspace",
    "doctor.connected": "Workspace connected",
    "doctor.outside": "No workspace connected",
    "doctor.permissions": "{granted} of {asked} permissions",
    "doctor.unknown": "permissions unknown",
    "doctor.missing": "missing {names}",
    "doctor.sdk": "SDK {version}",
    "doctor.granted": "Granted",
    "doctor.lacking": "Missing",
    "doctor.none": "none",
    "doctor.contact": "Contact ID",
    "doctor.said": "The workspace said",
    "outside.how": "No agent workspace has answered. Add this page to Amazon Connect as a third-party application and "
    "open it from the agent workspace.",
    # the customer
    "customer": "Customer",
    "customer.wait": "Looking up the customer…",
    "customer.one": "Customer found",
    "customer.none": "No customer found",
    "customer.several": "{count} customers match",
    "customer.unknown": "Customer not looked up",
    "customer.unknown.why": "The contact carries no answer of the customer look-up.",
    "customer.failed": "Customer look-up failed",
    "customer.failed.why": "The CRM could not be asked about this contact.",
    "customer.idle": "No contact",
    "customer.idle.why": "Open this app on a contact to see its customer.",
    "customer.untold": "Customer unknown",
    "customer.hidden": "Customer’s name hidden",
    "customer.identity": "Looked up: {value}",
    "customer.phone": "In the CRM: {value}",
    "customer.caller": "On the line: {value}",
    # the screen pop
    "pop.page": "Open {name}’s page",
    "pop.page.unnamed": "Open the customer’s page",
    "pop.search": "Search the CRM",
    "pop.choose": "Choose in the CRM",
    "pop.none": "The contact has no CRM page.",
    "pop.home": "CRM home",
    "pop.copy": "Copy link",
    "pop.copied": "Link copied",
    "pop.uncopied": "The browser did not allow copying. The link: {url}",
    "pop.opened": "Opened in the CRM window",
    "pop.blocked": "The browser blocked the CRM window. Use the link above. {how}",
    "pop.allow.chromium": "To have it open by itself, allow pop-ups for {site}: the icon at the right end of the address bar, "
    "then “Always allow”.",
    "pop.allow.firefox": "To have it open by itself, allow pop-ups for {site}: “Options” or “Preferences” in the bar above the "
    "page, then “Allow pop-ups”.",
    "pop.allow.other": "To have it open by itself, allow pop-ups for {site} in the browser’s settings.",
    "pop.site": "the workspace",
    "pop.barred": "The workspace does not let this page open windows. Copy the link and open it in a new tab. An administrator "
    "allows windows in Amazon Connect: this application’s iframe needs allow-popups.",
    "pop.refused": "The CRM page is not opened: {reason}.",
    "url.long": "its address is too long",
    "url.broken": "its address is not a complete URL",
    "url.userinfo": "its address carries a user name or password",
    "url.scheme": "its address is not https",
    "url.host": "its host is not on the list of allowed hosts",
    # cards
    "cards": "Contact and agent",
    "card.wait": "…",
    "card.empty": "–",
    "card.refused": "Needs {permission}",
    "card.refused.how": "An administrator grants it",
    "card.timeout": "No answer in time",
    "card.nothing": "No contact",
    "card.nothing.agent": "Nothing to show",
    "card.failed": "Failed",
    "card.unexpected": "Unexpected answer",
    "card.retry": "Retry",
    "card.retry.what": "Retry {title}",
    "refresh": "Refresh",
    "show": "Show",
    "show.what": "Show {title}",
    # attributes
    "attributes": "Contact attributes",
    "attributes.count": "Contact attributes ({count})",
    "attributes.none": "This contact has no attributes.",
    "attributes.untold": "Contact attributes cannot be shown",
    # alerts and errors
    "alerts": "Permissions",
    "alert.missing": "{permission} is not granted.",
    "alert.how": "An administrator adds it to this application in Amazon Connect, under Third-party applications. "
    "Without it: {cards}.",
    "error": "Something in this page failed",
    "error.in": "In {where}: {what}",
    "error.rest": "The rest of the page goes on. It is in the workspace’s log, without personal data.",
    "error.details": "Details for developers",
}


def title(say, text):
    """Return a card's title in the page's language; one that is also a key of WORDS ("refresh") stays as it is."""
    return text if text in WORDS else say(text)


def words(setting, browser):
    """Return `say(key, **values)` for a language: the setting's, or where that is "auto" the browser's, else English."""
    language = setting if setting in LANGUAGES else browser[:2].lower()
    chosen = WORDS
    if language == "es":
        from words_es import WORDS as chosen
    else:
        language = "en"

    def say(key, **values):
        text = chosen.get(key) or WORDS.get(key) or key
        return text.format(**values) if values else text

    return say, language
