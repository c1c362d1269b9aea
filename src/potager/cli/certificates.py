"""The server's certificate where it speaks TLS: one that was given, or one by an authority of the data folder's own.

    --tls                                     `ca/server.pem` vouches for localhost and what else the server is called
    --tls-certificate FILE [--tls-key FILE]   the administrator's own; read again when the files change

`ca/trusted.pem` holds what clients on this machine are to trust for either (`environment.py`, `passage.py`).
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import re
import socket
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from potager.cli import hostnames
from potager.cli.folder import write_atomically
from potager.kernel.errors import Invalid
from potager.kernel.settings import Settings

if TYPE_CHECKING:
    from cryptography import x509

log = logging.getLogger(__name__)

TRUSTED = "trusted.pem"

LOOK = 1.0
"""Seconds after which files that were given are looked at again."""

_NAME = re.compile(r"[0-9a-z_-]{1,63}(?:\.[0-9a-z_-]{1,63})*", re.IGNORECASE)
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


class Certificates(Protocol):
    """Whose certificate a server shows."""

    @property
    def trusted(self) -> bytes:
        """Certificates, in PEM, that a client needs to take the server's."""
        ...

    def context(self) -> ssl.SSLContext:
        """What a connection that begins now is to be secured with. Cheap: each connection asks."""
        ...

    def name(self, host: str) -> str:
        """`host` when the certificate is for it, else another name of the server that it is for."""
        ...


def of(settings: Settings) -> Certificates | None:
    """What the settings ask for; None for plain http. `Invalid` when a given certificate is no good."""
    if settings.tls_certificate:
        return Given(settings.data, settings.tls_certificate, settings.tls_key or settings.tls_certificate)
    if settings.tls_key:
        raise Invalid("tls_key is given and tls_certificate is not. Give both, or neither to have a certificate made.")
    return Own(settings.data, hostnames.of(settings)) if settings.tls else None


def trusted(data: Path) -> bytes:
    """What clients of the data folder's server are to trust; empty where there is nothing to trust."""
    with contextlib.suppress(OSError):
        return (data / "ca" / TRUSTED).read_bytes()
    return b""


def client_context(certificates: bytes) -> ssl.SSLContext:
    """The side of a client of our own: takes the first of these certificates, or what it vouches for, and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # whoever holds its key is the server, by whatever address it is reached
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=b"".join(_CERTIFICATE.findall(certificates)[:1]).decode("ascii"))
    return context


def _announce(data: Path, certificates: bytes) -> None:
    path = data / "ca" / TRUSTED
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if trusted(data) != certificates:
        write_atomically(path, certificates, mode=0o600)


class Own:
    """By the data folder's own authority, for names and addresses of this server; made anew long before it ends."""

    def __init__(self, data: Path, names: hostnames.Names) -> None:
        # Imported here: a server without TLS needs no cryptography.
        from potager.cli.authority import Authority, Bounds

        self._names = names
        self._bounds = Bounds("server.pem", "Potager, for this server alone", names.domains, names.networks)
        self._authority = Authority.of(data, self._bounds)
        _announce(data, self.trusted)

    @property
    def trusted(self) -> bytes:
        return self._authority.certificate

    def name(self, host: str) -> str:
        return host if self._bounds.cover(host) else "localhost"

    def context(self) -> ssl.SSLContext:
        context = self._authority.context(*self._names.listed)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        """A bucket's host name has a certificate of its own: no wildcard stands for two labels, or before a TLD."""
        asked = (name or "").lower()
        if asked not in self._names.listed and _NAME.fullmatch(asked) and self._bounds.cover(asked):
            connection.context = self._authority.context(asked)


class Given:
    """The administrator's, out of files that may be replaced at any time: the next connections get the new one.

    certificate : PEM; the server's certificate first, then those between it and its authority.
    key : PEM, not encrypted; may be the same file.
    """

    def __init__(self, data: Path, certificate: Path, key: Path) -> None:
        self._data = data
        self._files = (certificate, key)
        self._state = self._look()
        self._context = self._load()
        self._looked = time.monotonic()

    @property
    def trusted(self) -> bytes:
        return self._chain

    def context(self) -> ssl.SSLContext:
        if time.monotonic() > self._looked + LOOK:
            self._looked = time.monotonic()
            self._renew()
        return self._context

    def _renew(self) -> None:
        if (state := self._look()) == self._state:
            return
        try:
            self._context = self._load()
        except Invalid as fault:
            log.warning("the certificate of before stays in use: %s", fault.message)
        self._state = state

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_state(path) for path in self._files]

    def _load(self) -> ssl.SSLContext:
        from potager.cli.authority import server_context

        certificate, key = self._files
        context = server_context()
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
            self._chain = b"".join(_CERTIFICATE.findall(certificate.read_bytes()))
            self._covered = _covered(self._chain)
        except OSError as error:  # ssl.SSLError is one
            raise Invalid(_unreadable(certificate, key, error)) from error
        except ValueError as error:
            raise Invalid(f"{certificate}: not a certificate in PEM: {error}.") from error
        _announce(self._data, self._chain)
        return context

    def name(self, host: str) -> str:
        names, addresses = self._covered
        if host in (*names, *addresses):
            return host
        plain = [name for name in names if "*" not in name]
        found = "localhost" if "localhost" in plain else next(iter([*plain, *addresses]), host)
        if not _leads_here(found):
            log.warning("the certificate is for %s, a name that this machine does not find: clients must", found)
        return found


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _no_password() -> bytes:
    raise ValueError("its key is encrypted, and nobody is there to be asked for the password; store it without one")


def _unreadable(certificate: Path, key: Path, error: OSError) -> str:
    if not isinstance(error, ssl.SSLError):
        return f"{error.filename or certificate}: cannot read the certificate or its key: {error.strerror}."
    files = f"{certificate} and {key}" if certificate != key else str(certificate)
    reason = f"not PEM ({error.reason})" if error.reason else "not PEM"
    why = "the key is not that certificate's" if error.reason == "KEY_VALUES_MISMATCH" else reason
    return f"{files}: no certificate with its key: {why}. Give both in PEM, the server's certificate first."


def ends(path: Path) -> datetime:
    """When a certificate ends; `Invalid` where there is none to be read."""
    try:
        return _first(path.read_bytes()).not_valid_after_utc
    except OSError as error:
        raise Invalid(f"{path}: cannot read the certificate: {error.strerror}.") from error
    except ValueError as error:
        raise Invalid(f"{path}: not a certificate in PEM: {error}.") from error


def _first(chain: bytes) -> x509.Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(chain)


def _covered(chain: bytes) -> tuple[list[str], list[str]]:
    """The names and addresses that the first certificate is for. A certificate that is over is told of."""
    from cryptography import x509

    certificate = _first(chain)
    if certificate.not_valid_after_utc < datetime.now(UTC):
        log.warning("the certificate ended on %s: clients will not take it", certificate.not_valid_after_utc)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    return names.get_values_for_type(x509.DNSName), [str(each) for each in names.get_values_for_type(x509.IPAddress)]


def _leads_here(name: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    try:
        return bool(socket.getaddrinfo(name, None))
    except OSError:
        return False
