"""Certificate authorities of the data folder's own, each of which can vouch for a few names and nothing else.

    authority.pem   AWS's host names: `potager run` and the proxy of jobs answer them with it (`proxy.py`)
    server.pem      the names and addresses of this server, where it speaks TLS (`certificates.py`)

Name constraints (RFC 5280, 4.2.1.10) make a stolen key worthless for any other name. Only those who are told to trust
an authority do: commands of `potager run`, programs of jobs, shells that evaluate `potager env`.
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
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

YEARS, DAYS, SPARE = timedelta(days=3650), timedelta(days=30), timedelta(days=60)
"""How long the authority lasts, a host's certificate, and when before its end an authority is replaced."""

MOST_HOSTS = 256
"""Hosts whose certificates are kept at a time: clients choose the names."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an authority can vouch for.

    file : where it rests in the data folder's `ca`.
    title : what it calls itself.
    domains : names, each with all that is below it.
    networks : addresses.
    """

    file: str
    title: str
    domains: tuple[str, ...]
    networks: tuple[Network, ...] = ()

    def cover(self, host: str) -> bool:
        """Whether the authority can vouch for a host name or an address."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return any(host == domain or host.endswith("." + domain) for domain in self.domains)
        return any(address in network for network in self.networks)

    def extension(self) -> x509.NameConstraints:
        """As certificates have it. Where no address is permitted, all are excluded."""
        permitted = [*map(x509.DNSName, self.domains), *map(x509.IPAddress, self.networks)]
        nowhere = [x509.IPAddress(IPv4Network("0.0.0.0/0")), x509.IPAddress(IPv6Network("::/0"))]
        return x509.NameConstraints(permitted, None if self.networks else nowhere)


AWS = Bounds("authority.pem", "Potager, for AWS host names on this machine alone", hosts.AWS)


class Authority:
    """Vouches for hosts. `certificate` is its own, in PEM, for those who are to trust it."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._issuer = certificate
        self._key = key
        self._contexts: OrderedDict[tuple[str, ...], tuple[ssl.SSLContext, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, data: Path, bounds: Bounds = AWS) -> Authority:
        """The data folder's authority; made when there is none that goes so far, or when its time is nearly over."""
        path = data / "ca" / bounds.file
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(path.parent):  # a server and a `potager run` may both come first
            authority = cls._load(path) if path.exists() else None
            if authority is None or authority.ends < _now() + SPARE or not authority._reaches(bounds):
                authority = cls._make(bounds)
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
    def _make(cls, bounds: Bounds) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, bounds.title)])
        builder = (
            _builder(name, name, key.public_key(), YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(bounds.extension(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    def _reaches(self, bounds: Bounds) -> bool:
        """Whether it can vouch for all that the bounds name."""
        own = self._issuer.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        return set(bounds.extension().permitted_subtrees or []) <= set(own)

    @property
    def ends(self) -> datetime:
        return self._issuer.not_valid_after_utc

    @property
    def certificate(self) -> bytes:
        return self._issuer.public_bytes(Encoding.PEM)

    def context(self, *hosts: str) -> ssl.SSLContext:
        """What a server needs to answer TLS as these hosts: names or addresses. The same one for half its time."""
        with self._lock:  # the proxy asks from threads
            known = self._contexts.get(hosts)
            if known is None or known[1] < _now():
                known = self._contexts[hosts] = (self._context(hosts), _now() + DAYS / 2)
            self._contexts.move_to_end(hosts)
            if len(self._contexts) > MOST_HOSTS:
                self._contexts.popitem(last=False)
            return known[0]

    def _context(self, hosts: Sequence[str]) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        context = server_context()
        # The ssl module takes a certificate from a file and no other way.
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(_pem(key) + self._vouch(hosts, key.public_key()))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _vouch(self, hosts: Sequence[str], key: ec.EllipticCurvePublicKey) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Potager")])
        issuer = self._key.public_key()
        builder = (
            _builder(name, self._issuer.subject, key, DAYS)
            .add_extension(x509.SubjectAlternativeName([_named(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def server_context() -> ssl.SSLContext:
    """A server's side of TLS, without a certificate yet: 1.2 or later, HTTP/1.1, sessions resumed by tickets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


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
