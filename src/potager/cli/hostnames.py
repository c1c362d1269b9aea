"""What a server is called: the names and addresses that its own certificate is for.

A server on loopback is localhost and nothing else. One that other machines reach is also what the machine is called,
and each of its addresses. `tls_names` and `s3_domain` come on top.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from potager.kernel.hosts import THIS_MACHINE, is_loopback
from potager.kernel.settings import Settings

Address = IPv4Address | IPv6Address

LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses of nobody's (RFC 5737, 3849): the way to them leads out by the machine's usual address."""

_LABELS = re.compile(r"[0-9a-z](?:[0-9a-z_-]{0,62})(?:\.[0-9a-z_-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Names:
    """domains : names, each with all that is below it. addresses : beside those of loopback."""

    domains: tuple[str, ...]
    addresses: tuple[Address, ...]

    @property
    def listed(self) -> tuple[str, ...]:
        """Those that stand in the certificate."""
        return tuple(dict.fromkeys([*self.domains, *THIS_MACHINE, *map(str, self.addresses)]))

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """All the addresses."""
        return (*LOOPBACK, *(network for each in self.addresses if (network := _alone(each)) not in LOOPBACK))


def of(settings: Settings) -> Names:
    """What a server with these settings is called."""
    given = [settings.host, settings.s3_domain, *settings.tls_names]
    if not is_loopback(settings.host):
        given += [socket.gethostname(), *_own(settings.host)]
    names, addresses = ["localhost"], list[Address]()
    for each in given:
        try:
            address = ipaddress.ip_address(each.partition("%")[0])
        except ValueError:
            names.append(each.lower().rstrip("."))
            continue
        if not address.is_unspecified and not address.is_loopback:
            addresses.append(address)
    good = (name for name in names if _LABELS.fullmatch(name))
    return Names(tuple(dict.fromkeys(good)), tuple(dict.fromkeys(addresses)))


def _alone(address: Address) -> IPv4Network | IPv6Network:
    return ipaddress.ip_network(address)


def _own(host: str) -> Iterator[str]:
    """This machine's addresses, where a wildcard address lets all of them in."""
    with contextlib.suppress(ValueError):
        if not ipaddress.ip_address(host).is_unspecified:
            return
    with contextlib.suppress(OSError):
        yield from (str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None))
    for family, elsewhere in ELSEWHERE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((elsewhere, 9))  # sends nothing
            yield sock.getsockname()[0]
