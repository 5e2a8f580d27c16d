"""Names and values that the contact flow and the Lambda share: ops/flows/definitions.py and the Lambda import them."""

from __future__ import annotations

# The flow's parameter with what the caller typed, named as in AWS's article on this integration (docs/lambda.md).
TYPED = "CustomerPhoneInput"

# The subtype of a call from a web page or an app. It is on the voice channel but has no endpoint, only the attributes that
# the web page has set (docs.aws.amazon.com/connect/latest/adminguide/config-com-widget1.html).
WEB_CALL = "connect:WebRTC"

# Stands for a missing value in the Lambda's answer and in the contact's attributes; the page treats it as an attribute that
# is not set (pyapp/desk.py). The flow sets every attribute, and none to "", because:
# - it cannot skip those without a value ("To check for a NULL value, you need to use a Lambda",
#   docs.aws.amazon.com/connect/latest/adminguide/check-contact-attributes.html);
# - a block sets all of its attributes or none (docs.aws.amazon.com/connect/latest/APIReference/
#   contact-actions-updatecontactattributes.html), and what it does with an empty one is not documented;
# - no block removes an attribute, so a contact that passes the flow again would keep the page and name of an earlier look-up.
NO_VALUE = "-"

# What some carriers send as the number of a caller who withholds it: these words, spelt on a telephone's keypad
# (help.twilio.com, "Why am I getting calls from these strange numbers?").
WITHHELD_WORDS = {
    "266696687": "ANONYMOUS",
    "7378742833": "RESTRICTED",
    "2562533": "BLOCKED",
    "8656696": "UNKNOWN",
    "86282452253": "UNAVAILABLE",
}
# They come with a plus, and from North American carriers also with the country code.
WITHHELD_NUMBERS = tuple(f"+{country}{digits}" for digits in WITHHELD_WORDS for country in ("", "1"))
