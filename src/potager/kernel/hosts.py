"""Host names: AWS's own, which are answered here, and those of this machine, which no proxy is asked for."""

from __future__ import annotations

import ipaddress

AWS = ("amazonaws.com", "amazonaws.com.cn", "api.aws")
"""AWS's own domains: what our authority may vouch for, and what our proxy answers."""

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


LOOPBACK = ("localhost", "localhost.localdomain")


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK


def is_aws(host: str) -> bool:
    """Whether a host name is one of AWS's."""
    return any(host == domain or host.endswith("." + domain) for domain in AWS)


def exemptions(known: str) -> list[str]:
    """Hosts that go round our proxy: this machine, and those of before (`NO_PROXY`) that are none of AWS's.

    An entry that names AWS, or all the world, must come to us; we go straight where it says so (`cli.upstream`).
    """
    entries = [entry.strip() for entry in known.split(",") if entry.strip()]
    return [*THIS_MACHINE, *(entry for entry in entries if entry not in THIS_MACHINE and not _covers_aws(entry))]


def _covers_aws(entry: str) -> bool:
    name = entry.lower().partition(":")[0].removeprefix("*").removeprefix(".").rstrip(".")
    return not name or is_aws(name) or any(domain.endswith("." + name) for domain in AWS)
