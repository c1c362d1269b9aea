"""A certificate authority of the data folder's own, which vouches for AWS's host names and nothing else.

`https://sts.us-east-1.amazonaws.com` is answered with it; only the command of `potager run` and the programs of jobs
are told to trust it. Name constraints (RFC 5280, 4.2.1.10) make a stolen key worthless for any other name.
"""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from potager.cli.folder import locked, write_atomically
from potager.kernel import hosts

FILE = "authority.pem"
YEARS, DAYS, SPARE = timedelta(days=3650), timedelta(days=30), timedelta(days=60)
"""How long the authority lasts, a host's certificate, and when before its end an authority is replaced."""


class Authority:
    """Vouches for hosts. `certificate` is its own, in PEM, for those who are to trust it."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._issuer = certificate
        self._key = key
        self._contexts: dict[str, ssl.SSLContext] = {}

    @classmethod
    def of(cls, data: Path) -> Authority:
        """The data folder's authority; made when there is none, or when its time is nearly over."""
        path = data / "ca" / FILE
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(path.parent):  # a server and a `potager run` may both come first
            authority = cls._load(path) if path.exists() else None
            if authority is None or authority._issuer.not_valid_after_utc < _now() + SPARE:
                authority = cls._make()
                write_atomically(path, _pem(authority._key) + authority.certificate, mode=0o600)
            return authority

    @classmethod
    def _load(cls, path: Path) -> Authority | None:
        pem = path.read_bytes()
        try:
            key = load_pem_private_key(pem, None)
            return (
                cls(x509.load_pem_x509_certificate(pem), key) if isinstance(key, ec.EllipticCurvePrivateKey) else None
            )
        except ValueError:  # torn or foreign: a new one serves as well
            return None

    @classmethod
    def _make(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Potager, for AWS host names on this machine alone")])
        permitted = [x509.DNSName(domain) for domain in hosts.AWS]
        nowhere = [x509.IPAddress(IPv4Network("0.0.0.0/0")), x509.IPAddress(IPv6Network("::/0"))]
        builder = (
            _builder(name, name, key.public_key(), YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(x509.NameConstraints(permitted, nowhere), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @property
    def certificate(self) -> bytes:
        return self._issuer.public_bytes(Encoding.PEM)

    def context(self, host: str) -> ssl.SSLContext:
        """What a server needs to answer TLS as `host`."""
        if host not in self._contexts:
            self._contexts[host] = self._context(host)
        return self._contexts[host]

    def _context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        # The ssl module takes a certificate from a file and no other way.
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(_pem(key) + self._vouch(host, key.public_key()))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _vouch(self, host: str, key: ec.EllipticCurvePublicKey) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Potager")])
        issuer = self._key.public_key()
        builder = (
            _builder(name, self._issuer.subject, key, DAYS)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lasting: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - timedelta(days=1))  # clocks differ
        .not_valid_after(_now() + lasting)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _now() -> datetime:
    return datetime.now(UTC)
