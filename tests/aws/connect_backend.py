"""Amazon Connect of the tests' account: the rehearsal's (ops/rehearse/connect.py), with an instance of the tests'.

    connect = make_connect()
    status, headers, body = answer(connect, environ)        # a signed request to Amazon Connect

It is held to botocore's model, pages its lists in twos, and checks no permissions.
"""

from __future__ import annotations

from ops.rehearse.connect import AppIntegrations, Connect
from ops.rehearse.policy import Place
from ops.rehearse.protocol import Environ, Response, read_call

ACCOUNT = "123456789012"
INSTANCE = f"arn:aws:connect:us-east-1:{ACCOUNT}:instance/11111111-2222-3333-4444-555555555555"
PLACE = Place("aws", "us-east-1", ACCOUNT, INSTANCE)


def make_connect() -> Connect:
    """Return the instance of a new account: three security profiles, a queue, nothing associated."""
    return Connect(PLACE, "BasicQueue", AppIntegrations(PLACE))


def answer(connect: Connect, environ: Environ) -> Response:
    """Return the answer to a request of Amazon Connect's. Raises ValueError for what is none of its operations."""
    call = read_call(environ)
    if call is None:
        raise ValueError(f"Amazon Connect has no {environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
    return connect.answer(call)
