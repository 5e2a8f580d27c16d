"""The adapter "http" over real TLS: a connection is reused, an untrusted certificate is refused, a handshake times out."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from adapters.http import HttpCustomers
from customers import LookupFailed
from identity import Identity

from ops.rehearse.certificate import Certificate
from tests.unit.lambda_.scripted_crm import Request, ScriptedCrm, ok

ANA = Identity("phone", "+12065550100")
RECORD = {"id": "C-1", "phone": "+12065550100"}


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate()


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """Have OpenSSL trust the certificate as it trusts those of the system."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    return certificate


def _adapter(url: str, timeout_ms: int = 30_000) -> HttpCustomers:
    fields = {"id": "id", "phone": "phone"}
    http = {"url": url, "timeout_ms": timeout_ms, "token_secret": "", "list_path": "customers", "fields": fields}
    return HttpCustomers(http, "US")


def test_a_connection_is_kept_though_tls_has_messages_of_its_own(trusted: Certificate) -> None:
    """TLS 1.3's session tickets come after the handshake and are not part of a response."""
    with ScriptedCrm(lambda request: request.send(ok([RECORD])), trusted) as crm:
        customers = _adapter(crm.url)
        for _ in range(5):
            assert [customer.id for customer in customers.find(ANA, 30)] == ["C-1"]
        assert (crm.connections, len(crm.requests)) == (1, 5)


def test_an_answer_that_comes_twice_is_seen_through_tls(trusted: Certificate) -> None:
    sent, read = threading.Event(), threading.Event()

    def answer(request: Request) -> None:
        request.send(ok([{**RECORD, "id": f"C-{request.connection}"}]))
        read.wait(30)
        request.send(ok([RECORD]))
        sent.set()

    with ScriptedCrm(answer, trusted) as crm:
        customers = _adapter(crm.url)
        assert [customer.id for customer in customers.find(ANA, 30)] == ["C-1"]
        read.set()
        sent.wait(30)
        assert [customer.id for customer in customers.find(ANA, 30)] == ["C-2"]


def test_an_untrusted_certificate_fails_the_look_up(certificate: Certificate) -> None:
    with ScriptedCrm(lambda request: request.send(ok([RECORD])), certificate) as crm:
        with pytest.raises(LookupFailed, match="SSLCertVerificationError"):
            _adapter(crm.url).find(ANA, 30)
        assert crm.requests == []


def test_a_handshake_that_drips_costs_the_crms_own_time_and_no_more() -> None:
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        # The head of a TLS record of 16 kB, and then its bytes one by one.
        connection.sendall(bytes([22, 3, 3, 0x40, 0]))
        while not over.wait(0.05):
            connection.sendall(b"\0")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,), daemon=True)
        thread.start()
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            _adapter(f"https://127.0.0.1:{listening.getsockname()[1]}/{{value}}", timeout_ms=500).find(ANA, 60)
        assert time.monotonic() - started < 20
        over.set()
        thread.join(10)
