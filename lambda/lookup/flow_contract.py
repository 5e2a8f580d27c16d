"""What the contact flow and the Lambda agree on: names and values that both must know, each once.

The flow's definition (ops/flows/definitions.py) and the Lambda's modules read them here.
"""

from __future__ import annotations

# The flow's parameter for what the caller typed, as the article names it.
TYPED = "CustomerPhoneInput"

# The subtype of a call from a web page or an app: it is on the voice channel and has no endpoint, only the attributes that
# its page gave it (docs.aws.amazon.com/connect/latest/adminguide/config-com-widget1.html).
WEB_CALL = "connect:WebRTC"

# What stands for nothing in the Lambda's answer and in the contact's attributes; the page reads it as an attribute that is
# not there (pyapp/desk.py). The flow sets every attribute, and none to "": it cannot leave out those that have no value ("To
# check for a NULL value, you need to use a Lambda", docs.aws.amazon.com/connect/latest/adminguide/
# check-contact-attributes.html); one block sets all of its attributes or none (docs.aws.amazon.com/connect/latest/
# APIReference/contact-actions-updatecontactattributes.html); what it does with an empty one is written nowhere; and no
# block removes an attribute, so that a contact that comes through the flow again would keep the page and the name of an
# earlier look-up.
NO_VALUE = "-"

# How some carriers write "number withheld": words on a telephone's keypad (help.twilio.com, "Why am I getting calls from
# these strange numbers?").
WITHHELD_WORDS = {
    "266696687": "ANONYMOUS",
    "7378742833": "RESTRICTED",
    "2562533": "BLOCKED",
    "8656696": "UNKNOWN",
    "86282452253": "UNAVAILABLE",
}
# They come with a plus, and from carriers in North America with its country code too.
WITHHELD_NUMBERS = tuple(f"+{country}{digits}" for digits in WITHHELD_WORDS for country in ("", "1"))
