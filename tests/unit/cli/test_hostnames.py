from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from potager.cli import hostnames
from potager.kernel.settings import Settings


def test_a_server_on_loopback_is_localhost_and_nothing_else() -> None:
    names = hostnames.of(Settings())
    assert names.domains == ("localhost",)
    assert names.listed == ("localhost", "127.0.0.1", "::1")
    assert [str(network) for network in names.networks] == ["127.0.0.0/8", "::1/128"]


def test_what_it_is_told_comes_on_top() -> None:
    names = hostnames.of(
        Settings(tls_names=("Ml.Example.com.", "10.1.2.3", "fe80::1%eth0"), s3_domain="s3.example.com")
    )
    assert names.domains == ("localhost", "s3.example.com", "ml.example.com")
    assert names.addresses == (ip_address("10.1.2.3"), ip_address("fe80::1"))
    assert "10.1.2.3/32" in [str(network) for network in names.networks]


def test_one_that_others_reach_is_called_as_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Box.lan")
    names = hostnames.of(Settings(host="192.168.7.7"))
    assert names.domains == ("localhost", "box.lan")
    assert names.addresses == (ip_address("192.168.7.7"),)
    monkeypatch.setattr(socket, "gethostname", lambda: "not a name!")
    assert hostnames.of(Settings(host="192.168.7.7")).domains == ("localhost",)


def test_a_wildcard_address_is_never_in_a_certificate() -> None:
    names = hostnames.of(Settings(host="0.0.0.0"))
    assert not any(address.is_unspecified or address.is_loopback for address in names.addresses)
    assert all(network.prefixlen > 7 for network in names.networks)
