"""Names that the page, the API and its template share; the page gets them in its settings (ops/settings.py).

Requests go to PREFIX on the page's own origin, with JSON in and out. Errors are problem details (RFC 9457).
"""

from __future__ import annotations

PREFIX = "/api/"
ROUTE = f"ANY {PREFIX}{{proxy+}}"  # the one route of the HTTP API: its function knows the others

# Where pages tell of themselves (page_events.py). Where agents sign in, it has a route of its own that asks for no sign-in.
EVENTS = f"{PREFIX}events"
EVENTS_ROUTE = f"POST {EVENTS}"

# Names of headers are compared ignoring case (RFC 9110, 5.1); an HTTP API writes them in lower case.
CONTACT_HEADER = "X-Popdesk-Contact"  # the contact's token, a JWT that the look-up has signed
# "Bearer TOKEN" of the agent's sign-in. It is not `Authorization`: CloudFront keeps that one back unless the cache's key has it
# (docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html).
AGENT_HEADER = "X-Popdesk-Agent"
IDEMPOTENCY_HEADER = "Idempotency-Key"  # draft-ietf-httpapi-idempotency-key-header; 32 hexadecimal digits
IDEMPOTENCY_KEY = "[0-9a-f]{32}"  # a regular expression of its whole value
HEADERS = (CONTACT_HEADER, AGENT_HEADER, IDEMPOTENCY_HEADER, "Content-Type")

PROBLEM = "application/problem+json"

LONGEST_BODY = 16_384  # bytes of a request's; a note has at most 4,000 characters

# The environment variable with the SQLite file of the writes that were done (once.py), which preview sets.
WRITES_FILE_VARIABLE = "POPDESK_API_WRITES_FILE"
