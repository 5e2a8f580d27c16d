"""A certificate for an https server of this machine's own, on localhost and other names.

certificate = Certificate("rehearsal.my.connect.aws")
certificate.tls()                   # an ssl.SSLContext for a server
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import ssl
import tempfile
from base64 import b64encode
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificate:
    """A self-made certificate for localhost and other names: the files `certificate` and `key`, which are gone with the object.

    With SSL_CERT_FILE set to `certificate` Python trusts it, with --ignore-certificate-errors-spki-list=`spki` Chromium does.
    That way the pages count as secure and are cached; with --ignore-certificate-errors they would not be.
    """

    def __init__(self, *others: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        names = [*map(x509.DNSName, ("localhost", *others)), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=7))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256())
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.spki = b64encode(hashlib.sha256(public).digest()).decode()
        self._folder = tempfile.TemporaryDirectory(prefix="popdesk-certificate-")
        self.certificate = Path(self._folder.name) / "certificate.pem"
        self.key = Path(self._folder.name) / "key.pem"
        self.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def tls(self) -> ssl.SSLContext:
        """Return what a server needs to have it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context
